"""Tables as numpy arrays, and rows chosen from them; what joining whole tables needs."""

from functools import cache
from typing import Any

import numpy as np

from analyzer.engine.table import PIECES, Table, row_layout


@cache
def dtype_of(fields: Any) -> Any:
    """Return the numpy type of a row, as table.py lays it out; the upper piece of a column in two has a field of its
    own, with a + behind its name."""
    offsets, stride = row_layout(fields)
    pieces = [
        (column.name + "+" * number, piece, offset)
        for column in fields.columns
        for number, (piece, offset) in enumerate(zip(PIECES[column.typecode], offsets[column.name], strict=True))
    ]
    names, formats, places = zip(*pieces, strict=True)
    return np.dtype({"names": names, "formats": formats, "offsets": places, "itemsize": stride})


def column(rows: Any, name: str, places: Any = ...) -> Any:
    """Return a column of such rows, or of those at these places. One in two pieces is put together as a copy, which
    cannot be written."""
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
    """Return the rows in use, without a copy: drop the result before the table grows."""
    return np.frombuffer(table.octets, dtype_of(table.fields), table.rows) if table.rows else _none(table.fields)


def arrays(table: Table) -> Any:
    """Return the rows in use column by column, also without a copy."""
    rows = records(table)
    return table.fields(*(column(rows, name) for name in table.fields._fields))


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
