"""What ARP and other flows say about an end that fell silent."""

from analyzer.keepalive.neighbourhood import Neighbourhood
from analyzer.keepalive.verdict import Cause, Outcome, Reason, Surroundings
from tests.keepalive.test_tags import OPENED
from tests.transcript import Told, told

ANSWERED = f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000  | keepalive-probe
    31.02  B>A  A  seq 5000  ack 1100  | keepalive-answer
"""
NOBODY = """
    61.02  ask B by A
    62.02  ask B by A
    71.02  ask B by A
    72.02  ask B by A
"""


def around(result: Told) -> Surroundings:
    analysis = result.analysis
    tracker = analysis._tracker
    return Neighbourhood(tracker.table, tracker.neighbours, analysis.capture.last_ns).around(0, analysis.flows[0].story)


def test_solicitations_stand_for_probes_that_are_not_sent() -> None:
    result = told(ANSWERED + NOBODY + "    73.00  end")
    verdict = result.flow.verdict
    assert (verdict.outcome, verdict.cause, verdict.prober) == (Outcome.PROBING, Cause.LINK_DEAD, 0)
    assert around(result).silent_end == 1
    assert len(around(result).asked) == 4


def test_when_they_cease_the_prober_has_given_up() -> None:
    verdict = told(ANSWERED + NOBODY + "    300.00  end").flow.verdict
    assert (verdict.outcome, verdict.cause, verdict.errno) == (Outcome.TIMED_OUT, Cause.LINK_DEAD, "ETIMEDOUT")


def test_without_keepalive_nobody_has_noticed() -> None:
    verdict = told(OPENED + NOBODY + "    300.00  end").flow.verdict
    assert (verdict.outcome, verdict.cause, verdict.reasons) == (Outcome.UNDETECTED, None, (Reason.NEIGHBOUR_SILENT,))


def test_one_solicitation_may_have_been_lost() -> None:
    result = told(ANSWERED + "    61.02  ask B by A\n    300.00  end")
    assert around(result).asked == ()
    assert result.flow.verdict.outcome is Outcome.ALIVE


def test_an_answer_just_after_the_give_up_still_counts() -> None:
    result = told(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    50.01  ask B by A
    51.00  ask B by A
    51.01  A>B  RA  seq 1100  ack 5000  | give-up-rst
    51.02  tell A about B
    """)
    assert result.flow.verdict.cause is Cause.PEER_SILENT


def test_a_host_that_answers_other_flows_is_on_the_link() -> None:
    result = told(f"""{ANSWERED}{NOBODY}
    80.00  A:5001>B  PA  seq 1  ack 1   len 10
    80.01  B>A:5001  PA  seq 1  ack 11  len 10
    """)
    assert around(result) == Surroundings(1, answers_elsewhere=True, asked=())
    assert result.analysis.flows[0].verdict.outcome is Outcome.ALIVE
