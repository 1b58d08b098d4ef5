"""What one gap says: levels that explain a lateness, and boundaries that agree."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.keepalive.constraints import (
    Claim,
    Fit,
    Seen,
    finest_level,
    fit_idle,
    idle_of,
    is_in_phase,
    latest_ns,
    least_s,
    may_be_spacing,
    read,
)
from analyzer.keepalive.timeline import Gap, GapKind
from analyzer.keepalive.timer import COARSE, EXACT, LINUX, SECOND, Clock
from tests.keepalive.simulated import gap, seconds

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind
HZ_250 = LINUX[1]
OLD_LINUX, BSD, WINDOWS = EXACT


@given(st.sampled_from(LINUX + EXACT + COARSE), st.integers(0, 10_000 * SECOND))
def test_least_seconds_is_where_lateness_just_suffices(clock: Clock, duration_ns: int) -> None:
    least = least_s(clock, duration_ns)
    assert latest_ns(clock, least) >= duration_ns
    assert least == 1 or latest_ns(clock, least - 1) < duration_ns


@pytest.mark.parametrize(("late_s", "level"), [(-1, 0), (0.004, 0), (0.005, 1), (0.032, 1), (0.033, 2), (2.048, 3)])
def test_finest_level_that_may_be_so_late(late_s: float, level: int) -> None:
    assert finest_level(HZ_250, seconds(late_s), 60 * SECOND) == level


def test_without_a_wheel_there_is_one_level() -> None:
    assert finest_level(OLD_LINUX, seconds(0.02), 10 * SECOND) == 0
    assert finest_level(OLD_LINUX, seconds(0.2), 10 * SECOND) == 1


def test_each_kind_of_stack_has_its_idle_clock() -> None:
    one = replace(gap(FIRST, 60), any_ns=10 * SECOND, speech_ns=120 * SECOND)
    assert [idle_of(one, clock) // SECOND for clock in (HZ_250, OLD_LINUX, BSD, WINDOWS)] == [60, 60, 10, 120]


def test_chains_begin_where_no_probe_is_known() -> None:
    gaps = [
        gap(FIRST, 60),
        gap(SURVIVED, 20, 50),
        gap(SPACING, 70, 10, 1),
        gap(GIVE_UP, 80, 10, 2),
        gap(FIRST, 60),
        gap(CYCLE, 60, 60),
    ]
    readings = read(map(Seen, gaps), HZ_250)
    assert [(one.chain, one.at_ns // SECOND) for one in readings] == [
        (1, 0),
        (1, 50),
        (1, 10),
        (1, 20),
        (2, 0),
        (2, 60),
    ]
    assert [one.is_on_grid for one in readings] == [False, False, False, True, False, False]


def test_idle_time_counts_from_what_the_stack_counts() -> None:
    probed = Gap(FIRST, 1, seconds(60), seconds(20), -1, 0, 0)
    assert [read([Seen(probed)], clock)[0].idle.seen_ns // SECOND for clock in (HZ_250, OLD_LINUX, BSD)] == [60, 60, 20]


def test_the_way_to_a_far_capture_point_makes_idle_time_uncertain_on_one_side() -> None:
    [near], [far] = read([Seen(gap(FIRST, 60))], HZ_250), read([Seen(gap(FIRST, 60, lag_s=0.2))], HZ_250)
    assert far.idle.most_ns == near.idle.most_ns
    assert near.idle.least_ns - far.idle.least_ns == seconds(0.3)


def test_fit_after_traffic() -> None:
    [reading] = read([Seen(gap(FIRST, 61))], HZ_250)
    assert fit_idle(HZ_250, reading, 60, 20) == Fit(need=3, sure=0, top=3)
    assert not fit_idle(HZ_250, reading, 58, 20).is_possible


def test_fit_after_an_answer_knows_how_the_timer_was_armed() -> None:
    """150/25: what was left after the interval is a level finer than the whole."""
    [reading] = read([Seen(gap(CYCLE, 151.551942, 151.552017))], HZ_250)
    assert fit_idle(HZ_250, reading, 150, 25) == Fit(need=3, sure=3, top=3)
    assert fit_idle(HZ_250, reading, 150, None) == Fit(need=3, sure=0, top=4)
    assert not fit_idle(HZ_250, reading, 149, 25).is_possible
    assert not fit_idle(HZ_250, reading, 150, 151).is_possible


def test_intervals_that_may_have_ended_a_gap() -> None:
    [reading] = read([Seen(gap(SPACING, 80, 20.48, 1))], HZ_250)
    assert may_be_spacing(HZ_250, reading, 19, 19)
    assert not may_be_spacing(HZ_250, reading, 1, 17)
    assert not may_be_spacing(HZ_250, reading, 21, None)


def test_boundaries_agree_within_a_chain_only() -> None:
    whole = Claim(level=3, chain=1, at_ns=0, jitter_ns=0)
    fine = Claim(level=2, chain=1, at_ns=seconds(0.256 * 5), jitter_ns=0)
    off = Claim(level=2, chain=1, at_ns=seconds(0.256 * 5 + 0.1), jitter_ns=0)
    assert is_in_phase(HZ_250, [fine, whole])
    assert not is_in_phase(HZ_250, [off, whole])
    assert is_in_phase(HZ_250, [off._replace(chain=2), whole])
    assert is_in_phase(HZ_250, [off._replace(jitter_ns=seconds(0.1)), whole])
