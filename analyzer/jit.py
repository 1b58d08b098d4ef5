"""The choice between interpreter and compiled kernel; the only import of numba.

A kernel is a plain function over indexable columns, without a numba import in its file.
Small captures run it as it stands; for large ones the same text is compiled once and
cached on disk, keyed by the sources of the package (numba does not notice an edit in a
helper of another file) and by the versions that shape the machine code.
"""

import os
import sys
from array import array
from collections.abc import Callable
from importlib.util import find_spec
from mmap import mmap
from pathlib import Path
from types import FunctionType
from typing import Any

COMPILE_FROM_OCTETS = 4 << 20
"""Loading numba and the cached kernels takes 0.4 s, in which about so much is interpreted."""
FIRST_COMPILE_FROM_OCTETS = 32 << 20
"""Compiling takes 15 to 25 s, once after install: smaller captures are interpreted before that."""


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
            self.compiled = self._octets >= FIRST_COMPILE_FROM_OCTETS or _cache().exists()

    def run(self, kernel: Callable[..., int], *arguments: Any) -> int:
        """Call `kernel`; views of tables, NamedTuples of them, arrays, buffers and ints may be passed."""
        if not self.compiled:
            return kernel(*arguments)
        return int(_compiled(kernel)(*[_as_numpy(one) for one in arguments]))


def has_numba() -> bool:
    return find_spec("numba") is not None


_kernels: dict[Callable[..., int], Callable[..., int]] = {}


def _compiled(kernel: Callable[..., int]) -> Callable[..., int]:
    if kernel not in _kernels:
        numba = _import_numba()
        _make_callable_from_kernels(kernel, set())
        # Without numba's runtime no reference is counted. Kernels own nothing, and counting every column
        # in every call took eight ninths of the time (1,736 and 195 ns a packet) and half of compiling.
        _kernels[kernel] = numba.njit(cache=True, nogil=True, boundscheck=True, _nrt=False)(kernel)
    return _kernels[kernel]


def _import_numba() -> Any:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import numba

    where = _cache()
    if not where.exists() and sys.stderr.isatty():
        print("ka-analyze: compiling the kernels, once after install …", file=sys.stderr)
    numba.config.CACHE_DIR = str(where)  # type: ignore[attr-defined]  # numba makes its settings at run time
    return numba


def _cache() -> Path:
    """Where the machine code of these sources lies, or will."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "ka-analyze" / _fingerprint()


def _fingerprint() -> str:
    """Hash of the package's sources and of the versions that the machine code depends on."""
    import hashlib
    from importlib import metadata

    digest = hashlib.sha256(sys.version.encode())
    for name in ("numba", "numpy", "llvmlite"):
        digest.update(metadata.version(name).encode())
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _make_callable_from_kernels(function: Callable[..., Any], seen: set[Any]) -> None:
    """Tell numba about the package's own functions that `function` calls, however deep."""
    from numba.extending import register_jitable

    assert isinstance(function, FunctionType)
    for name in function.__code__.co_names:
        helper = function.__globals__.get(name)
        if isinstance(helper, FunctionType) and helper.__module__.startswith("analyzer.") and helper not in seen:
            seen.add(helper)
            _make_callable_from_kernels(helper, seen)
            register_jitable(forceinline=True)(helper)


def _as_numpy(argument: Any) -> Any:
    import numpy as np

    if isinstance(argument, tuple):
        from analyzer.rows import rows_of

        is_view = hasattr(argument, "columns")
        return rows_of(argument) if is_view else type(argument)(*[_as_numpy(one) for one in argument])
    if isinstance(argument, array):
        return np.frombuffer(argument, dtype=argument.typecode) if len(argument) else np.empty(0, argument.typecode)
    if isinstance(argument, bytearray | mmap):
        return np.frombuffer(argument, dtype=np.uint8)
    return argument
