"""The forward model of Linux: when its keepalive timer fires, probes and gives up.

Pure functions on integers, without a clock of their own. Inside, time is counted in jiffies, the ticks of the timer
that is modelled; nanoseconds come in and go out. `keepalive/settings` is the inverse.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from heapq import heapify, heappop, heappush
from typing import NamedTuple

SECOND = 1_000_000_000

LVL_CLK_SHIFT = 3
"""Each level of the wheel is 8 times coarser than the one below (kernel/time/timer.c)."""
LVL_SIZE = 64
"""Buckets per level (timer.c LVL_SIZE)."""


def level_start(level: int) -> int:
    """Return the shortest delta, in jiffies, of a `level` (timer.c LVL_START); level 0 takes what is shorter."""
    return (LVL_SIZE - 1) << (level - 1) * LVL_CLK_SHIFT


def wheel_level(depth: int, delta: int) -> int:
    """Return the wheel level for a timer `delta` jiffies ahead (timer.c calc_wheel_index): n from 63 * 8^(n-1) on."""
    level, rest = 0, delta // (LVL_SIZE - 1)
    while rest > 0 and level < depth - 1:
        rest >>= LVL_CLK_SHIFT
        level += 1
    return level


def wheel_depth(hz: int) -> int:
    """Return how many levels the wheel has (timer.c LVL_DEPTH)."""
    return 9 if hz > 100 else 8


def fires_at(depth: int, now: int, delta: int) -> int:
    """Return the jiffy in which a wheel timer armed at `now` fires: never early (timer.c calc_index)."""
    cutoff = level_start(depth)
    shift = wheel_level(depth, delta) * LVL_CLK_SHIFT
    if delta >= cutoff:  # WHEEL_TIMEOUT_CUTOFF: to the end of the wheel's reach, WHEEL_TIMEOUT_MAX
        delta = cutoff - (1 << shift)
    return ((now + delta >> shift) + 1) << shift


def jiffies_ns(hz: int, jiffies: int) -> int:
    """Return the instant at which a tick begins, in ns, rounded up."""
    return -(-jiffies * SECOND // hz)


@dataclass(frozen=True, eq=False)
class _Jiffies:
    """Time in ticks. Each clock exists once, below, and is compared by identity: results for it can be cached."""

    name: str
    hz: int

    def jiffies(self, time_ns: int) -> int:
        """Return the tick within which an instant lies."""
        return time_ns * self.hz // SECOND

    def time_ns(self, jiffies: int) -> int:
        """Return the instant at which a tick begins, in ns."""
        return jiffies_ns(self.hz, jiffies)


class Wheel(_Jiffies):
    """Linux since 4.8: rounds up to a boundary that grows with the delay, never early (timer.c calc_index)."""

    kind = "wheel"

    @property
    def depth(self) -> int:
        """Return how many levels the wheel has."""
        return wheel_depth(self.hz)

    def level(self, delta: int) -> int:
        """Return the level of a timer `delta` jiffies ahead."""
        return wheel_level(self.depth, delta)

    def fire(self, now: int, delta: int) -> int:
        """Return the jiffy in which a timer armed at `now` fires."""
        return fires_at(self.depth, now, delta)

    def granularity_ns(self, level: int) -> int:
        """Return the distance of a level's boundaries in ns: the most that its timers fire late."""
        return self.time_ns(1 << level * LVL_CLK_SHIFT)

    def lateness_ns(self, delay_ns: int) -> int:
        """Return the most that a timer armed for `delay_ns` fires late, in ns."""
        return self.granularity_ns(self.level(self.jiffies(delay_ns)))


class Slack(_Jiffies):
    """Linux 2.6.36 to 4.7: late in proportion to the delay (timer.c apply_slack)."""

    kind = "slack"

    def fire(self, now: int, delta: int) -> int:
        """Return the jiffy in which a timer armed at `now` fires."""
        return slack_fires_at(now + delta, delta)

    def lateness_ns(self, delay_ns: int) -> int:
        """Return the most that a timer armed for `delay_ns` fires late, in ns."""
        return TICK_NS + (delay_ns >> SLACK_SHIFT)


@dataclass(frozen=True, eq=False)
class Exact(_Jiffies):
    """A timer that is late or early only by what the host delays, or by a rounded tick."""

    late_ns: int
    early_ns: int
    """The most that it fires early: a timer that counts ticks may count a partial tick as a whole one."""
    hears_all: bool = False
    """Every segment restarts its idle clock (BSD's t_rcvtime), not only accepted ones (Linux's rcv_tstamp)."""
    ignores_repeats: bool = False
    """Neither probes nor resends of the peer restart its idle clock: two Windows ends probe each other milliseconds
    apart."""

    @property
    def kind(self) -> str:
        """Return the name of this kind of timer: slow, hears all, or ignores echoes."""
        if self.late_ns >= SECOND:
            return "slow"
        return "hears all" if self.hears_all else "ignores echoes"

    def fire(self, now: int, delta: int) -> int:
        """Return the jiffy in which a timer armed at `now` fires."""
        return now + delta

    def lateness_ns(self, _delay_ns: int) -> int:
        """Return the most that a timer fires late, in ns, whatever the delay."""
        return self.late_ns


Clock = Wheel | Slack | Exact


def slack_fires_at(expires: int, delta: int) -> int:
    """Return the jiffy in which a timer older than the wheel fires: up to delta / 256 late (timer.c apply_slack).

    Within that slack it takes the instant whose low bits are 0 in the greatest number.
    """
    latest = expires + (delta >> 8)
    if delta < 256 or latest == expires:
        return expires
    return latest & ~((1 << (expires ^ latest).bit_length() - 1) - 1)


RATES = (100, 250, 300, 1000)
"""Ticks per second that Linux can be built with (kernel/Kconfig.hz)."""
LINUX = tuple(Wheel(f"linux-{hz}", hz) for hz in RATES)
TICK_NS = 25_000_000
"""Tick of the coarsest clock that still counts as exact; also how late a busy host may be."""
SLACK_SHIFT = 8
"""A timer with slack is late by up to delay / 256."""
SLOW_TICK_NS = 500_000_000
SHORTEST_NS = 900_000_000
"""Just below 1 s, the shortest setting; no clock is so wrong."""
"""lwIP's TCP_SLOW_INTERVAL, 4.4BSD's PR_SLOWHZ."""
EXACT: tuple[Clock, ...] = (
    Slack("exact", 1000),
    Exact("exact", 1000, TICK_NS, TICK_NS, hears_all=True),
    Exact("exact", 1000, TICK_NS, TICK_NS, ignores_repeats=True),
)
"""Linux before 4.8; BSD; and Windows, gVisor, Zephyr; in this order."""
COARSE: tuple[Clock, ...] = (Exact("exact", 1000, SECOND, SLOW_TICK_NS, hears_all=True),)
"""Slow timers: lwIP and macOS lose one tick on arming and one on firing; 4.4BSD and Windows XP gain one."""


def spacing_ns(clock: Clock, intvl_s: int) -> int:
    """Return R(intvl), the constant distance of unanswered probes, in ns.

    Each timer is armed on the boundary on which the one before fired.
    """
    return clock.time_ns(clock.fire(0, intvl_s * clock.hz))


def answered_cycle_ns(clock: Clock, time_s: int, intvl_s: int, rtt: int = 0) -> int:
    """Return C(time, intvl), the steady distance of answered probes, in ns; `rtt` is in jiffies.

    After a probe the timer runs for intvl, answered or not. Only then does it see the answer, and it runs for what is
    left of the idle time (tcp_timer.c tcp_keepalive_timer).
    """
    now = clock.fire(0, intvl_s * clock.hz)
    left = rtt + time_s * clock.hz - now
    return clock.time_ns(now if left <= 0 else clock.fire(now, left))


@dataclass(frozen=True, slots=True)
class Keepalive:
    """The settings of a socket."""

    time_s: int
    intvl_s: int
    probes: int
    user_timeout_ms: int = 0


class Action(StrEnum):
    """What the keepalive timer does when it fires."""

    WAIT = "wait"
    """It is armed for what is left of the idle time."""
    PROBE = "probe"
    """A probe is sent, and it is armed for the interval."""
    GIVE_UP = "give-up"
    """The connection is reset."""


def on_tick(keepalive: Keepalive, hz: int, elapsed: int, probes_out: int) -> Action:
    """Decide as tcp_timer.c tcp_keepalive_timer does, `elapsed` jiffies after the last accepted segment."""
    if elapsed < keepalive.time_s * hz:
        return Action.WAIT
    if not keepalive.user_timeout_ms:
        return Action.GIVE_UP if probes_out >= keepalive.probes else Action.PROBE
    user_timeout = -(-keepalive.user_timeout_ms * hz // 1000)  # msecs_to_jiffies; it replaces the count altogether
    return Action.GIVE_UP if elapsed >= user_timeout and probes_out > 0 else Action.PROBE


class What(StrEnum):
    """What happens at one end of a connection."""

    HEARD = "heard"
    """Traffic from the peer."""
    ANSWER = "answer"
    """The peer answers a probe."""
    PROBE = "probe"
    """This end sends a probe."""
    GIVE_UP = "give-up"
    """This end gives up and sends RST."""


class Event(NamedTuple):
    """One event at one end, and when it happens."""

    time_ns: int
    what: What


def simulate(
    keepalive: Keepalive,
    clock: Clock,
    start_ns: int,
    end_ns: int,
    heard_ns: Iterable[int] = (),
    rtt_ns: int = 0,
    alive_until_ns: int = 0,
) -> Iterator[Event]:
    """Yield the events at one end in order of time, from its connect at `start_ns` to `end_ns`.

    The end hears accepted segments at `heard_ns`. Probes sent before `alive_until_ns` are answered after `rtt_ns`. What
    this end itself sends counts as acknowledged at once.
    """
    arrivals = [(time, What.HEARD.value) for time in heard_ns]
    heapify(arrivals)
    heard, probes_out = clock.jiffies(start_ns), 0
    tick = clock.fire(heard, keepalive.time_s * clock.hz)
    while True:
        tick_ns = clock.time_ns(tick)
        while arrivals and arrivals[0][0] <= min(tick_ns, end_ns):
            time, what = heappop(arrivals)
            heard, probes_out = clock.jiffies(time), 0
            yield Event(time, What(what))
        if tick_ns > end_ns:
            return
        match on_tick(keepalive, clock.hz, tick - heard, probes_out):
            case Action.WAIT:
                tick = clock.fire(tick, keepalive.time_s * clock.hz - (tick - heard))
            case Action.PROBE:
                yield Event(tick_ns, What.PROBE)
                probes_out += 1
                if tick_ns < alive_until_ns:
                    heappush(arrivals, (tick_ns + rtt_ns, What.ANSWER.value))
                tick = clock.fire(tick, keepalive.intvl_s * clock.hz)
            case Action.GIVE_UP:
                yield Event(tick_ns, What.GIVE_UP)
                return
