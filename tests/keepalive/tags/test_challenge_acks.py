"""What its receiver refuses, as transcripts; that floods of it cost no more than their size; see also test_tag.py."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from analyzer.keepalive.tags import challenge_acks, rules, tagger
from analyzer.keepalive.verdict.values import Outcome
from tests.transcript import analyse, told, transcript

OLD = """
    0.00  A>B  S   seq 999
    0.01  B>A  SA  seq 4999  ack 1000
    0.02  A>B  A   seq 1000  ack 5000
    0.03  A>B  PA  seq 1000  ack 5000  len 100
    0.04  B>A  A   seq 5000  ack 1100
"""
RULES = {str(module.__file__) for module in (challenge_acks, rules, tagger)}
MIDSTREAM = "60.0  A>B  A  seq 1100  ack 5000\n"


@pytest.mark.parametrize("old", [OLD, ""], ids=["the old one captured", "not captured"])
@pytest.mark.parametrize("isn", [900, 1050, 1100, 1_000_000, 3_000_000_000])
def test_a_reset_of_the_older_connection_is_none_of_the_new_one(isn: int, old: str) -> None:
    """RFC 9293 §3.5.1, figure 10: also where the old numbers lie in the new connection's window."""
    result = told(f"""{old}
    60.00  A>B  S   seq {isn}
    60.01  B>A  A   seq 5000        ack 1100       | challenge-ack by refuses-control
    60.02  A>B  R   seq 1100                       | stray by older-connection
    61.00  A>B  S   seq {isn}
    61.01  B>A  SA  seq 88000       ack {isn + 1}
    61.02  A>B  A   seq {isn + 1}   ack 88001
    91.00  A>B  A   seq {isn}       ack 88001      | keepalive-probe by below-snd-nxt
    91.01  B>A  A   seq 88001       ack {isn + 1}  | keepalive-answer of 91.00
    """)
    assert result.analysis.flows[-1].verdict.outcome is Outcome.ALIVE


def test_a_reset_of_the_new_connection_itself_ends_it() -> None:
    """Its number is not that of the ACK before it."""
    result = told(f"""{OLD}
    60.00  A>B  S   seq 1050
    60.01  B>A  A   seq 5000  ack 1100   | challenge-ack by refuses-control
    60.02  A>B  R   seq 1051
    """)
    assert result.analysis.flows[-1].verdict.outcome is not Outcome.ALIVE


FLOODS = {
    "RSTs within the window": "{at}  A>B  R  seq 3000",
    "RSTs that tell the same ACK": "{at}  A>B  RA  seq 3000  ack 5000",
    "ACKs of what was never sent": "{at}  A>B  A  seq 1100  ack 900000",
    "probes of one end": "{at}  A>B  A  seq 1099  ack 5000",
    "octets again": "{at}  A>B  A  seq 1099  ack 5000  len 1",
    "window probes": "{at}  B>A  A  seq 4999  ack 1100  win 0",
    "ICMP errors": "{at}  icmp host-unreachable about A>B seq 1099",
    "small data": "{at}  A>B  PA  seq {seq}  ack 5000  len 2",
    "SYNs again": "{at}  A>B  S  seq 999",
}


def lines_run(flood: str, segments: int, opening: str) -> int:
    """Analyse a flood; return how many lines of the rules were run."""
    lines = (flood.format(at=f"{70 + 1.1 * one:.1f}", seq=1100 + 2 * one) for one in range(segments))
    frames, count, before = transcript(opening + "\n".join(lines)), 0, sys.gettrace()

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal count
        count += event == "line"
        return trace if frame.f_code.co_filename in RULES else None

    sys.settrace(trace)
    try:
        analysis = analyse(frames)
    finally:
        sys.settrace(before)
    assert len(analysis.candidates) > segments // 2
    assert count > segments
    return count


@pytest.mark.parametrize("opening", [OLD, MIDSTREAM], ids=["opened", "midstream"])
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_four_times_the_segments_are_four_times_the_work(flood: str, opening: str) -> None:
    """Lines, not seconds. What looks as far as 64 rows ahead does so from the first row on."""
    few, many = lines_run(flood, 400, opening), lines_run(flood, 1600, opening)
    assert many < 6 * few
