"""Which of the gaps that were heard of an end its timer may have made, and what they then say of it.

Plain functions over columns: HEARD_GAPS in, the gaps of one end out.
"""

from typing import Any, NamedTuple

from analyzer.keepalive.settings.constraints import FAR_NS
from analyzer.keepalive.settings.losses import is_idle, is_intvl, is_open
from analyzer.keepalive.story.values import AGREES, CYCLE, FIRST, GIVE_UP, SPACING, UNTOLD
from analyzer.schema import ABSENT

SHORTEST_NS = 900_000_000
"""The shortest setting is 1 s; no clock is so wrong."""


class Observations(NamedTuple):
    """What is known of many ends: columns of HEARD_GAPS and HEARD_ENDS."""

    gaps: Any
    ends: Any


def copy_timed(observed: Observations, end: int, gaps: Any) -> int:
    """The gaps of an end, without what is shorter than any timer, or not known to have run since what was captured.

    Returns how many.
    """
    e, rows = observed.ends, 0
    first, last = e.first_gap[end], e.first_gap[end + 1]
    only = only_cycle(observed.gaps, first, last) if e.is_one_sided[end] else ABSENT
    for row in range(first, last):
        if e.is_cut_off[end] and is_open(observed.gaps, row):
            continue
        if not e.is_whole[end] and is_lone_opening(observed.gaps, row, last):
            continue
        if e.is_one_sided[end] and not (row == only or (only == ABSENT and is_sure_intvl(observed.gaps, row))):
            continue
        copy(observed.gaps, row, gaps, rows)
        if e.is_one_sided[end]:
            read_one_side(gaps, rows)
        if e.has_company[end] and gaps.missing[rows] > 0 and not gaps.is_numbered[rows]:
            gaps.missing[rows] = ABSENT
        if has_crossed(gaps, rows):
            gaps.kind[rows], gaps.heard_ns[rows], gaps.any_ns[rows] = FIRST, ABSENT, ABSENT
            rows += 1
        elif not is_sub_second(gaps, rows):
            rows += 1
    return rows


def is_lone_opening(gaps: Any, row: int, last: int) -> bool:
    """Between the first two segments of a capture that begins in mid-stream, both probes, and then no third one alike.

    The other end was not heard before: the first probe may have been answered, or others between them be missing, as
    well as an interval have passed. What goes on unanswered shows which it was.
    """
    is_opening = gaps.kind[row] == SPACING and gaps.unanswered[row] == 1 and gaps.any_ns[row] < 0 <= gaps.probe_ns[row]
    return bool(is_opening and not (row + 1 < last and is_intvl(gaps.kind[row + 1]) and gaps.unanswered[row + 1] == 2))


def copy(observed: Any, row: int, gaps: Any, gap: int) -> None:
    """What is longer than FAR_NS is so long."""
    gaps.kind[gap], gaps.frame[gap], gaps.unanswered[gap] = (
        observed.kind[row],
        observed.frame[row],
        observed.unanswered[row],
    )
    gaps.heard_ns[gap] = min(observed.heard_ns[row], FAR_NS)
    gaps.any_ns[gap] = min(observed.any_ns[row], FAR_NS)
    gaps.since_new_segment_ns[gap] = min(observed.since_new_segment_ns[row], FAR_NS)
    gaps.probe_ns[gap] = min(observed.probe_ns[row], FAR_NS)
    gaps.capture_rtt_ns[gap] = min(observed.capture_rtt_ns[row], FAR_NS)
    gaps.missing[gap], gaps.is_numbered[gap] = observed.missing[row], observed.is_numbered[row]
    gaps.echo[gap], gaps.has_uncaptured[gap], gaps.ceilings[gap] = (
        observed.echo[row],
        observed.has_uncaptured[row],
        observed.ceilings[row],
    )


def is_sure_intvl(gaps: Any, row: int) -> bool:
    """Also where answers are not captured: the wait for the give-up, and the time between probes that echo the same."""
    return bool(gaps.kind[row] == GIVE_UP or (gaps.kind[row] == SPACING and gaps.echo[row] == AGREES))


def only_cycle(gaps: Any, first: int, last: int) -> int:
    """Where nothing else is known of one direction: the shortest time between two probes, -1 if something is.

    It is the longer of time and interval, or more.
    """
    shortest = ABSENT
    for row in range(first, last):
        if is_sure_intvl(gaps, row):
            return ABSENT
        if gaps.kind[row] == SPACING and (shortest == ABSENT or gaps.probe_ns[row] < gaps.probe_ns[shortest]):
            shortest = row
    return shortest


def read_one_side(gaps: Any, gap: int) -> None:
    """What is left of a gap where the other end is not in the capture at all, so that answers are not either."""
    if is_sure_intvl(gaps, gap):
        gaps.unanswered[gap] = 1
        return
    idle_ns = gaps.probe_ns[gap]
    gaps.kind[gap], gaps.unanswered[gap], gaps.echo[gap] = CYCLE, 0, UNTOLD
    gaps.heard_ns[gap] = gaps.any_ns[gap] = gaps.since_new_segment_ns[gap] = idle_ns


def has_crossed(gaps: Any, gap: int) -> bool:
    """What passed the capture point so shortly before the probe met it on its way: the prober had not heard it."""
    return bool(
        is_idle(gaps.kind[gap])
        and 0 <= gaps.heard_ns[gap] <= gaps.capture_rtt_ns[gap]
        and gaps.probe_ns[gap] >= SHORTEST_NS
    )


def is_sub_second(gaps: Any, gap: int) -> bool:
    """Shorter than any keepalive timer of whole seconds: macOS asks so soon whether a read stalls."""
    if is_intvl(gaps.kind[gap]):
        return bool(0 <= gaps.probe_ns[gap] < SHORTEST_NS)
    return is_idle(gaps.kind[gap]) and 0 <= max(gaps.heard_ns[gap], gaps.since_new_segment_ns[gap]) < SHORTEST_NS
