"""Growable tables of typed columns that the interpreter and numba both index.

A row lies in one piece, so that all that is known of an end is in two or three lines of the processor's cache.
To the interpreter a column is a strided memoryview, which gives Python ints; compiled kernels index the same
memory (rows.py). So one storage serves one kernel text, `table.column[row]` and `table[row].column`.
"""

import mmap
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

OCTETS = {"b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "q": 8}
"""Octets of a piece of a column."""
PIECES = {**{typecode: typecode for typecode in OCTETS}, "T": "Hb", "U": "Ib", "O": "IHb"}
"""Pieces by a column's type code, the lowest bits first."""
PRIVATE: Any = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


class Table:
    """Columns of equal length; `rows` are in use, the rest is room."""

    def __init__(self, fields: Any, fill: int = 0) -> None:
        """Make an empty table; `fields` is one of the tables of schema/; new rows hold `fill`."""
        self.fields = fields
        self.fill = fill
        self.rows = 0
        self._offsets, self._stride = row_layout(fields)
        self._room = 0
        self._memory: Any = bytearray()
        self._view: Any = None

    def reserve(self, extra: int) -> None:
        """Make sure that `extra` rows fit behind those in use; doubles, so growth is linear."""
        wanted = self.rows + extra
        if wanted <= self._room:
            return
        self._room, self._view = max(wanted, 2 * self._room), None
        used = self.rows * self._stride
        self._memory = grown(self._memory, used, self._room * self._stride)
        if self.fill:
            self._memory[used:] = self._new_row() * (self._room - self.rows)

    def _new_row(self) -> bytes:
        row = bytearray(self._stride)
        for column in self.fields.columns:
            bits = self.fill
            for piece, at in zip(PIECES[column.typecode], self._offsets[column.name], strict=True):
                size = OCTETS[piece]
                row[at : at + size] = (bits & (1 << 8 * size) - 1).to_bytes(size, sys.byteorder)
                bits >>= 8 * size
        return bytes(row)

    @property
    def view(self) -> Any:
        """Return the columns by name, for a kernel or for reading. It is invalid after `reserve`."""
        if self._view is None:
            self._view = self.fields(*map(self._column, self.fields.columns))
            self._view.memory, self._view.room = self._memory, self._room
        return self._view

    def _column(self, column: Any) -> Any:
        octets = memoryview(self._memory)[: self._room * self._stride]
        pieces = [
            octets.cast(piece)[at // OCTETS[piece] :: self._stride // OCTETS[piece]]  # type: ignore[call-overload]
            for piece, at in zip(PIECES[column.typecode], self._offsets[column.name], strict=True)
        ]
        values, bits = pieces[0], 8 * pieces[0].itemsize
        for piece in pieces[1:]:
            values, bits = InTwo(values, piece, bits), bits + 8 * piece.itemsize
        return values

    def __len__(self) -> int:
        return self.rows

    def keep(self, rows: Sequence[int]) -> None:
        """Keep only these rows, in this order; the memory of the others is released."""
        kept = self.excerpt(rows)
        self._memory, self.rows, self._room, self._view = kept._memory, kept.rows, kept._room, None

    def excerpt(self, rows: Sequence[int]) -> "Table":
        """Return another table with copies of these rows, in this order."""
        other = Table(self.fields, self.fill)
        other.reserve(len(rows))
        other.rows = len(rows)
        stride, begin = self._stride, 0
        with memoryview(self._memory) as source, memoryview(other._memory) as target:
            for end in range(1, len(rows) + 1):
                if end == len(rows) or rows[end] != rows[end - 1] + 1:  # rows that follow each other are copied at once
                    first = rows[begin] * stride
                    target[begin * stride : end * stride] = source[first : first + (end - begin) * stride]
                    begin = end
        return other

    def extend(self, other: "Table") -> None:
        """Append the rows of another table of the same columns."""
        self.reserve(other.rows)
        more = other.octets
        at = self.rows * self._stride
        self._memory[at : at + len(more)] = more
        self.rows += other.rows

    @property
    def octets(self) -> memoryview:
        """Return the memory of the rows in use, laid out as `row_layout` says. It is invalid after `reserve`."""
        return memoryview(self._memory)[: self.rows * self._stride]

    def __getstate__(self) -> tuple[Any, int, bytes]:
        """Return what travels to another process: the rows in use, not the room behind them."""
        return self.fields, self.fill, bytes(self.octets)

    def __setstate__(self, state: tuple[Any, int, bytes]) -> None:
        fields, fill, octets = state
        Table.__init__(self, fields, fill)
        rows = len(octets) // self._stride
        self.reserve(rows)
        self.rows = rows
        self._memory[: len(octets)] = octets

    def append(self, *values: int) -> None:
        """Append one row, its values in the order of the columns."""
        self.reserve(1)
        for one, value in zip(self.view, values, strict=True):
            one[self.rows] = value
        self.rows += 1


def rows_of(fields: Any, count: int) -> Any:
    """Return the view of a new table with room for `count` rows, none of which is in use."""
    table = Table(fields)
    table.reserve(count)
    return table.view


class InTwo:
    """A column in two pieces, of which the lower has so many bits, without a sign; to the interpreter it behaves like
    the memoryview of other columns."""

    __slots__ = ("_above", "_bits", "_low")

    def __init__(self, low: Any, above: Any, bits: int) -> None:
        self._low, self._above, self._bits = low, above, bits

    def __len__(self) -> int:
        return len(self._above)

    def __getitem__(self, row: Any) -> Any:
        try:
            return self._above[row] << self._bits | self._low[row]
        except TypeError:  # a slice
            return [self[one] for one in range(*row.indices(len(self)))]

    def __setitem__(self, row: int, value: int) -> None:
        self._above[row] = value >> self._bits
        self._low[row] = value & (1 << self._bits) - 1


def grown(memory: Any, used: int, octets: int) -> Any:
    """Return memory of `octets` octets that begins with those in use; the rest takes none until it is written to.

    Its pages are moved where the system can and no view of them is left; else they are copied.
    """
    try:
        memory.resize(octets)
    except (AttributeError, BufferError, OSError, SystemError, ValueError):
        before, memory = memory, mmap.mmap(-1, octets, **PRIVATE)
        with memoryview(before) as view:
            memory[:used] = view[:used]
    return memory


@cache
def row_layout(fields: Any) -> tuple[dict[str, tuple[int, ...]], int]:
    """Return the offsets of each column's pieces in a row, and the length of a row: the widest first, so that there are
    no gaps in between."""
    pieces = [(column.name, OCTETS[piece]) for column in fields.columns for piece in PIECES[column.typecode]]
    offsets: dict[str, tuple[int, ...]] = {}
    at = 0
    for name, size in sorted(pieces, key=lambda one: -one[1]):
        offsets[name] = (*offsets.get(name, ()), at)
        at += size
    return offsets, (at + 7) // 8 * 8
