"""Who sent a RST: in which fields it differs from what the end's own segments look like.

Something on the path that forges a RST builds it from nothing; the end's own stack builds it as
always, after a reboot too. Its distance cannot be hidden, so TTL and time decide and the others add weight.
"""

from enum import Enum
from itertools import pairwise

from analyzer.keepalive.timeline import Reset
from analyzer.schema import NEVER

FEWEST_IDS = 3
"""Fewer IP identifications do not show that an end counts them."""
COUNTS_BY = 1024
"""A counter moves on by less from one of an end's segments to the next that is known."""


CLEARLY_NS = 5_000_000
"""What a host may take to answer at all, more or less."""


class Field(Enum):
    """What differs from the end's own segments."""

    TTL = "TTL"
    IP_ID = "IP identification"
    WINDOW = "window"
    TIMESTAMP = "timestamp option"
    HASTE = "time since the probe"
    ONCE = "number of times that it was captured"


def odd_fields(reset: Reset) -> tuple[Field, ...]:
    """Empty where the RST looks like the end's own, or where nothing is known of that end."""
    odd = {
        Field.TTL: reset.usual_ttl not in (NEVER, reset.ttl),
        Field.IP_ID: _is_off_counter(reset),
        # What answers a segment of a connection that does not exist has no window to offer (RFC 9293 §3.10.7.1).
        Field.WINDOW: not reset.has_ack and reset.window > 0,
        # A stack that still has the connection sends its options (RFC 7323 §3.2); one that has lost it knows of none.
        Field.HASTE: is_too_soon(reset),
        Field.ONCE: reset.is_once,
        Field.TIMESTAMP: reset.has_ack and reset.window > 0 and reset.has_usual_timestamp and not reset.has_timestamp,
    }
    return tuple(field for field, is_odd in odd.items() if is_odd)


def is_foreign(reset: Reset) -> bool:
    """From another distance: by its TTL, by the time that it took, or because it passed the capture point once only."""
    return not {Field.TTL, Field.HASTE, Field.ONCE}.isdisjoint(odd_fields(reset))


def is_too_soon(reset: Reset) -> bool:
    """In less than half of the time that the end's fastest answer took: it has not been there and back."""
    if reset.took_ns == NEVER or reset.usual_took_ns == NEVER:
        return False
    return 2 * reset.took_ns < reset.usual_took_ns and reset.usual_took_ns - reset.took_ns >= CLEARLY_NS


def _is_off_counter(reset: Reset) -> bool:
    """The end counts its packets, and this is not the next; 0 is what Linux gives to a RST without a socket."""
    ids = reset.usual_ip_ids
    if reset.ip_id <= 0 or len(ids) < FEWEST_IDS or not all(_follows(*pair) for pair in pairwise(ids)):
        return False
    return not _follows(ids[-1], reset.ip_id)


def _follows(earlier: int, later: int) -> bool:
    return 0 < (later - earlier) % 65536 < COUNTS_BY
