"""Frames of several interfaces in order of time: copied, held back until no earlier one can come, sorted.

Each interface hands over its frames in blocks; an answer on one may be handed over before its question on another.
"""

from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from analyzer.engine.table import Table
from analyzer.schema.packets import RECORDS


class Frames(NamedTuple):
    """A batch: `records` lie in `buffer`, and came from the interfaces of these numbers."""

    buffer: Any
    records: Table
    interfaces: "array[int]"


class Merger:
    """Takes blocks of frames, gives batches."""

    def __init__(self) -> None:
        self._held: list[tuple[int, int, int, int, bytes]] = []  # time, interface, link type, length, octets

    def add(self, buffer: Any, records: Table, interface: int) -> None:
        view = records.view
        columns = (view.ts_ns, view.offset, view.captured_len, view.wire_len, view.link_type)
        for ts_ns, offset, captured, wire, link_type in zip(*(one[: records.rows] for one in columns), strict=True):
            self._held.append((ts_ns, interface, link_type, wire, bytes(buffer[offset : offset + captured])))

    def move(self, corrected: Callable[[int], int]) -> None:
        """Give the frames that are held the times that `corrected` returns for theirs."""
        self._held = [(corrected(one[0]), *one[1:]) for one in self._held]

    def take(self, until_ns: int) -> Frames:
        """Return and remove all frames from before this instant, the earliest first."""
        self._held.sort(key=lambda one: one[0])  # stable: what one interface saw at once stays in its order
        count = next((at for at, one in enumerate(self._held) if one[0] >= until_ns), len(self._held))
        taken, self._held = self._held[:count], self._held[count:]
        return _frames(taken)


def _frames(taken: Sequence[tuple[int, int, int, int, bytes]]) -> Frames:
    records, buffer = Table(RECORDS), bytearray()
    for ts_ns, _, link_type, wire, octets in taken:
        records.append(ts_ns, len(buffer), len(octets), wire, link_type)
        buffer += octets
    return Frames(buffer or bytearray(1), records, array("i", (one[1] for one in taken)))
