"""This machine's clock, by which the kernel stamps frames: by how much it is set while a capture goes on.

A clock that only goes forward (CLOCK_MONOTONIC) stands still while the machine sleeps; so waking up looks like a clock
that was set forward, as NTP or a person does it. Whoever slept has not counted that time either.
"""

import time
from typing import Any

LEAST_STEP_NS = 1_000_000_000
"""Least step that is told; less is within what slow answers and late frames look like."""
STALE_NS = 2_000_000_000
"""Time after a step in which frames may come that were stamped before it: they lay in the ring."""
EXACT_NS, TRIES = 1_000_000, 5
"""How exactly two clocks are compared, and how often that is tried, before the last comparison is taken."""


class WallClock:
    """Notices steps of the clock; frames that were stamped before a step are put onto the new clock."""

    def __init__(self) -> None:
        self._offset_ns = offset_ns()
        self._by_ns = 0
        self._stepped_ns = 0

    def step_ns(self) -> int:
        """Return by how much the clock was set since the last call, 0 if it was not."""
        before_ns, self._offset_ns = self._offset_ns, offset_ns()
        by_ns = self._offset_ns - before_ns
        if abs(by_ns) < LEAST_STEP_NS:
            return 0
        self._by_ns, self._stepped_ns = by_ns, time.monotonic_ns()
        return by_ns

    def corrected(self, ts_ns: int) -> int:
        """Return a frame's time on the clock as it is now."""
        if not self._by_ns or time.monotonic_ns() - self._stepped_ns > STALE_NS:
            return ts_ns
        middle_ns = time.time_ns() - self._by_ns // 2
        is_old = ts_ns < middle_ns if self._by_ns > 0 else ts_ns > middle_ns
        return ts_ns + self._by_ns if is_old else ts_ns

    def correct(self, records: Any, count: int) -> None:
        """Put the times of frames onto the clock as it is now."""
        if not self._by_ns or time.monotonic_ns() - self._stepped_ns > STALE_NS:
            return
        for row in range(count):
            records.ts_ns[row] = self.corrected(records.ts_ns[row])


def offset_ns() -> int:
    """Return by how much the clock is ahead of the one that only goes forward."""
    for _ in range(TRIES):
        before_ns = time.monotonic_ns()
        now_ns = time.time_ns()
        after_ns = time.monotonic_ns()
        if after_ns - before_ns < EXACT_NS:  # nothing else ran in between
            break
    return now_ns - (before_ns + after_ns) // 2
