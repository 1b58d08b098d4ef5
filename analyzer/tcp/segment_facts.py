"""The place of a segment in its stream, and what was true when it was seen: facts that only the state of that moment
can tell.

Predicates over the packet and the state of both ends, as `tracker.py` keeps it. They cite the clause that they rest on,
and do not say what the segment is: `keepalive/tags/tagger.py` does.
"""

from typing import Any

from analyzer.schema import ABSENT, ACK, FIN, RST, SYN
from analyzer.sequence import seq_add, seq_diff

REL_UNKNOWN, REL_NEXT, REL_BELOW, REL_BELOW_UNA, REL_OLD, REL_BEYOND = range(6)
"""The place of SEG.SEQ relative to SND.NXT: not known yet; equal; one below; further below, but one below SND.UNA;
elsewhere below; above (a hole)."""

UNSURE = 1
"""SND.NXT rested only on this end's own segments of at most one octet."""
SAME_ACK = 2
"""SEG.ACK is that of the end's last segment; the window may differ."""
SAME_WINDOW = 4
DUPLICATE = 8
"""A packet captured twice: equal to one of the same end milliseconds before, or to one from before the clock was set
back."""
PEER_IN_FLIGHT = 16
"""The other end has octets unacknowledged."""
REVEALS = 32
"""Its SEG.ACK shows that the other end's last segment, whose place was unknown, lay one below SND.NXT."""
AT_FIN = 64
"""SEG.SEQ is that of the end's own FIN: as likely an ACK captured late as a probe."""
AFTER_SUSPECT = 128
"""The first sign of this end since the other end sent what may have been a probe, a RST, or a SYN."""
AT_SYN = 256
"""SEG.SEQ is that of the end's own SYN."""
OUTSIDE = 512
"""A RST whose SEG.SEQ lies outside of the other end's window (RFC 9293 §3.5.3)."""
REFUSES_SYN = 1024
"""A bare ACK for a SYN: its sender still holds an older connection (RFC 9293 §3.5.1)."""
CLOSED = 2048
"""Both ends have sent FIN and had it acknowledged."""
AFTER_SYN = 4096
"""The end has sent nothing so far but its SYN, and empty segments with the SYN's number."""
ADVANCES = 8192
"""SEG.ACK is beyond that of the end's last segment: it acknowledges something new."""
SAME_OCTET = 16384
"""Its one octet is the same that the end's last segment was."""
UNACCEPTABLE = 32768
"""SEG.ACK acknowledges what the other end has not sent, as far as was captured, or what is long past (RFC 5961
§5.2)."""
LATE_BY_CLOCK = 65536
"""The sender's timestamps say that a second has passed where the capture's times say that hardly any has."""

AT_UNA = 131072
"""SEG.SEQ is SND.UNA: the oldest octet that is unacknowledged, which the retransmission timer sends (RFC 6298 §5.4)."""

DUPLICATE_NS = 5_000_000
"""Longest delay of a duplicate (SPAN of both directions, any-interface)."""
LATE_DUPLICATE_NS = 200_000_000
"""The same where the IP ID shows the duplicate (interfaces whose clocks differ)."""
BARE_DUPLICATE_NS = 1_000_000
"""Longest delay of a duplicate without IP ID and timestamp. Only time tells it from a segment sent again after an
answer, and no stack is so quick."""
UNSCALED_WINDOW = 0xFFFF
"""Largest window without the window scale option (RFC 9293 §3.1)."""
REPLY_NS = 2_000_000_000
"""Longest time from data to its acknowledgement that counts as a measure of the round trip."""
CLOCK_TICKS, CLOCK_NS = 1000, 50_000_000
"""Ticks and time of a clock of 20 kHz. Faster timestamp clocks are hardly met, but capture times are rewritten now and
then."""
PLAUSIBLE_ACK = 1 << 30
"""The largest window (RFC 7323 §2.3): an ACK further ahead tells nothing about SND.NXT."""


def relation_of(seq: int, snd_nxt: int, snd_una: int) -> int:
    if snd_nxt == ABSENT:
        return REL_UNKNOWN
    distance = seq_diff(seq, snd_nxt)
    if distance == 0:
        return REL_NEXT
    if distance == -1:
        return REL_BELOW
    if distance > 0:
        return REL_BEYOND
    return REL_BELOW_UNA if snd_una != ABSENT and seq == seq_add(snd_una, -1) else REL_OLD


def is_below(relation: int) -> bool:
    """Tell whether a segment lies where a keepalive probe does: one below SND.NXT, or below SND.UNA with a FIN or data
    in flight."""
    return relation == REL_BELOW or relation == REL_BELOW_UNA


def may_be_probe(relation: int) -> bool:
    """Tell whether a probe may lie here: below, or where nothing is known, at the capture's begin or behind a hole in
    it."""
    return is_below(relation) or relation == REL_UNKNOWN or relation == REL_BEYOND


def facts_of(
    packets: Any,
    at: int,
    ends: Any,
    end_row: int,
    peer: int,
    relation: int,
    window: int,
    own_ns: int,
    is_duplicate: bool,
) -> int:
    """Return a segment's facts as bits: what the per-flow stage needs and only the state of this moment can tell."""
    seq, ack, flags = packets.seq[at], packets.ack[at], packets.flags[at]
    facts = DUPLICATE if is_duplicate else 0
    if relation != REL_UNKNOWN and ends.is_sure[end_row] != 1:
        facts |= UNSURE
    if ends.is_suspect[peer] == 1:
        facts |= AFTER_SUSPECT
    if own_ns != ABSENT and flags & ACK and ends.last_flags[end_row] & ACK:
        if ack == ends.last_ack[end_row]:
            if relation == REL_NEXT or relation == REL_BELOW:
                facts |= SAME_ACK
            if window == ends.window[end_row]:
                facts |= SAME_WINDOW
        elif seq_diff(ack, ends.last_ack[end_row]) > 0:
            facts |= ADVANCES
    if (
        own_ns != ABSENT
        and packets.payload_len[at] == 1
        and ends.last_len[end_row] == 1
        and seq == ends.last_seq[end_row]
    ):
        facts |= SAME_OCTET
    if own_ns != ABSENT and ends.last_flags[end_row] & SYN:
        facts |= AFTER_SYN
    if own_ns != ABSENT and own_ns < CLOCK_NS and is_later_by_clock(packets.tsval[at], ends.last_tsval[end_row]):
        facts |= LATE_BY_CLOCK
    if ends.snd_una[peer] != ABSENT and ends.snd_nxt[peer] != ends.snd_una[peer]:
        facts |= PEER_IN_FLIGHT
    if ends.snd_una[end_row] != ABSENT and seq == ends.snd_una[end_row]:
        facts |= AT_UNA
    if ends.fin_seq[end_row] != ABSENT:
        if seq == ends.fin_seq[end_row]:
            facts |= AT_FIN
        if has_fin_acknowledged(ends, end_row) and has_fin_acknowledged(ends, peer):
            facts |= CLOSED
    if ends.isn[end_row] != ABSENT and seq == ends.isn[end_row]:
        facts |= AT_SYN
    if reveals_probe(packets, at, ends, peer):
        facts |= REVEALS
    if flags & RST and is_outside(seq, ends, end_row, peer):
        facts |= OUTSIDE
    if refuses_syn(packets, at, ends, end_row, peer):
        facts |= REFUSES_SYN
    if flags & (SYN | RST | ACK) == ACK and is_unacceptable(ack, ends, end_row, peer):
        facts |= UNACCEPTABLE
    return facts


def is_seen_again(
    packets: Any, at: int, ends: Any, end_row: int, peer: int, relation: int, has_duplicates: bool
) -> bool:
    """Tell whether a segment that looks like one of the same end `since_ns` before is the same packet, not sent again.

    A packet that is sent again has another IP identification (RFC 6864 §4.1), where there is any, and
    mostly another timestamp. A RST without either is sent for each segment that it answers (RFC 9293 §3.10.7.1), so
    that two are one packet only where others of the flow were captured twice, too (`has_duplicates`).
    """
    ip_id, ts, since_ns = packets.ip_id[at], packets.ts_ns[at], packets.since_ns[at]
    if packets.flags[at] & RST and ip_id <= 0 and packets.tsval[at] == ABSENT and not has_duplicates:
        return False
    if ip_id > 0 and (packets.tsval[at] != ABSENT or ends.counts_ids[end_row] == 1):
        return bool(since_ns <= LATE_DUPLICATE_NS)
    if since_ns > DUPLICATE_NS or ip_id > 0 or packets.tsval[at] != ABSENT:
        return bool(since_ns <= DUPLICATE_NS)
    if is_below(relation) or ends.last_ns[peer] < ts - since_ns:
        return True  # nobody probes twice in milliseconds; nothing was heard that could have made the end say it again
    is_ack = packets.payload_len[at] == 0 and not packets.flags[at] & (SYN | FIN | RST)
    return bool(since_ns <= BARE_DUPLICATE_NS and not (is_ack and relation == REL_NEXT))


def is_old_again(packets: Any, at: int, ends: Any, end_row: int, peer: int) -> bool:
    """Tell whether a frame repeats an earlier one: nothing in it is new, and neither timestamp nor IP ID is later than
    the end's last.

    Such are the frames of a capture that was appended to itself, or of a second capture of the same time.
    """
    flags, ack = packets.flags[at], packets.ack[at]
    end_seq = seq_add(packets.seq[at], packets.payload_len[at] + (flags & SYN != 0) + (flags & FIN != 0))
    if ends.snd_nxt[end_row] == ABSENT or seq_diff(end_seq, ends.snd_nxt[end_row]) > 0:
        return False
    if flags & ACK and (ends.snd_nxt[peer] == ABSENT or seq_diff(ack, ends.snd_nxt[peer]) > 0):
        return False
    tsval, last_tsval = packets.tsval[at], ends.last_tsval[end_row]
    if tsval != ABSENT and last_tsval != ABSENT and tsval != last_tsval:
        return seq_diff(tsval, last_tsval) < 0
    if packets.ip_id[at] > 0 and ends.last_ip_id[end_row] > 0:
        return bool(((packets.ip_id[at] - ends.last_ip_id[end_row] + 0x8000) & 0xFFFF) - 0x8000 <= 0)
    return True


def is_later_by_clock(tsval: int, last_tsval: int) -> bool:
    return tsval != ABSENT and last_tsval != ABSENT and seq_diff(tsval, last_tsval) >= CLOCK_TICKS


def has_fin_acknowledged(ends: Any, end: int) -> bool:
    fin_seq, snd_una = ends.fin_seq[end], ends.snd_una[end]
    return bool(fin_seq != ABSENT and snd_una != ABSENT and seq_diff(snd_una, fin_seq) > 0)


def is_unacceptable(ack: int, ends: Any, end_row: int, peer: int) -> bool:
    """Tell whether SEG.ACK is above the other end's SND.NXT, or further below its SND.UNA than any window reached (RFC
    5961 §5.2)."""
    snd_nxt, snd_una = ends.snd_nxt[peer], ends.snd_una[peer]
    if ends.is_sure[peer] != 1 or snd_nxt == ABSENT or snd_una == ABSENT:
        return False
    is_scale_known = ends.isn[end_row] != ABSENT and ends.isn[peer] != ABSENT
    reach = max(ends.window[end_row], UNSCALED_WINDOW) if is_scale_known else PLAUSIBLE_ACK
    return seq_diff(ack, snd_nxt) > 0 or seq_diff(ack, snd_una) < -reach


def is_far_below(ack: int, ends: Any, peer: int) -> bool:
    """Tell whether SEG.ACK is so far below SND.UNA that the window scale, known only from the SYN, decides whether it
    is acceptable."""
    return ends.snd_una[peer] != ABSENT and seq_diff(ack, ends.snd_una[peer]) < -UNSCALED_WINDOW


def is_outside(seq: int, ends: Any, end_row: int, peer: int) -> bool:
    """Tell whether a segment lies outside of the window in which the other end accepts a RST (RFC 9293 §3.5.3, RFC 5961
    §3).

    One below is allowed: some stacks acknowledge one octet too few, and a RST takes its number from that ACK.
    """
    snd_nxt, snd_una = ends.snd_nxt[end_row], ends.snd_una[end_row]
    if ends.is_sure[end_row] != 1 or snd_nxt == ABSENT:
        return False
    reach = PLAUSIBLE_ACK  # where the window scale is not known
    if ends.isn[end_row] != ABSENT and snd_una == ABSENT:
        reach = 0xFFFF  # nothing but a SYN has been sent
    elif ends.isn[end_row] != ABSENT and ends.isn[peer] != ABSENT and ends.window[peer] != ABSENT:
        reach = ends.window[peer]
    return seq_diff(seq, snd_una if snd_una != ABSENT else snd_nxt) < -1 or seq_diff(seq, snd_nxt) > reach


def refuses_syn(packets: Any, at: int, ends: Any, end_row: int, peer: int) -> bool:
    """Tell whether this end's first segment acknowledges something else than the SYN before it (RFC 9293 §3.10.7.3)."""
    flags = packets.flags[at]
    if flags & (SYN | RST) or not flags & ACK or ends.isn[end_row] != ABSENT or ends.isn[peer] == ABSENT:
        return False
    is_first = ends.snd_nxt[end_row] == ABSENT and ends.last_flags[peer] & (SYN | ACK) == SYN
    is_prompt = packets.ts_ns[at] - ends.last_ns[peer] <= REPLY_NS
    return bool(is_first and is_prompt and packets.ack[at] != seq_add(ends.isn[peer], 1))


def reveals_probe(packets: Any, at: int, ends: Any, peer: int) -> bool:
    """Tell whether a segment shows that the peer's last one, whose place was a guess, lay one below its SND.NXT.

    Either its SEG.ACK is one beyond an empty segment's place, or it reports the one octet as
    received before (RFC 2883 §4.1).
    """
    ack, flags = packets.ack[at], packets.flags[at]
    if flags & (SYN | RST) or not flags & ACK or ends.snd_nxt[peer] == ABSENT:
        return False
    if ends.last_len[peer] == 1:
        return bool(ends.is_sure[peer] != 1 and packets.has_dsack[at]) and ack == ends.snd_nxt[peer]
    is_latest = ends.last_len[peer] == 0 and ends.last_seq[peer] == ends.snd_nxt[peer]
    return is_latest and seq_diff(ack, ends.snd_nxt[peer]) == 1
