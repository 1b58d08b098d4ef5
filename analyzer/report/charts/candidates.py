"""The chart of a setting's inference: what each candidate predicts at each kernel clock, beside the durations on the
wire."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from analyzer.keepalive.findings import End
from analyzer.keepalive.model.linux import LINUX, SECOND, Clock, spacing_ns
from analyzer.keepalive.story.values import GapKind
from analyzer.report.charts import style
from analyzer.report.charts.style import BLUE, GREEN, GREY, INK, MUTED, PURPLE, RED, RULE
from analyzer.schema import ABSENT

if TYPE_CHECKING:
    from analyzer.report.library import Analysis

BEHIND = {"facecolor": style.PAPER, "edgecolor": "none", "pad": 1.0}
MOST = 9
"""Most candidates in a chart."""
LOOKS = {"linux-100": ("o", GREEN), "linux-250": ("s", BLUE), "linux-300": ("^", PURPLE), "linux-1000": ("D", GREY)}


def candidates(
    analysis: "Analysis",
    flow: int,
    setting: str = "tcp_keepalive_intvl",
    end: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a row for each whole second that might be set, with a mark for each kernel clock where its timer would fire.

    The lines down through the rows are the durations that were seen. A setting is possible where a mark, or the bar
    from the earliest to the latest instant, meets every line.
    """
    ax = style.axes(ax, height=3.3)
    found = analysis.findings.flows[flow]
    probers = found.probers if end is None else (end,)
    if not probers:
        return style.nothing(ax, f"connection {flow}: no end of it probes")
    about = found.ends[probers[0]]
    seen, inferred = durations(about, setting), getattr(about.settings, setting)
    if not len(seen) or inferred is None or inferred.high is None:
        return style.nothing(ax, f"connection {flow}: nothing on the wire measures {setting}")
    low, high, value = inferred.low, inferred.high, inferred.value
    rows = _rows(int(low), int(high), value)
    for index, clock in enumerate(LINUX):
        is_left = clock.name in about.settings.models
        _marks(ax, clock, rows, (index - 1.5) * 0.16, setting, is_left=is_left)
    for index, one in enumerate(_apart(seen)):
        ax.axvline(one, color=RED, linewidth=1.2, zorder=1, label="" if index else "seen on the wire")
    style.say(ax, float(np.median(seen)), len(rows) - 0.4, f"{np.median(seen):.3f} s", RED, va="bottom", bbox=BEHIND)
    possible = [y for y, seconds in enumerate(rows) if low <= seconds <= high]
    for y in possible:
        label = "possible, by all that was seen" if y == possible[0] else ""
        ax.axhspan(y - 0.46, y + 0.46, color=RULE, alpha=0.45, linewidth=0, zorder=0, label=label)
    _frame(ax, rows, value, seen, setting)
    name = {"tcp_keepalive_intvl": "unanswered probes follow each other", "tcp_keepalive_time": "the first probe comes"}
    style.title(ax, f"#{flow}  {setting}: when {name[setting]}")
    fits = f"{value} s" if value is not None else f"{low:g} to {high:g} s"
    style.describe(ax, f"What was seen, about {np.median(seen):.3f} s, beside what each setting makes: {fits} fits.")
    style.legend(ax)
    return ax


def durations(end: End, setting: str) -> np.ndarray:
    """Return the durations, in seconds, that measure the setting: idle times before a probe, or times between
    unanswered probes."""
    gaps = end.story.gaps
    if setting == "tcp_keepalive_time":
        since_ns = [gap.heard_ns for gap in gaps if gap.kind is GapKind.FIRST]
    else:
        since_ns = [gap.probe_ns for gap in gaps if gap.kind in (GapKind.SPACING, GapKind.GIVE_UP)]
    return np.array([one for one in since_ns if one != ABSENT], np.int64) / SECOND


def _rows(low: int, high: int, value: int | None) -> list[int]:
    """Return the whole seconds within the bounds and a little beyond, thinned where there are many."""
    first, last = max(1, low - 2), high + 2
    if last - first < MOST:
        return list(range(first, last + 1))
    thinned = {round(one) for one in np.linspace(low, high, MOST - 3)}
    return sorted({first, last, *thinned, *([value] if value is not None else [])})


def foretold(clock: Clock, seconds: int, setting: str) -> tuple[float, float]:
    """Return the earliest and the latest duration, in seconds, that this setting makes on the wire."""
    if setting == "tcp_keepalive_intvl":  # armed on the boundary on which it fired: always the same
        spacing = spacing_ns(clock, seconds) / SECOND
        return spacing, spacing
    return float(seconds), seconds + clock.lateness_ns(seconds * SECOND) / SECOND


def _marks(ax: Axes, clock: Clock, rows: Sequence[int], above: float, setting: str, *, is_left: bool) -> None:
    """Draw a clock's marks, and bars up to the latest instants, `above` the middles of all rows."""
    marker, color = LOOKS[clock.name]
    alpha, label = (1.0 if is_left else 0.35), f"Linux, {clock.hz} Hz" + ("" if is_left else ": excluded")
    at, latest = np.array([foretold(clock, seconds, setting) for seconds in rows]).T
    y = np.arange(len(rows)) + above
    if (latest > at).any():
        ax.hlines(y, at, latest, color=color, alpha=alpha, linewidth=2.6, zorder=2)
    ax.plot(at, y, marker, color=color, alpha=alpha, markersize=5, linestyle="none", zorder=3, label=label)


def _apart(seen: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the durations that can be told apart in a picture, at most 40."""
    return np.unique(np.round(seen, 3))[:40]


def _frame(ax: Axes, rows: Sequence[int], value: int | None, seen: np.ndarray, setting: str) -> None:
    words = [f"{seconds} s" + (" ◂" if seconds == value else "") for seconds in rows]
    ax.set_yticks(range(len(rows)), words, color=INK, fontsize=style.SIZE, fontfamily=style.FONT)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.6, len(rows) + 0.35)
    ends = [
        *seen,
        *(one for seconds in (rows[0], rows[-1]) for clock in LINUX for one in foretold(clock, seconds, setting)),
    ]
    left, right = min(ends), max(ends)
    if setting == "tcp_keepalive_time" and max(seen) > left:  # long bars may leave the picture, what was seen may not
        right = max(seen) + (max(seen) - left) * 0.6
    ax.set_xlim(left - (right - left) * 0.05, right + (right - left) * 0.05)
    style.label(ax, x="seconds", y="if it is set to")
    ax.yaxis.label.set_color(MUTED)
