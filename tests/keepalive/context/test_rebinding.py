"""Connections that go on from another port or address, and what looks like them."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from analyzer.analysis import Analysis
from analyzer.keepalive.context.rebinding import LEAST_NUMBER, MOST_ALIKE
from analyzer.keepalive.verdict.values import Cause, Confidence, Outcome, Reason
from analyzer.report.words import sentences
from tests.many.cut import files_of, joined
from tests.transcript import analyse, transcript

SEQ, ACK = 2233673077, 423501815
"""Initial sequence numbers of A and of the service B."""


def exchange(way: str, back: str, at: float = 0.0, end: float = 30.0) -> str:
    """A connection that A opens and uses until `end`; by then A has sent 40 octets and B 60, all acknowledged."""
    return f"""
    {at:.2f}  {way}   S   seq {SEQ}
    {at + 0.01:.2f}  {back}   SA  seq {ACK}  ack {SEQ + 1}
    {at + 0.06:.2f}  {way}   A   seq {SEQ + 1}  ack {ACK + 1}
    {at + 0.07:.2f}  {way}   PA  seq {SEQ + 1}  ack {ACK + 1}  len 20
    {at + 0.08:.2f}  {back}   PA  seq {ACK + 1}  ack {SEQ + 21}  len 40
    {at + 0.14:.2f}  {way}   A   seq {SEQ + 21}  ack {ACK + 41}
    {end:.2f}  {way}   PA  seq {SEQ + 21}  ack {ACK + 41}  len 20
    {end + 0.01:.2f}  {back}   PA  seq {ACK + 41}  ack {SEQ + 41}  len 20
    {end + 0.07:.2f}  {way}   A   seq {SEQ + 41}  ack {ACK + 61}
    """


OLD = exchange("A>B", "B>A")
NXT, HEARD = SEQ + 41, ACK + 61


def rebound(way: str = "A:50000>B", at: float = 754.0, seq: int = NXT, ack: int = HEARD, more: str = "len 52") -> str:
    back = "B>" + way.partition(">")[0]
    return f"""
    {at:.2f}  {way}  PA  seq {seq}  ack {ack}  {more}
    {at + 0.01:.2f}  {back}  R  seq {ack}  win 0
    """


def found(text: str, compiled: bool = False, **others: Any) -> Analysis:
    lines = [line for line in text.splitlines() if line.strip()]
    in_order = "\n".join(sorted(lines, key=lambda line: float(line.split()[0])))
    return analyse(transcript(in_order, **others), compiled)


def continues(text: str) -> list[int | None]:
    interpreted, compiled = ([flow.continues for flow in found(text, one).flows] for one in (False, True))
    assert interpreted == compiled
    return interpreted


def test_the_numbers_go_on_from_another_port() -> None:
    assert continues(OLD + rebound()) == [None, 0]
    old, new = found(OLD + rebound()).flows
    assert (old.rebound_to, new.rebound_from) == ((1, 723_930_000_000, False), (0, 723_930_000_000, False))
    assert "#1 goes on with its sequence numbers 723.93 s later from another port" in sentences.sentences(old)[0]
    assert sentences.sentences(new)[0] == (
        "It goes on with the sequence numbers of #0 from another port: a NAT on the way has rebound it."
    )


def test_from_another_address() -> None:
    assert continues(OLD + rebound("C:40000>B")) == [None, 0]
    assert "from another address" in sentences.sentences(found(OLD + rebound("C:40000>B")).flows[1])[0]


@pytest.mark.parametrize("seq", [NXT, NXT - 1], ids=["next", "probe"])
def test_data_or_a_probe(seq: int) -> None:
    more = "" if seq == NXT - 1 else "len 52"
    assert continues(OLD + rebound(seq=seq, more=more)) == [None, 0]


def test_what_was_not_acknowledged_is_sent_again() -> None:
    lost = f"100.0  A>B  PA  seq {NXT}  ack {HEARD}  len 30\n"
    for seq in (NXT, NXT + 10, NXT + 30):
        assert continues(OLD + lost + rebound(seq=seq)) == [None, 0]
    assert continues(OLD + lost + rebound(seq=NXT + 31)) == [None, None]


@pytest.mark.parametrize("ack", [HEARD, HEARD + 30])
def test_what_the_service_sent_meanwhile_may_have_arrived_or_not(ack: int) -> None:
    pushed = f"100.0  B>A  PA  seq {HEARD}  ack {NXT}  len 30\n"
    assert continues(OLD + pushed + rebound(ack=ack)) == [None, 0]


@pytest.mark.parametrize(("seq", "ack"), [(NXT + 1, HEARD), (NXT - 2, HEARD), (NXT, HEARD + 1), (NXT, HEARD - 1)])
def test_both_numbers_must_be_right(seq: int, ack: int) -> None:
    assert continues(OLD + rebound(seq=seq, ack=ack)) == [None, None]


def test_another_service_is_another_connection() -> None:
    assert continues(OLD + rebound("A:50000>B:81").replace("B>A", "B:81>A")) == [None, None]
    assert continues(OLD + rebound("A:50000>C").replace("B>A", "C>A")) == [None, None]


def test_several_rebindings_are_a_chain() -> None:
    """No RST reached it, so that it sends the same again, each time from another port."""
    again = "".join(rebound(f"A:{50000 + n}>B", 754.0 + 200 * n).splitlines(keepends=True)[1] for n in range(3))
    assert continues(OLD + again) == [None, 0, 1, 2]
    probes = "".join(
        rebound(f"A:{50000 + n}>B", 754.0 + 200 * n, NXT - 1, more="").splitlines(keepends=True)[1] for n in range(3)
    )
    assert continues(OLD + probes) == [None, 0, 1, 2]


def test_an_end_that_is_heard_again_where_it_was_has_not_moved() -> None:
    later = f"800.0  A>B  PA  seq {NXT}  ack {HEARD}  len 52\n"
    assert continues(OLD + rebound() + later) == [None, None]


def test_both_sides_of_a_nat_are_not_two_connections_one_after_the_other() -> None:
    """Captured on all interfaces of the NAT: each segment twice, from A and from the NAT's own C."""
    inside, outside = exchange("A>B", "B>A"), exchange("C:6000>B", "B>C:6000", at=0.001, end=30.001)
    assert continues(inside + outside) == [None, None]
    late = f"""
    {754.0}  A>B  PA  seq {NXT}  ack {HEARD}  len 52
    {754.001}  C:6000>B  PA  seq {NXT}  ack {HEARD}  len 52
    """
    assert continues(inside + outside + late) == [None, None]
    forgotten = late.replace("C:6000", "C:6001")
    assert continues(inside + outside + forgotten) == [None, None, 1]


def test_both_sides_of_a_nat_in_mid_stream() -> None:
    """Nobody answers, so that nothing but the time tells."""
    lines = [
        f"{at + late}  {who}>B  PA  seq {NXT + round(at) * 10}  ack {HEARD}  len 10"
        for at, (late, who) in product((0.0, 60.0, 120.0), ((0.0, "A"), (0.001, "C:6000")))
    ]
    assert continues("\n".join(lines)) == [None, None]


def test_a_service_that_answers_knows_the_connection() -> None:
    """Then the numbers are those of a capture that shows it under two names."""
    answered = f"""
    754.0  C:50000>B  PA  seq {NXT}  ack {HEARD}  len 52
    754.1  B>C:50000  A   seq {HEARD}  ack {NXT + 52}
    """
    assert continues(OLD + answered) == [None, None]


def test_small_numbers_may_be_relative() -> None:
    def shifted(text: str) -> str:
        return text.replace(str(SEQ // 1000), "0").replace(str(ACK // 1000), "0")

    assert max(SEQ % 1000, ACK % 1000) < LEAST_NUMBER
    assert shifted(OLD) != OLD
    assert continues(shifted(OLD + rebound())) == [None, None]


def test_a_scan_is_no_connection_that_goes_on() -> None:
    """The same acknowledgement from many ports, as a flood or an ACK scan has it."""
    scan = "".join(rebound(f"A:{50000 + n}>B", 754.0 + n) for n in range(MOST_ALIKE + 1))
    assert set(continues(OLD + scan)) == {None}


def test_the_old_one_is_dead_and_does_not_know() -> None:
    old, new = found(OLD + rebound()).flows
    verdict = old.verdict
    assert (verdict.outcome, verdict.cause, verdict.confidence) == (
        Outcome.UNDETECTED,
        Cause.PATH_DROPPED,
        Confidence.CERTAIN,
    )
    assert (verdict.reasons, verdict.evidence_frames) == ((Reason.REBOUND,), (10,))
    verdict = new.verdict
    assert (verdict.outcome, verdict.cause, verdict.errno) == (Outcome.RESET, Cause.PATH_DROPPED, "ECONNRESET")
    assert (verdict.reasons, verdict.evidence_frames) == ((Reason.GOES_ON_ELSEWHERE,), (10, 11))


def test_the_silence_before_it_bounds_the_path_s_limit() -> None:
    [limit] = found(OLD + rebound()).path_limits
    assert (limit.path, limit.survived_ns, limit.failed_ns) == ("10.0.0.2:80", 29_860_000_000, 723_930_000_000)
    assert (limit.failed_frames, limit.on_expiry) == ((10,), None)


def test_probes_that_went_unanswered_are_explained_by_it() -> None:
    """The service probed into the void: not the peer was silent, the path had forgotten it."""
    probes = "".join(f"{90 + 20 * n:.1f}  B>A  A  seq {HEARD - 1}  ack {NXT}\n" for n in range(4))
    give_up = f"170.0  B>A  RA  seq {HEARD}  ack {NXT}\n"
    for end, outcome in (("", Outcome.TIMED_OUT), (give_up, Outcome.TIMED_OUT)):
        analysis = found(OLD + probes + end + rebound(), hops={"A": 9})
        verdict = analysis.flows[0].verdict
        assert (verdict.outcome, verdict.cause) == (outcome, Cause.PATH_DROPPED)
        assert Reason.REBOUND in verdict.reasons
        assert [limit.failed_ns for limit in analysis.path_limits] == [59_930_000_000]


def test_one_that_had_closed_stays_closed() -> None:
    closed = f"""
    40.0  A>B  FA  seq {NXT}  ack {HEARD}
    40.1  B>A  FA  seq {HEARD}  ack {NXT + 1}
    40.2  A>B  A   seq {NXT + 1}  ack {HEARD + 1}
    """
    flows = found(OLD + closed + rebound(seq=NXT + 1, ack=HEARD + 1)).flows
    assert (flows[0].verdict.outcome, flows[1].continues) == (Outcome.CLOSED, 0)


def test_without_looking_at_single_connections_the_outcomes_are_known() -> None:
    assert found(OLD + rebound()).flows.outcomes() == {Outcome.UNDETECTED: 1, Outcome.RESET: 1}


@pytest.mark.parametrize("cut", range(1, 11))
def test_in_two_files_it_is_the_same(cut: int, tmp_path: Path) -> None:
    frames = transcript(OLD + rebound())
    assert len(frames) == 11
    join = joined(files_of(tmp_path, frames, [cut]))
    assert [(flow.continues, flow.verdict.outcome) for flow in join.flows] == [
        (None, Outcome.UNDETECTED),
        (0, Outcome.RESET),
    ]
    assert join.path_limits == found(OLD + rebound()).path_limits
