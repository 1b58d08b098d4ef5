"""What one gap says about a timer, on one kind of clock.

Everything follows from one property of the wheel (`linux.Wheel.fire`): a timer armed with a delay of level n fires on a
multiple of 8^n jiffies, and at most that much late. So a gap says two things. Its length bounds the setting:
`fit_idle`. And the more a setting would make the timer late, the coarser is the boundary on which the probe lies; the
same jiffies send all probes of an end, so their boundaries must agree: `is_in_phase`. The constant spacings R and
cycles C follow from these two and need no rule of their own.

Compiled functions over the columns of `schema/inference`; a clock is a row of CLOCKS.
"""

from typing import Any

from analyzer.engine.dispatch import not_inlined
from analyzer.engine.table import Table
from analyzer.keepalive.model.linux import (
    COARSE,
    EXACT,
    LINUX,
    LVL_CLK_SHIFT,
    SECOND,
    SLACK_SHIFT,
    TICK_NS,
    Clock,
    Exact,
    Slack,
    Wheel,
    wheel_level,
)
from analyzer.keepalive.story.values import CYCLE, GIVE_UP, PENDING, SPACING, SURVIVED
from analyzer.schema import ABSENT, inference

HOST_DELAY_NS = 5_000_000
"""Delay from the timer's tick to the wire: softirq, qdisc and time stamping."""
DRIFT_SHIFT = 13
"""Clocks of two hosts, or one under NTP, may differ in speed by 2^-13, 122 ppm."""

TELLS_NOTHING = 1 << 62
"""The slack, in ns, of a gap that no single run of a timer made."""
FAR_NS = 1 << 56
"""Two years: no probe comes later, and sums stay within 64 bits."""

CEILING_BITS = 4
NO_CEILING = 8
UNHINDERED = sum(NO_CEILING << CEILING_BITS * rate for rate in range(len(LINUX)))
"""OBSERVED_GAPS.ceilings where nothing is known of the end's host clock."""
TRUSTED_LEVELS = 2
"""How many levels below a timer's own a ceiling is believed: a probe that seems to lie lower was more likely sent late
by a busy host."""

ALL_CLOCKS = LINUX + EXACT + COARSE
NO_SHIFT = 63
"""A shift that leaves nothing of a delay."""
CLOCK_COUNT, LIKELY_COUNT = len(ALL_CLOCKS), len(LINUX + EXACT)
"""Numbers of all clocks and of the likely ones. The slow ones come last; they are tried where nothing else fits."""


def _rows_of_clocks() -> Any:
    """Return `ALL_CLOCKS` as CLOCKS columns."""
    table = Table(inference.CLOCKS)
    for one in ALL_CLOCKS:
        depth, late_ns, shift, early_ns, hears_all, ignores_repeats = _row_of(one)
        table.append(
            one.hz, depth, hears_all, ignores_repeats, late_ns, shift, early_ns, 2 * one.time_ns(1) + HOST_DELAY_NS
        )
    return table.view


def _row_of(one: Clock) -> tuple[int, int, int, int, bool, bool]:
    """Return the levels of its wheel, how late it is, by which shift of the delay, how early, and what restarts it."""
    match one:
        case Wheel():
            return one.depth, 0, NO_SHIFT, 0, False, False
        case Slack():
            return 0, TICK_NS, SLACK_SHIFT, TICK_NS, False, False
        case Exact():
            return 0, one.late_ns, NO_SHIFT, one.early_ns, one.hears_all, one.ignores_repeats


CLOCKS = _rows_of_clocks()
"""The CLOCKS columns of `ALL_CLOCKS`, in the same order."""


def read(clocks: Any, clock: int, corrected: Any, first: int, last: int, readings: Any) -> None:
    """Write the gaps first..last-1 with their places in time to `readings`, in order, from row 0 on."""
    chain = at_ns = 0
    for row in range(first, last):
        gap = row - first
        kind, probe_ns, capture_rtt_ns, slack_ns = (
            corrected.kind[row],
            corrected.probe_ns[row],
            corrected.capture_rtt_ns[row],
            corrected.slack_ns[row],
        )
        jitter_ns = max(capture_rtt_ns // 2, corrected.jitter_ns[row])
        idle_ns = idle_of(
            clocks, clock, corrected.heard_ns[row], corrected.any_ns[row], corrected.since_new_segment_ns[row]
        )
        readings.kind[gap], readings.capture_rtt_ns[gap], readings.jitter_ns[gap] = kind, capture_rtt_ns, jitter_ns
        readings.idle_ns[gap], readings.spacing_ns[gap] = idle_ns, probe_ns
        readings.idle_least_ns[gap] = readings.idle_most_ns[gap] = ABSENT
        readings.spacing_least_ns[gap] = readings.spacing_most_ns[gap] = ABSENT
        if idle_ns >= 0:
            off_ns = tolerance_ns(clocks, clock, idle_ns)
            readings.idle_least_ns[gap] = idle_ns - capture_rtt_ns - jitter_ns - off_ns - slack_ns
            readings.idle_most_ns[gap] = idle_ns + off_ns + clocks.early_ns[clock]
        if probe_ns >= 0:
            off_ns = tolerance_ns(clocks, clock, probe_ns) + jitter_ns
            readings.spacing_least_ns[gap] = probe_ns - off_ns - slack_ns
            readings.spacing_most_ns[gap] = probe_ns + off_ns + clocks.early_ns[clock]
            end_ns = min(at_ns + probe_ns, FAR_NS)
        else:
            chain, at_ns, end_ns = chain + 1, 0, 0
        readings.chain[gap], readings.at_ns[gap] = chain, end_ns
        readings.is_on_grid[gap] = (kind == SPACING or kind == GIVE_UP) and corrected.unanswered[row] >= 2
        is_wheel = clocks.depth[clock] > 0
        readings.ceiling[gap] = corrected.ceilings[row] >> CEILING_BITS * clock & 15 if is_wheel else NO_CEILING
        if kind != SURVIVED and kind != PENDING:
            at_ns = end_ns


def idle_of(clocks: Any, clock: int, heard_ns: int, any_ns: int, since_new_segment_ns: int) -> int:
    """Return the gap's idle time in ns, as this kind of stack counts it."""
    if clocks.hears_all[clock] and any_ns >= 0:
        return any_ns
    return since_new_segment_ns if clocks.ignores_repeats[clock] and since_new_segment_ns >= 0 else heard_ns


def tolerance_ns(clocks: Any, clock: int, duration_ns: int) -> int:
    """Return by how much a captured duration may differ from the timer's, in ns: the ticks at both ends, and drift."""
    ticks_ns: int = clocks.ticks_ns[clock]
    return ticks_ns + (duration_ns >> DRIFT_SHIFT)


def lateness_ns(clocks: Any, clock: int, delay_ns: int) -> int:
    """Return the most that a timer armed for `delay_ns` fires late, in ns."""
    if not clocks.depth[clock]:
        slack_ns: int = clocks.slack_ns[clock] + (delay_ns >> clocks.slack_shift[clock])
        return slack_ns
    hz: int = clocks.hz[clock]
    return -(-(SECOND << level_of(clocks, clock, delay_ns) * LVL_CLK_SHIFT) // hz)


def latest_ns(clocks: Any, clock: int, seconds: int) -> int:
    """Return when a timer of so many seconds has fired at the latest, in ns."""
    return seconds * SECOND + lateness_ns(clocks, clock, seconds * SECOND)


@not_inlined
def least_s(clocks: Any, clock: int, duration_ns: int) -> int:
    """Return the least whole seconds whose timer can be as late as `duration_ns`.

    No timer is late by more than 8 / 63 of its delay, or 1 s.
    """
    if duration_ns <= SECOND:
        return 1
    low, high = max(1, (duration_ns - (duration_ns >> 3)) // SECOND - 1), -(-duration_ns // SECOND)
    while low < high:
        middle = (low + high) // 2
        if latest_ns(clocks, clock, middle) >= duration_ns:
            high = middle
        else:
            low = middle + 1
    return low


def jiffies(hz: int, time_ns: int) -> int:
    """Return the tick within which an instant lies, in two steps, neither of which exceeds 64 bits."""
    return time_ns // SECOND * hz + time_ns % SECOND * hz // SECOND


def jiffies_up(hz: int, time_ns: int) -> int:
    """Return the least number of ticks that take no less than `time_ns`."""
    return time_ns // SECOND * hz - -(time_ns % SECOND) * hz // SECOND


def level_of(clocks: Any, clock: int, delay_ns: int) -> int:
    """Return the level of a timer armed for `delay_ns`; 0 without a wheel."""
    depth: int = clocks.depth[clock]
    return wheel_level(depth, jiffies(clocks.hz[clock], delay_ns)) if depth else 0


def finest_level(clocks: Any, clock: int, late_ns: int, delay_ns: int) -> int:
    """Return the finest level whose timers may be `late_ns` late; without a wheel 0 if they may, else 1."""
    if not clocks.depth[clock]:
        return 1 if late_ns > lateness_ns(clocks, clock, delay_ns) else 0
    level, rest = 0, jiffies_up(clocks.hz[clock], late_ns) - 1
    while rest > 0:
        rest >>= LVL_CLK_SHIFT
        level += 1
    return level


@not_inlined
def fit_idle(clocks: Any, clock: int, readings: Any, gap: int, time_s: int, intvl_s: int) -> int:
    """Return how an idle time of `time_s` explains the gap, as three levels of the wheel in one number.

    - `need_of`: the finest level whose timers may be so late;
    - `sure_of`, `top_of`: the levels of the shortest and of the longest delay with which the timer can last have been
      armed.

    The timer last ran for what was left of the idle time when it was armed. After traffic that may be anything up to
    the whole. After an answered probe the timer first ran for the interval, `intvl_s` (-1 if not known), and what it
    left is known as precisely as that firing (tcp_timer.c tcp_keepalive_timer).
    """
    time_ns, intvl_ns = time_s * SECOND, intvl_s * SECOND
    need = finest_level(clocks, clock, readings.idle_least_ns[gap] - time_ns, time_ns)
    if readings.kind[gap] == CYCLE and not clocks.hears_all[clock] and intvl_s != ABSENT:
        answer_ns = readings.spacing_ns[gap] - readings.idle_ns[gap]
        if answer_ns + readings.capture_rtt_ns[gap] <= intvl_ns:
            off_ns = readings.spacing_most_ns[gap] - readings.spacing_ns[gap]
            longest_ns = time_ns + answer_ns + readings.capture_rtt_ns[gap] + off_ns - intvl_ns
            if longest_ns <= 0:
                return fit(need, 0, -1)
            shortest_ns = time_ns + answer_ns - off_ns - latest_ns(clocks, clock, intvl_s)
            sure = level_of(clocks, clock, max(shortest_ns, 0))
            return fit(need, sure, capped_level(level_of(clocks, clock, longest_ns), readings.ceiling[gap]))
    return fit(need, 0, capped_level(level_of(clocks, clock, time_ns), readings.ceiling[gap]))


def fit(need: int, sure: int, top: int) -> int:
    """Pack the three levels into one number."""
    return need << 8 | sure << 4 | top + 1


def need_of(fit: int) -> int:
    """Return the finest level whose timers may be so late."""
    return fit >> 8


def sure_of(fit: int) -> int:
    """Return the level of the shortest delay with which the timer can have been armed."""
    return fit >> 4 & 15


def top_of(fit: int) -> int:
    """Return the level of the longest delay with which the timer can have been armed."""
    return (fit & 15) - 1


def is_possible(fit: int) -> bool:
    """Tell whether the longest possible delay reaches a level whose timers may be so late."""
    return need_of(fit) <= top_of(fit)


def capped_level(level: int, ceiling: int) -> int:
    """Return the coarsest level that a timer up to `level` can have fired on, given the gap's ceiling."""
    return min(level, max(ceiling, level - TRUSTED_LEVELS))


def may_be_spacing(readings: Any, gap: int, low: int, latest_ns: int) -> bool:
    """Tell whether the timer of an interval from `low` s on may have ended the gap, if it has fired by `latest_ns`."""
    return bool(low * SECOND <= readings.spacing_most_ns[gap]) and may_still_run(readings, gap, latest_ns)


def may_still_run(readings: Any, gap: int, latest_ns: int) -> bool:
    """Tell whether a timer that fires by `latest_ns` may not have fired before the gap's end."""
    return bool(readings.spacing_ns[gap] >= 0 and readings.spacing_least_ns[gap] <= latest_ns)


@not_inlined
def is_in_phase(clocks: Any, clock: int, claims: Any, count: int, coarsest: Any) -> bool:
    """Tell whether the claimed boundaries agree: each must agree with the coarsest of its chain.

    Within a chain coarse boundaries are fine ones, too. The coarsest of each chain is found first.
    """
    for gap in range(count):
        coarsest.level[claims.chain[gap]] = ABSENT
    for gap in range(count):
        if is_coarser(claims, gap, coarsest, claims.chain[gap]):
            chain = claims.chain[gap]
            coarsest.level[chain], coarsest.at_ns[chain] = claims.level[gap], claims.at_ns[gap]
            coarsest.jitter_ns[chain] = claims.jitter_ns[gap]
    for gap in range(count):
        chain = claims.chain[gap]
        distance_ns = abs(claims.at_ns[gap] - coarsest.at_ns[chain])
        jitter_ns = max(claims.jitter_ns[gap], coarsest.jitter_ns[chain])
        if distance_ns and not is_on_boundary(clocks, clock, distance_ns, claims.level[gap], jitter_ns):
            return False
    return True


def is_coarser(claims: Any, gap: int, others: Any, other: int) -> bool:
    """Tell whether a claim is coarser than another; of equally coarse ones the latest counts as coarser."""
    if claims.level[gap] != others.level[other]:
        return bool(claims.level[gap] > others.level[other])
    if claims.at_ns[gap] != others.at_ns[other]:
        return bool(claims.at_ns[gap] > others.at_ns[other])
    return bool(claims.jitter_ns[gap] > others.jitter_ns[other])


def is_on_boundary(clocks: Any, clock: int, distance_ns: int, level: int, jitter_ns: int) -> bool:
    """Tell whether the distance is a multiple of the level's period, as precisely as it is known."""
    hz, shift = clocks.hz[clock], level * LVL_CLK_SHIFT
    period = SECOND << shift  # in ns / HZ, exact for 300 Hz
    ticks = distance_ns // SECOND * hz & (1 << shift) - 1
    off = (ticks * SECOND + distance_ns % SECOND * hz) % period
    allowed = tolerance_ns(clocks, clock, distance_ns) + jitter_ns
    return bool(min(off, period - off) <= min(allowed, FAR_NS >> 4) * hz)
