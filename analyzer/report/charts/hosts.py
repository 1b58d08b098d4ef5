"""Settings by host and port: idle time and interval with their bounds, and the count."""

from collections.abc import Sequence
from math import inf, isnan, nan
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from analyzer.keepalive.summary.hosts import HostRow, rows
from analyzer.report.charts import style
from analyzer.report.charts.style import AMBER, BLUE, INK, MUTED
from analyzer.report.units import count
from analyzer.report.words import sentences
from analyzer.schema.export import SETTINGS

if TYPE_CHECKING:
    from analyzer.report.library import Analysis

MOST = 30
LOOKS = (("tcp_keepalive_time", "o", BLUE, -0.15), ("tcp_keepalive_intvl", "s", AMBER, 0.15))


def hosts(analysis: "Analysis", addr: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw a row for what most connections of a host have, and those for each port that differs; for one host, or for
    all."""
    found = [row for row in rows(analysis.findings.hosts) if addr in (None, row.host.addr)]
    found.sort(key=lambda row: -row.flows)
    shown = [_cells(row) for row in found[:MOST]]
    ax = style.axes(ax, height=1.5 + 0.32 * max(2, len(shown)))
    if not shown:
        return style.nothing(ax, "no host probes")
    bounds = [row[f"{name}_{side}"] for row in shown for name, *_ in LOOKS for side in ("low", "high")]
    known = [one for one in bounds if one > 0]  # not NaN
    longest = max(max(known, default=1.0) * 1.5, 10.0)
    style.log_seconds(ax, max(0.7, min(known, default=longest) / 1.5), longest * 2.9)
    for name, marker, color, shift in LOOKS:
        _bars(ax, shown, name, marker, color, shift)
    for y, row in enumerate(shown):
        style.say(ax, longest * 2.7, y, _probes(row), INK, ha="right")
    _names(ax, found[:MOST])
    more = f" (the first {MOST} of {len(found):,} rows)" if len(found) > MOST else ""
    style.title(ax, f"Settings by host and port{more}")
    style.label(ax, x="idle time before the first probe, and interval")
    style.describe(ax, f"Idle time, interval and count of {len(shown)} hosts and ports, with their bounds.")
    style.legend(ax)
    return ax


def _cells(row: HostRow) -> dict[str, Any]:
    """Return what is drawn of a row: of many settings the widest bounds, and a value only if all of them have it."""
    cells: dict[str, Any] = {"row": row}
    for name in SETTINGS[:3]:
        found = [getattr(one, name) for one in row.settings]
        known = [one for one in found if one is not None]
        values, highs = {one.value for one in known}, {one.high for one in known}
        is_known = 0 < len(known) == len(found)
        cells[name] = values.pop() if is_known and len(values) == 1 and None not in values else nan
        cells[f"{name}_low"] = min((one.low for one in known), default=nan)
        cells[f"{name}_high"] = max(highs) if is_known and None not in highs else nan
    return cells


def _probes(row: dict[str, Any]) -> str:
    probes, low, high = (row[f"tcp_keepalive_probes{side}"] for side in ("", "_low", "_high"))
    if len(row["row"].settings) > 1 and isnan(probes) and not isnan(low):
        return f"≥ {low:.0f} probes" if isnan(high) else f"{low:.0f}–{high:.0f} probes"
    return "? probes" if isnan(probes) else count(probes, "probe")


def _bars(ax: Axes, shown: Sequence[dict[str, Any]], name: str, marker: str, color: str, shift: float) -> None:
    """Draw the value as a mark, its bounds as a line, open to the right where nothing bounds it."""
    value, low, high = (np.array([row[f"{name}{side}"] for row in shown], float) for side in ("", "_low", "_high"))
    high[np.isnan(high)] = inf
    y, right = np.arange(len(shown)) + shift, ax.get_xlim()[1] / 3.6
    ax.hlines(y, low, np.minimum(high, right), color=color, linewidth=2, alpha=0.6)
    ax.scatter(value, y, s=36, marker=marker, color=color, label=name, zorder=3)
    is_open = np.isinf(high) & np.isfinite(low)
    ax.scatter(np.where(is_open, right, np.nan), y, s=22, marker=">", color=color)


def _names(ax: Axes, found: Sequence[HostRow]) -> None:
    names, between = [], "\n" if style.is_narrow(ax) else "  "
    for row in found:
        port = "" if row.port is None else f", port {row.port}"
        kinds = f", {len(row.settings)} settings" if len(row.settings) > 1 else ""
        names.append(f"{sentences.host_name(row.host)}{port}{between}({row.flows:,}{kinds})")
    ax.set_yticks(range(len(found)), names, color=INK, fontsize=style.SIZE, fontfamily=style.FONT)
    ax.tick_params(axis="y", length=0, colors=MUTED, labelcolor=INK)
    ax.set_ylim(len(found) - 0.4, -0.6)
    style.rules(ax, len(found))
