"""The search: bounds from the gaps that leave no choice, stretches of alike candidates, what is believed."""

from hypothesis import given
from hypothesis import strategies as st

from analyzer.keepalive.candidates import (
    MAX_ALIKE,
    MAX_PHASED,
    Candidate,
    Strictness,
    candidates,
    exactness,
    plateaus,
    telling,
)
from analyzer.keepalive.constraints import Fit, Seen, read
from analyzer.keepalive.timeline import Gap, GapKind
from analyzer.keepalive.timer import LINUX, Clock
from tests.keepalive.simulated import gap

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind
HZ_100, HZ_250, HZ_300, HZ_1000 = LINUX


def found(
    gaps: list[Gap], clock: Clock, strictness: Strictness = Strictness.ALL, has_phase: bool = True
) -> list[Candidate]:
    return list(candidates([*map(Seen, gaps)], clock, strictness, has_phase, is_whole=True))


def times(some: list[Candidate]) -> set[int]:
    return {time for one in some for time in range(one.time_low, (one.time_high or one.time_low) + 1)}


def intvls(some: list[Candidate]) -> set[int]:
    return {intvl for one in some for intvl in range(one.intvl_low, (one.intvl_high or one.intvl_low) + 1)}


def test_first_gap_bounds_the_idle_time_on_each_clock() -> None:
    gaps = [gap(FIRST, 120.77)]
    assert [times(found(gaps, clock)) for clock in LINUX] == [
        {*range(116, 121)},
        {119, 120},
        {*range(108, 121)},
        {*range(117, 121)},
    ]


def test_clock_that_cannot_make_a_spacing_has_no_candidates() -> None:
    gaps = [gap(SPACING, -1, 75.776, count) for count in (2, 3)]
    assert [intvls(found(gaps, clock)) for clock in LINUX] == [set(), {74, 75}, set(), set()]


def test_first_spacing_of_a_run_lies_anywhere_up_to_a_boundary() -> None:
    assert intvls(found([gap(SPACING, -1, 3.168, 1)], HZ_250)) == {3}
    assert intvls(found([gap(SPACING, -1, 20.0, 1)], HZ_250)) == {18, 19, 20}


def test_boundaries_tell_neighbours_apart() -> None:
    """T = 14 or 15 explain the length of each cycle at 250 Hz if it stood alone; in a row only 15 does."""
    cycles = [gap(CYCLE, 15.104, 15.104)] * 3
    spacings = [gap(SPACING, 16.1, 1.024, 1), gap(SPACING, 17.1, 1.024, 2)]
    assert times(found(cycles + spacings, HZ_250)) == {15}


def test_without_boundaries_only_lengths_count() -> None:
    blurred = [gap(FIRST, 61), gap(SPACING, 82, 20.9, 1), gap(SPACING, 103, 19.6, 2)]
    assert found(blurred, HZ_100) == []
    jittery = [gap(FIRST, 61), gap(SPACING, 82, 20.4, 1), gap(SPACING, 103, 20.1, 2)]
    assert found(jittery, HZ_250) == []
    assert intvls(found(jittery, HZ_250, has_phase=False)) == {19, 20}


def test_strictness_drops_what_was_survived_then_the_opening_gap() -> None:
    gaps = [gap(SURVIVED, 80), gap(FIRST, 100), gap(FIRST, 30.5, 200), gap(SPACING, 41, 10.24, 1)]
    assert found(gaps, HZ_250) == []
    assert found(gaps, HZ_250, Strictness.NO_CENSORED) == []
    assert times(found(gaps, HZ_250, Strictness.NO_OPENING)) == {29, 30}


def test_interval_of_a_probe_that_was_not_captured() -> None:
    gaps = [gap(FIRST, 23.6), gap(SPACING, 85, 61.44, 1)]
    assert times(found(gaps, HZ_250)) == {22, 23}
    unseen = list(candidates([*map(Seen, gaps)], HZ_250, Strictness.ALL, has_phase=True, is_whole=False))
    assert times(unseen) == {*range(1, 24)}
    assert {one.time for one in unseen if not one.is_rare} == {None, 23}  # the interval is known to be the longer one


def test_many_intervals_are_not_paired_but_kept() -> None:
    [one] = found([gap(FIRST, 7200), gap(SPACING, 7520, 320, 1)], HZ_1000)[:1]
    assert (one.intvl_low, one.intvl_high, one.intvl) == (288, 320, 300)


def test_intervals_of_hours_are_not_even_tried() -> None:
    [one] = found([gap(SPACING, -1, 40_000, 1)], HZ_250)
    assert one.intvl_high == 40_004
    assert one.intvl_low < 40_000 - 400


def test_small_lateness_speaks_for_a_setting() -> None:
    assert exactness(HZ_250, Fit(0, 0, 3), 60) - exactness(HZ_250, Fit(3, 0, 3), 60) == 2.0  # four levels or one


def test_repetitions_are_left_out() -> None:
    gaps = [gap(CYCLE, 60, 60)] * 10 + [gap(CYCLE, 60 + nth, 60 + nth) for nth in range(1, 100)]
    readings = read(map(Seen, gaps), HZ_250)
    assert len(telling(readings[:10])) == MAX_ALIKE
    assert len(telling(readings)) == MAX_PHASED


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 50), st.integers(1, 50))
def test_plateaus_cover_the_range_in_order(low: int, width: int, one: int, other: int) -> None:
    def key(value: int) -> tuple[Fit, ...]:
        return (Fit(-value // one, 0, value // other),)

    stretches = list(plateaus(key, low, low + width))
    assert [value for first, last, _ in stretches for value in range(first, last + 1)] == [*range(low, low + width + 1)]
    assert all(key(value) == fits for first, last, fits in stretches for value in range(first, last + 1))
