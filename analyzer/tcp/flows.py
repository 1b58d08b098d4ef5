"""The connections: packets get the index of their flow and of the end that sent them.

A flow is one incarnation of a pair of endpoints, in one tunnel or in none. End 0 is the one that was seen first. The
table is open addressing over exact keys with a seeded hash; a SYN that does not repeat the flow's own opens a new
incarnation, and the old flow stays in the tables as it ended. So do numbers, after a long silence, that the old
connection cannot have reached.
"""

import os
from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

from analyzer.diagnostics import CAPTURED_TWICE, TIME_BACKWARDS, note
from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.schema import (
    ABSENT,
    ACK,
    KIND_ICMP_ERROR,
    KIND_TCP,
    OPENED_MIDSTREAM,
    OPENED_SYN,
    OPENED_SYN_ACK,
    RST,
    SYN,
)
from analyzer.schema.flows import ENDS, FLOWS
from analyzer.sequence import seq_add, seq_diff

FIRST_SLOTS = 1 << 12
MASK32, MASK31 = 0xFFFFFFFF, 0x7FFFFFFF

REUSE_NS = 30_000_000_000
"""Shortest rest of a port pair before it is used again without a reset (the shortest TIME-WAIT, of Windows)."""
BACK_OCTETS = 1 << 16
"""Longest step back after such a silence: what is sent again begins at SND.UNA."""
AHEAD_OCTETS = 1 << 30
"""Longest step ahead: the largest window (RFC 7323 §2.3). A capture may miss more than that in one direction, hardly in
both."""
MICROSECOND_WRAP_NS = (1 << 31) * 1000
"""Time within which no timestamp clock, of at most 1 MHz (Linux tcp_usec_ts), can have come halfway round."""


LONGEST_SILENCE_NS = 30 * 86_400 * 1_000_000_000
"""Longest silence within a connection: nobody waits so long before a probe (Linux: 32,767 s), so the clock jumped, or
nothing was captured. What follows counts as a connection that enters in mid-stream."""


class FlowTable:
    """The flows, the state of their ends (rows 2 * flow and 2 * flow + 1), and the index to them."""

    def __init__(self) -> None:
        self.flows = Table(FLOWS)
        self.ends = Table(ENDS)
        self.slots = array("q", [ABSENT]) * FIRST_SLOTS
        self.seed = int.from_bytes(os.urandom(4), "big")

    def assign(self, packets: Table, engine: Engine) -> None:
        """Fill in the flow and end of each packet; makes the flows that are new."""
        self._make_room(packets.rows, engine)
        self.flows.rows = engine.run(
            look_up, packets.view, packets.rows, self.flows.view, self.flows.rows, self.ends.view, self.slots, self.seed
        )
        self.ends.rows = 2 * self.flows.rows

    def _make_room(self, packets: int, engine: Engine) -> None:
        self.flows.reserve(packets)
        self.ends.reserve(2 * packets)
        wanted = 2 * (self.flows.rows + packets)
        if wanted > len(self.slots):
            size = max(len(self.slots), FIRST_SLOTS)
            while size < wanted:
                size *= 2
            self._new_slots(size, engine)

    def drop_index(self) -> None:
        """Give back the slots, when all packets are there; with the next ones they are made anew."""
        self.slots = self.slots[:0]

    def _new_slots(self, size: int, engine: Engine) -> None:
        self.slots = array("q", [ABSENT]) * size
        engine.run(enter, self.flows.view, 0, self.flows.rows, self.slots, self.seed)

    def keep(self, flows: Sequence[int], engine: Engine) -> None:
        """Keep only these flows, given in ascending order; their positions in `flows` are their new indices."""
        kept = self.excerpt(flows)
        self.flows, self.ends = kept.flows, kept.ends
        if self.slots:
            self._new_slots(len(self.slots), engine)

    def excerpt(self, flows: Sequence[int]) -> "FlowTable":
        """Return copies of these flows, in this order, for reading only: without the index to them."""
        other = FlowTable()
        other.flows = self.flows.excerpt(flows)
        other.ends = self.ends.excerpt([2 * flow + end for flow in flows for end in (0, 1)])
        return other

    def find(self, flows: Table, engine: Engine) -> "array[int]":
        """Find the current flow with the endpoints of each row of another FLOWS table; ABSENT where there is none."""
        found = array("q", [ABSENT]) * max(flows.rows, 1)
        engine.run(find, flows.view, flows.rows, self.flows.view, self.slots, self.seed, found)
        return found[: flows.rows]

    def append(self, flows: Table, ends: Table, engine: Engine) -> None:
        """Append the flows of another table; of equal endpoints the last flow is the current one."""
        first = self.flows.rows
        self._make_room(flows.rows, engine)
        self.flows.extend(flows)
        self.ends.extend(ends)
        engine.run(enter, self.flows.view, first, self.flows.rows, self.slots, self.seed)


def mix(state: int, word: int) -> int:
    """Mix a word into a hash state: one round of a multiplicative hash that stays within 63 bits."""
    product = ((state ^ word) & MASK32) * 0x7FEB352D
    return (product ^ (product >> 32)) & MASK32


def endpoint_hash(seed: int, hi: int, lo: int, port: int) -> int:
    state = mix(seed, lo)
    if hi != 0:
        state = mix(mix(mix(state, lo >> 32), hi), hi >> 32)
    return mix(state, port)


class Key(NamedTuple):
    """Between which endpoints a packet goes, in which tunnel; or a flow, as from its end 0."""

    src_hi: int
    src_lo: int
    dst_hi: int
    dst_lo: int
    ports: int
    tunnel: int


def key_of(flow: Any) -> Key:
    return Key(flow.a_hi, flow.a_lo, flow.b_hi, flow.b_lo, flow.ports, flow.tunnel)


def word_of(seed: int, key: Key) -> int:
    """Return what a slot holds of a pair of endpoints, without the flow's number: above 32 bits for that a hash, which
    is the same for both directions, and in the lowest bit the direction."""
    src_port, dst_port = key.ports >> 16, key.ports & 0xFFFF
    a = endpoint_hash(seed + key.tunnel, key.src_hi, key.src_lo, src_port)
    b = endpoint_hash(seed + key.tunnel, key.dst_hi, key.dst_lo, dst_port)
    is_above = (key.src_lo > key.dst_lo) | (key.src_lo == key.dst_lo) & (src_port > dst_port)
    is_above = (key.src_hi > key.dst_hi) | (key.src_hi == key.dst_hi) & is_above
    return (mix(a + b, a ^ b) & MASK31) << 32 | is_above


def flow_in(word: int) -> int:
    """Return the number of the flow in a slot."""
    return word >> 1 & MASK31


def slot_of(slots: Any, word: int, flows: Any, key: Key) -> int:
    """Return the slot of the flow with these endpoints; without one the slot that is free for it."""
    mask = len(slots) - 1
    slot = (word >> 32) & mask
    while slots[slot] != ABSENT:
        other = slots[slot] ^ word
        if other >> 32 == 0 and is_between(flows[flow_in(slots[slot])], -(other & 1), key):
            break
        slot = (slot + 1) & mask
    return slot


def is_between(flow: Any, turned: int, key: Key) -> bool:
    """Tell whether the key is that of a flow; `turned` is -1 if end 1 is the source, else 0.

    One branch for all of it, which the processor guesses right: it need not wait for the flow's row.
    """
    ports = key.ports ^ (key.ports ^ (key.ports & 0xFFFF) * 65536 + (key.ports >> 16)) & turned
    hi, lo = (key.src_hi ^ key.dst_hi) & turned, (key.src_lo ^ key.dst_lo) & turned
    differing = flow.a_lo ^ key.src_lo ^ lo | flow.b_lo ^ key.dst_lo ^ lo | flow.ports ^ ports
    differing |= flow.a_hi ^ key.src_hi ^ hi | flow.b_hi ^ key.dst_hi ^ hi | flow.tunnel ^ key.tunnel
    return bool(differing == 0)


def look_up(packets: Any, count: int, flows: Any, known: int, ends: Any, slots: Any, seed: int) -> int:
    """Kernel: find or make the flow of each packet; return the number of flows known now.

    At least half of the slots are free, whatever the batch brings: the caller has made room.
    """
    for row in range(count):
        packet = packets[row]
        kind = packet.kind
        packet.flow = ABSENT
        if kind != KIND_TCP and kind != KIND_ICMP_ERROR:
            continue
        key = Key(packet.src_hi, packet.src_lo, packet.dst_hi, packet.dst_lo, packet.ports, packet.tunnel)
        word = word_of(seed, key)
        slot = slot_of(slots, word, flows, key)
        flow, end = ABSENT, 0
        if slots[slot] != ABSENT:
            flow, end = flow_in(slots[slot]), (slots[slot] ^ word) & 1
        if kind == KIND_TCP:
            if flow == ABSENT or is_new_incarnation(packets, row, flows, flow, ends, end):
                flow, end = known, 0
                known += 1
                slots[slot] = word | flow << 1
                begin(packets, row, flows, flow, ends)
            note_seen(packet, flows[flow], ends[2 * flow + end])
        packet.flow, packet.end = flow, end
    return known


def begin(packets: Any, row: int, flows: Any, flow: int, ends: Any) -> None:
    """Fill the rows of a flow that begins with this packet."""
    packet, new, flags = packets[row], flows[flow], packets.flags[row]
    new.a_hi, new.a_lo, new.b_hi, new.b_lo = packet.src_hi, packet.src_lo, packet.dst_hi, packet.dst_lo
    new.ports, new.tunnel = packet.ports, packet.tunnel
    new.opened, new.is_opening = opening(flags), flags & (SYN | ACK) == SYN
    new.syn_seq = opening_seq(packets, row)
    is_going_on = flags & (SYN | RST | ACK) == ACK
    new.first_seq = packet.seq if is_going_on else ABSENT
    new.first_ack = packet.ack if is_going_on else 0
    new.first_frame, new.seen_ns = packet.frame, packet.ts_ns
    reset_end(ends, 2 * flow)
    reset_end(ends, 2 * flow + 1)


def note_seen(packet: Any, flow: Any, end: Any) -> None:
    """Note what `is_new_incarnation` asks for."""
    flags = packet.flags
    if flow.is_opening and flags & (SYN | ACK) != SYN:
        flow.is_opening = 0
    flow.seen_ns = max(packet.ts_ns, flow.seen_ns)
    if flags & (ACK | RST) == ACK:
        end.seen_seq, end.seen_ack, end.seen_tsval = packet.seq + packet.payload_len, packet.ack, packet.tsval


def reset_end(ends: Any, end: int) -> None:
    """Reset the row of an end of which nothing has been seen yet."""
    ends.seen_seq[end], ends.seen_ack[end], ends.seen_tsval[end] = ABSENT, ABSENT, ABSENT
    ends.snd_nxt[end], ends.snd_una[end], ends.is_sure[end] = ABSENT, ABSENT, ABSENT
    ends.held_nxt[end], ends.held_una[end], ends.is_acked_unseen[end] = ABSENT, ABSENT, 0
    ends.isn[end], ends.fin_seq[end], ends.window[end], ends.window_shift[end] = ABSENT, ABSENT, ABSENT, ABSENT
    ends.last_ns[end], ends.accepted_ns[end], ends.sent_ns[end], ends.reply_ns[end] = ABSENT, ABSENT, ABSENT, ABSENT
    ends.data_ns[end] = ABSENT
    ends.last_seq[end], ends.last_ack[end], ends.last_len[end] = ABSENT, ABSENT, ABSENT
    ends.last_flags[end], ends.last_ip_id[end], ends.last_tsval[end] = ABSENT, ABSENT, ABSENT
    ends.is_suspect[end], ends.ttl[end], ends.least_ttl[end], ends.most_ttl[end] = ABSENT, ABSENT, ABSENT, ABSENT


def start_ns(flows: Any, flow: int) -> int:
    """Return the time in ns of the flow's earliest segment, which is not its first where the clock was set back."""
    ts_ns: int = flows.first_ns[flow]
    return ts_ns


def end_ns(flows: Any, flow: int) -> int:
    """Return the time in ns of the flow's latest segment, which is not its last where the clock was set back."""
    ts_ns: int = max(flows.latest_ns[flow], flows.last_ns[flow])
    return ts_ns


def opening(flags: int) -> int:
    """Tell how a flow whose first segment has these flags begins in the capture: with a SYN, a SYN|ACK, or
    midstream."""
    if flags & SYN:
        return OPENED_SYN_ACK if flags & ACK else OPENED_SYN
    return OPENED_MIDSTREAM


def opening_seq(packets: Any, row: int) -> int:
    """Return the sequence number of the SYN that opens a flow, from the SYN itself or from its SYN|ACK, which may be
    captured first."""
    flags = packets.flags[row]
    if not flags & SYN:
        return ABSENT
    return seq_add(packets.ack[row], -1) if flags & ACK else int(packets.seq[row])


def is_new_incarnation(packets: Any, row: int, flows: Any, flow: int, ends: Any, end: int) -> bool:
    """Tell whether a packet opens a new incarnation of the flow's endpoints.

    A SYN does that neither repeats the flow's own nor is the other half of a simultaneous open; so do numbers that
    jump. RFC 9293 §3.6.1 (reuse after TIME-WAIT) and §3.5 (simultaneous open).
    """
    flags = packets.flags[row]
    silent_ns = packets.ts_ns[row] - flows.seen_ns[flow]
    if abs(silent_ns) > LONGEST_SILENCE_NS:
        return True
    if not flags & SYN:
        return silent_ns >= REUSE_NS and is_of_another_life(packets, row, ends, 2 * flow + end, silent_ns)
    syn_seq = flows.syn_seq[flow]
    if flags & ACK:  # its SYN may not have been captured
        is_own = flows.is_opening[flow] or syn_seq == seq_add(packets.ack[row], -1)
        return not is_own and (syn_seq != ABSENT or silent_ns >= REUSE_NS)
    if end == (flows.opened[flow] == OPENED_SYN_ACK):  # the originator
        return bool(syn_seq != packets.seq[row])
    return not flows.is_opening[flow]


def is_of_another_life(packets: Any, row: int, ends: Any, end_row: int, silent_ns: int) -> bool:
    """Tell whether, after a long silence, neither SEG.SEQ nor SEG.ACK can continue the end's last segment.

    Timestamps that run back (RFC 7323 §5.3), or faster than 1 MHz, show another connection; those that go on show
    nothing, since one clock serves all connections between two hosts (Linux secure_tcp_ts_off). Without that, both
    numbers must lie further back than a resend, or ahead by more than any window. A capture that merely missed
    frames shows neither.
    """
    if packets.flags[row] & (ACK | RST) != ACK or ends.seen_seq[end_row] == ABSENT:
        return False
    ahead = seq_diff(packets.seq[row], ends.seen_seq[end_row])
    acknowledged = seq_diff(packets.ack[row], ends.seen_ack[end_row])
    if abs(ahead) <= 1 or abs(acknowledged) <= 1:
        return False
    tsval, seen_tsval = packets.tsval[row], ends.seen_tsval[end_row]
    if tsval != ABSENT and seen_tsval != ABSENT and silent_ns < MICROSECOND_WRAP_NS:
        ticks = seq_diff(tsval, seen_tsval)
        if ticks < 0 or ticks > silent_ns // 1000:
            return True
    return is_out_of_reach(ahead) and is_out_of_reach(acknowledged)


def is_out_of_reach(octets: int) -> bool:
    return octets < -BACK_OCTETS or octets > AHEAD_OCTETS


def find(wanted: Any, count: int, flows: Any, slots: Any, seed: int, found: Any) -> int:
    """Kernel: find the current flow with the endpoints of each wanted row, ABSENT without; return how many have one."""
    known = 0
    for row in range(count):
        key = key_of(wanted[row])
        slot = slot_of(slots, word_of(seed, key), flows, key)
        found[row] = flow_in(slots[slot]) if slots[slot] != ABSENT else ABSENT
        known += slots[slot] != ABSENT
    return known


def enter(flows: Any, first: int, known: int, slots: Any, seed: int) -> int:
    """Kernel: put the flows from `first` on into the slots; a later incarnation replaces an earlier one. Returns
    `known`."""
    for flow in range(first, known):
        key = key_of(flows[flow])
        word = word_of(seed, key)
        slots[slot_of(slots, word, flows, key)] = word | flow << 1
    return known


def sum_up(flows: Any, known: int, counts: Any) -> int:
    """Kernel: add up the diagnostics that each flow has counted for itself."""
    for code in (TIME_BACKWARDS, CAPTURED_TWICE):
        counts[2 * code] = counts[2 * code + 1] = 0
    for flow in range(known):
        note_of_flow(counts, TIME_BACKWARDS, flows.steps_back[flow], flows.step_back_frame[flow])
        note_of_flow(counts, CAPTURED_TWICE, flows.duplicates[flow], flows.duplicate_frame[flow])
    return known


def longest_idle(flows: Any, known: int) -> int:
    """Kernel: return the longest time in ns that any flow was without a segment."""
    longest_ns = 0
    for flow in range(known):
        longest_ns = max(longest_ns, flows.max_idle_ns[flow])
    return longest_ns


def note_of_flow(counts: Any, code: int, times: int, frame: int) -> None:
    if times > 0:
        note(counts, code, frame)
        counts[2 * code] += times - 1
