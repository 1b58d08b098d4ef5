"""Strokes: every tag has a kind, what was lost to a close is marked, nothing arrives at an end that is not heard."""

import pytest

from analyzer.keepalive.tags.tag import Tag
from analyzer.report.charts import spans
from analyzer.report.charts.spans import Span
from analyzer.report.charts.strokes import KIND_OF, LOST, Stroke, heard_again, in_vain, segments_of, strokes_of
from tests.report.charts.drawing import sample


def strokes(name: str, flow: int = 0) -> list[Stroke]:
    findings = sample(name).findings
    found = findings.flows[flow]
    return strokes_of(found, segments_of(findings, found))


@pytest.mark.parametrize("name", ["nc-30-10-5", "link-dead-arp-8-3-5", "node-closes-after-5"])
def test_segments_are_those_of_the_table(name: str) -> None:
    """In its order, with what nobody on the link answered."""
    a = sample(name)
    for flow, rows in a.segments.groupby("flow"):
        found = a.findings.flows[flow]
        since = rows["time"] - a.flows.loc[flow, "start"]
        times, idle = (column.dt.total_seconds().tolist() for column in (since, rows["idle"]))
        told = segments_of(a.findings, found)
        expected = list(zip(rows["frame"], rows["tag"], rows["end"], strict=True))
        assert [(one.frame, one.tag, one.end) for one in told] == expected
        assert [one.time for one in told] == pytest.approx(times)
        assert [one.idle for one in told] == pytest.approx(idle, nan_ok=True)


def test_every_tag_is_drawn_somehow() -> None:
    assert set(KIND_OF) == set(Tag)


def test_requests_that_a_close_cost_are_marked() -> None:
    """The recording's truth: the requests in frames 73, 63 and 78 were answered with RST."""
    for flow, frame in ((2, 73), (3, 63), (4, 78)):
        assert [one.frame for one in strokes("node-closes-after-5", flow) if one.kind.label == LOST] == [frame]
    assert not [one for one in strokes("node-closes-after-5", 0) if one.kind.label == LOST]


def test_nothing_arrives_at_an_end_that_is_lost() -> None:
    found = sample("unacknowledged-given-up-and-hanging").findings.flows[1]
    lost = spans.lost(found)
    assert lost is not None
    drawn = in_vain(strokes("unacknowledged-given-up-and-hanging", 1), lost)
    resent = [one for one in drawn if one.tag == "retransmission"]
    assert len(resent) == 5
    assert not any(one.arrives for one in resent)
    assert all(one.arrives for one in drawn if one.time < lost.begin)


def test_an_end_that_is_heard_again_gets_what_is_sent() -> None:
    ack, data = KIND_OF["ack"], KIND_OF["data"]
    sent = [Stroke(time, 0, data, "data", arrives=True) for time in (1.0, 3.0, 6.0)]
    heard = Stroke(5.0, 1, ack, "ack", arrives=True)
    lost = Span(2.0, 3.0, 1)
    assert heard_again([*sent, heard], lost) == 5.0
    assert [one.arrives for one in in_vain([*sent, heard], lost)] == [True, False, True, True]
