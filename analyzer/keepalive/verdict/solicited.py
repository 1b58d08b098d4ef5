"""What ARP requests and neighbour solicitations that nobody answers tell of the timer that made a host ask.

As long as nothing answers, probes and resends are not sent; each makes its host ask instead (net/core/neighbour.c
__neigh_event_send). So the questions come when the probes would have come.
"""

from typing import Any

from analyzer.keepalive.model.linux import RATES, SECOND, fires_at, jiffies_ns, wheel_depth
from analyzer.schema import ABSENT

SHORTEST_INTERVAL_NS = 1_200_000_000
"""Tries of one solicitation are 1 s apart and show no interval of the timer."""
FEWEST_ASKED = 4
"""So many solicitations show the grid of a timer: the first interval is shorter by what the first of them was late."""
ON_WHEEL_NS = 10_000_000
"""A tick of the slowest clock: so evenly does a timer run out."""
MARKED_NS = 20_000_000
"""A wheel that makes an interval later by less cannot be told from a program that waits whole seconds."""
LONGEST_NS = 119_000_000_000
"""Resends come evenly, too, once they have backed off to their limit (tcp.h TCP_RTO_MAX)."""


def is_first_try(asked: Any, first: int, row: int) -> bool:
    """Row `row` of ASKED_FOR begins a solicitation; `first` is where the rows of this flow begin."""
    return bool(row == first or asked.ts_ns[row] - asked.ts_ns[row - 1] >= SHORTEST_INTERVAL_NS)


def are_on_wheel(asked: Any, first: int, last: int) -> bool:
    """One interval of Linux's wheel apart each time; resends wait twice as long each time, programs whole seconds.

    The first interval is shorter, by what the first of them was late.
    """
    tries, before_ns, opening_ns, least_ns, most_ns = 0, 0, 0, LONGEST_NS, 0
    for row in range(first, last):
        if is_first_try(asked, first, row):
            spacing_ns = asked.ts_ns[row] - before_ns
            if tries == 1:
                opening_ns = spacing_ns
            elif tries > 1:
                least_ns, most_ns = min(least_ns, spacing_ns), max(most_ns, spacing_ns)
            before_ns = asked.ts_ns[row]
            tries += 1
    if tries < FEWEST_ASKED or most_ns - least_ns > 2 * ON_WHEEL_NS:
        return False
    usual_ns = usual_spacing_ns(asked, first, last, least_ns, most_ns)
    is_even = max(most_ns - usual_ns, usual_ns - least_ns, opening_ns - usual_ns) <= ON_WHEEL_NS
    return is_even and usual_ns <= LONGEST_NS and is_of_wheel(usual_ns)


def usual_spacing_ns(asked: Any, first: int, last: int, low_ns: int, high_ns: int) -> int:
    """The lower median of the spacings of first tries but the first one; all lie from `low_ns` to `high_ns`."""
    while low_ns < high_ns:
        middle_ns = (low_ns + high_ns) // 2
        tries, before_ns, balance = 0, 0, 0
        for row in range(first, last):
            if is_first_try(asked, first, row):
                if tries > 1:
                    balance += 1 if asked.ts_ns[row] - before_ns <= middle_ns else -1
                before_ns = asked.ts_ns[row]
                tries += 1
        if balance >= 0:
            high_ns = middle_ns
        else:
            low_ns = middle_ns + 1
    return low_ns


def is_of_wheel(spacing_ns: int) -> bool:
    """A wheel makes so much of an interval of whole seconds, and shows that it does."""
    for hz in RATES:
        for intvl_s in range(max(1, spacing_ns * 7 // 8 // SECOND), spacing_ns // SECOND + 1):
            one_ns = jiffies_ns(hz, fires_at(wheel_depth(hz), 0, intvl_s * hz))
            if abs(one_ns - spacing_ns) <= ON_WHEEL_NS and one_ns % SECOND > MARKED_NS:
                return True
    return False


def last_try_ns(asked: Any, first: int, last: int) -> int:
    """When the last solicitation began, -1 without any."""
    for row in range(last - 1, first - 1, -1):
        if is_first_try(asked, first, row):
            return int(asked.ts_ns[row])
    return ABSENT


def shortest_spacing_ns(asked: Any, first: int, last: int) -> int:
    """Between the beginnings of solicitations, 0 without two."""
    before_ns, shortest_ns = ABSENT, ABSENT
    for row in range(first, last):
        if is_first_try(asked, first, row):
            spacing_ns = asked.ts_ns[row] - before_ns
            if before_ns != ABSENT:
                shortest_ns = spacing_ns if shortest_ns == ABSENT else min(shortest_ns, spacing_ns)
            before_ns = asked.ts_ns[row]
    return max(shortest_ns, 0)
