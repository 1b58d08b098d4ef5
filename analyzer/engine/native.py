"""The kernels' machine code: which library of it fits this machine and these sources, how it is loaded and called.

compiler/ makes the libraries when a wheel is built, one for each level of the processor, and puts into their names
what the sources were. They use nothing of Python and nothing of LLVM: ctypes loads them in a few milliseconds. After
an edit the name does not fit any more, and the interpreter serves until `make native` has been run.
"""

import ctypes
import platform
import sys
from array import array
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

Kernel = Callable[..., int]
Types = tuple[Any, ...]
"""Types of a kernel's arguments: int, the type code of an array, b"" for a buffer, the type of a view, a tuple of these
and a NamedTuple's class."""

PACKAGE = Path(__file__).parents[1]
PLACE = Path(__file__).parent
ROOMS = (
    ".",
    *("capture", "capture/decode", "capture/files", "capture/live"),
    *("engine", "engine/compiler"),
    "keepalive",
    *(f"keepalive/{room}" for room in ("context", "model", "settings", "story", "tags", "verdict")),
    "report/json",
    "schema",
    "tcp",
)
"""Folders of the sources that kernels are made of."""
SUFFIX = ".dll" if sys.platform == "win32" else ".so"

OK = 0
"""Status that machine code returns beside its result; any other is an index outside of a table."""

LEVELS = {
    "x86-64-v3": frozenset(("avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe")),
    "x86-64-v2": frozenset(("cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3")),
}
"""Levels of x86-64 processors, the better first, with the flags in /proc/cpuinfo beyond the level below (System V psABI
for x86-64, section 3.1.1)."""
CPUINFO = "/proc/cpuinfo"
CPUINFO_OCTETS = 8192
"""Octets that hold all about the first processor, its flags included."""


class Library:
    """Machine code of many kernels."""

    def __init__(self, path: Path) -> None:
        """Load it; OSError if the system cannot."""
        self._library = ctypes.CDLL(str(path))
        self.level = path.name.removeprefix("kernels-").rpartition("-")[0]
        """The processors that it is for: x86-64-v3."""
        self._functions: dict[tuple[Kernel, Types], Callable[..., int]] = {}

    def call(self, kernel: Kernel, arguments: tuple[Any, ...]) -> int:
        """Call the machine code of `kernel(*arguments)`; views of tables, NamedTuples of them, arrays, buffers and ints
        may be passed.

        Releases the GIL meanwhile. IndexError outside of a table, AttributeError for a kernel that it lacks.
        """
        words: list[int] = []
        held: list[Any] = []
        types = _types(arguments, words, held)
        function = self._functions.get((kernel, types))
        if function is None:
            function = self._functions[kernel, types] = self._function(kernel, types, len(words))
        result, exception = ctypes.c_int64(), ctypes.c_int64()
        if function(ctypes.addressof(result), ctypes.addressof(exception), *words) != OK:
            raise IndexError(f"{kernel.__name__}: outside of what it was given")
        return result.value

    def _function(self, kernel: Kernel, types: Types, words: int) -> Callable[..., int]:
        function = self._library[symbol_of(kernel, types)]
        function.restype = ctypes.c_int32
        function.argtypes = [ctypes.c_int64] * (2 + words)
        return function


def symbol_of(kernel: Kernel, types: Types) -> str:
    """Return the name of a kernel's machine code for arguments of these types."""
    return f"{kernel.__module__}.{kernel.__qualname__}.{crc32(str(types).encode()):08x}"


def types_of(arguments: tuple[Any, ...]) -> Types:
    """Return what a kernel is compiled for."""
    return _types(arguments, [], [])


def _types(arguments: tuple[Any, ...], words: list[int], held: list[Any]) -> Types:
    return tuple(_flatten(one, words, held) for one in arguments)


def _flatten(argument: Any, words: list[int], held: list[Any]) -> Any:
    """Append what machine code gets for it, and what must live as long as the call; return its type."""
    if isinstance(argument, int):
        words.append(argument)
        return int
    if isinstance(argument, array):
        address, length = argument.buffer_info()
        words += (0, 0, length, argument.itemsize, address, length, argument.itemsize)
        return argument.typecode
    if hasattr(argument, "columns"):
        if argument.address is None:
            argument.address = address_of(argument.memory, held) if argument.room else 0
        words += (argument.address, argument.room)
        return type(argument)
    if isinstance(argument, tuple):
        return type(argument), *[_flatten(one, words, held) for one in argument]
    words += (address_of(argument, held), len(argument))
    return b""


def address_of(buffer: Any, held: list[Any]) -> int:
    if not len(buffer):
        return 0
    octet = ctypes.c_char.from_buffer(buffer)  # of an array of that length a type would have to be made
    held.append(octet)
    return ctypes.addressof(octet)


@cache
def installed() -> Library | None:
    """Load the library that fits these sources and this processor; None where there is none, or it cannot be loaded."""
    sources = fingerprint()
    for level in levels_here():
        path = path_of(PLACE, level, sources)
        if path.exists():
            try:
                return Library(path)
            except OSError:  # made for another system, or on a disk from which nothing may be executed
                continue
    return None


def why_none() -> str:
    """Say why `installed` found no library, and how to get one."""
    if any(PLACE.glob(f"kernels-*{SUFFIX}")):
        return "its machine code is of other sources or for another system; `make native` makes it anew"
    return "this installation has no machine code; install it again where there is a C compiler, or ziglang"


def path_of(place: Path, level: str, sources: str) -> Path:
    return place / f"kernels-{level}-{sources}{SUFFIX}"


def levels_built() -> tuple[str, ...]:
    """Return the levels of this architecture's processors for which libraries are made, the best first."""
    machine = platform.machine().lower()
    return tuple(LEVELS) if machine in ("x86_64", "amd64") else (machine,)


def levels_here() -> Iterator[str]:
    """Yield those that run on this very processor.

    Without /proc/cpuinfo that is the lowest. A virtual processor may have less: QEMU's own has no SSSE3, and what it
    lacks would end the process.
    """
    flags, levels = _flags(), levels_built()
    if not flags:
        yield levels[-1]
        return
    for place, level in enumerate(levels):
        if all(LEVELS.get(one, frozenset()) <= flags for one in levels[place:]):
            yield level


def _flags() -> set[str]:
    """Return the flags of the first processor, none where the system does not tell."""
    try:
        with Path(CPUINFO).open("rb", buffering=0) as file:
            lines = file.read(CPUINFO_OCTETS).decode("ascii", "replace").splitlines()
    except OSError:
        return set()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())


def fingerprint() -> str:
    """Return eight hexadecimal digits of all sources of which machine code may be made."""
    digest = 0
    for source in sources():
        digest = crc32(source.read_bytes(), digest)
    return f"{digest:08x}"


def sources() -> list[Path]:
    """Return them in an order that is the same everywhere."""
    return [path for room in ROOMS for path in sorted((PACKAGE / room).glob("*.py"))]
