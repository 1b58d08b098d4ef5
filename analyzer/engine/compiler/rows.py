"""The type of a table in compiled kernels: an address, a number of rows, and columns at known places in a row.

As NamedTuples of arrays a table takes seven words a column wherever it goes, and every access its own stride and bound.
As a type of its own it takes two words, and `table.column[row]` one comparison and one load. `table[row]` is a row's
address: one comparison for all of the row, and then `row.column` one load. What is read is an int64 whatever the
column's width, as it is an int in the interpreter. Negative rows are out of bounds: no kernel counts from the end.

An address is enough for a row. Tables grow between kernels only, since kernels do not allocate, and none returns
anything but a number: a row cannot be left over when its table moves.

Imported by codegen.py; numba finds what it defines by its decorators.
"""

import operator
from collections.abc import Iterator
from typing import Any
from zlib import crc32

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, infer_global, signature
from numba.extending import (
    lower_builtin,
    lower_getattr_generic,
    lower_setattr_generic,
    models,
    register_model,
)

from analyzer.engine.table import OCTETS, PIECES, row_layout

Pieces = tuple[tuple[str, int], ...]
"""Type codes of a value's pieces, and where in a row they lie."""


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
        self.pieces, self.stride = _pieces(typecode, offsets), stride
        super().__init__(name=f"Column({typecode}, {offsets}, {stride})")


class RowType(types.Type):
    """The type of one row."""

    def __init__(self, rows: RowsType) -> None:
        self.pieces = {name: _pieces(*column) for name, column in rows.columns.items()}
        super().__init__(name=f"Row({rows.name})")


def _pieces(typecode: str, offsets: tuple[int, ...]) -> Pieces:
    return tuple(zip(PIECES[typecode], offsets, strict=True))


register_model(RowType)(models.OpaqueModel)


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


@infer_getattr
class _ValueByName(AttributeTemplate):
    key = RowType

    def generic_resolve(self, row: RowType, name: str) -> Any:  # type: ignore[override]  # what numba declares is a stub
        return types.int64 if name in row.pieces else None


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    def generic(self, args: Any, _kws: Any) -> Any:
        indexed, row = args
        if isinstance(indexed, ColumnType) and isinstance(row, types.Integer):
            return signature(types.int64, indexed, types.int64)
        if isinstance(indexed, RowsType) and isinstance(row, types.Integer):
            return signature(RowType(indexed), indexed, types.int64)
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


@lower_builtin(operator.getitem, RowsType, types.int64)
@lower_builtin(operator.getitem, ColumnType, types.int64)
def _get_item(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    of = sig.args[0]
    address = _address(context, builder, of, *args)
    return _load(builder, address, of.pieces) if isinstance(of, ColumnType) else address


@lower_builtin(operator.setitem, ColumnType, types.int64, types.int64)
def _set_item(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    of, (column, row, value) = sig.args[0], args
    _store(builder, _address(context, builder, of, column, row), of.pieces, value)
    return context.get_dummy_value()


@lower_getattr_generic(RowType)
def _get(_context: Any, builder: Any, of: RowType, row: Any, name: str) -> Any:
    return _load(builder, row, of.pieces[name])


@lower_setattr_generic(RowType)
def _set(_context: Any, builder: Any, sig: Any, args: Any, name: str) -> None:
    row, value = args
    _store(builder, row, sig.args[0].pieces[name], value)


def _address(context: Any, builder: Any, of: RowsType | ColumnType, table: Any, row: Any) -> Any:
    """Return the address of a row; IndexError outside of the table."""
    struct = context.make_helper(builder, of, table)
    with builder.if_then(builder.icmp_unsigned(">=", row, struct.room), likely=False):
        context.call_conv.return_user_exc(builder, IndexError, ("row out of the table",))
    return builder.gep(struct.address, [builder.mul(row, row.type(of.stride))])


def _places(builder: Any, address: Any, pieces: Pieces) -> Iterator[tuple[str, Any]]:
    """Yield the type code of each piece of a value, and a pointer to it."""
    for piece, offset in pieces:
        place = builder.gep(address, [ir.IntType(64)(offset)])
        yield piece, builder.bitcast(place, ir.IntType(8 * OCTETS[piece]).as_pointer())


def _load(builder: Any, address: Any, pieces: Pieces) -> Any:
    bits = ir.IntType(64)
    value, begin = bits(0), 0
    for piece, place in _places(builder, address, pieces):
        loaded, size = builder.load(place), 8 * OCTETS[piece]
        if size < bits.width:
            loaded = builder.zext(loaded, bits) if piece.isupper() else builder.sext(loaded, bits)
        value = builder.or_(value, builder.shl(loaded, bits(begin))) if begin else loaded
        begin += size
    return value


def _store(builder: Any, address: Any, pieces: Pieces, value: Any) -> None:
    for piece, place in _places(builder, address, pieces):
        width = ir.IntType(8 * OCTETS[piece])
        builder.store(builder.trunc(value, width) if width.width < 64 else value, place)
        if piece != pieces[-1][0]:
            value = builder.ashr(value, value.type(width.width))
