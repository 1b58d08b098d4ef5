"""The type of a table in compiled kernels: an address, a number of rows, and columns at known places in a row.

As NamedTuples of arrays a table takes seven words a column wherever it goes, and every access its own stride and bound.
As a type of its own it takes two words, and `table.column[row]` one comparison and one load. What is read is an int64
whatever the column's width, as it is an int in the interpreter. Negative rows are out of bounds: no kernel counts from
the end.

Imported by codegen.py; numba finds what it defines by its decorators.
"""

import operator
from typing import Any
from zlib import crc32

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, infer_global, signature
from numba.extending import (
    lower_builtin,
    lower_getattr_generic,
    models,
    register_model,
)

from analyzer.engine.table import OCTETS, PIECES, row_layout


class RowsType(types.Type):
    """The type of a table's rows, by the layout of its fields."""

    def __init__(self, fields: Any) -> None:
        offsets, self.stride = row_layout(fields)
        self.columns = {one.name: (one.typecode, offsets[one.name]) for one in fields.columns}
        layout = crc32(f"{self.columns} {self.stride}".encode())
        super().__init__(name=f"{fields.__name__}_{layout:x}")  # is part of the name of everything compiled for it


class ColumnType(types.Type):
    """The type of one column: where in a row it lies, and how wide it is."""

    def __init__(self, typecode: str, offsets: tuple[int, ...], stride: int) -> None:
        self.pieces, self.stride = tuple(zip(PIECES[typecode], offsets, strict=True)), stride
        super().__init__(name=f"Column({typecode}, {offsets}, {stride})")


@register_model(RowsType)
@register_model(ColumnType)
class _AddressAndRoom(models.StructModel):
    def __init__(self, manager: Any, of: types.Type) -> None:
        super().__init__(manager, of, [("address", types.voidptr), ("room", types.intp)])


@infer_getattr
class _ColumnByName(AttributeTemplate):
    key = RowsType

    def generic_resolve(self, rows: RowsType, name: str) -> Any:  # type: ignore[override]  # what numba declares is a stub
        if name not in rows.columns:
            return None
        return ColumnType(*rows.columns[name], rows.stride)


@lower_getattr_generic(RowsType)
def _column(_context: Any, _builder: Any, _of: RowsType, rows: Any, _name: str) -> Any:
    return rows


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    def generic(self, args: Any, _kws: Any) -> Any:
        column, row = args
        if isinstance(column, ColumnType) and isinstance(row, types.Integer):
            return signature(types.int64, column, types.int64)
        return None


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):
    def generic(self, args: Any, _kws: Any) -> Any:
        column, row, value = args
        if (
            isinstance(column, ColumnType)
            and isinstance(row, types.Integer)
            and isinstance(value, types.Integer | types.Boolean)
        ):
            return signature(types.none, column, types.int64, types.int64)
        return None


def _places(context: Any, builder: Any, of: ColumnType, column: Any, row: Any) -> list[Any]:
    """Return pointers to the value's pieces; IndexError outside of the table."""
    struct = context.make_helper(builder, of, column)
    with builder.if_then(builder.icmp_unsigned(">=", row, struct.room), likely=False):
        context.call_conv.return_user_exc(builder, IndexError, ("row out of the table",))
    begin = builder.mul(row, row.type(of.stride))
    return [
        builder.bitcast(
            builder.gep(struct.address, [builder.add(begin, row.type(offset))]),
            ir.IntType(8 * OCTETS[piece]).as_pointer(),
        )
        for piece, offset in of.pieces
    ]


@lower_builtin(operator.getitem, ColumnType, types.int64)
def _get(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    of, bits = sig.args[0], ir.IntType(64)
    value, begin = bits(0), 0
    for (piece, _), place in zip(of.pieces, _places(context, builder, of, *args), strict=True):
        loaded, size = builder.load(place), 8 * OCTETS[piece]
        if size < bits.width:
            loaded = builder.zext(loaded, bits) if piece.isupper() else builder.sext(loaded, bits)
        value = builder.or_(value, builder.shl(loaded, bits(begin))) if begin else loaded
        begin += size
    return value


@lower_builtin(operator.setitem, ColumnType, types.int64, types.int64)
def _set(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    of, (column, row, value) = sig.args[0], args
    for (piece, _), place in zip(of.pieces, _places(context, builder, of, column, row), strict=True):
        width = ir.IntType(8 * OCTETS[piece])
        builder.store(builder.trunc(value, width) if width.width < 64 else value, place)
        if piece != of.pieces[-1][0]:
            value = builder.ashr(value, value.type(width.width))
    return context.get_dummy_value()
