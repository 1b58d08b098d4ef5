"""What ARP and other flows say about an end that fell silent."""

from analyzer.keepalive.neighbourhood import Neighbourhood
from analyzer.keepalive.verdict import Cause, Confidence, Outcome, Reason, Surroundings, Verdict
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


# ---- what fell silent with it

RUN = f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    51.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    61.01  A>B  RA  seq 1100  ack 5000  | give-up-rst
"""


def to_another(host: str, port: int, begin: float = 2.0) -> str:
    """A second connection of A, which B or C opens nothing on, and whose probes go unanswered too."""
    way, back = f"A:{port}>{host}", f"{host}>A:{port}"
    return f"""
    {begin:.2f}  {way}   S   seq 999
    {begin + 0.01:.2f}  {back}   SA  seq 4999  ack 1000
    {begin + 0.02:.2f}  {way}   A   seq 1000  ack 5000
    {begin + 1:.2f}  {way}   PA  seq 1000  ack 5000  len 100
    {begin + 1.01:.2f}  {back}   A   seq 5000  ack 1100
    {begin + 31.01:.2f}  {way}   A   seq 1099  ack 5000  | keepalive-probe
    {begin + 41.01:.2f}  {way}   A   seq 1099  ack 5000  | keepalive-probe
    """


def time_of(line: str) -> float:
    return float(line.split(maxsplit=1)[0])


def in_order(text: str) -> Told:
    """A transcript told in parts that overlap."""
    lines = [line for line in text.splitlines() if line.strip()]
    return told("\n".join(sorted(lines, key=time_of)))


def first_verdict(text: str) -> Verdict:
    return in_order(text).analysis.flows[0].verdict


def test_a_peer_silent_on_all_its_connections() -> None:
    verdict = first_verdict(RUN + to_another("B", 5001))
    assert (verdict.outcome, verdict.cause) == (Outcome.TIMED_OUT, Cause.PEER_SILENT)
    assert verdict.reasons == (Reason.GIVE_UP_RST, Reason.PEER_HOST_SILENT, Reason.PEER_FLOWS_SILENT)


def test_a_whole_network_silent_is_the_way_there() -> None:
    verdict = first_verdict(RUN + to_another("C", 5001))
    assert (verdict.outcome, verdict.cause) == (Outcome.TIMED_OUT, Cause.PATH_DROPPED)
    assert (verdict.confidence, verdict.reasons[1:]) == (Confidence.LIKELY, (Reason.NETWORK_SILENT,))


def test_a_network_in_which_somebody_speaks_is_not_silent() -> None:
    verdict = first_verdict(f"{RUN}{to_another('C', 5001)}    50.00  D:7>A:5002  PA  seq 1  ack 1  len 10\n")
    assert verdict.cause is Cause.PEER_SILENT


def test_a_neighbour_that_fell_silent_later_does_not_make_a_network() -> None:
    """It still answered when the peer had already fallen silent."""
    verdict = first_verdict(RUN + to_another("C", 5001, begin=35.0))
    assert verdict.cause is Cause.PEER_SILENT
