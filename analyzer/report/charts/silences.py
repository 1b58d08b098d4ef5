"""The chart of how long a path may be silent: every silence of it, the likeliest share that survives, known limits."""

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from analyzer.keepalive.catalogue.profiles import middleboxes
from analyzer.keepalive.story.values import LONG_NS
from analyzer.keepalive.summary.paths import ALL
from analyzer.report.charts import style
from analyzer.report.charts.style import AMBER, BLUE, GREEN, INK, MUTED, RED
from analyzer.report.tables.rows import columns
from analyzer.report.units import SECOND, short

if TYPE_CHECKING:
    from analyzer.report.library import Analysis

MOST_DRAWN_APART = 400
"""Most silences drawn as vectors."""
SPREAD, GOLDEN = 0.11, 0.618033988749895
"""By so much marks stand above and below their line, so that equal silences are seen; each a golden part further."""
BOTTOM, NAMES, TOP = -0.25, 1.2, 2.45
"""Where the axes begin, and the known limits' names; and where both end."""
ROOM = 0.035
"""Share of the axis that a limit's name needs."""
LONGEST_NAME = 24
"""Most letters of a known limit's name, and of how many others there are."""


class Told(NamedTuple):
    """A silence that tells something of a path."""

    path: str
    seconds: float
    survived: bool


def silences(analysis: "Analysis", path: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw each silence of one path, or of all, that `Analysis.silences` has: survived ones above, failed ones below,
    and between them the survival curve."""
    ax = style.axes(ax, height=4.7)
    found = analysis.ask(told, path)
    if not any(not one.survived or one.seconds >= LONG_NS / SECOND for one in found):
        return style.nothing(ax, "no silence of 10 s or more tells anything of the path")
    length, has_survived = np.array([one.seconds for one in found]), np.array([one.survived for one in found])
    style.log_seconds(ax, min(8.0, float(length.min()) / 1.6), max(420.0, float(length.max()) * 1.6))
    ax.set_ylim(BOTTOM, TOP)
    good, bad = int(has_survived.sum()), int((~has_survived).sum())
    _limits(ax)
    _curve(ax, analysis, path)
    _marks(ax, length[has_survived], 1, GREEN, "o", "a silence that it survived")
    _marks(ax, length[~has_survived], 0, RED, "X", "one that it did not")
    ax.set_yticks((0, 0.5, 1), (f"failed ({bad:,})", "50 %", f"survived ({good:,})"), color=INK)
    ax.tick_params(axis="y", length=0)
    style.label(ax, x="silence: so long without any segment")
    which = path or ("all paths" if len({one.path for one in found}) > 1 else found[0].path)
    longest = f", the longest after {_short(length[has_survived].max())}" if good else ""
    shortest = f", the shortest after {_short(length[~has_survived].min())}" if bad else ""
    style.describe(ax, f"{good:,} silences were survived{longest}; {bad:,} were not{shortest}.")
    style.title(ax, f"Silences of {which}: {good:,} survived, {bad:,} failed")
    style.legend(ax)
    return ax


def told(analysis: "Analysis", path: str | None) -> list[Told]:
    """Return the silences of a path, or of all, of which is known whether it survived them."""
    table = columns("silences", analysis.findings)
    return [
        Told(service, length_ns / SECOND, result == "survived")
        for service, length_ns, result in zip(table["path"], table["length"], table["result"], strict=True)
        if result != "unknown" and (path in (None, ALL) or _is_in(service, path))
    ]


def _short(length_s: float) -> str:
    return short(round(length_s * SECOND))


def _is_in(service: str, path: str) -> bool:
    """Tell whether the service is the path, or its address lies in the network that is."""
    if "/" not in path:
        return service == path
    return ip_address(service.rpartition(":")[0].strip("[]")) in ip_network(path)


def _curve(ax: Axes, analysis: "Analysis", path: str | None) -> None:
    limits = {limit.path: limit for limit in analysis.findings.path_limits if not limit.half_closed}
    name = path if path is not None else ALL if ALL in limits else next(iter(limits), "")
    if name not in limits:
        return  # within one LAN, or a network of which nothing is said as a whole
    limit = limits[name]
    if limit.curve:
        x, share = [ns / SECOND for ns, _ in limit.curve], [share for _, share in limit.curve]
        ax.plot(x, share, color=BLUE, linewidth=1.8, marker=".", label="likeliest share that survives")
    if limit.failed_ns is not None and limit.survived_ns is not None:
        ax.axvspan(
            limit.survived_ns / SECOND,
            limit.failed_ns / SECOND,
            0,
            (NAMES - BOTTOM) / (TOP - BOTTOM),
            color=AMBER,
            alpha=0.45,
            linewidth=1,
            label="the idle limit is in here",
        )


def _marks(ax: Axes, length: np.ndarray, height: float, color: str, marker: str, label: str) -> None:
    """Draw a mark for each silence, about a line."""
    if not len(length):
        return
    y = height + SPREAD * (2 * (np.arange(len(length)) * GOLDEN % 1) - 1)
    ax.scatter(
        length, y, s=26 if marker == "X" else 13, marker=marker, color=color, alpha=0.75, linewidths=0, label=label,
        zorder=3, rasterized=len(length) > MOST_DRAWN_APART,
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
        others = f" +{len(names[idle_s]) - 1}" if len(names[idle_s]) > 1 else ""
        label = "limits that boxes are shipped with" if len(shown) == 1 else ""
        ax.plot([idle_s, idle_s], [BOTTOM, TOP], color=MUTED, linewidth=0.9, linestyle=":", zorder=1, label=label)
        style.say(
            ax, idle_s, NAMES, f"{_cut(names[idle_s][0], LONGEST_NAME - len(others))}{others} ", MUTED,
            rotation=90, va="bottom", ha="right", fontsize=style.SIZE - 1.5,
        )  # fmt: skip


def _cut(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"
