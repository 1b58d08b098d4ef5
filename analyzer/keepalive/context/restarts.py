"""Signs that a host has been started anew while a connection of it was idle: the other end need not know yet.

A new connection from the same address to the same service alone proves nothing: programs open several. It counts where
the host has also reset another old connection that it no longer knows, or where its timestamp clock, which its
connections shared until then, has begun anew.
"""

import os
from array import array
from typing import Any, NamedTuple

from analyzer.engine.dispatch import Engine
from analyzer.keepalive.context.grouping import Group, grouped
from analyzer.keepalive.context.peer_silences import Notes
from analyzer.keepalive.story.gaps import Rows
from analyzer.keepalive.verdict import values
from analyzer.keepalive.verdict.values import because
from analyzer.schema import ABSENT, OPENED_MIDSTREAM, OPENED_SYN, OPENED_SYN_ACK
from analyzer.sequence import seq_diff
from analyzer.tcp.flows import mix

FASTEST_CLOCK_HZ = 1100
"""A timestamp clock ticks at most once a millisecond (RFC 7323 §5.4); a tenth is added for its error."""
HALF_ROUND_NS = 1 << 51
"""In this time, 26 days, such a clock has come halfway round: nothing is further ahead."""
FAR_APART_NS = 1_000_000_000
"""Two readings that are nearer to each other do not show whether they are of one clock."""
FEWEST_NEWER = 4
"""Fewer ports may be in order by chance."""
MOST_LOOKED_AT = 64
"""Most of a host's connections that are looked at, the last ones: so many show whether their ports are in order."""
MOST_FRAMES = 12
"""Most frames that are named."""


class Opened(NamedTuple):
    """Connections by who opened them to which service, and RSTs by hosts that have forgotten some."""

    of_end: "array[int]"
    """The address number of each row in ENDS."""
    slots: "array[int]"
    """For each service the latest flow that the capture saw open."""
    before: "array[int]"
    """For each flow the one opened to the same service before it, -1 if none."""
    last_ns: "array[int]"
    """When the last of all was opened."""
    forgotten: Any
    forgot: Group
    """Rows of FORGOTTEN by address."""
    seed: int


def opened_by(rows: Rows, flows: int, notes: Notes, engine: Engine) -> Opened:
    """Return the flows that the capture saw open by service, and the RSTs of hosts that have forgotten a connection."""
    addresses, count, view = notes.addresses, notes.forgotten.rows, notes.forgotten.view
    who = array("i", map(addresses.of_end.__getitem__, view.end[:count]))
    forgot = grouped(array("i", range(count)), count, who, len(addresses), engine)
    opened = flows - rows.flows.opened[:flows].tobytes().count(OPENED_MIDSTREAM)
    slots, before = array("i", [ABSENT]) * (1 << (2 * opened).bit_length()), array("i", [ABSENT]) * flows
    seed = int.from_bytes(os.urandom(4), "big")
    found = Opened(addresses.of_end, slots, before, array("q", [ABSENT]), view, forgot, seed)
    engine.run(enter_opened, rows, flows, found)
    return found


def enter_opened(rows: Rows, flows: int, o: Opened) -> int:
    """Kernel: enter each flow that the capture saw open; half of the slots at least stay free. Returns `flows`."""
    f = rows.flows
    for flow in range(flows):
        if f.opened[flow] != OPENED_MIDSTREAM:
            slot = slot_of_service(rows, flow, int(f.opened[flow] == OPENED_SYN_ACK), o)
            o.before[flow], o.slots[slot] = o.slots[slot], flow
            o.last_ns[0] = max(o.last_ns[0], f.first_ns[flow])
    return flows


def slot_of_service(rows: Rows, flow: int, end: int, o: Opened) -> int:
    """Return the slot of the service, address and port, to which this end opened the flow, or would have."""
    f, mask = rows.flows, len(o.slots) - 1
    who, whom, port = o.of_end[2 * flow + end], o.of_end[2 * flow + 1 - end], port_of(f, flow, 1 - end)
    slot = mix(mix(mix(o.seed, who), whom), port) & mask
    while o.slots[slot] != ABSENT:
        other = o.slots[slot]
        opener = int(f.opened[other] == OPENED_SYN_ACK)
        is_same = o.of_end[2 * other + opener] == who and o.of_end[2 * other + 1 - opener] == whom
        if is_same and port_of(f, other, 1 - opener) == port:
            break
        slot = (slot + 1) & mask
    return slot


def port_of(flows: Any, flow: int, end: int) -> int:
    """Return the port of one end of a flow."""
    ports: int = flows.ports[flow]
    return ports & 0xFFFF if end else ports >> 16


def opened_anew(rows: Rows, flow: int, end: int, o: Opened) -> int:
    """Return the newest flow that the end opened to the same service, ABSENT if it was heard on this one since."""
    f, heard_ns = rows.flows, rows.ends.last_ns[2 * flow + end]
    is_other_opener = f.opened[flow] == (OPENED_SYN if end else OPENED_SYN_ACK)
    if o.last_ns[0] <= heard_ns or is_other_opener:
        return ABSENT
    newest = o.slots[slot_of_service(rows, flow, end, o)]
    return newest if newest != ABSENT and f.first_ns[newest] > heard_ns else ABSENT


def may_be_anew(rows: Rows, flow: int, o: Opened) -> bool:
    """Tell whether one of the flow's ends has opened the same service again since it was last heard here."""
    for end in (0, 1):  # noqa: SIM110  # numba compiles no generators
        if opened_anew(rows, flow, end, o) != ABSENT:
            return True
    return False


def signs(rows: Rows, flow: int, o: Opened, proofs: Any, counts: Any) -> int:
    """Return packed reasons, 0 without two signs, and add their frames to `proofs` behind row counts[0].

    The flow is not closed. The end that opened it is the one in doubt.
    """
    for end in (0, 1):
        anew = opened_anew(rows, flow, end, o)
        if anew == ABSENT:
            continue
        first = counts[0]
        proofs.frame[first] = rows.flows.first_frame[anew]
        counts[0] += 1
        note_forgotten_others(rows, flow, end, anew, o, proofs, counts)
        if counts[0] > first + 1:
            return because(values.PEER_RECONNECTED, because(values.PEER_LOST_OTHERS, 0))
        if is_clock_new(rows, flow, end, anew, o):
            return because(values.PEER_RECONNECTED, because(values.PEER_CLOCK_RESTARTED, 0))
        counts[0] = first
    return 0


def note_forgotten_others(rows: Rows, flow: int, end: int, anew: int, o: Opened, proofs: Any, counts: Any) -> None:
    """Add RSTs of the same host for connections that it used before the new one began, and no longer knows."""
    first_ns, last_ns = rows.flows.first_ns[anew], rows.ends.last_ns[2 * flow + end]
    who, most = o.of_end[2 * flow + end], counts[0] + MOST_FRAMES - 1
    for place in range(o.forgot.starts[who], o.forgot.starts[who + 1]):
        row = o.forgot.rows[place]
        other = o.forgotten.end[row] >> 1
        is_before = o.forgotten.own_ns[row] < first_ns and o.forgotten.ts_ns[row] > last_ns
        if other != flow and other != anew and is_before and counts[0] < most:
            proofs.frame[counts[0]] = o.forgotten.frame[row]
            counts[0] += 1


def is_clock_new(rows: Rows, flow: int, end: int, anew: int, o: Opened) -> bool:
    """Tell whether the new connection's timestamps are behind the old one's, although the host shared one clock.

    Many stacks give each connection an offset of its own; there nothing can be said.
    """
    old, new = 2 * flow + end, opener_of(rows, anew)
    e = rows.ends
    if e.last_tsval[old] == ABSENT or e.last_tsval[new] == ABSENT:
        return False
    if is_one_clock(e, old, new) or seq_diff(e.last_tsval[new], e.last_tsval[old]) >= 0:
        return False
    other = o.before[anew]
    while other != ABSENT:
        one = opener_of(rows, other)
        is_before = other != flow and e.last_ns[one] < e.last_ns[new]
        if is_before and (is_one_clock(e, old, one) or is_one_clock(e, one, old)):
            return True
        other = o.before[other]
    return False


def counts_ports_anew(rows: Rows, heard: Group, who: int, own: int) -> bool:
    """Tell whether all that an end's host has used since it was last heard here are newer connections from lower ports.

    These ports count up, as after a start, where ports are given in turn. Once round they come to lower ones, too, but
    then connections that are older go on. `own` is the end's row in ENDS, `who` its address.
    """
    f, e, newer, before = rows.flows, rows.ends, 0, ABSENT
    if f.opened[own >> 1] == OPENED_MIDSTREAM or opener_of(rows, own >> 1) != own:
        return False
    first, last = heard.starts[who], heard.starts[who + 1]
    for place in range(first, min(last, first + MOST_LOOKED_AT)):
        other = heard.rows[place]
        flow = other >> 1
        if flow == own >> 1 or e.last_ns[other] <= e.last_ns[own]:
            continue
        is_newer = f.first_ns[flow] > e.last_ns[own] and f.opened[flow] != OPENED_MIDSTREAM
        if not is_newer or opener_of(rows, flow) != other:
            return False
        port = port_of(f, flow, other & 1)
        if port >= port_of(f, own >> 1, own & 1):
            return False
        if before != ABSENT:
            earlier_port = port_of(f, before >> 1, before & 1)
            if (f.first_ns[flow] < f.first_ns[before >> 1]) != (port < earlier_port):
                return False
        newer, before = newer + 1, other
    return newer >= FEWEST_NEWER


def opener_of(rows: Rows, flow: int) -> int:
    """Return the row in ENDS of the end that opened the flow."""
    return 2 * flow + int(rows.flows.opened[flow] == OPENED_SYN_ACK)


def is_one_clock(e: Any, earlier: int, later: int) -> bool:
    """Tell whether timestamps grow no faster than a clock may, between two readings at least a second apart."""
    passed_ns = e.last_ns[later] - e.last_ns[earlier]
    if e.last_tsval[earlier] == ABSENT or e.last_tsval[later] == ABSENT or passed_ns < FAR_APART_NS:
        return False
    most = min(passed_ns, HALF_ROUND_NS) * FASTEST_CLOCK_HZ // 1_000_000_000 + 1
    return bool(0 < seq_diff(e.last_tsval[later], e.last_tsval[earlier]) <= most)
