"""What a flow's own segments show to be missing in the capture: by number, ACK, IP identification and timestamp echo.

Kernels over the columns of a story in the making (`story.py`).
"""

from typing import Any

from analyzer.keepalive.story.gaps import missing
from analyzer.keepalive.tags.tag import PROBE, PURE_ACK, STRAY, WINDOW_PROBE
from analyzer.schema import ABSENT
from analyzer.schema import RST as RST_BIT
from analyzer.tcp import segment_facts
from analyzer.tcp.tracker import IDLE_NS

ONE_PACKET = 1460
"""Octets of payload that are never cut into several packets of Ethernet."""


def note_identification(c: Any, row: int, e: Any, end_row: int) -> None:
    """Note whether the end's segments follow each other, by their IP identifications.

    What a network card cuts into several packets takes several numbers.
    """
    is_next = c.own_ns[row] != ABSENT and c.ts_ns[row] - c.own_ns[row] == e.sent_ns[end_row]
    if is_next and e.sent_len[end_row] <= ONE_PACKET:
        e.follows[end_row] += missing(c, row) == 0
        e.skips[end_row] += missing(c, row) > 0
    e.sent_ns[end_row], e.sent_len[end_row] = c.ts_ns[row], c.payload_len[row]


def note_holes(c: Any, row: int, tag: int, of: int, e: Any, end_row: int) -> None:
    """Note what a segment after a silence shows to be missing: by its number of its own end, by its ACK of the other.

    Where segments follow each other closely they may only have been captured in another order.
    """
    if is_answer_to_nothing(c, row, tag, of):
        e.has_uncaptured[end_row ^ 1] = 1
        e.holes[end_row ^ 1] += 1
    elif (
        c.idle_ns[row] >= IDLE_NS
        and c.relation[row] == segment_facts.REL_BEYOND
        and not c.flags[row] & RST_BIT
        and tag != STRAY
    ):
        e.holes[end_row] += 1


def note_stamp(c: Any, row: int, tag: int, e: Any, end_row: int) -> None:
    """Note the row whose timestamp the other end echoes from now on, if it hears it.

    A probe lies before the other end's window, and a RST ends the connection.
    """
    is_outside = tag == PROBE or tag == WINDOW_PROBE or tag == STRAY or c.flags[row] & RST_BIT
    if c.tsval[row] != ABSENT and not is_outside:
        e.stamp_row[end_row] = row


def is_answer_to_nothing(c: Any, row: int, tag: int, of: int) -> bool:
    """Tell whether this is an ACK like the one before it, after a silence: no end sends that unasked."""
    is_same = c.facts[row] & segment_facts.SAME_ACK and c.facts[row] & segment_facts.SAME_WINDOW
    is_waited_for = c.facts[row] & segment_facts.PEER_IN_FLIGHT
    return bool(tag == PURE_ACK and of == ABSENT and c.idle_ns[row] >= IDLE_NS and is_same and not is_waited_for)
