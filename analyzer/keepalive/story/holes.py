"""What a flow's own segments show to be missing in the capture: by number, ACK, IP identification and timestamp echo;
and what the handshakes of a host show of which the capture has one half.

Kernels over the columns of a story in the making (`story.py`).
"""

from typing import Any

from analyzer.keepalive.story.gaps import Rows, missing
from analyzer.keepalive.tags.tag import PROBE, PURE_ACK, STRAY, WINDOW_PROBE
from analyzer.schema import ABSENT, OPENED_MIDSTREAM, SYN
from analyzer.schema import RST as RST_BIT
from analyzer.tcp import segment_facts
from analyzer.tcp.tracker import IDLE_NS

ONE_PACKET = 1460
"""Octets of payload that are never cut into several packets of Ethernet."""
MANY_MISSING = 80
"""Of a thousand segments: if so many are missing, little can be concluded from what is not there."""
FEWEST_HALVES = 2
"""Fewest handshakes of a host of which one half is missing that tell something of its other connections."""
FEWEST_FOLLOWING = 2
"""Fewest segments with consecutive IP identifications that show that their end counts its segments."""


def note_shares(rows: Rows, flows: int, of_end: Any, handshakes: Any, shares: Any) -> int:
    """Kernel: write for each address how many of a thousand segments the capture lacks, as its handshakes tell.

    Of n handshakes of which anything was captured, 2np / (1 + p) lack one of two segments if each is missing with
    probability p. `of_end` has the address of each end. Hosts are counted apart, so that nobody's traffic changes what
    is said of that of others. Returns how many addresses there are.
    """
    for flow in range(flows):
        syns = captured_syns(rows.flows.opened[flow], rows.ends, 2 * flow)
        for end in (2 * flow, 2 * flow + 1):
            handshakes[of_end[end]] += syns != 0
            shares[of_end[end]] += syns < 0
    for address in range(len(shares)):
        halves = shares[address]
        shares[address] = 1000 * halves // (2 * handshakes[address] - halves) if halves >= FEWEST_HALVES else 0
    return len(shares)


def captured_syns(opened: int, ends: Any, first: int) -> int:
    """Return 1 if both SYNs were captured, -1 if one is missing, 0 if the capture began later or lacks an end."""
    is_heard = ends.last_ns[first] != ABSENT and ends.last_ns[first + 1] != ABSENT
    if opened == OPENED_MIDSTREAM or not is_heard or was_refused(ends, first, 0) or was_refused(ends, first, 1):
        return 0
    return -1 if ends.isn[first] == ABSENT or ends.isn[first + 1] == ABSENT else 1


def was_refused(ends: Any, first: int, end: int) -> bool:
    """Tell whether nothing but SYNs came from the other end, and last of all a RST from this one."""
    return bool(ends.last_flags[first + end] & RST_BIT and ends.last_flags[first + 1 - end] & SYN)


def lacks(rows: Rows, flow: int, first: Any, second: Any, share: int) -> int:
    """Return how many of a thousand segments of the flow are missing, as far as shows; `share` is that of its hosts."""
    is_shown = first.holes or second.holes or captured_syns(rows.flows.opened[flow], rows.ends, 2 * flow) < 0
    return max(share, int(bool(is_shown)), uncounted(first), uncounted(second))


def uncounted(own: Any) -> int:
    """Return how many of a thousand steps between the end's identifications leave some out, less one by accident."""
    if not own.skips or not is_numbered(own):
        return 0
    return max(1, int(1000 * (own.skips - 1) // (own.follows + own.skips)))


def is_numbered(own: Any) -> bool:
    """Tell whether the end numbers its segments one by one (ip_select_ident_segs), without those of other connections.

    That shows only if most of them follow each other; with a counter of the whole host some do by chance.
    """
    return bool(own.follows >= FEWEST_FOLLOWING and own.follows >= 2 * own.skips)


def note_identification(segment: Any, own: Any) -> None:
    """Note whether the end's segments follow each other, by their IP identifications.

    What a network card cuts into several packets takes several numbers.
    """
    is_next = segment.own_ns != ABSENT and segment.ts_ns - segment.own_ns == own.sent_ns
    if is_next and own.sent_len <= ONE_PACKET:
        own.follows += missing(segment) == 0
        own.skips += missing(segment) > 0
    own.sent_ns, own.sent_len = segment.ts_ns, segment.payload_len


def note_holes(segment: Any, tag: int, of: int, own: Any, peer: Any) -> None:
    """Note what a segment after a silence shows to be missing: by its number of its own end, by its ACK of the other.

    Where segments follow each other closely they may only have been captured in another order.
    """
    if is_answer_to_nothing(segment, tag, of):
        peer.has_uncaptured, peer.uncaptured_ns = 1, segment.ts_ns
        peer.holes += 1
    elif (
        segment.idle_ns >= IDLE_NS
        and segment.relation == segment_facts.REL_BEYOND
        and not segment.flags & RST_BIT
        and tag != STRAY
    ):
        own.holes += 1


def note_stamp(segment: Any, row: int, tag: int, own: Any) -> None:
    """Note the row whose timestamp the other end echoes from now on, if it hears it.

    A probe lies before the other end's window, and a RST ends the connection.
    """
    is_outside = tag == PROBE or tag == WINDOW_PROBE or tag == STRAY or segment.flags & RST_BIT
    if segment.tsval != ABSENT and not is_outside:
        own.stamp_row = row


def is_answer_to_nothing(segment: Any, tag: int, of: int) -> bool:
    """Tell whether this is an ACK like the one before it, after a silence: no end sends that unasked."""
    is_same = segment.facts & segment_facts.SAME_ACK and segment.facts & segment_facts.SAME_WINDOW
    is_waited_for = segment.facts & segment_facts.PEER_IN_FLIGHT
    return bool(tag == PURE_ACK and of == ABSENT and segment.idle_ns >= IDLE_NS and is_same and not is_waited_for)
