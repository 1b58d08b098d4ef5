"""Kernels as machine code: where it is kept between runs, how it is loaded and called.

numba makes it once (compiling.py). What it makes refers to nothing outside of itself, so from then on LLVM's
loader and ctypes are enough: 0.05 s and 20 MB, where importing numba and numpy takes 0.35 s and 130 MB. Files
are keyed by the sources of this package (an edit of a helper in another file must count), by numba, LLVM and the
processor, and are put in place whole, so that any number of first runs may go on at once.
"""

import ctypes
import os
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

from analyzer.second_thread import cores

try:
    import fcntl
except ImportError:  # not POSIX: there each process compiles for itself
    fcntl = None  # type: ignore[assignment]

Kernel = Callable[..., int]
Types = tuple[Any, ...]
"""Of a kernel's arguments: int, the type code of an array, b"" for a buffer, the type of a view, a tuple of these
and a NamedTuple's class."""

OK = 0
"""What compiled code returns beside its result; all else is an index outside of a table."""

_functions: dict[tuple[Kernel, Types], "Function"] = {}
_loading = Lock()
"""Two threads run kernels; numba and the loader serve one at a time."""


def call(kernel: Kernel, arguments: tuple[Any, ...]) -> int:
    """As `kernel(*arguments)`; views of tables, NamedTuples of them, arrays, buffers and ints may be passed.

    Releases the GIL meanwhile.
    """
    words: list[int] = []
    held: list[Any] = []
    types = _types(arguments, words, held)
    function = _functions.get((kernel, types))
    if function is None:
        with _loading:
            function = _functions.get((kernel, types)) or Function(kernel, types, len(words))
            _functions[kernel, types] = function
    return function(words)


def types_of(arguments: tuple[Any, ...]) -> Types:
    """What a kernel is compiled for."""
    return _types(arguments, [], [])


def _types(arguments: tuple[Any, ...], words: list[int], held: list[Any]) -> Types:
    return tuple(_flatten(one, words, held) for one in arguments)


def _flatten(argument: Any, words: list[int], held: list[Any]) -> Any:
    """Append what compiled code gets for it, and what must live as long as the call; returns its type."""
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
    octets = (ctypes.c_char * len(buffer)).from_buffer(buffer)
    held.append(octets)
    return ctypes.addressof(octets)


class Function:
    """A kernel's machine code for arguments of these types."""

    def __init__(self, kernel: Kernel, types: Types, words: int) -> None:
        self._name = kernel.__name__
        symbol, code = stored(kernel, types)
        integers = [ctypes.c_int64] * (2 + words)
        self._function = ctypes.CFUNCTYPE(ctypes.c_int32, *integers)(_Loader.load(symbol, code))

    def __call__(self, words: list[int]) -> int:
        result, exception = ctypes.c_int64(), ctypes.c_int64()
        if self._function(ctypes.addressof(result), ctypes.addressof(exception), *words) != OK:
            raise IndexError(f"{self._name}: outside of what it was given")
        return result.value


class _Loader:
    """LLVM's: object code in, address out."""

    _engine: Any = None

    @classmethod
    def load(cls, symbol: str, code: bytes) -> int:
        import llvmlite.binding as llvm

        if cls._engine is None:
            llvm.initialize_native_target()
            llvm.initialize_native_asmprinter()
            machine = llvm.Target.from_default_triple().create_target_machine(jit=True, codemodel="jitdefault")
            cls._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        cls._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        cls._engine.finalize_object()
        address: int = cls._engine.get_function_address(symbol)
        return address


def stored(kernel: Kernel, types: Types) -> tuple[str, bytes]:
    """Symbol and object code, from the disk, or compiled and put there; waits where another process is at it."""
    path = _path(kernel, types)
    kept = _kept(path)
    if kept is not None:
        return kept
    with _only_one(path, waits=True):
        return _kept(path) or _made(kernel, types, path)


def make(kernel: Kernel, types: Types) -> None:
    """Compile it, unless that has been done, or another process is at it."""
    path = _path(kernel, types)
    with _only_one(path, waits=False) as is_mine:
        if is_mine and _kept(path) is None:
            _made(kernel, types, path)


def _path(kernel: Kernel, types: Types) -> Path:
    named = f"{kernel.__module__}.{kernel.__qualname__} {types}"
    return place() / f"{kernel.__name__}-{sha256(named.encode()).hexdigest()[:16]}"


def _kept(path: Path) -> tuple[str, bytes] | None:
    try:
        return unpacked(path.read_bytes())
    except (OSError, ValueError):  # not there yet, or not whole
        return None


def _made(kernel: Kernel, types: Types, path: Path) -> tuple[str, bytes]:
    from analyzer import compiling

    symbol, code = compiling.object_code(kernel, types)
    keep(path, packed(symbol, code))
    return symbol, code


@contextmanager
def _only_one(path: Path, waits: bool) -> Iterator[bool]:
    """Whether no other process makes the same; without locks or a disk to write to nobody knows of others."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = path.with_suffix(".lock").open("wb")
    except OSError:
        yield True
        return
    with lock:
        try:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        except OSError:
            yield waits  # a disk without locks
            return
        yield True


def begin_at_the_end() -> None:
    """Have another process compile, the kernels that are needed last first, where there is a processor for it."""
    if cores() > 1:
        nothing = subprocess.DEVNULL
        subprocess.Popen([sys.executable, "-m", "analyzer.ahead"], stdin=nothing, stdout=nothing, stderr=nothing)


def packed(symbol: str, code: bytes) -> bytes:
    return f"{sha256(symbol.encode() + code).hexdigest()} {symbol}\n".encode() + code


def unpacked(octets: bytes) -> tuple[str, bytes]:
    """ValueError if it is not what was packed: what is damaged must not be run."""
    head, _, code = octets.partition(b"\n")
    digest, symbol = head.decode().split(" ")
    if digest != sha256(symbol.encode() + code).hexdigest():
        raise ValueError("damaged")
    return symbol, code


def keep(path: Path, octets: bytes) -> None:
    """Whole or not at all; where the disk is full or read-only the next run compiles again."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(octets)
        Path(file.name).replace(path)
    except OSError:
        return


def is_compiled() -> bool:
    """This version has been compiled before, or has begun to be."""
    return place().is_dir()


@cache
def place() -> Path:
    """The directory for the machine code of these sources; a home that cannot be written to is passed over."""
    user = os.getuid() if os.name == "posix" else 0
    for directory in (_in_home(), Path(tempfile.gettempdir()) / f"ka-analyze-{user}"):
        if directory is not None and is_ours(directory):
            return directory / fingerprint()
    return Path(tempfile.mkdtemp(prefix="ka-analyze-"))


def _in_home() -> Path | None:
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "ka-analyze"
    except RuntimeError:  # nobody's home
        return None


def is_ours(directory: Path) -> bool:
    """Can be written to, by nobody else: what lies there will be run."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.stat()
    except OSError:
        return False
    is_shared = os.name == "posix" and (status.st_uid != os.getuid() or status.st_mode & 0o022)
    return not is_shared and os.access(directory, os.W_OK)


@cache
def fingerprint() -> str:
    """Of all that the machine code depends on."""
    import llvmlite
    import llvmlite.binding as llvm

    digest = sha256(sys.version.encode())
    digest.update(llvmlite.__version__.encode())
    digest.update(f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}".encode())
    found = find_spec("numba")
    if found is not None and found.origin is not None:
        digest.update(str(Path(found.origin).stat().st_mtime_ns).encode())
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
