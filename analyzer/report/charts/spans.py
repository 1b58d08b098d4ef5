"""What lasts for a while on a timeline: the time in which an end was lost, closed windows, the silence at the end.

Instants are seconds since the connection's first segment.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from analyzer.keepalive.findings import Flow
from analyzer.keepalive.verdict.values import How, Outcome
from analyzer.report.units import SECOND

if TYPE_CHECKING:
    from analyzer.report.charts.strokes import Segment

LOST = (Outcome.TIMED_OUT, Outcome.UNREACHABLE, Outcome.PROBING, Outcome.UNDETECTED)
"""Outcomes of connections of which one end is lost, or may be."""
WINDOW_TAGS = ("zero-window-probe", "zero-window-answer")
OTHER_S = 1.0
"""Segments between two probes of a window, so much after the first of these, are others': the window was open."""
AT_ONCE_S = 0.1
"""Who closes so soon after data has not waited."""


class Span(NamedTuple):
    """From when until when; `end` is the end of the connection that it concerns."""

    begin: float
    until: float
    end: int


def lost(flow: Flow) -> Span | None:
    """Return the time in which an end was lost: from its last sign to the first thing that it never answered.

    That is the first of the last run of unanswered probes, or of data: an end that answered later was not lost.
    """
    if flow.verdict.outcome not in LOST:
        return None
    run, data = flow.story.run, flow.story.unanswered_data
    asked = [(run.first_ns, run.heard_ns, run.end)] if run is not None else []
    asked += [(data.since_ns, data.heard_ns, data.end)] if data is not None else []
    if not asked:
        return None
    first_ns, heard_ns, end = min(asked, key=lambda one: (one[2] != flow.verdict.prober, one[0]))
    heard_ns = max(heard_ns, flow.start_ns)
    return Span(_since_start(flow, heard_ns), _since_start(flow, max(first_ns, heard_ns)), 1 - end)


def unanswered_from(found: Span, asked: list[float]) -> Span:
    """Return the span up to the first of these instants after its begin, where nothing else says when it ends."""
    later = [time for time in asked if time > found.begin]
    return found._replace(until=later[0]) if found.until == found.begin and later else found


def closed_windows(segments: "Iterable[Segment]") -> list[Span]:
    """Return when an end's window was closed: from the first probe of it to the last answer, or the last probe if the
    capture has no answer."""
    found: list[Span] = []
    previous, is_answered = float("nan"), False
    for time, idle, end, tag, _ in segments:
        closer = end if tag == WINDOW_TAGS[1] else 1 - end
        if tag not in WINDOW_TAGS:
            previous = float("nan")
        elif found and found[-1].end == closer and time - idle - previous <= OTHER_S:
            is_answered, previous = is_answered or tag == WINDOW_TAGS[1], time
            if not is_answered or tag == WINDOW_TAGS[1]:
                found[-1] = found[-1]._replace(until=time)
        else:
            found.append(Span(time, time, closer))
            is_answered, previous = tag == WINDOW_TAGS[1], time
    return found


def tail(flow: Flow) -> Span | None:
    """Return the silence up to the capture's end; None of a connection that is over."""
    if not flow.silent_ns:
        return None
    return Span(_since_start(flow, flow.story.last_ns), _since_start(flow, flow.story.capture_end_ns), 0)


def before_close(flow: Flow) -> Span | None:
    """Return the time without data after which an end closed the connection; None where it did so at once."""
    ending = flow.ending
    if ending is None or ending.how not in (How.FIN, How.RST) or not ending.data_ns or ending.at_ns is None:
        return None
    at = _since_start(flow, ending.at_ns)
    span = Span(at - ending.data_ns / SECOND, at, ending.by if ending.by in (0, 1) else 0)
    return span if span.until - span.begin >= AT_ONCE_S and span.begin >= 0 else None


def _since_start(flow: Flow, time_ns: int) -> float:
    return (time_ns - flow.start_ns) / SECOND
