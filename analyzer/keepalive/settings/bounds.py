"""What is known of each setting: its value and bounds in all that explains the gaps, and the gaps that prove it.

Plain functions over columns: they read SOLUTIONS, CORRECTED_GAPS and RUN_COUNTS, and write INFERRED_SETTINGS.
"""

from typing import Any, NamedTuple

from analyzer.engine.dispatch import not_inlined
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
from analyzer.keepalive.settings.observations import is_idle, is_intvl
from analyzer.keepalive.settings.prior import BIT, likeliest, weight
from analyzer.keepalive.story.values import FIRST, GIVE_UP, PENDING, SPACING, SURVIVED
from analyzer.schema import ABSENT

TIME, INTVL, PROBES, USER_TIMEOUT = range(4)
"""The four rows of an end in INFERRED_SETTINGS."""
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
    CEASED,
    CHANGED,
) = range(12)
"""What settings rest on, as compiled functions write it: places in `values.Basis`."""
MAX_FRAMES = 8
"""Most frames that are named as proof."""
MILLI = 1000
"""Bounds are in thousandths of a second, or of a count."""
MILLISECOND = 1_000_000
CEASED_AFTER = 2
"""Intervals without a probe after which no more will come."""
NEAR_NS = 100_000_000
"""Distance from a whole second below which a slow timer's gap counts as near it; its other ticks, though they may
drift, are further off."""
FAR_LIKELIER = 3 * BIT
"""Lead in weight that makes one setting far likelier than another: eight times."""


class Inferred(NamedTuple):
    """The results: columns of INFERRED, INFERRED_SETTINGS, PROOFS, CLAIMED, IN_USE."""

    ends: Any
    settings: Any
    proofs: Any
    claimed: Any
    in_use: Any


def prove(corrected: Any, gap: int, shown_ns: int) -> int:
    """Mark a gap as proof, with the duration in ns that it shows; return 1."""
    corrected.is_proof[gap], corrected.shown_ns[gap] = 1, shown_ns
    return 1


def forget_proofs(corrected: Any, first: int, last: int) -> None:
    """Clear the marks of proof at gaps first..last-1."""
    for gap in range(first, last):
        corrected.is_proof[gap] = 0


@not_inlined
def note_setting(
    found: Inferred, row: int, basis: int, low: int, high: int, corrected: Any, first: int, last: int
) -> None:
    """Write a setting's basis and bounds, in thousandths, with the gaps that prove it, but no value yet.

    Those are the gaps that are marked among first..last-1. Without any, nothing is written.
    """
    t, n, proofs, shortest_ns, longest_ns = found.settings, 0, 0, TELLS_NOTHING, ABSENT
    t.first_proof[row] = found.in_use.proofs[0]
    for gap in range(first, last):
        if corrected.is_proof[gap]:
            n += 1
            shortest_ns, longest_ns = (
                min(shortest_ns, corrected.shown_ns[gap]),
                max(longest_ns, corrected.shown_ns[gap]),
            )
            place = found.in_use.proofs[0] + proofs
            is_new = not proofs or found.proofs.frame[place - 1] != corrected.frame[gap]
            if proofs < MAX_FRAMES and is_new:
                found.proofs.frame[place] = corrected.frame[gap]
                proofs += 1
    if not n:
        return
    found.in_use.proofs[0] += proofs
    t.basis[row], t.value[row], t.low_ms[row], t.high_ms[row] = basis, ABSENT, low, high
    t.n[row], t.proofs[row] = n, proofs
    t.shortest_ns[row], t.longest_ns[row] = shortest_ns, longest_ns


def milli(bound: int) -> int:
    """Return the bound in thousandths; -1, for no bound, stays."""
    return bound if bound == ABSENT else bound * MILLI


def idle_ns_of(s: Search, clock: int, gap: int) -> int:
    """Return the gap's idle time in ns, as this kind of clock counts it."""
    return idle_of(
        s.clocks, clock, s.corrected.heard_ns[gap], s.corrected.any_ns[gap], s.corrected.since_new_segment_ns[gap]
    )


def path_jitter_ns(s: Search, gap: int, jitter_ns: int) -> int:
    """Return by how much the time to the capture point may vary, in ns."""
    capture_rtt_ns: int = s.corrected.capture_rtt_ns[gap]
    return max(capture_rtt_ns // 2, jitter_ns)


@not_inlined
def note_time(s: Search, solution: int, first: int, last: int, found: Inferred, row: int) -> None:
    """Write the idle time in row `solution` of SOLUTIONS, proved by gaps first..last-1."""
    f, clock = s.solutions, s.solutions.clock[solution]
    if not says_time(f, solution):
        return
    basis = ANSWERED_ONLY
    if f.time_high[solution] == ABSENT or not prove_idle(s, clock, first, last, TELLS_NOTHING):
        basis = SURVIVED_GAPS if prove_survived(s, clock, first, last) else FIRST_GAP
    elif f.is_time_known[solution] and f.time[solution] != ABSENT:
        if not prove_idle(s, clock, first, last, latest_ns(s.clocks, clock, f.time[solution])):
            prove_idle(s, clock, first, last, TELLS_NOTHING)
        basis = ANSWERED_CYCLE
        for gap in range(first, last):
            if s.corrected.is_proof[gap] and s.corrected.kind[gap] == FIRST:
                basis = FIRST_GAP
    note_setting(found, row, basis, milli(f.time_low[solution]), milli(f.time_high[solution]), s.corrected, first, last)
    if f.is_time_known[solution]:
        found.settings.value[row] = value_of(s, solution, f.time[solution], found.settings, row)


def prove_survived(s: Search, clock: int, first: int, last: int) -> int:
    """Mark the survived idle times as proof; return how many.

    Without any, mark the idle times before a probe, whatever was heard in them, and return 0.
    """
    corrected, proofs = s.corrected, 0
    forget_proofs(corrected, first, last)
    for gap in range(first, last):
        if corrected.is_measure[gap] and corrected.kind[gap] == SURVIVED:
            proofs += prove(corrected, gap, idle_ns_of(s, clock, gap))
    for gap in range(first, last if not proofs else first):
        if is_idle(corrected.kind[gap]) and corrected.heard_ns[gap] >= 0:
            prove(corrected, gap, idle_ns_of(s, clock, gap))
    return proofs


def value_of(s: Search, solution: int, value: int, settings: Any, row: int) -> int:
    """Return the likeliest value in seconds, ABSENT if the gaps do not determine it.

    If only a slow timer explains several seconds, its setting may have parts of a second. Then it is the second that
    all observations are near to, or the one that is set far more often than the others, else none.
    """
    low, high = settings.low_ms[row] // MILLI, settings.high_ms[row] // MILLI
    if s.solutions.clocks[solution] & ~SLOW or low == high or high < low:
        return value
    nearest: int = (settings.shortest_ns[row] + SECOND // 2) // SECOND
    off_ns = max(abs(settings.shortest_ns[row] - nearest * SECOND), abs(settings.longest_ns[row] - nearest * SECOND))
    if off_ns <= NEAR_NS and low <= nearest <= high:
        return nearest
    best = likeliest(s.prior, low, high)
    for other in range(low, high + 1):
        if other != best and weight(s.prior, other) > weight(s.prior, best) - FAR_LIKELIER:
            return ABSENT
    return best


def says_time(f: Any, solution: int) -> bool:
    """Tell whether the solution bounds the idle time at all."""
    return bool(f.clocks[solution] and (f.time_low[solution] > 1 or f.time_high[solution] != ABSENT))


@not_inlined
def prove_idle(s: Search, clock: int, first: int, last: int, longest_ns: int) -> int:
    """Mark idle times that a timer ended, and that may have been as short as `longest_ns`; return how many."""
    corrected, proofs = s.corrected, 0
    for gap in range(first, last):
        corrected.is_proof[gap] = 0
        if corrected.is_measure[gap] and is_idle(corrected.kind[gap]) and corrected.heard_ns[gap] >= 0:
            idle_ns = idle_ns_of(s, clock, gap)
            if (
                idle_ns
                - tolerance_ns(s.clocks, clock, idle_ns)
                - corrected.capture_rtt_ns[gap]
                - path_jitter_ns(s, gap, 0)
                <= longest_ns
            ):
                proofs += prove(corrected, gap, idle_ns)
    return proofs


@not_inlined
def note_intvl(s: Search, solution: int, first: int, last: int, found: Inferred, row: int) -> None:
    """Write the interval in row `solution` of SOLUTIONS, proved by gaps first..last-1."""
    f, corrected = s.solutions, s.corrected
    if not says_intvl(f, solution):
        return
    basis = SPACINGS
    if not prove_spacings(corrected, first, last):
        basis = ANSWERED_CYCLE if f.is_intvl_known[solution] else ANSWERED_ONLY
        for gap in range(first, last):
            if corrected.is_measure[gap] and is_idle(corrected.kind[gap]) and corrected.probe_ns[gap] >= 0:
                prove(corrected, gap, corrected.probe_ns[gap])
    note_setting(found, row, basis, milli(f.intvl_low[solution]), milli(f.intvl_high[solution]), corrected, first, last)
    if f.is_intvl_known[solution]:
        found.settings.value[row] = value_of(s, solution, f.intvl[solution], found.settings, row)


def says_intvl(f: Any, solution: int) -> bool:
    """Tell whether the solution bounds the interval at all."""
    return bool(f.clocks[solution] and (f.intvl_low[solution] > 1 or f.intvl_high[solution] != ABSENT))


def prove_spacings(corrected: Any, first: int, last: int) -> int:
    """Mark the intervals among the gaps as proof; return how many."""
    proofs = 0
    for gap in range(first, last):
        corrected.is_proof[gap] = 0
        if corrected.is_measure[gap] and is_intvl(corrected.kind[gap]) and corrected.probe_ns[gap] >= 0:
            proofs += prove(corrected, gap, corrected.probe_ns[gap])
    return proofs


def note_spread_of_time(s: Search, first: int, last: int, found: Inferred, row: int) -> None:
    """Write bounds around every idle time that any clock allows for these gaps, which contradict each other."""
    corrected, low, high, proofs = s.corrected, TELLS_NOTHING, 1, 0
    for clock in range(CLOCK_COUNT):
        least_ns, proofs = TELLS_NOTHING, 0
        for gap in range(first, last):
            corrected.is_proof[gap] = 0
            if is_idle(corrected.kind[gap]) and corrected.heard_ns[gap] >= 0:
                idle_ns = idle_ns_of(s, clock, gap)
                off_ns = tolerance_ns(s.clocks, clock, idle_ns)
                least_ns = min(least_ns, idle_ns - off_ns - corrected.capture_rtt_ns[gap] - path_jitter_ns(s, gap, 0))
                high = max(high, (idle_ns + off_ns) // SECOND)
                proofs += prove(corrected, gap, corrected.heard_ns[gap])
        if proofs:
            low = min(low, least_s(s.clocks, clock, least_ns))
    if proofs:
        note_setting(found, row, CONTRADICTORY, milli(low), milli(high), corrected, first, last)


def note_spread_of_intvl(s: Search, first: int, last: int, found: Inferred, row: int) -> None:
    """Write bounds around every interval that any clock allows for these gaps, which contradict each other."""
    corrected, low, high = s.corrected, TELLS_NOTHING, 1
    if not prove_spacings(corrected, first, last):
        return
    for clock in range(CLOCK_COUNT):
        least_ns = TELLS_NOTHING
        for gap in range(first, last):
            if corrected.is_proof[gap]:
                off_ns = tolerance_ns(s.clocks, clock, corrected.probe_ns[gap]) + path_jitter_ns(s, gap, 0)
                least_ns = min(least_ns, corrected.probe_ns[gap] - off_ns)
                high = max(high, (corrected.probe_ns[gap] + off_ns) // SECOND)
        low = min(low, least_s(s.clocks, clock, least_ns))
    note_setting(found, row, CONTRADICTORY, milli(low), milli(high), corrected, first, last)


def note_unprobed(s: Search, rows: int, is_whole: int, found: Inferred, row: int) -> None:
    """Write the lower bound of the idle time of an end that sent no probe.

    Keepalive is off, or its time is longer than every idle time that was survived. If a probe was answered before the
    capture began, the timer first runs for the interval, and no traffic re-arms it (tcp_timer.c tcp_keepalive_timer);
    then one of the two settings is longer.
    """
    corrected, longest = s.corrected, ABSENT
    for gap in range(rows):
        is_telling = corrected.slack_ns[gap] != TELLS_NOTHING
        if is_telling and (longest == ABSENT or corrected.heard_ns[gap] > corrected.heard_ns[longest]):
            longest = gap
    if longest == ABSENT:
        return
    low = TELLS_NOTHING
    for clock in range(LIKELY_COUNT):
        idle_ns = idle_ns_of(s, clock, longest)
        uncertain_ns = (
            corrected.capture_rtt_ns[longest]
            + path_jitter_ns(s, longest, corrected.jitter_ns[longest])
            + corrected.slack_ns[longest]
        )
        low = min(low, least_s(s.clocks, clock, idle_ns - tolerance_ns(s.clocks, clock, idle_ns) - uncertain_ns))
    if low > 1:
        prove(corrected, longest, corrected.heard_ns[longest])
        basis = SURVIVED_GAPS if is_whole else SURVIVED_EITHER
        note_setting(found, row, basis, milli(low if is_whole else 1), ABSENT, corrected, longest, longest + 1)


def is_give_up(corrected: Any, run_counts: Any, gap: int) -> bool:
    """Tell whether the gap is a give-up whose whole run was captured: of a probe at least."""
    return bool(corrected.kind[gap] == GIVE_UP and corrected.heard_ns[gap] >= 0 and run_counts.most[gap] > 0)


def sent_by(corrected: Any, run_counts: Any, gap: int) -> int:
    """Return how many unanswered probes, at least, were sent by the gap's end; a probe that ends it counts."""
    fewest: int = run_counts.fewest[gap]
    return fewest + (is_idle(corrected.kind[gap]) or corrected.kind[gap] == SPACING)


def note_probes(corrected: Any, run_counts: Any, rows: int, may_lack_one: bool, found: Inferred, row: int) -> None:
    """Write the count of unanswered probes at which the end gives up.

    A timer that sends a probe after n unanswered ones has a count above n (tcp_timer.c tcp_keepalive_timer). Missing
    probes count as well; at the prober itself only visible losses do. `may_lack_one` tells that one more probe may be
    missing, which widens the bounds.
    """
    longest = low = high = ABSENT
    for gap in range(rows):
        if corrected.kind[gap] != SURVIVED:
            longest = max(longest, sent_by(corrected, run_counts, gap))
        if is_give_up(corrected, run_counts, gap):
            fewest = max(run_counts.fewest[gap], 1)
            low = fewest if low == ABSENT else min(low, fewest)
            high = max(high, run_counts.most[gap])
    if longest <= 0:
        return
    for gap in range(rows):
        is_longest = corrected.kind[gap] != SURVIVED and sent_by(corrected, run_counts, gap) == longest
        corrected.is_proof[gap] = is_longest if low == ABSENT else is_give_up(corrected, run_counts, gap)
        corrected.shown_ns[gap] = 0
    if low == ABSENT:
        note_setting(found, row, RUN_LENGTH, milli(longest), ABSENT, corrected, 0, rows)
    elif longest > high:
        note_setting(found, row, CONTRADICTORY, milli(low), milli(longest), corrected, 0, rows)
    elif low < high:
        note_setting(found, row, GIVE_UP_COUNT, milli(low), milli(high), corrected, 0, rows)
    else:
        note_setting(found, row, GIVE_UP_COUNT, milli(low), milli(low + may_lack_one), corrected, 0, rows)
        found.settings.value[row] = low


def note_ceased(corrected: Any, rows: int, found: Inferred, row: int) -> None:
    """Write the count of unanswered probes after which the end gave up in silence, as stacks other than Linux do.

    The next probe is overdue by far when the capture ends. A user timeout between the last and the next would have
    looked the same. `row` is the first of the end's settings.
    """
    t, probes = found.settings, row + PROBES
    longest_ms: int = t.high_ms[row + INTVL]
    if t.basis[probes] != RUN_LENGTH or t.basis[row + INTVL] == ABSENT or longest_ms == ABSENT:
        return
    last = ABSENT
    for gap in range(rows):
        corrected.is_proof[gap] = 0
        count_ms = milli(corrected.unanswered[gap])
        is_over = corrected.kind[gap] == PENDING and corrected.probe_ns[gap] > CEASED_AFTER * longest_ms * MILLISECOND
        if is_over and count_ms == t.low_ms[probes]:
            t.basis[probes], t.high_ms[probes], t.value[probes] = CEASED, count_ms, corrected.unanswered[gap]
            if last != ABSENT and prove(corrected, last, corrected.heard_ns[last]):
                low_ms = rounded_ms(corrected.heard_ns[last])
                note_setting(
                    found, row + USER_TIMEOUT, USER_TIMEOUT_ALTERNATIVE, low_ms, low_ms + longest_ms, corrected, 0, gap
                )
        elif corrected.kind[gap] != SURVIVED and corrected.heard_ns[gap] >= 0:
            last = gap


def note_user_timeout(corrected: Any, run_counts: Any, rows: int, found: Inferred, row: int) -> None:
    """Write the user timeouts that would have ended every run as it ended: after its last probe, and by its RST.

    The timer compares the user timeout only when it fires, and never before the first probe (tcp_timer.c
    tcp_keepalive_timer).
    """
    low, high = 0, TELLS_NOTHING
    for gap in range(rows):
        corrected.is_proof[gap] = 0
        if is_give_up(corrected, run_counts, gap):
            heard_ns = corrected.heard_ns[gap]
            prove(corrected, gap, heard_ns)
            high = min(high, heard_ns + run_counts.unheard_ns[gap])
            if corrected.unanswered[gap] > 1:
                low = max(low, heard_ns - corrected.probe_ns[gap] - corrected.capture_rtt_ns[gap])
    if low < high < TELLS_NOTHING and rounded_ms(high) > 0:  # of less than a millisecond there is none
        note_setting(found, row, USER_TIMEOUT_ALTERNATIVE, rounded_ms(low), rounded_ms(high), corrected, 0, rows)


def rounded_ms(duration_ns: int) -> int:
    """Return the duration in ms, the unit of TCP_USER_TIMEOUT."""
    return (duration_ns + MILLISECOND // 2) // MILLISECOND
