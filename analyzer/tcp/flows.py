"""Who talks to whom: packets get the index of their flow and of the end that sent them.

A flow is one incarnation of a pair of endpoints. End 0 is the one that was seen first. The
table is open addressing over exact keys with a seeded hash; a SYN that does not repeat the
flow's own opens a new incarnation, and the old flow stays in the tables as it ended.
"""

import os
from array import array
from typing import Any

from analyzer.columns import Table
from analyzer.jit import Engine
from analyzer.schema import (
    ACK,
    ENDS,
    FLOWS,
    KIND_NEIGHBOUR,
    KIND_TCP,
    NEVER,
    OPENED_MIDSTREAM,
    OPENED_SYN,
    OPENED_SYN_ACK,
    SYN,
)

FIRST_SLOTS = 1 << 12
MASK32 = 0xFFFFFFFF


class FlowTable:
    """The flows, the state of their ends (rows 2 * flow and 2 * flow + 1), and the index to them."""

    def __init__(self) -> None:
        self.flows = Table(FLOWS)
        self.ends = Table(ENDS, fill=NEVER)
        self.slots = array("i", [NEVER]) * FIRST_SLOTS
        self.seed = int.from_bytes(os.urandom(4), "big")

    def assign(self, packets: Table, engine: Engine) -> None:
        """Fill in the flow and end of each packet; makes the flows that are new."""
        self._make_room(packets.rows, engine)
        self.flows.rows = engine.run(
            look_up, packets.view, packets.rows, self.flows.view, self.flows.rows, self.slots, self.seed
        )
        self.ends.rows = 2 * self.flows.rows

    def _make_room(self, packets: int, engine: Engine) -> None:
        self.flows.reserve(packets)
        self.ends.reserve(2 * packets)
        wanted = 2 * (self.flows.rows + packets)
        if wanted > len(self.slots):
            size = len(self.slots)
            while size < wanted:
                size *= 2
            self.slots = array("i", [NEVER]) * size
            engine.run(rebuild, self.flows.view, self.flows.rows, self.slots, self.seed)


def mix(state: int, word: int) -> int:
    """One round of a multiplicative hash that stays within 63 bits."""
    product = ((state ^ word) & MASK32) * 0x7FEB352D
    return (product ^ (product >> 32)) & MASK32


def endpoint_hash(seed: int, hi: int, lo: int, port: int) -> int:
    state = mix(seed, lo)
    if hi != 0:
        state = mix(mix(mix(state, lo >> 32), hi), hi >> 32)
    return mix(state, port)


def pair_hash(seed: int, a_hi: int, a_lo: int, b_hi: int, b_lo: int, ports: int) -> int:
    """The same for both directions."""
    a, b = endpoint_hash(seed, a_hi, a_lo, ports >> 16), endpoint_hash(seed, b_hi, b_lo, ports & 0xFFFF)
    return mix(a + b, a ^ b)


def look_up(packets: Any, count: int, flows: Any, known: int, slots: Any, seed: int) -> int:
    """Kernel: find or make the flow of each packet; returns the number of flows known now.

    Half of the slots at least are free, whatever the batch brings: the caller has made room.
    """
    kinds, all_flags, all_ports = packets.kind, packets.flags, packets.ports
    mask = len(slots) - 1
    for row in range(count):
        kind = kinds[row]
        packets.flow[row] = NEVER
        if kind == KIND_NEIGHBOUR:
            continue
        src_hi, src_lo = packets.src_hi[row], packets.src_lo[row]
        dst_hi, dst_lo = packets.dst_hi[row], packets.dst_lo[row]
        ports = all_ports[row]
        turned = (ports & 0xFFFF) * 65536 + (ports >> 16)
        slot = pair_hash(seed, src_hi, src_lo, dst_hi, dst_lo, ports) & mask
        flow, end = NEVER, 0
        while slots[slot] != NEVER:
            one = slots[slot]
            a_lo, b_lo = flows.a_lo[one], flows.b_lo[one]
            if (
                a_lo == src_lo
                and b_lo == dst_lo
                and flows.ports[one] == ports
                and flows.a_hi[one] == src_hi
                and flows.b_hi[one] == dst_hi
            ):
                flow, end = one, 0
                break
            if (
                a_lo == dst_lo
                and b_lo == src_lo
                and flows.ports[one] == turned
                and flows.a_hi[one] == dst_hi
                and flows.b_hi[one] == src_hi
            ):
                flow, end = one, 1
                break
            slot = (slot + 1) & mask
        if kind == KIND_TCP:
            is_syn = all_flags[row] & (SYN | ACK) == SYN
            if flow == NEVER or (is_syn and is_new_incarnation(flows, flow, end, packets.seq[row])):
                flow, end = known, 0
                known += 1
                slots[slot] = flow
                flows.a_hi[flow], flows.a_lo[flow] = src_hi, src_lo
                flows.b_hi[flow], flows.b_lo[flow] = dst_hi, dst_lo
                flows.ports[flow] = ports
                flows.opened[flow] = opening(all_flags[row])
                flows.is_opening[flow] = is_syn
                flows.syn_seq[flow] = packets.seq[row] if is_syn else NEVER
            elif flows.is_opening[flow] and not is_syn:
                flows.is_opening[flow] = 0
        packets.flow[row] = flow
        packets.end[row] = end
    return known


def opening(flags: int) -> int:
    """How a flow whose first segment has these flags enters the capture."""
    if flags & SYN:
        return OPENED_SYN_ACK if flags & ACK else OPENED_SYN
    return OPENED_MIDSTREAM


def is_new_incarnation(flows: Any, flow: int, end: int, seq: int) -> bool:
    """A SYN that neither repeats the flow's own nor is the other half of a simultaneous open.

    RFC 9293 §3.6.1 (reuse after TIME-WAIT) and §3.5 (simultaneous open).
    """
    if end == 0:
        return bool(flows.syn_seq[flow] != seq)
    return not flows.is_opening[flow]


def rebuild(flows: Any, known: int, slots: Any, seed: int) -> int:
    """Kernel: enter all flows into empty slots; a later incarnation replaces an earlier one."""
    mask = len(slots) - 1
    for flow in range(known):
        a_hi, a_lo, b_hi, b_lo = flows.a_hi[flow], flows.a_lo[flow], flows.b_hi[flow], flows.b_lo[flow]
        ports = flows.ports[flow]
        turned = (ports & 0xFFFF) * 65536 + (ports >> 16)
        slot = pair_hash(seed, a_hi, a_lo, b_hi, b_lo, ports) & mask
        while slots[slot] != NEVER:
            one = slots[slot]
            is_same = flows.a_lo[one] == a_lo and flows.b_lo[one] == b_lo and flows.ports[one] == ports
            is_turned = flows.a_lo[one] == b_lo and flows.b_lo[one] == a_lo and flows.ports[one] == turned
            if is_same and flows.a_hi[one] == a_hi and flows.b_hi[one] == b_hi:
                break
            if is_turned and flows.a_hi[one] == b_hi and flows.b_hi[one] == a_hi:
                break
            slot = (slot + 1) & mask
        slots[slot] = flow
    return known
