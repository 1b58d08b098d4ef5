"""An idle connection whose other end has been started anew, and one whose other end has not."""

import pytest

from analyzer.keepalive.verdict.values import Confidence, Outcome, Reason
from tests.transcript import told

OLD = """
    0.000  A>B       S   seq 999   tsval 500000
    0.010  B>A       SA  seq 4999  ack 1000   tsval 1
    0.020  A>B       A   seq 1000  ack 5000   tsval 500020
    1.000  A>B       PA  seq 1000  ack 5000  len 100   tsval 501000
    1.010  B>A       A   seq 5000  ack 1100   tsval 2
"""
SIBLING = """
    3.000  A:5001>B  S   seq 999   tsval 503000
    3.010  B>A:5001  SA  seq 4999  ack 1000   tsval 3
    3.020  A:5001>B  A   seq 1000  ack 5000   tsval 503020
    4.000  A:5001>B  PA  seq 1000  ack 5000  len 100   tsval 504000
    4.010  B>A:5001  A   seq 5000  ack 1100   tsval 4
"""


def anew(tsval: int) -> str:
    return f"""
    300.000  A:5002>B  S   seq 70999   tsval {tsval}
    300.010  B>A:5002  SA  seq 84999  ack 71000   tsval 5
    300.020  A:5002>B  A   seq 71000  ack 85000   tsval {tsval + 20}
    302.000  end
    """


def test_a_clock_that_began_anew() -> None:
    verdict = told(OLD + SIBLING + anew(9000)).analysis.flows[0].verdict
    assert (verdict.outcome, verdict.cause, verdict.confidence) == (Outcome.UNDETECTED, None, Confidence.LIKELY)
    assert verdict.reasons == (Reason.PEER_RECONNECTED, Reason.PEER_CLOCK_RESTARTED)
    assert verdict.evidence_frames == (11,)


def test_a_clock_that_goes_on() -> None:
    assert told(OLD + SIBLING + anew(800000)).analysis.flows[0].verdict.outcome is Outcome.OPEN


def test_a_stack_whose_connections_have_clocks_of_their_own() -> None:
    sibling = SIBLING.replace("tsval 50", "tsval 9050")
    assert told(OLD + sibling + anew(9000)).analysis.flows[0].verdict.outcome is Outcome.OPEN


def test_one_old_connection_shows_no_common_clock() -> None:
    assert told(OLD + anew(9000)).analysis.flows[0].verdict.outcome is Outcome.OPEN


FORGOTTEN = """
    310.000  B>A:5001  PA  seq 5000  ack 1100  len 10   tsval 6
    310.010  A:5001>B  R   seq 1100  win 0
"""


def test_another_old_connection_that_was_forgotten() -> None:
    result = told(OLD + SIBLING + anew(800000).replace("302.000  end", "") + FORGOTTEN)
    verdict = result.analysis.flows[0].verdict
    assert (verdict.outcome, verdict.reasons) == (
        Outcome.UNDETECTED,
        (Reason.PEER_RECONNECTED, Reason.PEER_LOST_OTHERS),
    )


def test_a_forgotten_connection_alone_proves_nothing() -> None:
    assert told(OLD + SIBLING + FORGOTTEN).analysis.flows[0].verdict.outcome is Outcome.OPEN


def test_a_connection_that_is_used_again_is_alive() -> None:
    used = """
    311.000  A>B  PA  seq 1100  ack 5000  len 10   tsval 9500
    311.010  B>A  A   seq 5000  ack 1110   tsval 7
    """
    assert told(OLD + SIBLING + anew(9000) + used).analysis.flows[0].verdict.outcome is Outcome.ALIVE


@pytest.mark.parametrize(
    "closing",
    [
        """
    309.000  A:5001>B  FA  seq 1100  ack 5000  tsval 809000
    310.000  B>A:5001  PA  seq 5000  ack 1101  len 10   tsval 6
    311.500  A:5001>B  R   seq 1101  win 0
    """,  # what came after it had closed
        """
    309.990  A:5001>B  PA  seq 1100  ack 5000  len 10  tsval 809990
    310.000  B>A:5001  PA  seq 5000  ack 1110  len 10  tsval 6
    310.010  A:5001>B  R   seq 1110  win 0
    """,  # an application that aborts
    ],
)
def test_a_host_that_resets_what_it_has_closed_was_not_started_anew(closing: str) -> None:
    result = told(OLD + SIBLING + anew(800000).replace("302.000  end", "") + closing)
    assert result.analysis.flows[0].verdict.outcome is Outcome.OPEN
