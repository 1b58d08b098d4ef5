"""Gaps that one more loss may have made: where no other confirms them, bounds hold what they would be without it."""

from analyzer.keepalive.settings.values import Setting
from analyzer.keepalive.story.values import Echo, Gap, GapKind
from tests.keepalive.columns import infer
from tests.keepalive.simulated import gap

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind
LAG_S = 0.04


def far(kind: GapKind, heard_s: float, probe_s: float = -1, unanswered: int = 0) -> Gap:
    return gap(kind, heard_s, probe_s, unanswered, LAG_S)


FIRST_GAP = far(FIRST, 40.4)
"""An idle time of 40 s, or of 30 s and a lost probe."""
RUN = [far(SPACING, 50.4, 10.027, 1), far(SPACING, 60.5, 10.027, 2), far(GIVE_UP, 70.5, 10.027, 3)]


def time_of(*gaps: Gap) -> Setting:
    time = infer(gaps, is_whole=True).tcp_keepalive_time
    assert time is not None
    return time


def intvl_of(*gaps: Gap) -> Setting:
    intvl = infer(gaps, is_whole=True).tcp_keepalive_intvl
    assert intvl is not None
    return intvl


def probes_of(*gaps: Gap) -> tuple[float, float | None]:
    probes = infer(gaps, is_whole=True).tcp_keepalive_probes
    assert probes is not None
    return probes.low, probes.high


def test_a_lone_idle_time_is_doubted_one_that_another_confirms_is_not() -> None:
    assert time_of(FIRST_GAP, *RUN).low <= 30
    assert time_of(FIRST_GAP, far(FIRST, 40.41, 90), *RUN).low > 30
    assert time_of(FIRST_GAP._replace(missing=0), *RUN).low > 30


def test_many_lone_idle_times_are_not_all_doubted() -> None:
    """Each costs a question more, and a few have room."""
    many = [far(FIRST, 40 + 7 * nth, 900) for nth in range(20)]
    assert time_of(*many).low <= 30


def test_a_lone_spacing_may_be_two() -> None:
    first, second, _ = RUN
    assert intvl_of(FIRST_GAP, first).low <= 5
    assert intvl_of(FIRST_GAP, first._replace(missing=0)).low > 5
    assert intvl_of(FIRST_GAP, first, second).low > 5


def test_a_run_may_hide_a_probe_where_its_first_gap_is_doubted() -> None:
    assert probes_of(FIRST_GAP, *RUN) == (3, 4)
    assert probes_of(FIRST_GAP._replace(missing=0), *RUN) == (3, 3)
    hours = far(FIRST, 7300.4)  # where an interval more hides in the wheel's lateness
    assert probes_of(hours, *RUN) == (3, 4)
    assert probes_of(hours, far(FIRST, 7300.41, 7400), *RUN) == (3, 3)
    assert probes_of(*RUN) == (3, 4)


def test_of_a_lone_idle_time_beside_a_hole_no_value_is_given() -> None:
    first, second, last = RUN
    hole = last._replace(heard_ns=80_500_000_000, probe_ns=20_054_000_000)
    assert time_of(FIRST_GAP, first, second, hole).value is None
    assert time_of(FIRST_GAP, *RUN).value == 40


def test_of_idle_times_in_which_something_was_heard_no_value_is_given() -> None:
    unseen = FIRST_GAP._replace(echo=Echo.UNSEEN)
    assert time_of(unseen, unseen, *RUN).value is None
    assert time_of(unseen, FIRST_GAP, *RUN).value == 40


def test_a_run_with_a_spacing_of_two_may_lack_a_probe_or_have_begun_after_it() -> None:
    """lwIP set to 15/5/5, whose third unanswered probe was not captured."""
    spacings = (5.05, 10.0, 5.0)
    run = [gap(SPACING, 15.5 + sum(spacings[: at + 1]), one, at + 1) for at, one in enumerate(spacings)]
    gaps = [gap(FIRST, 15.65), gap(CYCLE, 15.54, 15.54), gap(CYCLE, 15.5, 15.5), *run, gap(GIVE_UP, 40.6, 5.05, 4)]
    probes = infer(gaps, is_whole=True).tcp_keepalive_probes
    assert probes is not None
    assert (probes.value, probes.low, probes.high) == (None, 2, 5)


def test_a_lone_spacing_as_long_as_the_cycles_may_be_one_whose_answer_is_missing() -> None:
    """lwIP set to 15/5/5, without timestamps, of which one answer was not captured."""
    cycles = [gap(CYCLE, 15.5, 15.5)] * 4
    intvl = intvl_of(gap(FIRST, 15.65), *cycles, gap(SPACING, 31.0, 15.5, 1), *cycles)
    assert (intvl.value, intvl.low) == (None, 0)
