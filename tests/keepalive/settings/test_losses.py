"""Losses: what a capture away from the prober misses, class by class, and what must stay within the bounds."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.keepalive.model.linux import EXACT, LINUX, SECOND, Clock, Keepalive
from analyzer.keepalive.settings.values import Basis, Setting
from analyzer.keepalive.story.values import Echo, Gap, GapKind
from tests.keepalive.columns import infer
from tests.keepalive.simulated import Fate, Path, gap, observe_lossy

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind
LAG_S = 0.04
MILLISECOND = 1_000_000


def far(kind: GapKind, heard_s: float, probe_s: float = -1, unanswered: int = 0) -> Gap:
    return gap(kind, heard_s, probe_s, unanswered, LAG_S)


def cycles(*durations_s: float) -> list[Gap]:
    return [far(CYCLE, duration, duration) for duration in durations_s]


def run(cycle_s: float, *spacings_s: float) -> list[Gap]:
    """Unanswered probes after an answered cycle, and the reset."""
    heard_s, gaps = cycle_s, cycles(cycle_s)
    for nth, spacing in enumerate(spacings_s, 1):
        heard_s += spacing
        gaps.append(far(GIVE_UP if nth == len(spacings_s) else SPACING, heard_s, spacing, nth))
    return gaps


def known(setting: Setting | None) -> tuple[int | None, float, float | None] | None:
    return None if setting is None else (setting.value, setting.low, setting.high)


LIFE = [far(FIRST, 30.4), *cycles(30.72, 30.72, 30.72)]
"""30/10 at 300 Hz, as far from the prober as `LAG_S`."""
RUN = run(30.72, 10.027, 10.027, 10.027)


def test_a_run_without_losses() -> None:
    settings = infer(LIFE + RUN, is_whole=True)
    assert known(settings.tcp_keepalive_time) == (30, 29, 30)
    assert known(settings.tcp_keepalive_intvl) == (10, 10, 10)
    assert known(settings.tcp_keepalive_probes) == (3, 3, 3)


def test_a_probe_lost_within_a_run() -> None:
    """Two intervals in one: the count is one higher than what was captured, the interval is what it is."""
    settings = infer(LIFE + run(30.72, 10.027, 20.054, 10.027), is_whole=True)
    assert known(settings.tcp_keepalive_intvl) == (10, 10, 10)
    assert known(settings.tcp_keepalive_probes) == (4, 4, 4)


def test_the_last_probe_before_the_reset_lost() -> None:
    assert known(infer(LIFE + run(30.72, 10.027, 10.027, 20.054)).tcp_keepalive_probes) == (4, 4, 4)


def test_a_runs_first_probe_lost() -> None:
    """The run begins with a cycle and an interval."""
    settings = infer(LIFE + run(40.747, 10.027, 10.027, 10.027), is_whole=True)
    assert known(settings.tcp_keepalive_time) == (30, 29, 30)
    assert known(settings.tcp_keepalive_probes) == (4, 4, 4)


def test_a_probe_lost_while_the_peer_lives() -> None:
    """The next one comes an interval later, off the usual boundary, and so does the one after it."""
    settings = infer([*LIFE, *cycles(40.747, 30.93), *RUN], is_whole=True)
    assert known(settings.tcp_keepalive_time) == (30, 29, 30)
    assert settings.tcp_keepalive_time is not None
    assert settings.tcp_keepalive_time.basis is not Basis.CONTRADICTORY


def test_an_answer_lost_after_the_capture_point() -> None:
    """The prober probes again after an interval: no bound on the idle time, and an interval known by it alone."""
    settings = infer([*LIFE, *cycles(10.027, 30.93, 30.72)], is_whole=True)
    assert known(settings.tcp_keepalive_time) == (30, 29, 30)
    intvl = settings.tcp_keepalive_intvl
    assert intvl is not None
    assert intvl.value == 10


def test_a_run_that_begins_with_an_unheard_answer() -> None:
    """The prober counted the answered probe as well."""
    settings = infer([*LIFE, *run(10.027, 10.027, 10.027)], is_whole=True)
    assert known(settings.tcp_keepalive_probes) == (3, 3, 3)


def test_an_unheard_answer_does_not_show_where_the_cycle_is_the_interval() -> None:
    settings = infer([far(FIRST, 15.1), *cycles(15.36, 15.36), *run(15.36, 15.36, 15.36, 15.36)], is_whole=True)
    assert known(settings.tcp_keepalive_probes) == (3, 3, 4)


def test_an_answer_that_only_the_capture_missed() -> None:
    """A spacing as long as a cycle: the prober heard the answer, and counted anew."""
    late = [far(SPACING, 64.48, 32.24, 1), far(SPACING, 74.507, 10.027, 2), far(GIVE_UP, 84.534, 10.027, 3)]
    gaps = [far(FIRST, 32.1), *cycles(32.24, 32.24, 32.24, 32.24), *late]
    assert known(infer(gaps, is_whole=True).tcp_keepalive_probes) == (2, 2, 2)


def test_loss_of_the_only_first_gaps_probe_is_covered() -> None:
    """40.4 s: 40, or 30 and a lost probe."""
    settings = infer([far(FIRST, 40.4), *run(40.4, 10.027, 10.027)[1:]], is_whole=True)
    time, probes = settings.tcp_keepalive_time, settings.tcp_keepalive_probes
    assert time is not None
    assert time.value == 40
    assert time.low <= 30
    assert known(probes) == (2, 2, 3)


def test_a_gap_that_was_left_out_does_not_change_the_count() -> None:
    """While the host asked for the peer's link address in vain its probes were not sent, and their gaps say nothing."""
    gaps = [*LIFE, *run(30.72, 10.027, 10.027, 10.027, 10.027)]
    for place in range(len(LIFE), len(gaps) - 1):
        left = gaps[:place] + gaps[place + 1 :]
        assert known(infer(left, is_whole=True).tcp_keepalive_probes) == (4, 4, 4)
    two = [*run(30.72, 10.027, 10.027, 10.027)[:-1], *run(30.72, 10.027, 10.027, 10.027, 10.027)[1:]]
    assert known(infer([*LIFE, *two], is_whole=True).tcp_keepalive_probes) == (4, 4, 4)


def test_a_lone_spacing_may_be_two() -> None:
    settings = infer([*LIFE, far(SPACING, 40.747, 10.027, 1)], is_whole=True)
    intvl = settings.tcp_keepalive_intvl
    assert intvl is not None
    assert intvl.value == 10
    assert intvl.low <= 5


def numbered(gaps: list[Gap], *missing: int) -> list[Gap]:
    """With what the end's IP identifications say before each gap's end."""
    return [one._replace(missing=count) for one, count in zip(gaps, missing, strict=True)]


def test_an_end_that_counts_its_segments_tells_how_many_are_missing() -> None:
    """The probe before the run's first captured one is missing, although the cycle alone would not show it."""
    gaps = numbered([far(FIRST, 606.5), *run(681.984, 75.776, 75.776, 75.776)], 0, 1, 0, 0, 0)
    assert known(infer(gaps, is_whole=True).tcp_keepalive_probes) == (None, 3, 4)
    gaps = numbered([far(FIRST, 606.5), *cycles(606.208), *run(681.984, 75.776, 75.776, 75.776)], 0, 0, 1, 0, 0, 0)
    assert known(infer(gaps, is_whole=True).tcp_keepalive_probes) == (4, 4, 4)


def test_a_gap_in_which_nothing_is_missing_is_not_doubted() -> None:
    settings = infer(numbered([far(FIRST, 40.4), *run(40.4, 10.027, 10.027)[1:]], 0, 0, 0), is_whole=True)
    assert known(settings.tcp_keepalive_time) == (40, 39, 40)  # 10.027 s is 300 Hz, where 40 s are 1.7 s late at most
    assert known(settings.tcp_keepalive_probes) == (2, 2, 2)


def test_a_probe_and_its_answer_may_both_be_missing() -> None:
    """Two cycles of 240 s are eight intervals of 60 s besides; nothing was lost on the way."""
    gaps = [far(FIRST, 249.04), *cycles(245.76, 245.76, 245.76, 491.52), *run(245.76, 61.44, 61.44, 61.44)]
    assert known(infer(gaps, is_whole=True).tcp_keepalive_probes) == (3, 3, 3)


def test_a_gap_of_which_something_is_missing_tells_no_idle_time() -> None:
    gaps = numbered([far(FIRST, 7239.0), *run(7239.0, 61.44, 61.44, 61.44)[1:]], 1, 0, 0, 0)
    settings = infer(gaps, is_whole=True)
    time = settings.tcp_keepalive_time
    assert time is not None
    assert time.value is None
    assert time.low <= 3600
    assert time.high == 7239
    assert known(settings.tcp_keepalive_intvl) == (60, 57, 61)


def test_of_a_lossy_path_one_idle_gap_alone_gives_no_value() -> None:
    """A lost probe shows in the run; another may have been lost before it."""
    lossy = [far(FIRST, 40.4), *run(40.4, 10.027, 10.027, 20.054, 10.027)[1:]]
    time = infer(lossy, is_whole=True).tcp_keepalive_time
    assert time is not None
    assert (time.value, time.high) == (None, 40)
    confirmed = infer(numbered(lossy, 0, 0, 0, 1, 0), is_whole=True).tcp_keepalive_time
    assert confirmed is not None
    assert confirmed.value == 40


def test_a_first_gap_that_is_longer_by_a_lost_probe_is_not_believed() -> None:
    """900/60 at 1000 Hz: 965.4 s are 904 and an interval, as the identifications say."""
    firsts = [far(FIRST, 913.1), far(FIRST, 921.8, 1474.6), far(FIRST, 965.4, 1073.1), far(FIRST, 906.7, 1286.1)]
    gaps = [*numbered(firsts, 0, 0, 1, 0), *numbered(run(917.504, 61.44, 61.44), 0, 0, 0)]
    settings = infer(gaps, is_whole=True)
    assert settings.tcp_keepalive_time is not None
    assert settings.tcp_keepalive_time.value == 900


def test_an_echo_shows_an_unheard_answer_where_the_cycle_is_the_interval() -> None:
    """60/60/5 near the peer: the answer to the probe before the run was captured, but not heard."""
    life = [far(FIRST, 61.6), *cycles(61.44, 61.44), *run(61.44, 61.44, 61.44, 61.44, 61.44)]
    observed = [one._replace(echo=Echo.AGREES, missing=0) for one in life]
    assert known(infer(observed, is_whole=True).tcp_keepalive_probes) == (4, 4, 4)
    unheard = [*observed[:3], observed[3]._replace(echo=Echo.UNHEARD), *observed[4:]]
    assert known(infer(unheard, is_whole=True).tcp_keepalive_probes) == (5, 5, 5)
    assert known(infer(life, is_whole=True).tcp_keepalive_probes) == (4, 4, 5)


def test_an_echo_of_an_answer_that_was_not_captured_spoils_the_gap() -> None:
    """A lost probe was answered: the gap is two cycles, and the run begins after it."""
    lost = far(CYCLE, 61.44, 61.44)._replace(echo=Echo.UNSEEN, missing=1)
    settings = infer([*LIFE, lost, *RUN[1:]], is_whole=True)
    assert known(settings.tcp_keepalive_time) == (30, 29, 30)
    assert known(settings.tcp_keepalive_probes) == (3, 3, 3)
    between = far(SPACING, 61.44, 30.72, 1)._replace(echo=Echo.UNSEEN, missing=0)
    captured = [one._replace(unanswered=one.unanswered + 1) for one in RUN[1:]]
    settings = infer([*LIFE, between, *captured], is_whole=True)
    assert known(settings.tcp_keepalive_intvl) == (10, 10, 10)
    assert known(settings.tcp_keepalive_probes) == (3, 3, 3)


def test_an_idle_time_in_which_something_was_heard_gives_no_value() -> None:
    """3600 s twice, and what was between them is missing."""
    life = [far(FIRST, 7239.0)._replace(echo=Echo.UNSEEN, missing=1), *run(7239.0, 61.44, 61.44, 61.44)[1:]]
    time = infer(life, is_whole=True).tcp_keepalive_time
    assert time is not None
    assert (time.value, time.high) == (None, 7239)
    assert time.low <= 3600


def test_a_lone_cycle_of_which_a_probe_is_missing_is_no_interval() -> None:
    """5/2 recorded beside a peer that was down for a moment: the way is as short as to the prober itself."""
    [first, cycle] = numbered([gap(FIRST, 5.011), gap(CYCLE, 7.2, 7.2)], 0, 1)
    settings = infer([first, cycle], is_whole=True)
    assert known(settings.tcp_keepalive_time) == (5, 5, 5)
    assert settings.tcp_keepalive_intvl is None
    nothing_missing = infer([first, cycle._replace(missing=0)], is_whole=True)
    assert known(nothing_missing.tcp_keepalive_intvl) == (7, 7, 7)


def test_far_away_the_silence_at_the_captures_end_says_nothing() -> None:
    """The way may have been cut; at the prober itself it is a bound."""
    open_gap = far(SURVIVED, 20_000)._replace(any_ns=-1)
    assert infer([open_gap]).tcp_keepalive_time is None
    assert infer([open_gap._replace(capture_rtt_ns=0)]).tcp_keepalive_time is not None


def test_where_most_gaps_differ_it_is_no_loss() -> None:
    """The interval was changed from 5 to 10 s in mid-capture, and not one time in three lost."""
    gaps = [far(SPACING, -1, spacing, 2) for spacing in (5.12, 10.24, 10.24, 10.24)]
    intvl = infer(gaps).tcp_keepalive_intvl
    assert intvl is not None
    assert (known(intvl), intvl.basis) == ((None, 5, 10), Basis.CONTRADICTORY)


def test_at_the_prober_a_hole_leaves_the_count_open() -> None:
    """Nothing is lost on the way there: the capture dropped a frame, or the interval was changed."""
    gaps = [
        gap(FIRST, 30.4),
        gap(SPACING, 40.4, 10.027, 1),
        gap(SPACING, 60.5, 20.054, 2),
        gap(GIVE_UP, 70.5, 10.027, 3),
    ]
    assert known(infer(gaps, is_whole=True).tcp_keepalive_probes) == (None, 3, 4)


@pytest.mark.parametrize("lag_s", [0, LAG_S])
def test_nothing_is_missing_where_nothing_is_known(lag_s: float) -> None:
    settings = infer([gap(FIRST, -1, -1, 0, lag_s), gap(SPACING, -1, -1, 1, lag_s)])
    assert settings.tcp_keepalive_time is None
    assert settings.tcp_keepalive_intvl is None


KEEPALIVES = st.builds(Keepalive, time_s=st.integers(5, 3000), intvl_s=st.integers(1, 120), probes=st.integers(2, 9))
LOSSES = st.lists(st.tuples(st.floats(0, 1), st.sampled_from(list(Fate)[1:])), min_size=1, max_size=20)


def lossy_life(
    keepalive: Keepalive,
    clock: Clock,
    losses: list[tuple[float, Fate]],
    one_way_ms: int,
    jitter: float,
    seed: int,
    counts: bool = False,
) -> list[Gap]:
    """A life of which one frame is lost, or two in a hundred, seen from the far end of a path with jitter."""
    random = Random(seed)
    start = random.randrange(10**6 * SECOND)
    heard_ns = start + int(random.uniform(0, 2 * keepalive.time_s) * SECOND)
    dead = heard_ns + int(random.choice([1, 3, 10, 60]) * random.uniform(0.5, 1.5) * keepalive.time_s * SECOND)
    run_s = keepalive.time_s + keepalive.intvl_s * (keepalive.probes + 2)
    end = dead + int(random.choice([0.5, 1.2, 1.2]) * run_s * SECOND)

    def observed(fates: dict[int, Fate]) -> list[Gap]:
        path = Path(Random(seed), one_way_ms * MILLISECOND, int(one_way_ms * MILLISECOND * jitter), fates)
        return observe_lossy(keepalive, clock, path, start, end, [heard_ns], dead, counts)

    frames = len(observed({}))
    lost = losses[: max(1, frames // 50)]
    return observed({1 + int(place * (frames - 1)): fate for place, fate in lost})


LIVES = {
    "keepalive": KEEPALIVES.filter(lambda keepalive: keepalive.intvl_s <= keepalive.time_s),
    "clock": st.sampled_from((*LINUX, EXACT[0])),
    "losses": LOSSES,
    "one_way_ms": st.sampled_from([2, 15, 50]),
    "jitter": st.sampled_from([0, 0.2, 0.5]),
    "seed": st.integers(0, 1 << 30),
}


def check_bounds(keepalive: Keepalive, gaps: list[Gap]) -> None:
    found = infer(gaps, is_whole=True)
    for setting, truth in (
        (found.tcp_keepalive_time, keepalive.time_s),
        (found.tcp_keepalive_intvl, keepalive.intvl_s),
        (found.tcp_keepalive_probes, keepalive.probes),
    ):
        if setting is not None:
            assert setting.low <= truth
            assert setting.high is None or truth <= setting.high


@settings(derandomize=True)  # some one life in ten thousand is beyond what one more loss explains
@given(**LIVES)
def test_bounds_contain_the_truth_when_frames_are_lost(keepalive: Keepalive, **life: Any) -> None:
    check_bounds(keepalive, lossy_life(keepalive, **life))


@settings(derandomize=True)  # an end whose answers are lost beyond the capture point is no better off
@given(**LIVES)
def test_bounds_contain_the_truth_when_lost_frames_are_counted(keepalive: Keepalive, **life: Any) -> None:
    check_bounds(keepalive, lossy_life(keepalive, **life, counts=True))
