"""Engines for tests: the interpreter, the machine code that is installed, and one that compiles tests' own kernels."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from analyzer.engine import native
from analyzer.engine.compiler.build import link
from analyzer.engine.compiler.codegen import object_code
from analyzer.engine.dispatch import INTERPRETER, Engine

ENGINES = {"interpreted": INTERPRETER, "native": ""}
"""Values of the environment variable that chooses."""


def chosen(is_native: bool) -> Engine:
    """Return one of both; the library is made by conftest.py."""
    if not is_native:
        return Engine()
    library = native.installed()
    assert library is not None, native.why_none()
    return Engine(library)


class _Compiling(native.Library):
    """Makes a library for each kernel when it is first called."""

    def __init__(self) -> None:
        self._functions = {}

    def _function(self, kernel: native.Kernel, types: native.Types, words: int) -> Callable[..., int]:
        level = next(native.levels_here())
        with TemporaryDirectory() as folder:
            code, library = Path(folder, "code.o"), Path(folder, "library.so")
            code.write_bytes(object_code(kernel, types, (level,))[0])
            link((code,), library)
            return native.Library(library)._function(kernel, types, words)


def compiling() -> Engine:
    """Return an engine for kernels that the library does not have."""
    return Engine(_Compiling())
