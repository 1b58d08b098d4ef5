"""What keeps an analyzer going for days: ended connections are let go, and a clock that is set takes the past along.

Both are counted, for a diagnostic.
"""

from array import array

from analyzer.analysis import Analyzer
from analyzer.diagnostics import CLOCK_SET, FLOWS_LET_GO, SEGMENTS_GIVEN_UP
from analyzer.tcp import clock_steps, eviction
from analyzer.tcp.eviction import Forgotten, Limits


def let_go(analyzer: Analyzer, before_ns: int, over: "array[int]", limits: Limits) -> Forgotten | None:
    """Give up flows that ended and were last seen before an instant, and those that have 1 in `over`; flows get other
    numbers then. Return what was given up, None without."""
    forgotten = eviction.let_go(analyzer.tracker, analyzer.engine, before_ns, over, limits)
    if forgotten is not None:
        for code, times in ((FLOWS_LET_GO, forgotten.flows), (SEGMENTS_GIVEN_UP, forgotten.cut)):
            if times:
                analyzer.diagnostics.add(code, times=times)
    return forgotten


def move_clock(analyzer: Analyzer, by_ns: int) -> None:
    """Put what was captured so far onto a clock that was set by so much."""
    clock_steps.move_clock(analyzer.tracker, analyzer.engine, by_ns)
    analyzer.coverage.move(by_ns)
    analyzer.diagnostics.add(CLOCK_SET, analyzer.frames + 1)
