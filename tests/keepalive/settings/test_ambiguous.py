"""Which gaps are doubted: those that no other confirms."""

from analyzer.keepalive.model.linux import SECOND
from analyzer.keepalive.settings.ambiguous import (
    MAX_AMBIGUOUS,
    is_unsure,
    lone_spacing,
    may_lack_one,
    note_ambiguities,
    note_lone_spacing,
)
from analyzer.keepalive.settings.losses import correct_for_loss
from analyzer.keepalive.settings.typical import EndWork, find_typical
from analyzer.keepalive.story.values import Echo, Gap, GapKind
from analyzer.schema import ABSENT
from tests.keepalive.columns import lived_by
from tests.keepalive.simulated import gap

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind
LAG_S = 0.04


def far(kind: GapKind, heard_s: float, probe_s: float = -1, unanswered: int = 0) -> Gap:
    return gap(kind, heard_s, probe_s, unanswered, LAG_S)


def work(*gaps: Gap) -> tuple[EndWork, int]:
    columns, rows = lived_by(gaps)
    find_typical(columns, rows)
    correct_for_loss(columns, rows, is_far=True)
    return columns, rows


def ambiguous_row(*gaps: Gap) -> list[int]:
    """Which of the gaps."""
    columns, rows = work(*gaps)
    return list(columns.ambiguities.gap[: note_ambiguities(columns, rows)])


RUN = [far(SPACING, 50.4, 10.027, 1), far(SPACING, 60.5, 10.027, 2)]


def test_a_lone_idle_time_is_doubted_one_that_another_confirms_is_not() -> None:
    assert ambiguous_row(far(FIRST, 40.4), *RUN) == [0]
    assert ambiguous_row(far(FIRST, 40.4), far(FIRST, 40.41, 90), *RUN) == []
    assert ambiguous_row(far(FIRST, 40.4)._replace(missing=0), *RUN) == []


def test_no_more_than_a_few_are_doubted() -> None:
    many = [far(FIRST, 40 + 7 * nth, 900) for nth in range(9)]
    assert len(ambiguous_row(*many)) == MAX_AMBIGUOUS


def test_a_lone_spacing_may_be_two() -> None:
    columns, rows = work(far(FIRST, 40.4), RUN[0])
    assert note_lone_spacing(columns, rows, 0) == 1
    assert (columns.ambiguities.gap[0], columns.ambiguities.slack_ns[0]) == (1, 10_027_000_000 // 2)
    columns, rows = work(far(FIRST, 40.4), RUN[0]._replace(missing=0))
    assert note_lone_spacing(columns, rows, 0) == 0
    columns, rows = work(far(FIRST, 40.4), *RUN)
    assert lone_spacing(columns.corrected, rows) == ABSENT


def test_a_run_may_hide_a_probe_where_its_first_gap_is_doubted() -> None:
    assert may_lack_one(*work(far(FIRST, 40.4), *RUN))
    assert not may_lack_one(*work(far(FIRST, 40.4)._replace(missing=0), *RUN))
    assert may_lack_one(*work(*RUN))


def test_of_a_lone_idle_time_beside_a_hole_no_value_is_given() -> None:
    def unsure(*gaps: Gap) -> bool:
        columns, rows = work(*gaps)
        return is_unsure(columns.corrected, rows)

    hole = far(SPACING, 80.5, 20.054, 3)
    assert unsure(far(FIRST, 40.4), *RUN, hole)
    assert not unsure(far(FIRST, 40.4), *RUN)
    assert unsure(far(FIRST, 40.4)._replace(echo=Echo.UNSEEN), *RUN)
    assert not unsure(*RUN)
    assert hole.probe_ns > 20 * SECOND
