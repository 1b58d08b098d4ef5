"""What only a flow's whole list of tags shows: RSTs that nobody obeyed, and repeated ACKs that may be answers.

A kernel's pass over the rows of one flow, once each has its tag.
"""

from typing import Any

from analyzer.keepalive.tags.tag import (
    AFTER_RESET,
    ANSWER,
    GIVE_UP_RST,
    GOES_ON_PROBING,
    PLAIN,
    PROBE,
    PURE_ACK,
    REPEATED_UNSOLICITED,
    RST_TAG,
    STRAY,
)
from analyzer.schema import ABSENT, KIND_ICMP_ERROR

ON_ITS_WAY_NS = 1_000_000_000
"""What was sent before a RST came arrives within this time."""


def correct_in_hindsight(c: Any, order: Any, first: int, last: int, out: Any) -> None:
    """Correct the tags of one flow's rows, order[first:last]."""
    if may_all_be_answers(c, order, first, last, out):
        withdraw_probes(order, first, last, out)
    pass_over_unheard_resets(c, order, first, last, out)
    pass_over_what_crossed(c, order, first, last, out)


def may_all_be_answers(c: Any, order: Any, first: int, last: int, out: Any) -> bool:
    """Tell whether one end's segments were captured, and nothing but their repetition shows any of them to be probes.

    Answers to another end's probes, of which nothing was captured, look the same (RFC 9293 §3.8.4): they repeat
    SND.NXT, as probes repeat SND.NXT-1, and neither number is known.
    """
    found = False
    for place in range(first, last):
        row = order[place]
        if c.kind[row] == KIND_ICMP_ERROR:
            continue
        if c.end[row] != c.end[order[first]] or c.any_ns[row] != ABSENT:
            return False
        if out.tag[row] == PROBE:
            if out.rule[row] != REPEATED_UNSOLICITED:
                return False
            found = True
    return found


def withdraw_probes(order: Any, first: int, last: int, out: Any) -> None:
    """Tag what looked like probes as the ACKs that they are in any case."""
    for place in range(first, last):
        row = order[place]
        if out.tag[row] == PROBE:
            out.tag[row], out.rule[row] = PURE_ACK, PLAIN


def pass_over_unheard_resets(c: Any, order: Any, first: int, last: int, out: Any) -> None:
    """Tag a RST as STRAY where an end goes on probing after it: it was lost behind the capture point, or forged.

    Whoever obeys a RST has no connection left to probe for (RFC 9293 §3.10.7.4). That the other end does not hear the
    RST of a timer that gave up is no wonder: only its own end's probes show that it is none.
    """
    probed_0 = probed_1 = ABSENT  # when each end probed last, ns
    for place in range(last - 1, first - 1, -1):
        row = order[place]
        ts_ns, is_first_end = c.ts_ns[row], c.end[row] == 0
        if out.tag[row] == PROBE:
            probed_0 = max(probed_0, ts_ns) if is_first_end else probed_0
            probed_1 = probed_1 if is_first_end else max(probed_1, ts_ns)
        elif out.tag[row] == RST_TAG or out.tag[row] == GIVE_UP_RST:
            mine, theirs = (probed_0, probed_1) if is_first_end else (probed_1, probed_0)
            latest_ns = mine if out.tag[row] == GIVE_UP_RST else max(mine, theirs)
            if latest_ns > ts_ns + ON_ITS_WAY_NS:
                out.tag[row], out.rule[row], out.of[row] = STRAY, GOES_ON_PROBING, ABSENT


def pass_over_what_crossed(c: Any, order: Any, first: int, last: int, out: Any) -> None:
    """Tag probes as STRAY that were under way when a RST ended their connection, and their answers as plain ACKs."""
    reset = ABSENT
    for place in range(first, last):
        row = order[place]
        if reset == ABSENT:
            if out.tag[row] == RST_TAG or out.tag[row] == GIVE_UP_RST:
                reset = row
        elif out.tag[row] == PROBE:
            if c.end[row] == c.end[reset] or c.ts_ns[row] <= c.ts_ns[reset] + ON_ITS_WAY_NS:
                out.tag[row], out.rule[row] = STRAY, AFTER_RESET
        elif out.tag[row] == ANSWER and out.tag[out.of[row]] == STRAY:
            out.tag[row], out.rule[row], out.of[row] = PURE_ACK, PLAIN, ABSENT
