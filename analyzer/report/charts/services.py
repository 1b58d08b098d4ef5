"""The chart of an application's idle limit: how long each connection was idle, on the limit's clock, and what became
of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from analyzer.keepalive.context.idle_trials import IdleTime
from analyzer.keepalive.summary.services import CLOCKS, IdleLimit
from analyzer.report.charts import style
from analyzer.report.charts.style import AMBER, BLUE, GREEN, GREY, INK, RED, RULE
from analyzer.report.units import SECOND, plain, short
from analyzer.report.words.service_sentences import SINCE, idle_limit

if TYPE_CHECKING:
    from analyzer.report.library import Analysis

MOST_NAMED = 30
"""Most connections with a name: beyond that there is no room for it."""
MOST_DRAWN_APART = 400
"""Most connections drawn as vectors."""
WIDE = 30
"""From this ratio of the longest to the limit on the axis is logarithmic."""


class Fate(NamedTuple):
    """What became of connections that were idle, and how it is drawn."""

    label: str
    color: str
    marker: str


CLOSED = Fate("closed by the limit", BLUE, "s")
LOST = Fate("closed, and a request lost", RED, "X")
OTHERWISE = Fate("ended otherwise", GREY, "o")
OPEN = Fate("goes on", GREEN, ">")
FATES = (CLOSED, LOST, OTHERWISE, OPEN)
"""In the order from top to bottom."""


class Row(NamedTuple):
    """A connection in the chart; times in seconds."""

    flow: int
    name: str
    """Its client."""
    fate: Fate
    idle_s: float
    survived_s: float
    """A shorter idle time that it survived, 0 without."""


def services(
    analysis: "Analysis", service: str | None = None, limit: IdleLimit | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the connections to a service by how long they were idle, on the clock of its idle limit: those that the
    limit closed, and those that it did not. Without a service the first that has a limit."""
    name, limit, rows = analysis.ask(found, service, limit)
    ax = style.axes(ax, height=1.7 + min(0.22 * max(len(rows), 2), 4.2))
    if limit is None or not rows:
        return style.nothing(ax, "no application closed connections after an idle time")
    is_dense, is_named = len(rows) > MOST_DRAWN_APART, len(rows) <= MOST_NAMED
    _seconds(ax, rows, limit)
    left = ax.get_xlim()[0]
    lines = [[(left, y), (row.idle_s, y)] for y, row in enumerate(rows)]
    ax.add_collection(LineCollection(lines, colors=RULE, linewidths=1, zorder=1, rasterized=is_dense))
    _limit(ax, limit)
    before = [y for y, row in enumerate(rows) if row.survived_s > left]
    if before:
        ax.scatter(
            [rows[y].survived_s for y in before], before, s=46 if is_named else 9, marker="|", color=GREEN,
            label="idle for so long before, and lived", zorder=2, rasterized=is_dense,
        )  # fmt: skip
    for fate in FATES:
        such = [y for y, row in enumerate(rows) if row.fate is fate]
        if such:
            ax.scatter(
                [rows[y].idle_s for y in such], such, s=34 if is_named else 10, marker=fate.marker, color=fate.color,
                linewidths=0, label=f"{fate.label} ({len(such):,})", zorder=3, rasterized=is_dense,
            )  # fmt: skip
    ax.set_ylim(len(rows) - 0.4, -0.8 if is_named else -0.1 * len(rows))
    _names(ax, rows, is_named=is_named)
    closed = sum(row.fate in (CLOSED, LOST) for row in rows)
    others = f", {len(rows) - closed:,} not" if closed < len(rows) else ""
    ends = (f"#{row.flow} {row.idle_s:.4g} s, {row.fate.label}" for row in rows[:MOST_NAMED])
    style.describe(ax, f"{idle_limit(limit)} {'; '.join(ends)}{' …' if len(rows) > MOST_NAMED else ''}.")
    style.title(ax, f"Idle times at {name}: {closed:,} closed by the limit{others}")
    y = "" if is_named else "connections, by idle time"
    style.label(ax, x=f"idle: {SINCE[limit.clock]}, at the end or so far", y=y)
    style.legend(ax)
    return ax


def found(
    analysis: "Analysis", service: str | None, limit: IdleLimit | None
) -> tuple[str, IdleLimit | None, list[Row]]:
    """Return the service, the limit, and the connections to it in the order of the chart."""
    findings = analysis.findings
    limits = [(one.service, its) for one in findings.services for its in one.idle_limits if its.by != "path"]
    if limit is None:
        service, limit = next((one for one in limits if service in (None, one[0])), (service or "", None))
    if limit is None:
        return service or "", None, []
    like = findings.idle_times_like(limit.flows[0])
    flows = (findings.flows[one.flow] for one in like)
    names = (str(flow.ends[1 - flow.service_end]) for flow in flows)
    rows = [_row(one, limit, name) for one, name in zip(like, names, strict=True)]
    return service or "", limit, sorted(rows, key=lambda row: (FATES.index(row.fate), row.idle_s, row.flow))


def _row(one: IdleTime, limit: IdleLimit, name: str) -> Row:
    place = dict(CLOCKS)[limit.clock][limit.by == "responder"]
    since, survived = max(one.since[place], 0) / SECOND, max(one.survived[place], 0) / SECOND
    if one.flow in limit.flows:
        return Row(one.flow, name, LOST if one.lost else CLOSED, since, survived)
    fate = OTHERWISE if one.is_over else OPEN
    return Row(one.flow, name, fate, max(since, survived), 0)


def _seconds(ax: Axes, rows: Sequence[Row], limit: IdleLimit) -> None:
    """Choose the axis: linear from 0, or logarithmic where some were idle for very much longer than the limit."""
    longest, limit_s = max(row.idle_s for row in rows), (limit.high_ns or SECOND) / SECOND
    if longest > WIDE * limit_s:
        style.log_seconds(ax, 0.3 * min(limit_s, max(min(row.idle_s for row in rows), 1)), longest * 1.6)
        return
    end = max(longest, limit_s) * 1.12
    ax.set_xlim(0, end)
    step = style.step_s(end)
    ticks = np.arange(0, end, step)
    ax.set_xticks(ticks, [style.plain_s(tick) for tick in ticks.tolist()])


def _limit(ax: Axes, limit: IdleLimit) -> None:
    """Draw the limit as a line, or where it must lie as a band."""
    if limit.value_ns is not None:
        at_s = limit.value_ns / SECOND
        ax.axvline(at_s, color=AMBER, linewidth=1.6, zorder=2, label=f"the limit: {plain(at_s)} s")
        return
    assert limit.high_ns is not None
    words = f"{short(limit.low_ns)} to {short(limit.high_ns)}" if limit.low_ns else f"at most {short(limit.high_ns)}"
    low_s = max(limit.low_ns / SECOND, ax.get_xlim()[0])
    ax.axvspan(low_s, limit.high_ns / SECOND, color=AMBER, alpha=0.22, linewidth=0, label=f"the limit: {words}")


def _names(ax: Axes, rows: Sequence[Row], *, is_named: bool) -> None:
    ax.tick_params(axis="y", length=0)
    if is_named:
        names = [f"#{row.flow}  {row.name}" for row in rows]
        ax.set_yticks(range(len(rows)), names, color=INK, fontsize=style.SIZE - 1, fontfamily=style.FONT)
    else:
        ax.set_yticks([])
