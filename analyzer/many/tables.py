"""Tables as numpy arrays, and rows chosen from them; what joining whole tables needs."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from analyzer.engine.table import BASE, EXACT_NS, MOST, NEVER, OCTETS, PIECES, UNIT_NS, Table, row_layout
from analyzer.schema import ABSENT


@cache
def dtype_of(fields: Any) -> Any:
    """Return the numpy type of a row, as table.py lays it out; the upper pieces of a column have fields of
    their own, with + behind its name."""
    offsets, stride = row_layout(fields)
    pieces = [
        (column.name + "+" * number, piece, offset)
        for column in fields.columns
        for number, (piece, offset) in enumerate(zip(PIECES[column.typecode], offsets[column.name], strict=True))
    ]
    names, formats, places = zip(*pieces, strict=True)
    return np.dtype({"names": names, "formats": formats, "offsets": places, "itemsize": stride})


def column(rows: Any, fields: Any, name: str, places: Any = ...) -> Any:
    """Return a column of such rows, or of those at these places. One that is not stored as it is read is a copy, which
    cannot be written."""
    [typecode] = (one.typecode for one in fields.columns if one.name == name)
    values, bits = rows[name][places], 0
    if len(PIECES[typecode]) == 1:
        return values
    values = values.astype("q")
    for number, piece in enumerate(PIECES[typecode][:-1], 1):
        bits += 8 * OCTETS[piece]
        values |= rows[name + "+" * number][places].astype("q") << bits
    if typecode in "DE":
        lengths = np.abs(values)
        lengths = np.where(lengths > EXACT_NS, EXACT_NS + (lengths - EXACT_NS - 1) * UNIT_NS, lengths)
        never, values = values == NEVER, np.where(values < 0, -lengths, lengths)
        if typecode == "E":
            values = np.where(never, ABSENT, rows[BASE][places] - values)
    values.flags.writeable = False
    return values


def put(rows: Any, fields: Any, name: str, places: Any, values: Any) -> None:
    """Write values of a column."""
    [typecode] = (one.typecode for one in fields.columns if one.name == name)
    if typecode in "DE":
        before = rows[BASE][places] - values if typecode == "E" else values
        lengths = np.abs(before)
        units = np.minimum(EXACT_NS + 1 + (lengths - EXACT_NS) // UNIT_NS, MOST)
        lengths = np.where(lengths >= EXACT_NS, units, lengths)
        codes = np.where(before < 0, -lengths, lengths)
        values = np.where(values == ABSENT, NEVER, codes) if typecode == "E" else codes
    for number, piece in enumerate(PIECES[typecode][:-1]):
        bits = 8 * OCTETS[piece]
        rows[name + "+" * number][places] = values & (1 << bits) - 1
        values = values >> bits
    rows[name + "+" * (len(PIECES[typecode]) - 1)][places] = values


def records(table: Table) -> Any:
    """Return the rows in use, without a copy: drop the result before the table grows."""
    return np.frombuffer(table.octets, dtype_of(table.fields), table.rows) if table.rows else _none(table.fields)


class Arrays:
    """The rows in use column by column, each made when it is asked for; drop it before the table grows."""

    def __init__(self, table: Table) -> None:
        self._fields, self._rows = table.fields, records(table)

    def __getattr__(self, name: str) -> Any:
        return column(self._rows, self._fields, name)

    def __iter__(self) -> Iterator[Any]:
        return (column(self._rows, self._fields, name) for name in self._fields._fields)


def arrays(table: Table) -> Any:
    """Return the rows in use column by column; what is stored as it is read is no copy."""
    return Arrays(table)


def add(table: Table, name: str, more: int) -> None:
    """Add a number to all values of a column."""
    put(records(table), table.fields, name, ..., getattr(arrays(table), name) + more)


def take(table: Table, rows: Any) -> Table:
    """Return another table with these rows (indices, or one bool a row)."""
    return table_of(table.fields, records(table)[rows])


def copy_of(table: Table) -> Table:
    made = Table(table.fields)
    made.extend(table)
    return made


def table_of(fields: Any, rows: Any) -> Table:
    made = Table(fields)
    made.reserve(len(rows))
    made.rows = len(rows)
    records(made)[:] = rows
    return made


def _none(fields: Any) -> Any:
    return np.empty(0, dtype_of(fields))
