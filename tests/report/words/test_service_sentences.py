"""Idle limits in words."""

import pytest

from analyzer.keepalive.summary.services import IdleLimit
from analyzer.keepalive.verdict.values import Confidence
from analyzer.report.words.service_sentences import idle_limit, in_brief
from tests.report.words.test_sentences import is_prose

SECOND = 10**9
LIMIT = IdleLimit(
    by="responder",
    how="fin",
    clock="data",
    value_ns=5 * SECOND,
    low_ns=4 * SECOND,
    high_ns=5 * SECOND,
    closed=3,
    survived_ns=4 * SECOND,
    lost=2,
    hit=2,
    half_closed=False,
    matches=("Node.js http server",),
    confidence=Confidence.LIKELY,
    flows=(0, 1, 2),
    frames=(9, 18, 27),
)


def test_all_of_it() -> None:
    assert idle_limit(LIMIT) == (
        "The responder closes a connection after 5 s without data: 3 ended so, and one lived that was idle for 4.00 s; "
        "2 requests were lost. Like Node.js http server. TCP keepalive does not count for it: the kernel answers that, "
        "and no application sees it."
    )


def test_after_others_what_is_true_of_all_is_left_out() -> None:
    assert idle_limit(LIMIT).startswith(in_brief(LIMIT))
    assert in_brief(LIMIT).endswith("2 requests were lost. Like Node.js http server.")


@pytest.mark.parametrize("by", ["responder", "originator", "path", "unknown"])
@pytest.mark.parametrize("how", ["fin", "rst", "silent"])
@pytest.mark.parametrize("clock", ["data", "peer-data", "no-heartbeat"])
def test_every_kind_is_prose(by: str, how: str, clock: str) -> None:
    assert is_prose(idle_limit(LIMIT._replace(by=by, how=how, clock=clock)))


def test_without_a_round_number_the_bracket() -> None:
    assert " after 4.00 s to 5.10 s without data:" in idle_limit(LIMIT._replace(value_ns=None, high_ns=5_100_000_000))
    assert " after at most 5.10 s without data:" in idle_limit(
        LIMIT._replace(value_ns=None, low_ns=0, high_ns=5_100_000_000, survived_ns=None)
    )


def test_one_alone_may_be_a_coincidence() -> None:
    words = idle_limit(LIMIT._replace(closed=1, lost=1, confidence=Confidence.GUESS))
    assert "1 request was lost. One connection alone may be a coincidence." in words


def test_several_that_are_a_guess_are_not_called_one_alone() -> None:
    words = idle_limit(LIMIT._replace(by="originator", closed=95, confidence=Confidence.GUESS))
    assert "may as well be the pause between two of its tasks." in words
    assert "alone" not in words
