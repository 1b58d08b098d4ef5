"""The times that a capture covers: usually one span; several where its clock jumps by more than anybody waits.

A frame of the year 2106 among frames of today, or two recordings a year apart in one file, must not make
years of silence out of what nobody watched.
"""

from bisect import bisect_right
from typing import Any

from analyzer.capture.decode.packets import span
from analyzer.engine.dispatch import Engine
from analyzer.schema import ABSENT

HOLE_NS = 30 * 86_400 * 1_000_000_000
"""Longest gap within a span. No stack waits so long before a probe (Linux: 32,767 s); a capture without any frame for
longer was not running."""


class Coverage:
    """Spans of time in ascending order, with holes of more than HOLE_NS between them: at most some thousands."""

    def __init__(self) -> None:
        self._first: list[int] = []
        self._last: list[int] = []

    @property
    def first_ns(self) -> int:
        return self._first[0] if self._first else ABSENT

    @property
    def last_ns(self) -> int:
        return self._last[-1] if self._last else ABSENT

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Return the first and last time of each span, in ns."""
        return list(zip(self._first, self._last, strict=True))

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

    def add(self, first_ns: int, last_ns: int) -> None:
        """Add a span from `first_ns` to `last_ns`, and merge it with those that it touches."""
        if first_ns == ABSENT:
            return
        begin = bisect_right(self._last, first_ns - HOLE_NS - 1)
        end = bisect_right(self._first, last_ns + HOLE_NS)
        if begin < end:
            first_ns, last_ns = min(first_ns, self._first[begin]), max(last_ns, self._last[end - 1])
        self._first[begin:end] = [first_ns]
        self._last[begin:end] = [last_ns]

    def end_after(self, ts_ns: int) -> int:
        """Return the end, in ns, of the span that holds or precedes this time."""
        return self._last[bisect_right(self._first, ts_ns) - 1]
