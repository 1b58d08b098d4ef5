"""The segments of a connection as strokes of its timeline: of which kind, from which end, and whether they arrive."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from analyzer.keepalive.findings import Flow
from analyzer.report.charts import style
from analyzer.report.charts.spans import Span
from analyzer.report.charts.style import AMBER, BLUE, GREEN, GREY, PURPLE, RED

if TYPE_CHECKING:
    from analyzer.report.library import Analysis

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


class Stroke(NamedTuple):
    """A segment in the chart; `end` is its sender, or the receiver of an ICMP error."""

    time: float
    end: int
    kind: Kind
    tag: str
    arrives: bool
    frame: int = 0


def strokes_of(analysis: "Analysis", found: Flow, segments: pd.DataFrame, start: pd.Timestamp) -> list[Stroke]:
    """Return the strokes of these segments of a connection in order, and of those that armed a timer."""
    flow, ending = found.id, found.ending
    late = {*ending.crossed_frames, *ending.reused_frames} if ending is not None else set()
    probes = analysis.probes[analysis.probes["flow"] == flow]
    unanswered = set(probes["frame"][probes["answer"].isin(("nothing", "icmp"))])
    unseen = set(probes["frame"][probes["answer"] == "unseen"])
    strokes = []
    for time, end, frame, tag in zip(
        style.seconds(segments["time"] - start), segments["end"], segments["frame"], segments["tag"], strict=True
    ):
        is_lost = tag == "keepalive-probe" and frame in unanswered
        is_unseen = tag == "keepalive-probe" and frame in unseen
        kind = BY_LABEL[UNANSWERED] if is_lost else BY_LABEL[UNSEEN] if is_unseen else KIND_OF[tag]
        kind = BY_LABEL[LOST] if frame in late and tag in DATA_TAGS else kind
        strokes.append(Stroke(float(time), int(end), kind, tag, not is_lost, int(frame)))
    gaps = analysis.gaps[(analysis.gaps["flow"] == flow) & (analysis.gaps["kind"] == "first")]
    times = own_times(analysis, flow)
    for end, heard in zip(gaps["end"], gaps["frame"].map(times) - gaps["since_heard"] - start, strict=True):
        time = heard.total_seconds()  # the segment itself may be one that is not worth a name
        is_shown = pd.notna(time) and (not strokes or time >= strokes[0].time or len(segments) < MOST_SHOWN)
        if is_shown and not any(abs(stroke.time - time) < SAME_S for stroke in strokes):
            strokes.append(Stroke(time, 1 - int(end), KIND_OF["ack"], "ack", True))
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


def own_times(analysis: "Analysis", flow: int) -> pd.Series:
    """Return the capture times of the connection's segments, by frame."""
    segments = analysis.segments[analysis.segments["flow"] == flow]
    return segments.drop_duplicates("frame").set_index("frame")["time"]
