"""The translation of a kernel's text to object code, by numba.

Kernels own nothing, so numba's runtime is left out: counting references to every column in every call took eight ninths
of the time. Bounds are checked: captures are hostile. What a kernel calls of this package is compiled into the kernel's
own module and inlined there. As functions of their own, each with its wrappers and its machine code, which numba makes
of what is registered as overload, they took two thirds of the time of compiling.
"""

import os
from collections.abc import Callable
from types import FunctionType
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # whose threads take time to start and are never used

import llvmlite.binding as llvm
from numba.core import compiler, types
from numba.core.registry import cpu_target
from numba.core.typing.templates import AbstractTemplate

from analyzer.engine.compiler.buffers import BUFFER, INTRINSICS
from analyzer.engine.compiler.rows import RowsType
from analyzer.engine.native import Kernel, Types, symbol_of

SPEED_LEVEL = 2
"""Level of LLVM's optimiser; the next one takes a fifth longer and gains nothing."""

ARRAYS: dict[str, Any] = {"i": types.int32, "q": types.int64}


def object_code(kernel: Kernel, argument_types: Types, levels: tuple[str, ...]) -> list[bytes]:
    """Return an object file for each level of processor, which defines `symbol_of` the kernel and refers to nothing
    but what every C library has.

    The function takes where to put the result and an exception, then arguments as native.py passes them, and returns
    0 or why there is no result.
    """
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()
    given = tuple(map(_numba_type, argument_types))
    bitcode = _Module(kernel.__name__).bitcode(kernel, given, symbol_of(kernel, argument_types))
    return [_emit(bitcode, level) for level in levels]


def _emit(bitcode: bytes, level: str) -> bytes:
    """Optimise and translate bitcode to an object file; position-independent, since it goes into a library."""
    cpu = level if level.startswith("x86-64") else "generic"
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=cpu, features="", opt=SPEED_LEVEL, reloc="pic", codemodel="default"
    )
    module = llvm.parse_bitcode(bitcode)
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=SPEED_LEVEL))
    passes.getModulePassManager().run(module, passes)
    code: bytes = machine.emit_object(module)
    return code


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

    def bitcode(self, kernel: Kernel, argument_types: tuple[Any, ...], symbol: str) -> bytes:
        helpers = called_by(kernel, set())
        for helper in helpers:
            cpu_target.typing_context.insert_user_function(helper, self._call_of(helper))
        try:
            name: str = self._add(kernel, argument_types, types.int64).fndesc.llvm_func_name
        finally:
            for helper in helpers:
                cpu_target.typing_context._remove_global(helper)
        module = self._library._final_module
        for library in dict.fromkeys(self._library._linking_libraries):  # those of numba's max, abs and the like
            module.link_in(library._get_module_for_linking(), preserve=True)
        for function in module.functions:  # removes what was inlined, and keeps kernels' names apart
            if not function.is_declaration:
                function.linkage = "internal"
        for variable in module.global_variables:
            if not variable.is_declaration:
                variable.linkage = "internal"
        function = module.get_function(name)
        function.name, function.linkage = symbol, "external"
        made: bytes = module.as_bitcode()
        return made

    def _add(self, function: Callable[..., Any], argument_types: tuple[Any, ...], returns: Any = None) -> Any:
        flags: Any = compiler.Flags()  # whose options are descriptors
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        flags.boundscheck = True
        flags.forceinline = returns is None and not hasattr(function, "is_not_inlined")
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
        """Make the template from which numba infers the type of a call of `helper`: it compiles the helper for the
        arguments."""
        add = self._add
        signatures: dict[Any, Any] = {}

        class Call(AbstractTemplate):
            key = helper

            def generic(self, args: Any, _kws: Any) -> Any:
                given = tuple(types.int64 if isinstance(one, types.Integer | types.Boolean) else one for one in args)
                if given not in signatures:
                    made = add(helper, given)
                    cpu_target.target_context.insert_user_function(made.fndesc.llvm_func_name, made.fndesc)
                    signatures[given] = made.signature, made.fndesc.llvm_func_name
                return signatures[given][0]

            def get_impl_key(self, sig: Any) -> Any:
                return signatures[sig.args][1]

        return Call


def called_by(function: Callable[..., Any], seen: set[Any]) -> set[Any]:
    """Return the package's own functions that `function` calls, however deep, and those seen before."""
    assert isinstance(function, FunctionType)
    for name in function.__code__.co_names:
        helper = function.__globals__.get(name)
        if not isinstance(helper, FunctionType) or helper in seen or helper in INTRINSICS:
            continue
        if helper.__module__.startswith("analyzer."):
            seen.add(helper)
            called_by(helper, seen)
    return seen
