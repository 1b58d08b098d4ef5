"""The chart of what probes cost: how many an hour each host sends, and how many a minute's idle time would."""

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from analyzer.report.charts import style
from analyzer.report.charts.style import BLUE, INK, MUTED, RED
from analyzer.report.units import SECOND

if TYPE_CHECKING:
    from analyzer.report.library import Analysis

MOST = 20
HOUR_S = 3600
CHEAP_A_HOUR = 60
"""Probes an hour that keep every usual path open: one each minute."""


class Rate(NamedTuple):
    """Probes an hour of a host, of all of its connections that probe."""

    address: str
    connections: int
    sent: float
    answered: float


def cost(analysis: "Analysis", ax: Axes | None = None) -> Axes:
    """Draw probes an hour by host, while its connections last; the answers cost as much again."""
    rates = analysis.ask(dearest)
    ax = style.axes(ax, height=1.5 + 0.32 * max(2, len(rates)))
    if not rates:
        return style.nothing(ax, "no host probes")
    y = np.arange(len(rates))
    sent, answered = np.array([one.sent for one in rates]), np.array([one.answered for one in rates])
    ax.barh(y, answered, 0.55, color=BLUE, label="answered")
    ax.barh(
        y, sent - answered, 0.55, left=answered, facecolor="none", edgecolor=RED, hatch="////", label="unanswered",
    )  # fmt: skip
    cheap = [CHEAP_A_HOUR * one.connections for one in rates]
    ax.plot(cheap, y, "|", color=INK, markersize=16, markeredgewidth=2, label="with a probe each minute")
    names = [f"{one.address}  ({one.connections:,})" for one in rates]
    ax.set_yticks(y, names, color=INK, fontsize=style.SIZE, fontfamily=style.FONT)
    ax.tick_params(axis="y", length=0, colors=MUTED, labelcolor=INK)
    ax.set_ylim(len(rates) - 0.4, -0.6)
    ax.xaxis.set_major_formatter("{x:,.10g}")
    style.label(ax, x="probes an hour, on all of the host's connections that probe")
    style.title(ax, "What the probes cost")
    most = round(rates[0].sent, 1)
    style.describe(ax, f"Probes an hour by host; the most, {most:,.10g}, come from {rates[0].address}.")
    style.legend(ax)
    return ax


def dearest(analysis: "Analysis") -> list[Rate]:
    """Return the hosts that send most probes an hour, the first on top."""
    by_host: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for flow in analysis.findings.notable:
        hours = max((flow.end_ns - flow.start_ns) / SECOND, 1) / HOUR_S
        for index in flow.probers:
            end = flow.ends[index]
            by_host[end.address].append((end.story.sent / hours, end.answered / hours))
    rates = (Rate(addr, len(each), *map(sum, zip(*each, strict=True))) for addr, each in by_host.items())
    return sorted(rates, key=lambda one: -one.sent)[:MOST]
