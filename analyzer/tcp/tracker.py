"""SND.NXT and SND.UNA per direction, and the segments worth a second look.

The per-packet stage never decides what it cannot know. It keeps what RFC 9293 §3.3.1 calls
the send sequence variables of both ends, and hands on as *candidates* every segment that
may mean something for keepalive, with what was true when it was seen; `keepalive/tags/tagger.py`
decides with the flow's whole candidate list in view. All state is in the tables that the
caller owns, so that the input may be cut into batches anywhere.
"""

from typing import Any

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.schema import (
    ABSENT,
    ACK,
    FIN,
    KIND_ICMP_ERROR,
    KIND_NEIGHBOUR,
    KIND_TCP,
    RST,
    SYN,
)
from analyzer.schema.flows import CANDIDATES, NEIGHBOURS
from analyzer.sequence import seq_add, seq_diff
from analyzer.tcp import segment_facts
from analyzer.tcp.duplicates import Recent
from analyzer.tcp.flows import FlowTable
from analyzer.tcp.segment_facts import (
    facts_of,
    is_below,
    is_far_below,
    is_old_again,
    is_seen_again,
    may_be_probe,
    relation_of,
)

SMALLEST_MSS = 536
"""Size that every path carries whole (RFC 9293 §3.7.1): a shorter segment was one packet on the wire, whatever offloads
do."""
IDLE_NS = 1_000_000_000
"""Silence after which a segment is a candidate: it ends an idle gap."""
MOST_OVERTAKEN = 16
"""Most segments of one end that arrive before one that was sent earlier."""
STEP_BACK_NS = 2_000_000_000
"""Step back in time that is no reordering of frames: the clock was set, or the capture contains the frames twice."""


class Tracker:
    """Packets in, candidates and neighbour events out; holds the flow table."""

    def __init__(self) -> None:
        self.table = FlowTable()
        self.candidates = Table(CANDIDATES)
        self.recent = Recent()
        self.neighbours = Table(NEIGHBOURS)

    def follow(self, packets: Table, engine: Engine) -> None:
        """Take in a batch whose segments have `since_ns`, the time since one with the same fingerprint.

        The rows of `packets` are free again afterwards.
        """
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
        )
        self.neighbours.reserve(packets.rows)
        self.neighbours.rows = engine.run(
            keep_neighbours, packets.view, packets.rows, self.neighbours.view, self.neighbours.rows
        )


def keep_neighbours(packets: Any, count: int, out: Any, rows: int) -> int:
    """Kernel: keep ARP and neighbour discovery packets, which show who is there; return the number of rows in `out`."""
    for at in range(count):
        if packets.kind[at] == KIND_NEIGHBOUR:
            out.frame[rows], out.ts_ns[rows] = packets.frame[at], packets.ts_ns[at]
            out.tunnel[rows], out.kind[rows] = packets.tunnel[at], packets.flags[at]
            out.addr_hi[rows], out.addr_lo[rows] = packets.dst_hi[at], packets.dst_lo[at]
            out.asker_hi[rows], out.asker_lo[rows] = packets.src_hi[at], packets.src_lo[at]
            rows += 1
    return rows


def track(packets: Any, count: int, flows: Any, ends: Any, out: Any, rows: int) -> int:
    """Kernel: advance the state of flows and ends, and emit candidates, at most one a packet; return their number."""
    for at in range(count):
        kind = packets.kind[at]
        flow = packets.flow[at]
        if kind == KIND_ICMP_ERROR and flow != ABSENT:
            emit_icmp_error(packets, at, ends, out, rows)
            rows += 1
        if kind != KIND_TCP:
            continue
        end = packets.end[at]
        end_row = 2 * flow + end
        peer = end_row ^ 1
        ts, seq, ack, flags = packets.ts_ns[at], packets.seq[at], packets.ack[at], packets.flags[at]
        payload_len, tsval = packets.payload_len[at], packets.tsval[at]
        if packets.since_ns[at] < 0 and is_plain(packets, at, flows, flow, ends, end_row, peer):
            track_plain(packets, at, flows, flow, ends, end_row, peer)
            continue
        if ends.held_nxt[end_row] != ABSENT:
            resolve_held_ack(ends, end_row, seq, payload_len, flags, ts - ends.last_ns[peer])
        snd_nxt, snd_una = ends.snd_nxt[end_row], ends.snd_una[end_row]
        relation = relation_of(seq, snd_nxt, snd_una)
        is_first = flows.packets[flow] == 0
        is_duplicate = (
            not is_first
            and packets.since_ns[at] >= 0
            and is_seen_again(packets, at, ends, end_row, peer, relation, flows.duplicates[flow] > 0)
        )

        if is_first:
            flows.first_ns[flow] = ts
            flows.data_ns[flow] = ABSENT
            idle_ns = ABSENT
        else:
            idle_ns = ts - flows.last_ns[flow]
            if idle_ns < 0:
                if flows.steps_back[flow] == 0:
                    flows.step_back_frame[flow] = packets.frame[at]
                flows.steps_back[flow] += 1
                if idle_ns <= -STEP_BACK_NS:
                    is_duplicate = is_duplicate or is_old_again(packets, at, ends, end_row, peer)
                    if not is_duplicate:
                        set_clock_back(flows, flow, ends, ts)
                idle_ns = 0
            if idle_ns > flows.max_idle_ns[flow] and not is_duplicate:
                flows.max_idle_ns[flow] = idle_ns
        own_ns = max(ts - ends.last_ns[end_row], 0) if ends.last_ns[end_row] != ABSENT else ABSENT

        is_known = snd_una == snd_nxt or ends.sent_ns[end_row] != ABSENT  # an ACK one too low is nothing in flight
        in_flight = seq_diff(snd_nxt, snd_una) if snd_una != ABSENT and is_known else ABSENT
        window = scaled_window(packets.window[at], flags, ends, end_row, peer)
        facts = facts_of(packets, at, ends, end_row, peer, relation, window, own_ns, is_duplicate)
        end_seq = seq_add(seq, payload_len + (flags & SYN != 0) + (flags & FIN != 0))
        is_small = payload_len <= 1 and not flags & (SYN | FIN | RST)
        is_suspect = is_small and (
            may_be_probe(relation) or (facts & segment_facts.UNSURE) != 0 or ends.window[peer] == 0
        )
        is_unclear = is_suspect or (
            payload_len > 0 and ends.is_suspect[end_row] == 1 and (facts & segment_facts.UNSURE) != 0
        )
        is_resend = payload_len > 0 and snd_nxt != ABSENT and seq_diff(end_seq, snd_nxt) <= 0

        if (
            flags & (SYN | FIN | RST)
            or facts & (segment_facts.AFTER_SUSPECT | segment_facts.DUPLICATE | segment_facts.UNACCEPTABLE)
            or idle_ns >= IDLE_NS
            or is_resend
            or (is_unclear and not goes_on_by_octets(packets, at, ends, end_row, peer, relation))
            or (payload_len == 0 and facts & segment_facts.SAME_ACK)
            or (payload_len > 0 and has_just_closed(ends, peer))
        ):
            out.frame[rows], out.ts_ns[rows] = packets.frame[at], ts
            out.flow[rows], out.end[rows], out.kind[rows] = flow, end, KIND_TCP
            out.flags[rows], out.seq[rows], out.ack[rows] = flags, seq, ack
            out.payload_len[rows], out.window[rows] = payload_len, window
            out.relation[rows], out.facts[rows] = relation, facts
            out.in_flight[rows], out.peer_window[rows] = in_flight, ends.window[peer]
            out.idle_ns[rows], out.own_ns[rows] = idle_ns, own_ns
            out.heard_ns[rows], out.any_ns[rows] = ends.accepted_ns[peer], ends.last_ns[peer]
            out.data_ns[rows] = flows.data_ns[flow]
            out.own_data_ns[rows], out.peer_data_ns[rows] = ends.data_ns[end_row], ends.data_ns[peer]
            out.ttl[rows], out.usual_ttl[rows] = packets.ttl[at], ends.ttl[end_row]
            out.ip_id[rows], out.tsval[rows], out.tsecr[rows] = packets.ip_id[at], tsval, packets.tsecr[at]
            out.own_ip_id[rows] = ends.last_ip_id[end_row] if ends.last_len[end_row] < SMALLEST_MSS else ABSENT
            rows += 1

        flows.packets[flow] += 1
        if is_duplicate:
            if flows.duplicates[flow] == 0:
                flows.duplicate_frame[flow] = packets.frame[at]
            flows.duplicates[flow] += 1
            continue
        flows.octets[flow] += payload_len
        flows.first_ns[flow] = min(ts, flows.first_ns[flow])
        flows.last_ns[flow] = max(ts, flows.last_ns[flow])
        if payload_len > 1 or (payload_len == 1 and not is_below(relation)) or flags & (SYN | FIN):
            flows.data_ns[flow] = ts
            ends.sent_ns[end_row] = ts
        if is_new_data(payload_len, end_seq, flags, snd_nxt):
            ends.data_ns[end_row] = ts
        if flags & ACK and is_far_below(ack, ends, peer):
            flows.far_below[flow] += 1
        if not flags & RST and not facts & segment_facts.REFUSES_SYN:
            take_ack(ends, end_row, peer, ack, flags, ts)
            take_sequence(ends, end_row, end_seq, payload_len, flags, relation, ts)
            ends.window[end_row] = window
            ends.ttl[end_row] = packets.ttl[at]
            if not flags & SYN and not is_suspect:
                note_ttl(ends, end_row, packets.ttl[at])
        if not is_suspect:
            ends.is_suspect[peer] = 0
        if is_suspect or flags & RST or flags & (SYN | ACK) == SYN:
            ends.is_suspect[end_row] = 1  # until the other end is heard: that is a candidate, data in between or not
        if flags & SYN:
            ends.isn[end_row] = seq
            ends.window_shift[end_row] = packets.window_shift[at]
        if flags & FIN:
            ends.fin_seq[end_row] = seq_add(seq, payload_len)
        remember(packets, at, ends, end_row)
        if facts & segment_facts.AFTER_SYN and facts & segment_facts.AT_SYN and payload_len == 0:
            ends.last_flags[end_row] |= SYN  # still nothing else
    return rows


def is_new_data(payload_len: int, end_seq: int, flags: int, snd_nxt: int) -> bool:
    """Tell whether a segment brings octets that its end has not sent before; one octet at an unknown place may be a
    probe's."""
    if snd_nxt == ABSENT:
        return payload_len > 1
    return payload_len > 0 and seq_diff(end_seq, snd_nxt) > (flags & FIN != 0)


def goes_on_by_octets(packets: Any, at: int, ends: Any, end_row: int, peer: int, relation: int) -> bool:
    """Tell whether a single octet follows another at the next number, and more that may have been probes before it.

    A probe repeats a number. Nothing else would bound what is kept of single octets whose acknowledgement is not
    captured.
    """
    follows = ends.last_len[end_row] == 1 and packets.seq[at] == seq_add(ends.last_seq[end_row], 1)
    is_next = packets.payload_len[at] == 1 and relation == segment_facts.REL_NEXT
    return bool(is_next and follows and ends.is_suspect[end_row] == 1 and ends.window[peer] != 0)


def has_just_closed(ends: Any, end_row: int) -> bool:
    """Tell whether the last that an end sent was a FIN: data that comes now may have crossed it."""
    return bool(ends.last_flags[end_row] > 0 and ends.last_flags[end_row] & FIN)


def is_plain(packets: Any, at: int, flows: Any, flow: int, ends: Any, end_row: int, peer: int) -> bool:
    """Tell whether a segment is data or an ACK in sequence on a flow that continues, as nearly all packets are.

    Such a segment is a candidate by no clause of `track`; not checking those saves half of the time of tracking.
    """
    flags, payload_len, ack = packets.flags[at], packets.payload_len[at], packets.ack[at]
    idle_ns = packets.ts_ns[at] - flows.last_ns[flow]
    if flags & (SYN | FIN | RST | ACK) != ACK or payload_len == 1 or idle_ns < 0 or idle_ns >= IDLE_NS:
        return False
    if packets.seq[at] != ends.snd_nxt[end_row] or ends.is_sure[end_row] != 1 or ends.held_nxt[end_row] != ABSENT:
        return False
    if ends.is_sure[peer] != 1 or ends.is_suspect[peer] == 1 or ends.snd_una[peer] == ABSENT:
        return False
    if has_just_closed(ends, peer):
        return False
    if seq_diff(ack, ends.snd_nxt[peer]) > 0 or seq_diff(ack, ends.snd_una[peer]) < 0:
        return False
    return bool(payload_len > 0 or (ack != ends.last_ack[end_row] and ends.window[peer] != 0))


def track_plain(packets: Any, at: int, flows: Any, flow: int, ends: Any, end_row: int, peer: int) -> None:
    """Update the state by a plain segment, as `track` would."""
    ts, flags, payload_len = packets.ts_ns[at], packets.flags[at], packets.payload_len[at]
    if ts - flows.last_ns[flow] > flows.max_idle_ns[flow]:
        flows.max_idle_ns[flow] = ts - flows.last_ns[flow]
    flows.packets[flow] += 1
    flows.octets[flow] += payload_len
    flows.last_ns[flow] = ts
    if payload_len > 0:
        flows.data_ns[flow] = ts
        ends.sent_ns[end_row] = ends.data_ns[end_row] = ts
    take_ack(ends, end_row, peer, packets.ack[at], flags, ts)
    take_sequence(ends, end_row, seq_add(packets.seq[at], payload_len), payload_len, flags, segment_facts.REL_NEXT, ts)
    ends.window[end_row] = scaled_window(packets.window[at], flags, ends, end_row, peer)
    ends.ttl[end_row] = packets.ttl[at]
    note_ttl(ends, end_row, packets.ttl[at])
    ends.is_suspect[peer] = 0
    remember(packets, at, ends, end_row)


def remember(packets: Any, at: int, ends: Any, end_row: int) -> None:
    """Store the segment as the end's last one."""
    ip_id, last_ip_id = packets.ip_id[at], ends.last_ip_id[end_row]
    if ip_id > 0 and last_ip_id > 0 and ip_id != last_ip_id:
        ends.counts_ids[end_row] = 1
    if packets.ts_ns[at] - ends.last_ns[end_row] >= IDLE_NS or not is_overtaken(ip_id, last_ip_id):
        ends.last_ip_id[end_row] = ip_id
    ends.last_ns[end_row], ends.last_seq[end_row], ends.last_ack[end_row] = (
        packets.ts_ns[at],
        packets.seq[at],
        packets.ack[at],
    )
    ends.last_len[end_row], ends.last_flags[end_row] = packets.payload_len[at], packets.flags[at]
    ends.last_tsval[end_row] = packets.tsval[at]


def note_ttl(ends: Any, end_row: int, ttl: int) -> None:
    """Widen the range of TTLs that the end has sent on the open connection."""
    if ends.least_ttl[end_row] == ABSENT or ttl < ends.least_ttl[end_row]:
        ends.least_ttl[end_row] = ttl
    if ttl > ends.most_ttl[end_row]:
        ends.most_ttl[end_row] = ttl


def is_overtaken(ip_id: int, last_ip_id: int) -> bool:
    """Tell by its IP identification whether a segment was sent shortly before the end's last one: the two arrived out
    of order."""
    return ip_id > 0 and last_ip_id > 0 and 0 < (last_ip_id - ip_id) & 0xFFFF <= MOST_OVERTAKEN


def resolve_held_ack(ends: Any, end_row: int, seq: int, payload_len: int, flags: int, since_ns: int) -> None:
    """Decide about an ACK of data that was not captured: undo it if the sender's next empty segment stands where
    it stood before.

    A prompt one denies that it sent such data, so the ACK was unacceptable (RFC 5961 §5.2), and not a hole in the
    capture.
    """
    is_bare = payload_len == 0 and not flags & (SYN | FIN | RST)
    if is_bare and seq == ends.held_nxt[end_row] and since_ns <= segment_facts.REPLY_NS:
        ends.snd_nxt[end_row], ends.snd_una[end_row] = ends.held_nxt[end_row], ends.held_una[end_row]
        ends.is_acked_unseen[end_row] = 0
    ends.held_nxt[end_row] = ends.held_una[end_row] = ABSENT


def scaled_window(window: int, flags: int, ends: Any, end_row: int, peer: int) -> int:
    """Return the window in octets (RFC 7323 §2.2): scaled only where both SYNs carried the option, and never in a
    SYN."""
    if flags & SYN or ends.window_shift[end_row] <= 0 or ends.window_shift[peer] == ABSENT:
        return window
    scaled: int = window << ends.window_shift[end_row]
    return scaled


def set_clock_back(flows: Any, flow: int, ends: Any, ts: int) -> None:
    """Adjust a flow's times after the capture's clock was set back: times before and after that cannot be compared."""
    flows.latest_ns[flow] = max(flows.last_ns[flow], flows.latest_ns[flow])
    flows.last_ns[flow] = ts
    flows.data_ns[flow] = ABSENT
    for end in (2 * flow, 2 * flow + 1):
        ends.last_ns[end] = min(ends.last_ns[end], ts)
        ends.sent_ns[end] = min(ends.sent_ns[end], ts)
        ends.data_ns[end] = min(ends.data_ns[end], ts)
        ends.accepted_ns[end] = ABSENT


def take_ack(ends: Any, end_row: int, peer: int, ack: int, flags: int, ts: int) -> None:
    """Update the other end's SND.UNA by a SEG.ACK, and its SND.NXT where that was not captured."""
    if not flags & ACK:
        return
    snd_nxt, snd_una = ends.snd_nxt[peer], ends.snd_una[peer]
    if snd_nxt != ABSENT and abs(seq_diff(ack, snd_nxt)) > segment_facts.PLAUSIBLE_ACK:
        return
    if ends.is_sure[peer] == 1 and snd_una != ABSENT and seq_diff(ack, snd_nxt) > 1:  # one is a probe's octet
        ends.held_nxt[peer], ends.held_una[peer] = snd_nxt, snd_una
    if snd_una == ABSENT or seq_diff(ack, snd_una) > 0:
        ends.snd_una[peer] = ack
        if ends.sent_ns[peer] != ABSENT:
            took = max(ts - ends.sent_ns[peer], 0)
            if took <= segment_facts.REPLY_NS and (ends.reply_ns[end_row] == ABSENT or took < ends.reply_ns[end_row]):
                ends.reply_ns[end_row] = took
    if snd_nxt == ABSENT or seq_diff(ack, snd_nxt) >= 0:
        if ends.is_sure[peer] == 1 and ack != snd_nxt:
            ends.is_acked_unseen[peer] = 1
        ends.snd_nxt[peer] = ack
        ends.is_sure[peer] = 1
        ends.sent_ns[peer] = ABSENT  # nothing is outstanding


def take_sequence(ends: Any, end_row: int, end_seq: int, payload_len: int, flags: int, relation: int, ts: int) -> None:
    """Advance SND.NXT, and note when the other end last heard a segment that it accepts.

    A segment that lies wholly before RCV.NXT is not accepted (RFC 9293 §3.4; on Linux
    tcp_validate_incoming): an empty probe does not refresh the other end's idle clock, one
    of one octet does. An empty segment whose place is not sure may be such a probe: then
    the other end's clock is unknown.
    """
    is_solid = payload_len > 1 or (flags & (SYN | FIN)) != 0
    snd_nxt = ends.snd_nxt[end_row]
    if is_solid:
        ends.is_acked_unseen[end_row] = 0
    if snd_nxt == ABSENT or seq_diff(end_seq, snd_nxt) > 0:
        ends.snd_nxt[end_row] = end_seq
        ends.is_sure[end_row] = is_solid or (relation == segment_facts.REL_NEXT and ends.is_sure[end_row] == 1)
    elif is_solid and end_seq == snd_nxt:
        ends.is_sure[end_row] = 1
    if payload_len == 0 and not is_solid and ends.is_sure[end_row] != 1:
        ends.accepted_ns[end_row] = ABSENT
    elif seq_diff(end_seq, ends.snd_nxt[end_row]) >= 0:
        ends.accepted_ns[end_row] = ts


def emit_icmp_error(packets: Any, at: int, ends: Any, out: Any, row: int) -> None:
    """Add an ICMP error as a candidate of the flow that it quotes, at the end that it is sent to."""
    end_row = 2 * packets.flow[at] + packets.end[at]
    out.frame[row], out.ts_ns[row] = packets.frame[at], packets.ts_ns[at]
    out.flow[row], out.end[row], out.kind[row] = packets.flow[at], packets.end[at], KIND_ICMP_ERROR
    out.flags[row], out.seq[row], out.ack[row] = packets.flags[at], packets.seq[at], 0
    out.payload_len[row], out.window[row] = 0, ABSENT
    out.relation[row], out.facts[row] = relation_of(packets.seq[at], ends.snd_nxt[end_row], ends.snd_una[end_row]), 0
    out.in_flight[row], out.peer_window[row] = ABSENT, ABSENT
    out.idle_ns[row], out.own_ns[row] = ABSENT, ABSENT
    out.heard_ns[row], out.any_ns[row], out.data_ns[row] = ABSENT, ABSENT, ABSENT
    out.own_data_ns[row], out.peer_data_ns[row] = ABSENT, ABSENT
    out.ttl[row], out.usual_ttl[row] = packets.ttl[at], ABSENT
    out.ip_id[row], out.own_ip_id[row] = packets.ip_id[at], ABSENT
    out.tsval[row], out.tsecr[row] = ABSENT, ABSENT
