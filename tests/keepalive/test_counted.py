"""Counting what the prober counted: runs of unanswered probes with holes, and answers that it did not hear."""

from dataclasses import replace

from analyzer.keepalive.constraints import TELLS_NOTHING, Seen
from analyzer.keepalive.counted import NONE, ONE, Count, Mended, is_unheard, runs
from analyzer.keepalive.timeline import GapKind
from tests.keepalive.simulated import gap

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind
LIFE = [gap(FIRST, 8.1), gap(CYCLE, 8.0, 8.1), gap(SPACING, 10, 2, 1), gap(GIVE_UP, 12, 2, 2)]


def counts(mended: list[Mended]) -> list[Count]:
    return [run.unanswered for run in runs(mended)]


def test_a_run_is_counted_as_it_was_captured() -> None:
    assert counts([Mended(Seen(one)) for one in LIFE]) == [NONE, NONE, ONE, Count(2, 2, 2)]


def test_what_is_missing_counts() -> None:
    missing = [NONE, NONE, Count(0, 1, 2), NONE]
    told = [Mended(Seen(one), hole) for one, hole in zip(LIFE, missing, strict=True)]
    assert counts(told)[-1] == Count(2, 3, 4)


def test_an_answer_that_was_not_captured_begins_the_run_anew() -> None:
    told = [Mended(Seen(one)) for one in LIFE]
    assert counts([*told[:2], told[2]._replace(is_restart=True), told[3]])[-1] == ONE


def test_an_answer_that_was_not_heard_does_not() -> None:
    unheard = gap(SPACING, 8.0, 8.1, 1)
    told = [Mended(Seen(one)) for one in [LIFE[0], unheard, *LIFE[2:]]]
    assert is_unheard(told[1])
    assert counts(told)[-1] == Count(3, 3, 3)


def test_a_gap_that_tells_nothing_is_spoilt() -> None:
    assert Mended(Seen(LIFE[0], TELLS_NOTHING)).is_spoilt
    assert not Mended(Seen(replace(LIFE[0]))).is_spoilt
