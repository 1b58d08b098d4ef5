"""The course of events in a line, as an expert would write it beside the recording."""

from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.report.words.one_line import course, who
from tests.transcript import analyse, transcript

SAMPLES = Path(__file__).parents[3] / "samples"


@pytest.mark.parametrize(
    ("sample", "begins", "ends"),
    [
        ("nat-forgets-14-3-4", "handshake ─ idle 14.01 s ─▶ probe ✗", "─▶ RST"),
        ("peer-alive-8-2-4", "handshake ─ idle ", "─▶ end of capture"),
        ("unreachable-host-7-2-4", "handshake ─ idle ", "─▶ RST"),
    ],
)
def test_course(sample: str, begins: str, ends: str) -> None:
    [flow] = analyze(str(SAMPLES / sample / "capture.pcap")).flows
    assert course(flow).startswith(begins)
    assert course(flow).endswith(ends)


def test_the_silence_at_the_end_is_told() -> None:
    a = analyze(str(SAMPLES / "host-outage/capture.pcap"))
    assert course(a.flows[1]).endswith("probe ✓ ×4 ─▶ end of capture")  # its last segment ended the capture
    silent = analyse(
        transcript("0 A>B S seq 99\n1 B>A SA seq 6 ack 100\n9 A>B A seq 99 ack 7\n9.1 B>A A seq 7 ack 100\n20 end")
    ).flows
    assert course(silent[0]).endswith("─ 10.90 s ─▶ end of capture")


def test_equal_probes_are_folded() -> None:
    [flow] = analyze(str(SAMPLES / "nc-30-10-5/capture.pcap")).flows
    assert course(flow).count("probe") == 2
    assert "×4" in course(flow)


def test_who_names_the_tunnel() -> None:
    [flow] = analyze(str(SAMPLES / "vxlan-8-2-4/capture.pcap")).flows
    assert who(flow).endswith(f"in {flow.tunnel}")
    assert " → " in who(flow)


def test_of_one_direction_nobody_knows_what_was_answered() -> None:
    [flow] = analyse(
        transcript("0 A>B S seq 99\n1 A>B A seq 100 ack 7\n9 A>B A seq 99 ack 7\n17 A>B A seq 99 ack 7")
    ).flows
    assert "probe ?" in course(flow)
    assert "✗" not in course(flow)
