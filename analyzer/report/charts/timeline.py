"""The timeline of one connection, as an expert draws it: a lane for each end, what crossed between them, and when
timers were due."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from analyzer.keepalive.findings import Flow, Role
from analyzer.keepalive.model.linux import EXACT, LINUX, SECOND
from analyzer.keepalive.settings.values import Setting, Settings
from analyzer.keepalive.story.values import Gap, GapKind
from analyzer.keepalive.verdict.values import BY_PATH, How, Outcome, Verdict
from analyzer.report.charts import spans, style
from analyzer.report.charts.spans import Span
from analyzer.report.charts.strokes import (
    ASKS,
    FOREIGN,
    KINDS,
    LOST,
    MOST_SHOWN,
    UNANSWERED,
    Segment,
    Stroke,
    heard_again,
    in_vain,
    own_times,
    segments_of,
    strokes_of,
)
from analyzer.report.charts.style import AMBER, BLUE, GREY, INK, MUTED, PURPLE, RED, RULE
from analyzer.report.charts.timescale import TimeScale
from analyzer.report.units import short
from analyzer.report.words import sentences
from analyzer.report.words.one_line import who
from analyzer.schema import ABSENT

if TYPE_CHECKING:
    from analyzer.report.library import Analysis

TOP, BOTTOM = 1.0, 0.0
HALFWAY = 0.42
"""Height at which an arrow that never arrived ends, as a share of the way."""
VISIBLE = 0.01
"""Share of the axis from which a silence at the end can be seen."""
LONG_ADDRESS = 20
"""Letters of an address from which a narrow chart has two lines for it."""
DENSE = 240
"""Number of segments from which their lines get thinner."""
BRACKETS_APART = 0.028
"""Half of the inches between two brackets."""
SAME_LINE, SAME_HEAD = 0.0012, 0.004
"""Shares of the axis below which lines, and the heads of arrows, cannot be told apart: of those one is drawn."""


def timeline(analysis: "Analysis", flow: int, ax: Axes | None = None) -> Axes:
    """Draw lanes of both ends with all segments worth a name, up to the capture's end while it is open; long silences
    are cut.

    Shaded: when the inferred settings let the timer fire, by the lateness of the kernel's wheel; in which time the
    other end was lost; a closed window; the silence at the end.
    """
    ax = style.axes(ax, height=3.6)
    found, segments = analysis.ask(_found, flow)
    if not segments:
        return style.nothing(ax, f"connection {flow}: nothing but plain data and ACKs")
    strokes = strokes_of(found, segments)
    is_whole, lost = len(segments) <= MOST_SHOWN, spans.lost(found)
    if lost is not None:
        lost = spans.unanswered_from(lost, [s.time for s in strokes if s.end != lost.end and s.kind.label in ASKS])
        strokes = in_vain(strokes, lost)
    tail = spans.tail(found)
    ends = [tail.begin, tail.until] if tail is not None else []
    noticed = _noticed_at(found.verdict, strokes)
    times = sorted({*([0.0] if is_whole else []), *(stroke.time for stroke in strokes), *noticed, *ends})
    scale = TimeScale(times if len(times) > 1 else [0.0, 1.0])
    ax.set_xlim(-0.03 * scale.width, 1.04 * scale.width)
    ax.set_ylim(-0.34, 1.62)
    closed = spans.closed_windows(segments)
    _lanes(ax, found)
    _windows(ax, found, segments, scale)
    _closed_windows(ax, scale, closed)
    _fault(ax, lost, scale, strokes)
    _tail(ax, scale, tail)
    _draw(ax, strokes, scale)
    _closer(ax, found, scale, strokes)
    upper, lower = style.Labels(ax, 1.2), style.Labels(ax, -0.2)
    _names(found, strokes, scale, upper, lower)
    _probes(strokes, scale, upper, lower)
    if tail is not None and _is_wide(scale, tail):
        lower.add(scale.place(tail.until), "capture ends", MUTED)
    _durations(ax, scale, strokes, _spoken(found, strokes, closed, tail))
    _noticed(ax, found.verdict, noticed, scale)
    _cuts(ax, scale)
    _axis(ax, scale)
    more = "" if is_whole else f" (the last {MOST_SHOWN:,} of {len(segments):,} segments)"
    style.title(ax, f"#{flow}  {sentences.headline(found)}{more}")
    style.describe(ax, f"Timeline of {who(found)}. " + " ".join(sentences.sentences(found)))
    style.legend(ax)
    return ax


def _found(analysis: "Analysis", flow: int) -> tuple[Flow, list[Segment]]:
    """Return a connection with its segments."""
    found = analysis.findings.flows[flow]
    return found, segments_of(analysis.findings, found)


def _lanes(ax: Axes, found: Flow) -> None:
    names = []
    for end in found.ends:
        role = f"{end.role}\n" if end.role is not Role.UNKNOWN else ""
        address = end.address
        if ":" in address:
            address = f"[{_halved(address) if style.is_narrow(ax) else address}]\n"
        names.append(f"{role}{address}:{end.port}")
    for y in (TOP, BOTTOM):
        ax.axhline(y, color=MUTED, linewidth=1.6, zorder=1)
    ax.set_yticks((TOP, BOTTOM), names, color=INK, fontsize=style.SIZE, fontfamily=style.FONT)
    ax.tick_params(axis="y", length=0)


def _halved(address: str) -> str:
    """Break a long IPv6 address into two lines."""
    groups = address.split(":")
    at = len(groups) // 2
    return ":".join(groups[:at]) + ":\n" + ":".join(groups[at:]) if len(address) > LONG_ADDRESS else address


def _windows(ax: Axes, found: Flow, segments: Sequence[Segment], scale: TimeScale) -> None:
    """Draw bands from the earliest to the latest instant at which the timer may fire."""
    bars: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for end, earliest, latest in windows(found, segments):
        if earliest >= scale.first:
            left, right = scale.place(earliest), scale.place(latest)
            bars[end].append((left, max(right - left, 0.004 * scale.width)))
    label = "timer due, by the settings found"
    for end, its in bars.items():
        y = (1.0, 0.1) if end == 0 else (-0.1, 0.1)
        ax.broken_barh(its, y, facecolor=BLUE, alpha=0.35, linewidth=0, label=label, zorder=0)
        label = ""


def windows(found: Flow, segments: Sequence[Segment]) -> Iterator[tuple[int, float, float]]:
    """Yield for each gap that the timer ended: the end, the earliest and the latest instant in seconds."""
    times = own_times(segments)
    clocks = {clock.name: clock for clock in LINUX + EXACT}
    for index, end in enumerate(found.ends):
        for gap in end.story.gaps if end.settings.models else ():
            setting, since_ns = _measured(gap, end.settings)
            if setting is None or setting.value is None or since_ns == ABSENT or gap.frame not in times:
                continue
            earliest = times[gap.frame] - since_ns / SECOND + setting.value
            late_ns = max(clocks[model].lateness_ns(setting.value * SECOND) for model in end.settings.models)
            yield index, earliest, earliest + late_ns / SECOND


def _measured(gap: Gap, settings: Settings) -> tuple[Setting | None, int]:
    """Return the setting that the timer ran for, and since when, in ns; None where it may have been either."""
    if gap.kind is GapKind.FIRST:
        return settings.tcp_keepalive_time, gap.heard_ns
    if gap.kind in (GapKind.SPACING, GapKind.GIVE_UP):
        return settings.tcp_keepalive_intvl, gap.probe_ns
    return None, ABSENT


def _closed_windows(ax: Axes, scale: TimeScale, closed: Sequence[Span]) -> None:
    """Shade the lane of an end while its window is closed."""
    label = "window closed"
    for span in closed:
        left, right, y = scale.place(span.begin), scale.place(span.until), TOP if span.end == 0 else BOTTOM
        ax.broken_barh(
            [(left, right - left)], (y - 0.045, 0.09), facecolor=AMBER, alpha=0.35, linewidth=0, label=label, zorder=2
        )
        label = ""


def _fault(ax: Axes, span: Span | None, scale: TimeScale, strokes: Sequence[Stroke]) -> None:
    """Mark the time between the last sign of the lost end and the first thing that it never answered, and its lane
    from then on, up to where it is heard again."""
    if span is None:
        return
    begin, until = scale.place(max(span.begin, scale.first)), scale.place(max(span.until, scale.first))
    y = TOP if span.end == 0 else BOTTOM
    ax.broken_barh(
        [(begin, until - begin)], (y - 0.045, 0.09), facecolor=RED, alpha=0.3, linewidth=0, label="lost in here",
        zorder=2,
    )  # fmt: skip
    again = heard_again(strokes, span)
    _dotted(ax, until, scale.place(again) if again is not None else 1.04 * scale.width, y, "not heard any more")


def _tail(ax: Axes, scale: TimeScale, tail: Span | None) -> None:
    """Shade the silence up to the capture's end, and mark that."""
    if tail is None or not _is_wide(scale, tail):
        return
    left, right = scale.place(tail.begin), scale.place(tail.until)
    ax.axvspan(left, right, ymin=0.17, ymax=0.685, facecolor=RULE, alpha=0.4, linewidth=0, label="silence", zorder=0)
    ax.plot([right, right], [BOTTOM - 0.1, TOP + 0.1], color=INK, linewidth=1.2, linestyle=(0, (4, 2)), zorder=2)


def _is_wide(scale: TimeScale, span: Span) -> bool:
    """Tell whether a span can be seen."""
    return scale.place(span.until) - scale.place(span.begin) >= VISIBLE * scale.width


def _dotted(ax: Axes, begin: float, until: float, y: float, label: str) -> None:
    """Turn a stretch of a lane into dots."""
    ax.plot([begin, until], [y, y], color=style.PAPER, linewidth=2.4, zorder=1.5)
    ax.plot([begin, until], [y, y], color=MUTED, linewidth=1.8, linestyle=(0, (1, 1.5)), label=label, zorder=1.6)


def _draw(ax: Axes, strokes: Sequence[Stroke], scale: TimeScale) -> None:
    least, thin = 0.0045 * scale.width, min(1.0, DENSE / len(strokes))
    places = style.spread([scale.place(stroke.time) for stroke in strokes], least if len(strokes) < 120 else 0.0)
    for kind in KINDS:
        drawn = [(x, stroke) for x, stroke in zip(places, strokes, strict=True) if stroke.kind is kind]
        if not drawn:
            continue
        alike: dict[tuple[float, float, str], list[float]] = defaultdict(list)
        for x, stroke in drawn:
            begin, end = _span(stroke)
            is_in_vain = not stroke.arrives or kind.label == LOST
            alike[begin, end, "x" if is_in_vain else "v" if end < begin else "^"].append(x)
        lines = [(x, *way) for way, several in alike.items() for x in style.apart(several, SAME_LINE * scale.width)]
        xs, ys = [x for x, *_ in lines for _ in range(3)], [y for _, *way, _ in lines for y in (*way, np.nan)]
        pattern, width = "--" if kind.label == "resent" else "-", kind.width * (1 if kind.label == UNANSWERED else thin)
        ax.plot(
            xs, ys, color=kind.color, linewidth=width, linestyle=pattern, label=kind.label, zorder=3,
            solid_capstyle="butt", scalex=False, scaley=False,
        )  # fmt: skip
        for (_, end, marker), several in alike.items():
            heads = style.apart(several, SAME_HEAD * scale.width)
            y = end + {"x": 0.0, "v": 0.03, "^": -0.03}[marker]
            size = 34 if marker == "x" else 16 * thin
            ax.scatter(heads, [y] * len(heads), s=size, marker=marker, color=kind.color, linewidths=1.6, zorder=4)


def _span(stroke: Stroke) -> tuple[float, float]:
    """Return where a stroke begins and ends: an ICMP error comes from the middle of the way."""
    own, other = (TOP, BOTTOM) if stroke.end == 0 else (BOTTOM, TOP)
    if stroke.tag == "icmp-unreachable":
        return 0.5, own
    if stroke.tag == "arp-unanswered":
        return own, own + (0.16 if own == BOTTOM else -0.16)
    return own, other if stroke.arrives else own + HALFWAY * (1 if other > own else -1)


def _closer(ax: Axes, found: Flow, scale: TimeScale, strokes: Sequence[Stroke]) -> None:
    """Mark on its lane who sent the first FIN or RST."""
    ending = found.ending
    closing = [s for s in strokes if ending is not None and ending.frame and s.frame == ending.frame]
    if ending is None or not closing:
        return
    label = {How.GIVE_UP: "gave up", How.RST: "reset it"}.get(ending.how, "closed it first")
    color = PURPLE if closing[0].kind.label == "RST" else GREY
    y = 0.5 if ending.by == BY_PATH else TOP if closing[0].end == 0 else BOTTOM
    label = "the path reset it" if ending.by == BY_PATH else label
    ax.scatter([scale.place(closing[0].time)], [y], s=44, marker="s", color=color, label=label, zorder=5)


def _names(found: Flow, strokes: Sequence[Stroke], scale: TimeScale, upper: style.Labels, lower: style.Labels) -> None:
    """Write beside the lanes what the segments are that begin and end the connection, those that ended it first."""
    names = {"rst": "RST", "give-up-rst": "RST", "fin": "FIN", "syn": "SYN"}
    late = found.ending.crossed_frames if found.ending is not None else ()
    closing = found.ending.frame if found.ending is not None else 0
    named = [s for s in strokes if s.tag in names or s.kind.label == LOST]
    resets = [s.frame for s in named if names.get(s.tag) == "RST"]
    fatal = found.story.reset.frame if found.story.reset is not None else resets[0] if resets else 0
    order = {LOST: 0, "rst": 1, "give-up-rst": 1, "fin": 2, "syn": 3}
    for stroke in sorted(named, key=lambda s: (s.frame != closing, order.get(s.kind.label, order.get(s.tag, 0)))):
        in_time = "crossed" if stroke.frame in late else "too late"
        words = in_time if stroke.kind.label == LOST else names[stroke.tag]
        if found.verdict.errno and stroke.frame == fatal:
            words += f": {found.verdict.errno}"
        color = INK if stroke.tag == "syn" else stroke.kind.color
        (upper if stroke.end == 0 else lower).add_near(scale.place(stroke.time), words, color)


def _probes(strokes: Sequence[Stroke], scale: TimeScale, upper: style.Labels, lower: style.Labels) -> None:
    """Name the probes, one by one where there is room, else how many alike follow each other; the last ones first."""
    alike: list[list[Stroke]] = []
    for stroke in strokes:
        if stroke.tag != "keepalive-probe":
            continue
        if alike and alike[-1][-1].end == stroke.end and alike[-1][-1].kind is stroke.kind:
            alike[-1].append(stroke)
        else:
            alike.append([stroke])
    for group in reversed(alike):
        labels, color = upper if group[0].end == 0 else lower, group[0].kind.color
        places = [scale.place(stroke.time) for stroke in group]
        if labels.have_room(places, "probe"):
            for place in places:
                labels.add(place, "probe", color)
        elif len(group) > 1:
            words = f"{len(group):,} probes"
            for place in ((places[0] + places[-1]) / 2, places[0], places[-1]):
                if labels.add(place, words, color):
                    break


def _spoken(
    found: Flow, strokes: Sequence[Stroke], closed: Sequence[Span], tail: Span | None
) -> list[tuple[Span, str]]:
    """Return the spans that have words, the most telling first.

    An application that closes does not count probes; for all others the times between these say more.
    """
    spoken = [(span, f"window closed for {_for(span)}") for span in closed if span.until > span.begin]
    before = spans.before_close(found)
    probed = [s.time for s in strokes if s.tag == "keepalive-probe"]
    is_application = found.verdict.outcome is Outcome.CLOSED
    if before is not None and (is_application or not any(before.begin < time < before.until for time in probed)):
        spoken.append((before, f"{_for(before)} without data"))
    if tail is not None:
        spoken.append((tail, f"silent for {_for(tail)}"))
    return spoken


def _for(span: Span) -> str:
    return short(round((span.until - span.begin) * SECOND))


def _durations(ax: Axes, scale: TimeScale, strokes: Sequence[Stroke], spoken: Sequence[tuple[Span, str]]) -> None:
    """Write above all what lasted for how long, then the times between probes."""
    labels, brackets = style.Labels(ax, 1.48), list[tuple[float, float]]()
    for span, words in spoken:
        if _is_wide(scale, span):
            left, right = scale.place(max(span.begin, scale.first)), scale.place(span.until)
            if labels.add((left + right) / 2, words, INK):
                brackets.append((left, right))
                labels.taken.append((left, right))
    marks = [s.time for s in strokes if s.tag in ("keepalive-probe", "give-up-rst", "rst")]
    before = [s.time for s in strokes if marks and s.time < marks[0]]
    steps = [(a, b) for a, b in pairwise([*before[-1:], *marks]) if b > a]
    for earlier, later in sorted(steps, key=lambda pair: -(scale.place(pair[1]) - scale.place(pair[0]))):
        left, right = scale.place(earlier), scale.place(later)
        words = short(round((later - earlier) * SECOND))
        if labels.add((left + right) / 2, words, MUTED, room=right - left):
            brackets.append((left, right))
    apart = BRACKETS_APART * labels.per_inch
    x = [x for left, right in brackets for x in (left + apart, right - apart, np.nan)]
    ax.plot(x, [1.38] * len(x), color=RULE, linewidth=1, marker="|", markersize=3, zorder=3)


def _noticed(ax: Axes, verdict: Verdict, noticed: Sequence[float], scale: TimeScale) -> None:
    """Mark when the application got its error, where no RST shows it."""
    for time in noticed:
        x = scale.place(time)
        ax.plot([x, x], [BOTTOM - 0.1, TOP + 0.1], color=PURPLE, linewidth=1.4, linestyle=":", zorder=2)
        style.say(ax, x, 1.2, str(verdict.errno), PURPLE)


def _noticed_at(verdict: Verdict, strokes: Sequence[Stroke]) -> list[float]:
    """Return the instant of the application's error in seconds, if there is one and no RST stands there."""
    if verdict.detection_delay_ns is None or any(stroke.kind.label == "RST" for stroke in strokes):
        return []
    loser = verdict.prober if verdict.prober is not None else strokes[-1].end
    heard = [s.time for s in strokes if s.end != loser and s.kind.label not in FOREIGN]
    return [heard[-1] + verdict.detection_delay_ns / SECOND] if heard else []


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
