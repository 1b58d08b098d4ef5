"""The build of the libraries: each kernel by itself, on all processors, and linked by the system's C compiler.

Object files are kept under what they were made of, so that after an edit only the kernels that it concerns are compiled
again. A kernel's library holds nothing of Python, so one wheel serves every Python.
"""

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from analyzer.engine.compiler.codegen import called_by, object_code
from analyzer.engine.compiler.kernels import all_kernels
from analyzer.engine.native import PACKAGE, PLACE, SUFFIX, Kernel, Types, fingerprint, levels_built, path_of, symbol_of
from analyzer.engine.prefetch import cores
from analyzer.engine.table import row_layout

OBJECTS = PACKAGE.parent / "build" / "kernels"
ALONE = ("-shared", "-nostdlib", "-Wl,--build-id=none") if sys.platform == "linux" else ("-shared",)
"""Options that keep the C library's own start code out: a kernel calls memcpy at most, which every process has."""


class CannotLinkError(Exception):
    """Raised where there is no linker, or it failed."""


def build(place: Path = PLACE, objects: Path = OBJECTS) -> list[Path]:
    """Make a library for each level of processor in `place`, and remove those made of other sources.

    Raises CannotLinkError.
    """
    linker()  # before a minute is spent on what could not be linked
    levels, sources = levels_built(), fingerprint()
    made = _object_files(objects, levels)
    libraries = [path_of(place, level, sources) for level in levels]
    for library, files in zip(libraries, zip(*made, strict=True), strict=True):
        link(files, library)
    for other in set(place.glob(f"kernels-*{SUFFIX}")) - set(libraries):
        other.unlink()
    return libraries


def linker() -> list[str]:
    """Return the command that links: the C compiler, or the one that ziglang brings. Raises CannotLinkError."""
    for name in filter(None, (os.environ.get("CC"), "cc", "gcc", "clang")):
        if shutil.which(name.split()[0]):
            return name.split()
    if find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc"]
    raise CannotLinkError("no C compiler (cc, gcc, clang, or the package ziglang) links the machine code")


def link(files: tuple[Path, ...], library: Path) -> None:
    """Make a library of object files, whole or not at all: it may be in use, or wanted by several at once.

    Raises CannotLinkError.
    """
    command = linker()
    partial = library.with_suffix(f".{os.getpid()}")
    done = subprocess.run(  # noqa: S603  # what links, and files of ours
        [*command, *ALONE, "-o", str(partial), *map(str, files)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        partial.unlink(missing_ok=True)
        raise CannotLinkError(f"{command[0]} does not link the machine code: {done.stderr.strip()}")
    partial.replace(library)


def _object_files(objects: Path, levels: tuple[str, ...]) -> list[tuple[Path, ...]]:
    """Return a file for each level of each kernel; what is missing is compiled, the longest first."""
    objects.mkdir(parents=True, exist_ok=True)
    kernels = _kernels()
    found = [tuple(objects / f"{_digest(*one)}-{level}.o" for level in levels) for one in kernels]
    missing = [number for number, files in enumerate(found) if not all(file.exists() for file in files)]
    missing.sort(key=lambda number: -_size(kernels[number][0]))
    if missing:
        with ProcessPoolExecutor(min(cores(), len(missing)), initializer=gc.disable) as pool:  # nothing becomes garbage
            for number, codes in zip(missing, pool.map(_compile, missing, [levels] * len(missing)), strict=True):
                for file, code in zip(found[number], codes, strict=True):
                    _put(file, code)
    needed = {file for files in found for file in files}
    for other in set(objects.glob("*.o")) - needed:
        other.unlink(missing_ok=True)
    return found


def _put(file: Path, code: bytes) -> None:
    partial = file.with_suffix(f".{os.getpid()}")
    partial.write_bytes(code)
    partial.replace(file)


@cache
def _kernels() -> list[tuple[Kernel, Types]]:
    return all_kernels()


def _compile(number: int, levels: tuple[str, ...]) -> list[bytes]:
    """Compile a kernel in another process: by number, since each process finds the same kernels in the same order."""
    return object_code(*_kernels()[number], levels)


def _size(kernel: Kernel) -> int:
    called: set[Any] = {kernel, *called_by(kernel, set())}
    return sum(len(one.__code__.co_code) for one in called)


def _digest(kernel: Kernel, types: Types) -> str:
    """Return what an object file depends on: bytecode and constants of all that goes in, layouts, and the compiler."""
    digest = sha256(f"{symbol_of(kernel, types)} {sys.version} {_compiler()} {_layout(types)}".encode())
    called: set[Any] = {kernel, *called_by(kernel, set())}
    for one in sorted(called, key=lambda one: (one.__module__, one.__qualname__)):
        code = one.__code__
        digest.update(f"{one.__qualname__} {vars(one)} {code.co_code!r} {code.co_consts} {code.co_varnames}".encode())
        digest.update("".join(_globals(one)).encode())
    return digest.hexdigest()[:16]


def _globals(function: FunctionType) -> Iterator[str]:
    """Yield the constants that it reads by name, those of modules, too."""
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType):
            yield f"{name} {sorted((key, one) for key, one in vars(value).items() if isinstance(one, int))} "
        elif not callable(value):
            yield f"{name} {value} "


def _layout(types: Any) -> str:
    """Return where in their rows the columns of all tables among `types` lie."""
    if isinstance(types, tuple):
        return " ".join(map(_layout, types))
    return f"{types.columns} {row_layout(types)}" if hasattr(types, "columns") else ""


@cache
def _compiler() -> str:
    """Return the compiler's versions, and its sources here."""
    here = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return f"{version('numba')} {version('llvmlite')} {sha256(here).hexdigest()}"
