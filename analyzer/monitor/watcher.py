"""The events of a live analysis from batches of records: which connections to examine again, and when.

A snapshot is an analysis of the few connections that something may have changed for (`tcp/excerpt.py`), with their
latest candidates and with the connections that may explain a silence. What a batch brings for a connection is examined
in the next `tick`, as long as the time for it lasts; connections that are probed come first, and what waits is examined
in the tick after. Instants come from the capture.
"""

from array import array
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from heapq import heappop, heappush, nlargest
from typing import Any

from analyzer.analysis import Analysis, Analyzer
from analyzer.capture.decode.headers import ICMPV6_TYPES
from analyzer.capture.decode.packets import address, endpoint
from analyzer.engine.table import Table
from analyzer.keepalive.context.addresses import Address, address_of, network
from analyzer.keepalive.findings import Flow
from analyzer.keepalive.tags.rules import FEWEST_BEATS, HEARTBEAT_OCTETS
from analyzer.keepalive.tags.tag import ICMP_UNREACHABLE
from analyzer.keepalive.verdict.values import Outcome
from analyzer.monitor.changes import IcmpError, Reported, Snapshot, changes, next_due_ns
from analyzer.monitor.events import Event, Name
from analyzer.monitor.forecast import Count, Forecast, forecast, own_count
from analyzer.monitor.steady import Look, Standing, renew, signs_of, standing_of, steady_changes, steady_due_ns
from analyzer.monitor.upkeep import let_go, move_clock
from analyzer.report.json import document
from analyzer.schema import ABSENT, FIN, KIND_ICMP_ERROR, OPENED_MIDSTREAM, RST
from analyzer.tcp import segment_facts
from analyzer.tcp.eviction import Forgotten, Limits
from analyzer.tcp.excerpt import excerpt
from analyzer.tcp.segment_facts import may_be_probe
from analyzer.tcp.tracker import IDLE_NS

LIMITS = Limits(flows=200_000, candidates=1_000_000)
"""Usual limits, some 300 MB; but flows that may still be probed are kept up to LAST_RESORT."""
LAST_RESORT = Limits(flows=2_000_000, candidates=1_000_000, keeps_idle=False)
"""Limits in any case: so many connections that are all open would take 2 GB."""
USUAL_KEEP_NS = 3_600_000_000_000
"""How long connections are usually kept after they ended."""
TIDIED_AFTER = 16
"""Part of the time for which ended connections are kept, in which one look is had for those to let go."""
KEPT_OVER = 1000
"""Number of connections that ended badly and are kept for the view, the latest."""
SNAPSHOT_OF = 128
"""Number of the latest candidates of a connection that are examined: some sixty probes and answers."""
RELATED = 32
"""Number of connections to the same network that are examined with one in trouble, the latest."""
ROWS_A_TICK, ROWS_A_TICK_INTERPRETED = 1 << 15, 1 << 12
"""Number of candidates examined in a tick, some 50 ms of work, with machine code and interpreted."""
STEADY_LOOKS = 16
"""Looks in a row without other news than probes and answers, after which none is had between two probes."""
MOST_TIMERS, FEW_TIMERS = 4, 1000
"""Timers for each connection, and besides, beyond which those that were set anew are thrown out."""
UNRESPONSIVE_NS = 5_000_000_000
"""Time without the other end after which data counts as unanswered (`keepalive/verdict/unanswered_data.py`)."""


@dataclass(slots=True)
class Watched:
    """One connection: its candidates, what was reported, and how it stood when it was last looked at."""

    reported: Reported
    rows: "array[int]" = field(default_factory=lambda: array("q"))
    standing: Standing | None = None
    due_ns: int | None = None
    """Time of its next look, whatever is captured until then, as the last look found it."""
    unheard_ns: int | None = None
    """Time of a look because data is in flight, None without."""
    has_errors: bool = False
    """Whether ICMP errors are about it."""
    messages: int = 0
    """Number of small messages after a silence."""

    def may_have_begun_to_beat(self, c: Any, row: int) -> bool:
        """Tell whether a small message after a silence may complete a series: every third may, unless one goes on.

        Of that a timer says when the next is overdue.
        """
        if not is_message(c, row):
            return False
        self.messages += 1
        is_third = self.messages % FEWEST_BEATS == 0
        return is_third and (self.standing is None or not self.standing.has_heartbeat)

    @property
    def is_in_trouble(self) -> bool:
        """Tell whether an answer is awaited, perhaps in vain."""
        one = self.standing
        return one is not None and not one.is_reset and (one.is_troubled or one.pending_ns != ABSENT)


class Watcher:
    """Takes batches as an Analyzer does, which it owns; `tick` says what is new."""

    def __init__(self, analyzer: Analyzer | None = None, limits: Limits = LIMITS, keep_ns: int | None = None) -> None:
        """Start without data; `keep_ns` is how long a connection is kept after it ended, None for always."""
        self.analyzer = analyzer or Analyzer()
        self.watched: list[Watched] = []
        """State of each connection, by index of the flow."""
        self.forgotten_flows = 0
        """Number of connections given up to bound memory."""
        self.let_go_flows = 0
        """Number of those let go some time after they ended."""
        self.keep_ns = keep_ns
        self._limits, self._tidied_ns = limits, 0
        self._rows_a_tick = ROWS_A_TICK if self.analyzer.engine.is_native else ROWS_A_TICK_INTERPRETED
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

    def move_clock(self, by_ns: int) -> None:
        """Go on with a clock that was set by so much: what is known, and what is waited for, keeps its distance to
        now."""
        move_clock(self.analyzer, by_ns)
        self._timers = [(due_ns + by_ns, number) for due_ns, number in self._timers]
        self._tidied_ns += by_ns
        for one in self.watched:
            one.due_ns = None if one.due_ns is None else one.due_ns + by_ns
            one.unheard_ns = None if one.unheard_ns is None else one.unheard_ns + by_ns
            if one.standing is not None:
                one.standing.move(by_ns)

    def tick(self, now_ns: int) -> list[Event]:
        """Return the new events at this instant of the capture, in order of time."""
        events = list(self._opened())
        self._sort_in(now_ns)
        self._run_out(now_ns)
        events += self._look_at(list(self._next_waiting()), now_ns)
        self._forget(now_ns)
        return sorted(events, key=lambda event: event.time_ns)

    def last_tick(self, now_ns: int) -> list[Event]:
        """Return the new events at the capture's end, of every connection that was examined and is open."""
        for one in self.watched:
            if one.standing is not None and not one.standing.is_reset:
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

    def standings(self) -> Iterator[tuple[int, Standing]]:
        """Return how connections stood when they were last looked at, with their numbers."""
        return ((one.reported.number, one.standing) for one in self.watched if one.standing is not None)

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
        return endpoint(first, ports >> 16), endpoint(second, ports & 0xFFFF)

    def _sort_in(self, now_ns: int) -> None:
        """Assign new candidates to their flows; a candidate that may tell something puts its flow in the queue."""
        candidates = self.analyzer.tracker.candidates
        c = candidates.view
        for row in range(self._seen_rows, candidates.rows):
            one = self.watched[c.flow[row]]
            one.rows.append(row)
            one.has_errors = one.has_errors or c.kind[row] == KIND_ICMP_ERROR
            if may_tell(c, row) or one.is_in_trouble or one.may_have_begun_to_beat(c, row):
                self._waiting[one.reported.number] = None
            elif c.in_flight[row] > 0:
                self._expect_to_hear(one, now_ns + UNRESPONSIVE_NS)
        self._seen_rows = candidates.rows

    def _expect_to_hear(self, one: Watched, due_ns: int) -> None:
        if one.unheard_ns is None and (one.due_ns is None or due_ns < one.due_ns):
            one.unheard_ns = due_ns
            heappush(self._timers, (due_ns, one.reported.number))

    def _look_again_by(self, one: Watched, due_ns: int | None) -> None:
        """Set the time of the next look, unless an earlier one is set."""
        if due_ns is not None and (one.due_ns is None or due_ns < one.due_ns):
            self._look_again_at(one, due_ns)

    def _look_again_at(self, one: Watched, due_ns: int | None) -> None:
        """Set the time of the next look, also where that is later than before."""
        if due_ns is not None and due_ns != one.due_ns:
            heappush(self._timers, (due_ns, one.reported.number))
        one.due_ns = due_ns

    def _run_out(self, now_ns: int) -> None:
        """Queue the flows whose timers have run out; a timer that was set anew since is ignored."""
        while self._timers and self._timers[0][0] <= now_ns:
            due_ns, number = heappop(self._timers)
            flow = self._flow_of.get(number, ABSENT)
            if flow == ABSENT or due_ns not in (self.watched[flow].due_ns, self.watched[flow].unheard_ns):
                continue
            one = self.watched[flow]
            one.due_ns = None if one.due_ns == due_ns else one.due_ns
            one.unheard_ns = None if one.unheard_ns == due_ns else one.unheard_ns
            if self._is_due(flow, now_ns):
                self._waiting[number] = None
        if len(self._timers) > MOST_TIMERS * (len(self.watched) + FEW_TIMERS):
            self._timers = sorted(self._set_timers())

    def _set_timers(self) -> Iterator[tuple[int, int]]:
        """Yield the timers that were not set anew since: in order they are a heap."""
        for one in self.watched:
            for due_ns in {one.due_ns, one.unheard_ns} - {None}:
                assert due_ns is not None
                yield due_ns, one.reported.number

    def _is_due(self, flow: int, now_ns: int) -> bool:
        """Tell whether a flow is worth examining: it was before, or one end sent something and the other has not been
        heard since."""
        if self.watched[flow].standing is not None:
            return True
        last_ns = self.analyzer.tracker.table.ends.view.last_ns
        a_ns, b_ns = last_ns[2 * flow], last_ns[2 * flow + 1]
        return bool(ABSENT not in (a_ns, b_ns) and now_ns - min(a_ns, b_ns) >= UNRESPONSIVE_NS and a_ns != b_ns)

    def _next_waiting(self) -> Iterator[int]:
        """Yield flows until the tick's work is full; those that have probes first."""
        rows = 0
        probed = [number for number in self._waiting if self._has_probes(number)]
        for number in (*probed, *list(self._waiting)):
            if rows >= self._rows_a_tick:
                return
            if number in self._waiting:
                del self._waiting[number]
                if number in self._flow_of:
                    flow = self._flow_of[number]
                    rows += min(len(self.watched[flow].rows), SNAPSHOT_OF)
                    yield flow

    def _has_probes(self, number: int) -> bool:
        flow = self._flow_of.get(number)
        standing = self.watched[flow].standing if flow is not None else None
        return standing is not None and bool(standing.probers)

    def _look_at(self, flows: list[int], now_ns: int) -> Iterator[Event]:
        if not flows:
            return
        waiting = [flow for flow in flows if self._is_waiting(flow, now_ns)]
        related = self._related(waiting)
        order = sorted({*flows, *related})
        tracker = excerpt(self.analyzer.tracker, {flow: self.watched[flow].rows[-SNAPSHOT_OF:] for flow in order})
        analysis = self.analyzer.analysis_of(tracker, now_ns)
        wanted = set(flows)
        places = [place for place, flow in enumerate(order) if flow in wanted]
        alone = analysis.alone(places)
        for flow_row, place in enumerate(places):
            flow = order[place]
            look = Look(alone.columns, flow_row, now_ns)
            events = self._compared_steadily(flow, look)
            if events is None:
                found = alone.assemble(flow_row)
                forecasts = (self._forecast(found, flow, 0), self._forecast(found, flow, 1))
                events = self._compared(flow, Snapshot(found, _errors(analysis, place), forecasts, now_ns), look)
            yield from events

    def _is_waiting(self, flow: int, now_ns: int) -> bool:
        standing = self.watched[flow].standing
        return standing is not None and standing.is_waiting(now_ns)

    def _compared_steadily(self, flow: int, look: Look) -> list[Event] | None:
        """Return what is new of a connection whose probes are answered as before; None where it takes a snapshot."""
        one = self.watched[flow]
        if one.standing is None or one.has_errors:
            return None
        events = steady_changes(look, one.standing, one.reported)
        if events is None:
            return None
        first, second = (self._counts.get(end.address) for end in one.standing.ends)
        renew(one.standing, look, (self._heard_ns(flow, 0), self._heard_ns(flow, 1)), (first, second))
        self._note_counts(one.standing)
        due_ns = steady_due_ns(one.standing, look)
        if one.standing.pending_ns == ABSENT and one.standing.steady_looks >= STEADY_LOOKS:
            self._look_again_at(one, due_ns)
        else:
            self._look_again_by(one, due_ns)
        return events

    def _compared(self, flow: int, snapshot: Snapshot, look: Look) -> list[Event]:
        """Return what is new of a connection, by its snapshot."""
        one = self.watched[flow]
        found = changes(snapshot, one.reported)
        signs = None if one.has_errors else signs_of(look.found, look.flow_row)
        standing = standing_of(snapshot, one.reported, signs)
        self._keep(one, standing)
        self._note_counts(standing)
        self._look_again_by(one, next_due_ns(snapshot, one.reported))
        return found

    def _note_counts(self, standing: Standing) -> None:
        """Note at which number of probes the hosts of both ends give up, where the connection shows it."""
        for end in standing.ends:
            count = own_count(end.settings)
            if count is not None:
                self._counts[end.address] = Count(count.value, "another connection of its host")

    def _keep(self, one: Watched, standing: Standing) -> None:
        """Keep how an open connection stands, and of those that ended badly the latest."""
        was_over = one.standing is not None and one.standing.is_over
        one.standing = standing if standing.outcome is not Outcome.CLOSED else None
        if standing.is_over and one.standing is not None and not was_over:
            self._over.append(one)
            if len(self._over) > KEPT_OVER:
                self._over.popleft().standing = None

    def _forecast(self, found: Flow, flow: int, end: int) -> Forecast | None:
        return forecast(found.ends[end], self._heard_ns(flow, end), self._counts.get(found.ends[end].address))

    def _heard_ns(self, flow: int, end: int) -> int:
        """Return when an end last accepted anything of the other."""
        ends, peer = self.analyzer.tracker.table.ends.view, 2 * flow + 1 - end
        return int(ends.accepted_ns[peer] if ends.accepted_ns[peer] != ABSENT else ends.last_ns[peer])

    def _related(self, flows: Sequence[int]) -> set[int]:
        """Return for each of these flows the latest flows of the networks of both ends."""
        table, found = self.analyzer.tracker.table, set[int]()
        last_ns = table.flows.view.last_ns
        latest = cache(self._latest_of)  # many that fail at once are of one network
        for flow in flows:
            both = {other for end in (0, 1) for other in latest(network(address_of(table, flow, end)))}
            found.update(nlargest(RELATED, sorted(both), key=last_ns.__getitem__))
        return found

    def _latest_of(self, of_network: Address) -> list[int]:
        """Return the latest flows of a network."""
        numbers = self._of_network.get(of_network, [])
        flows = (self._flow_of[number] for number in numbers if number in self._flow_of)
        return nlargest(RELATED, flows, key=self.analyzer.tracker.table.flows.view.last_ns.__getitem__)

    def _forget(self, now_ns: int) -> None:
        """Keep memory bounded; what is forgotten is counted."""
        limits = self._limits
        if self.analyzer.tracker.table.flows.rows > LAST_RESORT.flows:
            limits = LAST_RESORT
        forgotten = self.analyzer.stay_within(limits)
        if forgotten is not None:
            self.forgotten_flows += forgotten.flows
            self._renumber(forgotten)
        if self.keep_ns is not None and not 0 <= now_ns - self._tidied_ns < self.keep_ns // TIDIED_AFTER:
            self._tidied_ns = now_ns
            self._tidy(now_ns - self.keep_ns)

    def _tidy(self, before_ns: int) -> None:
        """Let go of connections that ended, also in silence, and were last seen before an instant; but not of those
        that are still to be looked at."""
        last_ns = self.analyzer.tracker.table.flows.view.last_ns
        over = array("q", bytes(8 * len(self.watched)))
        for flow, one in enumerate(self.watched):
            if one.standing is not None and one.standing.is_over and last_ns[flow] < before_ns:
                over[flow] = 1
        for number in self._waiting:
            if number in self._flow_of:
                over[self._flow_of[number]] = -1
        forgotten = let_go(self.analyzer, before_ns, over, self._limits)
        if forgotten is not None:
            self.let_go_flows += forgotten.flows
            self._renumber(forgotten)

    def _renumber(self, forgotten: Forgotten) -> None:
        """Forget what the tracker has forgotten; flows and candidates have other places now."""
        self.watched = [one for flow, one in enumerate(self.watched) if forgotten.new_flow[flow] != ABSENT]
        candidates = self.analyzer.tracker.candidates
        for one in self.watched:
            one.rows = array("q")
        for row, flow in enumerate(candidates.view.flow[: candidates.rows]):
            self.watched[flow].rows.append(row)
        self._seen_rows = candidates.rows
        self._flow_of = {one.reported.number: flow for flow, one in enumerate(self.watched)}
        known = {end.address for _, one in self.standings() for end in one.ends}
        self._counts = {host: count for host, count in self._counts.items() if host in known}
        for key, numbers in list(self._of_network.items()):
            numbers[:] = [number for number in numbers if number in self._flow_of]
            if not numbers:
                del self._of_network[key]


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
