"""Every column of every table, once: name, storage, unit, meaning. One file for each stage of the way of the data.

Storage is an `array` typecode: 'b' and 'B' have 8 bits, 'h' 16, 'i' and 'I' 32, 'q' 64, capitals no sign; 'U' has 40
with a sign, for a u32 or NEVER. Whatever the storage, kernels get int64. Times are ns since 1970 (UTC).
"""

import sys
from collections import namedtuple
from typing import Any, NamedTuple

NEVER = -1
"""What a time, an index or a quantity holds when there is none."""
UNSEEN = -2
"""Instead of NEVER where the capture is too short yet to say that there is none."""


class Column(NamedTuple):
    name: str
    typecode: str
    unit: str
    meaning: str


def table(name: str, *columns: Column) -> Any:
    """A NamedTuple type with a field for each column; `columns` describes them.

    Its instances, the views of a columns.Table, also hold where they lie, which is what compiled kernels are given.
    """
    fields = namedtuple(name, [column.name for column in columns])  # type: ignore[misc]  # fields are data
    where = sys._getframe(1).f_globals["__name__"]  # by which a table that travels finds its columns again
    return type(name, (fields,), {"columns": columns, "address": None, "__module__": where})


KIND_OTHER, KIND_TCP, KIND_ICMP_ERROR, KIND_NEIGHBOUR, KIND_WRAPPED = range(5)
OPENED_MIDSTREAM, OPENED_SYN, OPENED_SYN_ACK = range(3)
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
