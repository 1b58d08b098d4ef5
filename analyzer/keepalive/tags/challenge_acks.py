"""Challenge ACKs: a RST, SYN or ACK that its receiver does not obey, but answers with its current position.

Predicates over a flow's candidate rows, like those of `rules.py`.
"""

from typing import Any

from analyzer.keepalive.tags import tag
from analyzer.keepalive.tags.rules import LOOKAHEAD, LOOKBACK, is_extra, is_prompt_answer
from analyzer.schema import ABSENT, ACK, FIN, RST, SYN
from analyzer.tcp import segment_facts


def is_challenged(c: Any, order: Any, place: int, last: int) -> bool:
    """Tell whether a RST in the window but not at RCV.NXT was answered by an ACK instead of obeyed (RFC 5961 §3.2)."""
    row = order[place]
    relation = c.relation[row]
    if (
        relation == segment_facts.REL_NEXT
        or relation == segment_facts.REL_UNKNOWN
        or c.facts[row] & segment_facts.UNSURE
    ):
        return False
    return is_refused(c, order, place, last)


def is_disputed(c: Any, order: Any, place: int, last: int) -> bool:
    """Tell whether a SEG.ACK outside of what the receiver accepts was answered by an ACK (RFC 5961 §5.2).

    If it was not, the capture has a hole: it lacks what SEG.ACK acknowledges.
    """
    return bool(c.facts[order[place]] & segment_facts.UNACCEPTABLE) and is_refused(c, order, place, last)


def is_refused(c: Any, order: Any, place: int, last: int) -> bool:
    """Tell whether the other end's next segment is a prompt answer that repeats its position."""
    row = order[place]
    for other in range(place + 1, min(last, place + LOOKAHEAD)):
        later = order[other]
        if c.end[later] != c.end[row] and not is_extra(c, later):
            return repeats_position(c, later) and is_prompt_answer(c, later, row)
    return False


def challenged_row(c: Any, order: Any, place: int, first: int, out: Any) -> int:
    """Return the row of the RST, SYN or ACK that this ACK answers instead of obeying, or ABSENT (RFC 5961 §3.2, §4.2,
    §5.2)."""
    row = order[place]
    if not repeats_position(c, row):
        return ABSENT
    for other in range(place - 1, max(first, place - LOOKBACK) - 1, -1):
        earlier = order[other]
        if is_extra(c, earlier):
            continue
        if c.end[earlier] == c.end[row] or not is_prompt_answer(c, row, earlier):
            return ABSENT
        is_refused = out.tag[earlier] == tag.STRAY and out.rule[earlier] in (tag.CHALLENGED, tag.UNACCEPTABLE_ACK)
        is_syn = c.flags[earlier] & (SYN | ACK) == SYN
        return int(earlier) if is_refused or is_syn else ABSENT
    return ABSENT


def repeats_position(c: Any, row: int) -> bool:
    """Tell whether an empty segment at SND.NXT acknowledges the same as its end's segment before."""
    is_bare = c.payload_len[row] == 0 and c.flags[row] & (SYN | FIN | RST | ACK) == ACK
    return bool(is_bare and c.facts[row] & segment_facts.SAME_ACK and c.relation[row] == segment_facts.REL_NEXT)


def resets_older(c: Any, order: Any, place: int, first: int) -> bool:
    """Tell whether a RST is for an older connection (RFC 9293 §3.5.1, §3.10.7.3).

    The other end had answered a SYN by an ACK that shows that it still holds that one; the RST's SEG.SEQ is its
    SEG.ACK.
    """
    row = order[place]
    if c.flags[row] & ACK:
        return False
    for other in range(place - 1, max(first, place - LOOKBACK) - 1, -1):
        earlier = order[other]
        if c.end[earlier] != c.end[row] and not is_extra(c, earlier):
            return bool(c.facts[earlier] & segment_facts.REFUSES_SYN and c.ack[earlier] == c.seq[row])
    return False
