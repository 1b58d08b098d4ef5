"""What each gap bears on, and which of many are compared by their boundaries."""

import pytest

from analyzer.keepalive.model.linux import LINUX, SECOND
from analyzer.keepalive.settings.constraints import TELLS_NOTHING
from analyzer.keepalive.settings.evidence import (
    ALL,
    MAX_ALIKE,
    MAX_PHASED,
    NO_CENSORED,
    NO_OPENING,
    OPENING_IDLE,
    OTHER,
    SPACED,
    SURE_IDLE,
    SURVIVING,
    Search,
    claim_spacings,
    gather,
)
from analyzer.keepalive.story.values import GapKind
from tests.keepalive.columns import Seen, asked
from tests.keepalive.simulated import gap

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind
HZ_250 = 1


def gathered(corrected: list[Seen], strictness: int = ALL) -> Search:
    s = asked(corrected, LINUX, is_whole=True)
    gather(s, 0, HZ_250, strictness, has_phase=True)
    return s


@pytest.mark.parametrize(
    ("strictness", "roles"),
    [
        (ALL, [SURE_IDLE, SURE_IDLE, SPACED, SPACED, SURVIVING, OTHER, OTHER]),
        (NO_CENSORED, [SURE_IDLE, SURE_IDLE, SPACED, SPACED, OTHER, OTHER, OTHER]),
        (NO_OPENING, [OPENING_IDLE, SURE_IDLE, SPACED, SPACED, OTHER, OTHER, OTHER]),
    ],
)
def test_each_step_believes_less(strictness: int, roles: list[int]) -> None:
    gaps = [
        gap(FIRST, 60),
        gap(CYCLE, 60, 60),
        gap(SPACING, 70, 10, 1),
        gap(GIVE_UP, 80, 10, 2),
        gap(SURVIVED, 50),
        gap(PENDING, 90, 10, 1),
    ]
    s = gathered([*map(Seen, gaps), Seen(gap(CYCLE, 90, 90), TELLS_NOTHING)], strictness)
    assert list(s.readings.role[: len(roles)]) == roles
    assert s.evidence.time_high[0] == 60


def test_repetitions_are_left_out() -> None:
    gaps = [gap(CYCLE, 60, 60)] * 10 + [gap(CYCLE, 60 + nth, 60 + nth) for nth in range(1, 100)]
    assert sharp([*map(Seen, gaps[:10])]) == (MAX_ALIKE, 0)
    assert sharp([*map(Seen, gaps)]) == (MAX_PHASED, 0)
    spacings = [Seen(gap(SPACING, -1, 60 + nth, 1)) for nth in range(100)]
    assert sharp(spacings) == (0, MAX_PHASED)


def sharp(corrected: list[Seen]) -> tuple[int, int]:
    evidence = gathered(corrected).evidence
    return evidence.sharp_idle[0], evidence.sharp_spacings[0]


def test_what_may_be_longer_by_a_loss_is_not_compared() -> None:
    assert sharp([Seen(gap(CYCLE, 60, 60)), Seen(gap(CYCLE, 61, 61), slack_ns=SECOND)]) == (1, 0)


def test_spacings_claim_both_ends_but_for_the_first_of_a_run() -> None:
    s = gathered([Seen(gap(SPACING, -1, 10, count)) for count in (1, 2, 3)])
    assert claim_spacings(s, 2) == 5
    assert [at_ns // SECOND for at_ns in s.claims.at_ns[:5]] == [10, 20, 10, 30, 20]
