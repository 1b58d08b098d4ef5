"""Tables as numpy arrays, and rows chosen from them; what joining whole tables needs."""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from analyzer.engine.table import PIECES, Table, row_layout


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


def column(rows: Any, name: str, places: Any = ...) -> Any:
    """Return a column of such rows, or of those at these places. One in several pieces is put together as a copy, which
    cannot be written."""
    lowest, *above = _pieces(rows, name)
    if not above:
        return rows[name][places]
    values, bits = rows[lowest][places].astype("q"), 0
    for below, piece in pairwise((lowest, *above)):
        bits += 8 * rows.dtype[below].itemsize
        values |= rows[piece][places].astype("q") << bits
    values.flags.writeable = False
    return values


def put(rows: Any, name: str, places: Any, values: Any) -> None:
    """Write values of a column."""
    *below, highest = _pieces(rows, name)
    for piece in below:
        bits = 8 * rows.dtype[piece].itemsize
        rows[piece][places] = values & (1 << bits) - 1
        values = values >> bits
    rows[highest][places] = values


def _pieces(rows: Any, name: str) -> list[str]:
    """Return the names of a column's pieces, that of the lowest bits first."""
    return [name + plus for plus in ("", "+", "++") if name + plus in rows.dtype.names]


def records(table: Table) -> Any:
    """Return the rows in use, without a copy: drop the result before the table grows."""
    return np.frombuffer(table.octets, dtype_of(table.fields), table.rows) if table.rows else _none(table.fields)


class Arrays:
    """The rows in use column by column, each made when it is asked for; drop it before the table grows."""

    def __init__(self, table: Table) -> None:
        self._fields, self._rows = table.fields, records(table)

    def __getattr__(self, name: str) -> Any:
        return column(self._rows, name)

    def __iter__(self) -> Iterator[Any]:
        return (column(self._rows, name) for name in self._fields._fields)


def arrays(table: Table) -> Any:
    """Return the rows in use column by column; what is stored as it is read is no copy."""
    return Arrays(table)


def add(table: Table, name: str, more: int) -> None:
    """Add a number to all values of a column."""
    put(records(table), name, ..., getattr(arrays(table), name) + more)


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
