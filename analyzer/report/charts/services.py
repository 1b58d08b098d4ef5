"""The chart of a service's idle limit: when each of its connections was closed, after how long idle on the limit's
clock, by whom; and the idle times that others survived."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analyzer.report.charts import style
from analyzer.report.charts.style import AMBER, BLUE, GREEN, GREY, INK, PURPLE, RED

if TYPE_CHECKING:
    from analyzer.report.library import Analysis

CLOCKS = {
    "data": ("since_data", "without data"),
    "peer-data": ("since_peer_data", "without data of the end that did not close"),
    "no-heartbeat": ("since_no_heartbeat", "without data other than heartbeats"),
}
"""The column of `flows` with a clock, and what it counts."""
MARGIN, LEAST_MARGIN_S = 0.08, 0.2
"""Room beside the idle times, as a share of their range, and at least."""
NARROW = 0.004
"""Least width of a bracket, as a share of the axis."""
DRAWN_APART = 400
"""Most marks of a kind drawn as vectors."""


BEHIND = {"facecolor": style.PAPER, "edgecolor": "none", "pad": 0.5, "alpha": 0.8}


class Look(NamedTuple):
    """The style of some connections."""

    label: str
    marker: str
    color: str
    is_hollow: bool = False


CLOSED_BY = {
    "service": Look("closed by the service", "o", BLUE),
    "client": Look("closed by its client", "s", GREY),
    "name": Look("reset in the service's name", "v", PURPLE),
    "path": Look("reset by the path", "D", PURPLE),
    "unknown": Look("reset, not known by whom", "P", GREY),
}
SURVIVED = Look("idle for so long, and lived", ">", GREEN, is_hollow=True)


def services(analysis: "Analysis", service: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the endings of one service's connections on the clock of its idle limit; by default of the one that closed
    most.

    A limit of an application is a column of dots, whenever the connections were closed; anything else is a cloud.
    """
    ax = style.axes(ax, height=3.8)
    limits = analysis.services
    limits = limits[(limits["how"] != "silent") & ~limits["half_closed"].astype(bool)]
    if service is None and not limits.empty:
        service = limits.sort_values("closed", ascending=False, kind="stable")["service"].iloc[0]
    limits = limits[limits["service"] == service]
    if limits.empty:
        which = f"{service}: " if service is not None else ""
        return style.nothing(ax, f"{which}no idle limit of a service; plot.silences() has those of paths")
    limit = limits.sort_values("closed", ascending=False, kind="stable").iloc[0]
    flows, start = _of_service(analysis, str(service)), analysis.flows["start"].min()
    closed = endings(analysis, flows, str(limit["clock"]), start)
    if limit["by"] == "unknown":  # a box may have done it
        closed["by"] = closed["by"].replace("service", "name")
    lived = survived(analysis, flows, str(service), start)
    _frame(ax, pd.concat([closed["idle_s"], lived["idle_s"]]), pd.concat([closed["at_s"], lived["at_s"]]), limit)
    _bracket(ax, limit)
    for by, look in CLOSED_BY.items():
        _marks(ax, closed[closed["by"] == by], look)
    _marks(ax, lived, SURVIVED)
    lost = closed[closed["lost"] > 0]
    if not lost.empty:
        ax.scatter(
            lost["idle_s"], lost["at_s"], s=110, marker="o", facecolors="none", edgecolors=RED, linewidths=1.4,
            label="a request was lost", zorder=3,
        )  # fmt: skip
    lives = f", {len(lived)} idle time{'s' * (len(lived) != 1)} survived" if len(lived) else ""
    style.title(ax, f"How long connections to {service} were idle: {len(closed)} closed{lives}")
    style.describe(ax, _words(limit, str(service), len(closed)))
    style.legend(ax)
    return ax


def _of_service(analysis: "Analysis", service: str) -> pd.DataFrame:
    """Return the connections to a service, with the number of its end: the responder, or the lower port where that is
    not known."""
    flows = analysis.flows
    is_first = (flows["role_0"] == "responder") | ((flows["role_0"] == "unknown") & (flows["port_0"] < flows["port_1"]))
    end = np.where(is_first, 0, 1)
    names = [_name(row, int(own)) for row, own in zip(flows.itertuples(), end, strict=True)]
    return flows.assign(own=end)[[name == service for name in names]]


def _name(row: object, end: int) -> str:
    address, port = getattr(row, f"addr_{end}"), getattr(row, f"port_{end}")
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def endings(analysis: "Analysis", flows: pd.DataFrame, clock: str, start: pd.Timestamp) -> pd.DataFrame:
    """Return of each connection that was closed its idle time on a clock, when that was, by whom, and what was lost."""
    column, _ = CLOCKS[clock]
    closed = flows[flows["ended_how"].isin(("fin", "rst")) & flows[column].notna()]
    times = analysis.segments.drop_duplicates("frame").set_index("frame")["time"]
    at = closed["ended_frame"].astype("int64").map(times)
    by = closed["ended_by"].astype(object)
    own = closed["own"].astype(str)
    who = np.select([by == "path", by.isna(), by == own], ["path", "unknown", "service"], "client")
    return pd.DataFrame(
        {
            "idle_s": style.seconds(closed[column]),
            "at_s": style.seconds(at - start),
            "by": who,
            "lost": closed["lost"].to_numpy(),
        }
    )


def survived(analysis: "Analysis", flows: pd.DataFrame, service: str, start: pd.Timestamp) -> pd.DataFrame:
    """Return the idle times that connections of a service survived: silences of 10 s and more within them, and those up
    to the capture's end."""
    within = analysis.silences
    within = within[(within["path"] == service) & (within["result"] == "survived") & within["flow"].isin(flows.index)]
    closing = within["flow"].map(flows["ended_frame"])
    within = within[(closing.isna() | (within["frame"] < closing)).fillna(True).astype(bool)]
    still = flows[flows["silent"] > pd.Timedelta(0)]
    idle = [style.seconds(within["length"]), style.seconds(still["silent"])]
    at = [style.seconds(within["time"] - start), style.seconds(still["stop"] + still["silent"] - start)]
    return pd.DataFrame({"idle_s": np.concatenate(idle), "at_s": np.concatenate(at)})


def _frame(ax: Axes, idle: pd.Series, at: pd.Series, limit: pd.Series) -> None:
    known = [limit[name].total_seconds() for name in ("value", "low", "high") if pd.notna(limit[name])]
    left, right = min([*idle, *known]), max([*idle, *known])
    room = max((right - left) * MARGIN, LEAST_MARGIN_S)
    ax.set_xlim(max(0.0, left - room), right + room)
    low, high = float(at.min()), float(at.max())
    beyond = max((high - low) * 0.1, 0.5)
    ax.set_ylim(low - beyond, high + 2 * beyond)
    unit, words = style.clock_words(high)
    step = style.step_s(high - low + 1e-9, 6)
    ticks = step * np.arange(np.floor(low / step), np.floor(high / step) + 1)
    ticks = ticks[(ticks >= low - beyond) & (ticks >= 0)]
    ax.set_yticks(ticks, [words(float(tick)) for tick in ticks])
    what = CLOCKS[str(limit["clock"])][1]
    style.label(ax, x=f"idle time: {what} (s)", y=f"closed at ({unit} since the first connection)")


def _bracket(ax: Axes, limit: pd.Series) -> None:
    """Draw the limit's bounds, the longest idle time survived, and the round number between that people set."""
    left, right = ax.get_xlim()
    bounds = sorted(limit[name].total_seconds() for name in ("low", "high") if pd.notna(limit[name]))
    if len(bounds) == 2:
        low, high = max(bounds[0], left), max(bounds[1], bounds[0] + NARROW * (right - left))
        ax.axvspan(low, high, color=AMBER, alpha=0.22, linewidth=0, label="the idle limit is in here", zorder=0)
    if pd.notna(limit["survived"]) and left <= limit["survived"].total_seconds() <= right:
        at = limit["survived"].total_seconds()
        ax.axvline(at, color=GREEN, linewidth=1.2, linestyle="--", label="longest idle time survived", zorder=1)
    if pd.notna(limit["value"]):
        value = limit["value"].total_seconds()
        ax.axvline(value, color=INK, linewidth=1.0, linestyle=":", zorder=1, label="the round number that explains it")
        like = f", like {str(limit['matches']).split(';')[0]}" if pd.notna(limit["matches"]) else ""
        top = ax.get_ylim()[1]
        side = "left" if value < (left + right) / 2 else "right"
        words = f" {style.plain_s(value)}{like} "
        style.say(ax, value, top, words, ha=side, va="top", bbox=BEHIND)


def _marks(ax: Axes, shown: pd.DataFrame, look: Look) -> None:
    if shown.empty:
        return
    face = "none" if look.is_hollow else look.color
    ax.scatter(
        shown["idle_s"], shown["at_s"], s=34, marker=look.marker, facecolors=face, edgecolors=look.color,
        label=f"{look.label} ({len(shown)})", zorder=4, rasterized=len(shown) > DRAWN_APART,
    )  # fmt: skip


def _words(limit: pd.Series, service: str, number: int) -> str:
    """Say what the chart shows."""
    value = f"of {style.plain_s(limit['value'].total_seconds())} " if pd.notna(limit["value"]) else ""
    return f"{number} connections to {service} were closed; the idle limit {value}explains {limit['closed']} of them."
