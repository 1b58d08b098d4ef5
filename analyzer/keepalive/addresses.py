"""Who is where: a small number for each address of a capture, and for each network; who was asked for on the link.

Numbered once, by open addressing over exact keys with a seeded hash, as flows are (`tcp/flows.py`); whatever else asks
about addresses asks by number.
"""

import os
from array import array
from typing import Any, NamedTuple

from analyzer.columns import Table
from analyzer.jit import Engine
from analyzer.keepalive.grouping import Group, by_key, grouped
from analyzer.schema import NEVER
from analyzer.schema.around import ADDRESSES, NETWORKS, VAIN
from analyzer.schema.found import ASKED_FOR
from analyzer.tcp.flows import FlowTable, mix

Address = tuple[int, int, int]
"""The number of the tunnel, and both halves: what is the same in two tunnels is not one host."""
GONE_NS = 1_900_000_000
"""From the first of three tries to the last."""


def address_of(table: FlowTable, flow: int, end: int) -> Address:
    f = table.flows.view
    halves = (f.a_hi[flow], f.a_lo[flow]) if end == 0 else (f.b_hi[flow], f.b_lo[flow])
    return f.tunnel[flow], *halves


def network(who: Address) -> Address:
    """The /24 or /64 of an address."""
    tunnel, hi, lo = who
    return tunnel, hi, network_lo(hi, lo)


def network_lo(hi: int, lo: int) -> int:
    return lo >> 8 if hi == 0 and lo >> 32 == 0xFFFF else 0


class Index(NamedTuple):
    """Where known addresses, and known networks, are found by their keys: half of the slots at least are free."""

    slots: "array[int]"
    network_slots: "array[int]"
    addresses: Any
    networks: Any
    counts: "array[int]"
    """How many of both are known."""


class Addresses:
    """The addresses of a capture's flows, and of those that were asked for on the link, by number."""

    def __init__(self, table: FlowTable, neighbours: Table, engine: Engine) -> None:
        flows, asked = table.flows.rows, neighbours.rows
        self.of_end = array("i", [0]) * (2 * flows)
        """Of each row in ENDS the number of its address."""
        self.table, self.networks = Table(ADDRESSES), Table(NETWORKS)
        self.asked_for, self.vain = Table(ASKED_FOR), Table(VAIN)
        most = 2 * flows + asked + 1
        for one in (self.table, self.networks):
            one.reserve(most)
        of_asked, slots = array("i", [0]) * asked, array("i", [NEVER]) * (1 << (2 * most).bit_length())
        index = Index(slots, slots[:], self.table.view, self.networks.view, array("q", [0, 0]))
        seed = int.from_bytes(os.urandom(4), "big")
        engine.run(number_all, table.flows.view, flows, neighbours.view, asked, index, seed, self.of_end, of_asked)
        self.table.rows, self.networks.rows = index.counts
        self._note_asked(neighbours, of_asked, engine)

    def __len__(self) -> int:
        return self.table.rows

    def _note_asked(self, neighbours: Table, numbers: "array[int]", engine: Engine) -> None:
        rows, n = array("i", range(neighbours.rows)), neighbours.view
        by_key(rows, neighbours.rows, array("q", n.ts_ns[: neighbours.rows]), engine)
        of_address = grouped(rows, neighbours.rows, numbers, len(self), engine)
        for one in (self.asked_for, self.vain):
            one.reserve(neighbours.rows + 1)
        self.asked_for.rows = neighbours.rows
        views = self.table.view, self.networks.view, self.asked_for.view, self.vain.view
        self.vain.rows = engine.run(note_asked, n, of_address, len(self), *views)


def number_all(
    flows: Any, count: int, neighbours: Any, asked: int, index: Index, seed: int, of_end: Any, of_asked: Any
) -> int:
    """Kernel: number the addresses of all flows, and of all that was asked for; returns how many there are."""
    for place in range(2 * count + asked):
        flow, row = place >> 1, place - 2 * count
        if row >= 0:
            tunnel, hi, lo = neighbours.tunnel[row], neighbours.addr_hi[row], neighbours.addr_lo[row]
        elif place & 1:
            tunnel, hi, lo = flows.tunnel[flow], flows.b_hi[flow], flows.b_lo[flow]
        else:
            tunnel, hi, lo = flows.tunnel[flow], flows.a_hi[flow], flows.a_lo[flow]
        slot = slot_of(index.addresses, index.slots, seed, tunnel, hi, lo)
        if index.slots[slot] == NEVER:
            index.slots[slot] = index.counts[0]
            enter_address(index, seed, tunnel, hi, lo)
        number = index.slots[slot]
        if row >= 0:
            of_asked[row] = number
        else:
            of_end[place] = number
            index.addresses.flows[number] += not (place & 1 and of_end[place - 1] == number)
    return int(index.counts[0])


def enter_address(index: Index, seed: int, tunnel: int, hi: int, lo: int) -> None:
    """A new address, in a network that may be new, too."""
    addresses, networks, number = index.addresses, index.networks, index.counts[0]
    addresses.tunnel[number], addresses.hi[number], addresses.lo[number] = tunnel, hi, lo
    index.counts[0] += 1
    slot = slot_of(networks, index.network_slots, seed, tunnel, hi, network_lo(hi, lo))
    if index.network_slots[slot] == NEVER:
        row = index.counts[1]
        index.network_slots[slot] = row
        networks.tunnel[row], networks.hi[row], networks.lo[row] = tunnel, hi, network_lo(hi, lo)
        index.counts[1] += 1
    addresses.network[number] = index.network_slots[slot]


def slot_of(known: Any, slots: Any, seed: int, tunnel: int, hi: int, lo: int) -> int:
    """Where in the slots this address or network is, or would be."""
    mask = len(slots) - 1
    slot = mix(mix(mix(mix(seed + tunnel, lo), lo >> 32), hi), hi >> 32) & mask
    while slots[slot] != NEVER:
        row = slots[slot]
        if known.lo[row] == lo and known.hi[row] == hi and known.tunnel[row] == tunnel:
            break
        slot = (slot + 1) & mask
    return slot


def note_asked(
    neighbours: Any, of_address: Group, count: int, addresses: Any, networks: Any, asked_for: Any, vain: Any
) -> int:
    """Kernel: what was asked for each address, in order of time, and when in vain; returns how many times that was."""
    vains = 0
    for number in range(count):
        first, last = of_address.starts[number], of_address.starts[number + 1]
        addresses.first_asked[number], addresses.asked[number] = first, last - first
        addresses.first_vain[number] = vains
        first_ns, was_question = NEVER, 0
        for place in range(first, last):
            row = of_address.rows[place]
            ts_ns, is_answer = neighbours.ts_ns[row], neighbours.is_answer[row]
            asked_for.ts_ns[place], asked_for.frame[place] = ts_ns, neighbours.frame[row]
            asked_for.is_answer[place] = is_answer
            if was_question and not is_answer:
                addresses.is_missed[number] = 1
                networks.is_waited_for[addresses.network[number]] = 1
            was_question = not is_answer
            if is_answer:
                first_ns = NEVER
            elif first_ns == NEVER:
                first_ns = ts_ns
            elif ts_ns - first_ns >= GONE_NS:
                vain.ts_ns[vains] = first_ns
                vains += 1
                first_ns = NEVER
        addresses.vain[number] = vains - addresses.first_vain[number]
    return vains
