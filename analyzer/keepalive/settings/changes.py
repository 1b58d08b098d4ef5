"""Idle times that were changed while the connection lived: they step once from one length to another, and stay.

A capture that lacks frames makes single gaps several times as long, and a prober that does not hear its answers probes
an interval apart. Neither makes all later gaps longer, or shorter with echoes which show that the answers were heard.

Plain functions over columns: they read CORRECTED_GAPS and write INFERRED_SETTINGS.
"""

from typing import Any

from analyzer.engine.dispatch import not_inlined
from analyzer.keepalive.model.linux import SECOND, TICK_NS
from analyzer.keepalive.settings.bounds import CHANGED, INTVL, MILLI, SPACINGS, TIME, Inferred, note_spread_of_time
from analyzer.keepalive.settings.constraints import TELLS_NOTHING
from analyzer.keepalive.settings.evidence import Search
from analyzer.keepalive.settings.observations import is_idle
from analyzer.keepalive.story.values import AGREES, FIRST
from analyzer.schema import ABSENT

FEWEST = 3
"""Fewest gaps of each length."""


@not_inlined
def note_change(s: Search, first: int, last: int, found: Inferred, row: int) -> bool:
    """Write the bounds of the idle time in force at the end if gaps first..last-1 show that it was changed; tell
    whether they do.

    Where each later probe comes after an answered one, the interval may be the longer of the two, unless it is known to
    be shorter; `row` is the first of the end's settings.
    """
    corrected, t, begin = s.corrected, found.settings, next_timed(s.corrected, first, last)
    step = step_of(corrected, begin, last)
    if step == ABSENT:
        return False
    note_spread_of_time(s, step, last, found, row + TIME)
    t.basis[row + TIME] = CHANGED
    is_intvl_shorter = t.basis[row + INTVL] == SPACINGS and t.high_ms[row + INTVL] < t.low_ms[row + TIME]
    if not (is_intvl_shorter or has_first(corrected, step, last)):
        t.low_ms[row + TIME] = MILLI
    elif t.low_ms[row + TIME] == t.high_ms[row + TIME]:
        t.value[row + TIME] = t.low_ms[row + TIME] // MILLI
    for gap in range(begin, step):
        if is_timed(corrected, gap) and is_alike(corrected.heard_ns[gap], corrected.heard_ns[begin]):
            t.n[row + TIME] += 1
            t.shortest_ns[row + TIME] = min(t.shortest_ns[row + TIME], corrected.heard_ns[gap])
            t.longest_ns[row + TIME] = max(t.longest_ns[row + TIME], corrected.heard_ns[gap])
    return True


def step_of(corrected: Any, begin: int, last: int) -> int:
    """Return the row of the first idle time of another length that all later ones have, ABSENT if there is none.

    One gap in between, in which the change came, may have any length. `begin` is the first idle time.
    """
    step, earlier = level_from(corrected, begin, last)
    end, later = level_from(corrected, step, last)
    if later == 1:
        step = end
        end, later = level_from(corrected, step, last)
    if earlier < FEWEST or later < FEWEST or end < last:
        return ABSENT
    before_ns, after_ns = corrected.heard_ns[begin], corrected.heard_ns[step]
    is_other = not is_alike(before_ns, after_ns) and abs(after_ns - before_ns) >= SECOND
    return step if is_other and (after_ns > before_ns or has_heard(corrected, step, last)) else ABSENT


def level_from(corrected: Any, begin: int, last: int) -> tuple[int, int]:
    """Return the row of the first idle time unlike the one of row `begin`, `last` if there is none, and how many come
    before it."""
    gap, count = begin, 0
    while gap < last and is_alike(corrected.heard_ns[gap], corrected.heard_ns[begin]):
        gap, count = next_timed(corrected, gap + 1, last), count + 1
    return gap, count


def next_timed(corrected: Any, gap: int, last: int) -> int:
    """Return the row of the first idle time whose length is known, from row `gap` on; `last` without any."""
    while gap < last and not is_timed(corrected, gap):
        gap += 1
    return gap


def is_timed(corrected: Any, gap: int) -> bool:
    """Tell whether the gap is an idle time whose length is known."""
    is_known = corrected.heard_ns[gap] >= 0 and corrected.slack_ns[gap] != TELLS_NOTHING
    return bool(is_known and is_idle(corrected.kind[gap]))


def is_alike(one_ns: int, other_ns: int) -> bool:
    """Tell whether one timer makes both: it is late by an eighth at most."""
    return abs(one_ns - other_ns) <= max(one_ns, other_ns) // 8 + TICK_NS


def has_first(corrected: Any, first: int, last: int) -> bool:
    """Tell whether one of the gaps measures the idle time itself."""
    for gap in range(first, last):  # noqa: SIM110  # numba compiles no generators
        if corrected.kind[gap] == FIRST:
            return True
    return False


def has_heard(corrected: Any, first: int, last: int) -> bool:
    """Tell whether an echo shows that the end heard an answer."""
    for gap in range(first, last):  # noqa: SIM110  # numba compiles no generators
        if corrected.echo[gap] == AGREES:
            return True
    return False
