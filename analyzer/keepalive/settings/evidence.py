"""The evidence of an end's gaps on one kind of clock: what each gap bears on, and which boundaries it claims.

Compiled functions over the columns of `schema/inference`.
"""

from typing import Any, NamedTuple

from analyzer.keepalive.model.linux import SECOND
from analyzer.keepalive.settings.constraints import NO_CEILING, TELLS_NOTHING, is_in_phase, read
from analyzer.keepalive.settings.prior import Prior
from analyzer.keepalive.story.values import CYCLE, FIRST, PENDING, SURVIVED
from analyzer.schema import ABSENT

ALL, NO_CENSORED, NO_OPENING = range(3)
"""The strictness: which evidence is believed. Each step drops the weakest evidence that the one before still has: first
what a timer survived, since keepalive may have been switched on only afterwards; then, for the same reason, the
lateness of an end's first probe."""

MAX_PHASED = 32
"""Most gaps whose boundaries are compared; more would cost time and add no knowledge."""
MAX_ALIKE = 3
"""Most gaps that are compared of those that are equal to a few milliseconds."""
ALIKE_SHIFT = 23
"""2^23 ns, some 8 ms, within which gaps are equal."""
MAX_CLAIMS = 3 * MAX_PHASED
"""Both ends of each spacing, and each gap that may be idle time."""

OTHER, OPENING_IDLE, SURE_IDLE, SPACED, SURVIVING = range(5)
"""READINGS.role: idle time that a probe ended and that is not believed (OPENING_IDLE) or is (SURE_IDLE), an interval
(SPACED), what no idle time ran out in (SURVIVING). The capture's end before another probe shows nothing: gVisor,
illumos and others give up without a RST, and elsewhere the RST may be missing."""


class Search(NamedTuple):
    """Columns that the search reads, works with, and writes."""

    clocks: Any
    prior: Prior
    hypotheses: Any
    corrected: Any
    evidence: Any
    readings: Any
    sharp: Any
    intvls: Any
    claims: Any
    coarsest: Any
    solutions: Any
    claimed: Any
    in_use: Any


def gather(s: Search, question: int, clock: int, strictness: int, has_phase: bool) -> None:
    """Gather what the gaps of a question say on this clock; without `has_phase` the wheel's boundaries are ignored."""
    v, first, last = s.evidence, s.hypotheses.first_gap[question], s.hypotheses.last_gap[question]
    v.question[0], v.clock[0], v.is_whole[0] = question, clock, s.hypotheses.is_whole[question]
    v.has_phase[0] = has_phase and s.clocks.depth[clock] > 0
    v.first_gap[0], v.readings[0] = first, last - first
    read(s.clocks, clock, s.corrected, first, last, s.readings)
    sort_by_role(s, strictness)
    choose_sharp(s)


def sort_by_role(s: Search, strictness: int) -> None:
    """Set what each gap bears on, and the longest idle time, in s, that the shortest gap allows."""
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
    """Choose the first sharp readings of either kind, without many repetitions."""
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
    """Tell whether enough of the chosen readings are like this one."""
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
    """Claim the interval's boundaries for the ends of spacings; return how many claims there are.

    The beginning of a spacing lies on one, too, unless it is the first of its run.
    """
    count = 0
    for place in range(s.evidence.sharp_spacings[0]):
        gap = s.sharp.reading[MAX_PHASED + place]
        count = claim(s, count, level, gap, s.readings.at_ns[gap])
        if s.readings.is_on_grid[gap]:
            count = claim(s, count, level, gap, s.readings.at_ns[gap] - s.readings.spacing_ns[gap])
    return count


def claim(s: Search, count: int, level: int, gap: int, at_ns: int) -> int:
    """Claim that a probe, or the give-up, lies on a boundary of this level; return the new number of claims."""
    c = s.claims
    c.level[count], c.chain[count], c.at_ns[count] = level, s.readings.chain[gap], at_ns
    c.jitter_ns[count] = s.readings.jitter_ns[gap]
    return count + 1


def is_phase_possible(s: Search, count: int) -> bool:
    """Tell whether the claimed boundaries agree, or are ignored."""
    return not s.evidence.has_phase[0] or is_in_phase(s.clocks, s.evidence.clock[0], s.claims, count, s.coarsest)


def keep_levels(s: Search, is_time_known: bool) -> None:
    """Keep the boundaries that all explanations on this clock have in common: for each gap the finest level."""
    level = s.readings.level
    for place in range(MAX_PHASED, MAX_PHASED + s.evidence.sharp_spacings[0]):
        gap = s.sharp.reading[place]
        level[gap] = min(level[gap], s.evidence.spacing_level[0])
    for place in range(s.evidence.sharp_idle[0]):
        gap = s.sharp.reading[place]
        level[gap] = min(level[gap], s.sharp.level[place]) if is_time_known else 0


def forget_levels(s: Search) -> None:
    """Forget all boundaries: there is an explanation without any."""
    for gap in range(s.evidence.readings[0]):
        s.readings.level[gap] = 0


def note_claims(s: Search) -> None:
    """Write the boundaries that are left to CLAIMED."""
    r, first = s.readings, s.evidence.first_gap[0]
    for gap in range(s.evidence.readings[0]):
        if r.is_sharp[gap] and 0 < r.level[gap] <= NO_CEILING:
            row = s.in_use.claims[0]
            s.claimed.clock[row], s.claimed.frame[row] = s.evidence.clock[0], s.corrected.frame[first + gap]
            s.claimed.level[row], s.claimed.jitter_ns[row] = r.level[gap], r.jitter_ns[gap]
            s.in_use.claims[0] += 1
