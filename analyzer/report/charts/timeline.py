"""The timeline of one connection, as an expert draws it: a lane for each end, what crossed between them, and when
timers were due."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from analyzer.keepalive.model.linux import EXACT, LINUX, SECOND
from analyzer.report.charts import style
from analyzer.report.charts.style import AMBER, BLUE, GREEN, GREY, INK, MUTED, PURPLE, RED, RULE
from analyzer.report.charts.timescale import TimeScale
from analyzer.report.units import short

if TYPE_CHECKING:
    from analyzer.report.library import Analysis

TOP, BOTTOM = 1.0, 0.0
HALFWAY = 0.42
"""Height at which an arrow that never arrived ends, as a share of the way."""
SAME_S = 1e-6
MOST_SHOWN = 2000
"""Most segments in a chart, the last ones; what comes before them is left out, and the chart says so."""
DENSE = 240
"""Number of segments from which their lines get thinner."""


class Kind(NamedTuple):
    """The style of segments of some tags; `label` is in the legend."""

    label: str
    color: str
    width: float
    tags: tuple[str, ...]


ANSWERED, UNANSWERED, UNSEEN = "probe, answered", "probe, unanswered", "probe, answer not captured"
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
    Kind("RST", PURPLE, 2.4, ("rst", "give-up-rst")),
    Kind("ICMP error", PURPLE, 1.4, ("icmp-unreachable",)),
    Kind("ARP unanswered", RED, 1.2, ("arp-unanswered",)),
)
KIND_OF = {tag: kind for kind in KINDS for tag in kind.tags}
BY_LABEL = {kind.label: kind for kind in KINDS}


class Stroke(NamedTuple):
    """A segment in the chart; `end` is its sender, or the receiver of an ICMP error."""

    time: float
    end: int
    kind: Kind
    tag: str
    arrives: bool


def timeline(analysis: "Analysis", flow: int, ax: Axes | None = None) -> Axes:
    """Draw lanes of both ends with all segments worth a name; long silences are cut.

    Shaded: when the inferred settings let the timer fire, by the lateness of the kernel's wheel; and in which time the
    other end was lost.
    """
    ax = style.axes(ax, height=3.6)
    about = analysis.flows.loc[flow]
    start = about["start"]
    segments = analysis.segments[analysis.segments["flow"] == flow]
    if segments.empty:
        return style.nothing(ax, f"connection {flow}: nothing but plain data and ACKs")
    strokes = _strokes(analysis, flow, segments.tail(MOST_SHOWN), start)
    is_whole = len(segments) <= MOST_SHOWN
    times = sorted({*([0.0] if is_whole else []), *(stroke.time for stroke in strokes), *_noticed_at(about, strokes)})
    scale = TimeScale(times if len(times) > 1 else [0.0, 1.0])
    ax.set_xlim(-0.03 * scale.width, 1.04 * scale.width)
    ax.set_ylim(-0.34, 1.62)
    _lanes(ax, analysis, flow)
    _windows(ax, analysis, flow, scale, start)
    _fault(ax, analysis, flow, scale, strokes)
    _draw(ax, strokes, scale)
    _words(ax, strokes, scale, str(about["errno"]) if pd.notna(about["errno"]) else "")
    _noticed(ax, about, strokes, scale)
    _cuts(ax, scale)
    _axis(ax, scale)
    more = "" if is_whole else f" (the last {MOST_SHOWN} of {len(segments)} segments)"
    style.title(ax, f"#{flow}  {about['summary']}{more}")
    style.legend(ax)
    return ax


def _strokes(analysis: "Analysis", flow: int, segments: pd.DataFrame, start: pd.Timestamp) -> list[Stroke]:
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
        strokes.append(Stroke(float(time), int(end), kind, tag, not is_lost))
    gaps = analysis.gaps[(analysis.gaps["flow"] == flow) & (analysis.gaps["kind"] == "first")]
    times = _own_times(analysis, flow)
    for end, heard in zip(gaps["end"], gaps["frame"].map(times) - gaps["since_heard"] - start, strict=True):
        time = heard.total_seconds()  # the segment itself may be one that is not worth a name
        is_shown = pd.notna(time) and (not strokes or time >= strokes[0].time or len(segments) < MOST_SHOWN)
        if is_shown and not any(abs(stroke.time - time) < SAME_S for stroke in strokes):
            strokes.append(Stroke(time, 1 - int(end), KIND_OF["ack"], "ack", True))
    return sorted(strokes, key=lambda stroke: stroke.time)


def _lanes(ax: Axes, analysis: "Analysis", flow: int) -> None:
    ends = analysis.ends[analysis.ends["flow"] == flow]
    names = []
    for end in ends.itertuples():
        role = f"{end.role}\n" if end.role != "unknown" else ""
        address = f"[{end.addr}]\n" if ":" in end.addr else end.addr
        names.append(f"{role}{address}:{end.port}")
    for y in (TOP, BOTTOM):
        ax.axhline(y, color=MUTED, linewidth=1.6, zorder=1)
    ax.set_yticks((TOP, BOTTOM), names, color=INK, fontsize=style.SIZE, fontfamily=style.FONT)
    ax.tick_params(axis="y", length=0)


def _windows(ax: Axes, analysis: "Analysis", flow: int, scale: TimeScale, start: pd.Timestamp) -> None:
    """Draw bands from the earliest to the latest instant at which the timer may fire."""
    label = "timer due, by the settings found"
    for end, earliest, latest in windows(analysis, flow, start):
        if earliest < scale.first:
            continue
        left, right = scale.place(earliest), scale.place(latest)
        y = (1.0, 0.1) if end == 0 else (-0.1, 0.1)
        width = max(right - left, 0.004 * scale.width)
        ax.broken_barh([(left, width)], y, facecolor=BLUE, alpha=0.35, linewidth=0, label=label, zorder=0)
        label = ""


def windows(analysis: "Analysis", flow: int, start: pd.Timestamp) -> Iterator[tuple[int, float, float]]:
    """Yield for each gap that the timer ended: the end, the earliest and the latest instant in seconds since
    `start`."""
    gaps = analysis.gaps[(analysis.gaps["flow"] == flow) & ~analysis.gaps["is_censored"]]
    if gaps.empty:
        return
    frames = _own_times(analysis, flow)
    ends = analysis.ends[analysis.ends["flow"] == flow].set_index("end")
    clocks = {clock.name: clock for clock in LINUX + EXACT}
    for gap in gaps.itertuples():
        name, since = ("tcp_keepalive_time", gap.since_heard)
        if gap.kind in ("spacing", "give-up"):
            name, since = "tcp_keepalive_intvl", gap.since_probe
        elif gap.kind == "cycle":
            continue
        value, models = ends.loc[gap.end, name], ends.loc[gap.end, "clocks"]
        if pd.isna(value) or pd.isna(models) or pd.isna(since) or gap.frame not in frames.index:
            continue
        armed = (frames[gap.frame] - since - start).total_seconds()
        late = max(clocks[model].lateness_ns(int(value) * SECOND) for model in models.split()) / SECOND
        yield int(gap.end), armed + float(value), armed + float(value) + late


def _own_times(analysis: "Analysis", flow: int) -> pd.Series:
    """Return the capture times of the connection's segments, by frame."""
    segments = analysis.segments[analysis.segments["flow"] == flow]
    return segments.drop_duplicates("frame").set_index("frame")["time"]


def _fault(ax: Axes, analysis: "Analysis", flow: int, scale: TimeScale, strokes: Sequence[Stroke]) -> None:
    """Mark the time between the last sign of the lost end and the first thing that it should have answered."""
    about = analysis.flows.loc[flow]
    if about["outcome"] not in ("timed-out", "unreachable", "probing", "undetected"):
        return
    lost = next((stroke for stroke in strokes if not stroke.arrives or stroke.kind.label == "resent"), None)
    if lost is None:
        return
    silent = 1 - lost.end
    heard = [s.time for s in strokes if s.end == silent and s.time < lost.time and s.kind.label != "ICMP error"]
    begin, end = scale.place(heard[-1] if heard else 0.0), scale.place(lost.time)
    y = TOP if silent == 0 else BOTTOM
    ax.broken_barh(
        [(begin, end - begin)], (y - 0.045, 0.09), facecolor=RED, alpha=0.3, linewidth=0, label="lost in here", zorder=2
    )
    ax.plot([end, 1.04 * scale.width], [y, y], color=style.PAPER, linewidth=2.2, linestyle=(0, (1, 1.5)), zorder=2)


def _draw(ax: Axes, strokes: Sequence[Stroke], scale: TimeScale) -> None:
    least, thin = 0.0045 * scale.width, min(1.0, DENSE / len(strokes))
    places = style.spread([scale.place(stroke.time) for stroke in strokes], least if len(strokes) < 120 else 0.0)
    for kind in KINDS:
        drawn = [(x, stroke) for x, stroke in zip(places, strokes, strict=True) if stroke.kind is kind]
        if not drawn:
            continue
        lines, heads = [], []
        for x, stroke in drawn:
            begin, end = _span(stroke)
            lines.append([(x, begin), (x, end)])
            heads.append((x, end, "x" if not stroke.arrives else "v" if end < begin else "^"))
        pattern, width = "--" if kind.label == "resent" else "-", kind.width * (1 if kind.label == UNANSWERED else thin)
        ax.add_collection(
            LineCollection(lines, colors=kind.color, linewidths=width, linestyles=pattern, label=kind.label, zorder=3)
        )
        for marker in ("x", "v", "^"):
            points = np.array([(x, y) for x, y, one in heads if one == marker]).reshape(-1, 2)
            if len(points):
                y = points[:, 1] + {"x": 0.0, "v": 0.03, "^": -0.03}[marker]
                size = 34 if marker == "x" else 16 * thin
                ax.scatter(points[:, 0], y, s=size, marker=marker, color=kind.color, linewidths=1.6, zorder=4)


def _span(stroke: Stroke) -> tuple[float, float]:
    """Return where a stroke begins and ends: an ICMP error comes from the middle of the way."""
    own, other = (TOP, BOTTOM) if stroke.end == 0 else (BOTTOM, TOP)
    if stroke.tag == "icmp-unreachable":
        return 0.5, own
    if stroke.tag == "arp-unanswered":
        return own, own + (0.16 if own == BOTTOM else -0.16)
    return own, other if stroke.arrives else own + HALFWAY * (1 if other > own else -1)


def _words(ax: Axes, strokes: Sequence[Stroke], scale: TimeScale, errno: str) -> None:
    """Write above the lanes what the segments are, and over that the times between them."""
    upper, lower = style.Labels(ax, 1.2), style.Labels(ax, -0.2)
    labelled = [s for s in strokes if s.tag in ("rst", "give-up-rst", "syn", "keepalive-probe", "fin")]
    order = {"rst": 0, "give-up-rst": 0, "syn": 1, "keepalive-probe": 2, "fin": 1}
    names = {"rst": "RST", "give-up-rst": "RST", "syn": "SYN", "fin": "FIN", "keepalive-probe": "probe"}
    for stroke in sorted(labelled, key=lambda s: order[s.tag]):
        words = names[stroke.tag]
        if errno and words == "RST":
            words += f": {errno}"
        color = INK if stroke.tag == "syn" else stroke.kind.color
        (upper if stroke.end == 0 else lower).add(scale.place(stroke.time), words, color)
    durations = style.Labels(ax, 1.48)
    marks = [s.time for s in strokes if s.tag in ("keepalive-probe", "give-up-rst", "rst")]
    before = [s.time for s in strokes if marks and s.time < marks[0]]
    steps = [(a, b) for a, b in pairwise([*before[-1:], *marks]) if b > a]
    for earlier, later in sorted(steps, key=lambda pair: -(scale.place(pair[1]) - scale.place(pair[0]))):
        left, right = scale.place(earlier), scale.place(later)
        words = short(round((later - earlier) * SECOND))
        if durations.add((left + right) / 2, words, MUTED, room=right - left):
            ax.annotate(
                "", (left, 1.38), (right, 1.38), arrowprops={"arrowstyle": "|-|,widthA=.15,widthB=.15", "color": RULE}
            )


def _noticed(ax: Axes, about: pd.Series, strokes: Sequence[Stroke], scale: TimeScale) -> None:
    """Mark when the application got its error, where no RST shows it."""
    for time in _noticed_at(about, strokes):
        x = scale.place(time)
        ax.axvline(x, color=PURPLE, linewidth=1.4, linestyle=":", zorder=2)
        style.say(ax, x, 1.2, str(about["errno"]), PURPLE)


def _noticed_at(about: pd.Series, strokes: Sequence[Stroke]) -> list[float]:
    """Return the instant of the application's error in seconds, if there is one and no RST stands there."""
    if pd.isna(about["detection_delay"]) or any(stroke.kind.label == "RST" for stroke in strokes):
        return []
    loser = about["prober"] if pd.notna(about["prober"]) else strokes[-1].end
    heard = [s.time for s in strokes if s.end != loser and s.kind.label not in ("ICMP error", "ARP unanswered")]
    return [heard[-1] + float(about["detection_delay"].total_seconds())] if heard else []


def _cuts(ax: Axes, scale: TimeScale) -> None:
    """Draw a pair of strokes through the axis and the lanes where time is left out."""
    for begin, end in scale.cuts:
        x = scale.place(end)
        for y in (TOP, BOTTOM):
            style.say(
                ax,
                x,
                y,
                "//",
                MUTED,
                fontweight="bold",
                bbox={"facecolor": style.PAPER, "edgecolor": "none", "pad": 0.5},
            )
        style.say(ax, x, 0.5, f"{style.plain_s(round(end - begin))}\nleft out", MUTED, fontsize=style.SIZE - 1)


def _axis(ax: Axes, scale: TimeScale) -> None:
    unit, words = style.clock_words(scale.last)
    ticks = scale.ticks()
    ax.set_xticks([scale.place(tick) for tick in ticks], [words(tick) for tick in ticks])
    style.label(ax, x=f"since the connection's first segment ({unit})")
