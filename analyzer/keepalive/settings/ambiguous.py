"""Which gaps are doubted: one more loss than those that show could have made them, and nothing confirms them.

Whatever it could have made of them must stay within the bounds, so each is also explained as if it had.
"""

from typing import Any

from analyzer.keepalive.settings.constraints import TELLS_NOTHING
from analyzer.keepalive.settings.counted import is_unheard
from analyzer.keepalive.settings.losses import idle_slack_ns, is_idle, is_intvl
from analyzer.keepalive.settings.typical import Lived, count_below, intvls_in, lateness_ns, off_ns, sort
from analyzer.keepalive.story.values import AGREES, CYCLE, UNHEARD, UNSEEN
from analyzer.schema import NEVER

MAX_DOUBTED = 4
"""So many gaps are doubted, one at a time."""


def is_unsure(seen: Any, rows: int) -> bool:
    """Every idle time that was captured may be longer than its timer ran: of this end something is missing."""
    idle = lone = vague = torn = 0
    has_hole = False
    for it in range(rows):
        kind = seen.kind[it]
        if is_idle(kind) or is_intvl(kind):
            has_hole = has_hole or seen.most[it] > 0 or seen.slack_ns[it] == TELLS_NOTHING
        if is_idle(kind) and seen.heard_ns[it] >= 0:
            idle, lone = idle + 1, it
            vague += seen.echo[it] == UNSEEN
            torn += seen.is_torn[it] and seen.missing[it] < 0
    if idle == 1 and (torn or (seen.missing[lone] != 0 and has_hole)):
        return True
    return idle > 0 and vague == idle


def note_doubts(lived: Lived, rows: int) -> int:
    """Idle times that nothing confirms, as DOUBTS: how many.

    A first gap may be an interval longer than the idle time; an answered cycle too, or it is an interval
    because the answer was lost.
    """
    seen, doubts, found = lived.seen, lived.doubts, 0
    knowns = known_idle(lived, rows)
    sort(lived.lengths, knowns)
    for it in range(rows):
        if found < MAX_DOUBTED and is_sharp_idle(seen, it):
            heard_ns = seen.heard_ns[it]
            allowed = off_ns(lived.usual, heard_ns)
            shorter = count_below(lived.lengths, knowns, heard_ns - allowed)
            alike = count_below(lived.lengths, knowns, heard_ns + allowed + 1) - shorter
            if is_unconfirmed(lived, it, alike, knowns):
                doubts.gap[found], doubts.slack_ns[found] = it, idle_slack_ns(seen, it, lived.usual)
                found += 1
    return found


def note_lone_spacing(lived: Lived, rows: int, found: int) -> int:
    """Behind the doubts that were found, one more or none: a lone spacing may be two intervals, unless all is there."""
    seen = lived.seen
    it = lone_spacing(seen, rows)
    if it == NEVER or not seen.missing[it]:
        return 0
    lived.doubts.gap[found], lived.doubts.slack_ns[found] = it, seen.probe_ns[it] // 2
    return 1


def known_idle(lived: Lived, rows: int) -> int:
    """The sharp idle times, to be put in order: how many."""
    found = 0
    for it in range(rows):
        if is_sharp_idle(lived.seen, it):
            lived.lengths.sorted_ns[found] = lived.seen.heard_ns[it]
            found += 1
    return found


def is_sharp_idle(seen: Any, it: int) -> bool:
    return bool(not seen.slack_ns[it] and is_idle(seen.kind[it]) and seen.heard_ns[it] >= 0)


def lone_spacing(seen: Any, rows: int) -> int:
    """The only sharp spacing, -1 if there are none or several."""
    found = NEVER
    for it in range(rows):
        if not seen.slack_ns[it] and is_intvl(seen.kind[it]) and seen.probe_ns[it] >= 0:
            if found != NEVER:
                return NEVER
            found = it
    return found


def is_unconfirmed(lived: Lived, it: int, alike: int, knowns: int) -> bool:
    """No other of the known gaps is as long; and its length would not show an interval more.

    `alike` of the `knowns` are as long, itself included.
    """
    if alike > 1:
        return False
    seen, usual = lived.seen, lived.usual
    heard_ns, missing, is_a_cycle = seen.heard_ns[it], seen.missing[it], seen.kind[it] == CYCLE
    may_be_unheard = is_a_cycle and seen.echo[it] != AGREES
    is_intvls = may_be_unheard and intvls_in(usual, seen.probe_ns[it], 0) > 0
    if missing == 0:
        return bool(is_intvls or (may_be_unheard and usual.intvl_ns[0] < 0))
    in_band = usual.intvl_ns[0] <= lateness_ns(heard_ns) + off_ns(usual, heard_ns)
    return bool(missing > 0 or knowns == 1 or usual.cycle_ns[0] < 0 or in_band or is_intvls)


def may_hide_one(lived: Lived, rows: int) -> bool:
    """One more probe of the last run may be missing, or one more answer unheard, and the gaps would be the same."""
    seen, opening = lived.seen, NEVER
    for it in range(rows):
        if opens_run(seen, it):
            opening = it
    lone = lone_spacing(seen, rows)
    if opening == NEVER or (lone != NEVER and seen.missing[lone] != 0):
        return True
    if seen.echo[opening] == UNSEEN:
        return False  # counted already
    is_a_cycle = seen.kind[opening] == CYCLE and seen.echo[opening] != AGREES
    if is_a_cycle and intvls_in(lived.usual, seen.probe_ns[opening], 0) == 1:
        return True
    if seen.slack_ns[opening] == TELLS_NOTHING:
        return False
    heard_ns, knowns, alike = seen.heard_ns[opening], known_idle(lived, rows), 0
    for it in range(knowns):
        alike += abs(lived.lengths.sorted_ns[it] - heard_ns) <= off_ns(lived.usual, heard_ns)
    return is_unconfirmed(lived, opening, alike, knowns)


def opens_run(seen: Any, it: int) -> bool:
    """The run of unanswered probes seems to begin there, and no echo shows that the answer was unheard."""
    return bool((is_idle(seen.kind[it]) or is_unheard(seen, it)) and seen.echo[it] != UNHEARD)
