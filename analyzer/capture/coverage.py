"""The times that a capture covers: usually one span; several where its clock jumps by more than anybody waits.

A frame of the year 2106 among frames of today, or two recordings a year apart in one file, must not make
years of silence out of what nobody watched. A span ends with its last frame, or when its capturing ended, where
something says so: what was silent until then was watched.
"""

from bisect import bisect_right
from typing import Any

from analyzer.capture.decode.packets import span
from analyzer.engine.dispatch import Engine
from analyzer.schema import ABSENT

HOLE_NS = 30 * 86_400 * 1_000_000_000
"""Longest gap within a span. No stack waits so long before a probe (Linux: 32,767 s); a capture without any frame for
longer was not running, and nobody captured for longer after its last frame."""


class Coverage:
    """Spans of time in ascending order, with holes of more than HOLE_NS between them: at most some thousands."""

    def __init__(self) -> None:
        self._first: list[int] = []
        self._last: list[int] = []
        self._until: list[int] = []

    @property
    def first_ns(self) -> int:
        return self._first[0] if self._first else ABSENT

    @property
    def last_ns(self) -> int:
        return self._last[-1] if self._last else ABSENT

    @property
    def until_ns(self) -> int:
        """Return when capturing ended: with the last frame, if nothing says more."""
        return self._until[-1] if self._until else ABSENT

    @property
    def spans(self) -> list[tuple[int, int, int]]:
        """Return the first and last frame's time of each span, and when its capturing ended, in ns."""
        return list(zip(self._first, self._last, self._until, strict=True))

    @property
    def holes(self) -> int:
        return max(len(self._first) - 1, 0)

    def note(self, records: Any, count: int, engine: Engine, ends_ns: Any) -> None:
        """Add the times of a batch of records; `ends_ns` is scratch space for two times."""
        ends_ns[0] = ends_ns[1] = ABSENT
        engine.run(span, records, count, ends_ns)
        if ends_ns[1] - ends_ns[0] <= HOLE_NS:
            self.add(ends_ns[0], ends_ns[1])
            return
        times = sorted(records.ts_ns[row] for row in range(count))
        begin = 0
        for at in range(1, count + 1):
            if at == count or times[at] - times[at - 1] > HOLE_NS:
                self.add(times[begin], times[at - 1])
                begin = at

    def add(self, first_ns: int, last_ns: int, until_ns: int = ABSENT) -> None:
        """Add a span with frames from `first_ns` to `last_ns`, captured until `until_ns`, and merge it with those that
        its frames touch."""
        if first_ns == ABSENT:
            return
        until_ns = max(last_ns, until_ns)
        begin = bisect_right(self._last, first_ns - HOLE_NS - 1)
        end = bisect_right(self._first, last_ns + HOLE_NS)
        if begin < end:
            first_ns, last_ns = min(first_ns, self._first[begin]), max(last_ns, self._last[end - 1])
            until_ns = max(until_ns, *self._until[begin:end])
        self._first[begin:end] = [first_ns]
        self._last[begin:end] = [last_ns]
        self._until[begin:end] = [until_ns]

    def went_on(self, frame_ns: int, until_ns: int) -> None:
        """Note that capturing went on to `until_ns` after a frame at `frame_ns`; both are ABSENT if nothing says so."""
        self.add(frame_ns, frame_ns, until_ns)

    def move(self, by_ns: int) -> None:
        """Put all times onto a clock that was set by so much."""
        for times in (self._first, self._last, self._until):
            times[:] = [ts_ns + by_ns for ts_ns in times]

    def end_at(self, until_ns: int) -> None:
        """Set when capturing ended, whatever was noted before; `may_end` says which times it can be."""
        self._until[-1] = until_ns

    def end_after(self, ts_ns: int) -> int:
        """Return when the capturing ended, in ns, of the span that holds or precedes this time."""
        return self._until[bisect_right(self._first, ts_ns) - 1]


def may_end(last_ns: int, until_ns: int) -> bool:
    """Tell whether a capture with its last frame at `last_ns` may have ended at `until_ns`."""
    return last_ns <= until_ns <= last_ns + HOLE_NS
