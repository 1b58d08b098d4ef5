"""From a kernel's text to object code, by numba. Imported when there is none on the disk yet.

Without numba's runtime no reference is counted: kernels own nothing, and counting every column in every call took
eight ninths of the time. Helpers are inlined, and bounds are checked: captures are hostile.
"""

import os
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # whose threads take time to start and are never used

from numba.core import compiler, types
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.extending import register_jitable

from analyzer.rows import RowsType

ARRAYS: dict[str, Any] = {"i": types.int32, "q": types.int64}

_seen: set[Callable[..., Any]] = set()


def object_code(kernel: Callable[..., int], argument_types: tuple[Any, ...]) -> tuple[str, bytes]:
    """The symbol of the kernel's function, and an object file that contains it and refers to nothing else.

    The function takes where to put the result and an exception, then arguments as machine_code.py passes
    them, and returns 0 or why there is no result.
    """
    if not _seen:
        print("ka-analyze: compiling, once after install: up to half a minute …", file=sys.stderr)
    _make_callable_from_kernels(kernel)
    flags: Any = compiler.Flags()  # whose options are descriptors
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    flags.boundscheck = True
    with global_compiler_lock:
        context = cpu_target.target_context
        cpu_target.typing_context.refresh()
        context.refresh()
        library = context.codegen().create_library(kernel.__name__)
        library.enable_object_caching()
        given = tuple(map(_numba_type, argument_types))
        result = compiler.compile_extra(
            cpu_target.typing_context, context, kernel, given, types.int64, flags, {}, library=library
        )
        library.finalize()
        symbol: str = result.fndesc.llvm_func_name
        library.get_pointer_to_function(symbol)  # makes LLVM emit it
        code: bytes = library._get_compiled_object()
    return symbol, code


def _numba_type(of: Any) -> Any:
    if of is int:
        return types.int64
    if of == b"":
        return types.Array(types.uint8, 1, "C")
    if isinstance(of, str):
        return types.Array(ARRAYS[of], 1, "C")
    if isinstance(of, tuple):
        return types.NamedTuple(list(map(_numba_type, of[1:])), of[0])
    return RowsType(of)


def _make_callable_from_kernels(function: Callable[..., Any]) -> None:
    """Tell numba about the package's own functions that `function` calls, however deep."""
    assert isinstance(function, FunctionType)
    _seen.add(function)
    for name in function.__code__.co_names:
        helper = function.__globals__.get(name)
        if isinstance(helper, FunctionType) and helper.__module__.startswith("analyzer.") and helper not in _seen:
            _make_callable_from_kernels(helper)
            register_jitable(forceinline=True)(helper)
