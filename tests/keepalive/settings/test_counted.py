"""Counting what the prober counted: runs of unanswered probes with holes, and answers that it did not hear."""

from analyzer.keepalive.settings.counted import count_runs, is_unheard
from analyzer.keepalive.settings.typical import Lived
from analyzer.keepalive.story.values import Gap, GapKind
from tests.keepalive.columns import Seen, lived_as
from tests.keepalive.simulated import gap

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind
LIFE = [gap(FIRST, 8.1), gap(CYCLE, 8.0, 8.1), gap(SPACING, 10, 2, 1), gap(GIVE_UP, 12, 2, 2)]
Count = tuple[int, int, int]
"""At least, most likely, at most."""


def life(*gaps: Gap) -> Lived:
    return lived_as([*map(Seen, gaps)])


def counts(lived: Lived, rows: int = len(LIFE)) -> list[Count]:
    c = lived.counted
    count_runs(lived.seen, rows, c)
    return [(c.fewest[it], c.best[it], c.most[it]) for it in range(rows)]


def test_a_run_is_counted_as_it_was_captured() -> None:
    assert counts(life(*LIFE)) == [(0, 0, 0), (0, 0, 0), (1, 1, 1), (2, 2, 2)]


def test_what_is_missing_counts() -> None:
    lived = life(*LIFE)
    lived.seen.fewest[2], lived.seen.best[2], lived.seen.most[2] = 0, 1, 2
    assert counts(lived)[-1] == (2, 3, 4)


def test_an_answer_that_was_not_captured_begins_the_run_anew() -> None:
    lived = life(*LIFE)
    lived.seen.is_restart[2] = 1
    assert counts(lived)[-1] == (1, 1, 1)


def test_an_answer_that_was_not_heard_does_not() -> None:
    lived = life(LIFE[0], gap(SPACING, 8.0, 8.1, 1), *LIFE[2:])
    assert is_unheard(lived.seen, 1)
    assert counts(lived)[-1] == (3, 3, 3)
