"""The next event on a connection, if nothing changes: the forward model run with what is known of the settings.

Spans, never instants: a timer fires late, and settings may be known only within bounds. Knows no clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analyzer.keepalive.catalogue.profiles import profiles
from analyzer.keepalive.findings import End
from analyzer.keepalive.model.linux import EXACT, LINUX, SECOND, Clock, answered_cycle_ns, spacing_ns
from analyzer.keepalive.settings.values import Setting, Settings
from analyzer.keepalive.story.values import NO_ANSWER, Answer, GapKind, Probe
from analyzer.report.units import iso
from analyzer.schema import ABSENT

INFERRED = "inferred"
"""The basis of a count that the connection itself has shown."""
CLOCKS = {clock.name: clock for clock in LINUX + EXACT}


@dataclass(frozen=True, slots=True)
class Span:
    """Between these instants; `latest_ns` is None where nothing bounds it."""

    earliest_ns: int
    latest_ns: int | None

    def later(self, span: "Span", times: int = 1) -> "Span":
        """Return the span after `times` more durations that lie within `span`."""
        if self.latest_ns is None or span.latest_ns is None:
            return Span(self.earliest_ns + times * span.earliest_ns, None)
        return Span(self.earliest_ns + times * span.earliest_ns, self.latest_ns + times * span.latest_ns)

    def moved(self, by_ns: int) -> "Span":
        """Return the span on a clock that was set by so much."""
        return Span(self.earliest_ns + by_ns, None if self.latest_ns is None else self.latest_ns + by_ns)

    def to_object(self) -> dict[str, str | None]:
        return {
            "earliest": iso(self.earliest_ns),
            "latest": iso(self.latest_ns) if self.latest_ns is not None else None,
        }


@dataclass(frozen=True, slots=True)
class Count:
    """Probes until the prober gives up, and where the number is from."""

    value: int
    basis: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast for one end that probes; None where nothing can be said."""

    unanswered: int
    count: Count | None
    next_probe: Span | None
    give_up: Span | None

    def moved(self, by_ns: int) -> "Forecast":
        """Return the forecast on a clock that was set by so much."""
        next_probe, give_up = (one and one.moved(by_ns) for one in (self.next_probe, self.give_up))
        return Forecast(self.unanswered, self.count, next_probe, give_up)

    def to_object(self) -> dict[str, Any]:
        return {
            "unanswered": self.unanswered,
            "probes": self.count.value if self.count else None,
            "probes_basis": self.count.basis if self.count else None,
            "next_probe": self.next_probe.to_object() if self.next_probe else None,
            "give_up": self.give_up.to_object() if self.give_up else None,
        }


@dataclass(frozen=True, slots=True)
class Shown:
    """What one end has shown of its timer so far."""

    settings: Settings
    count: Count | None
    last: Probe
    unanswered: int
    """Number of its latest probes since which nothing was heard."""
    cycle_ns: int
    """Time from its last answered probe to the one after it, ABSENT without."""


def forecast(end: End, heard_ns: int, others: Count | None = None) -> Forecast | None:
    """Predict what the end's timer does next; `heard_ns` is when this end last accepted anything, -1 for never.

    `others` is the count to use where this connection has not shown it, from what is known of its host.
    """
    probes = end.story.probes
    if not probes:  # it may have keepalive off
        return None
    count = own_count(end.settings) or others or known_count(end)
    cycles = (gap.probe_ns for gap in reversed(end.story.gaps) if gap.kind is GapKind.CYCLE and gap.probe_ns > 0)
    unanswered = in_a_row(probes, heard_ns)
    return forecast_of(Shown(end.settings, count, probes[-1], unanswered, next(cycles, ABSENT)), heard_ns)


def forecast_of(shown: Shown, heard_ns: int) -> Forecast:
    """Predict what the timer of an end does next that has shown so much."""
    count, unanswered = shown.count, shown.unanswered
    if not unanswered:
        return Forecast(0, count, _after_answer(shown, heard_ns), None)
    last = Span(shown.last.ts_ns, shown.last.ts_ns)
    interval = _interval(shown.settings)
    if interval is None:
        return Forecast(unanswered, count, None, None)
    left = count.value - unanswered if count else None
    next_probe = last.later(interval) if left is None or left > 0 else None
    give_up = last.later(interval, max(left, 0) + 1) if left is not None else None
    return Forecast(unanswered, count, next_probe, give_up)


def in_a_row(probes: Sequence[Probe], heard_ns: int) -> int:
    """Count the unanswered probes since anything was last heard; an ICMP error is no answer of the peer's."""
    number = 0
    for probe in reversed(probes):
        if probe.answer not in NO_ANSWER or probe.ts_ns <= heard_ns:
            break
        number += 1
    return number


def own_count(settings: Settings) -> Count | None:
    probes = settings.tcp_keepalive_probes
    return Count(probes.value, INFERRED) if probes is not None and probes.value is not None else None


def known_count(end: End) -> Count | None:
    """Return the count that the matching well-known settings agree on; None if they do not."""
    fitting = [one for one in profiles() if one.name in end.matches and one.effective_probes is not None]
    counts = {one.effective_probes for one in fitting}
    if len(counts) != 1:
        return None
    [value] = counts
    assert value is not None
    return Count(value, f"as {fitting[0].name}")


def _after_answer(shown: Shown, heard_ns: int) -> Span | None:
    """Predict the next probe: after an answered probe the cycle repeats; after other traffic the idle time begins
    anew."""
    last = shown.last
    is_cycle = last.answer is Answer.ACK and heard_ns <= last.answer_ns
    cycle = _cycle(shown.settings, shown.cycle_ns) if is_cycle else None
    if cycle is not None:
        return Span(last.ts_ns, last.ts_ns).later(cycle)
    idle = _idle(shown.settings)
    return Span(heard_ns, heard_ns).later(idle) if idle is not None else None


def _cycle(settings: Settings, last_ns: int) -> Span | None:
    """Return the time from an answered probe to the next: by the model if it is determined, else as long as the last
    one."""
    time, intvl = settings.tcp_keepalive_time, settings.tcp_keepalive_intvl
    clocks = _clocks(settings)
    if time is not None and intvl is not None and time.value is not None and intvl.value is not None:
        longest = max(answered_cycle_ns(clock, time.value, intvl.value) for clock in clocks)
        late = max(clock.lateness_ns(time.value * SECOND) for clock in clocks)  # where on the wheel it is armed
        return Span(max(time.value, intvl.value) * SECOND, longest + late)  # a timer never fires early
    if last_ns == ABSENT:
        return None
    late = max(clock.lateness_ns(last_ns) for clock in clocks)
    return Span(last_ns - late, last_ns + late)


def _idle(settings: Settings) -> Span | None:
    """Return the span of tcp_keepalive_time as the timer keeps it."""
    return _lasting(settings.tcp_keepalive_time, settings, _idle_ns)


def _interval(settings: Settings) -> Span | None:
    """Return the span of tcp_keepalive_intvl as the timer keeps it between unanswered probes."""
    return _lasting(settings.tcp_keepalive_intvl, settings, spacing_ns)


def _idle_ns(_clock: Clock, time_s: int) -> int:
    """Return the idle time in ns, from the last segment on: how late the timer fires depends on when it was armed."""
    return time_s * SECOND


def _lasting(setting: Setting | None, settings: Settings, lasts_ns: Any) -> Span | None:
    if setting is None:
        return None
    low, high = (setting.low, setting.high) if setting.value is None else (setting.value, setting.value)
    clocks = _clocks(settings)
    earliest = min(lasts_ns(clock, int(low)) for clock in clocks)
    if high is None:
        return Span(earliest, None)
    latest = max(lasts_ns(clock, int(high)) + clock.lateness_ns(int(high) * SECOND) for clock in clocks)
    return Span(earliest, latest)


def _clocks(settings: Settings) -> Sequence[Clock]:
    """Return the clocks that explain what was seen, or all."""
    return [CLOCKS[name] for name in settings.models if name in CLOCKS] or LINUX + EXACT
