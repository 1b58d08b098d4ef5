"""The chart of what probes cost: how many an hour each host sends, and how many a minute's idle time would."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from analyzer.report.charts import style
from analyzer.report.charts.style import BLUE, INK, MUTED, RED

if TYPE_CHECKING:
    from analyzer.report.library import Analysis

MOST = 20
HOUR_S = 3600
CHEAP_A_HOUR = 60
"""Probes an hour that keep every usual path open: one each minute."""


def cost(analysis: "Analysis", ax: Axes | None = None) -> Axes:
    """Draw probes an hour by host, while its connections last; the answers cost as much again."""
    ends = analysis.ends[analysis.ends["probes"] > 0]
    flows = analysis.flows
    lasted = style.seconds(flows["stop"] - flows["start"])
    hours = np.maximum(lasted[flows.index.get_indexer(ends["flow"])], 1) / HOUR_S
    rates = ends.assign(
        rate=ends["probes"] / hours, answered_rate=ends["answered"] / hours, connections=1, cheap=CHEAP_A_HOUR
    )
    by_host = rates.groupby("addr", sort=False)[["rate", "answered_rate", "connections", "cheap"]].sum()
    by_host = by_host.sort_values("rate", ascending=False).head(MOST)
    ax = style.axes(ax, height=1.5 + 0.32 * max(2, len(by_host)))
    if by_host.empty:
        return style.nothing(ax, "no host probes")
    y = np.arange(len(by_host))
    answered = by_host["answered_rate"].to_numpy()
    ax.barh(y, answered, 0.55, color=BLUE, label="answered")
    ax.barh(
        y, by_host["rate"].to_numpy() - answered, 0.55, left=answered, facecolor="none", edgecolor=RED, hatch="////",
        label="unanswered",
    )  # fmt: skip
    ax.plot(by_host["cheap"], y, "|", color=INK, markersize=16, markeredgewidth=2, label="with a probe each minute")
    names = [f"{one.Index}  ({one.connections:,})" for one in by_host.itertuples()]
    ax.set_yticks(y, names, color=INK, fontsize=style.SIZE, fontfamily=style.FONT)
    ax.tick_params(axis="y", length=0, colors=MUTED, labelcolor=INK)
    ax.set_ylim(len(by_host) - 0.4, -0.6)
    ax.xaxis.set_major_formatter("{x:,.10g}")
    style.label(ax, x="probes an hour, on all of the host's connections that probe")
    style.title(ax, "What the probes cost")
    most = round(float(by_host["rate"].iloc[0]), 1)
    style.describe(ax, f"Probes an hour by host; the most, {most:,.10g}, come from {by_host.index[0]}.")
    style.legend(ax)
    return ax
