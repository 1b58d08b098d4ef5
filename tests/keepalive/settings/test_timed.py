"""Which gaps a timer may have made: what other ends, or their absence, make of them."""

from analyzer.keepalive.model.linux import SECOND
from analyzer.keepalive.settings.infer import allocate
from analyzer.keepalive.settings.observations import copy_timed
from analyzer.keepalive.story.values import AGREES, CYCLE, FIRST, GIVE_UP, SPACING, Echo, Gap, GapKind
from tests.keepalive.columns import ObservedEnd, heard_of
from tests.keepalive.simulated import gap

Row = tuple[int, int, int]
"""Kind, seconds since the probe before, unanswered probes."""


def timed(end: ObservedEnd) -> list[Row]:
    observed, (work, _, _) = heard_of([end]), allocate(1, len(end.gaps), 0)
    g = work.gaps
    return [(g.kind[it], g.probe_ns[it] // SECOND, g.unanswered[it]) for it in range(copy_timed(observed, 0, g))]


PROBES = [gap(GapKind.FIRST, 60), gap(GapKind.SPACING, 70, 75, 1), gap(GapKind.SPACING, 80, 60, 2)]


def test_of_one_direction_the_shortest_spacing_is_a_cycle() -> None:
    """Whether the probes were answered is not in the capture."""
    assert timed(ObservedEnd(PROBES, is_one_sided=True)) == [(CYCLE, 60, 0)]


def test_of_one_direction_an_echo_that_stays_and_a_give_up_are_intervals() -> None:
    echoing = PROBES[2]._replace(echo=Echo.AGREES)
    give_up = gap(GapKind.GIVE_UP, 150, 10, 3)
    assert timed(ObservedEnd([*PROBES[:2], echoing], is_one_sided=True)) == [(SPACING, 60, 1)]
    assert timed(ObservedEnd([*PROBES, give_up], is_one_sided=True)) == [(GIVE_UP, 10, 1)]
    assert list(Echo).index(Echo.AGREES) == AGREES


def test_what_the_captures_end_left_open_is_left_out_where_no_probe_could_be_sent() -> None:
    open_gaps = [gap(GapKind.PENDING, -1, 30, 1), gap(GapKind.SURVIVED, 90)._replace(any_ns=-1)]
    whole = [gap(GapKind.FIRST, 60), gap(GapKind.SURVIVED, 40)]
    assert len(timed(ObservedEnd([*whole, *open_gaps]))) == 4
    assert len(timed(ObservedEnd([*whole, *open_gaps], is_cut_off=True))) == 2


def missing(gaps: list[Gap], has_company: bool) -> list[int]:
    observed, (work, _, _) = heard_of([ObservedEnd(gaps, has_company=has_company)]), allocate(1, len(gaps), 0)
    return work.gaps.missing[: copy_timed(observed, 0, work.gaps)].tolist()


def test_a_counter_that_may_be_shared_is_believed_where_it_numbers_one_by_one() -> None:
    """Linux numbers by socket (ip_select_ident_segs), Windows by host."""
    gaps = [gap(GapKind.CYCLE, 60, 60)._replace(missing=2, is_numbered=sure) for sure in (True, False)]
    assert missing(gaps, has_company=False) == [2, 2]
    assert missing(gaps, has_company=True) == [2, -1]


def test_what_is_shorter_than_any_timer_is_left_out() -> None:
    assert timed(ObservedEnd([gap(GapKind.FIRST, 0.2), gap(GapKind.SPACING, 9, 0.4, 1), gap(GapKind.FIRST, 60)])) == [
        (FIRST, -1, 0)
    ]
