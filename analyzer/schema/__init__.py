"""Every column of every table, once: name, storage, unit, meaning. One file for each stage of the way of the data.

Storage is an `array` typecode: 'b' and 'B' have 8 bits, 'h' and 'H' 16, 'i' and 'I' 32, 'q' 64, capitals no sign. Of
ours, with a sign, 'T' has 24 bits, 'U' 40 (a u32 or ABSENT, the number of a frame), 'O' 56. Whatever the storage,
kernels get int64. Times are ns since 1970 (UTC).
"""

import sys
from collections.abc import Iterator
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple

ABSENT = -1
"""Value of a time, index or quantity that is absent."""
UNSEEN = -2
"""Value instead of ABSENT where the capture is too short yet to know that there is none."""


class Column(NamedTuple):
    name: str
    typecode: str
    unit: str
    meaning: str


class View:
    """The columns of a table by name; where they lie is what compiled kernels are given.

    As a named tuple with methods it took ten times as long to declare, and attributes were found more slowly.
    """

    __slots__ = ("address", "memory", "room")
    columns: ClassVar[tuple[Column, ...]]
    _fields: ClassVar[tuple[str, ...]]
    room: int

    def __init__(self, *values: Any) -> None:
        for name, value in zip(self._fields, values, strict=True):
            setattr(self, name, value)
        self.address: int | None = None

    def __getitem__(self, row: int) -> Any:
        return row_type(type(self))(self, row)  # type: ignore[arg-type]  # mypy takes a view's hash for its class's

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self, name) for name in self._fields)

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))


class Row:
    """One row of a table, with an attribute for each column, to read and to write.

    It is valid no longer than the view that it is of; compiled kernels have its address.
    """

    __slots__ = ("_row", "_view")

    def __init__(self, view: View, row: int) -> None:
        """Take row `row`; IndexError outside of the table: no kernel counts from the end."""
        if not 0 <= row < view.room:
            raise IndexError("row out of the table")
        self._view, self._row = view, row


@cache
def row_type(of: type[View]) -> type[Row]:
    """Return the type of a table's rows; it is made when the first of them is taken, so machine code needs none."""
    return type(of.__name__, (Row,), {"__slots__": (), **{name: _attribute(name) for name in of._fields}})


def _attribute(name: str) -> property:
    column = attrgetter(name)

    def read(row: Row) -> int:
        value: int = column(row._view)[row._row]
        return value

    def write(row: Row, value: int) -> None:
        column(row._view)[row._row] = value

    return property(read, write)


def table(name: str, *columns: Column) -> Any:
    """Make a type of views with an attribute for each column; `columns` describes them."""
    names = tuple(column.name for column in columns)
    where = sys._getframe(1).f_globals["__name__"]  # where unpickling finds the type again
    return type(name, (View,), {"__slots__": names, "_fields": names, "columns": columns, "__module__": where})


KIND_OTHER, KIND_TCP, KIND_ICMP_ERROR, KIND_NEIGHBOUR, KIND_WRAPPED = range(5)

NEIGHBOUR_ASKED, NEIGHBOUR_ANSWERED, NEIGHBOUR_CLAIMED = range(3)
"""Use of an address in ARP or neighbour discovery: somebody asks for it, answers for it, or begins to use it."""
OPENED_MIDSTREAM, OPENED_SYN, OPENED_SYN_ACK = range(3)
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
UNKNOWN_TTL = 0
"""TTL of a packet that was read from text; no packet that travels has it (RFC 1122 §3.2.1.7)."""
