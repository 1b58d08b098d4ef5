"""The terminal's live view: connections with what is expected of them, and the latest events.

Connections in trouble come first, then those that are probed, then the ones that were idle longest. Everything from a
capture is shown as plain text.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from analyzer.keepalive.settings.values import Setting
from analyzer.keepalive.verdict.values import Outcome
from analyzer.monitor.crosscheck import Crosscheck
from analyzer.monitor.events import Event, Name
from analyzer.monitor.steady import EndStanding, Standing
from analyzer.monitor.watcher import Watcher
from analyzer.monitor.words import ahead, clock, line
from analyzer.report.units import plain
from analyzer.report.words.sentences import OUTCOMES

EVENTS = 12
"""Number of latest events shown below the table."""
STYLES = {Outcome.TIMED_OUT: "bold red", Outcome.UNREACHABLE: "bold red", Outcome.RESET: "bold red",
          Outcome.UNDETECTED: "bold red", Outcome.PROBING: "bold yellow", Outcome.ALIVE: "green",
          Outcome.OPEN: "green"}  # fmt: skip
QUIET = frozenset({Name.FLOW_OPEN, Name.FLOW_CLOSED, Name.CONCLUSION})
"""Events that the view leaves out; without a view they are shown as lines. Conclusions come when it closes."""


class View:
    """Updates in place, twice a second; `tell` takes events."""

    def __init__(self, console: Console, watcher: Watcher, crosscheck: Crosscheck | None, title: str) -> None:
        """Prepare the view; without `crosscheck` the columns of the kernel's own view are left out."""
        self._watcher = watcher
        self._crosscheck = crosscheck
        self._title = title
        self._events: deque[str] = deque(maxlen=EVENTS)
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._rendered_s = 0.0

    @property
    def _has_kernel(self) -> bool:
        return self._crosscheck is not None and self._crosscheck.sockets.reason is None

    @property
    def _has_processes(self) -> bool:
        return self._crosscheck is not None and self._crosscheck.sockets.process_reason is None

    def start(self) -> None:
        self._live.start()

    def close(self) -> None:
        self._live.stop()

    def tell(self, events: Iterable[Event], now_ns: int) -> None:
        self._events.extend(line(event) for event in events if event.name not in QUIET)
        if time.monotonic() - self._rendered_s >= 0.5:
            self._rendered_s = time.monotonic()
            self._live.update(self.rendered(now_ns, self._live.console.height), refresh=True)

    def rendered(self, now_ns: int, height: int) -> RenderableType:
        """Render what fits into `height` lines."""
        standings = sorted(self._watcher.standings(), key=lambda pair: _urgency(pair[1]))
        room = max(height - EVENTS - 6, 3)
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        headings = ["#", "connection", "state", "time/intvl/probes", "expected"]
        if self._has_kernel:
            headings += ["kernel's timer"] + (["process"] if self._has_processes else [])
        for heading in headings:
            table.add_column(heading, overflow="ellipsis", no_wrap=True)
        for number, standing in standings[:room]:
            table.add_row(*self._cells(number, standing, now_ns))
        more = len(standings) - room
        counts = f"{self._watcher.analyzer.frames:,} frames, {len(self._watcher.watched):,} connections"
        below = [Text(f"… and {more} more", "dim")] if more > 0 else []
        notes = [Text(why, "dim") for why in self._missing()]
        lines = [Text(one, no_wrap=True, overflow="ellipsis") for one in self._events]
        return Group(Text(f"{self._title} · {counts}", "bold"), table, *below, *notes, Text(), *lines)

    def _cells(self, number: int, standing: Standing, now_ns: int) -> list[Text]:
        outcome, ends = standing.outcome, standing.ends
        is_idle = outcome in (Outcome.ALIVE, Outcome.OPEN)
        state = f"idle {clock(now_ns - standing.end_ns)}" if is_idle else OUTCOMES[outcome]
        is_open = is_idle or outcome is Outcome.PROBING
        expected = [ahead(one, now_ns) for one in standing.forecasts if one is not None and is_open]
        words = [
            str(number),
            " ↔ ".join(standing.names),
            state,
            "; ".join(settings(ends[end]) for end in standing.probers),
            "; ".join(filter(None, expected)),
        ]
        cells = [Text(word) for word in words]
        cells[2].stylize(STYLES.get(outcome, ""))
        if self._has_kernel:
            cells += [Text(word) for word in self._kernel(standing)]
        return cells[: 7 if self._has_processes else 6]

    def _missing(self) -> Iterator[str]:
        """Yield what is not shown, and why."""
        if self._crosscheck is not None and self._crosscheck.sockets.reason is not None:
            yield f"the kernel's own view is missing: {self._crosscheck.sockets.reason}"
        elif self._crosscheck is not None and self._crosscheck.sockets.process_reason is not None:
            yield f"processes are not shown: {self._crosscheck.sockets.process_reason}"

    def _kernel(self, standing: Standing) -> tuple[str, str]:
        assert self._crosscheck is not None
        for end in (0, 1):
            timer = self._crosscheck.of(standing.ends[end], standing.ends[1 - end])
            if timer is not None:
                left_ns = timer.fires_ns - time.monotonic_ns()
                fires = f" in {clock(max(left_ns, 0))}" if timer.fires_ns >= 0 else ""
                return f"{timer.timer}{fires}", timer.process or ""
        return "", ""


def _urgency(standing: Standing) -> tuple[int, bool, int]:
    order = (Outcome.PROBING, Outcome.UNDETECTED, Outcome.TIMED_OUT, Outcome.UNREACHABLE, Outcome.RESET)
    outcome = standing.outcome
    place = order.index(outcome) if outcome in order else len(order) + (outcome is Outcome.UNKNOWN)
    return place, not standing.probers, standing.end_ns


def settings(end: EndStanding) -> str:
    """Format the three settings, "30/10/5", with their bounds where there is no value."""
    return "/".join(_cell(one) for one in (
        end.settings.tcp_keepalive_time, end.settings.tcp_keepalive_intvl, end.settings.tcp_keepalive_probes
    ))  # fmt: skip


def _cell(one: Setting | None) -> str:
    if one is None:
        return "?"
    if one.value is not None:
        return str(one.value)
    return f"{plain(one.low)}–{plain(one.high)}" if one.high is not None else f"≥{plain(one.low)}"
