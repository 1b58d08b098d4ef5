"""Every column of every table, once: name, storage, unit, meaning. One file for each stage of the way of the data.

Storage is an `array` typecode: 'b' and 'B' have 8 bits, 'h' 16, 'i' and 'I' 32, 'q' 64, capitals no sign; 'U' has 40
with a sign, for a u32 or ABSENT. Whatever the storage, kernels get int64. Times are ns since 1970 (UTC).
"""

import sys
from collections.abc import Iterator
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

    def __init__(self, *values: Any) -> None:
        for name, value in zip(self._fields, values, strict=True):
            setattr(self, name, value)
        self.address: int | None = None

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self, name) for name in self._fields)

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))


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
