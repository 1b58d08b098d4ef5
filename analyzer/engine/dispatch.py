"""The choice between machine code and interpreter.

A kernel is a plain function over indexable columns, without a numba import in its file. Its machine code is made with
the wheel (compiler/) and found in a library (native.py); without one the interpreter runs the same text on the same
memory, some thirty times as slowly.
"""

import os
from collections.abc import Callable
from typing import Any, TypeVar

from analyzer.engine import native

SWITCH = "KA_ENGINE"
INTERPRETER = "interpreter"
"""The value of the environment variable that forces the interpreter."""

Helper = TypeVar("Helper", bound=Callable[..., Any])


def not_inlined(function: Helper) -> Helper:
    """Mark a helper that kernels call in many places: machine code has it once and calls it.

    All other helpers are inlined at each call, which is faster for what every packet passes through; for helpers that
    write text, inlining triples the time of compiling and gains nothing.
    """
    function.__dict__["is_not_inlined"] = True
    return function


class Engine:
    """Runs kernels: as machine code where there is some, else in the interpreter."""

    def __init__(self, library: native.Library | None = None) -> None:
        """Run kernels from this library; without one in the interpreter."""
        self.library = library

    def __reduce__(self) -> tuple[Callable[[], "Engine"], tuple[()]]:
        """Pickle without the library: the other process uses what is installed there."""
        return (new_engine if self.is_native else Engine), ()

    @property
    def is_native(self) -> bool:
        return self.library is not None

    def run(self, kernel: Callable[..., int], *arguments: Any) -> int:
        """Call `kernel`; views of tables, NamedTuples of them, arrays, buffers and ints may be passed."""
        if self.library is None:
            return kernel(*arguments)
        return self.library.call(kernel, arguments)


def is_interpreter_forced() -> bool:
    return os.environ.get(SWITCH) == INTERPRETER


def new_engine() -> Engine:
    """Make the engine that this machine and KA_ENGINE allow."""
    return Engine(None if is_interpreter_forced() else native.installed())
