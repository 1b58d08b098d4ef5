"""Signs that a host has been started anew while a connection of it was idle: the other end need not know yet.

A new connection from the same address to the same service alone proves nothing: programs open several.
It counts where the host has also reset another old connection that it no longer knows, or where its
timestamp clock, which its connections shared until then, has begun anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property

from analyzer.keepalive.stories import Forgotten
from analyzer.keepalive.timeline import Story
from analyzer.keepalive.verdict import Reason
from analyzer.schema import NEVER, OPENED_MIDSTREAM, OPENED_SYN_ACK
from analyzer.sequence import seq_diff
from analyzer.tcp.flows import FlowTable

Address = tuple[int, int, int]
"""The number of the tunnel, and both halves: what is the same in two tunnels is not one host."""
FASTEST_CLOCK_HZ = 1100
"""A timestamp clock ticks at most once a millisecond (RFC 7323 §5.4); a tenth for what is wrong with it."""
FAR_APART_NS = 1_000_000_000
"""Two readings that are nearer to each other do not show whether they are of one clock."""


def address_of(table: FlowTable, flow: int, end: int) -> Address:
    f = table.flows.view
    halves = (f.a_hi[flow], f.a_lo[flow]) if end == 0 else (f.b_hi[flow], f.b_lo[flow])
    return f.tunnel[flow], *halves


class Restarts:
    """Connections by who opened them to which service, and resets by hosts that have forgotten; made once."""

    def __init__(self, table: FlowTable, forgotten: Iterable[Forgotten]) -> None:
        self._table = table
        self._forgot: dict[Address, list[Forgotten]] = defaultdict(list)
        for one in forgotten:
            self._forgot[address_of(table, one.flow, one.end)].append(one)

    @cached_property
    def _opened(self) -> dict[tuple[Address, Address, int], list[tuple[int, int]]]:
        """By service the flows that the capture saw open, in order, each with the end that opened it."""
        found: dict[tuple[Address, Address, int], list[tuple[int, int]]] = defaultdict(list)
        f = self._table.flows.view
        for flow in range(self._table.flows.rows):
            if f.opened[flow] != OPENED_MIDSTREAM:
                end = int(f.opened[flow] == OPENED_SYN_ACK)
                found[self._service(flow, end)].append((flow, end))
        return found

    @cached_property
    def _last_opened_ns(self) -> int:
        f = self._table.flows.view
        opened = range(self._table.flows.rows)
        return max((f.first_ns[flow] for flow in opened if f.opened[flow] != OPENED_MIDSTREAM), default=NEVER)

    def may_be(self, flow: int) -> bool:
        """One of its ends has opened the same service again since the flow was last heard."""
        return any(True for _ in self._anew(flow))

    def _anew(self, flow: int) -> Iterator[tuple[int, tuple[int, int]]]:
        """Of the flow the end in doubt, and the newest flow that it opened since, with the end there."""
        f = self._table.flows.view
        if self._last_opened_ns <= f.last_ns[flow]:
            return
        for end in {OPENED_MIDSTREAM: (0, 1), OPENED_SYN_ACK: (1,)}.get(f.opened[flow], (0,)):
            opened = self._opened.get(self._service(flow, end))
            if opened and f.first_ns[opened[-1][0]] > f.last_ns[flow]:
                yield end, opened[-1]

    def signs(self, flow: int, story: Story) -> tuple[tuple[Reason, ...], tuple[int, ...]]:
        """Reasons and frames, empty without two signs; the end that opened the flow is the one in doubt."""
        f = self._table.flows.view
        if story.reset is not None or any(end.fin_frame for end in story.ends):
            return (), ()
        for end, anew in self._anew(flow):
            forgot = self._frames_of_forgotten(flow, end, anew[0])
            if forgot:
                return (Reason.PEER_RECONNECTED, Reason.PEER_LOST_OTHERS), (f.first_frame[anew[0]], *forgot)
            if self._is_clock_new(flow, end, anew):
                return (Reason.PEER_RECONNECTED, Reason.PEER_CLOCK_RESTARTED), (f.first_frame[anew[0]],)
        return (), ()

    def _frames_of_forgotten(self, flow: int, end: int, anew: int) -> tuple[int, ...]:
        """RSTs of the same host for connections that it used before the new one began, and no longer knows."""
        first_ns, last_ns = self._table.flows.view.first_ns, self._table.flows.view.last_ns
        return tuple(
            one.frame
            for one in self._forgot[address_of(self._table, flow, end)]
            if one.flow not in {flow, anew} and one.own_ns < first_ns[anew] and one.ts_ns > last_ns[flow]
        )

    def _service(self, flow: int, end: int) -> tuple[Address, Address, int]:
        """Who opened it, and to which address and port."""
        ports = self._table.flows.view.ports[flow]
        port = ports & 0xFFFF if end == 0 else ports >> 16
        return address_of(self._table, flow, end), address_of(self._table, flow, 1 - end), port

    def _is_clock_new(self, flow: int, end: int, anew: tuple[int, int]) -> bool:
        """The new connection's timestamps are behind the old one's, although the host's connections shared a clock.

        Many stacks give each connection an offset of its own; there nothing can be said.
        """
        old, new = self._reading(flow, end), self._reading(*anew)
        if NEVER in {old[1], new[1]} or _is_one_clock(old, new) or seq_diff(new[1], old[1]) >= 0:
            return False
        others = (one for one in self._opened.get(self._service(flow, end), ()) if one[0] not in {flow, anew[0]})
        readings = [self._reading(*one) for one in others]
        return any(_is_one_clock(old, one) or _is_one_clock(one, old) for one in readings if one[0] < new[0])

    def _reading(self, flow: int, end: int) -> tuple[int, int]:
        """When the end last sent, and the timestamp that it wrote."""
        ends = self._table.ends.view
        return ends.last_ns[2 * flow + end], ends.last_tsval[2 * flow + end]


def _is_one_clock(earlier: tuple[int, int], later: tuple[int, int]) -> bool:
    """Timestamps that grow no faster than a clock may, between two readings at least a second apart."""
    passed_ns = later[0] - earlier[0]
    if NEVER in {earlier[1], later[1]} or passed_ns < FAR_APART_NS:
        return False
    return 0 < seq_diff(later[1], earlier[1]) <= passed_ns * FASTEST_CLOCK_HZ // 1_000_000_000 + 1
