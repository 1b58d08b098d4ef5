"""The segments of a connection as strokes of its timeline: of which kind, from which end, and whether they arrive."""

import math
from collections.abc import Iterable, Mapping, Sequence
from heapq import merge
from operator import attrgetter
from typing import NamedTuple

from analyzer.analysis import Analysis
from analyzer.keepalive.findings import Flow
from analyzer.keepalive.story.values import Answer, GapKind
from analyzer.keepalive.tags.tag import TAGS, Tag
from analyzer.report.charts.spans import Span
from analyzer.report.charts.style import AMBER, BLUE, GREEN, GREY, PURPLE, RED
from analyzer.report.units import SECOND
from analyzer.schema import ABSENT

SAME_S = 1e-6
MOST_SHOWN = 2000
"""Most segments in a chart, the last ones; what comes before them is left out, and the chart says so."""
FOREIGN = ("ICMP error", "ARP unanswered")
"""What others send in an end's name, or on its behalf."""


class Kind(NamedTuple):
    """The style of segments of some tags; `label` is in the legend."""

    label: str
    color: str
    width: float
    tags: tuple[str, ...]


ANSWERED, UNANSWERED, UNSEEN = "probe, answered", "probe, unanswered", "probe, answer not captured"
LOST = "data, lost to the close"
ASKS = (UNANSWERED, "resent", "window probe")
"""What an end sends again for want of an answer."""
KINDS = (
    Kind("handshake, FIN", GREY, 1.2, ("syn", "syn-ack", "fin")),
    Kind("data, ACK", GREY, 0.8, ("data", "ack", "duplicate-ack", "window-update", "duplicate-frame", "stray")),
    Kind("heartbeat", AMBER, 1.2, ("heartbeat",)),
    Kind("resent", AMBER, 1.2, ("retransmission",)),
    Kind("window probe", AMBER, 1.2, ("zero-window-probe", "zero-window-answer")),
    Kind(ANSWERED, BLUE, 1.4, ("keepalive-probe",)),
    Kind("answer", GREEN, 1.4, ("keepalive-answer", "challenge-ack")),
    Kind(UNANSWERED, RED, 1.6, ()),
    Kind(UNSEEN, BLUE, 1.4, ()),
    Kind(LOST, RED, 1.6, ()),
    Kind("RST", PURPLE, 2.4, ("rst", "give-up-rst")),
    Kind("ICMP error", PURPLE, 1.4, ("icmp-unreachable",)),
    Kind("ARP unanswered", RED, 1.2, ("arp-unanswered",)),
)
SENT = ("data", "heartbeat", "retransmission", "zero-window-probe")
"""What is sent in vain to an end that is lost, besides probes."""
DATA_TAGS = ("data", "heartbeat", "fin")
"""What may be lost to a close."""
KIND_OF = {tag: kind for kind in KINDS for tag in kind.tags}
BY_LABEL = {kind.label: kind for kind in KINDS}


class Segment(NamedTuple):
    """A segment that may matter, or an unanswered solicitation; times in seconds, since the connection's first one."""

    time: float
    idle: float
    """For how long nothing had come in either direction; NaN where not known."""
    end: int
    tag: str
    frame: int


class Stroke(NamedTuple):
    """A segment in the chart; `end` is its sender, or the receiver of an ICMP error."""

    time: float
    end: int
    kind: Kind
    tag: str
    arrives: bool
    frame: int = 0


def segments_of(analysis: Analysis, flow: Flow) -> list[Segment]:
    """Return the connection's segments in capture order, together with the unanswered solicitations on the link."""
    c, tags, first_ns = analysis.candidates.view, analysis.segments.view.tag, flow.start_ns
    found = (
        Segment((c.ts_ns[row] - first_ns) / SECOND, _idle_s(c.idle_ns[row]), c.end[row], TAGS[tags[row]], c.frame[row])
        for row in analysis.rows(flow.id)
    )
    asked = (
        Segment((one.ts_ns - first_ns) / SECOND, math.nan, one.end, Tag.ARP_UNANSWERED, one.frame)
        for number, one in analysis.solicitations
        if number == flow.id
    )
    return list(merge(found, asked, key=attrgetter("frame")))


def _idle_s(idle_ns: int) -> float:
    return idle_ns / SECOND if idle_ns != ABSENT else math.nan


def strokes_of(found: Flow, segments: Sequence[Segment]) -> list[Stroke]:
    """Return the strokes of the last segments of a connection in order, and of those that armed a timer."""
    ending, times, shown = found.ending, own_times(segments), segments[-MOST_SHOWN:]
    late = {*ending.crossed_frames, *ending.reused_frames} if ending is not None else set()
    answers = {probe.frame: probe.answer for end in found.ends for probe in end.story.probes}
    strokes = []
    for one in shown:
        answer = answers.get(one.frame) if one.tag == "keepalive-probe" else None
        is_lost = answer in (Answer.NOTHING, Answer.ICMP)
        kind = BY_LABEL[UNANSWERED] if is_lost else BY_LABEL[UNSEEN] if answer is Answer.UNSEEN else KIND_OF[one.tag]
        kind = BY_LABEL[LOST] if one.frame in late and one.tag in DATA_TAGS else kind
        strokes.append(Stroke(one.time, one.end, kind, one.tag, not is_lost, one.frame))
    for end, story in enumerate(found.story.ends):
        for gap in story.gaps:
            if gap.kind is not GapKind.FIRST or gap.heard_ns == ABSENT or gap.frame not in times:
                continue
            time = times[gap.frame] - gap.heard_ns / SECOND  # the segment itself may be one that is not worth a name
            is_shown = not strokes or time >= strokes[0].time or len(shown) < MOST_SHOWN
            if is_shown and not any(abs(stroke.time - time) < SAME_S for stroke in strokes):
                strokes.append(Stroke(time, 1 - end, KIND_OF["ack"], "ack", True))
    return sorted(strokes, key=lambda stroke: stroke.time)


def heard_again(strokes: Iterable[Stroke], lost: Span) -> float | None:
    """Return when an end is heard after it was lost; None if never."""
    own = (one.time for one in strokes if one.end == lost.end and one.kind.label not in FOREIGN)
    return next((time for time in own if time > lost.until), None)


def in_vain(strokes: Sequence[Stroke], lost: Span) -> list[Stroke]:
    """Return the strokes, of which none arrives that was sent to the lost end while it was not heard."""
    again = heard_again(strokes, lost)
    until = again if again is not None else math.inf
    return [
        one._replace(arrives=False)
        if one.end != lost.end and one.tag in SENT and lost.until <= one.time < until
        else one
        for one in strokes
    ]


def own_times(segments: Sequence[Segment]) -> Mapping[int, float]:
    """Return the times of segments by frame, of those with the same frame that of the first."""
    return {one.frame: one.time for one in reversed(segments)}
