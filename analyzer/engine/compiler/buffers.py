"""The type of a buffer in compiled kernels: an address and a number of octets.

What is read is an int64, as it is an int in the interpreter. A number of several octets (`octets.py`) takes one
comparison and one load, not one of each an octet. Negative places are out of bounds: no kernel counts from the end.

Imported by codegen.py; numba finds what it defines by its decorators.
"""

import operator
import sys
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.cgutils import raw_memcpy
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model

from analyzer.engine.octets import copy, i64, u16, u16_little, u32, u32_little

LOADS: dict[Callable[..., int], tuple[int, str]] = {
    u16: (2, "big"),
    u32: (4, "big"),
    i64: (8, "big"),
    u16_little: (2, "little"),
    u32_little: (4, "little"),
}
"""Number of octets that these functions read, and their order."""
INTRINSICS = frozenset((*LOADS, copy))
"""Functions that numba takes from here, and not from their text."""


class BufferType(types.Type):
    """The type of a buffer of octets."""

    def __init__(self) -> None:
        super().__init__(name="Buffer")


BUFFER = BufferType()


@register_model(BufferType)
class _AddressAndLength(models.StructModel):
    def __init__(self, manager: Any, of: types.Type) -> None:
        super().__init__(manager, of, [("address", types.voidptr), ("length", types.intp)])


class _Load(AbstractTemplate):
    def generic(self, args: Any, _kws: Any) -> Any:
        buffer, at = args
        if isinstance(buffer, BufferType) and isinstance(at, types.Integer):
            return signature(types.int64, buffer, types.int64)
        return None


@infer_global(operator.setitem)
class _Store(AbstractTemplate):
    def generic(self, args: Any, _kws: Any) -> Any:
        buffer, at, value = args
        if isinstance(buffer, BufferType) and isinstance(at, types.Integer) and isinstance(value, types.Integer):
            return signature(types.none, buffer, types.int64, types.int64)
        return None


@infer_global(copy)
class _Copy(AbstractTemplate):
    def generic(self, args: Any, _kws: Any) -> Any:
        target, at, source, first, length = args
        integers = (at, first, length)
        if BUFFER == target == source and all(isinstance(one, types.Integer) for one in integers):
            return signature(types.int64, BUFFER, types.int64, BUFFER, types.int64, types.int64)
        return None


def _place(context: Any, builder: Any, buffer: Any, at: Any, octets: int) -> Any:
    """Return a pointer to `octets` octets; IndexError where they are not all within the buffer."""
    struct = context.make_helper(builder, BUFFER, buffer)
    places = builder.sub(struct.length, at.type(octets - 1))
    has_none = builder.icmp_signed("<=", places, at.type(0))
    _refuse(context, builder, builder.or_(has_none, builder.icmp_unsigned(">=", at, places)))
    return builder.bitcast(builder.gep(struct.address, [at]), ir.IntType(8 * octets).as_pointer())


def _refuse(context: Any, builder: Any, is_outside: Any) -> None:
    with builder.if_then(is_outside, likely=False):
        context.call_conv.return_user_exc(builder, IndexError, ("octet out of the buffer",))


@lower_builtin(copy, BufferType, types.int64, BufferType, types.int64, types.int64)
def _copy(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    target, at, source, first, length = args
    places = []
    for buffer, begin in ((target, at), (source, first)):
        struct = context.make_helper(builder, BUFFER, buffer)
        is_too_long = builder.icmp_unsigned(">", length, struct.length)
        is_beyond = builder.icmp_unsigned(">", begin, builder.sub(struct.length, length))
        _refuse(context, builder, builder.or_(is_too_long, is_beyond))
        places.append(builder.gep(struct.address, [begin]))
    raw_memcpy(builder, places[0], places[1], length, 1)
    return builder.add(at, length)


@lower_builtin(operator.setitem, BufferType, types.int64, types.int64)
def _store(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    buffer, at, value = args
    builder.store(builder.trunc(value, ir.IntType(8)), _place(context, builder, buffer, at, 1))
    return context.get_dummy_value()


def _register_intrinsic(function: Callable[..., int], octets: int, order: str) -> None:
    """Teach numba what `function` of a buffer and a place in it reads; IndexError where that is not all within."""
    infer_global(function)(type(f"_Load{octets}", (_Load,), {}))

    @lower_builtin(function, BufferType, types.int64)
    def load(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        buffer, at = args
        value = builder.load(_place(context, builder, buffer, at, octets), align=1)
        if octets > 1 and order != sys.byteorder:
            value = builder.bswap(value)
        return builder.zext(value, ir.IntType(64)) if octets < 8 else value


_register_intrinsic(operator.getitem, 1, sys.byteorder)
for _function, (_octets, _order) in LOADS.items():
    _register_intrinsic(_function, _octets, _order)
