"""What is typical of one end: its interval and its cycle, as those of its gaps show them that no loss has changed.

Plain functions over columns (TYPICAL, one row): how they are found, and how a duration compares with them.
"""

from typing import Any, NamedTuple

from analyzer.engine.dispatch import not_inlined
from analyzer.keepalive.settings.constraints import DRIFT_SHIFT, HOST_DELAY_NS
from analyzer.keepalive.story.values import CYCLE, FIRST, GIVE_UP, SPACING, UNHEARD, UNSEEN
from analyzer.schema import ABSENT

TICKS_NS = 20_000_000 + HOST_DELAY_NS
"""Two ticks of the slowest clock, and the host's delay."""
MAX_IN_BAND = 2
"""Most probes in a row that may be lost without any other sign."""
FEW = 8
"""Number of cycles up to which each is tried as the typical one; of more only the median is."""
UNEXPLAINED = 3
"""As many losses as an unexplained gap counts for."""


class EndWork(NamedTuple):
    """Columns in which the gaps of one end are prepared for the search."""

    gaps: Any
    """The gaps that a timer may have made, as they were captured, in the columns of OBSERVED_GAPS."""
    corrected: Any
    """The same gaps as the prober measured them."""
    typical: Any
    lengths: Any
    ambiguities: Any
    run_counts: Any


def lateness_ns(duration_ns: int) -> int:
    """Return the most that any wheel makes a timer late, in ns (timer.c: 8 of 63 at a level's lower end)."""
    return duration_ns * 8 // 63


def off_ns(typical: Any, duration_ns: int) -> int:
    """Return by how much a captured duration may differ from the timer's, in ns."""
    jitter_ns: int = typical.jitter_ns[0]
    return jitter_ns + TICKS_NS + (duration_ns >> DRIFT_SHIFT)


@not_inlined
def intvls_in(typical: Any, duration_ns: int, is_on_grid: int) -> int:
    """Return how many intervals the duration is, 0 if not a whole number; all are equal except the first of a run."""
    intvl_ns: int = typical.intvl_ns[0]
    if intvl_ns <= 0:
        return 0
    times = (duration_ns + intvl_ns // 2) // intvl_ns
    allowed = off_ns(typical, duration_ns)
    if not is_on_grid:
        allowed += lateness_ns(intvl_ns)
    return times if abs(duration_ns - times * intvl_ns) <= min(allowed, intvl_ns // 3) else 0


def is_cycle(typical: Any, duration_ns: int) -> bool:
    """Tell whether the duration is as long as the typical cycle."""
    cycle_ns: int = typical.cycle_ns[0]
    return cycle_ns > 0 and abs(duration_ns - cycle_ns) <= off_ns(typical, duration_ns)


def may_be_cycle(typical: Any, duration_ns: int) -> bool:
    """Tell whether the timer of the typical cycle may have made this duration, each of both late in its own way."""
    cycle_ns: int = typical.cycle_ns[0]
    longer = max(duration_ns, cycle_ns)
    return abs(duration_ns - cycle_ns) <= lateness_ns(longer) + off_ns(typical, longer)


def is_cycle_an_intvl(typical: Any) -> bool:
    """Tell whether the cycle is one interval: then the next probe comes at the same time with or without an answer."""
    return bool(typical.cycle_ns[0] > 0 and intvls_in(typical, typical.cycle_ns[0], 0) == 1)


def one_more_ns(typical: Any, duration_ns: int) -> int:
    """Return by how much one lost probe may have lengthened a gap, in ns; an interval above the idle time is rare."""
    intvl_ns: int = typical.intvl_ns[0]
    if intvl_ns > 0:
        return min(intvl_ns + lateness_ns(intvl_ns) + off_ns(typical, intvl_ns), max(duration_ns, 0))
    return max(duration_ns, 0) // 2


def most_in(typical: Any, duration_ns: int) -> int:
    """Return how many intervals fit into the duration: the most probes that may be missing in it."""
    intvl_ns: int = typical.intvl_ns[0]
    return duration_ns // intvl_ns if intvl_ns > 0 else 1


@not_inlined
def lost_in_cycle(typical: Any, duration_ns: int, was_typical: int) -> tuple[int, int, int]:
    """Return how many probes were lost in a gap longer than the typical cycle: at least, most likely, at most.

    Each adds an interval, beside what the timer may be late.
    """
    cycle_ns, intvl_ns = typical.cycle_ns[0], typical.intvl_ns[0]
    longer_ns = duration_ns - cycle_ns
    lost = intvls_in(typical, longer_ns, 0)
    if lost and is_cycle(typical, duration_ns // ((duration_ns + cycle_ns // 2) // cycle_ns)):
        return 0, lost, lost  # or a probe was not captured, and its answer neither
    if intvl_ns < 0:
        is_lost = int(was_typical or not may_be_cycle(typical, duration_ns))
        return 0, is_lost, is_lost
    if may_be_cycle(typical, duration_ns):
        if not 0 < lost <= MAX_IN_BAND:
            return 0, 0, 0
        return lost if was_typical else 0, lost, lost
    if lost and (was_typical or (typical.is_repeated[0] and intvl_ns > lateness_ns(cycle_ns))):
        return lost, lost, lost
    return 0, max(1, lost), max(1, (longer_ns + lateness_ns(cycle_ns)) // intvl_ns + 1)


@not_inlined
def lost_in_first(typical: Any, duration_ns: int) -> tuple[int, int, int]:
    """Return how many probes were lost in a gap after traffic: at least, most likely, at most.

    If the interval is longer than the idle time, cycles do not show the idle time.
    """
    if is_cycle_an_intvl(typical) and not may_be_cycle(typical, duration_ns):
        cycle_ns, intvl_ns = typical.cycle_ns[0], typical.intvl_ns[0]
        beyond_ns = duration_ns - cycle_ns - lateness_ns(cycle_ns) - off_ns(typical, duration_ns)
        times = max(1, -(-beyond_ns // intvl_ns))
        return 0, times, max(times, duration_ns // intvl_ns)
    return lost_in_cycle(typical, duration_ns, 0)


def is_cycle_and_intvls(typical: Any, duration_ns: int, times: int) -> bool:
    """Tell whether the duration is a cycle and so many intervals rather than several cycles.

    The answers of several cycles would not have been captured either.
    """
    cycle_ns, intvl_ns = typical.cycle_ns[0], typical.intvl_ns[0]
    if intvl_ns <= 0 or cycle_ns <= 0:
        return False
    allowed = off_ns(typical, duration_ns)
    by_intvls, by_cycles = cycle_ns + times * intvl_ns, (times + 1) * cycle_ns
    return bool(abs(duration_ns - by_intvls) <= allowed + lateness_ns(intvl_ns) < abs(duration_ns - by_cycles))


def is_after_unheard(gaps: Any, gap: int) -> bool:
    """Tell whether a first gap follows an answer that its prober did not hear, to a probe that was not captured."""
    return bool(gaps.kind[gap] == FIRST and gaps.echo[gap] == UNHEARD)


def kind_as_heard(gaps: Any, gap: int) -> int:
    """Return the gap's kind as its prober measured it, -1 if it shows nothing typical.

    After an answer that the prober did not hear comes a spacing.
    """
    echo = gaps.echo[gap]
    if echo == UNSEEN or is_after_unheard(gaps, gap):
        return ABSENT
    kind: int = gaps.kind[gap]
    return SPACING if echo == UNHEARD else kind


def find_typical(work: EndWork, rows: int) -> None:
    """Find the typical interval, cycle and jitter of the end whose gaps these are."""
    typical, lengths, cycles, firsts, capture_rtt_ns = work.typical, work.lengths, 0, 0, 0
    for gap in range(rows):
        kind = kind_as_heard(work.gaps, gap)
        if kind == ABSENT:
            continue
        capture_rtt_ns = max(capture_rtt_ns, work.gaps.capture_rtt_ns[gap])
        if kind == CYCLE and work.gaps.probe_ns[gap] > 0:
            lengths.cycle_ns[cycles] = work.gaps.probe_ns[gap]
            cycles += 1
        elif kind == FIRST and work.gaps.heard_ns[gap] > 0:
            lengths.first_ns[firsts] = work.gaps.heard_ns[gap]
            firsts += 1
    typical.cycle_ns[0], typical.jitter_ns[0], typical.is_repeated[0] = ABSENT, capture_rtt_ns // 2, 0
    typical.intvl_ns[0] = intvl_of(lengths, note_spacings(work, rows, 0))
    on_grid = note_spacings(work, rows, 1)
    if on_grid:
        sort(lengths, on_grid)
        typical.intvl_ns[0] = lengths.sorted_ns[on_grid // 2]
        typical.jitter_ns[0] = max(capture_rtt_ns // 2, lengths.sorted_ns[on_grid - 1] - lengths.sorted_ns[0])
    find_cycle(work, cycles, firsts)
    if typical.intvl_ns[0] < 0:
        typical.intvl_ns[0] = intvl_of(lengths, note_short(work, cycles))


def note_spacings(work: EndWork, rows: int, is_on_grid: int) -> int:
    """Write the spacings without a hole to LENGTHS; return how many.

    `is_on_grid` chooses those that are one interval for sure, between two ticks of its timer.
    """
    gaps, found = work.gaps, 0
    for gap in range(rows):
        kind, probe_ns = kind_as_heard(gaps, gap), gaps.probe_ns[gap]
        if (kind == SPACING or kind == GIVE_UP) and probe_ns > 0 and gaps.missing[gap] <= 0:
            unanswered = 1 if gaps.echo[gap] == UNHEARD else gaps.unanswered[gap]
            if not is_on_grid or (unanswered >= 2 and intvls_in(work.typical, probe_ns, 0) == 1):
                work.lengths.sorted_ns[found] = probe_ns
                found += 1
    return found


def note_short(work: EndWork, cycles: int) -> int:
    """Write the cycles that are too short for the typical one to LENGTHS; return how many."""
    found = 0
    for gap in range(cycles):
        cycle_ns = work.lengths.cycle_ns[gap]
        if cycle_ns < work.typical.cycle_ns[0] and not may_be_cycle(work.typical, cycle_ns):
            work.lengths.sorted_ns[found] = cycle_ns
            found += 1
    return found


@not_inlined
def intvl_of(lengths: Any, count: int) -> int:
    """Return the median of the spacings that no loss made longer, in ns, -1 without any; losses only lengthen."""
    if not count:
        return ABSENT
    values, whole = lengths.sorted_ns, 0
    least_ns = values[0]
    for gap in range(1, count):
        least_ns = min(least_ns, values[gap])
    for gap in range(count):
        if 2 * values[gap] < 3 * least_ns:
            values[whole] = values[gap]
            whole += 1
    sort(lengths, whole)
    middle_ns: int = values[whole // 2]
    return middle_ns


def find_cycle(work: EndWork, cycles: int, firsts: int) -> None:
    """Find the typical cycle: the one that requires the fewest losses.

    Of equals it is the one that most cycles have, then the shortest.
    """
    typical, lengths = work.typical, work.lengths
    for gap in range(cycles):
        lengths.sorted_ns[gap] = lengths.cycle_ns[gap]
    tried = cycles
    if cycles > FEW:
        sort(lengths, cycles)
        lengths.sorted_ns[0], tried = lengths.sorted_ns[(cycles - 1) // 2], 1
    if not tried or (typical.intvl_ns[0] > 0 and cycles + firsts <= FEW):
        for gap in range(min(firsts, FEW)):
            lengths.sorted_ns[tried] = lengths.first_ns[gap]
            tried += 1
    if tried < 2 and not cycles:
        return
    best_ns = fewest = fewest_others = ABSENT
    for gap in range(tried):
        cycle_ns = lengths.sorted_ns[gap]
        typical.cycle_ns[0] = cycle_ns
        total, others = count_losses(work, cycles, firsts), 0
        for other in range(cycles):
            others += not is_cycle(typical, lengths.cycle_ns[other])
        is_better = total < fewest or (
            total == fewest and (others < fewest_others or (others == fewest_others and cycle_ns < best_ns))
        )
        if best_ns == ABSENT or is_better:
            best_ns, fewest, fewest_others = cycle_ns, total, others
    typical.cycle_ns[0], typical.is_repeated[0] = best_ns, cycles - fewest_others > 1


@not_inlined
def count_losses(work: EndWork, cycles: int, firsts: int) -> int:
    """Return how many losses the gaps require if the cycle in TYPICAL is the typical one."""
    typical, lengths, total, is_known = work.typical, work.lengths, 0, False
    cycle_ns = typical.cycle_ns[0]
    for gap in range(cycles):
        other_ns = lengths.cycle_ns[gap]
        is_known = is_known or other_ns == cycle_ns
        if not may_be_cycle(typical, other_ns):
            lost = intvls_in(typical, other_ns - cycle_ns if other_ns > cycle_ns else other_ns, 0)
            if not lost:
                lost = 1 if typical.intvl_ns[0] < 0 else UNEXPLAINED
            total += min(lost, UNEXPLAINED)
    may_be_above = is_known and (typical.intvl_ns[0] < 0 or intvls_in(typical, cycle_ns, 0) == 1)
    for gap in range(firsts):
        first_ns = lengths.first_ns[gap]
        if first_ns > cycle_ns:
            _, lost, _ = lost_in_first(typical, first_ns)
            total += min(lost, UNEXPLAINED)
        elif not may_be_above and not may_be_cycle(typical, first_ns):
            total += UNEXPLAINED  # only an interval longer than the idle time makes cycles longer than a first gap
    return total


@not_inlined
def sort(lengths: Any, count: int) -> None:
    """Sort the first `count` of LENGTHS.sorted_ns: a merge sort whose runs double in length."""
    values, spare, width = lengths.sorted_ns, lengths.spare_ns, 1
    while width < count:
        for first in range(0, count - width, 2 * width):
            middle, last = first + width, min(first + 2 * width, count)
            left, right = first, middle
            if values[middle - 1] <= values[middle]:
                continue
            for gap in range(first, last):
                if right == last or (left < middle and values[left] <= values[right]):
                    spare[gap] = values[left]
                    left += 1
                else:
                    spare[gap] = values[right]
                    right += 1
            for gap in range(first, last):
                values[gap] = spare[gap]
        width *= 2


def count_below(lengths: Any, count: int, duration_ns: int) -> int:
    """Return how many of the sorted lengths are shorter."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if lengths.sorted_ns[middle] < duration_ns:
            low = middle + 1
        else:
            high = middle
    return low
