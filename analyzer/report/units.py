"""The format of times, durations and counts, the same wherever a person reads them.

- A duration in a sentence, a table or a chart is in seconds, however long: it can be compared with a setting, and added
  to a time (`short`).
- Hours and days stand only in titles, where a duration says how much was captured (`rough`).
- `--flow` tells times and durations to the microsecond, as Wireshark's time column does (`exact`, `Clock`).
- Counts have commas between thousands (`count`); seconds never do.
- Words of outsiders are shown without what a terminal would obey (`printable`).
"""

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

SECOND = 1_000_000_000
MICROSECOND = 1_000
DAY_S = 86_400
TIMES = ("rel", "abs", "epoch", "delta")
"""What a time counts from: the capture's first frame, the calendar, 1970, the line above."""


def iso(time_ns: int) -> str | None:
    """Format an instant as ISO 8601 in UTC to the nanosecond; None where it is absent (-1)."""
    if time_ns < 0:
        return None
    seconds, nanoseconds = divmod(time_ns, SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def seconds(duration_ns: int | None) -> float | None:
    """Return a duration in seconds, for machines; None where it is absent."""
    return None if duration_ns is None or duration_ns < 0 else round(duration_ns / SECOND, 9)


def short(duration_ns: int) -> str:
    """Format a duration for sentences, tables and charts: seconds with two decimals, milliseconds below one second.

    Two decimals are those of the column "seen", and tell timers of all kernels apart. There are no minutes and hours:
    7208.94 s shows at once that it is a timer of 7200 s.
    """
    hundredths = _rounded(duration_ns, SECOND // 100)
    of_ms = _rounded(duration_ns, SECOND // 100_000)
    if of_ms < 100_000:
        return f"{of_ms // 100}.{of_ms % 100:02d} ms"
    return f"{hundredths // 100}.{hundredths % 100:02d} s"


def _rounded(duration_ns: int, unit_ns: int) -> int:
    return (duration_ns + unit_ns // 2) // unit_ns


def rough(duration_ns: int) -> str:
    """Format a duration for a title: days and hours, hours and minutes, minutes and seconds, or as `short` does."""
    if duration_ns < 1000 * SECOND:
        return short(duration_ns)
    minutes, seconds = divmod(_rounded(duration_ns, SECOND), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours_of_day = divmod(hours, 24)
    if days > 1:
        return f"{days} d {hours_of_day} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def exact(duration_ns: int) -> str:
    """Format seconds to the microsecond, cut off and not rounded: the beginning of what Wireshark shows."""
    seconds, rest_ns = divmod(abs(duration_ns), SECOND)
    return f"{'-' if duration_ns < 0 else ''}{seconds}.{rest_ns // MICROSECOND:06d}"


def count(number: int, what: str) -> str:
    """Format a number of things: "1,234 frames", "1 frame"."""
    return f"{number:,} {what}{'s' * (number != 1)}"


@lru_cache(4096)
def plain(number: float) -> str:
    """Format a bound without needless digits; the same bounds hold for many connections."""
    return f"{number:.3f}".rstrip("0").rstrip(".")


class Clock(NamedTuple):
    """How `--flow` tells times: one of TIMES, and for the calendar in which zone."""

    time: str = "rel"
    offsets: tuple[tuple[int, int], ...] = ()
    """Of a zone, as `local_offsets` gives them; empty for UTC. A report may be made where the zone is another."""

    @property
    def heading(self) -> str:
        """Name the column."""
        zone = "local time" if self.offsets else "UTC"
        return {"rel": "time", "abs": zone, "epoch": "since 1970", "delta": "delta"}[self.time]

    def tell(self, time_ns: int, first_ns: int, above_ns: int) -> str:
        """Format an instant; `first_ns` is that of the capture's first frame, `above_ns` that of the line above."""
        if self.time == "abs":
            second = time_ns // SECOND
            before = max(bisect_right(self.offsets, second, key=itemgetter(0)) - 1, 0)
            offset_s = self.offsets[before][1] if self.offsets else 0
            zoned = datetime.fromtimestamp(second + offset_s, UTC)
            return f"{zoned:%Y-%m-%d %H:%M:%S}.{time_ns % SECOND // MICROSECOND:06d}"
        return exact(time_ns - {"rel": first_ns, "epoch": 0, "delta": above_ns}[self.time])


def local_offsets(first_ns: int, last_ns: int) -> tuple[tuple[int, int], ...]:
    """Return by how many seconds this machine's local time is ahead of UTC between two instants: from the first second
    on, and from each on at which that changes."""
    second, last = first_ns // SECOND, last_ns // SECOND
    found = [(second, _offset_s(second))]
    while second < last:
        later = min(second + DAY_S, last)
        offset_s = _offset_s(later)
        if offset_s != found[-1][1]:
            changed = bisect_left(range(second, later), True, key=lambda one: _offset_s(one) == offset_s)
            found.append((second + changed, offset_s))
        second = later
    return tuple(found)


def _offset_s(second: int) -> int:
    offset = datetime.fromtimestamp(second, UTC).astimezone().utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


FROM_FIRST_FRAME = Clock()


def printable(words: str) -> str:
    """Replace what a terminal would obey: names of files and capture points come from outsiders."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in words)
