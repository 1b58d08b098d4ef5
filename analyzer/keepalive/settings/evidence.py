"""The evidence of an end's gaps on one kind of clock: what each bears on, and the boundaries that it claims.

Kernels over the columns of `sought`.
"""

from typing import Any, NamedTuple

from analyzer.keepalive.model.linux import SECOND
from analyzer.keepalive.settings.constraints import NO_CEILING, TELLS_NOTHING, is_in_phase, read
from analyzer.keepalive.settings.prior import Prior
from analyzer.keepalive.story.values import CYCLE, FIRST, PENDING, SURVIVED
from analyzer.schema import ABSENT

ALL, NO_CENSORED, NO_OPENING = range(3)
"""The strictness: what is believed. Each step drops the weakest evidence that the one before still has: first what a
timer survived, since keepalive may have been switched on only afterwards; then, for the same reason, the lateness
of an end's first probe."""

MAX_PHASED = 32
"""So many gaps are compared by their boundaries; more add time and no knowledge."""
MAX_ALIKE = 3
"""Of gaps that are the same to a few milliseconds so many are compared."""
ALIKE_SHIFT = 23
"""2^23 ns are 8 ms."""
MAX_CLAIMS = 3 * MAX_PHASED
"""Both ends of each spacing, and each gap that may be idle time."""

OTHER, OPENING_IDLE, SURE_IDLE, SPACED, SURVIVING = range(5)
"""READINGS.role: idle time that a probe ended, which is not believed or is; an interval; what no idle time was over
by. That the capture ends before another probe shows nothing: gVisor, illumos and others give up without a RST, and
elsewhere it may be missing."""


class Search(NamedTuple):
    """What the search reads, what it works with, and what it finds: columns."""

    clocks: Any
    prior: Prior
    asked: Any
    corrected: Any
    evidence: Any
    readings: Any
    sharp: Any
    intvls: Any
    claims: Any
    coarsest: Any
    found: Any
    claimed: Any
    in_use: Any


def gather(s: Search, question: int, clock: int, strictness: int, has_phase: bool) -> None:
    """What the gaps of a question say on this clock; without `has_phase` the wheel's boundaries are not believed."""
    v, first, last = s.evidence, s.asked.first_gap[question], s.asked.last_gap[question]
    v.question[0], v.clock[0], v.is_whole[0] = question, clock, s.asked.is_whole[question]
    v.has_phase[0] = has_phase and s.clocks.depth[clock] > 0
    v.first_gap[0], v.readings[0] = first, last - first
    read(s.clocks, clock, s.corrected, first, last, s.readings)
    sort_by_role(s, strictness)
    choose_sharp(s)


def sort_by_role(s: Search, strictness: int) -> None:
    """What each gap bears on, and the longest idle time that the shortest gap leaves."""
    r, first, most_ns = s.readings, s.evidence.first_gap[0], TELLS_NOTHING
    for gap in range(s.evidence.readings[0]):
        kind, role = r.kind[gap], OTHER
        r.is_sharp[gap], r.level[gap] = 0, NO_CEILING + 1
        if s.corrected.slack_ns[first + gap] == TELLS_NOTHING:
            role = OTHER
        elif kind == FIRST or kind == CYCLE:
            if r.idle_ns[gap] >= 0:
                role = SURE_IDLE if strictness < NO_OPENING or r.spacing_ns[gap] >= 0 else OPENING_IDLE
                most_ns = min(most_ns, r.idle_most_ns[gap])
        elif kind == SURVIVED:
            if r.idle_ns[gap] >= 0 and strictness == ALL:
                role = SURVIVING
        elif r.spacing_ns[gap] >= 0 and kind != PENDING:
            role = SPACED
        r.role[gap] = role
        if not s.corrected.slack_ns[first + gap]:
            r.is_sharp[gap] = role == SURE_IDLE or role == SPACED
    s.evidence.time_high[0] = ABSENT if most_ns == TELLS_NOTHING else most_ns // SECOND


def choose_sharp(s: Search) -> None:
    """The first sharp readings of either kind, without many repetitions."""
    idle = spacings = 0
    for gap in range(s.evidence.readings[0]):
        if not s.readings.is_sharp[gap]:
            continue
        first = 0 if s.readings.role[gap] == SURE_IDLE else MAX_PHASED
        count = spacings if first else idle
        s.readings.is_sharp[gap] = count < MAX_PHASED and not is_repetition(s, gap, first, count)
        if s.readings.is_sharp[gap]:
            s.sharp.reading[first + count] = gap
            if first:
                spacings += 1
            else:
                idle += 1
    s.evidence.sharp_idle[0], s.evidence.sharp_spacings[0] = idle, spacings


def is_repetition(s: Search, gap: int, first: int, count: int) -> bool:
    """Of those that were chosen enough are like it."""
    r, alike = s.readings, 0
    for place in range(first, first + count):
        other = s.sharp.reading[place]
        if (
            r.idle_ns[gap] >> ALIKE_SHIFT == r.idle_ns[other] >> ALIKE_SHIFT
            and r.spacing_ns[gap] >> ALIKE_SHIFT == r.spacing_ns[other] >> ALIKE_SHIFT
            and r.kind[gap] == r.kind[other]
        ):
            alike += 1
            if alike == MAX_ALIKE:
                return True
    return False


def claim_spacings(s: Search, level: int) -> int:
    """The ends of spacings lie on the interval's boundaries, and so do the beginnings of all but a run's first."""
    count = 0
    for place in range(s.evidence.sharp_spacings[0]):
        gap = s.sharp.reading[MAX_PHASED + place]
        count = claim(s, count, level, gap, s.readings.at_ns[gap])
        if s.readings.is_on_grid[gap]:
            count = claim(s, count, level, gap, s.readings.at_ns[gap] - s.readings.spacing_ns[gap])
    return count


def claim(s: Search, count: int, level: int, gap: int, at_ns: int) -> int:
    """A probe, or the give-up, lies on a boundary of this level."""
    c = s.claims
    c.level[count], c.chain[count], c.at_ns[count] = level, s.readings.chain[gap], at_ns
    c.jitter_ns[count] = s.readings.jitter_ns[gap]
    return count + 1


def is_phase_possible(s: Search, count: int) -> bool:
    return not s.evidence.has_phase[0] or is_in_phase(s.clocks, s.evidence.clock[0], s.claims, count, s.coarsest)


def keep_levels(s: Search, is_time_known: bool) -> None:
    """The boundaries that all explanations on this clock have in common: each on the finest level."""
    level = s.readings.level
    for place in range(MAX_PHASED, MAX_PHASED + s.evidence.sharp_spacings[0]):
        gap = s.sharp.reading[place]
        level[gap] = min(level[gap], s.evidence.spacing_level[0])
    for place in range(s.evidence.sharp_idle[0]):
        gap = s.sharp.reading[place]
        level[gap] = min(level[gap], s.sharp.level[place]) if is_time_known else 0


def forget_levels(s: Search) -> None:
    """There is an explanation without boundaries."""
    for gap in range(s.evidence.readings[0]):
        s.readings.level[gap] = 0


def note_claims(s: Search) -> None:
    """As CLAIMED: what is left of the boundaries."""
    r, first = s.readings, s.evidence.first_gap[0]
    for gap in range(s.evidence.readings[0]):
        if r.is_sharp[gap] and 0 < r.level[gap] <= NO_CEILING:
            row = s.in_use.claims[0]
            s.claimed.clock[row], s.claimed.frame[row] = s.evidence.clock[0], s.corrected.frame[first + gap]
            s.claimed.level[row], s.claimed.jitter_ns[row] = r.level[gap], r.jitter_ns[gap]
            s.in_use.claims[0] += 1
