"""Connections that go on from another port or address: a NAT on the way has forgotten the one that it gave them.

The end behind the NAT does not know: its next segment has the numbers of the old connection and comes to the same
service, where nobody knows the sender. So the first segment of a flow that enters in mid-stream tells which flow it
continues. Both of its numbers must be right: among 2^64 that is no chance. Where a NAT's two sides are captured the
same numbers show from two ports, too, but at the same time; here the end has been silent and stays so.
"""

import os
from array import array
from typing import Any, NamedTuple

from analyzer.engine.dispatch import Engine
from analyzer.keepalive.context.restarts import port_of
from analyzer.keepalive.story.gaps import Rows
from analyzer.keepalive.story.values import LONG_NS
from analyzer.schema import ABSENT
from analyzer.sequence import seq_diff
from analyzer.tcp.flows import mix

LEAST_NUMBER = 1 << 16
"""Smaller numbers may be relative ones, or a scanner's; of real ones hardly any is that small."""
MOST_ALIKE = 16
"""Most flows that begin with the same acknowledgement at one service; more of them are a scan, or a flood."""


class Rebindings(NamedTuple):
    """For each flow the one whose numbers it continues, and the first one that continues it; -1 without."""

    continues: "array[int]"
    continued_by: "array[int]"


class Rebinding(NamedTuple):
    """Another flow with the same sequence numbers from another port or address, older or newer."""

    flow: int
    silent_ns: int
    """How long the older one had been silent when the newer one began."""
    has_other_address: bool


class Entering(NamedTuple):
    """The flows that may continue another one, by service and acknowledgement."""

    of_end: "array[int]"
    """The address number of each row in ENDS."""
    flows: "array[int]"
    slots: "array[int]"
    """For each service and acknowledgement the place of the last one in `flows`."""
    before: "array[int]"
    """For each place the one before it with both the same, -1 if none."""
    alike: "array[int]"
    """How many these are up to it."""
    seed: int


def rebindings(rows: Rows, flows: int, of_end: "array[int]", engine: Engine) -> Rebindings:
    """Find which flows continue which."""
    none = array("i", [ABSENT])
    found, entering = Rebindings(none * flows, none * flows), array("i", [0]) * flows
    count = engine.run(list_entering, rows, flows, entering)
    slots, seed = none * (1 << (2 * count).bit_length()), int.from_bytes(os.urandom(4), "big")
    n = Entering(of_end, entering[:count], slots, none * count, array("i", [0]) * count, seed)
    engine.run(link, rows, flows, n, count, found)
    return found


def list_entering(rows: Rows, flows: int, entering: Any) -> int:
    """Kernel: list the flows that may continue another one. Returns how many."""
    count = 0
    for flow in range(flows):
        if may_continue(rows, flow):
            entering[count] = flow
            count += 1
    return count


def may_continue(rows: Rows, flow: int) -> bool:
    """Tell whether the flow enters in mid-stream, after a silence, and has no answer but RSTs: nobody knows it."""
    f = rows.flows
    has_numbers = f.first_seq[flow] >= LEAST_NUMBER and f.first_ack[flow] >= LEAST_NUMBER
    return bool(has_numbers and rows.ends.ttl[2 * flow + 1] == ABSENT and f.first_ns[flow] - f.first_ns[0] >= LONG_NS)


def link(rows: Rows, flows: int, n: Entering, count: int, found: Rebindings) -> int:
    """Kernel: find for each of the `count` flows the one that it continues, the one that fell silent last. Returns
    how many do."""
    for place in range(count):
        flow = n.flows[place]
        slot = slot_of(rows, n, 2 * flow + 1, rows.flows.first_ack[flow])
        n.before[place], n.slots[slot] = n.slots[slot], place
        n.alike[place] = 1 + (n.alike[n.before[place]] if n.before[place] != ABSENT else 0)
    for older in range(flows if count else 0):
        for staying in (2 * older, 2 * older + 1):
            if are_numbers_known(rows, staying, found):
                look_for_newer(rows, n, staying, rows.ends.snd_una[staying], found)
                if rows.ends.snd_nxt[staying] != rows.ends.snd_una[staying]:
                    look_for_newer(rows, n, staying, rows.ends.snd_nxt[staying], found)
    linked = 0
    for place in range(count):
        older = found.continues[n.flows[place]]
        if older != ABSENT:
            linked += 1
            if found.continued_by[older] == ABSENT:
                found.continued_by[older] = n.flows[place]
    return linked


def slot_of(rows: Rows, n: Entering, service: int, ack: int) -> int:
    """Return the slot of an acknowledgement to a service, which is an end; `service` is its row in ENDS."""
    who, port, mask = n.of_end[service], port_of(rows.flows, service >> 1, service & 1), len(n.slots) - 1
    slot = mix(mix(mix(n.seed, who), port), ack) & mask
    while n.slots[slot] != ABSENT:
        other = n.flows[n.slots[slot]]
        if is_same_end(rows, n, 2 * other + 1, service) and rows.flows.first_ack[other] == ack:
            break
        slot = (slot + 1) & mask
    return slot


def is_same_end(rows: Rows, n: Entering, one: int, other: int) -> bool:
    """Tell whether two rows of ENDS have the same address and port."""
    is_same_port = port_of(rows.flows, one >> 1, one & 1) == port_of(rows.flows, other >> 1, other & 1)
    return bool(n.of_end[one] == n.of_end[other] and is_same_port)


def are_numbers_known(rows: Rows, staying: int, found: Rebindings) -> bool:
    """Tell whether SND.NXT and SND.UNA are sure; those of a flow that continues another one are."""
    e, moving = rows.ends, staying ^ 1
    if e.snd_una[staying] == ABSENT or e.snd_nxt[moving] == ABSENT:
        return False
    is_sure = e.is_sure[staying] == 1 and e.is_sure[moving] == 1
    return bool(is_sure or found.continues[staying >> 1] != ABSENT)


def look_for_newer(rows: Rows, n: Entering, staying: int, ack: int, found: Rebindings) -> None:
    """Note for each flow with this acknowledgement which one it continues, if it goes on where the other end was."""
    older, place = staying >> 1, n.slots[slot_of(rows, n, staying, ack)]
    if place != ABSENT and n.alike[place] > MOST_ALIKE:
        return
    while place != ABSENT:
        newer = n.flows[place]
        if goes_on(rows, n, staying ^ 1, newer):
            before = found.continues[newer]
            if before == ABSENT or moved_ns(rows, n, before, newer) <= rows.ends.last_ns[staying ^ 1]:
                found.continues[newer] = older
        place = n.before[place]


def goes_on(rows: Rows, n: Entering, moving: int, newer: int) -> bool:
    """Tell whether a flow begins with what this end would send next, or send again, or probe with.

    The end has been silent by then, and is not heard again from where it was.
    """
    f, e = rows.flows, rows.ends
    is_silent = e.last_ns[moving] != ABSENT and f.first_ns[newer] - e.last_ns[moving] >= LONG_NS
    if not is_silent or is_same_end(rows, n, 2 * newer, moving):
        return False
    lowest = e.snd_una[moving]
    if lowest == ABSENT:
        lowest = (
            f.first_seq[moving >> 1] if not moving & 1 and f.first_seq[moving >> 1] != ABSENT else e.snd_nxt[moving]
        )
    return bool(seq_diff(f.first_seq[newer], lowest) >= -1 and seq_diff(f.first_seq[newer], e.snd_nxt[moving]) <= 0)


def moved_ns(rows: Rows, n: Entering, older: int, newer: int) -> int:
    """Return when the end of the older flow that has moved was last heard there, in ns."""
    return int(rows.ends.last_ns[moved_end(rows, n.of_end, older, newer)])


def moved_end(rows: Rows, of_end: Any, older: int, newer: int) -> int:
    """Return the row in ENDS of the end of the older flow that goes on in the newer one, as end 0 of that."""
    f = rows.flows
    is_second = of_end[2 * older + 1] == of_end[2 * newer + 1] and port_of(f, older, 1) == port_of(f, newer, 1)
    return 2 * older + (0 if is_second else 1)


def rebound_from(rows: Rows, of_end: Any, found: Rebindings, flow: int) -> Rebinding | None:
    """Return which flow this one continues, None without."""
    older = found.continues[flow]
    return _rebinding(rows, of_end, older, flow, older) if older != ABSENT else None


def rebound_to(rows: Rows, of_end: Any, found: Rebindings, flow: int) -> Rebinding | None:
    """Return which flow continues this one, None without."""
    newer = found.continued_by[flow]
    return _rebinding(rows, of_end, flow, newer, newer) if newer != ABSENT else None


def _rebinding(rows: Rows, of_end: Any, older: int, newer: int, other: int) -> Rebinding:
    """Return the other one of two flows; what the end that stays sent into the void meanwhile is no sign of life."""
    moved, first_ns, last_ns = (
        moved_end(rows, of_end, older, newer),
        rows.flows.first_ns[newer],
        rows.flows.last_ns[older],
    )
    silent_ns = first_ns - (last_ns if last_ns <= first_ns else rows.ends.last_ns[moved])
    return Rebinding(other, silent_ns, of_end[2 * newer] != of_end[moved])
