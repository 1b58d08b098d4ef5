"""Compiled kernels without a pause in the capture.

Interpreted kernels are fast enough for most networks, but not for 30,000 frames a second. Machine code that is
in the cache is loaded before the capture begins; where there is none, another process makes it meanwhile.
"""

import os
import subprocess
import sys

from analyzer import machine_code
from analyzer.ahead import load
from analyzer.jit import Engine, has_numba

NICE = 19


class Compiling:
    """`look` changes the engine over when the machine code is there."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> str:
        """Load, or have it made; says in a line what the matter is, "" for nothing."""
        if not has_numba():
            return "numba is not installed: beyond some 20,000 frames a second the kernel will drop frames"
        if not self._engine.may_change_over:
            return ""
        if machine_code.is_compiled():
            self._change_over()
            return ""
        words = [sys.executable, "-m", "analyzer.ahead"]
        self._process = subprocess.Popen(  # noqa: S603  # this program itself
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lambda: os.nice(NICE),  # noqa: PLW1509  # no thread has been started yet
        )
        return "compiling the kernels meanwhile, once after install"

    def look(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            is_made = self._process.returncode == 0
            self._process = None
            if is_made:
                self._change_over()

    def _change_over(self) -> None:
        self._engine.compiled = True
        load(self._engine)

    def close(self) -> None:
        """What is half made is left to be made another time."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
