"""ARP in vain for an address that is not the peer's, where an idle connection's packets go; and what looks like it."""

import pytest

from analyzer.analysis import Analysis
from analyzer.keepalive.summary.advice import AdviceCode
from analyzer.keepalive.verdict.values import Cause, Confidence, Outcome, Reason
from analyzer.report.words import sentences
from tests.transcript import analyse, transcript

OPENED = """
    0.00  A>B  S   seq 999
    0.01  B>A  SA  seq 4999  ack 1000
    0.02  A>B  A   seq 1000  ack 5000
    0.03  A>B  PA  seq 1000  ack 5000  len 14
    0.04  B>A  PA  seq 5000  ack 1014  len 300
    0.05  A>B  A   seq 1014  ack 5300
    512.10  A>B  PA  seq 1014  ack 5300  len 14
    512.11  B>A  PA  seq 5300  ack 1028  len 300
    512.12  A>B  A   seq 1028  ack 5600
"""
BURST = (0.0, 1.03, 2.06)


def asks(whom: str = "V", who: str = "A", begin: float = 1536.1, bursts: int = 8, apart: float = 3.96) -> str:
    """Solicitations of three tries each, at an even pace: each failure takes the back-off back (RFC 6069)."""
    times = (begin + apart * n + late for n in range(bursts) for late in BURST)
    return "".join(f"    {at:.2f}  ask {whom} by {who}\n" for at in times)


def found(text: str, compiled: bool = False) -> Analysis:
    lines = [line for line in text.splitlines() if line.strip()]
    return analyse(transcript("\n".join(sorted(lines, key=lambda line: float(line.split()[0])))), compiled)


def outcome(text: str) -> Outcome:
    interpreted, compiled = (found(text, one).flows[0].verdict for one in (False, True))
    assert interpreted == compiled
    return interpreted.outcome


def test_what_is_sent_goes_to_an_address_of_nobody() -> None:
    assert outcome(OPENED + asks()) is Outcome.UNDETECTED
    analysis = found(OPENED + asks())
    [flow], [limit] = analysis.flows, analysis.path_limits
    verdict = flow.verdict
    assert (verdict.cause, verdict.confidence) == (Cause.PATH_DROPPED, Confidence.GUESS)
    assert verdict.reasons == (Reason.ASKS_FOR_ANOTHER,)
    assert verdict.evidence_frames == tuple(range(10, 22))
    assert (limit.survived_ns, limit.failed_ns, limit.failed_frames) == (512_050_000_000, 1_023_980_000_000, (10,))
    assert sentences.sentences(flow)[0].startswith("After 1023.98 s idle, 10.0.0.1 asked again and again, in vain")
    assert analysis.flows.outcomes() == {Outcome.UNDETECTED: 1}


def test_keepalive_below_that_limit_is_advised() -> None:
    [advice] = found(OPENED + asks()).advice
    assert advice.code is AdviceCode.KEEPALIVE_OFF
    assert (dict(advice.numbers)["survived_s"], dict(advice.numbers)["failed_s"]) == (512, 1024)


def test_resends_that_back_off() -> None:
    times = (0, 1, 2, 4, 5, 6, 11, 12, 13, 25, 26, 27, 52, 53, 54)
    assert outcome(OPENED + "".join(f"{1536.1 + at:.2f}  ask V by A\n" for at in times)) is Outcome.UNDETECTED


HEALTHY = {
    "a burst and no more": asks(bursts=2),
    "somebody tried for a while": asks() + "1700.0  end\n",
    "a poll every half minute": asks(apart=30.0),
    "a poll every ten seconds": asks(apart=10.0),
    "pings, a second apart": "".join(f"{1536.1 + 1.02 * n:.2f}  ask V by A\n" for n in range(40)),
    "it asked before": asks(begin=20.0, bursts=1) + asks(),
    "the silence is no longer than before": asks(begin=900.0),
    "it is answered": asks() + "1540.0  tell A about V\n",
    "it is answered in the end": asks() + "1570.0  tell A about V\n",
    "another host asks, too": asks() + asks(who="D", begin=1537.0),
    "another host asks": asks(who="D"),
    "the host asks for others, too": asks() + "1540.5  ask W by A\n",
    "a scan": "".join(f"{1536.1 + n:.2f}  ask {who} by A\n" for n, who in enumerate("CDEFGHIJKLMNOPQS")),
    "the address asks itself": asks() + "100.0  ask A by V\n100.1  tell V about A\n",
    "the address has a connection": asks() + "100.0  V:9>D:10  PA  seq 1  ack 1  len 9\n",
    "it goes on": asks() + "1580.0  A>B  PA  seq 1028  ack 5600  len 14\n1580.1  B>A  A  seq 5600  ack 1042\n",
    "the peer goes on": asks() + "1580.0  B>A  PA  seq 5600  ack 1028  len 14\n",
    "it has closed": asks() + "520.0  A>B  FA  seq 1028  ack 5600\n520.1  B>A  FA  seq 5600  ack 1029\n",
    "it is closing": asks() + "520.0  A>B  FA  seq 1028  ack 5600\n520.1  B>A  A  seq 5600  ack 1029\n",
}
ANOTHER = """
    2.00  A:5001>C  S   seq 999
    2.01  C>A:5001  SA  seq 4999  ack 1000
    2.02  A:5001>C  A   seq 1000  ack 5000
    2.03  A:5001>C  PA  seq 1000  ack 5000  len 14
    2.04  C>A:5001  A   seq 5000  ack 1014
"""


@pytest.mark.parametrize("what", HEALTHY)
def test_a_healthy_connection(what: str) -> None:
    assert outcome(OPENED + HEALTHY[what]) in {Outcome.ALIVE, Outcome.OPEN, Outcome.CLOSED}


def test_of_two_that_are_idle_neither_is_accused() -> None:
    analysis = found(OPENED + ANOTHER + asks())
    assert {flow.verdict.outcome for flow in analysis.flows} == {Outcome.OPEN}


def test_another_one_that_goes_on_does_not_matter() -> None:
    """It is not what the requests stand for."""
    later = "1560.0  A:5001>C  PA  seq 1014  ack 5000  len 14\n1560.1  C>A:5001  A  seq 5000  ack 1028\n"
    analysis = found(OPENED + ANOTHER + later + asks())
    assert [flow.verdict.outcome for flow in analysis.flows] == [Outcome.UNDETECTED, Outcome.ALIVE]
