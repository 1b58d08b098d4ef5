"""The events of a live analysis from batches of records: which connections to examine again, and when.

A snapshot is an analysis of the few connections that something may have changed for (`tcp/excerpt.py`), with their
latest candidates and with the connections that may explain a silence. What a batch brings for a connection is examined
in the next `tick`, as long as the time for it lasts; connections that are probed come first, and what waits is examined
in the tick after. Instants come from the capture.
"""

from array import array
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from analyzer.analysis import Analysis, Analyzer
from analyzer.capture.decode.headers import ICMPV6_TYPES
from analyzer.capture.decode.packets import address
from analyzer.engine.table import Table
from analyzer.keepalive.context.addresses import Address, address_of, network
from analyzer.keepalive.findings import Flow
from analyzer.keepalive.tags.rules import FEWEST_BEATS, HEARTBEAT_OCTETS
from analyzer.keepalive.tags.tag import ICMP_UNREACHABLE
from analyzer.keepalive.verdict.values import Outcome
from analyzer.monitor.changes import IcmpError, Reported, Snapshot, changes, next_due_ns
from analyzer.monitor.events import Event, Name
from analyzer.monitor.forecast import Count, Forecast, forecast, own_count
from analyzer.report.json import document
from analyzer.schema import ABSENT, FIN, KIND_ICMP_ERROR, OPENED_MIDSTREAM, RST
from analyzer.tcp import segment_facts
from analyzer.tcp.eviction import Limits
from analyzer.tcp.excerpt import excerpt
from analyzer.tcp.segment_facts import may_be_probe
from analyzer.tcp.tracker import IDLE_NS

LIMITS = Limits(flows=200_000, candidates=1_000_000)
"""Usual limits, some 300 MB; but flows that may still be probed are kept up to LAST_RESORT."""
LAST_RESORT = Limits(flows=2_000_000, candidates=1_000_000, keeps_idle=False)
"""Limits in any case: so many connections that are all open would take 2 GB."""
KEPT_OVER = 1000
"""Number of connections that ended badly and are kept for the view, the latest."""
SNAPSHOT_OF = 128
"""Number of the latest candidates of a connection that are examined: some sixty probes and answers."""
RELATED = 32
"""Number of connections to the same network that are examined with one in trouble, the latest."""
ROWS_A_TICK = 4096
"""Number of candidates examined in a tick, some 50 ms of work."""
UNRESPONSIVE_NS = 5_000_000_000
"""Time without the other end after which data counts as unanswered (`keepalive/verdict/unanswered_data.py`)."""


@dataclass(slots=True)
class Watched:
    """One connection: its candidates, what was reported, and its latest snapshot."""

    reported: Reported
    rows: "array[int]" = field(default_factory=lambda: array("q"))
    snapshot: Snapshot | None = None
    due_ns: int | None = None
    """Time of its next snapshot, whatever is captured until then."""
    messages: int = 0
    """Number of small messages after a silence."""

    def may_have_begun_to_beat(self, c: Any, row: int) -> bool:
        """Tell whether a small message after a silence may complete a series: every third may, unless one goes on.

        Of that a timer says when the next is overdue.
        """
        if not is_message(c, row):
            return False
        self.messages += 1
        if self.snapshot is None:
            return self.messages % FEWEST_BEATS == 0
        beats = [end.story.heartbeat for end in self.snapshot.flow.ends]
        return self.messages % FEWEST_BEATS == 0 and all(one is None or one.stopped_ns >= 0 for one in beats)

    @property
    def is_in_trouble(self) -> bool:
        if self.snapshot is None:
            return False
        story = self.snapshot.flow.story
        return story.reset is None and (story.run is not None or story.unanswered_data is not None)


class Watcher:
    """Takes batches as an Analyzer does, which it owns; `tick` says what is new."""

    def __init__(self, analyzer: Analyzer | None = None, limits: Limits = LIMITS) -> None:
        self.analyzer = analyzer or Analyzer()
        self.watched: list[Watched] = []
        """State of each connection, by index of the flow."""
        self.forgotten_flows = 0
        self._limits = limits
        self._numbers = 0
        self._seen_rows = 0
        self._waiting: OrderedDict[int, None] = OrderedDict()  # numbers of flows to examine
        self._timers: list[tuple[int, int]] = []  # when, and the number of the flow
        self._flow_of: dict[int, int] = {}  # its index, by number
        self._of_network: dict[Address, list[int]] = {}  # numbers
        self._over: deque[Watched] = deque()
        self._counts: dict[str, Count] = {}  # by address: at which number of probes its host gave up

    def feed(self, buffer: Any, records: Table) -> None:
        self.analyzer.feed(buffer, records)

    def tick(self, now_ns: int) -> list[Event]:
        """Return the new events at this instant of the capture, in order of time."""
        events = list(self._opened())
        self._sort_in(now_ns)
        self._run_out(now_ns)
        events += self._look_at(list(self._next_waiting()), now_ns)
        self._forget()
        return sorted(events, key=lambda event: event.time_ns)

    def last_tick(self, now_ns: int) -> list[Event]:
        """Return the new events at the capture's end, of every connection that was examined and is open."""
        for one in self.watched:
            if one.snapshot is not None and one.snapshot.flow.story.reset is None:
                self._waiting[one.reported.number] = None
        events = self.tick(now_ns)
        while self.is_behind:
            events += self.tick(now_ns)
        return events

    def conclusions(self, analysis: Analysis, now_ns: int) -> list[Event]:
        """Return what the whole capture says, after the last tick; connections have the numbers of the events."""
        found = []
        for one in analysis.conclusions:
            flows = [self.watched[flow].reported.number for flow in one.flows]
            fields = document.conclusion_object(one) | {"flows": flows}
            found.append(Event(now_ns, Name.CONCLUSION, None, None, (), fields))
        return found

    @property
    def is_behind(self) -> bool:
        """Tell whether connections still wait to be examined."""
        return bool(self._waiting)

    def snapshots(self) -> "Iterator[tuple[int, Snapshot]]":
        """Return the latest snapshots of connections, with their numbers."""
        return ((one.reported.number, one.snapshot) for one in self.watched if one.snapshot is not None)

    def _opened(self) -> Iterator[Event]:
        """Yield an event for each flow that is new since the last tick."""
        table = self.analyzer.tracker.table
        f = table.flows.view
        for flow in range(len(self.watched), table.flows.rows):
            number = self._numbers
            self._numbers += 1
            self.watched.append(Watched(Reported(number)))
            self._flow_of[number] = flow
            for end in (0, 1):
                self._of_network.setdefault(network(address_of(table, flow, end)), []).append(number)
            opened = "midstream" if f.opened[flow] == OPENED_MIDSTREAM else "syn"
            fields = {"frame": f.first_frame[flow], "opened": opened}
            yield Event(f.first_ns[flow], Name.FLOW_OPEN, number, None, self._ends(flow), fields)

    def _ends(self, flow: int) -> tuple[str, str]:
        table = self.analyzer.tracker.table
        ports = table.flows.view.ports[flow]
        first, second = (address(*address_of(table, flow, end)[1:]) for end in (0, 1))
        return _endpoint(first, ports >> 16), _endpoint(second, ports & 0xFFFF)

    def _sort_in(self, now_ns: int) -> None:
        """Assign new candidates to their flows; a candidate that may tell something puts its flow in the queue."""
        candidates = self.analyzer.tracker.candidates
        c = candidates.view
        for row in range(self._seen_rows, candidates.rows):
            one = self.watched[c.flow[row]]
            one.rows.append(row)
            if may_tell(c, row) or one.is_in_trouble or one.may_have_begun_to_beat(c, row):
                self._waiting[one.reported.number] = None
            elif c.in_flight[row] > 0:
                self._set_timer(one, now_ns + UNRESPONSIVE_NS)
        self._seen_rows = candidates.rows

    def _set_timer(self, one: Watched, due_ns: int) -> None:
        if one.due_ns is None or due_ns < one.due_ns:
            one.due_ns = due_ns
            heappush(self._timers, (due_ns, one.reported.number))

    def _run_out(self, now_ns: int) -> None:
        """Queue the flows whose timers have run out; a timer that was set anew since is ignored."""
        while self._timers and self._timers[0][0] <= now_ns:
            due_ns, number = heappop(self._timers)
            flow = self._flow_of.get(number, ABSENT)
            if flow != ABSENT and self.watched[flow].due_ns == due_ns:
                self.watched[flow].due_ns = None
                if self._is_due(flow, now_ns):
                    self._waiting[number] = None

    def _is_due(self, flow: int, now_ns: int) -> bool:
        """Tell whether a flow is worth examining: it was before, or one end sent something and the other has not been
        heard since."""
        if self.watched[flow].snapshot is not None:
            return True
        last_ns = self.analyzer.tracker.table.ends.view.last_ns
        a_ns, b_ns = last_ns[2 * flow], last_ns[2 * flow + 1]
        return bool(ABSENT not in (a_ns, b_ns) and now_ns - min(a_ns, b_ns) >= UNRESPONSIVE_NS and a_ns != b_ns)

    def _next_waiting(self) -> Iterator[int]:
        """Yield flows until the tick's work is full; those that have probes first."""
        rows = 0
        probed = [number for number in self._waiting if self._has_probes(number)]
        for number in (*probed, *list(self._waiting)):
            if rows >= ROWS_A_TICK:
                return
            if number in self._waiting:
                del self._waiting[number]
                if number in self._flow_of:
                    flow = self._flow_of[number]
                    rows += min(len(self.watched[flow].rows), SNAPSHOT_OF)
                    yield flow

    def _has_probes(self, number: int) -> bool:
        flow = self._flow_of.get(number)
        snapshot = self.watched[flow].snapshot if flow is not None else None
        return snapshot is not None and bool(snapshot.flow.probers)

    def _look_at(self, flows: list[int], now_ns: int) -> Iterator[Event]:
        if not flows:
            return
        related = {other for flow in flows if self.watched[flow].is_in_trouble for other in self._related(flow)}
        order = sorted({*flows, *related})
        tracker = excerpt(self.analyzer.tracker, {flow: self.watched[flow].rows[-SNAPSHOT_OF:] for flow in order})
        analysis = self.analyzer.analysis_of(tracker, now_ns)
        wanted = set(flows)
        places = [place for place, flow in enumerate(order) if flow in wanted]
        for place, found in zip(places, analysis.flows_alone(places), strict=True):
            flow = order[place]
            forecasts = (self._forecast(found, flow, 0), self._forecast(found, flow, 1))
            yield from self._reported(self.watched[flow], Snapshot(found, _errors(analysis, place), forecasts, now_ns))

    def _reported(self, one: Watched, snapshot: Snapshot) -> list[Event]:
        found = changes(snapshot, one.reported)
        self._keep(one, snapshot)
        for end in snapshot.flow.ends:
            count = own_count(end.settings)
            if count is not None:
                self._counts[end.address] = Count(count.value, "another connection of its host")
        due_ns = next_due_ns(snapshot, one.reported)
        if due_ns is not None:
            self._set_timer(one, due_ns)
        return found

    def _keep(self, one: Watched, snapshot: Snapshot) -> None:
        """Keep the snapshot while the connection is open, and of those that ended badly the latest."""
        was_over = one.snapshot is not None and _is_over(one.snapshot)
        one.snapshot = snapshot if snapshot.flow.verdict.outcome is not Outcome.CLOSED else None
        if _is_over(snapshot) and one.snapshot is not None and not was_over:
            self._over.append(one)
            if len(self._over) > KEPT_OVER:
                self._over.popleft().snapshot = None

    def _forecast(self, found: Flow, flow: int, end: int) -> Forecast | None:
        ends, peer = self.analyzer.tracker.table.ends.view, 2 * flow + 1 - end
        heard_ns = ends.accepted_ns[peer] if ends.accepted_ns[peer] != ABSENT else ends.last_ns[peer]
        return forecast(found.ends[end], heard_ns, self._counts.get(found.ends[end].address))

    def _related(self, flow: int) -> Iterable[int]:
        """Return the latest flows of the networks of both ends."""
        table = self.analyzer.tracker.table
        last_ns = table.flows.view.last_ns
        found: set[int] = set()
        for end in (0, 1):
            numbers = self._of_network.get(network(address_of(table, flow, end)), [])
            found.update(self._flow_of[number] for number in numbers if number in self._flow_of)
        return sorted(found, key=lambda other: -last_ns[other])[:RELATED]

    def _forget(self) -> None:
        """Keep memory bounded; what is forgotten is counted."""
        limits = self._limits
        if self.analyzer.tracker.table.flows.rows > LAST_RESORT.flows:
            limits = LAST_RESORT
        forgotten = self.analyzer.stay_within(limits)
        if forgotten is None:
            return
        self.forgotten_flows += forgotten.flows
        self.watched = [one for flow, one in enumerate(self.watched) if forgotten.new_flow[flow] != ABSENT]
        for one in self.watched:
            one.rows = array("q", (forgotten.new_row[row] for row in one.rows if row in forgotten.new_row))
        self._seen_rows = self.analyzer.tracker.candidates.rows
        self._flow_of = {one.reported.number: flow for flow, one in enumerate(self.watched)}
        for key, numbers in list(self._of_network.items()):
            numbers[:] = [number for number in numbers if number in self._flow_of]
            if not numbers:
                del self._of_network[key]


def _is_over(snapshot: Snapshot) -> bool:
    """Tell whether the connection was reset, or given up in silence."""
    return snapshot.flow.story.reset is not None or snapshot.flow.verdict.errno is not None


def may_tell(c: Any, row: int) -> bool:
    """Tell whether a candidate may be more than a resend or a duplicate ACK, so that a snapshot could show something
    new."""
    if c.kind[row] == KIND_ICMP_ERROR or c.flags[row] & (RST | FIN) or c.facts[row] & segment_facts.AFTER_SUSPECT:
        return True
    is_small = c.payload_len[row] <= 1
    return bool(is_small and (may_be_probe(c.relation[row]) or c.facts[row] & segment_facts.UNSURE))


def is_message(c: Any, row: int) -> bool:
    """Tell whether a candidate may be a heartbeat: a little data after a second without any."""
    return bool(0 < c.payload_len[row] <= HEARTBEAT_OCTETS and c.idle_ns[row] >= IDLE_NS)


def _errors(analysis: Analysis, place: int) -> tuple[IcmpError, ...]:
    """Return the ICMP errors among the flow's candidates."""
    c, s = analysis.candidates.view, analysis.segments.view
    return tuple(
        IcmpError(
            frame=c.frame[row],
            ts_ns=c.ts_ns[row],
            end=c.end[row],
            of=c.frame[s.of[row]] if s.of[row] != ABSENT else None,
            icmp_type=(c.flags[row] >> 8) % ICMPV6_TYPES,
            icmp_code=c.flags[row] & 0xFF,
            is_v6=c.flags[row] >> 8 >= ICMPV6_TYPES,
        )
        for row in analysis.rows(place)
        if s.tag[row] == ICMP_UNREACHABLE
    )


def _endpoint(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
