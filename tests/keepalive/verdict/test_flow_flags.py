"""Flow flags say of a connection what the whole finding says, and summaries need no plain ones."""

from pathlib import Path

import pytest

from analyzer.analysis import Analysis, analyze
from analyzer.keepalive.failures import failure
from analyzer.keepalive.findings import Flows
from analyzer.keepalive.summary import advice
from analyzer.keepalive.verdict import flow_flags
from analyzer.keepalive.verdict.flow_flags import BEATS, FIRST_PROBES, NOTABLE, SECOND_PROBES
from analyzer.keepalive.verdict.values import Outcome
from tests.benchmarks.captures import CAPTURES
from tests.keepalive.made import in_brief, limits
from tests.recordings import SAMPLES
from tests.transcript import analyse, told, transcript

OPENED = """
    0.000  A>B  S   seq 999
    0.010  B>A  SA  seq 4999  ack 1000
    0.020  A>B  A   seq 1000  ack 5000
"""
CLOSED = """
    1.000  A>B  FA  seq 1000  ack 5000
    1.010  B>A  FA  seq 5000  ack 1001
    1.020  A>B  A   seq 1001  ack 5001
"""


def is_plain(analysis: Analysis, number: int) -> bool:
    return not analysis.flows.by.flow_flags[number] & NOTABLE


def assert_flags_are_true(analysis: Analysis) -> int:
    """How a flow ended does not depend on surroundings that nobody asks for, nor findings on plain flows."""
    plain = 0
    for flow in analysis.flows:
        flags_of = analysis.flows.by.flow_flags[flow.id]
        assert flow_flags.outcome_of(flags_of) is flow.verdict.outcome
        assert (bool(flags_of & FIRST_PROBES), bool(flags_of & SECOND_PROBES)) == (0 in flow.probers, 1 in flow.probers)
        assert bool(flags_of & BEATS) == bool(flow.beating)
        if is_plain(analysis, flow.id):
            plain += 1
            assert not flow.probers
            assert not flow.story.silences
            assert failure(flow) is None
    assert limits(analysis.flows) == analysis.path_limits
    assert advice.advise(in_brief(analysis.flows), analysis.path_limits) == analysis.advice
    return plain


@pytest.mark.parametrize(
    "capture", [one for one in SAMPLES if "grid" not in one.parent.name], ids=lambda capture: capture.parent.name
)
def test_flags_of_recordings(capture: Path) -> None:
    assert_flags_are_true(analyze(str(capture)))


@pytest.mark.parametrize("name", ["data", "frames", "idle"])
def test_flags_of_generated_captures(name: str, tmp_path: Path) -> None:
    capture = tmp_path / "capture.pcap"
    CAPTURES[name].make(capture, 0.001 if name == "idle" else 0.005)
    assert (assert_flags_are_true(analyze(str(capture))) > 0) == (name != "idle")


def outcome_of(text: str) -> Outcome | None:
    """What the flags say; None if it is not plain."""
    analysis = analyse(transcript(text))
    [outcome] = analysis.flows.outcomes()
    return outcome if is_plain(analysis, 0) else None


def test_what_opens_and_closes_is_plain() -> None:
    assert outcome_of(OPENED + CLOSED) is Outcome.CLOSED
    assert (
        outcome_of(OPENED + "1.0  A>B  PA  seq 1000  ack 5000  len 9\n 1.1  B>A  A  seq 5000  ack 1009")
        is Outcome.ALIVE
    )
    assert (
        outcome_of("0.0  A>B  PA  seq 1000  ack 5000  len 9\n 0.1  A>B  PA  seq 1009  ack 5000  len 9")
        is Outcome.UNKNOWN
    )


def test_what_somebody_may_ask_about_is_not() -> None:
    assert outcome_of(OPENED + "30.0  A>B  A  seq 999  ack 5000\n 30.01  B>A  A  seq 5000  ack 1000") is None
    assert outcome_of(OPENED + "30.0  A>B  PA  seq 1000  ack 5000  len 9\n 30.01  B>A  A  seq 5000  ack 1009") is None
    assert outcome_of(OPENED + "1.0  B>A  R  seq 5000") is None
    assert outcome_of(OPENED + "300.0  end") is None


def test_an_end_that_nobody_finds_on_the_link_is_not_plain() -> None:
    lost = OPENED + "1.0  ask B by A\n 2.0  ask B by A\n 3.0  ask B by A\n 8.0  end"
    result = told(lost)
    assert not is_plain(result.analysis, 0)
    assert result.flow.verdict.outcome is Outcome.UNDETECTED


def test_flows_are_a_sequence_of_those_asked_for() -> None:
    flows = analyse(transcript(OPENED + CLOSED)).flows
    assert isinstance(flows[:1], Flows)
    assert [flow.id for flow in flows[:1]] == [0]
    assert len(flows.that_ended(frozenset([Outcome.ALIVE]))) == 0
    with pytest.raises(IndexError):
        flows[1]
