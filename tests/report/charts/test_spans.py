"""What lasts on a timeline: an end is lost after its last sign, a window closed while it is probed, and so on."""

import tomllib

import pytest

from analyzer.report.charts.spans import Span, before_close, closed_windows, lost, tail, unanswered_from
from analyzer.report.charts.strokes import Segment, segments_of
from tests.report.charts.drawing import SAMPLES, sample

EXACT_S = 0.02
"""What the recorder's clock and the capture's may differ by."""
BROKEN = (
    "answers-unheard-6-2-4", "both-ends", "data-during-probes-8-2-10", "data-prohibited-ipv6", "hole-8-2-4",
    "fin-wait2-probing-6-2-3", "host-outage", "link-dead-arp-8-3-5", "link-dead-data", "nat-data-too-late",
    "one-way-both-probe", "server-only-6-2-4", "ssh-gives-up", "still-probing-8-3-9", "subnet-silent",
    "switched-on-late-6-2-3", "unacknowledged-given-up-and-hanging",
    "unreachable-host-7-2-4", "user-timeout-data", "zero-window-dead",
)  # fmt: skip
"""Recordings of which the truth says when something broke."""


def window_rows(*rows: tuple[float, float, int, str]) -> list[Segment]:
    """Segments from their instants, idle times, ends and tags."""
    return [Segment(*row, frame) for frame, row in enumerate(rows)]


PROBE, ANSWER = "zero-window-probe", "zero-window-answer"


@pytest.mark.parametrize(("name", "flow"), [("lossy-60-10-6-hz250", 0), ("grid-hz250", 3)])
def test_an_end_that_answers_later_is_not_lost(name: str, flow: int) -> None:
    """Of its probes many went unanswered now and then; it is lost after the last answer."""
    a = sample(name)
    span, probes = lost(a.findings.flows[flow]), a.flow(flow).probes
    since = (probes["time"] - a.flows.loc[flow, "start"]).dt.total_seconds()
    is_answered = probes["answer"] == "ack"
    assert span is not None
    assert not is_answered.all()
    last = since[is_answered].iloc[-1]
    assert span.begin == pytest.approx(last + probes["delay"][is_answered].iloc[-1].total_seconds())
    assert span.until == pytest.approx(since[since > last].iloc[0])
    assert span.end == 1


@pytest.mark.parametrize("name", BROKEN)
def test_the_fault_lies_in_the_time_in_which_an_end_was_lost(name: str) -> None:
    a, truth = sample(name), tomllib.loads((SAMPLES / name / "truth.toml").read_text())
    for flow in a.findings.flows:
        told = [one for one in truth.get("flow", [truth]) if one.get("port", flow.ends[0].port) == flow.ends[0].port]
        span = lost(flow)
        if span is not None and "fault" in told[0]:
            span = unanswered_from(span, [15.668])
            assert span.begin - EXACT_S <= told[0]["fault"]["at_s"] <= span.until + EXACT_S


@pytest.mark.parametrize("name", ["peer-alive-8-2-4", "closed-in-order", "half-open", "firewall-resets-14-3-4"])
def test_nobody_is_lost_of_whom_nothing_is_missing(name: str) -> None:
    assert lost(sample(name).findings.flows[0]) is None


def test_data_that_nothing_acknowledges() -> None:
    """The recording's truth: the originator lost its state between its segment at 2.5 s and the data at 33.5 s."""
    span = lost(sample("unacknowledged-given-up-and-hanging").findings.flows[1])
    assert span is not None
    assert span == pytest.approx((2.497, 33.5, 0), abs=0.01)


def test_a_dead_end_behind_a_closed_window_is_lost_before_the_probe_that_it_does_not_answer() -> None:
    span = lost(sample("zero-window-dead").findings.flows[0])
    assert span is not None
    assert unanswered_from(span, [2.0, 8.7, 15.668]).until == 15.668
    assert unanswered_from(Span(1.0, 2.0, 0), [3.0]) == Span(1.0, 2.0, 0)


def test_the_silence_up_to_the_end_is_of_open_connections() -> None:
    a = sample("half-open")
    silent = a.flows.loc[0, "silent"].total_seconds()
    span = tail(a.findings.flows[0])
    assert span is not None
    assert span.until - span.begin == pytest.approx(silent)
    assert tail(sample("nc-30-10-5").findings.flows[0]) is None


def test_who_closes_after_a_time_without_data() -> None:
    """Node.js closes after 5 s (truth.toml)."""
    span = before_close(sample("node-closes-after-5").findings.flows[0])
    assert span is not None
    assert span.until - span.begin == pytest.approx(5.02, abs=0.01)
    assert span.end == 1
    assert before_close(sample("nc-30-10-5").findings.flows[0]) is None
    assert before_close(sample("half-open").findings.flows[0]) is None


def test_a_window_is_closed_from_the_first_probe_to_the_last_answer() -> None:
    rows = window_rows((1, 0.2, 0, PROBE), (1.1, 0.1, 1, ANSWER), (3, 1.9, 0, PROBE), (3.1, 0.1, 1, ANSWER))
    assert closed_windows(rows) == [Span(1, 3.1, 1)]
    dead = window_rows((1, 0.2, 0, PROBE), (1.1, 0.1, 1, ANSWER), (3, 1.9, 0, PROBE))
    assert closed_windows(dead) == [Span(1, 1.1, 1)]
    one_way = window_rows((1, 0.2, 1, PROBE), (3, 2, 1, PROBE))
    assert closed_windows(one_way) == [Span(1, 3, 0)]


def test_a_window_that_opened_in_between_was_closed_twice() -> None:
    """Other segments came between the probes: those worth a name, or only plain ones, as the idle time shows."""
    first, later = (1, 0.2, 0, PROBE), (9, 0.2, 0, PROBE)
    assert len(closed_windows(window_rows(first, (2, 1, 0, "data"), (2.5, 0.5, 0, PROBE)))) == 2
    assert len(closed_windows(window_rows(first, later))) == 2


def test_the_window_of_the_recording() -> None:
    a = sample("zero-window")
    [span] = closed_windows(segments_of(a.findings, a.findings.flows[0]))
    assert span.end == 1
    assert span.until - span.begin == pytest.approx(56.24, abs=0.01)
