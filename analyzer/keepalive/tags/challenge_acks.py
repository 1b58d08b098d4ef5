"""Refusals: a RST, SYN or ACK that its receiver does not obey, but answers with where the connection stands.

Predicates over a flow's candidate rows, as those of `rules.py`.
"""

from typing import Any

from analyzer.keepalive.tags import tag
from analyzer.keepalive.tags.rules import LOOKAHEAD, LOOKBACK, is_extra, is_prompt_answer
from analyzer.schema import ABSENT, ACK, FIN, RST, SYN
from analyzer.tcp import segment_facts


def is_challenged(c: Any, order: Any, place: int, last: int) -> bool:
    """A RST within the window but not at RCV.NXT, which its receiver answers instead of obeying (RFC 5961 §3.2)."""
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
    """SEG.ACK outside of what its receiver accepts, which it answers by an ACK (RFC 5961 §5.2); else a hole in the
    capture."""
    return bool(c.facts[order[place]] & segment_facts.UNACCEPTABLE) and is_refused(c, order, place, last)


def is_refused(c: Any, order: Any, place: int, last: int) -> bool:
    """The other end's next segment says at once, and again, where it is."""
    row = order[place]
    for other in range(place + 1, min(last, place + LOOKAHEAD)):
        later = order[other]
        if c.end[later] != c.end[row] and not is_extra(c, later):
            return says_again_where_it_is(c, later) and is_prompt_answer(c, later, row)
    return False


def challenged_row(c: Any, order: Any, place: int, first: int, out: Any) -> int:
    """The other end's RST, SYN or ACK that this ACK answers instead of obeying (RFC 5961 §3.2, §4.2, §5.2), or -1."""
    row = order[place]
    if not says_again_where_it_is(c, row):
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


def says_again_where_it_is(c: Any, row: int) -> bool:
    """An empty segment at SND.NXT that acknowledges what its end acknowledged before."""
    is_bare = c.payload_len[row] == 0 and c.flags[row] & (SYN | FIN | RST | ACK) == ACK
    return bool(is_bare and c.facts[row] & segment_facts.SAME_ACK and c.relation[row] == segment_facts.REL_NEXT)


def resets_older(c: Any, order: Any, place: int, first: int) -> bool:
    """A RST for the old connection that an ACK had shown: its SEG.SEQ is that SEG.ACK (RFC 9293 §3.5.1, §3.10.7.3)."""
    row = order[place]
    if c.flags[row] & ACK:
        return False
    for other in range(place - 1, max(first, place - LOOKBACK) - 1, -1):
        earlier = order[other]
        if c.end[earlier] != c.end[row] and not is_extra(c, earlier):
            return bool(c.facts[earlier] & segment_facts.REFUSES_SYN and c.ack[earlier] == c.seq[row])
    return False
