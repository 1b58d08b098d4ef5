"""What one gap says: levels that explain a lateness, and boundaries that agree."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.engine.table import Table
from analyzer.keepalive.model.linux import EXACT, LINUX, SECOND, Wheel
from analyzer.keepalive.settings.constraints import (
    ALL_CLOCKS,
    CLOCKS,
    FAR_NS,
    finest_level,
    fit,
    fit_idle,
    idle_of,
    is_in_phase,
    is_possible,
    lateness_ns,
    latest_ns,
    least_s,
    level_of,
    may_be_spacing,
    need_of,
    read,
    sure_of,
    tolerance_ns,
    top_of,
)
from analyzer.keepalive.story.values import Gap, GapKind
from analyzer.schema import ABSENT, inference
from tests.keepalive.columns import Seen, asked
from tests.keepalive.simulated import gap, seconds

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind
HZ_250 = 1
OLD_LINUX, BSD, WINDOWS = range(len(LINUX), len(LINUX) + len(EXACT))


def readings(clock: int, *gaps: Gap) -> Any:
    s = asked([*map(Seen, gaps)], ALL_CLOCKS, is_whole=True)
    read(CLOCKS, clock, s.corrected, 0, len(gaps), s.readings)
    return s.readings


def fitted(clock: int, one: Gap, time_s: int, intvl_s: int) -> int:
    return fit_idle(CLOCKS, clock, readings(clock, one), 0, time_s, intvl_s)


def test_spans_of_a_gap() -> None:
    s = asked([Seen(gap(CYCLE, 60, 61, lag_s=0.2), slack_ns=SECOND)], ALL_CLOCKS, is_whole=True)
    read(CLOCKS, HZ_250, s.corrected, 0, 1, s.readings)
    r = s.readings
    assert (r.idle_ns[0], r.spacing_ns[0]) == (60 * SECOND, 61 * SECOND)
    assert r.idle_most_ns[0] - r.idle_ns[0] < SECOND < r.idle_ns[0] - r.idle_least_ns[0]
    assert r.spacing_most_ns[0] - r.spacing_ns[0] == r.spacing_ns[0] - r.spacing_least_ns[0] - SECOND


def are_in_phase(*claims: tuple[int, int, int, int]) -> bool:
    """Of level, chain, ns and jitter in ns; at 250 Hz."""
    table, coarsest = Table(inference.CLAIMS), Table(inference.CLAIMS)
    for one in claims:
        table.append(*one)
        coarsest.reserve(1 + one[1])
    return is_in_phase(CLOCKS, HZ_250, table.view, len(claims), coarsest.view)


@pytest.mark.parametrize("clock", range(len(ALL_CLOCKS)))
@given(st.integers(0, FAR_NS))
def test_kernels_know_the_clocks_of_the_forward_model(clock: int, delay_ns: int) -> None:
    one = ALL_CLOCKS[clock]
    assert lateness_ns(CLOCKS, clock, delay_ns) == one.lateness_ns(delay_ns)
    assert level_of(CLOCKS, clock, delay_ns) == (one.level(one.jiffies(delay_ns)) if isinstance(one, Wheel) else 0)


@given(st.sampled_from(range(len(ALL_CLOCKS))), st.integers(0, 10_000 * SECOND))
def test_least_seconds_is_where_lateness_just_suffices(clock: int, duration_ns: int) -> None:
    least = least_s(CLOCKS, clock, duration_ns)
    assert latest_ns(CLOCKS, clock, least) >= duration_ns
    assert least == 1 or latest_ns(CLOCKS, clock, least - 1) < duration_ns


@pytest.mark.parametrize(("late_s", "level"), [(-1, 0), (0.004, 0), (0.005, 1), (0.032, 1), (0.033, 2), (2.048, 3)])
def test_finest_level_that_may_be_so_late(late_s: float, level: int) -> None:
    assert finest_level(CLOCKS, HZ_250, seconds(late_s), 60 * SECOND) == level


@given(st.sampled_from(range(len(LINUX))), st.integers(1, FAR_NS))
def test_finest_level_is_the_first_whose_granularity_suffices(clock: int, late_ns: int) -> None:
    level = finest_level(CLOCKS, clock, late_ns, 0)
    assert late_ns * LINUX[clock].hz <= SECOND << 3 * level
    assert level == 0 or late_ns * LINUX[clock].hz > SECOND << 3 * (level - 1)


def test_without_a_wheel_there_is_one_level() -> None:
    assert finest_level(CLOCKS, OLD_LINUX, seconds(0.02), 10 * SECOND) == 0
    assert finest_level(CLOCKS, OLD_LINUX, seconds(0.2), 10 * SECOND) == 1


def test_each_kind_of_stack_has_its_idle_clock() -> None:
    idle_s = [idle_of(CLOCKS, clock, 60, 10, 120) for clock in (HZ_250, OLD_LINUX, BSD, WINDOWS)]
    assert idle_s == [60, 60, 10, 120]


def test_chains_begin_where_no_probe_is_known() -> None:
    gaps = [
        gap(FIRST, 60),
        gap(SURVIVED, 20, 50),
        gap(SPACING, 70, 10, 1),
        gap(GIVE_UP, 80, 10, 2),
        gap(FIRST, 60),
        gap(CYCLE, 60, 60),
    ]
    found = readings(HZ_250, *gaps)
    assert [(found.chain[it], found.at_ns[it] // SECOND) for it in range(len(gaps))] == [
        (1, 0),
        (1, 50),
        (1, 10),
        (1, 20),
        (2, 0),
        (2, 60),
    ]
    assert list(found.is_on_grid[: len(gaps)]) == [False, False, False, True, False, False]


def test_idle_time_counts_from_what_the_stack_counts() -> None:
    probed = Gap(FIRST, 1, seconds(60), seconds(20), -1, 0, 0)
    assert [readings(clock, probed).idle_ns[0] // SECOND for clock in (HZ_250, OLD_LINUX, BSD)] == [60, 60, 20]


def test_the_way_to_a_far_capture_point_makes_idle_time_uncertain_on_one_side() -> None:
    near, far = readings(HZ_250, gap(FIRST, 60)), readings(HZ_250, gap(FIRST, 60, lag_s=0.2))
    assert far.idle_most_ns[0] == near.idle_most_ns[0]
    assert near.idle_least_ns[0] - far.idle_least_ns[0] == seconds(0.3)


@given(st.integers(0, 20), st.integers(0, 8), st.integers(-1, 8))
def test_a_fit_is_three_levels(need: int, sure: int, top: int) -> None:
    one = fit(need, sure, top)
    assert (need_of(one), sure_of(one), top_of(one)) == (need, sure, top)


def test_fit_after_traffic() -> None:
    assert fitted(HZ_250, gap(FIRST, 61), 60, 20) == fit(need=3, sure=0, top=3)
    assert not is_possible(fitted(HZ_250, gap(FIRST, 61), 58, 20))


def test_fit_after_an_answer_knows_how_the_timer_was_armed() -> None:
    """150/25: what was left after the interval is a level finer than the whole."""
    cycle = gap(CYCLE, 151.551942, 151.552017)
    assert fitted(HZ_250, cycle, 150, 25) == fit(need=3, sure=3, top=3)
    assert fitted(HZ_250, cycle, 150, ABSENT) == fit(need=3, sure=0, top=4)
    assert not is_possible(fitted(HZ_250, cycle, 149, 25))
    assert not is_possible(fitted(HZ_250, cycle, 150, 151))


def test_intervals_that_may_have_ended_a_gap() -> None:
    found = readings(HZ_250, gap(SPACING, 80, 20.48, 1))
    assert may_be_spacing(found, 0, 19, latest_ns(CLOCKS, HZ_250, 19))
    assert not may_be_spacing(found, 0, 1, latest_ns(CLOCKS, HZ_250, 17))
    assert not may_be_spacing(found, 0, 21, FAR_NS)


def test_boundaries_agree_within_a_chain_only() -> None:
    whole, fine, off = (3, 1, 0, 0), (2, 1, seconds(0.256 * 5), 0), (2, 1, seconds(0.256 * 5 + 0.1), 0)
    assert are_in_phase(fine, whole)
    assert not are_in_phase(off, whole)
    assert are_in_phase((2, 2, seconds(0.256 * 5 + 0.1), 0), whole)
    assert are_in_phase((2, 1, seconds(0.256 * 5 + 0.1), seconds(0.1)), whole)


@given(st.integers(0, FAR_NS), st.integers(0, 8), st.integers(0, SECOND), st.sampled_from(range(len(LINUX))))
def test_far_boundaries_agree_as_near_ones_do(distance_ns: int, level: int, jitter_ns: int, clock: int) -> None:
    """The kernel's arithmetic stays within 64 bits; this is the same in whole numbers of any size."""
    table, coarsest = Table(inference.CLAIMS), Table(inference.CLAIMS)
    table.append(level, 0, 0, jitter_ns)
    table.append(level, 0, distance_ns, 0)
    coarsest.reserve(1)
    hz, period = LINUX[clock].hz, SECOND << 3 * level
    off = distance_ns * hz % period
    allowed = (tolerance_ns(CLOCKS, clock, distance_ns) + jitter_ns) * hz
    assert is_in_phase(CLOCKS, clock, table.view, 2, coarsest.view) == (min(off, period - off) <= allowed)
