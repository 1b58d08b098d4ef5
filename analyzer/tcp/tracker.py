"""SND.NXT and SND.UNA per direction, and the segments worth a second look.

The per-packet stage never decides what it cannot know. It keeps what RFC 9293 §3.3.1 calls
the send sequence variables of both ends, and hands on as *candidates* every segment that
may mean something for keepalive, with what was true when it was seen; `keepalive/tags.py`
decides with the flow's whole candidate list in view. All state is in the tables that the
caller owns, so that the input may be cut into batches anywhere.
"""

from typing import Any

from analyzer.columns import Table
from analyzer.diagnostics import TIME_BACKWARDS, note
from analyzer.jit import Engine
from analyzer.schema import (
    ACK,
    CANDIDATES,
    FIN,
    KIND_ICMP_ERROR,
    KIND_NEIGHBOUR,
    KIND_TCP,
    NEIGHBOURS,
    NEVER,
    RST,
    SYN,
)
from analyzer.sequence import seq_add, seq_diff
from analyzer.tcp.flows import FlowTable

REL_UNKNOWN, REL_NEXT, REL_BELOW, REL_BELOW_UNA, REL_OLD, REL_BEYOND = range(6)
"""SEG.SEQ against SND.NXT: not known yet; equal; one below; further below, but one below SND.UNA;
elsewhere below; above (a hole)."""

TRAIT_UNSURE = 1
"""SND.NXT rested only on this end's own segments of at most one octet."""
TRAIT_SAME_ACK = 2
"""SEG.ACK and the window differ in nothing or only in the window from the last segment's."""
TRAIT_SAME_WINDOW = 4
TRAIT_COPY = 8
"""Equal to the end's last segment, milliseconds later: the same packet captured twice."""
TRAIT_PEER_IN_FLIGHT = 16
"""The other end has octets unacknowledged."""
TRAIT_REVEALS = 32
"""Its SEG.ACK shows that the other end's last segment, whose place was unknown, lay one below SND.NXT."""
TRAIT_AT_FIN = 64
"""SEG.SEQ is that of the end's own FIN: as likely an ACK captured late as a probe."""
TRAIT_AFTER_SUSPECT = 128
"""The first sign of this end since the other end sent what may have been a probe."""

IDLE_NS = 1_000_000_000
"""A segment after so long without any is a candidate: it ends an idle gap."""
COPY_NS = 5_000_000
"""A copy arrives within milliseconds (SPAN of both directions, any-interface)."""
REPLY_NS = 2_000_000_000
"""What acknowledges data later than any round trip is no measure of one."""
PLAUSIBLE_ACK = 1 << 30
"""The largest window (RFC 7323 §2.3): an ACK further ahead tells nothing about SND.NXT."""


class Tracker:
    """Packets in, candidates and neighbour events out; holds the flow table."""

    def __init__(self) -> None:
        self.table = FlowTable()
        self.candidates = Table(CANDIDATES)
        self.neighbours = Table(NEIGHBOURS)

    def feed(self, packets: Table, engine: Engine, counts: Any) -> None:
        """Take in a batch; the rows of `packets` are free again afterwards."""
        self.table.assign(packets, engine)
        self.candidates.reserve(packets.rows)
        before = self.candidates.rows
        self.candidates.rows = engine.run(
            track,
            packets.view,
            packets.rows,
            self.table.flows.view,
            self.table.ends.view,
            self.candidates.view,
            before,
            counts,
        )
        self._keep_neighbours(packets)

    def _keep_neighbours(self, packets: Table) -> None:
        columns, view = self.neighbours, packets.view
        for row in range(packets.rows) if KIND_NEIGHBOUR in view.kind[: packets.rows] else ():
            if view.kind[row] == KIND_NEIGHBOUR:
                columns.append(
                    view.frame[row],
                    view.ts_ns[row],
                    view.flags[row],
                    view.dst_hi[row],
                    view.dst_lo[row],
                    view.src_hi[row],
                    view.src_lo[row],
                )


def track(packets: Any, count: int, flows: Any, ends: Any, out: Any, rows: int, counts: Any) -> int:
    """Kernel: returns the number of candidates; at most one a packet is added."""
    for at in range(count):
        kind = packets.kind[at]
        flow = packets.flow[at]
        if kind == KIND_ICMP_ERROR and flow != NEVER:
            emit_icmp_error(packets, at, ends, out, rows)
            rows += 1
        if kind != KIND_TCP:
            continue
        end = packets.end[at]
        me = 2 * flow + end
        peer = me ^ 1
        ts, seq, ack, flags = packets.ts_ns[at], packets.seq[at], packets.ack[at], packets.flags[at]
        payload_len, tsval = packets.payload_len[at], packets.tsval[at]

        if flows.packets[flow] == 0:
            flows.first_ns[flow] = ts
            flows.data_ns[flow] = NEVER
            idle_ns = NEVER
        else:
            idle_ns = ts - flows.last_ns[flow]
            if idle_ns < 0:
                note(counts, TIME_BACKWARDS, packets.frame[at])
                idle_ns = 0
            if idle_ns > flows.max_idle_ns[flow]:
                flows.max_idle_ns[flow] = idle_ns
        own_ns = max(ts - ends.last_ns[me], 0) if ends.last_ns[me] != NEVER else NEVER

        snd_nxt, snd_una = ends.snd_nxt[me], ends.snd_una[me]
        relation = relation_of(seq, snd_nxt, snd_una)
        in_flight = seq_diff(snd_nxt, snd_una) if snd_nxt != NEVER and snd_una != NEVER else NEVER
        window = scaled_window(packets.window[at], flags, ends, me, peer)
        traits = traits_of(packets, at, ends, me, peer, relation, window, own_ns)
        end_seq = seq_add(seq, payload_len + (flags & SYN != 0) + (flags & FIN != 0))
        is_small = payload_len <= 1 and not flags & (SYN | FIN | RST)
        is_suspect = is_small and (may_be_probe(relation) or (traits & TRAIT_UNSURE) != 0 or ends.window[peer] == 0)
        is_resend = payload_len > 0 and snd_nxt != NEVER and seq_diff(end_seq, snd_nxt) <= 0

        if (
            flags & (SYN | FIN | RST)
            or traits & TRAIT_AFTER_SUSPECT
            or idle_ns >= IDLE_NS
            or is_resend
            or is_suspect
            or (payload_len == 0 and traits & TRAIT_SAME_ACK)
        ):
            out.frame[rows], out.ts_ns[rows] = packets.frame[at], ts
            out.flow[rows], out.end[rows], out.kind[rows] = flow, end, KIND_TCP
            out.flags[rows], out.seq[rows], out.ack[rows] = flags, seq, ack
            out.payload_len[rows], out.window[rows] = payload_len, window
            out.relation[rows], out.traits[rows] = relation, traits
            out.in_flight[rows], out.peer_window[rows] = in_flight, ends.window[peer]
            out.idle_ns[rows], out.own_ns[rows] = idle_ns, own_ns
            out.heard_ns[rows], out.any_ns[rows] = ends.accepted_ns[peer], ends.last_ns[peer]
            out.data_ns[rows] = flows.data_ns[flow]
            out.ttl[rows], out.usual_ttl[rows] = packets.ttl[at], ends.ttl[me]
            out.ip_id[rows], out.tsval[rows] = packets.ip_id[at], tsval
            rows += 1

        flows.packets[flow] += 1
        flows.octets[flow] += payload_len
        flows.last_ns[flow] = max(ts, flows.last_ns[flow])
        if payload_len > 1 or (payload_len == 1 and not is_below(relation)) or flags & (SYN | FIN):
            flows.data_ns[flow] = ts
            ends.sent_ns[me] = ts
        if not flags & RST:
            take_ack(ends, me, peer, ack, flags, ts)
            take_sequence(ends, me, end_seq, payload_len, flags, relation, ts)
            ends.window[me] = window
            ends.ttl[me] = packets.ttl[at]
        if is_suspect:
            ends.is_suspect[me] = 1  # until the other end is heard: that is a candidate, data in between or not
        else:
            ends.is_suspect[peer] = 0
        if flags & SYN:
            ends.isn[me] = seq
            ends.window_shift[me] = packets.window_shift[at]
        if flags & FIN:
            ends.fin_seq[me] = seq_add(seq, payload_len)
        ends.last_ns[me], ends.last_seq[me], ends.last_ack[me] = ts, seq, ack
        ends.last_len[me], ends.last_flags[me] = payload_len, flags
        ends.last_ip_id[me], ends.last_tsval[me] = packets.ip_id[at], tsval
    return rows


def relation_of(seq: int, snd_nxt: int, snd_una: int) -> int:
    if snd_nxt == NEVER:
        return REL_UNKNOWN
    distance = seq_diff(seq, snd_nxt)
    if distance == 0:
        return REL_NEXT
    if distance == -1:
        return REL_BELOW
    if distance > 0:
        return REL_BEYOND
    return REL_BELOW_UNA if snd_una != NEVER and seq == seq_add(snd_una, -1) else REL_OLD


def is_below(relation: int) -> bool:
    """Where a keepalive probe lies: one below SND.NXT, or below SND.UNA with a FIN or data in flight."""
    return relation == REL_BELOW or relation == REL_BELOW_UNA


def may_be_probe(relation: int) -> bool:
    """A probe may also lie where nothing is known: at the capture's begin, or behind a hole in it."""
    return is_below(relation) or relation == REL_UNKNOWN or relation == REL_BEYOND


def scaled_window(window: int, flags: int, ends: Any, me: int, peer: int) -> int:
    """RFC 7323 §2.2: scaled only where both SYNs carried the option, and never in a SYN."""
    if flags & SYN or ends.window_shift[me] <= 0 or ends.window_shift[peer] == NEVER:
        return window
    scaled: int = window << ends.window_shift[me]
    return scaled


def traits_of(packets: Any, at: int, ends: Any, me: int, peer: int, relation: int, window: int, own_ns: int) -> int:
    """What the per-flow stage wants to know and only the state of this moment can tell."""
    seq, ack, flags = packets.seq[at], packets.ack[at], packets.flags[at]
    traits = 0
    if relation != REL_UNKNOWN and ends.is_sure[me] != 1:
        traits |= TRAIT_UNSURE
    if ends.is_suspect[peer] == 1:
        traits |= TRAIT_AFTER_SUSPECT
    if own_ns != NEVER and flags & ACK and ends.last_flags[me] & ACK and ack == ends.last_ack[me]:
        if relation == REL_NEXT or relation == REL_BELOW:
            traits |= TRAIT_SAME_ACK
        if window == ends.window[me]:
            traits |= TRAIT_SAME_WINDOW
    if own_ns != NEVER and own_ns <= COPY_NS and is_copy(packets, at, ends, me, own_ns):
        traits |= TRAIT_COPY
    if ends.snd_una[peer] != NEVER and ends.snd_nxt[peer] != ends.snd_una[peer]:
        traits |= TRAIT_PEER_IN_FLIGHT
    if ends.fin_seq[me] != NEVER and seq == ends.fin_seq[me]:
        traits |= TRAIT_AT_FIN
    if reveals_probe(packets, at, ends, peer):
        traits |= TRAIT_REVEALS
    return traits


def is_copy(packets: Any, at: int, ends: Any, me: int, own_ns: int) -> bool:
    """The same packet again, not the same segment sent again: IP ID or timestamp are equal too."""
    if (
        packets.seq[at] != ends.last_seq[me]
        or packets.ack[at] != ends.last_ack[me]
        or packets.payload_len[at] != ends.last_len[me]
        or packets.flags[at] != ends.last_flags[me]
        or packets.tsval[at] != ends.last_tsval[me]
    ):
        return False
    if packets.ip_id[at] > 0:
        return bool(packets.ip_id[at] == ends.last_ip_id[me])
    return packets.tsval[at] != NEVER or own_ns < COPY_NS // 5


def reveals_probe(packets: Any, at: int, ends: Any, peer: int) -> bool:
    """Shows that the peer's last segment, whose place was a guess, lay one below its SND.NXT.

    Either its SEG.ACK is one beyond an empty segment's place, or it reports the one octet as
    received before (RFC 2883 §4.1).
    """
    ack, flags = packets.ack[at], packets.flags[at]
    if flags & (SYN | RST) or not flags & ACK or ends.is_sure[peer] == 1 or ends.snd_nxt[peer] == NEVER:
        return False
    if ends.last_len[peer] == 1:
        return bool(packets.has_dsack[at]) and ack == ends.snd_nxt[peer]
    is_latest = ends.last_len[peer] == 0 and ends.last_seq[peer] == ends.snd_nxt[peer]
    return is_latest and seq_diff(ack, ends.snd_nxt[peer]) == 1


def take_ack(ends: Any, me: int, peer: int, ack: int, flags: int, ts: int) -> None:
    """What a SEG.ACK says about the other end: SND.UNA, and SND.NXT where it was not captured."""
    if not flags & ACK:
        return
    snd_nxt, snd_una = ends.snd_nxt[peer], ends.snd_una[peer]
    if snd_nxt != NEVER and abs(seq_diff(ack, snd_nxt)) > PLAUSIBLE_ACK:
        return
    if snd_una == NEVER or seq_diff(ack, snd_una) > 0:
        ends.snd_una[peer] = ack
        if ends.sent_ns[peer] != NEVER:
            took = max(ts - ends.sent_ns[peer], 0)
            if took <= REPLY_NS and (ends.reply_ns[me] == NEVER or took < ends.reply_ns[me]):
                ends.reply_ns[me] = took
    if snd_nxt == NEVER or seq_diff(ack, snd_nxt) >= 0:
        ends.snd_nxt[peer] = ack
        ends.is_sure[peer] = 1


def take_sequence(ends: Any, me: int, end_seq: int, payload_len: int, flags: int, relation: int, ts: int) -> None:
    """Advance SND.NXT, and note when the other end last heard a segment that it accepts.

    A segment that lies wholly before RCV.NXT is not accepted (RFC 9293 §3.4; on Linux
    tcp_validate_incoming): an empty probe does not refresh the other end's idle clock, one
    of one octet does. An empty segment whose place is not sure may be such a probe: then
    the other end's clock is unknown.
    """
    is_solid = payload_len > 1 or (flags & (SYN | FIN)) != 0
    snd_nxt = ends.snd_nxt[me]
    if snd_nxt == NEVER or seq_diff(end_seq, snd_nxt) > 0:
        ends.snd_nxt[me] = end_seq
        ends.is_sure[me] = is_solid or (relation == REL_NEXT and ends.is_sure[me] == 1)
    elif is_solid and end_seq == snd_nxt:
        ends.is_sure[me] = 1
    if payload_len == 0 and not is_solid and ends.is_sure[me] != 1:
        ends.accepted_ns[me] = NEVER
    elif seq_diff(end_seq, ends.snd_nxt[me]) >= 0:
        ends.accepted_ns[me] = ts


def emit_icmp_error(packets: Any, at: int, ends: Any, out: Any, row: int) -> None:
    """An ICMP error is a candidate of the flow that it quotes, at the end that is told."""
    me = 2 * packets.flow[at] + packets.end[at]
    out.frame[row], out.ts_ns[row] = packets.frame[at], packets.ts_ns[at]
    out.flow[row], out.end[row], out.kind[row] = packets.flow[at], packets.end[at], KIND_ICMP_ERROR
    out.flags[row], out.seq[row], out.ack[row] = packets.flags[at], packets.seq[at], 0
    out.payload_len[row], out.window[row] = 0, NEVER
    out.relation[row], out.traits[row] = relation_of(packets.seq[at], ends.snd_nxt[me], ends.snd_una[me]), 0
    out.in_flight[row], out.peer_window[row] = NEVER, NEVER
    out.idle_ns[row], out.own_ns[row] = NEVER, NEVER
    out.heard_ns[row], out.any_ns[row], out.data_ns[row] = NEVER, NEVER, NEVER
    out.ttl[row], out.usual_ttl[row] = packets.ttl[at], NEVER
    out.ip_id[row], out.tsval[row] = packets.ip_id[at], NEVER
