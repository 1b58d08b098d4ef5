"""Settings by host and port: idle time and interval with their bounds, and the count."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analyzer.report.charts import style
from analyzer.report.charts.style import AMBER, BLUE, INK, MUTED, RULE
from analyzer.schema.export import SETTINGS

if TYPE_CHECKING:
    from analyzer.report.library import Analysis

MOST = 30
LOOKS = (("tcp_keepalive_time", "o", BLUE, -0.15), ("tcp_keepalive_intvl", "s", AMBER, 0.15))


def hosts(analysis: "Analysis", addr: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw a row for what most connections of a host have, and one for each port that differs, however many settings
    there are; for one host, or for all."""
    found = analysis.hosts
    found = by_service(found[found["addr"] == addr] if addr is not None else found)
    shown = found.sort_values("flows", ascending=False, kind="stable").head(MOST)
    ax = style.axes(ax, height=1.5 + 0.32 * max(2, len(shown)))
    if shown.empty:
        return style.nothing(ax, "no host probes")
    bounds = shown[[f"{name}_{side}" for name, *_ in LOOKS for side in ("low", "high")]].to_numpy(dtype=float)
    known = bounds[np.isfinite(bounds) & (bounds > 0)]
    longest = max(float(known.max(initial=1.0)) * 1.5, 10.0)
    style.log_seconds(ax, max(0.7, float(known.min(initial=longest)) / 1.5), longest * 2.9)
    for name, marker, color, shift in LOOKS:
        _bars(ax, shown, name, marker, color, shift)
    for y, row in enumerate(shown.to_dict("records")):
        style.say(ax, longest * 2.7, y, _probes(row), INK, ha="right")
    _names(ax, shown)
    more = f" (the first {MOST} of {len(found):,} rows)" if len(found) > MOST else ""
    style.title(ax, f"Settings by host and port{more}")
    style.label(ax, x="idle time before the first probe, and interval")
    style.describe(ax, f"Idle time, interval and count of {len(shown)} hosts and ports, with their bounds.")
    style.legend(ax)
    return ax


def by_service(found: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each host and service, however many settings its connections have: `kinds` says how many, their
    bounds are the widest, and a value is one that all of them have."""
    rows = []
    for _, alike in found.groupby(["addr", "port", "before"], dropna=False, sort=False):
        row = {**alike.iloc[0].to_dict(), "flows": int(alike["flows"].sum()), "kinds": len(alike)}
        for name in SETTINGS[:3]:
            values = alike[name]
            row[name] = values.iloc[0] if values.notna().all() and values.nunique() == 1 else pd.NA
            row[f"{name}_low"] = alike[f"{name}_low"].min()
            row[f"{name}_high"] = alike[f"{name}_high"].max(skipna=False)
        rows.append(row)
    if not rows:
        return found.assign(kinds=0)
    kept = {name: found[name].dtype for name in found.columns}
    return pd.DataFrame(rows).astype(kept)


def _probes(row: dict[Any, Any]) -> str:
    low, high = row["tcp_keepalive_probes_low"], row["tcp_keepalive_probes_high"]
    if row["kinds"] > 1 and pd.isna(row["tcp_keepalive_probes"]) and pd.notna(low):
        return f"≥ {low:.0f} probes" if pd.isna(high) else f"{low:.0f}–{high:.0f} probes"
    probes = row["tcp_keepalive_probes"]
    return "? probes" if pd.isna(probes) else f"{probes} probe{'s' * (probes != 1)}"


def _bars(ax: Axes, shown: pd.DataFrame, name: str, marker: str, color: str, shift: float) -> None:
    """Draw the value as a mark, its bounds as a line, open to the right where nothing bounds it."""
    value = shown[name].to_numpy(dtype=float, na_value=np.nan)
    low = shown[f"{name}_low"].to_numpy(dtype=float)
    high = shown[f"{name}_high"].fillna(np.inf).to_numpy(dtype=float)
    y, right = np.arange(len(shown)) + shift, ax.get_xlim()[1] / 3.6
    ax.hlines(y, low, np.minimum(high, right), color=color, linewidth=2, alpha=0.6)
    ax.scatter(value, y, s=36, marker=marker, color=color, label=name, zorder=3)
    is_open = np.isinf(high) & np.isfinite(low)
    ax.scatter(np.where(is_open, right, np.nan), y, s=22, marker=">", color=color)


def _names(ax: Axes, shown: pd.DataFrame) -> None:
    names, between = [], "\n" if style.is_narrow(ax) else "  "
    for row in shown.itertuples():
        port = "" if pd.isna(row.port) else f", port {row.port}"
        addr = row.addr if pd.isna(row.before) else f"middlebox before {row.before.split()[0]}"
        kinds = f", {row.kinds} settings" if row.kinds > 1 else ""
        names.append(f"{addr}{port}{between}({row.flows:,}{kinds})")
    ax.set_yticks(range(len(shown)), names, color=INK, fontsize=style.SIZE, fontfamily=style.FONT)
    ax.tick_params(axis="y", length=0, colors=MUTED, labelcolor=INK)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    for y in range(len(shown)):
        ax.axhline(y, color=RULE, linewidth=0.5, zorder=0)
