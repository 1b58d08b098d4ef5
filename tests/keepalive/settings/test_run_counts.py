"""Counting what the prober counted: runs of unanswered probes with holes, and answers that it did not hear."""

from analyzer.keepalive.settings.losses import count_runs, is_unheard
from analyzer.keepalive.settings.typical import EndWork
from analyzer.keepalive.story.values import Gap, GapKind
from tests.keepalive.columns import Seen, lived_as
from tests.keepalive.simulated import gap

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind
LIFE = [gap(FIRST, 8.1), gap(CYCLE, 8.0, 8.1), gap(SPACING, 10, 2, 1), gap(GIVE_UP, 12, 2, 2)]
Count = tuple[int, int, int]
"""At least, most likely, at most."""


def life(*gaps: Gap) -> EndWork:
    return lived_as([*map(Seen, gaps)])


def counts(work: EndWork, rows: int = len(LIFE)) -> list[Count]:
    c = work.run_counts
    count_runs(work.corrected, rows, c)
    return [(c.fewest[it], c.best[it], c.most[it]) for it in range(rows)]


def test_a_run_is_counted_as_it_was_captured() -> None:
    assert counts(life(*LIFE)) == [(0, 0, 0), (0, 0, 0), (1, 1, 1), (2, 2, 2)]


def test_what_is_missing_counts() -> None:
    work = life(*LIFE)
    work.corrected.fewest[2], work.corrected.best[2], work.corrected.most[2] = 0, 1, 2
    assert counts(work)[-1] == (2, 3, 4)


def test_an_answer_that_was_not_captured_begins_the_run_anew() -> None:
    work = life(*LIFE)
    work.corrected.is_restart[2] = 1
    assert counts(work)[-1] == (1, 1, 1)


def test_an_answer_that_was_not_heard_does_not() -> None:
    work = life(LIFE[0], gap(SPACING, 8.0, 8.1, 1), *LIFE[2:])
    assert is_unheard(work.corrected, 1)
    assert counts(work)[-1] == (3, 3, 3)
