"""The chart of how long a path may be silent: every silence of it, the likeliest share that survives, known limits."""

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analyzer.keepalive.catalogue.profiles import middleboxes
from analyzer.report.charts import style
from analyzer.report.charts.style import AMBER, BLUE, GREEN, MUTED, RED

if TYPE_CHECKING:
    from analyzer.report.library import Analysis

BINS_PER_DECADE = 10
ROOM = 0.035
"""Share of the axis that a limit's name needs."""
LONGEST_NAME = 30


def silences(analysis: "Analysis", path: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw silences of 10 s and more of one path, or of all: survived ones up, failed ones down, and the survival
    curve."""
    ax = style.axes(ax, height=3.8)
    found = analysis.silences
    if path not in (None, "all"):
        found = found[[_is_in(service, path) for service in found["path"]]]
    found = found[found["result"] != "unknown"]
    if found.empty:
        return style.nothing(ax, "no silence of 10 s or more tells anything of the path")
    length, has_survived = style.seconds(found["length"]), (found["result"] == "survived").to_numpy()
    style.log_seconds(ax, 8, max(420.0, float(length.max()) * 1.6))
    ax.set_ylim(-0.06, 1.16)
    _curve(ax, analysis, path)
    _bars(ax, length, has_survived)
    _limits(ax)
    ax.set_yticks((0, 0.5, 1), ("0", "50 %", "100 %"))
    style.label(ax, x="length of the silence: time without any segment", y="share that survives")
    which = path or ("all paths" if found["path"].nunique() > 1 else str(found["path"].iloc[0]))
    good, bad = int(has_survived.sum()), int((~has_survived).sum())
    style.title(ax, f"Silences that survived and failed, {which}: {good} survived, {bad} failed")
    style.describe(ax, _words(analysis, path, good, bad))
    style.legend(ax)
    return ax


def _words(analysis: "Analysis", path: str | None, good: int, bad: int) -> str:
    """Say what the chart shows."""
    limits = analysis.path_limits
    limits = limits[(limits["path"] == path) & limits["failed"].notna()]
    words = f"{good} silences of 10 s and more survived, {bad} failed."
    for limit in limits.itertuples():
        words += f" The shortest that failed was {style.plain_s(round(limit.failed.total_seconds(), 1))} long."
    return words


def _is_in(service: str, path: str) -> bool:
    """Tell whether the service is the path, or its address lies in the network that is."""
    if "/" not in path:
        return service == path
    return ip_address(service.rpartition(":")[0].strip("[]")) in ip_network(path)


def _curve(ax: Axes, analysis: "Analysis", path: str | None) -> None:
    curve, limits = analysis.survival, analysis.path_limits[~analysis.path_limits["half_closed"].astype(bool)]
    if limits.empty:
        return  # within one LAN
    name = path if path is not None else ("all" if (limits["path"] == "all").any() else limits["path"].iloc[0])
    curve, [limit] = curve[curve["path"] == name], limits[limits["path"] == name].to_dict("records")
    if not curve.empty:
        x, share = style.seconds(curve["length"]), curve["share"].to_numpy()
        ax.plot(x, share, color=BLUE, linewidth=1.8, marker=".", label="likeliest share that survives")
    if pd.notna(limit["failed"]) and pd.notna(limit["survived"]):
        span = limit["survived"].total_seconds(), limit["failed"].total_seconds()
        ax.axvspan(*span, color=AMBER, alpha=0.22, linewidth=0, label="the idle limit is in here")


def _bars(ax: Axes, length: np.ndarray, has_survived: np.ndarray) -> None:
    """Draw how often each length was tried; the bars' height is in proportion to the commonest."""
    low, high = ax.get_xlim()
    edges = np.geomspace(low, high, int(np.log10(high / low) * BINS_PER_DECADE) + 2)
    good, bad = (np.histogram(length[which], edges)[0] for which in (has_survived, ~has_survived))
    most, widths = max(good.max(), bad.max()), np.diff(edges)
    ax.bar(
        edges[:-1], 0.4 * good / most, widths * 0.9, align="edge", color=GREEN, alpha=0.45, label="survived, how often"
    )
    has = bad > 0
    ax.bar(
        edges[:-1][has], 0.4 * bad[has] / most, widths[has] * 0.9, bottom=0.4 * good[has] / most, align="edge",
        facecolor="none", edgecolor=RED, hatch="////", linewidth=1, label="failed, how often" if has.any() else "",
    )  # fmt: skip


def _limits(ax: Axes) -> None:
    """Draw the idle limits that boxes are shipped with, the commonest first, as many as there is room for."""
    low, high = ax.get_xlim()
    names: dict[int, list[str]] = {}
    for box in middleboxes():
        if low < box.idle_s < high:
            names.setdefault(box.idle_s, []).append(box.name)
    shown: list[int] = []
    for idle_s in sorted(names, key=lambda one: -len(names[one])):
        if any(abs(np.log(idle_s / other)) < ROOM * np.log(high / low) for other in shown):
            continue
        shown.append(idle_s)
        others = f" and {len(names[idle_s]) - 1} more" if len(names[idle_s]) > 1 else ""
        label = "limits that boxes are shipped with" if len(shown) == 1 else ""
        ax.plot([idle_s, idle_s], [0, 1.05], color=MUTED, linewidth=0.9, linestyle=":", zorder=1, label=label)
        style.say(
            ax, idle_s, 1.04, f"{_cut(names[idle_s][0])}{others} ", MUTED,
            rotation=90, va="top", ha="right", fontsize=style.SIZE - 1.5,
        )  # fmt: skip


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1].rstrip() + "…"
