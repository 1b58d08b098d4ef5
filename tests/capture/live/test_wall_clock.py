"""Steps of the clock, and frames that were stamped before one."""

import pytest

from analyzer.capture.live import wall_clock
from analyzer.capture.live.wall_clock import WallClock, offset_ns
from analyzer.engine.table import Table
from analyzer.schema.packets import RECORDS

SECOND = 10**9
HOUR = 3600 * SECOND


class Clocks:
    """Both clocks, as they are said to be."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall_ns, self.monotonic_ns = 10**18, 5 * SECOND
        monkeypatch.setattr(wall_clock.time, "time_ns", lambda: self.wall_ns)
        monkeypatch.setattr(wall_clock.time, "monotonic_ns", lambda: self.monotonic_ns)

    def passes(self, ns: int, set_by_ns: int = 0) -> None:
        self.wall_ns += ns + set_by_ns
        self.monotonic_ns += ns


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


@pytest.mark.parametrize("by_ns", [HOUR, -HOUR, 1500 * 10**6, -1500 * 10**6])
def test_a_step_is_told_once(clocks: Clocks, by_ns: int) -> None:
    clock = WallClock()
    clocks.passes(SECOND)
    assert clock.step_ns() == 0
    clocks.passes(SECOND, set_by_ns=by_ns)
    assert (clock.step_ns(), clock.step_ns()) == (by_ns, 0)


def test_a_clock_that_is_slewed_is_not_set(clocks: Clocks) -> None:
    """NTP slews by up to 500 ppm (adjtimex): in the end by far more than a step."""
    clock = WallClock()
    for _ in range(100_000):
        clocks.passes(100_000_000, set_by_ns=50_000)
        assert clock.step_ns() == 0


@pytest.mark.parametrize("by_ns", [HOUR, -HOUR, 2 * SECOND, -2 * SECOND])
def test_frames_that_lay_in_the_ring_are_put_onto_the_new_clock(clocks: Clocks, by_ns: int) -> None:
    clock = WallClock()
    stamped_before = clocks.wall_ns
    clocks.passes(50_000_000, set_by_ns=by_ns)
    stamped_after = clocks.wall_ns
    clocks.passes(40_000_000)
    assert clock.step_ns() == by_ns
    records = Table(RECORDS)
    for ts_ns in (stamped_before, stamped_after):
        records.append(ts_ns, 0, 60, 60, 1)
    clock.correct(records.view, records.rows)
    assert list(records.view.ts_ns[:2]) == [stamped_before + by_ns, stamped_after]
    clocks.passes(5 * SECOND)
    assert clock.corrected(stamped_before) == stamped_before  # nothing lies there for so long


def test_a_comparison_that_was_interrupted_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    instants = iter([0, 3 * SECOND, 3 * SECOND, 3 * SECOND])  # something else ran for 3 s in the first
    monkeypatch.setattr(wall_clock.time, "monotonic_ns", lambda: next(instants))
    monkeypatch.setattr(wall_clock.time, "time_ns", lambda: 10 * SECOND)
    assert offset_ns() == 7 * SECOND
