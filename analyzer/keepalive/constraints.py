"""What one gap says about a timer, on one kind of clock.

Everything follows from one property of the wheel (`timer.Clock.fire`): a timer armed with a
delay of level n fires on a multiple of 8^n jiffies, and at most that much late. So a gap says
two things. Its length bounds the setting: `Fit`. And the more a setting would make the timer
late, the coarser the boundary on which the probe lies; all probes of an end are sent by the
same jiffies, so their boundaries must agree: `Claim`. The constant spacings R and cycles C
need no rule of their own, they are what is left.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from analyzer.keepalive.timeline import Gap, GapKind
from analyzer.keepalive.timer import LINUX, LVL_CLK_SHIFT, SECOND, Clock

HOST_DELAY_NS = 5_000_000
"""From the tick to the wire: softirq, qdisc and time stamping."""
DRIFT_SHIFT = 13
"""Clocks of two hosts, or one under NTP, may run apart by 2^-13, 122 ppm."""


TELLS_NOTHING = 1 << 62
"""The slack of a gap that no single run of a timer made."""

RATES = tuple(clock.hz for clock in LINUX)
Ceilings = tuple[int, int, int, int]
"""A level of the wheel for each clock rate of `timer.LINUX`."""
NO_CEILING = 8
UNHINDERED: Ceilings = (NO_CEILING,) * 4
KEPT = 1 << 14
"""So many results of a function of a clock and whole seconds are kept: ends ask the same again and again."""
TRUSTED_LEVELS = 2
"""A probe that seems to lie so many levels below the coarsest was more likely sent late by a busy host."""


class Seen(NamedTuple):
    """A gap, and how far it may be believed."""

    gap: Gap
    slack_ns: int = 0
    """By so much it may be longer than its timer, because a probe before its end may be lost."""
    jitter_ns: int = 0
    """By how much the way to the capture point is known to vary."""
    ceilings: Ceilings = UNHINDERED
    """The coarsest boundary on which the probe may lie, as the host's other probes have it."""


class Ticks(NamedTuple):
    """What is known of the kernel that ticks an end's timers, from its other ends (`kernels`)."""

    rates: tuple[bool, ...]
    """Whether it may be each clock rate of `timer.LINUX`."""
    ceilings: Mapping[int, Ceilings]
    """By the frame that ends a gap."""


class Span(NamedTuple):
    """A duration of the timer, as well as the capture tells it; -1 throughout where it does not."""

    seen_ns: int
    least_ns: int
    most_ns: int


class Reading(NamedTuple):
    """A gap as one kind of clock reads it."""

    kind: GapKind
    idle: Span
    """Since the segment from which this clock counts idle time."""
    spacing: Span
    """Since the probe before."""
    chain: int
    """Instants are comparable within a chain: probes each of which knows the one before."""
    at_ns: int
    """The gap's end, counted from its chain's beginning."""
    is_on_grid: bool
    """The gap began, too, with a probe that the interval's timer sent."""
    lag_ns: int
    jitter_ns: int
    """By how much the way to the capture point may vary."""
    slack_ns: int
    """As in `Seen`."""
    ceiling: int
    """The coarsest level on whose boundary its end may lie."""
    frame: int


class Fit(NamedTuple):
    """How a setting explains a gap, in levels of the wheel."""

    need: int
    """The finest level whose timers may be so late."""
    sure: int
    """The level of the shortest delay with which the timer can have been armed."""
    top: int
    """The level of the longest."""

    @property
    def is_possible(self) -> bool:
        return self.need <= self.top

    @property
    def level(self) -> int:
        """The level on whose boundary the probe must lie."""
        return max(self.need, self.sure)


class Claim(NamedTuple):
    """A probe, or the give-up, lies on a boundary of a level."""

    level: int
    chain: int
    at_ns: int
    jitter_ns: int
    frame: int = 0
    """The probe's."""


UNKNOWN = Span(-1, -1, -1)


def read(seen: Iterable[Seen], clock: Clock) -> list[Reading]:
    """The gaps with their places in time, in order."""
    readings, chain, at_ns, ticks_off_ns = [], 0, 0, ticks_ns(clock)
    rate = RATES.index(clock.hz) if clock.is_wheel else -1
    for gap, slack_ns, known_jitter_ns, ceilings in seen:
        kind, lag_ns, probe_ns = gap.kind, gap.lag_ns, gap.probe_ns
        jitter_ns = max(lag_ns // 2, known_jitter_ns)
        idle_ns = idle_of(gap, clock)
        idle = spacing = UNKNOWN
        if idle_ns >= 0:
            off = ticks_off_ns + (idle_ns >> DRIFT_SHIFT)
            idle = Span(idle_ns, idle_ns - lag_ns - jitter_ns - off - slack_ns, idle_ns + off)
        if probe_ns >= 0:
            off = ticks_off_ns + (probe_ns >> DRIFT_SHIFT) + jitter_ns
            spacing = Span(probe_ns, probe_ns - off - slack_ns, probe_ns + off)
            end_ns = at_ns + probe_ns
        else:
            chain, at_ns, end_ns = chain + 1, 0, 0
        on_grid = kind in (GapKind.SPACING, GapKind.GIVE_UP) and gap.unanswered >= 2
        ceiling = ceilings[rate] if rate >= 0 else NO_CEILING
        readings.append(
            Reading(kind, idle, spacing, chain, end_ns, on_grid, lag_ns, jitter_ns, slack_ns, ceiling, gap.frame)
        )
        if kind not in (GapKind.SURVIVED, GapKind.PENDING):
            at_ns = end_ns
    return readings


def idle_of(gap: Gap, clock: Clock) -> int:
    """The gap on the idle clock of this kind of stack."""
    if clock.hears_all and gap.any_ns >= 0:
        return gap.any_ns
    if clock.ignores_echoes and gap.speech_ns >= 0:
        return gap.speech_ns
    return gap.heard_ns


def tolerance_ns(clock: Clock, duration_ns: int) -> int:
    """By how much a captured duration may differ from the timer's: both ends within their ticks, and drift."""
    return ticks_ns(clock) + (duration_ns >> DRIFT_SHIFT)


@cache
def ticks_ns(clock: Clock) -> int:
    """What a captured duration may differ by, however short it is."""
    return 2 * clock.time_ns(1) + HOST_DELAY_NS


@lru_cache(KEPT)
def latest_ns(clock: Clock, seconds: int) -> int:
    """When a timer of so many seconds has fired at the latest."""
    return seconds * SECOND + clock.lateness_ns(seconds * SECOND)


def least_s(clock: Clock, duration_ns: int) -> int:
    """The least whole seconds whose timer can be as late as `duration_ns`; none is late by more than 8 / 63, or 1 s."""
    if duration_ns <= SECOND:
        return 1
    low, high = max(1, (duration_ns - (duration_ns >> 3)) // SECOND - 1), -(-duration_ns // SECOND)
    while low < high:
        middle = (low + high) // 2
        if latest_ns(clock, middle) >= duration_ns:
            high = middle
        else:
            low = middle + 1
    return low


def finest_level(clock: Clock, late_ns: int, delay_ns: int) -> int:
    """The finest level whose timers may be `late_ns` late; without a wheel 0 if they may, else 1."""
    if not clock.is_wheel:
        return int(late_ns > clock.lateness_ns(delay_ns))
    jiffies = -(-late_ns * clock.hz // SECOND)
    return -(-(jiffies - 1).bit_length() // LVL_CLK_SHIFT) if jiffies > 1 else 0


@lru_cache(KEPT)
def level_of(clock: Clock, delay_ns: int) -> int:
    return clock.level(clock.jiffies(delay_ns)) if clock.is_wheel else 0


def fit_idle(clock: Clock, reading: Reading, time_s: int, intvl_s: int | None) -> Fit:
    """The gap as idle time: the timer ran out after what had been left of it when it was last armed.

    After traffic that may be anything up to the whole. After an answered probe the timer first
    ran for intvl, and what it left is known as well as that firing is (tcp_timer.c
    tcp_keepalive_timer).
    """
    time_ns = time_s * SECOND
    need = finest_level(clock, reading.idle.least_ns - time_ns, time_ns)
    answer_ns = reading.spacing.seen_ns - reading.idle.seen_ns
    is_after_answer = reading.kind is GapKind.CYCLE and not clock.hears_all
    if not is_after_answer or intvl_s is None or answer_ns + reading.lag_ns > intvl_s * SECOND:
        return Fit(need, 0, topped(level_of(clock, time_ns), reading))
    off_ns = reading.spacing.most_ns - reading.spacing.seen_ns
    longest = time_ns + answer_ns + reading.lag_ns + off_ns - intvl_s * SECOND
    if longest <= 0:
        return Fit(need, 0, -1)
    shortest = time_ns + answer_ns - off_ns - latest_ns(clock, intvl_s)
    return Fit(need, level_of(clock, max(shortest, 0)), topped(level_of(clock, longest), reading))


def topped(level: int, reading: Reading) -> int:
    """The coarsest level that a timer up to `level` can have fired on."""
    return min(level, max(reading.ceiling, level - TRUSTED_LEVELS))


def may_be_spacing(clock: Clock, reading: Reading, low: int, high: int | None) -> bool:
    """The timer of some interval from `low` to `high` may have ended the gap."""
    return low * SECOND <= reading.spacing.most_ns and may_still_run(clock, reading, high)


def may_still_run(clock: Clock, reading: Reading, high: int | None) -> bool:
    """At the gap's end the timer of some interval up to `high` may not have fired yet, or just then."""
    return reading.spacing is not UNKNOWN and (high is None or reading.spacing.least_ns <= latest_ns(clock, high))


def is_in_phase(clock: Clock, claims: Sequence[Claim]) -> bool:
    """Within a chain coarse boundaries are fine ones too: each claim must agree with the coarsest."""
    coarsest: dict[int, Claim] = {}
    for claim in sorted(claims, reverse=True):
        anchor = coarsest.setdefault(claim.chain, claim)
        distance = abs(claim.at_ns - anchor.at_ns)
        period = SECOND << claim.level * LVL_CLK_SHIFT  # in ns / HZ, exact for 300 Hz
        off = distance * clock.hz % period
        allowed = tolerance_ns(clock, distance) + max(claim.jitter_ns, anchor.jitter_ns)
        if min(off, period - off) > allowed * clock.hz:
            return False
    return True
