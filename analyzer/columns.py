"""Growable tables of typed columns that the interpreter and numba both index.

A column is an `array.array`: indexing it gives Python ints to the interpreter, and numba
sees the same memory through a zero-copy view, so one storage serves one kernel text.
"""

from array import array
from collections.abc import Sequence
from typing import Any


class Table:
    """Columns of equal length; `rows` are in use, the rest is room."""

    def __init__(self, fields: Any, fill: int = 0) -> None:
        """`fields` is one of schema.py's tables; new rows hold `fill`."""
        self.fields = fields
        self.fill = fill
        self.rows = 0
        self._room = 0
        self._arrays = [array(column.typecode) for column in fields.columns]
        self._view: Any = None

    def reserve(self, extra: int) -> None:
        """Make sure that `extra` rows fit behind those in use; doubles, so growth is linear."""
        wanted = self.rows + extra
        if wanted <= self._room:
            return
        grow = max(wanted, 2 * self._room) - self._room
        for one in self._arrays:
            one.extend(array(one.typecode, [self.fill]) * grow)
        self._room += grow
        self._view = None

    @property
    def view(self) -> Any:
        """The columns by name, for a kernel. Not to be kept across `reserve`."""
        if self._view is None:
            self._view = self.fields(*self._arrays)
        return self._view

    def __len__(self) -> int:
        return self.rows

    def keep(self, rows: Sequence[int]) -> None:
        """Only these rows, in this order; the room of the others is given back."""
        kept = self.excerpt(rows)
        self._arrays, self.rows, self._room, self._view = kept._arrays, kept.rows, kept._room, None

    def excerpt(self, rows: Sequence[int]) -> "Table":
        """Another table with copies of these rows, in this order."""
        other = Table(self.fields, self.fill)
        other._arrays = [array(one.typecode, map(one.__getitem__, rows)) for one in self._arrays]
        other.rows = other._room = len(rows)
        return other

    def append(self, *values: int) -> None:
        """One row, in the order of the columns."""
        self.reserve(1)
        for one, value in zip(self._arrays, values, strict=True):
            one[self.rows] = value
        self.rows += 1
