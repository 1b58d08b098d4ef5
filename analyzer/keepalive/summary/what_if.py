"""What other settings would have done: the idle times of a capture, replayed by the forward model.

For each connection the times without data are replayed with the supposed settings, at the end that probes or else at
the one that opened the connection. When exactly a failure happened is unknown if nobody sent anything at that time; so
results that depend on it are a pair, the soonest and the latest.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from analyzer.keepalive.failures import failure
from analyzer.keepalive.findings import Flow, Role
from analyzer.keepalive.model.linux import LINUX, SECOND, Clock, Keepalive, What, simulate, spacing_ns
from analyzer.keepalive.summary.advice import DAY_S, IPV4_FRAME, IPV6_FRAME, clocks_of
from analyzer.keepalive.summary.paths import PathLimit
from analyzer.keepalive.verdict.values import Outcome
from analyzer.schema import ABSENT

LOST = (Outcome.TIMED_OUT, Outcome.UNREACHABLE, Outcome.RESET, Outcome.PROBING, Outcome.UNDETECTED)
"""Outcomes in which the other end, or the path to it, is gone."""
RTT_NS = 1_000_000
"""Delay of an answer where none was measured; it hardly matters, as the timer notices an answer an interval later
anyway."""


class Prevented(StrEnum):
    """Whether probes in time would have kept the path from forgetting a connection."""

    YES = "yes"
    """The longest silence that probes would have left was survived on this path."""
    NO = "no"
    """The path would have forgotten the connection in the shortest silence that the probes leave."""
    UNKNOWN = "unknown"
    """No silence of such a length was observed."""


@dataclass(frozen=True, slots=True)
class Idle:
    """A time in which neither end sent data."""

    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Replay:
    """One connection with the supposed settings; delays in ns from when the other end was last heard."""

    flow: int
    prober: int
    probes: int
    """Number that would have been sent within the capture."""
    answered: int
    gave_up: bool
    """Whether it would have given up within the capture, with one packet more."""
    octets: int
    """Octets of all these frames."""
    noticed_ns: tuple[int, int] | None
    """The soonest and the latest time at which a failure would have been noticed; None without one, or if data came
    first."""
    was_noticed_ns: int | None
    prevented: Prevented | None
    """None if the path forgot nothing."""

    @property
    def packets(self) -> int:
        """Return how many packets the end and its peer would have sent."""
        return self.probes + self.answered + self.gave_up


@dataclass(frozen=True, slots=True)
class WhatIf:
    """All connections of a capture with the supposed settings."""

    keepalive: Keepalive
    replays: tuple[Replay, ...]
    capture_ns: int
    probes_now: int
    """Number of probes in the capture."""

    @property
    def probes(self) -> int:
        """Return the probes of all connections."""
        return sum(one.probes for one in self.replays)

    @property
    def packets(self) -> int:
        """Return the packets of all connections."""
        return sum(one.packets for one in self.replays)

    @property
    def octets(self) -> int:
        """Return the octets of all connections."""
        return sum(one.octets for one in self.replays)

    def a_day(self, number: int) -> int | None:
        """Return the same rate for a whole day; None if the capture has no duration."""
        return number * DAY_S * SECOND // self.capture_ns if self.capture_ns > 0 else None


def what_if(
    keepalive: Keepalive,
    flows: Sequence[Flow],
    idle: Iterable[Sequence[Idle]],
    path_limits: Iterable[PathLimit],
    capture_ns: int,
) -> WhatIf:
    """Replay the flows with these settings; `idle` holds each flow's times without data, in the order of the flows."""
    limit_of = {limit.path: limit for limit in path_limits if not limit.half_closed}
    replays = tuple(replay(keepalive, *one, limit_of) for one in zip(flows, idle, strict=True))
    probes_now = sum(len(end.story.probes) for flow in flows for end in flow.ends)
    return WhatIf(keepalive, replays, capture_ns, probes_now)


def idle_times(flow: Flow, c: Any, rows: Iterable[int], last_data_ns: int) -> Iterator[Idle]:
    """Yield a flow's times without data: a candidate later than the last data shows that none was sent in between.

    `last_data_ns` is that of the whole flow. Segments within a second of each other are not told apart.
    """
    is_closed = all(end.story.fin_frame for end in flow.ends)
    end_ns = flow.story.reset.ts_ns if flow.story.reset else flow.end_ns if is_closed else flow.story.capture_end_ns
    start_ns, until_ns = ABSENT, ABSENT
    for row in rows:
        data_ns = c.data_ns[row]
        if data_ns == ABSENT or data_ns >= c.ts_ns[row]:
            continue
        if data_ns != start_ns and start_ns != ABSENT:
            yield Idle(start_ns, until_ns)
        start_ns, until_ns = data_ns, c.ts_ns[row]
    if start_ns not in (ABSENT, last_data_ns):
        yield Idle(start_ns, until_ns)
    if ABSENT < last_data_ns < end_ns:
        yield Idle(last_data_ns, end_ns)


def replay(keepalive: Keepalive, flow: Flow, idle: Sequence[Idle], limit_of: dict[str, PathLimit]) -> Replay:
    """Replay one flow with these settings."""
    prober = _prober(flow)
    clocks = clocks_of(flow.ends[prober].settings) or LINUX
    lost = _find_loss(flow, prober, idle)
    probes, answered, gave_up = _count_sent(keepalive, clocks[len(clocks) // 2], idle, lost)
    frame = IPV6_FRAME if ":" in flow.ends[prober].address else IPV4_FRAME
    noticed = None
    if lost is not None:
        times = [_noticed_ns(keepalive, clock, flow, lost) for clock in clocks]
        known = [one for one in times if one is not None]
        noticed = (min(low for low, _ in known), max(high for _, high in known)) if len(known) == len(times) else None
    return Replay(
        flow=flow.id,
        prober=prober,
        probes=probes,
        answered=answered,
        gave_up=gave_up,
        octets=(probes + answered + gave_up) * frame,
        noticed_ns=noticed,
        was_noticed_ns=flow.verdict.detection_delay_ns if lost is not None else None,
        prevented=_prevented(keepalive, clocks, flow, limit_of),
    )


def _prober(flow: Flow) -> int:
    """Return the end that probes already, or else the end that opened the connection, which can be configured."""
    if flow.probers:
        return flow.verdict.prober if flow.verdict.prober is not None else flow.probers[0]
    return int(flow.ends[1].role is Role.ORIGINATOR)


@dataclass(frozen=True, slots=True)
class _Loss:
    """The other end was there at `heard_ns` and gone at `missed_ns`; data was sent at `data_ns`, -1 if none."""

    heard_ns: int
    missed_ns: int
    data_ns: int


def _find_loss(flow: Flow, prober: int, idle: Sequence[Idle]) -> _Loss | None:
    """Return when the other end was lost; None if it was not, or was never heard."""
    story = flow.story
    if flow.verdict.outcome not in LOST:
        return None
    heard_ns = story.heard_ns[1 - prober]
    if story.reset is not None and story.reset.end != prober:
        heard_ns = story.reset.own_ns
    if heard_ns == ABSENT:
        return None
    last = next((one for one in idle if one.start_ns <= heard_ns + SECOND and heard_ns <= one.end_ns), None)
    is_data = story.unanswered_data is not None or (story.reset is not None and story.reset.follows_data)
    data_ns = last.end_ns if is_data and last is not None else ABSENT
    missed = [story.run.first_ns] if story.run is not None and story.run.end == prober else []
    missed += [story.reset.ts_ns] if story.reset is not None else []
    missed += [data_ns] if data_ns != ABSENT else []
    return _Loss(heard_ns, max(heard_ns, min(missed, default=story.capture_end_ns)), data_ns)


def _count_sent(keepalive: Keepalive, clock: Clock, idle: Sequence[Idle], lost: _Loss | None) -> tuple[int, int, bool]:
    """Return the numbers of probes and answers, and whether the end gave up.

    A lost end answers nothing after it was last heard.
    """
    probes = answered = 0
    for one in idle:
        if one.end_ns - one.start_ns < keepalive.time_s * SECOND:
            continue
        alive_until_ns = one.end_ns if lost is None else lost.heard_ns
        for event in simulate(keepalive, clock, one.start_ns, one.end_ns, (), RTT_NS, alive_until_ns):
            probes += event.what is What.PROBE
            answered += event.what is What.ANSWER
            if event.what is What.GIVE_UP:
                return probes, answered, True
    return probes, answered, False


def _noticed_ns(keepalive: Keepalive, clock: Clock, flow: Flow, lost: _Loss) -> tuple[int, int] | None:
    """Return the soonest and the latest time at which the loss would have been noticed, in ns.

    They count from when the other end was last heard: it was lost as soon as it was heard, or just before it was
    missed. None if data came first.
    """
    reset = flow.story.reset
    back_ns = reset.ts_ns if flow.verdict.outcome is Outcome.RESET and reset is not None else ABSENT
    soonest = _end_ns(keepalive, clock, lost.heard_ns, lost.heard_ns, lost.heard_ns if back_ns != ABSENT else ABSENT)
    latest = _end_ns(keepalive, clock, lost.heard_ns, lost.missed_ns, back_ns)
    if lost.data_ns != ABSENT and soonest >= lost.data_ns:
        return None  # data in flight suspends keepalive: no change
    if lost.data_ns != ABSENT and latest > lost.data_ns:
        was_ns = flow.verdict.detection_delay_ns
        latest = lost.heard_ns + was_ns if was_ns is not None else latest
    return soonest - lost.heard_ns, latest - lost.heard_ns


def _end_ns(keepalive: Keepalive, clock: Clock, heard_ns: int, alive_until_ns: int, back_ns: int) -> int:
    """Return when the prober gives up, in ns; or its first probe after the other end returns without the connection."""
    horizon_ns = alive_until_ns + 3 * (keepalive.time_s + (keepalive.probes + 2) * keepalive.intvl_s) * SECOND
    horizon_ns += keepalive.user_timeout_ms * 2_000_000
    for event in simulate(keepalive, clock, heard_ns, horizon_ns, (), RTT_NS, alive_until_ns):
        is_refused = event.what is What.PROBE and back_ns != ABSENT and event.time_ns >= back_ns
        if event.what is What.GIVE_UP or is_refused:
            return event.time_ns
    return horizon_ns


def _prevented(
    keepalive: Keepalive, clocks: Sequence[Clock], flow: Flow, limit_of: dict[str, PathLimit]
) -> Prevented | None:
    """Tell whether the path survived the longest silence that these settings may leave, or broke in the shortest."""
    limit, broken = limit_of.get(flow.service), failure(flow)
    if limit is None or limit.failed_ns is None or broken is None or broken.ns < limit.failed_ns:
        return None
    if max(keepalive.time_s, keepalive.intvl_s) * SECOND >= limit.failed_ns:
        return Prevented.NO
    silence_ns = longest_silence_ns(keepalive, clocks)
    is_not_refreshed = any(box.keepalive_refreshes is False for box in limit.matches)
    is_known = limit.survived_ns is not None and silence_ns <= limit.survived_ns
    return Prevented.YES if is_known and not is_not_refreshed else Prevented.UNKNOWN


def longest_silence_ns(keepalive: Keepalive, clocks: Iterable[Clock]) -> int:
    """Return the longest silence in ns that answered probes leave: the longer of idle time and interval, fired late."""
    return max(
        max(
            keepalive.time_s * SECOND + clock.lateness_ns(keepalive.time_s * SECOND),
            spacing_ns(clock, keepalive.intvl_s),
        )
        for clock in clocks
    )
