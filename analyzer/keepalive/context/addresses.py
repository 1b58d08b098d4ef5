"""Numbers for the addresses of a capture and their networks; and who was asked for on the link, with or without an
answer.

Each address is numbered once, by open addressing over exact keys with a seeded hash, as flows are (`tcp/flows.py`).
Everything else refers to addresses by number.
"""

import os
from array import array
from typing import Any, NamedTuple

from analyzer.capture.decode.packets import address
from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.keepalive.context.grouping import Group, by_key, grouped
from analyzer.schema import ABSENT, NEIGHBOUR_ASKED
from analyzer.schema.hosts import ADDRESSES, FAILED_ARP, NETWORKS
from analyzer.schema.results import ASKED_FOR
from analyzer.tcp.flows import FlowTable, mix

Address = tuple[int, int, int]
"""The number of the tunnel, and both halves of the address: the same address in two tunnels is not one host."""
GONE_NS = 1_900_000_000
"""Time from the first of three tries to the last, after which the address counts as gone from the link."""
TRIES_NS = 3_500_000_000
"""A later question is no try of the same kind: the first one was answered, and the answer is not in the capture."""


def address_of(table: FlowTable, flow: int, end: int) -> Address:
    """Return the address of one end of a flow."""
    f = table.flows.view
    halves = (f.a_hi[flow], f.a_lo[flow]) if end == 0 else (f.b_hi[flow], f.b_lo[flow])
    return f.tunnel[flow], *halves


def address_text(flows: Any, flow: int, end: int) -> str:
    """Return the address of one end of a flow as text."""
    return address(flows.b_hi[flow], flows.b_lo[flow]) if end else address(flows.a_hi[flow], flows.a_lo[flow])


def network(who: Address) -> Address:
    """Return the /24 or /64 of an address."""
    tunnel, hi, lo = who
    return tunnel, hi, network_lo(hi, lo)


def network_lo(hi: int, lo: int) -> int:
    """Return the low half of an address's network: that of IPv4 without its last octet, else 0."""
    return lo >> 8 if hi == 0 and lo >> 32 == 0xFFFF else 0


FIRST_SLOTS = 1 << 10
"""Few, so that they stay in the cache: most captures have fewer addresses than flows."""


class Numbering(NamedTuple):
    """The numbers given so far: the slots in which addresses and networks are found by their keys, and who has which
    number."""

    seed: int
    slots: "array[int]"
    network_slots: "array[int]"
    addresses: Any
    networks: Any
    known: "array[int]"
    """Numbers of addresses and of networks so far: at most half of the slots."""
    of_end: "array[int]"
    of_asked: "array[int]"
    """The address number of each row in NEIGHBOURS."""
    of_asker: "array[int]"
    """That of who asks."""


class Addresses:
    """The addresses of a capture's flows, and of those that were asked for on the link, by number."""

    def __init__(self, table: FlowTable, neighbours: Table, engine: Engine) -> None:
        """Number the addresses of all flows and of all that was asked for."""
        self.of_end = array("i", [0]) * (2 * table.flows.rows)
        """The address number of each row in ENDS."""
        self.table, self.networks = Table(ADDRESSES), Table(NETWORKS)
        self.asked_for, self.failed_arp = Table(ASKED_FOR), Table(FAILED_ARP)
        of_asked, of_asker = (array("i", [0]) * neighbours.rows for _ in range(2))
        self._number(table, neighbours, of_asked, of_asker, engine)
        self._note_asked(neighbours, of_asked, of_asker, engine)

    def _number(
        self, table: FlowTable, neighbours: Table, of_asked: "array[int]", of_asker: "array[int]", engine: Engine
    ) -> None:
        """Number all addresses, in more slots as often as they do not suffice."""
        seed, size, done = int.from_bytes(os.urandom(4), "big"), FIRST_SLOTS, 0
        while True:
            for one in (self.table, self.networks):
                one.reserve(size // 2 + 2 - one.rows)
            slots, known = array("i", [ABSENT]) * size, array("q", [self.table.rows, self.networks.rows])
            views = self.table.view, self.networks.view
            numbering = Numbering(seed, slots, slots[:], *views, known, self.of_end, of_asked, of_asker)
            flows = table.flows
            done = engine.run(number_all, flows.view, flows.rows, neighbours.view, neighbours.rows, done, numbering)
            self.table.rows, self.networks.rows = known
            if done == 2 * flows.rows + neighbours.rows:
                return
            size *= 4

    def __len__(self) -> int:
        """Return how many addresses there are."""
        return self.table.rows

    def _note_asked(self, neighbours: Table, numbers: "array[int]", of_asker: "array[int]", engine: Engine) -> None:
        """Fill ASKED_FOR and FAILED_ARP from the NEIGHBOURS, by address and in order of time."""
        rows, n = array("i", range(neighbours.rows)), neighbours.view
        by_key(rows, neighbours.rows, array("q", n.ts_ns[: neighbours.rows]), engine)
        of_address = grouped(rows, neighbours.rows, numbers, len(self), engine)
        for one in (self.asked_for, self.failed_arp):
            one.reserve(neighbours.rows + 1)
        self.asked_for.rows = neighbours.rows
        views = self.table.view, self.networks.view, self.asked_for.view, self.failed_arp.view
        self.failed_arp.rows = engine.run(note_asked, n, of_address, of_asker, len(self), *views)


def number_all(flows: Any, count: int, neighbours: Any, asked: int, first: int, n: Numbering) -> int:
    """Kernel: number the addresses of all ends, and then of all that was asked for, from the `first` of these on.

    Returns how many have a number now: more slots are needed if that is not all.
    """
    for number in range(n.known[0]):
        a = n.addresses
        n.slots[slot_of(a, n.slots, n.seed, a.tunnel[number], a.hi[number], a.lo[number])] = number
    for network in range(n.known[1]):
        a = n.networks
        n.network_slots[slot_of(a, n.network_slots, n.seed, a.tunnel[network], a.hi[network], a.lo[network])] = network
    for place in range(first, 2 * count + asked):
        if 2 * n.known[0] >= len(n.slots):
            return place
        flow, row = place >> 1, place - 2 * count
        if row >= 0:
            n.of_asked[row] = number_of(n, neighbours.tunnel[row], neighbours.addr_hi[row], neighbours.addr_lo[row])
            n.of_asker[row] = number_of(n, neighbours.tunnel[row], neighbours.asker_hi[row], neighbours.asker_lo[row])
        elif place & 1:
            n.of_end[place] = number_of(n, flows.tunnel[flow], flows.b_hi[flow], flows.b_lo[flow])
            n.addresses.flows[n.of_end[place]] += n.of_end[place] != n.of_end[place - 1]
        else:
            n.of_end[place] = number_of(n, flows.tunnel[flow], flows.a_hi[flow], flows.a_lo[flow])
            n.addresses.flows[n.of_end[place]] += 1
    return 2 * count + asked


def number_of(n: Numbering, tunnel: int, hi: int, lo: int) -> int:
    """Return the number of an address; a new one gets the next number, and so does its network if that is new."""
    slot = slot_of(n.addresses, n.slots, n.seed, tunnel, hi, lo)
    if n.slots[slot] != ABSENT:
        return int(n.slots[slot])
    number, row = n.known[0], n.known[1]
    n.slots[slot] = number
    n.known[0] += 1
    n.addresses.tunnel[number], n.addresses.hi[number], n.addresses.lo[number] = tunnel, hi, lo
    slot = slot_of(n.networks, n.network_slots, n.seed, tunnel, hi, network_lo(hi, lo))
    if n.network_slots[slot] == ABSENT:
        n.network_slots[slot] = row
        n.known[1] += 1
        n.networks.tunnel[row], n.networks.hi[row], n.networks.lo[row] = tunnel, hi, network_lo(hi, lo)
    n.addresses.network[number] = n.network_slots[slot]
    return int(number)


def slot_of(known: Any, slots: Any, seed: int, tunnel: int, hi: int, lo: int) -> int:
    """Return the slot in which this address or network is, or would be."""
    mask = len(slots) - 1
    slot = mix(mix(mix(mix(seed + tunnel, lo), lo >> 32), hi), hi >> 32) & mask
    while slots[slot] != ABSENT:
        row = slots[slot]
        if known.lo[row] == lo and known.hi[row] == hi and known.tunnel[row] == tunnel:
            break
        slot = (slot + 1) & mask
    return slot


def first_asked(asked: Any, low: int, high: int, since_ns: int) -> int:
    """Return the first row of ASKED_FOR or FAILED_ARP in low..high-1 that is not before `since_ns`, by bisection."""
    while low < high:
        middle = (low + high) >> 1
        if asked.ts_ns[middle] < since_ns:
            low = middle + 1
        else:
            high = middle
    return low


def note_asked(
    neighbours: Any,
    of_address: Group,
    of_asker: Any,
    count: int,
    addresses: Any,
    networks: Any,
    asked_for: Any,
    failed_arp: Any,
) -> int:
    """Kernel: note for each address when it was asked for, in order of time, and when ARP failed. Returns how often it
    failed."""
    failures = 0
    for number in range(count):
        first, last = of_address.starts[number], of_address.starts[number + 1]
        addresses.first_asked[number], addresses.asked[number] = first, last - first
        addresses.first_failed_arp[number] = failures
        first_ns, was_question = ABSENT, 0
        for place in range(first, last):
            row = of_address.rows[place]
            ts_ns, kind = neighbours.ts_ns[row], neighbours.kind[row]
            asked_for.ts_ns[place], asked_for.frame[place] = ts_ns, neighbours.frame[row]
            asked_for.kind[place], asked_for.asker[place] = kind, of_asker[row]
            if was_question and kind == NEIGHBOUR_ASKED:
                addresses.is_missed[number] = 1
                networks.is_waited_for[addresses.network[number]] = 1
            was_question = kind == NEIGHBOUR_ASKED
            if not was_question:
                first_ns = ABSENT
            elif first_ns == ABSENT or ts_ns - first_ns > TRIES_NS:
                first_ns = ts_ns
            elif ts_ns - first_ns >= GONE_NS:
                failed_arp.ts_ns[failures] = first_ns
                failures += 1
                first_ns = ABSENT
        addresses.failed_arp[number] = failures - addresses.first_failed_arp[number]
    return failures
