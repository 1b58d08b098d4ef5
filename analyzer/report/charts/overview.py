"""A whole capture: every connection as a bar in time, its outcome by colour, line and end mark."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from analyzer.keepalive.findings import Flow
from analyzer.report.charts import style
from analyzer.report.charts.style import INK, LOOKS, MUTED
from analyzer.report.units import SECOND

if TYPE_CHECKING:
    from analyzer.report.library import Analysis

MOST_NAMED = 40
"""Most connections with a name: beyond that there is no room for it."""
MOST_DRAWN_APART = 400
"""Most connections drawn as vectors: beyond that the SVG would be too large for a page, and bars become a picture."""
VISIBLE = 0.005
"""Share of the axis from which a silence at the end can be seen."""
OPEN = ("alive", "open", "probing", "undetected", "unknown")
"""Outcomes of connections that go on, as far as the capture shows."""


class Bar(NamedTuple):
    """A connection in the chart; times in seconds since the first one began."""

    begin: float
    until: float
    outcome: str
    name: str
    """Empty where there are too many for names."""


def overview(analysis: "Analysis", ax: Axes | None = None) -> Axes:
    """Draw connections from top to bottom in order of appearance; very many by outcome first."""
    bars, end = analysis.ask(drawn)
    count = len(bars)
    is_dense = count > MOST_DRAWN_APART
    ax = style.axes(ax, height=1.3 + min(0.24 * max(count, 2), 3.6 if is_dense else 6.5))
    if not bars:
        return style.nothing(ax, "no TCP connection")
    if is_dense:
        ranks = {outcome: rank for rank, outcome in enumerate(LOOKS)}
        bars.sort(key=lambda bar: (ranks[bar.outcome], bar.begin))
    has_rest = False
    for outcome, look in LOOKS.items():
        rows = [y for y, bar in enumerate(bars) if bar.outcome == outcome]
        if not rows:
            continue
        height = np.array(rows)
        begin, until = np.array([(bars[y].begin, bars[y].until) for y in rows]).T
        lines = _lines(begin, np.maximum(until, begin + end / 500), height)
        width = 3.2 if count <= MOST_NAMED else max(0.6, 240 / count)
        bar = LineCollection(lines, colors=look.color, linestyles=look.line, linewidths=width, rasterized=is_dense)
        ax.add_collection(bar, autolim=False)
        if outcome in OPEN:
            rest = _lines(until, np.full_like(until, end), height)
            thin = LineCollection(rest, colors=look.color, linewidths=width / 4, alpha=0.6, rasterized=is_dense)
            ax.add_collection(thin, autolim=False)
            has_rest = has_rest or bool((end - until > VISIBLE * end).any())
        ax.scatter(
            until, height, s=26 if count <= MOST_NAMED else 7, marker=look.marker, color=look.color,
            label=f"{outcome} ({len(rows):,})", zorder=3, rasterized=is_dense,
        )  # fmt: skip
    ax.set_xlim(-0.02 * end, 1.03 * end)
    ax.set_ylim(count - 0.3, -0.7)
    _names(ax, bars)
    unit, words = style.clock_words(end)
    step = style.step_s(end)
    ticks = [step * index for index in range(int(end / step) + 1)]
    ax.set_xticks(ticks, [words(tick) for tick in ticks])
    of_rows = "connections, by outcome" if is_dense else "connections, the first on top" if count > MOST_NAMED else ""
    style.label(ax, x=f"since the capture's first connection ({unit})", y=of_rows)
    style.title(ax, f"{count:,} connection{'s' * (count != 1)} in time, by outcome")
    if has_rest:
        ax.plot([], [], color=MUTED, linewidth=0.8, label="silent up to the capture's end")
    counts = Counter(bar.outcome for bar in bars)
    told = ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in LOOKS if counts[outcome])
    style.describe(ax, f"A bar for each connection from its first to its last segment: {told}.")
    style.legend(ax)
    return ax


def drawn(analysis: "Analysis") -> tuple[list[Bar], float]:
    """Return the connections by number, and when the capture ends in seconds since the first one began."""
    flows = list(analysis.findings.flows)
    first_ns, is_named = min((flow.start_ns for flow in flows), default=0), len(flows) <= MOST_NAMED
    bars = [
        Bar(
            (flow.start_ns - first_ns) / SECOND,
            (flow.end_ns - first_ns) / SECOND,
            flow.verdict.outcome.value,
            _name(flow) if is_named else "",
        )
        for flow in flows
    ]
    return bars, (analysis.capture.until_ns - first_ns) / SECOND or 1.0


def _name(flow: Flow) -> str:
    return f"#{flow.id}  {' – '.join(f'{end.address}:{end.port}' for end in flow.ends)}"


def _lines(begin: np.ndarray, until: np.ndarray, height: np.ndarray) -> list[np.ndarray]:
    """Return lines from one place to the other, each at its height."""
    return list(np.stack((np.column_stack((begin, height)), np.column_stack((until, height))), axis=1))


def _names(ax: Axes, bars: Sequence[Bar]) -> None:
    ax.tick_params(axis="y", length=0)
    if len(bars) > MOST_NAMED:
        ax.grid(visible=False, axis="y")
        ax.set_yticks([])
        return
    names = [bar.name for bar in bars]
    ax.set_yticks(range(len(bars)), names, color=INK, fontsize=style.SIZE - 1, fontfamily=style.FONT)
    style.rules(ax, len(bars))
