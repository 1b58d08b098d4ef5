"""Tables as numpy sees them, and rows chosen from them; what joining whole tables needs."""

from functools import cache
from typing import Any

import numpy as np

from analyzer.columns import Table, row_layout


@cache
def dtype_of(fields: Any) -> Any:
    """A row, as columns.py lays it out."""
    offsets, stride = row_layout(fields)
    names = [column.name for column in fields.columns]
    return np.dtype(
        {
            "names": names,
            "formats": [column.typecode for column in fields.columns],
            "offsets": [offsets[name] for name in names],
            "itemsize": stride,
        }
    )


def records(table: Table) -> Any:
    """The rows in use, without a copy: to be let go before the table grows."""
    return np.frombuffer(table.octets, dtype_of(table.fields), table.rows) if table.rows else _none(table.fields)


def arrays(table: Table) -> Any:
    """The same column by column."""
    rows = records(table)
    return table.fields(*(rows[name] for name in table.fields._fields))


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
