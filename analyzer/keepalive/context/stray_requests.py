"""Requests in vain on the link for an address that is not the other end's: what an end sends goes astray.

A virtual service (IPVS, a container network) rewrites the address that an end sends to. Once it has forgotten a
connection, segments go to the virtual address itself. Where nobody has that on the link, none of them is sent; each
makes its host ask for the address again, as the timer of a resend runs out. The connection shows nothing at all.

A host may ask in vain for many reasons. So nobody in the capture may use the address, answer for it or ask for it but
this host, and the host asks in vain for nothing else; one open connection of it is idle, for longer than ever before;
and the requests come again and again at the pace of resends.
"""

from typing import Any

from analyzer.keepalive.story.gaps import Rows
from analyzer.keepalive.story.values import LONG_NS
from analyzer.keepalive.verdict.flow_flags import CLOSED_BY_RST, HOW_IT_ENDED, NEVER_OPENED
from analyzer.keepalive.verdict.unanswered_probes import SOLICITED_NS, is_first_try
from analyzer.keepalive.verdict.values import CLOSED, RESET, TIMED_OUT, UNREACHABLE
from analyzer.schema import ABSENT, NEIGHBOUR_ANSWERED, NEIGHBOUR_ASKED

SEVERAL = -2
"""Instead of a row where there are several."""
FEWEST_TRIES = 4
"""Fewer solicitations may be somebody's who tries a name or a cable."""


def note_sought(
    rows: Rows, flows: int, flow_flags: Any, of_end: Any, count: int, addresses: Any, asked_for: Any
) -> int:
    """Kernel: note for each of the `count` addresses which one it asked for in vain, and its flow that was idle then.
    Returns `count`."""
    a = addresses
    for number in range(count):
        a.sought[number] = a.idle_flow[number] = ABSENT
    for number in range(count):
        is_in_vain = is_never_answered(a, asked_for, number)
        for row in range(a.first_asked[number], a.first_asked[number] + a.asked[number]):
            who = asked_for.asker[row]
            a.asks[who] |= asked_for.kind[row] != NEIGHBOUR_ANSWERED
            if is_in_vain:
                a.sought[who] = only(a.sought[who], number)
    for flow in range(flows if count else 0):
        if is_open(flow_flags[flow]):
            for end_row in (2 * flow, 2 * flow + 1):
                note_idle(rows, flow, of_end[end_row], a, asked_for)
    return count


def only(known: int, row: int) -> int:
    """Return the row if it is the first or the same as the known one, else SEVERAL."""
    return row if known == ABSENT or known == row else SEVERAL


def is_never_answered(a: Any, asked_for: Any, number: int) -> bool:
    """Tell whether the address was only ever asked for."""
    for row in range(a.first_asked[number], a.first_asked[number] + a.asked[number]):  # as in restarts
        if asked_for.kind[row] != NEIGHBOUR_ASKED:
            return False
    return True


def is_open(flow_flags: int) -> bool:
    """Tell by its status byte whether a connection was opened, and not ended by anybody."""
    how = flow_flags & HOW_IT_ENDED
    is_closed = how == CLOSED or how == CLOSED_BY_RST or how == RESET or how == NEVER_OPENED
    return not is_closed and how != TIMED_OUT and how != UNREACHABLE


def note_idle(rows: Rows, flow: int, who: int, a: Any, asked_for: Any) -> None:
    """Note the flow at the address of one of its ends if it was idle from when that began to ask in vain."""
    sought = a.sought[who]
    if sought >= 0 and rows.flows.last_ns[flow] < asked_for.ts_ns[a.first_asked[sought]]:
        a.idle_flow[who] = only(a.idle_flow[who], flow)


def note_strays(
    rows: Rows, flow: int, until_ns: int, of_end: Any, a: Any, asked_for: Any, s: Any, flow_row: int
) -> None:
    """Note in CONTEXT_FLOWS the requests in vain by one end's host for another address than the other end's."""
    end = stray_end(rows, flow, of_end, a, asked_for)
    if end == ABSENT:
        return
    sought = a.sought[of_end[2 * flow + end]]
    if go_on_until(asked_for, a.first_asked[sought], a.asked[sought], until_ns):
        s.first_stray[flow_row], s.strays[flow_row] = a.first_asked[sought], a.asked[sought]


def stray_end(rows: Rows, flow: int, of_end: Any, a: Any, asked_for: Any) -> int:
    """Return the end whose requests show that what it sends goes to another address than the other end's; ABSENT."""
    for end in (0, 1):
        if are_stray(rows, flow, of_end[2 * flow + end], of_end[2 * flow + 1 - end], a, asked_for):
            return end
    return ABSENT


def are_stray(rows: Rows, flow: int, who: int, peer: int, a: Any, asked_for: Any) -> bool:
    """Tell whether the requests of the address `who` are what it sends on this flow, to the address `peer`."""
    sought = a.sought[who]
    if sought < 0 or a.idle_flow[who] != flow or rows.ends.last_ns[2 * flow] < 0 or rows.ends.last_ns[2 * flow + 1] < 0:
        return False
    first = a.first_asked[sought]
    idle_ns = asked_for.ts_ns[first] - rows.flows.last_ns[flow]
    is_longest = idle_ns >= LONG_NS and idle_ns > rows.flows.max_idle_ns[flow]
    is_unused = a.flows[sought] == 0 and not a.asks[sought] and a.network[sought] == a.network[peer]
    return bool(is_longest and is_unused and come_as_resends(asked_for, first, first + a.asked[sought], who))


def come_as_resends(asked_for: Any, first: int, last: int, who: int) -> bool:
    """Tell whether all requests are of one host, and come at the pace of resends: a pause is at most as long as all
    that was before it (RFC 6298 §5.5)."""
    tries = 0
    for row in range(first, last):
        if asked_for.asker[row] != who or not go_on_until(asked_for, first, row - first, asked_for.ts_ns[row]):
            return False
        tries += is_first_try(asked_for, first, row)
    return tries >= FEWEST_TRIES


def go_on_until(asked_for: Any, first: int, count: int, time_ns: int) -> bool:
    """Tell whether the first `count` requests had not ceased by this time."""
    if not count:
        return True
    begin_ns, last_ns = asked_for.ts_ns[first], asked_for.ts_ns[first + count - 1]
    return bool(time_ns - last_ns <= SOLICITED_NS + last_ns - begin_ns)
