"""The choice between interpreter and compiled kernel.

A kernel is a plain function over indexable columns, without a numba import in its file. Small captures run it as
it stands; for large ones the same text is compiled, once after install (machine_code.py).
"""

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, TypeVar

COMPILE_FROM_OCTETS = 1 << 20
"""Loading the machine code takes 0.1 s, in which about so much is interpreted."""
FIRST_COMPILE_FROM_OCTETS = 32 << 20
"""Compiling takes 15 to 25 s, once after install: smaller captures are interpreted before that."""


Helper = TypeVar("Helper", bound=Callable[..., Any])


def apart(function: Helper) -> Helper:
    """Mark what a kernel calls in many places: machine code calls it there, too, and has it once.

    All else is put into each place that calls it, which is the faster way for what packets pass through; of what writes
    text it takes three times as long to compile, and gains nothing.
    """
    function.__dict__["is_apart"] = True
    return function


class Engine:
    """Runs kernels: interpreted until the capture turns out large, then compiled.

    Both modes index the same memory, so an analysis can change over between two calls.
    KA_JIT=0 or KA_JIT=1 forces one of them; without numba the interpreter serves.
    """

    def __init__(self) -> None:
        forced = os.environ.get("KA_JIT", "")
        self.compiled = forced == "1"
        self._is_forced = forced in ("0", "1")
        self._octets = 0

    def expect(self, octets: int) -> None:
        """So much capture is about to come; larger captures are compiled from the start."""
        self._octets += octets
        if not self._is_forced and not self.compiled and self._octets >= COMPILE_FROM_OCTETS and has_numba():
            from analyzer import machine_code

            is_first = not machine_code.is_compiled()
            self.compiled = not is_first or self._octets >= FIRST_COMPILE_FROM_OCTETS
            if is_first and self.compiled:
                machine_code.begin_at_the_end()

    @property
    def may_change_over(self) -> bool:
        """It interprets, and nothing keeps it from compiling."""
        return not self.compiled and not self._is_forced and has_numba()

    def run(self, kernel: Callable[..., int], *arguments: Any) -> int:
        """Call `kernel`; views of tables, NamedTuples of them, arrays, buffers and ints may be passed."""
        if not self.compiled:
            return kernel(*arguments)
        from analyzer import machine_code

        return machine_code.call(kernel, arguments)


def has_numba() -> bool:
    return find_spec("numba") is not None
