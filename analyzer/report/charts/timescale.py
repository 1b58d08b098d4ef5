"""A time axis on which long silences are cut short, so that what happens around them can be seen.

A cut silence keeps its first and last stretch at the scale of the rest; only its middle is left out.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from analyzer.report.charts.style import step_s

LONG_SHARE = 0.5
"""Share of the axis for all long silences together."""
STANDS_OUT = 4
"""Ratio to the next shorter silence from which one is long."""
FEW = 2
"""Number of shorter silences that there must be, or there is nothing to be seen better."""
SHORTEST_PART = 20_000
"""Divisor of the whole: what is shorter is one point of the axis anyway."""


class TimeScale:
    """Maps seconds to places on the axis, in seconds of what is left."""

    def __init__(self, times: Sequence[float]) -> None:
        """Scale an axis for the times of all that is shown, in order and at least two."""
        self.first, self.last = times[0], times[-1]
        gaps = list(pairwise(times))
        longest = _longest([later - earlier for earlier, later in gaps])
        self.cuts: list[tuple[float, float]] = []
        """Begin and end of each stretch that is left out."""
        for earlier, later in gaps:
            if later - earlier > 2 * longest:
                self.cuts.append((earlier + longest / 2, later - longest / 2))
        self._begins = [begin for begin, _ in self.cuts]
        self._missing = [0.0]
        for begin, end in self.cuts:
            self._missing.append(self._missing[-1] + end - begin)

    @property
    def width(self) -> float:
        return self.last - self.first - self._missing[-1]

    def place(self, time: float) -> float:
        index = bisect_right(self._begins, time)
        if index and time < self.cuts[index - 1][1]:
            time = self.cuts[index - 1][1]
        return time - self.first - self._missing[index]

    def ticks(self, about: int = 9) -> list[float]:
        """Return round instants that are not cut out, none too near to a cut or to its neighbour."""
        step = step_s(self.width, about)
        least, near = self.width / about / 2, self.width / 60
        found: list[float] = []
        stretches = [self.first, *(time for cut in self.cuts for time in cut), self.last]
        for begin, end in zip(stretches[::2], stretches[1::2], strict=True):
            time = -(-begin // step) * step
            while time <= end:
                is_clear = time - begin >= near or begin == self.first
                is_clear = is_clear and (end - time >= near or end == self.last)
                if is_clear and (not found or self.place(time) - self.place(found[-1]) >= least):
                    found.append(time)
                time += step
        return found


def _longest(gaps: Sequence[float]) -> float:
    """Return the length to which each gap is cut: the long ones together get LONG_SHARE of the axis, if any stand
    out."""
    least = sum(gaps) / SHORTEST_PART
    known = sorted(gap for gap in gaps if gap > least)
    jumps = [(later / earlier, index + 1) for index, (earlier, later) in enumerate(pairwise(known))]
    jump, short = max(jumps, default=(0.0, 0))
    if jump < STANDS_OUT or short < FEW:
        return max(gaps)
    allowed = sum(known[:short]) * LONG_SHARE / (1 - LONG_SHARE) / (len(known) - short)
    return min(max(allowed, 2 * known[short - 1]), max(gaps))
