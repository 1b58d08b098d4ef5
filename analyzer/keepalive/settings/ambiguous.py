"""Which gaps are ambiguous: one more loss than those that show could have made them, and nothing confirms them.

Bounds must hold whatever such a loss could have made of a gap, so each ambiguous gap is also explained as if it had
happened.
"""

from typing import Any

from analyzer.keepalive.settings.bounds import MILLISECOND
from analyzer.keepalive.settings.constraints import TELLS_NOTHING
from analyzer.keepalive.settings.losses import idle_slack_ns, is_unheard
from analyzer.keepalive.settings.observations import is_idle, is_intvl
from analyzer.keepalive.settings.typical import (
    EndWork,
    count_below,
    intvls_in,
    lateness_ns,
    may_be_cycle,
    off_ns,
    sort,
)
from analyzer.keepalive.story.values import AGREES, CYCLE, GIVE_UP, SPACING, UNHEARD, UNSEEN, UNTOLD
from analyzer.schema import ABSENT

MAX_AMBIGUOUS = 4
"""Most gaps that are treated as ambiguous, one at a time."""


def allow_for_uneven(corrected: Any, rows: int, run_counts: Any) -> None:
    """Widen what was counted by a give-up where a spacing of its run is far longer than others, and nothing was known
    to be missing: it lacks probes, or the run began after it, and the answer before is missing."""
    first = 0
    for gap in range(rows):
        kind = corrected.kind[gap]
        if (kind != SPACING and kind != GIVE_UP) or corrected.is_restart[gap]:
            first = gap + 1
        elif kind == GIVE_UP:
            widen(corrected, first, gap, run_counts)
            first = gap + 1


def widen(corrected: Any, first: int, give_up: int, run_counts: Any) -> None:
    """Widen the count of the run whose spacings are first..give_up."""
    least_ns = corrected.probe_ns[give_up]
    for gap in range(first, give_up):
        if corrected.probe_ns[gap] > 0:
            least_ns = min(least_ns, corrected.probe_ns[gap])
    since_odd, more, is_uneven = 1, 0, False
    for gap in range(first, give_up + 1):
        length_ns = corrected.probe_ns[gap]
        if 2 * length_ns > 3 * least_ns and corrected.most[gap] == 0:
            since_odd, more, is_uneven = 0, more + (2 * length_ns + least_ns) // (2 * least_ns) - 1, True
        since_odd += gap < give_up
    if is_uneven:
        run_counts.fewest[give_up] = min(run_counts.fewest[give_up], max(since_odd, 1))
        run_counts.most[give_up] = max(run_counts.most[give_up], corrected.unanswered[give_up] + more)


def may_all_be_cycles(work: EndWork, rows: int, longest_ms: int) -> bool:
    """Tell whether each spacing is as long as the cycles, follows a single probe without an answer, and no timestamp
    tells whether the prober heard one: then answers may merely be missing, and no spacing is an interval.

    Cycles that are longer than the longest idle time are intervals themselves.
    """
    gaps, found, longest_ns = work.gaps, 0, longest_ms * MILLISECOND
    if longest_ms != ABSENT and longest_ns + lateness_ns(longest_ns) < work.typical.cycle_ns[0]:
        return False
    for gap in range(rows):
        if is_intvl(gaps.kind[gap]):
            is_single = gaps.kind[gap] == SPACING and gaps.unanswered[gap] == 1 and gaps.echo[gap] == UNTOLD
            if not is_single or not may_be_cycle(work.typical, gaps.probe_ns[gap]):
                return False
            found += 1
    return found > 0


def is_unsure(corrected: Any, rows: int) -> bool:
    """Tell whether every captured idle time may be longer than its timer ran, as something of this end is missing."""
    idle = lone = unseen = has_uncaptured = 0
    has_hole = False
    for gap in range(rows):
        kind = corrected.kind[gap]
        if is_idle(kind) or is_intvl(kind):
            has_hole = has_hole or corrected.most[gap] > 0 or corrected.slack_ns[gap] == TELLS_NOTHING
        if is_idle(kind) and corrected.heard_ns[gap] >= 0:
            idle, lone = idle + 1, gap
            unseen += corrected.echo[gap] == UNSEEN
            has_uncaptured += corrected.has_uncaptured[gap] and corrected.missing[gap] < 0
    if idle == 1 and (has_uncaptured or (corrected.missing[lone] != 0 and has_hole)):
        return True
    return idle > 0 and unseen == idle


def note_ambiguities(work: EndWork, rows: int) -> int:
    """Write the idle times that nothing confirms to AMBIGUITIES; return how many.

    A first gap may be an interval longer than the idle time. So may an answered cycle; or it is an interval, because
    the answer was lost.
    """
    corrected, ambiguities, found = work.corrected, work.ambiguities, 0
    known = known_idle(work, rows)
    sort(work.lengths, known)
    for gap in range(rows):
        if found < MAX_AMBIGUOUS and is_sharp_idle(corrected, gap):
            heard_ns = corrected.heard_ns[gap]
            allowed = off_ns(work.typical, heard_ns)
            shorter = count_below(work.lengths, known, heard_ns - allowed)
            as_long = count_below(work.lengths, known, heard_ns + allowed + 1) - shorter
            if is_unconfirmed(work, gap, as_long, known):
                ambiguities.gap[found], ambiguities.slack_ns[found] = gap, idle_slack_ns(corrected, gap, work.typical)
                found += 1
    return found


def note_lone_spacing(work: EndWork, rows: int, found: int) -> int:
    """Add the only spacing to AMBIGUITIES, behind the `found` rows there; return how many were added, 1 or 0.

    A lone spacing may be two intervals, unless identifications show that nothing is missing in it.
    """
    corrected = work.corrected
    gap = lone_spacing(corrected, rows)
    if gap == ABSENT or not corrected.missing[gap]:
        return 0
    work.ambiguities.gap[found], work.ambiguities.slack_ns[found] = gap, corrected.probe_ns[gap] // 2
    return 1


def known_idle(work: EndWork, rows: int) -> int:
    """Write the sharp idle times to LENGTHS, to be sorted; return how many."""
    found = 0
    for gap in range(rows):
        if is_sharp_idle(work.corrected, gap):
            work.lengths.sorted_ns[found] = work.corrected.heard_ns[gap]
            found += 1
    return found


def is_sharp_idle(corrected: Any, gap: int) -> bool:
    """Tell whether the gap is an idle time that is believed to the last tick."""
    return bool(not corrected.slack_ns[gap] and is_idle(corrected.kind[gap]) and corrected.heard_ns[gap] >= 0)


def lone_spacing(corrected: Any, rows: int) -> int:
    """Return the row of the only sharp spacing, -1 if there are none or several."""
    found = ABSENT
    for gap in range(rows):
        if not corrected.slack_ns[gap] and is_intvl(corrected.kind[gap]) and corrected.probe_ns[gap] >= 0:
            if found != ABSENT:
                return ABSENT
            found = gap
    return found


def is_unconfirmed(work: EndWork, gap: int, as_long: int, known: int) -> bool:
    """Tell whether no other known gap is as long, and one interval more would not show in its length.

    `as_long` of the `known` gaps are as long, itself included.
    """
    if as_long > 1:
        return False
    corrected, typical = work.corrected, work.typical
    heard_ns, missing, is_a_cycle = corrected.heard_ns[gap], corrected.missing[gap], corrected.kind[gap] == CYCLE
    may_be_unheard = is_a_cycle and corrected.echo[gap] != AGREES
    is_intvls = may_be_unheard and intvls_in(typical, corrected.probe_ns[gap], 0) > 0
    if missing == 0:
        return bool(is_intvls or (may_be_unheard and typical.intvl_ns[0] < 0))
    in_band = typical.intvl_ns[0] <= lateness_ns(heard_ns) + off_ns(typical, heard_ns)
    return bool(missing > 0 or known == 1 or typical.cycle_ns[0] < 0 or in_band or is_intvls)


def may_lack_one(work: EndWork, rows: int) -> bool:
    """Tell whether the last run may lack one more probe, or one more answer unheard, and leave the same gaps."""
    corrected, opening = work.corrected, ABSENT
    for gap in range(rows):
        if opens_run(corrected, gap):
            opening = gap
    lone = lone_spacing(corrected, rows)
    if opening == ABSENT or (lone != ABSENT and corrected.missing[lone] != 0):
        return True
    if corrected.echo[opening] == UNSEEN:
        return False  # counted already
    is_a_cycle = corrected.kind[opening] == CYCLE and corrected.echo[opening] != AGREES
    if is_a_cycle and intvls_in(work.typical, corrected.probe_ns[opening], 0) == 1:
        return True
    if corrected.slack_ns[opening] == TELLS_NOTHING:
        return False
    heard_ns, known, as_long = corrected.heard_ns[opening], known_idle(work, rows), 0
    for gap in range(known):
        as_long += abs(work.lengths.sorted_ns[gap] - heard_ns) <= off_ns(work.typical, heard_ns)
    return is_unconfirmed(work, opening, as_long, known)


def opens_run(corrected: Any, gap: int) -> bool:
    """Tell whether the run of unanswered probes seems to begin there, and no echo shows that the answer was unheard."""
    return bool((is_idle(corrected.kind[gap]) or is_unheard(corrected, gap)) and corrected.echo[gap] != UNHEARD)
