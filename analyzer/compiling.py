"""From a kernel's text to object code, by numba. Imported when there is none on the disk yet.

Kernels own nothing, so numba's runtime is left out: counting references to every column in every call took eight
ninths of the time. Bounds are checked: captures are hostile. What a kernel calls of this package is compiled
into the kernel's own module and inlined there. As functions of their own, each with its wrappers and its machine code,
which numba makes of what is registered as overload, they took two thirds of the time of compiling.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FunctionType
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # whose threads take time to start and are never used

import llvmlite.binding as llvm
from numba.core import compiler, types
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.core.typing.templates import AbstractTemplate

from analyzer.buffers import BUFFER, TAUGHT
from analyzer.rows import RowsType

SPEED_LEVEL = 2
"""Of LLVM's optimiser; the next one takes a fifth longer and gains nothing."""
ROOM = 300_000
"""Values on the interpreter's stack. CPython (pystate.c push_chunk) takes a piece for the next power of two of octets,
so that a third of it and more is left."""

ARRAYS: dict[str, Any] = {"i": types.int32, "q": types.int64}


def object_code(kernel: Callable[..., int], argument_types: tuple[Any, ...]) -> tuple[str, bytes]:
    """The symbol of the kernel's function, and an object file that contains it and refers to nothing else.

    The function takes where to put the result and an exception, then arguments as machine_code.py passes
    them, and returns 0 or why there is no result.
    """
    _tell()
    with global_compiler_lock, _no_look_for_garbage():
        cpu_target.typing_context.refresh()
        cpu_target.target_context.refresh()
        given = tuple(map(_numba_type, argument_types))
        made: tuple[str, bytes] = _with_room(_Module(kernel.__name__).object_code, kernel, given)
        return made


def _with_room(function: Callable[..., Any], *arguments: Any) -> Any:
    """With room on the interpreter's stack for all that is called: its pieces have 16 KiB, and a call that begins
    one takes memory from the system and gives it back. That were a million times, an eighth of the time."""
    return function(*arguments)


_with_room.__code__ = _with_room.__code__.replace(co_stacksize=ROOM)


@contextmanager
def _no_look_for_garbage() -> Iterator[None]:
    """What numba makes of a kernel is many objects, and none of them is garbage until it is done: a tenth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@cache
def _tell() -> None:
    print("ka-analyze: compiling, once after install: up to half a minute …", file=sys.stderr)


def _numba_type(of: Any) -> Any:
    if of is int:
        return types.int64
    if of == b"":
        return BUFFER
    if isinstance(of, str):
        return types.Array(ARRAYS[of], 1, "C")
    if isinstance(of, tuple):
        return types.NamedTuple(list(map(_numba_type, of[1:])), of[0])
    return RowsType(of)


class _Module:
    """A kernel and all that it calls of this package."""

    def __init__(self, name: str) -> None:
        self._library = cpu_target.target_context.codegen().create_library(name)
        self._helpers: list[str] = []

    def object_code(self, kernel: Callable[..., int], argument_types: tuple[Any, ...]) -> tuple[str, bytes]:
        helpers = called_by(kernel, set())
        for helper in helpers:
            cpu_target.typing_context.insert_user_function(helper, self._call_of(helper))
        try:
            symbol: str = self._add(kernel, argument_types, types.int64).fndesc.llvm_func_name
        finally:
            for helper in helpers:
                cpu_target.typing_context._remove_global(helper)
        module = self._library._final_module
        for library in dict.fromkeys(self._library._linking_libraries):  # of what numba has for max, abs and the like
            module.link_in(library._get_module_for_linking(), preserve=True)
        for name in self._helpers:
            module.get_function(name).linkage = "internal"  # so that nothing is left of what is inlined
        machine = self._library.codegen._tm
        passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=SPEED_LEVEL))
        passes.getModulePassManager().run(module, passes)
        return symbol, machine.emit_object(module)

    def _add(self, function: Callable[..., Any], argument_types: tuple[Any, ...], returns: Any = None) -> Any:
        flags: Any = compiler.Flags()  # whose options are descriptors
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        flags.boundscheck = True
        flags.forceinline = returns is None and not hasattr(function, "is_apart")
        return compiler.compile_extra(
            cpu_target.typing_context,
            cpu_target.target_context,
            function,
            argument_types,
            returns,
            flags,
            {},
            library=self._library,
        )

    def _call_of(self, helper: Callable[..., Any]) -> Any:
        """What numba asks for the type of a call of `helper`: compiles it for these arguments."""
        add, helpers = self._add, self._helpers
        signatures: dict[Any, Any] = {}

        class Call(AbstractTemplate):
            key = helper

            def generic(self, args: Any, _kws: Any) -> Any:
                given = tuple(types.int64 if isinstance(one, types.Integer | types.Boolean) else one for one in args)
                if given not in signatures:
                    made = add(helper, given)
                    helpers.append(made.fndesc.llvm_func_name)
                    cpu_target.target_context.insert_user_function(made.fndesc.llvm_func_name, made.fndesc)
                    signatures[given] = made.signature, made.fndesc.llvm_func_name
                return signatures[given][0]

            def get_impl_key(self, sig: Any) -> Any:
                return signatures[sig.args][1]

        return Call


def called_by(function: Callable[..., Any], seen: set[Any]) -> set[Any]:
    """The package's own functions that `function` calls, however deep, and those seen before."""
    assert isinstance(function, FunctionType)
    for name in function.__code__.co_names:
        helper = function.__globals__.get(name)
        if not isinstance(helper, FunctionType) or helper in seen or helper in TAUGHT:
            continue
        if helper.__module__.startswith("analyzer."):
            seen.add(helper)
            called_by(helper, seen)
    return seen
