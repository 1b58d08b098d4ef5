"""Which of the gaps that were heard of an end its timer may have made, and what they then say of it.

Plain functions over columns: HEARD_GAPS in, the gaps of one end out.
"""

from typing import Any, NamedTuple

from analyzer.keepalive.settings.constraints import FAR_NS
from analyzer.keepalive.settings.losses import is_idle, is_intvl, is_open
from analyzer.keepalive.story.values import AGREES, CYCLE, FIRST, GIVE_UP, SPACING, UNTOLD
from analyzer.schema import NEVER

SHORTEST_NS = 900_000_000
"""The shortest setting is 1 s; no clock is so wrong."""


class Heard(NamedTuple):
    """What is known of many ends: columns of HEARD_GAPS and HEARD_ENDS."""

    gaps: Any
    ends: Any


def take_timed(heard: Heard, end: int, gaps: Any) -> int:
    """The gaps of an end, without what is shorter than any timer, or not known to have run since what was captured.

    Returns how many.
    """
    e, rows = heard.ends, 0
    first, last = e.first_gap[end], e.first_gap[end + 1]
    only = only_cycle(heard.gaps, first, last) if e.is_one_sided[end] else NEVER
    for row in range(first, last):
        if e.is_cut_off[end] and is_open(heard.gaps, row):
            continue
        if not e.is_whole[end] and is_lone_opening(heard.gaps, row, last):
            continue
        if e.is_one_sided[end] and not (row == only or (only == NEVER and is_sure_intvl(heard.gaps, row))):
            continue
        copy(heard.gaps, row, gaps, rows)
        if e.is_one_sided[end]:
            read_one_side(gaps, rows)
        if e.has_company[end] and gaps.missing[rows] > 0 and not gaps.is_numbered[rows]:
            gaps.missing[rows] = NEVER
        if has_crossed(gaps, rows):
            gaps.kind[rows], gaps.heard_ns[rows], gaps.any_ns[rows] = FIRST, NEVER, NEVER
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


def copy(heard: Any, row: int, gaps: Any, it: int) -> None:
    """What is longer than FAR_NS is so long."""
    gaps.kind[it], gaps.frame[it], gaps.unanswered[it] = heard.kind[row], heard.frame[row], heard.unanswered[row]
    gaps.heard_ns[it] = min(heard.heard_ns[row], FAR_NS)
    gaps.any_ns[it] = min(heard.any_ns[row], FAR_NS)
    gaps.speech_ns[it] = min(heard.speech_ns[row], FAR_NS)
    gaps.probe_ns[it] = min(heard.probe_ns[row], FAR_NS)
    gaps.lag_ns[it] = min(heard.lag_ns[row], FAR_NS)
    gaps.missing[it], gaps.is_numbered[it] = heard.missing[row], heard.is_numbered[row]
    gaps.echo[it], gaps.is_torn[it], gaps.ceilings[it] = heard.echo[row], heard.is_torn[row], heard.ceilings[row]


def is_sure_intvl(gaps: Any, row: int) -> bool:
    """Also where answers are not captured: the wait for the give-up, and the time between probes that echo the same."""
    return bool(gaps.kind[row] == GIVE_UP or (gaps.kind[row] == SPACING and gaps.echo[row] == AGREES))


def only_cycle(gaps: Any, first: int, last: int) -> int:
    """Where nothing else is known of one direction: the shortest time between two probes, -1 if something is.

    It is the longer of time and interval, or more.
    """
    shortest = NEVER
    for row in range(first, last):
        if is_sure_intvl(gaps, row):
            return NEVER
        if gaps.kind[row] == SPACING and (shortest == NEVER or gaps.probe_ns[row] < gaps.probe_ns[shortest]):
            shortest = row
    return shortest


def read_one_side(gaps: Any, it: int) -> None:
    """What is left of a gap where the other end is not in the capture at all, so that answers are not either."""
    if is_sure_intvl(gaps, it):
        gaps.unanswered[it] = 1
        return
    idle_ns = gaps.probe_ns[it]
    gaps.kind[it], gaps.unanswered[it], gaps.echo[it] = CYCLE, 0, UNTOLD
    gaps.heard_ns[it] = gaps.any_ns[it] = gaps.speech_ns[it] = idle_ns


def has_crossed(gaps: Any, it: int) -> bool:
    """What passed the capture point so shortly before the probe met it on its way: the prober had not heard it."""
    return bool(
        is_idle(gaps.kind[it]) and 0 <= gaps.heard_ns[it] <= gaps.lag_ns[it] and gaps.probe_ns[it] >= SHORTEST_NS
    )


def is_sub_second(gaps: Any, it: int) -> bool:
    """Shorter than any keepalive timer of whole seconds: macOS asks so soon whether a read stalls."""
    if is_intvl(gaps.kind[it]):
        return bool(0 <= gaps.probe_ns[it] < SHORTEST_NS)
    return is_idle(gaps.kind[it]) and 0 <= max(gaps.heard_ns[it], gaps.speech_ns[it]) < SHORTEST_NS
