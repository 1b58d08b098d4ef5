"""What is usual for an end: its interval and its cycle, whatever losses lengthened."""

from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from analyzer.keepalive.model.linux import SECOND
from analyzer.keepalive.settings.infer import allocate
from analyzer.keepalive.settings.typical import count_below, find_typical, intvl_of, intvls_in, lost_in_cycle, sort
from analyzer.keepalive.story.values import Gap, GapKind
from analyzer.schema import ABSENT
from tests.keepalive.columns import timed_of
from tests.keepalive.simulated import gap

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind
LIFE = [gap(FIRST, 30.4), *[gap(CYCLE, 30.72, 30.72)] * 3]
RUN = [gap(SPACING, 40.747, 10.027, 1), gap(SPACING, 50.774, 10.027, 2)]


@given(st.lists(st.integers(0, 1 << 56), max_size=100), st.integers(0, 1 << 56))
def test_durations_are_put_in_order(durations: list[int], limit_ns: int) -> None:
    lengths = allocate(1, len(durations), 0)[0].lengths
    for it, duration in enumerate(durations):
        lengths.sorted_ns[it] = duration
    sort(lengths, len(durations))
    assert lengths.sorted_ns[: len(durations)].tolist() == sorted(durations)
    assert count_below(lengths, len(durations), limit_ns) == bisect_left(sorted(durations), limit_ns)


def typical_of(gaps: list[Gap]) -> tuple[int, int, bool]:
    """Interval and cycle in ms, and whether the cycle was seen again."""
    work, rows = timed_of(gaps)
    find_typical(work, rows)
    typical = work.typical
    intvl_ns, cycle_ns = typical.intvl_ns[0], typical.cycle_ns[0]
    return intvl_ns // 1_000_000, cycle_ns // 1_000_000, bool(typical.is_repeated[0])


def test_the_usual_cycle_is_that_which_takes_the_fewest_losses() -> None:
    assert typical_of(LIFE + RUN) == (10_027, 30_720, True)
    lost = gap(CYCLE, 40.747, 40.747)
    assert typical_of([*LIFE, lost, *RUN]) == (10_027, 30_720, True)
    assert typical_of([LIFE[0], lost, LIFE[1], *RUN]) == (10_027, 30_720, False)
    assert typical_of([*LIFE[1:], *[lost] * 6, *RUN]) == (10_027, 40_747, True)  # the middle one of many


def test_the_usual_interval_is_that_of_spacings_which_no_loss_made_longer() -> None:
    lost = gap(SPACING, 70.8, 20.054, 3)
    assert typical_of([*LIFE, *RUN, lost]) == (10_027, 30_720, True)
    lengths = allocate(1, 4, 0)[0].lengths
    assert intvl_of(lengths, 0) == ABSENT
    for it, duration_s in enumerate((31, 10, 12, 11)):
        lengths.sorted_ns[it] = duration_s * SECOND
    assert intvl_of(lengths, 4) == 11 * SECOND


def test_without_spacings_a_short_cycle_is_the_interval() -> None:
    """Its answer was lost behind the capture point."""
    assert typical_of([*LIFE, gap(CYCLE, 10.027, 10.027)]) == (10_027, 30_720, True)


def test_how_many_probes_a_cycle_lacks() -> None:
    work, rows = timed_of(LIFE + RUN)
    find_typical(work, rows)
    assert [intvls_in(work.typical, one * SECOND // 100, 0) for one in (1003, 2005, 1500, 30_72)] == [1, 2, 0, 3]
    assert lost_in_cycle(work.typical, 40_747_000_000, 1) == (1, 1, 1)
    assert lost_in_cycle(work.typical, 61_440_000_000, 1) == (0, 3, 3)  # or one and its answer
