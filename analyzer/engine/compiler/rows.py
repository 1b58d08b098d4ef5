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
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from zlib import crc32

from llvmlite import ir
from numba.core import types
from numba.core.cgutils import alloca_once_value
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, infer_global, signature
from numba.extending import (
    lower_builtin,
    lower_getattr_generic,
    lower_setattr_generic,
    models,
    register_model,
)

from analyzer.engine.table import BASE, EXACT_NS, MOST, NEVER, OCTETS, PIECES, UNIT_NS, row_layout
from analyzer.schema import ABSENT

INT64 = ir.IntType(64)


class Stored(NamedTuple):
    """How a column's values are stored."""

    typecode: str
    offsets: tuple[int, ...]
    """Where in a row the value's pieces lie."""
    base: int
    """Where the instant lies to which this one is relative; -1 for others."""

    def pieces(self) -> Iterator[tuple[str, int]]:
        """Return type codes and offsets of the pieces, that of the lowest bits first."""
        return zip(PIECES[self.typecode], self.offsets, strict=True)


class RowsType(types.Type):
    """The type of a table's rows, by the layout of its fields."""

    def __init__(self, fields: Any) -> None:
        offsets, self.stride = row_layout(fields)
        [base] = offsets.get(BASE, (ABSENT,))
        self.columns = {
            one.name: Stored(one.typecode, offsets[one.name], base if one.typecode == "E" else ABSENT)
            for one in fields.columns
        }
        layout = crc32(f"{self.columns} {self.stride}".encode())
        super().__init__(name=f"{fields.__name__}_{layout:x}")  # is part of the name of everything compiled for it


class ColumnType(types.Type):
    """The type of one column: where in a row it lies, and how it is stored."""

    def __init__(self, stored: Stored, stride: int) -> None:
        self.stored, self.stride = stored, stride
        super().__init__(name=f"Column({stored}, {stride})")


class RowType(types.Type):
    """The type of one row."""

    def __init__(self, rows: RowsType) -> None:
        self.columns = rows.columns
        super().__init__(name=f"Row({rows.name})")


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
        return ColumnType(rows.columns[name], rows.stride)


@lower_getattr_generic(RowsType)
def _column(_context: Any, _builder: Any, _of: RowsType, rows: Any, _name: str) -> Any:
    return rows


@infer_getattr
class _ValueByName(AttributeTemplate):
    key = RowType

    def generic_resolve(self, row: RowType, name: str) -> Any:  # type: ignore[override]  # what numba declares is a stub
        return types.int64 if name in row.columns else None


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
    return _load(builder, address, of.stored) if isinstance(of, ColumnType) else address


@lower_builtin(operator.setitem, ColumnType, types.int64, types.int64)
def _set_item(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    of, (column, row, value) = sig.args[0], args
    _store(builder, _address(context, builder, of, column, row), of.stored, value)
    return context.get_dummy_value()


@lower_getattr_generic(RowType)
def _get(_context: Any, builder: Any, of: RowType, row: Any, name: str) -> Any:
    return _load(builder, row, of.columns[name])


@lower_setattr_generic(RowType)
def _set(_context: Any, builder: Any, sig: Any, args: Any, name: str) -> None:
    row, value = args
    _store(builder, row, sig.args[0].columns[name], value)


def _address(context: Any, builder: Any, of: RowsType | ColumnType, table: Any, row: Any) -> Any:
    """Return the address of a row; IndexError outside of the table."""
    struct = context.make_helper(builder, of, table)
    with builder.if_then(builder.icmp_unsigned(">=", row, struct.room), likely=False):
        context.call_conv.return_user_exc(builder, IndexError, ("row out of the table",))
    return builder.gep(struct.address, [builder.mul(row, row.type(of.stride))])


def _place(builder: Any, address: Any, typecode: str, offset: int) -> Any:
    """Return a pointer to a piece of a value."""
    place = builder.gep(address, [INT64(offset)])
    return builder.bitcast(place, ir.IntType(8 * OCTETS[typecode]).as_pointer())


def _load(builder: Any, address: Any, stored: Stored) -> Any:
    value, begin = INT64(0), 0
    for piece, offset in stored.pieces():
        loaded, size = builder.load(_place(builder, address, piece, offset)), 8 * OCTETS[piece]
        if size < INT64.width:
            loaded = builder.zext(loaded, INT64) if piece.isupper() else builder.sext(loaded, INT64)
        value = builder.or_(value, builder.shl(loaded, INT64(begin))) if begin else loaded
        begin += size
    if stored.typecode not in "DE":
        return value
    exact, unit, one = INT64(EXACT_NS), INT64(UNIT_NS), INT64(1)
    is_long = builder.icmp_unsigned(">", builder.add(value, exact), INT64(2 * EXACT_NS))

    def stretched(length: Any) -> Any:
        return builder.add(exact, builder.mul(builder.sub(builder.sub(length, exact), one), unit))

    length = _where(builder, is_long, value, stretched)
    if stored.typecode == "D":
        return length
    at = builder.sub(builder.load(_place(builder, address, "q", stored.base)), length)
    return builder.select(builder.icmp_signed("==", value, INT64(NEVER)), INT64(ABSENT), at)


def _store(builder: Any, address: Any, stored: Stored, value: Any) -> None:
    if stored.typecode in "DE":
        value = _code(builder, address, stored, value)
    for piece, offset in stored.pieces():
        width = ir.IntType(8 * OCTETS[piece])
        place = _place(builder, address, piece, offset)
        builder.store(builder.trunc(value, width) if width.width < INT64.width else value, place)
        value = builder.ashr(value, INT64(width.width)) if width.width < INT64.width else value


def _code(builder: Any, address: Any, stored: Stored, value: Any) -> Any:
    """Return what stands for a duration or an earlier instant (`table.coded`)."""
    exact, most, is_absent = INT64(EXACT_NS), INT64(MOST), builder.icmp_signed("==", value, INT64(ABSENT))
    length = value
    if stored.typecode == "E":
        length = builder.sub(builder.load(_place(builder, address, "q", stored.base)), value)
        length = builder.select(is_absent, INT64(0), length)
    is_long = builder.icmp_unsigned(">", builder.add(length, INT64(EXACT_NS - 1)), INT64(2 * EXACT_NS - 2))

    def shortened(length: Any) -> Any:
        units = builder.udiv(builder.sub(length, exact), INT64(UNIT_NS))
        code = builder.add(builder.add(exact, INT64(1)), units)
        return builder.select(builder.icmp_unsigned(">", code, most), most, code)

    code = _where(builder, is_long, length, shortened)
    return code if stored.typecode == "D" else builder.select(is_absent, INT64(NEVER), code)


def _where(builder: Any, is_long: Any, value: Any, convert: Callable[[Any], Any]) -> Any:
    """Return the value, with its length converted where that is long: a branch, since it hardly ever is."""
    found = alloca_once_value(builder, value)
    with builder.if_then(is_long, likely=False):
        is_negative = builder.icmp_signed("<", value, INT64(0))
        length = convert(builder.select(is_negative, builder.neg(value), value))
        builder.store(builder.select(is_negative, builder.neg(length), length), found)
    return builder.load(found)
