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
        peer.has_uncaptured = 1
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
