"""What ARP and other flows say about an end that fell silent."""

import struct

import pytest

from analyzer.keepalive.context.neighbours import BLOCK
from analyzer.keepalive.story.values import GapKind
from analyzer.keepalive.story_reader import KINDS
from analyzer.keepalive.verdict.values import Cause, Confidence, FlowContext, Outcome, Reason, Verdict
from tests.capture.writers import Frame
from tests.keepalive.tags.test_tag import OPENED
from tests.keepalive.verdict.test_judge import GAVE_UP
from tests.transcript import Told, analyse, ethernet, ip, told, transcript

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


def context(result: Told) -> FlowContext:
    assembler = result.analysis._assembler
    return assembler._survey.neighbourhood.read(assembler._batch([0]).context, 0)


def test_solicitations_stand_for_probes_that_are_not_sent() -> None:
    result = told(ANSWERED + NOBODY + "    73.00  end")
    verdict = result.flow.verdict
    assert (verdict.outcome, verdict.cause, verdict.prober) == (Outcome.PROBING, Cause.LINK_DEAD, 0)
    assert context(result).silent_end == 1
    assert len(context(result).asked) == 4


def test_when_they_cease_the_prober_has_given_up() -> None:
    verdict = told(ANSWERED + NOBODY + "    300.00  end").flow.verdict
    assert (verdict.outcome, verdict.cause, verdict.errno) == (Outcome.TIMED_OUT, Cause.LINK_DEAD, "ETIMEDOUT")


@pytest.mark.parametrize(
    ("tries", "delay_s"),
    [
        ((61.02, 62.02, 63.02, 71.02, 72.02, 73.02), 40.0),  # the RST asked: nothing was under way for 7 s
        ((61.02, 62.02, 63.02, 67.02, 68.02, 69.02), 39.2),  # 3 s may show as 6 s: the RST may have come 3 s later
    ],
)
def test_the_longest_time_that_fits_where_even_the_give_up_waits_for_arp(
    tries: tuple[float, ...], delay_s: float
) -> None:
    asking = "".join(f"    {at}  ask B by A\n" for at in tries)
    verdict = told(f"{ANSWERED}{asking}    300.00  end").flow.verdict
    assert verdict.detection_delay_ns == round(delay_s * 10**9)


@pytest.mark.parametrize(
    ("lines", "outcome"), [(NOBODY.splitlines()[:3], Outcome.UNDETECTED), (NOBODY.splitlines(), Outcome.UNKNOWN)]
)
def test_nobody_has_noticed_unless_what_asked_again_was_a_timer(lines: list[str], outcome: Outcome) -> None:
    verdict = told("\n".join([OPENED, *lines, "    300.00  end"])).flow.verdict
    assert (verdict.outcome, verdict.cause, verdict.reasons) == (outcome, None, (Reason.NEIGHBOUR_SILENT,))


def test_one_solicitation_may_have_been_lost() -> None:
    result = told(ANSWERED + "    61.02  ask B by A\n    300.00  end")
    assert context(result).asked == ()
    assert result.flow.verdict.outcome is Outcome.OPEN


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
    assert context(result) == FlowContext(1, answers_elsewhere=True, asked=())
    assert result.analysis.flows[0].verdict.outcome is Outcome.OPEN


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


def test_a_host_that_was_away_and_came_back_did_not_answer_elsewhere_meanwhile() -> None:
    """The other connection was probed in vain at the same time, and lives on afterwards."""
    result = in_order(f"""{GAVE_UP}
    1.500  A:5001>B  PA  seq 1   ack 1  len 10
    1.501  B>A:5001  PA  seq 1   ack 11 len 10
    35.00  A:5001>B  A   seq 10  ack 11  | keepalive-probe
    45.00  A:5001>B  A   seq 10  ack 11  | keepalive-probe
    55.00  A:5001>B  A   seq 10  ack 11  | keepalive-probe
    70.00  A:5001>B  A   seq 10  ack 11  | keepalive-probe
    70.01  B>A:5001  A   seq 11  ack 11  | keepalive-answer
    """)
    dead, alive = (flow.verdict for flow in result.analysis.flows)
    assert (dead.outcome, alive.outcome) == (Outcome.TIMED_OUT, Outcome.ALIVE)
    assert dead.cause is Cause.PEER_SILENT


@pytest.mark.parametrize(("asked", "left"), [((38.0, 39.0, 40.0), 0), ((38.0, 39.0), 1), ((38.0,), 1)])
def test_what_was_due_while_the_neighbour_was_gone_was_not_sent(asked: tuple[float, ...], left: int) -> None:
    """A spacing says nothing if the host asked for its neighbour in vain meanwhile: a probe may have waited for it."""
    asking = "".join(f"    {at}  ask B by A\n" for at in asked)
    result = in_order(f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    {asking}
    41.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.02  B>A  A   seq 5000  ack 1100  | keepalive-answer
    """)
    assembler = result.analysis._assembler
    gaps, ends = assembler._observed(assembler._batch([0]))
    kinds = [KINDS[gaps.kind[row]] for row in range(ends.first_gap[1])]
    assert kinds.count(GapKind.SPACING) == left
    assert GapKind.FIRST in kinds


def in_vxlan(vni: int, frames: list[Frame]) -> list[Frame]:
    """The same frames as they pass between two hosts of an overlay."""
    wrapped: list[Frame] = []
    for ts_ns, octets, *_ in frames:
        carried = struct.pack("!HHHHII", 50000, 4789, 16 + len(octets), 0, 8 << 24, vni << 8) + octets
        wrapped.append((ts_ns, ethernet(ip(17, "D", "E", carried, 64, 1, False), False)))
    return wrapped


@pytest.mark.parametrize("vni", [5, 6])
def test_a_neighbour_in_another_tunnel_is_another_one(vni: int) -> None:
    frames = in_vxlan(5, transcript(ANSWERED)) + in_vxlan(vni, transcript(NOBODY + "    300.00  end"))
    [flow] = analyse(frames).flows
    assert (flow.verdict.cause is Cause.LINK_DEAD) == (vni == 5)


@pytest.mark.parametrize("vni", [5, 6])
def test_an_address_in_another_tunnel_does_not_answer_for_the_peer(vni: int) -> None:
    other = """
    45.00  C>B  PA  seq 1000  ack 5000  len 10
    45.01  B>C  PA  seq 5000  ack 1010  len 10
    """
    frames = in_vxlan(5, transcript(GAVE_UP)) + in_vxlan(vni, transcript(other))
    analysis = analyse(sorted(frames, key=lambda frame: frame[0]))
    assert context(Told(analysis)).answers_elsewhere == (vni == 5)


IDLE = """
    0.0000  A>B  S   seq 999
    0.0001  B>A  SA  seq 4999 ack 1000
    0.0100  A>B  A   seq 1000 ack 5000
    0.5000  A:5000>B  S   seq 99
    0.5001  B>A:5000  SA  seq 499 ack 100
    0.5100  A:5000>B  A   seq 100 ack 500
"""
ASKED_IN_VAIN = """
    30.00  A:5000>B  A   seq 99  ack 500  | keepalive-probe
    40.00  A:5000>B  A   seq 99  ack 500  | keepalive-probe
    50.00  A:5000>B  A   seq 99  ack 500  | keepalive-probe
"""


@pytest.mark.parametrize(("meanwhile", "is_bound"), [("", True), (ASKED_IN_VAIN, False)])
def test_a_host_that_leaves_others_waiting_may_probe_unseen(meanwhile: str, is_bound: bool) -> None:
    """Captured at B: no probe on its idle connection up to the end is a bound, unless nothing of B comes through."""
    flow = told(IDLE + meanwhile + "    900.00  end").analysis.flows[0]
    time = flow.ends[1].settings.tcp_keepalive_time
    assert (time is not None and time.low > 700) == is_bound


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        ("A  seq 11  ack 11", Cause.PATH_DROPPED),
        ("PA  seq 11  ack 11  len 5", Cause.PATH_DROPPED),
        ("R  seq 11  | stray by goes-on-probing", Cause.PEER_SILENT),  # whoever sent that
    ],
)
def test_a_host_that_is_heard_elsewhere_meanwhile_lives(reply: str, cause: Cause) -> None:
    """Before and after as well, so that only what it sent meanwhile counts."""
    result = in_order(f"""{GAVE_UP}
    1.500  A:5001>B  PA  seq 1   ack 1  len 10
    1.501  B>A:5001  PA  seq 1   ack 11 len 10
    45.00  B>A:5001  {reply}
    70.00  A:5001>B  A   seq 10  ack 11  | keepalive-probe
    70.01  B>A:5001  A   seq 11  ack 11  | keepalive-answer
    """)
    assert result.analysis.flows[0].verdict.cause is cause


@pytest.mark.parametrize(("spoke", "cause"), [("", Cause.PEER_SILENT), ("45.00", Cause.PATH_DROPPED)])
def test_what_began_later_however_much_hides_nothing(spoke: str, cause: Cause) -> None:
    """Before and after the many that B answers later there is one connection that was open all the while."""
    later = "".join(
        f"""
    {80 + nth / 100:.2f}  A:{6000 + nth}>B  PA  seq 1  ack 1  len 10
    {80.001 + nth / 100:.3f}  B>A:{6000 + nth}  A   seq 1  ack 11
    """
        for nth in range(3 * BLOCK)
    )
    heard = f"{spoke}  B>A:5001  A  seq 11  ack 11\n" if spoke else ""
    result = in_order(f"""{GAVE_UP}
    1.500  A:5001>B  PA  seq 1   ack 1  len 10
    1.501  B>A:5001  PA  seq 1   ack 11 len 10
    {heard}{later}
    70.00  A:5001>B  A   seq 10  ack 11  | keepalive-probe
    70.01  B>A:5001  A   seq 11  ack 11  | keepalive-answer
    """)
    assert result.analysis.flows[0].verdict.cause is cause
