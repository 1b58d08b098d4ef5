"""A whole capture: every connection as a bar in time, its outcome by colour, line and end mark."""

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from analyzer.report.charts import style
from analyzer.report.charts.style import INK, LOOKS, MUTED, RULE

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


def overview(analysis: "Analysis", ax: Axes | None = None) -> Axes:
    """Draw connections from top to bottom in order of appearance; very many by outcome first."""
    flows = analysis.flows
    count = len(flows)
    is_dense = count > MOST_DRAWN_APART
    ax = style.axes(ax, height=1.3 + min(0.24 * max(count, 2), 3.6 if is_dense else 6.5))
    if flows.empty:
        return style.nothing(ax, "no TCP connection")
    if is_dense:
        flows = flows.assign(rank=flows["outcome"].map({name: rank for rank, name in enumerate(LOOKS)}).astype(int))
        flows = flows.sort_values(["rank", "start"], kind="stable")
    first = flows["start"].min()
    last = pd.Timestamp(analysis.capture.until_ns, tz="UTC")
    starts, stops = (style.seconds(flows[name] - first) for name in ("start", "stop"))
    end = float((last - first).total_seconds()) or 1.0
    has_rest = False
    for outcome, look in LOOKS.items():
        rows = [y for y, one in enumerate(flows["outcome"]) if one == outcome]
        if not rows:
            continue
        lines = [[(starts[y], y), (max(stops[y], starts[y] + end / 500), y)] for y in rows]
        width = 3.2 if count <= MOST_NAMED else max(0.6, 240 / count)
        ax.add_collection(
            LineCollection(lines, colors=look.color, linestyles=look.line, linewidths=width, rasterized=is_dense)
        )
        if outcome in OPEN:
            rest = [[(stops[y], y), (end, y)] for y in rows]
            ax.add_collection(
                LineCollection(rest, colors=look.color, linewidths=width / 4, alpha=0.6, rasterized=is_dense)
            )
            has_rest = has_rest or any(end - stops[y] > VISIBLE * end for y in rows)
        ax.scatter(
            [stops[y] for y in rows], rows, s=26 if count <= MOST_NAMED else 7, marker=look.marker, color=look.color,
            label=f"{outcome} ({len(rows):,})", zorder=3, rasterized=is_dense,
        )  # fmt: skip
    ax.set_xlim(-0.02 * end, 1.03 * end)
    ax.set_ylim(count - 0.3, -0.7)
    _names(ax, flows)
    unit, words = style.clock_words(end)
    step = style.step_s(end)
    ticks = [step * index for index in range(int(end / step) + 1)]
    ax.set_xticks(ticks, [words(tick) for tick in ticks])
    of_rows = "connections, by outcome" if is_dense else "connections, the first on top" if count > MOST_NAMED else ""
    style.label(ax, x=f"since the capture's first connection ({unit})", y=of_rows)
    style.title(ax, f"{count:,} connection{'s' * (count != 1)} in time, by outcome")
    if has_rest:
        ax.plot([], [], color=MUTED, linewidth=0.8, label="silent up to the capture's end")
    counts = flows["outcome"].value_counts()
    told = ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in LOOKS if counts.get(outcome, 0))
    style.describe(ax, f"A bar for each connection from its first to its last segment: {told}.")
    style.legend(ax)
    return ax


def _names(ax: Axes, flows: pd.DataFrame) -> None:
    ax.tick_params(axis="y", length=0)
    if len(flows) > MOST_NAMED:
        ax.grid(visible=False, axis="y")
        ax.set_yticks([])
        return
    names = [f"#{flow.Index}  {flow.addr_0}:{flow.port_0} – {flow.addr_1}:{flow.port_1}" for flow in flows.itertuples()]
    ax.set_yticks(range(len(flows)), names, color=INK, fontsize=style.SIZE - 1, fontfamily=style.FONT)
    for y in range(len(flows)):
        ax.axhline(y, color=RULE, linewidth=0.5, zorder=0)
