"""What is said of each setting: the value and bounds of all that explains the gaps, and which of them speak for it.

Plain functions over columns: FOUND, SEEN and COUNTED in, INFERRED_SETTINGS out.
"""

from typing import Any, NamedTuple

from analyzer.engine.dispatch import apart
from analyzer.keepalive.model.linux import SECOND
from analyzer.keepalive.settings.candidates import SLOW
from analyzer.keepalive.settings.constraints import (
    CLOCK_COUNT,
    LIKELY_COUNT,
    TELLS_NOTHING,
    idle_of,
    latest_ns,
    least_s,
    tolerance_ns,
)
from analyzer.keepalive.settings.evidence import Search
from analyzer.keepalive.settings.losses import is_idle, is_intvl
from analyzer.keepalive.settings.prior import BIT, likeliest, weight
from analyzer.keepalive.story.values import FIRST, GIVE_UP, SPACING, SURVIVED
from analyzer.schema import NEVER

TIME, INTVL, PROBES, USER_TIMEOUT = range(4)
"""Of the four rows of an end."""
(
    FIRST_GAP,
    ANSWERED_CYCLE,
    ANSWERED_ONLY,
    SPACINGS,
    GIVE_UP_COUNT,
    RUN_LENGTH,
    SURVIVED_GAPS,
    SURVIVED_EITHER,
    USER_TIMEOUT_ALTERNATIVE,
    CONTRADICTORY,
) = range(10)
"""What settings rest on, as kernels write it: places in `settings.Basis`."""
MAX_FRAMES = 8
"""So many frames are named as proof."""
MILLI = 1000
"""Bounds are in thousandths of a second, or of a count."""
MILLISECOND = 1_000_000
NEAR_NS = 100_000_000
"""Closer to a whole second than any other of a slow timer's ticks, which may drift."""
FAR_LIKELIER = 3 * BIT


class Inferred(NamedTuple):
    """What is found: columns of INFERRED, INFERRED_SETTINGS, PROOFS, CLAIMED, IN_USE."""

    ends: Any
    settings: Any
    proofs: Any
    claimed: Any
    in_use: Any


def prove(seen: Any, it: int, shown_ns: int) -> int:
    seen.is_proof[it], seen.shown_ns[it] = 1, shown_ns
    return 1


def forget_proofs(seen: Any, first: int, last: int) -> None:
    for it in range(first, last):
        seen.is_proof[it] = 0


@apart
def note_setting(found: Inferred, row: int, basis: int, low: int, high: int, seen: Any, first: int, last: int) -> None:
    """With the gaps that prove it, which are marked among first..last-1; bounds in thousandths, no value yet.

    What nothing proves is left unsaid.
    """
    t, n, proofs, shortest_ns, longest_ns = found.settings, 0, 0, TELLS_NOTHING, NEVER
    t.first_proof[row] = found.in_use.proofs[0]
    for it in range(first, last):
        if seen.is_proof[it]:
            n += 1
            shortest_ns, longest_ns = min(shortest_ns, seen.shown_ns[it]), max(longest_ns, seen.shown_ns[it])
            if proofs < MAX_FRAMES:
                found.proofs.frame[found.in_use.proofs[0] + proofs] = seen.frame[it]
                proofs += 1
    if not n:
        return
    found.in_use.proofs[0] += proofs
    t.basis[row], t.value[row], t.low_ms[row], t.high_ms[row] = basis, NEVER, low, high
    t.n[row], t.proofs[row] = n, proofs
    t.shortest_ns[row], t.longest_ns[row] = shortest_ns, longest_ns


def milli(bound: int) -> int:
    """-1 stays what nothing bounds."""
    return bound if bound == NEVER else bound * MILLI


def idle_ns_of(s: Search, clock: int, it: int) -> int:
    """The gap as idle time on a clock."""
    return idle_of(s.clocks, clock, s.seen.heard_ns[it], s.seen.any_ns[it], s.seen.speech_ns[it])


def way_ns(s: Search, it: int, jitter_ns: int) -> int:
    """By how much the way to the capture point may vary."""
    lag_ns: int = s.seen.lag_ns[it]
    return max(lag_ns // 2, jitter_ns)


@apart
def note_time(s: Search, of: int, first: int, last: int, found: Inferred, row: int) -> None:
    """The idle time that row `of` of FOUND has, proved by gaps first..last-1."""
    f, clock = s.found, s.found.clock[of]
    if not says_time(f, of):
        return
    basis = ANSWERED_ONLY
    if f.time_high[of] == NEVER or not prove_idle(s, clock, first, last, TELLS_NOTHING):
        basis = SURVIVED_GAPS if prove_survived(s, clock, first, last) else FIRST_GAP
    elif f.is_time_known[of] and f.time[of] != NEVER:
        if not prove_idle(s, clock, first, last, latest_ns(s.clocks, clock, f.time[of])):
            prove_idle(s, clock, first, last, TELLS_NOTHING)
        basis = ANSWERED_CYCLE
        for it in range(first, last):
            if s.seen.is_proof[it] and s.seen.kind[it] == FIRST:
                basis = FIRST_GAP
    note_setting(found, row, basis, milli(f.time_low[of]), milli(f.time_high[of]), s.seen, first, last)
    if f.is_time_known[of]:
        found.settings.value[row] = value_of(s, of, f.time[of], found.settings, row)


def prove_survived(s: Search, clock: int, first: int, last: int) -> int:
    """Idle times that were survived: how many. Without any, those before a probe, of whatever was heard in them."""
    seen, proofs = s.seen, 0
    forget_proofs(seen, first, last)
    for it in range(first, last):
        if seen.is_measure[it] and seen.kind[it] == SURVIVED:
            proofs += prove(seen, it, idle_ns_of(s, clock, it))
    for it in range(first, last if not proofs else first):
        if is_idle(seen.kind[it]) and seen.heard_ns[it] >= 0:
            prove(seen, it, idle_ns_of(s, clock, it))
    return proofs


def value_of(s: Search, of: int, value: int, settings: Any, row: int) -> int:
    """The likeliest value; of several seconds that only a slow timer explains the one to which all that was seen is
    near, or which is set far more often than the others. Else none: such a setting may have parts of a second.
    """
    low, high = settings.low_ms[row] // MILLI, settings.high_ms[row] // MILLI
    if s.found.clocks[of] & ~SLOW or low == high or high < low:
        return value
    nearest: int = (settings.shortest_ns[row] + SECOND // 2) // SECOND
    off_ns = max(abs(settings.shortest_ns[row] - nearest * SECOND), abs(settings.longest_ns[row] - nearest * SECOND))
    if off_ns <= NEAR_NS:
        return nearest
    usual = likeliest(s.prior, low, high)
    for other in range(low, high + 1):
        if other != usual and weight(s.prior, other) > weight(s.prior, usual) - FAR_LIKELIER:
            return NEVER
    return usual


def says_time(f: Any, of: int) -> bool:
    return bool(f.clocks[of] and (f.time_low[of] > 1 or f.time_high[of] != NEVER))


@apart
def prove_idle(s: Search, clock: int, first: int, last: int, longest_ns: int) -> int:
    """Idle times that a timer ended, and that may have been as short as that: how many."""
    seen, proofs = s.seen, 0
    for it in range(first, last):
        seen.is_proof[it] = 0
        if seen.is_measure[it] and is_idle(seen.kind[it]) and seen.heard_ns[it] >= 0:
            idle_ns = idle_ns_of(s, clock, it)
            if idle_ns - tolerance_ns(s.clocks, clock, idle_ns) - seen.lag_ns[it] - way_ns(s, it, 0) <= longest_ns:
                proofs += prove(seen, it, idle_ns)
    return proofs


@apart
def note_intvl(s: Search, of: int, first: int, last: int, found: Inferred, row: int) -> None:
    """The interval that row `of` of FOUND has, proved by gaps first..last-1."""
    f, seen = s.found, s.seen
    if not says_intvl(f, of):
        return
    basis = SPACINGS
    if not prove_spacings(seen, first, last):
        basis = ANSWERED_CYCLE if f.is_intvl_known[of] else ANSWERED_ONLY
        for it in range(first, last):
            if seen.is_measure[it] and is_idle(seen.kind[it]) and seen.probe_ns[it] >= 0:
                prove(seen, it, seen.probe_ns[it])
    note_setting(found, row, basis, milli(f.intvl_low[of]), milli(f.intvl_high[of]), seen, first, last)
    if f.is_intvl_known[of]:
        found.settings.value[row] = value_of(s, of, f.intvl[of], found.settings, row)


def says_intvl(f: Any, of: int) -> bool:
    return bool(f.clocks[of] and (f.intvl_low[of] > 1 or f.intvl_high[of] != NEVER))


def prove_spacings(seen: Any, first: int, last: int) -> int:
    """Intervals: how many."""
    proofs = 0
    for it in range(first, last):
        seen.is_proof[it] = 0
        if seen.is_measure[it] and is_intvl(seen.kind[it]) and seen.probe_ns[it] >= 0:
            proofs += prove(seen, it, seen.probe_ns[it])
    return proofs


def note_spread_of_time(s: Search, first: int, last: int, found: Inferred, row: int) -> None:
    """Bounds around everything that any clock could have made of the idle times."""
    seen, low, high, proofs = s.seen, TELLS_NOTHING, 1, 0
    for clock in range(CLOCK_COUNT):
        least_ns, proofs = TELLS_NOTHING, 0
        for it in range(first, last):
            seen.is_proof[it] = 0
            if is_idle(seen.kind[it]) and seen.heard_ns[it] >= 0:
                idle_ns = idle_ns_of(s, clock, it)
                off_ns = tolerance_ns(s.clocks, clock, idle_ns)
                least_ns = min(least_ns, idle_ns - off_ns - seen.lag_ns[it] - way_ns(s, it, 0))
                high = max(high, (idle_ns + off_ns) // SECOND)
                proofs += prove(seen, it, seen.heard_ns[it])
        if proofs:
            low = min(low, least_s(s.clocks, clock, least_ns))
    if proofs:
        note_setting(found, row, CONTRADICTORY, milli(low), milli(high), seen, first, last)


def note_spread_of_intvl(s: Search, first: int, last: int, found: Inferred, row: int) -> None:
    """The same of the intervals."""
    seen, low, high = s.seen, TELLS_NOTHING, 1
    if not prove_spacings(seen, first, last):
        return
    for clock in range(CLOCK_COUNT):
        least_ns = TELLS_NOTHING
        for it in range(first, last):
            if seen.is_proof[it]:
                off_ns = tolerance_ns(s.clocks, clock, seen.probe_ns[it]) + way_ns(s, it, 0)
                least_ns = min(least_ns, seen.probe_ns[it] - off_ns)
                high = max(high, (seen.probe_ns[it] + off_ns) // SECOND)
        low = min(low, least_s(s.clocks, clock, least_ns))
    note_setting(found, row, CONTRADICTORY, milli(low), milli(high), seen, first, last)


def note_unprobed(s: Search, rows: int, is_whole: int, found: Inferred, row: int) -> None:
    """No probe at all: keepalive is off, or its time longer than every idle time that was survived.

    After a probe that was answered before the capture's begin the timer first runs for the interval, and no traffic
    re-arms it (tcp_timer.c tcp_keepalive_timer): then it is one of the two that is longer.
    """
    seen, longest = s.seen, NEVER
    for it in range(rows):
        is_telling = seen.slack_ns[it] != TELLS_NOTHING
        if is_telling and (longest == NEVER or seen.heard_ns[it] > seen.heard_ns[longest]):
            longest = it
    if longest == NEVER:
        return
    low = TELLS_NOTHING
    for clock in range(LIKELY_COUNT):
        idle_ns = idle_ns_of(s, clock, longest)
        vague_ns = seen.lag_ns[longest] + way_ns(s, longest, seen.jitter_ns[longest]) + seen.slack_ns[longest]
        low = min(low, least_s(s.clocks, clock, idle_ns - tolerance_ns(s.clocks, clock, idle_ns) - vague_ns))
    if low > 1:
        prove(seen, longest, seen.heard_ns[longest])
        basis = SURVIVED_GAPS if is_whole else SURVIVED_EITHER
        note_setting(found, row, basis, milli(low if is_whole else 1), NEVER, seen, longest, longest + 1)


def is_give_up(seen: Any, it: int) -> bool:
    """It was seen whole."""
    return bool(seen.kind[it] == GIVE_UP and seen.heard_ns[it] >= 0)


def sent_by(seen: Any, counted: Any, it: int) -> int:
    """Unanswered probes that were sent by the gap's end, at least: a probe that ends it counts."""
    fewest: int = counted.fewest[it]
    return fewest + (is_idle(seen.kind[it]) or seen.kind[it] == SPACING)


def note_probes(seen: Any, counted: Any, rows: int, may_hide: bool, found: Inferred, row: int) -> None:
    """The count of unanswered probes at which the end gives up; `may_hide` that one more may be missing.

    A timer that sends a probe after n unanswered ones has a count above n (tcp_keepalive_timer).
    Probes that are missing count as well; at the prober itself only their being missing shows.
    """
    longest = low = high = NEVER
    for it in range(rows):
        if seen.kind[it] != SURVIVED:
            longest = max(longest, sent_by(seen, counted, it))
        if is_give_up(seen, it):
            low = counted.fewest[it] if low == NEVER else min(low, counted.fewest[it])
            high = max(high, counted.most[it])
    if longest == NEVER:
        return
    for it in range(rows):
        is_longest = seen.kind[it] != SURVIVED and sent_by(seen, counted, it) == longest
        seen.is_proof[it] = is_longest if low == NEVER else is_give_up(seen, it)
        seen.shown_ns[it] = 0
    if low == NEVER:
        note_setting(found, row, RUN_LENGTH, milli(longest), NEVER, seen, 0, rows)
    elif longest > high:
        note_setting(found, row, CONTRADICTORY, milli(low), milli(longest), seen, 0, rows)
    elif low < high:
        note_setting(found, row, GIVE_UP_COUNT, milli(low), milli(high), seen, 0, rows)
    else:
        note_setting(found, row, GIVE_UP_COUNT, milli(low), milli(low + may_hide), seen, 0, rows)
        found.settings.value[row] = low


def note_user_timeout(seen: Any, counted: Any, rows: int, found: Inferred, row: int) -> None:
    """The user timeouts that would have ended every run as it ended: not before its last probe, but by its RST.

    The timer looks at the user timeout only when it fires, and never before the first probe
    (tcp_timer.c tcp_keepalive_timer).
    """
    low, high = 0, TELLS_NOTHING
    for it in range(rows):
        seen.is_proof[it] = 0
        if is_give_up(seen, it):
            heard_ns = seen.heard_ns[it]
            prove(seen, it, heard_ns)
            high = min(high, heard_ns + counted.unheard_ns[it])
            if seen.unanswered[it] > 1:
                low = max(low, heard_ns - seen.probe_ns[it] - seen.lag_ns[it])
    if low < high < TELLS_NOTHING:
        note_setting(found, row, USER_TIMEOUT_ALTERNATIVE, rounded_ms(low), rounded_ms(high), seen, 0, rows)


def rounded_ms(duration_ns: int) -> int:
    """The unit of TCP_USER_TIMEOUT."""
    return (duration_ns + MILLISECOND // 2) // MILLISECOND
