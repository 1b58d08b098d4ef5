"""The search: bounds from the gaps that leave no choice, stretches of alike candidates, what is believed."""

from hypothesis import given
from hypothesis import strategies as st

from analyzer.keepalive.model.linux import EXACT, LINUX, SECOND
from analyzer.keepalive.settings.candidates import add_solution, exactness, explain_on, fit_of, last_alike
from analyzer.keepalive.settings.constraints import fit
from analyzer.keepalive.settings.evidence import ALL, NO_CENSORED, NO_OPENING, Search
from analyzer.keepalive.settings.prior import BIT
from analyzer.keepalive.story.values import Gap, GapKind
from analyzer.schema import ABSENT
from tests.keepalive.columns import UNANSWERED, Answer, Seen, asked, solve
from tests.keepalive.simulated import gap

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind
HZ_100, HZ_250, HZ_300, HZ_1000 = range(len(LINUX))


def searched(
    gaps: list[Gap], clock: int, strictness: int = ALL, has_phase: bool = True, is_whole: bool = True
) -> Search:
    """The columns of the search after it has looked at one clock."""
    s = asked([*map(Seen, gaps)], LINUX, is_whole)
    explain_on(s, 0, clock, strictness, has_phase)
    return s


def found(gaps: list[Gap], clock: int, strictness: int = ALL, has_phase: bool = True, is_whole: bool = True) -> Answer:
    return solve(searched(gaps, clock, strictness, has_phase, is_whole), 0)


def times(one: Answer) -> set[int]:
    return {*range(one.time_low, (one.time_high or one.time_low) + 1)} if one.clocks else set()


def intvls(one: Answer) -> set[int]:
    return {*range(one.intvl_low, (one.intvl_high or one.intvl_low) + 1)} if one.clocks else set()


def test_first_gap_bounds_the_idle_time_on_each_clock() -> None:
    gaps = [gap(FIRST, 120.77)]
    assert [times(found(gaps, clock)) for clock in range(len(LINUX))] == [
        {*range(116, 121)},
        {119, 120},
        {*range(108, 121)},
        {*range(117, 121)},
    ]


def test_clock_that_cannot_make_a_spacing_has_no_candidates() -> None:
    gaps = [gap(SPACING, -1, 75.776, count) for count in (2, 3)]
    assert [intvls(found(gaps, clock)) for clock in range(len(LINUX))] == [set(), {74, 75}, set(), set()]


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
    assert found(blurred, HZ_100) == UNANSWERED
    jittery = [gap(FIRST, 61), gap(SPACING, 82, 20.4, 1), gap(SPACING, 103, 20.1, 2)]
    assert found(jittery, HZ_250) == UNANSWERED
    assert intvls(found(jittery, HZ_250, has_phase=False)) == {19, 20}


def test_strictness_drops_what_was_survived_then_the_opening_gap() -> None:
    gaps = [gap(SURVIVED, 80), gap(FIRST, 100), gap(FIRST, 30.5, 200), gap(SPACING, 41, 10.24, 1)]
    assert found(gaps, HZ_250) == UNANSWERED
    assert found(gaps, HZ_250, NO_CENSORED) == UNANSWERED
    assert times(found(gaps, HZ_250, NO_OPENING)) == {29, 30}


def test_interval_of_a_probe_that_was_not_captured() -> None:
    gaps = [gap(FIRST, 23.6), gap(SPACING, 85, 61.44, 1)]
    assert times(found(gaps, HZ_250)) == {22, 23}
    unseen = found(gaps, HZ_250, is_whole=False)
    assert times(unseen) == {*range(1, 24)}
    assert (unseen.is_rare, unseen.is_time_known) == (False, False)  # the interval is known to be the longer one


def test_many_intervals_are_not_paired_but_kept() -> None:
    one = found([gap(FIRST, 7200), gap(SPACING, 7520, 320, 1)], HZ_1000)
    assert (one.intvl_low, one.intvl_high, one.intvl) == (288, 320, 300)


def test_intervals_of_hours_are_not_even_tried() -> None:
    one = found([gap(SPACING, -1, 40_000, 1)], HZ_250)
    assert one.intvl_high == 40_004
    assert one.intvl_low < 40_000 - 400


def test_small_lateness_speaks_for_a_setting() -> None:
    s = searched([gap(FIRST, 61)], HZ_250)
    four_levels, one_level = exactness(s, fit(0, 0, 3), 60), exactness(s, fit(3, 0, 3), 60)
    assert four_levels - one_level == 2 * BIT


def test_only_boundaries_that_all_candidates_have_are_claimed() -> None:
    """At 250 Hz the first probe of 30 s lies on a boundary of 2 s, that of 31 s on one of 256 ms: on this anyway."""
    gaps = [gap(FIRST, 31.161617), gap(SPACING, 41.4, 10.240030, 1), gap(SPACING, 51.6, 10.239969, 2)]
    gaps = [one._replace(frame=frame) for frame, one in enumerate(gaps, 1)]
    s = searched(gaps, HZ_250)
    one = solve(s, 0)
    assert (times(one), intvls(one)) == ({30, 31}, {10})
    claims = range(s.in_use.claims[0])
    assert [(s.claimed.frame[claim], s.claimed.level[claim]) for claim in claims] == [(1, 2), (2, 2), (3, 2)]


@given(
    st.lists(st.integers(9 * SECOND // 10, 500 * SECOND), min_size=1, max_size=5),
    st.sampled_from(range(len(LINUX + EXACT))),
    st.integers(1, 500),
)
def test_stretches_end_where_the_first_fit_changes(durations: list[int], clock: int, low: int) -> None:
    s = searched([Gap(CYCLE, 1, one, one, one, 0, 0) for one in durations], clock)
    s.evidence.time_high[0] = high = 520
    places = range(s.evidence.sharp_idle[0])
    fits = {time: [fit_of(s, place, time) for place in places] for time in range(low, high + 1)}
    for place in places:
        s.sharp.fit[place] = fits[low][place]
    last = last_alike(s, low)
    assert all(fits[time] == fits[low] for time in range(low, last + 1))
    assert last == high or fits[last + 1] != fits[low]


def test_the_likeliest_is_of_those_that_are_not_rare() -> None:
    """30 s, or after a probe before the capture anything below; of the rare ones the bounds are kept."""
    one = found([gap(FIRST, 31.161617)], HZ_250, is_whole=False)
    assert (one.time_low, one.time_high, one.time, one.is_time_known) == (1, 31, 30, True)


@given(st.permutations([(60, 62, 60, 5, False), (30, 70, ABSENT, 9, True), (61, ABSENT, 61, 7, False)]))
def test_explanations_add_up_in_any_order(some: list[tuple[int, int, int, int, bool]]) -> None:
    s = searched([], HZ_250)
    s.solutions.clocks[0] = 0
    for low, high, time, likelihood, is_rare in some:
        add_solution(s, low, high, time, likelihood, is_rare)
    one = solve(s, 0)
    assert (one.time_low, one.time_high) == (30, None)
    assert (one.time, one.weight, one.is_rare, one.is_time_known) == (61, 7, False, True)


def test_of_equally_likely_ones_the_longest_idle_time_is_taken() -> None:
    s = searched([], HZ_250)
    s.solutions.clocks[0] = 0
    for time in (60, 62, 61):
        add_solution(s, time, time, time, 5, False)
    assert solve(s, 0).time == 62
