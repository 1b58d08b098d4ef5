"""Each connection as a trial of its service's idle limit: how long it was idle and lived, after how long it was closed.

Kernels that note it while stories are made, so that no story need be kept. What trials say together is in
`summary/services.py`.
"""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.keepalive.context.addresses import Addresses
from analyzer.keepalive.context.grouping import by_key
from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.verdict import values
from analyzer.keepalive.verdict.endings import FAREWELL_NS
from analyzer.keepalive.verdict.values import BY_FIN, BY_RST
from analyzer.schema import ABSENT, OPENED_MIDSTREAM, OPENED_SYN
from analyzer.schema.hosts import IDLE_TRIALS
from analyzer.tcp.tracker import IDLE_NS

MOST_OF_A_SERVICE = 1 << 12
"""Most closed connections of a service that its limits are found from; of more an even choice is taken."""

NEXT_NS = 1_500_000_000
"""A client that opens its next connection so soon before or after it closed one did both for one reason."""


class Clocks(NamedTuple):
    """Times in ns on the clocks by which either end may count, -1 where there was no such data."""

    data_ns: int
    client_ns: int
    service_ns: int
    other_ns: int
    """Without heartbeats."""


class IdleTrial(NamedTuple):
    """One row of IDLE_TRIALS of a connection that one end closed by itself."""

    flow: int
    service: int
    """Number of the service that it leads to."""
    closer: int
    how: int
    frame: int
    at_ns: int
    since: Clocks
    lost: int


class IdleTime(NamedTuple):
    """How long a connection had been idle by the end of it, or so far, and what it survived before; see IDLE_TRIALS."""

    flow: int
    is_over: bool
    lost: int
    since: Clocks
    survived: Clocks


class Service(NamedTuple):
    """The trials of one service, or of one client, if at least one connection was closed after an idle time."""

    end: int
    """A row in ENDS of its side, which names it."""
    closings: tuple[IdleTrial, ...]
    survived: tuple[Clocks, Clocks]
    """The longest idle times that connections survived, as the client (0) and the service (1) saw them close."""
    followed: frozenset[int]
    """Flows whose clients, which closed them, opened their next connection to the service right then."""


class IdleTrials:
    """The trials of a capture, as they are noted."""

    def __init__(self, addresses: Addresses) -> None:
        """Start without trials."""
        self._addresses, self._table = addresses, Table(IDLE_TRIALS)

    def note(self, rows: Rows, stories: StoryTables, judged: Any, flows: int, engine: Engine) -> None:
        """Note what the first `flows` of these stories say, as far as they were idle."""
        self._table.reserve(flows)
        of_end, at = self._addresses.of_end, self._table.rows
        self._table.rows = engine.run(note_trials, rows, stories, *judged, flows, of_end, self._table.view, at)

    def services(self, flows: Table, engine: Engine) -> list[Service]:
        """Return the services of which an end closed connections after an idle time, in order of appearance."""
        return self._of_each(1, array("q", self._table.view.service[: self._table.rows]), 1, flows, engine)

    def clients(self, fewest: int, flows: Table, engine: Engine) -> list[Service]:
        """Return the addresses from or to which so many connections were closed after an idle time, whatever the
        service, in order of appearance."""
        return self._of_each(0, array("q", self._table.view.client[: self._table.rows]), fewest, flows, engine)

    def _of_each(self, side: int, keys: "array[int]", fewest: int, flows: Table, engine: Engine) -> list[Service]:
        """Return the trials by key: a number of the clients (0) or services (1), if it has at least the fewest
        closings."""
        t, count = self._table.view, self._table.rows
        rows, closings = array("i", range(count)), array("i", [0]) * count
        by_key(rows, count, keys, engine)
        starts, longest = array("i", [0]) * (count + 1), array("q", [0]) * (2 * len(Clocks._fields) * count)
        found = engine.run(sum_up_services, t, keys, rows, count, starts, closings, longest)
        services = [
            self._service(side, flows, closings[starts[one] : starts[one + 1]], longest, one)
            for one in range(found)
            if starts[one + 1] - starts[one] >= fewest
        ]
        return sorted(services, key=lambda one: one.closings[0].flow)

    def _service(self, side: int, flows: Table, closings: "array[int]", longest: "array[int]", place: int) -> Service:
        t, of_client = self._table.view, 2 * len(Clocks._fields) * place
        of_service, until = of_client + len(Clocks._fields), of_client + 2 * len(Clocks._fields)
        flow = t.flow[closings[0]]
        survived = Clocks(*longest[of_client:of_service]), Clocks(*longest[of_service:until])
        chosen = _some(closings)
        trials = tuple(map(self._trial, chosen))
        end = service_end(flows.view, flow) if side else 1 - service_end(flows.view, flow)
        return Service(2 * flow + end, trials, survived, self._followed(flows.view, chosen))

    def _followed(self, f: Any, closings: Sequence[int]) -> frozenset[int]:
        """Return the flows that their client closed when it opened another one of these.

        Right before the close is not when they were in use together.
        """
        t, starts, closed = self._table.view, defaultdict[int, list[int]](list), []
        for row in closings:
            client = self._addresses.of_end[2 * t.flow[row] + 1 - service_end(f, t.flow[row])]
            starts[client].append(f.first_ns[t.flow[row]])
            if t.closer[row] == 0:
                closed.append((row, client))
        for found in starts.values():
            found.sort()
        followed = set()
        for row, client in closed:
            first = bisect_left(starts[client], t.at_ns[row] - min(NEXT_NS, t.since_data_ns[row] // 2))
            if first < len(starts[client]) and starts[client][first] <= t.at_ns[row] + NEXT_NS:
                followed.add(t.flow[row])
        return frozenset(followed)

    def _trial(self, row: int) -> IdleTrial:
        t = self._table.view
        since = Clocks(t.since_data_ns[row], t.since_client_ns[row], t.since_service_ns[row], t.since_other_ns[row])
        who = t.flow[row], t.service[row], t.closer[row]
        return IdleTrial(*who, t.how[row], t.frame[row], t.at_ns[row], since, t.lost[row])

    def like(self, flows: Table, flow: int) -> list[IdleTime]:
        """Return the idle times of all connections to the service that this one leads to, in order of appearance."""
        t = self._table.view
        service = service_of(flows.view, self._addresses.of_end, flow)
        rows = [row for row, one in enumerate(t.service[: self._table.rows]) if one == service]
        return sorted(map(self._idle_time, rows))

    def _idle_time(self, row: int) -> IdleTime:
        t = self._table.view
        survived = Clocks(t.data_gap_ns[row], t.client_gap_ns[row], t.service_gap_ns[row], t.other_gap_ns[row])
        trial = self._trial(row)
        return IdleTime(trial.flow, bool(t.is_over[row]), trial.lost, trial.since, survived)

    def flows_like(self, flows: Table, some: Sequence[int], engine: Engine) -> list[int]:
        """Return for each of some flows how many lead to the same service."""
        f, of_end = flows.view, self._addresses.of_end
        services = [service_of(f, of_end, flow) for flow in some]
        wanted = array("q", sorted(set(services)))
        counts = array("q", [0]) * len(wanted)
        engine.run(count_flows, f, flows.rows, of_end, wanted, counts)
        number = dict(zip(wanted, counts, strict=True))
        return [number[service] for service in services]


def _some(rows: "array[int]") -> Sequence[int]:
    """Return at most MOST_OF_A_SERVICE of these rows, evenly chosen, in capture order."""
    step = max(len(rows) / MOST_OF_A_SERVICE, 1)
    return sorted(rows[int(place * step)] for place in range(min(len(rows), MOST_OF_A_SERVICE)))


def service_end(f: Any, flow: int) -> int:
    """Return the end that offers the service: the responder, or the lower port where that is not known."""
    if f.opened[flow] == OPENED_MIDSTREAM:
        return int(f.ports[flow] & 0xFFFF < f.ports[flow] >> 16)
    return int(f.opened[flow] == OPENED_SYN)


def note_trials(
    rows: Rows, stories: StoryTables, verdicts: Any, endings: Any, flows: int, of_end: Any, out: Any, at: int
) -> int:
    """Kernel: add a trial for each flow that was idle for IDLE_NS or more; returns how many there are now."""
    for flow_row in range(flows):
        if note_trial(rows, stories, verdicts, endings, flow_row, of_end, out, at):
            at += 1
    return at


def note_trial(
    rows: Rows, stories: StoryTables, verdicts: Any, endings: Any, flow_row: int, of_end: Any, out: Any, at: int
) -> bool:
    """Write a flow's trial, unless it was never idle. Returns whether it was."""
    t, e, f = stories.flows, stories.ends, rows.flows
    flow = t.flow[flow_row]
    service = service_end(f, flow)
    own, client = 2 * flow_row + service, 2 * flow_row + 1 - service
    outcome, how = verdicts.outcome[flow_row], endings.how[flow_row]
    out.data_gap_ns[at], out.other_gap_ns[at] = t.data_gap_ns[flow_row], t.data_gap_ns[flow_row]
    if e.beats[own] or e.beats[client]:
        out.other_gap_ns[at] = t.busy_gap_ns[flow_row]
    out.client_gap_ns[at], out.service_gap_ns[at] = e.data_gap_ns[client], e.data_gap_ns[own]
    out.closer[at], out.how[at] = ABSENT, how
    out.is_over[at] = outcome != values.ALIVE and outcome != values.OPEN
    is_closed = (how == BY_FIN or how == BY_RST) and endings.data_ns[flow_row] != ABSENT
    if is_closed and (outcome == values.CLOSED or outcome == values.RESET):
        note_closed(rows, stories, endings, flow_row, service, out, at)
        if outcome == values.CLOSED and endings.by[flow_row] != ABSENT:
            out.closer[at] = endings.by[flow_row] == service
    else:
        note_open(rows, stories, flow_row, 2 * flow + service, out, at)
    out.flow[at], out.service[at] = flow, service_of(f, of_end, flow)
    out.client[at] = of_end[2 * flow + 1 - service]
    longest = max(out.data_gap_ns[at], out.client_gap_ns[at], out.service_gap_ns[at], out.other_gap_ns[at])
    since = max(out.since_data_ns[at], out.since_client_ns[at], out.since_service_ns[at], out.since_other_ns[at])
    return bool(max(longest, since) >= IDLE_NS)


def port_of(f: Any, flow: int, end: int) -> int:
    """Return the port of an end."""
    return int(f.ports[flow] & 0xFFFF if end else f.ports[flow] >> 16)


def note_closed(rows: Rows, stories: StoryTables, endings: Any, flow_row: int, service: int, out: Any, at: int) -> None:
    """Write how long a connection had been idle when it was closed, or when data was sent that a RST answered: until
    then neither application had closed it."""
    is_of_service = closing_end(rows, stories, endings, flow_row) == service
    peer_ns, own_ns = endings.peer_data_ns[flow_row], endings.own_data_ns[flow_row]
    out.at_ns[at], out.frame[at], out.lost[at] = endings.at_ns[flow_row], endings.frame[flow_row], 0
    if is_of_service:  # the client's data is a request
        out.lost[at] = endings.crossed[flow_row] + endings.reused[flow_row]
    out.since_data_ns[at], out.since_other_ns[at] = endings.data_ns[flow_row], endings.no_heartbeat_ns[flow_row]
    out.since_client_ns[at] = peer_ns if is_of_service else own_ns
    out.since_service_ns[at] = own_ns if is_of_service else peer_ns
    if has_farewell(rows, stories, endings, flow_row):
        out.data_gap_ns[at] = before_farewell(out.data_gap_ns[at], out.since_data_ns[at])
        out.client_gap_ns[at] = before_farewell(out.client_gap_ns[at], out.since_client_ns[at])
        out.service_gap_ns[at] = before_farewell(out.service_gap_ns[at], out.since_service_ns[at])
        out.other_gap_ns[at] = before_farewell(out.other_gap_ns[at], out.since_other_ns[at])


def closing_row(stories: StoryTables, endings: Any, flow_row: int) -> int:
    """Return the row of the segment that closed the connection."""
    t = stories.flows
    return int(t.reset_row[flow_row] if endings.how[flow_row] == BY_RST else t.closing_row[flow_row])


def closing_end(rows: Rows, stories: StoryTables, endings: Any, flow_row: int) -> int:
    """Return the end in whose name the connection was closed."""
    return int(rows.candidates.end[closing_row(stories, endings, flow_row)])


def has_farewell(rows: Rows, stories: StoryTables, endings: Any, flow_row: int) -> bool:
    """Tell whether the clocks run from before what the closer said last."""
    c, row = rows.candidates, closing_row(stories, endings, flow_row)
    last_ns = max(c.own_data_ns[row], c.peer_data_ns[row])
    return bool(c.ts_ns[row] - last_ns < endings.data_ns[flow_row])


def before_farewell(gap_ns: int, since_ns: int) -> int:
    """Return the longest idle time survived, if that is not the one that the farewell ended: this one it did not
    survive."""
    return 0 if 0 <= since_ns - gap_ns <= FAREWELL_NS else gap_ns


def note_open(rows: Rows, stories: StoryTables, flow_row: int, own: int, out: Any, at: int) -> None:
    """Write how long a connection that nobody closed has been idle at the capture's end; nothing where it was lost."""
    t, end_ns = stories.flows, stories.flows.capture_end_ns[flow_row]
    out.at_ns[at], out.frame[at], out.lost[at] = end_ns, ABSENT, 0
    out.since_data_ns[at] = out.since_client_ns[at] = out.since_service_ns[at] = out.since_other_ns[at] = ABSENT
    if out.is_over[at]:
        return
    service_ns, client_ns = rows.ends.data_ns[own], rows.ends.data_ns[own ^ 1]
    last_ns, busy_ns = max(service_ns, client_ns), t.busy_ns[flow_row]
    beat = t.beat_row[flow_row]
    if beat == ABSENT or last_ns > rows.candidates.ts_ns[beat] + IDLE_NS:
        busy_ns = last_ns
    out.since_data_ns[at] = end_ns - last_ns if last_ns != ABSENT else ABSENT
    out.since_client_ns[at] = end_ns - client_ns if client_ns != ABSENT else ABSENT
    out.since_service_ns[at] = end_ns - service_ns if service_ns != ABSENT else ABSENT
    out.since_other_ns[at] = end_ns - busy_ns if busy_ns != ABSENT else ABSENT


def sum_up_services(t: Any, keys: Any, rows: Any, count: int, starts: Any, closings: Any, longest: Any) -> int:
    """Kernel: list the trials that an end closed after an idle time, service by service, and the longest idle times
    that either end let live there, four clocks each; returns how many services these are.

    A service is what has one key; `rows` are sorted by keys[row]. Of service number n the trials are
    closings[starts[n]:starts[n + 1]].
    """
    services, first, closed = 0, 0, 0
    for place in range(count):
        row, at = rows[place], 8 * services
        if place == first:
            for clock in range(8):
                longest[at + clock] = ABSENT
        idle_ns = max(t.since_data_ns[row], t.since_client_ns[row], t.since_service_ns[row], t.since_other_ns[row])
        if t.closer[row] != ABSENT and idle_ns >= IDLE_NS and not waited_in_vain(t, row):
            closings[closed] = row
            closed += 1
        for closer in (0, 1):
            note_survived(t, row, closer, longest, at + 4 * closer)
        if place + 1 == count or keys[rows[place + 1]] != keys[row]:
            first = place + 1
            services += closed > starts[services]
            starts[services] = closed
    return services


def waited_in_vain(t: Any, row: int) -> bool:
    """Tell whether a client closed a connection on which its own data was the last: it waited for an answer, and no
    idle limit ended that."""
    client_ns, service_ns = t.since_client_ns[row], t.since_service_ns[row]
    return bool(t.closer[row] == 0 and client_ns != ABSENT and (service_ns == ABSENT or client_ns < service_ns))


def note_survived(t: Any, row: int, closer: int, longest: Any, at: int) -> None:
    """Take in how long a connection was idle without being closed by this side, on four clocks from place `at` on."""
    longest[at] = max(t.data_gap_ns[row], longest[at])
    longest[at + 1] = max(t.client_gap_ns[row], longest[at + 1])
    longest[at + 2] = max(t.service_gap_ns[row], longest[at + 2])
    longest[at + 3] = max(t.other_gap_ns[row], longest[at + 3])
    if t.closer[row] != closer:
        longest[at] = max(t.since_data_ns[row], longest[at])
        longest[at + 1] = max(t.since_client_ns[row], longest[at + 1])
        longest[at + 2] = max(t.since_service_ns[row], longest[at + 2])
        longest[at + 3] = max(t.since_other_ns[row], longest[at + 3])


def service_of(f: Any, of_end: Any, flow: int) -> int:
    """Return the number of a flow's service: its address's, and its port."""
    end = service_end(f, flow)
    return int(of_end[2 * flow + end] * 65536 + port_of(f, flow, end))


def count_flows(f: Any, flows: int, of_end: Any, wanted: Any, counts: Any) -> int:
    """Kernel: count the flows that lead to each of the wanted services, whose numbers ascend. Returns how many."""
    count = 0
    for flow in range(flows):
        service, low, high = service_of(f, of_end, flow), 0, len(wanted)
        while low < high:
            middle = (low + high) >> 1
            if wanted[middle] < service:
                low = middle + 1
            else:
                high = middle
        if low < len(wanted) and wanted[low] == service:
            counts[low] += 1
            count += 1
    return count
