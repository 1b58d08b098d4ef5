"""The comparison of what the kernel says of an own connection with what the capture says.

Knows which differences mean something.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from analyzer.monitor.events import Event, Name
from analyzer.monitor.forecast import Forecast
from analyzer.monitor.sockets import KernelTimer, OwnSockets
from analyzer.monitor.steady import EndStanding, Standing
from analyzer.monitor.watcher import Watcher
from analyzer.report.json import document
from analyzer.report.units import seconds

SECOND = 1_000_000_000
TOLERANCE_NS = 2 * SECOND
"""Time between reading the kernel's timer and examining the capture."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A code, and what each side says in seconds from now or as a count."""

    code: str
    kernel: float | None
    inferred: float | None

    def to_object(self) -> dict[str, Any]:
        return {"code": self.code, "kernel": self.kernel, "inferred": self.inferred}


class Crosscheck:
    """The kernel's view beside the inferred one; `events` reports each kind of difference once for each connection."""

    def __init__(self, sockets: OwnSockets) -> None:
        self.sockets = sockets
        self._reported: set[tuple[int, int, str]] = set()
        self._asked_ns = 0

    def of(self, end: EndStanding, other: EndStanding) -> KernelTimer | None:
        """Return the timer of the socket at this end, if it is one of this machine's."""
        return self.sockets.of((end.address, end.port), (other.address, other.port))

    def events(self, watcher: Watcher, now_ns: int, monotonic_ns: int) -> Iterator[Event]:
        """Yield the disagreements about connections that are probed from here; checked once a second."""
        if monotonic_ns - self._asked_ns < SECOND or self.sockets.reason is not None:
            return
        self._asked_ns = monotonic_ns
        for number, standing in watcher.standings():
            for end in standing.probers if not standing.is_reset else ():
                timer = self.of(standing.ends[end], standing.ends[1 - end])
                forecast = standing.forecasts[end]
                if timer is None or forecast is None or standing.ends[end].is_probed_for:
                    continue
                found = disagreement(timer, timer.fires_ns - monotonic_ns, forecast, now_ns)
                if found is not None and (number, end, found.code) not in self._reported:
                    self._reported.add((number, end, found.code))
                    yield _event(number, standing, end, timer, timer.fires_ns - monotonic_ns, found, now_ns)


def _event(
    number: int, standing: Standing, end: int, timer: KernelTimer, remaining_ns: int, found: Disagreement, now_ns: int
) -> Event:
    one, forecast = standing.ends[end], standing.forecasts[end]
    fires_s = seconds(remaining_ns) if timer.fires_ns >= 0 else None
    fields = {
        "settings": document.settings_object(one.settings),
        "matches": list(one.matches),
        "forecast": forecast.to_object() if forecast else None,
        "kernel": {"timer": timer.timer, "fires_s": fires_s, "unanswered": timer.unanswered, "process": timer.process},
        "disagreement": found.to_object(),
    }
    return Event(now_ns, Name.SETTINGS, number, end, standing.names, fields)


def disagreement(timer: KernelTimer, remaining_ns: int, forecast: Forecast, now_ns: int) -> Disagreement | None:
    """Return the first difference that means something; None without. `remaining_ns` is until the kernel's timer fires.

    A keepalive timer that fires too early only looks at the clock and is armed again (tcp_timer.c
    tcp_keepalive_timer), so only one that fires later than the next probe is expected contradicts.
    """
    if timer.timer == "off" and forecast.unanswered:
        return Disagreement("no-timer", None, None)
    if timer.timer != "keepalive":
        return None
    if timer.unanswered > forecast.unanswered + 1:
        return Disagreement("more-unanswered", float(timer.unanswered), float(forecast.unanswered))
    expected = forecast.next_probe or forecast.give_up
    if expected is None or expected.latest_ns is None:
        return None
    latest_ns = expected.latest_ns - now_ns
    if remaining_ns > latest_ns + TOLERANCE_NS and latest_ns > 0:
        return Disagreement("later-than-expected", remaining_ns / SECOND, latest_ns / SECOND)
    return None
