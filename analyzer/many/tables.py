"""Tables as numpy sees them, and rows chosen from them; what joining whole tables needs."""

from functools import cache
from typing import Any

import numpy as np

from analyzer.engine.table import PIECES, Table, row_layout


@cache
def dtype_of(fields: Any) -> Any:
    """A row, as columns.py lays it out; what is above the lower piece of a column has a field behind it, with a + ."""
    offsets, stride = row_layout(fields)
    pieces = [
        (column.name + "+" * number, piece, offset)
        for column in fields.columns
        for number, (piece, offset) in enumerate(zip(PIECES[column.typecode], offsets[column.name], strict=True))
    ]
    names, formats, places = zip(*pieces, strict=True)
    return np.dtype({"names": names, "formats": formats, "offsets": places, "itemsize": stride})


def column(rows: Any, name: str, places: Any = ...) -> Any:
    """A column of such rows, or of those at these places; one in two pieces is put together as a copy, which cannot be
    written."""
    above = name + "+"
    if above not in rows.dtype.names:
        return rows[name][places]
    values = rows[above][places].astype("q") << 32 | rows[name][places]
    values.flags.writeable = False
    return values


def put(rows: Any, name: str, places: Any, values: Any) -> None:
    """Write values of a column."""
    above = name + "+"
    if above in rows.dtype.names:
        rows[above][places] = values >> 32
        values = values & 0xFFFFFFFF
    rows[name][places] = values


def records(table: Table) -> Any:
    """The rows in use, without a copy: to be let go before the table grows."""
    return np.frombuffer(table.octets, dtype_of(table.fields), table.rows) if table.rows else _none(table.fields)


def arrays(table: Table) -> Any:
    """The same column by column."""
    rows = records(table)
    return table.fields(*(column(rows, name) for name in table.fields._fields))


def take(table: Table, rows: Any) -> Table:
    """A table of its own with these rows (indices, or one bool a row)."""
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
