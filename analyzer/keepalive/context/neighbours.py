"""What the rest of a capture says about an end that fell silent: its host lives, or its link is dead.

Other flows of the same address show that the host lives. Where the end's other connections, or all of its network, fell
silent too, more than this connection is lost. ARP requests and neighbour solicitations for the address that nothing
answers show that it is gone from the link; the probes themselves are then no longer sent (net/core/neighbour.c
neigh_invalidate). Other flows also show when an end of an idle connection has been started anew (`restarts.py`) or goes
on from another port (`rebinding.py`), and requests that its segments go to another address (`stray_requests.py`).

A kernel over flows that have their stories, and over what was noted of all others by address.
"""

from array import array
from typing import Any, NamedTuple

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import rows_of
from analyzer.keepalive.context.addresses import first_asked
from analyzer.keepalive.context.grouping import Group, by_key, grouped
from analyzer.keepalive.context.peer_silences import (
    Notes,
    PeerSilences,
    Spans,
    meanwhile,
    peer_silences_by,
    waited_for,
    waited_since,
    watched_until,
)
from analyzer.keepalive.context.rebinding import Rebindings, moved_end, rebindings
from analyzer.keepalive.context.restarts import (
    MOST_FRAMES,
    Opened,
    counts_ports_anew,
    may_be_anew,
    opened_by,
    signs,
)
from analyzer.keepalive.context.stray_requests import note_sought, note_strays, stray_end
from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.tags.tag import DUPLICATE_FRAME, ICMP_UNREACHABLE, PROBE
from analyzer.keepalive.verdict.batch import PROVED
from analyzer.keepalive.verdict.flow_flags import CLOSED_BY_RST, FIRST_PROBES, HOW_IT_ENDED, SECOND_PROBES
from analyzer.keepalive.verdict.values import CLOSED, FlowContext, reasons_of
from analyzer.schema import ABSENT, NEIGHBOUR_ANSWERED, NEIGHBOUR_ASKED, NEIGHBOUR_CLAIMED, RST
from analyzer.schema.results import CONTEXT_ENDS, CONTEXT_FLOWS, PROOFS

LATEST_NS = (1 << 63) - 1
ANSWER_WAIT_NS = 3_000_000_000
"""A solicitation may be answered so late: three tries a second apart (mcast_solicit, retrans_time_ms)."""
DEFENCE_NS = 200_000_000
"""A host answers for an address that it has within this time; it announces a new one a second later at the soonest."""
BLOCK = 64
"""Ends of flows that began too late are skipped by so many at a time: after a failure there may be any number."""
MOST_LOOKED_AT = 64
"""Most connections of one host, heard before and after a time, that are searched for a sign of it in that time."""
FEWEST_ASKED = 2
"""Fewest unanswered solicitations that count: a single one may have been lost."""


class LastHeard(NamedTuple):
    """Rows of ENDS by address or by network, the end that was heard last first."""

    ends: Group
    earliest_ns: "array[int]"
    """When the first flow of each BLOCK of these began."""


class Context(NamedTuple):
    """What is known of all flows by address; where somebody waited for an address, also when its network was heard."""

    of_end: "array[int]"
    addresses: Any
    asked_for: Any
    failed_arp: Any
    peer_silences: PeerSilences
    heard_at: LastHeard
    """By address."""
    heard_in: LastHeard
    """By network."""
    opened: Opened
    rebindings: Rebindings


class ContextTables(NamedTuple):
    """The context found for a batch of flows; `counts` are the rows in use of `proofs`."""

    flows: Any
    ends: Any
    proofs: Any
    counts: "array[int]"


class Neighbourhood:
    """The addresses of a capture, and what all its flows noted of each other; made once."""

    def __init__(self, rows: Rows, flows: int, notes: Notes, engine: Engine) -> None:
        """Sort what was noted by address, network and time."""
        self._rows = rows
        self._flows = flows
        self._addresses = addresses = notes.addresses
        self._engine = engine
        peer_silences = peer_silences_by(notes, engine)
        self.context = Context(
            addresses.of_end,
            addresses.table.view,
            addresses.asked_for.view,
            addresses.failed_arp.view,
            peer_silences,
            *self._heard(),
            opened_by(rows, flows, notes, engine),
            rebindings(rows, flows, addresses.of_end, engine),
        )
        count = len(addresses) if addresses.asked_for.rows else 0
        views = addresses.table.view, addresses.asked_for.view
        engine.run(note_sought, rows, flows, notes.flow_flags, addresses.of_end, count, *views)

    def _heard(self) -> tuple[LastHeard, LastHeard]:
        """Return the ends in networks in which somebody was waited for, by address and by network."""
        ends, who = 2 * self._flows, self._addresses
        rows, keys, within = (array(code, [0]) * ends for code in "iqi")
        views = who.table.view, who.networks.view
        count = self._engine.run(list_heard, self._rows, ends, who.of_end, *views, rows, keys, within)
        by_key(rows, count, keys, self._engine)
        heard_at = grouped(rows, count, who.of_end, len(who), self._engine)
        heard_in = grouped(rows, count, within, who.networks.rows, self._engine)
        return self._with_earliest(heard_at), self._with_earliest(heard_in)

    def _with_earliest(self, ends: Group) -> LastHeard:
        """Return the ends together with when the first flow of each BLOCK began."""
        heard = LastHeard(ends, array("q", [LATEST_NS]) * (len(ends.rows) // BLOCK + 1))
        self._engine.run(note_earliest, self._rows, heard)
        return heard

    def describe_context(self, stories: StoryTables, flows: int) -> ContextTables:
        """Return the context of the first `flows` of these stories, with room for what proves their verdicts, too."""
        proofs = rows_of(PROOFS, (MOST_FRAMES + PROVED) * flows)
        ends = rows_of(CONTEXT_ENDS, 2 * flows)
        found = ContextTables(rows_of(CONTEXT_FLOWS, flows), ends, proofs, array("q", [0]))
        self._engine.run(describe_context, self._rows, stories, flows, self.context, found)
        return found

    def unsettled(self, flow_flags: bytearray) -> "array[int]":
        """Return the flows that may have ended in another way than their status bytes say."""
        found = array("i", [0]) * self._flows
        return found[: self._engine.run(list_unsettled, self._rows, self._flows, self.context, flow_flags, found)]

    def looked_for(self) -> "array[int]":
        """Return the flows with an end that somebody asked for twice on the link, with no answer in between."""
        found = array("i", [0]) * self._flows
        who, of_end = self.context.addresses, self.context.of_end
        return found[: self._engine.run(list_looked_for, self._flows, who, of_end, found)]

    def read(self, found: ContextTables, flow_row: int) -> FlowContext:
        """Return the context of the flow of row `flow_row` as values."""
        s, asked_for = found.flows, self.context.asked_for
        asked = range(s.first_asked[flow_row], s.first_asked[flow_row] + s.asked[flow_row])
        frames = range(s.first_restart_frame[flow_row], s.first_restart_frame[flow_row] + s.restart_frames[flow_row])
        return FlowContext(
            silent_end=s.silent_end[flow_row] if s.silent_end[flow_row] != ABSENT else None,
            answers_elsewhere=bool(s.answers_elsewhere[flow_row]),
            asked=tuple((asked_for.ts_ns[row], asked_for.frame[row]) for row in asked),
            is_only=bool(s.is_only[flow_row]),
            silent_flows=s.silent_flows[flow_row],
            is_network_silent=bool(s.is_network_silent[flow_row]),
            restart=tuple(reasons_of(s.restart[flow_row])),
            restart_frames=tuple(found.proofs.frame[row] for row in frames),
        )


def list_heard(
    rows: Rows, ends: int, of_end: Any, addresses: Any, networks: Any, found: Any, keys: Any, within: Any
) -> int:
    """Kernel: list the ends heard in networks in which somebody was waited for, with their sort keys. Returns how
    many."""
    count = 0
    for end in range(ends):
        network, last_ns = addresses.network[of_end[end]], rows.ends.last_ns[end]
        if last_ns != ABSENT and networks.is_waited_for[network]:
            found[count], keys[end], within[end] = end, -last_ns, network
            count += 1
    return count


def note_earliest(rows: Rows, heard: LastHeard) -> int:
    """Kernel: note when the first flow of each BLOCK of ends began. Returns how many ends there are."""
    for place in range(len(heard.ends.rows)):
        first_ns, block = rows.flows.first_ns[heard.ends.rows[place] >> 1], place // BLOCK
        heard.earliest_ns[block] = min(heard.earliest_ns[block], first_ns)
    return len(heard.ends.rows)


def list_unsettled(rows: Rows, flows: int, context: Context, flow_flags: Any, found: Any) -> int:
    """Kernel: list the flows that did not close and of which an end may be lost, or has moved. Returns how many.

    It may be gone from the link, or have been started anew where nobody probes. What continues another flow may look
    closed by itself.
    """
    count, addresses, opened, moves = 0, context.addresses, context.opened, context.rebindings
    for flow in range(flows):
        how, probes = flow_flags[flow] & HOW_IT_ENDED, flow_flags[flow] & (FIRST_PROBES | SECOND_PROBES)
        is_lost = is_looked_for(flow, addresses, opened.of_end) or (not probes and may_be_anew(rows, flow, opened))
        is_lost = (
            is_lost
            or moves.continued_by[flow] != ABSENT
            or stray_end(rows, flow, opened.of_end, addresses, context.asked_for) != ABSENT
        )
        if (how != CLOSED and how != CLOSED_BY_RST and is_lost) or moves.continues[flow] != ABSENT:
            found[count] = flow
            count += 1
    return count


def list_looked_for(flows: int, addresses: Any, of_end: Any, found: Any) -> int:
    """Kernel: list the flows of which an end is missed on the link. Returns how many."""
    count = 0
    for flow in range(flows):
        if is_looked_for(flow, addresses, of_end):
            found[count] = flow
            count += 1
    return count


def is_looked_for(flow: int, addresses: Any, of_end: Any) -> bool:
    """Tell whether an end of the flow is missed on the link."""
    return bool(addresses.is_missed[of_end[2 * flow]] or addresses.is_missed[of_end[2 * flow + 1]])


def describe_context(rows: Rows, stories: StoryTables, count: int, context: Context, found: ContextTables) -> int:
    """Kernel: describe each flow's end that stopped answering or is looked for on the link. Returns `count`."""
    t, s, missed = stories.flows, found.flows, context.addresses.is_missed
    for flow_row in range(count):
        flow, until_ns, waited = t.flow[flow_row], watched_until(rows, stories, flow_row), waited_for(stories, flow_row)
        know_nothing(s, flow_row)
        fins = (stories.ends.fin_frame[2 * flow_row] > 0) + (stories.ends.fin_frame[2 * flow_row + 1] > 0)
        is_open = waited == ABSENT and t.reset_row[flow_row] == ABSENT
        for end in (0, 1):
            who, asking = context.of_end[2 * flow + end], context.of_end[2 * flow + 1 - end]
            note_end(rows, stories, flow_row, end, who, asking, context.addresses, context.peer_silences.at, found.ends)
            is_in_question = end == waited or (is_open and fins < 2 and missed[who])
            if s.silent_end[flow_row] == ABSENT and is_in_question:
                since_ns = waited_since(rows, stories, flow_row) if waited != ABSENT else rows.flows.last_ns[flow]
                note_asked(context.asked_for, context.addresses, who, since_ns, until_ns, s, flow_row)
                if waited != ABSENT or s.asked[flow_row]:
                    s.silent_end[flow_row] = end
                    describe_silent_address(rows, flow, who, asking, since_ns, until_ns, context, s, flow_row)
        is_idle = is_open and s.silent_end[flow_row] == ABSENT
        if fins == 0 and (is_idle or s.answers_elsewhere[flow_row]):
            s.first_restart_frame[flow_row] = found.counts[0]
            s.restart[flow_row] = signs(rows, flow, context.opened, found.proofs, found.counts)
            s.restart_frames[flow_row] = found.counts[0] - s.first_restart_frame[flow_row]
        note_move(rows, flow, waited, context, s, flow_row)
        if fins == 0 and is_idle:
            note_strays(rows, flow, until_ns, context.of_end, context.addresses, context.asked_for, s, flow_row)
    return count


def note_move(rows: Rows, flow: int, waited: int, context: Context, s: Any, flow_row: int) -> None:
    """Note whether the flow continues another one, and where the end that nothing is heard of here goes on."""
    newer = context.rebindings.continued_by[flow]
    s.goes_on[flow_row] = context.rebindings.continues[flow] != ABSENT
    if newer != ABSENT and (waited == ABSENT or 2 * flow + waited == moved_end(rows, context.of_end, flow, newer)):
        s.moved_frame[flow_row] = rows.flows.first_frame[newer]


def know_nothing(s: Any, flow_row: int) -> None:
    """Clear the flow's row: an empty context."""
    s.silent_end[flow_row] = ABSENT
    s.answers_elsewhere[flow_row] = s.has_new_ports[flow_row] = s.has_new_address[flow_row] = s.is_only[
        flow_row
    ] = s.is_network_silent[flow_row] = 0
    s.silent_flows[flow_row] = s.first_asked[flow_row] = s.asked[flow_row] = 0
    s.restart[flow_row] = s.first_restart_frame[flow_row] = s.restart_frames[flow_row] = 0
    s.goes_on[flow_row] = s.moved_frame[flow_row] = s.first_stray[flow_row] = s.strays[flow_row] = 0


def note_end(
    rows: Rows,
    stories: StoryTables,
    flow_row: int,
    end: int,
    who: int,
    peer: int,
    a: Any,
    peer_silences: Spans,
    ends: Any,
) -> None:
    """Note what bears on an end's gaps: other connections of its address, whether it left others waiting, and failed
    ARP."""
    end_row, last_ns = 2 * flow_row + end, rows.flows.last_ns[stories.flows.flow[flow_row]]
    ends.has_company[end_row] = a.flows[who] > 1
    ends.is_cut_off[end_row] = meanwhile(peer_silences, who, last_ns, stories.flows.capture_end_ns[flow_row]) > 0
    ends.first_failed_arp[end_row], ends.failed_arp[end_row] = a.first_failed_arp[peer], a.failed_arp[peer]


def describe_silent_address(
    rows: Rows, flow: int, who: int, asking: int, since_ns: int, until_ns: int, context: Context, s: Any, flow_row: int
) -> None:
    """Note what is known of an address that was silent from `since_ns` to `until_ns`."""
    silent_ns, network = since_ns, context.addresses.network[who]
    if s.asked[flow_row]:
        silent_ns = max(since_ns, context.asked_for.ts_ns[s.first_asked[flow_row] + s.asked[flow_row] - 1])
    if is_heard_there(rows, context.heard_at, who, flow, ABSENT, silent_ns, until_ns, context.of_end):
        s.answers_elsewhere[flow_row], s.asked[flow_row] = 1, 0
        own = 2 * flow + s.silent_end[flow_row]
        s.has_new_ports[flow_row] = counts_ports_anew(rows, context.heard_at.ends, who, own)
        s.has_new_address[flow_row] = is_claimed(
            context.asked_for, context.addresses, who, rows.ends.last_ns[own], until_ns
        )
        return
    peer_silences = meanwhile(context.peer_silences.at, who, since_ns, until_ns)  # its own is one of them
    s.is_only[flow_row] = context.addresses.flows[who] == 1 and who != asking
    s.silent_flows[flow_row] = max(peer_silences - 1, 0)
    if meanwhile(context.peer_silences.within, network, since_ns, until_ns) > peer_silences:
        is_heard = is_heard_there(rows, context.heard_in, network, flow, asking, since_ns, until_ns, context.of_end)
        s.is_network_silent[flow_row] = not is_heard


def note_asked(asked_for: Any, a: Any, who: int, since_ns: int, until_ns: int, s: Any, flow_row: int) -> None:
    """Note the solicitations since which nothing answered for the address."""
    first, last, asked = a.first_asked[who], a.first_asked[who] + a.asked[who], 0
    first = first_asked(asked_for, first, last, since_ns)
    for row in range(first, last):
        ts_ns, is_answer = asked_for.ts_ns[row], asked_for.kind[row] != NEIGHBOUR_ASKED
        is_late = asked > 0 and ts_ns > asked_for.ts_ns[first + asked - 1] + ANSWER_WAIT_NS
        if ts_ns > until_ns + ANSWER_WAIT_NS or (is_answer and is_late):
            break  # nobody answered these: it came back later
        if is_answer:
            first, asked = row + 1, 0
        elif ts_ns <= until_ns:
            asked += 1
    s.first_asked[flow_row], s.asked[flow_row] = first, asked if asked >= FEWEST_ASKED else 0


def is_claimed(asked_for: Any, a: Any, who: int, since_ns: int, until_ns: int) -> bool:
    """Tell whether a host took the address into use in this time (RFC 5227 §2.1.1, RFC 4862 §5.4.2).

    A host whose interface stayed up does not, and some stacks abort their connections when it goes down. A question
    that is answered at once came from another host, such as a switch that tracks devices: the host had its address.
    """
    last = a.first_asked[who] + a.asked[who]
    for row in range(first_asked(asked_for, a.first_asked[who], last, since_ns), last):
        if asked_for.ts_ns[row] > until_ns:
            break
        if asked_for.kind[row] == NEIGHBOUR_CLAIMED and not is_defended(asked_for, row, last):
            return True
    return False


def is_defended(asked_for: Any, row: int, last: int) -> bool:
    """Tell whether a claim is answered at once, as the host that has the address does (RFC 5227 §2.4)."""
    latest_ns = asked_for.ts_ns[row] + DEFENCE_NS
    while row + 1 < last and asked_for.ts_ns[row + 1] <= latest_ns:
        row += 1
        if asked_for.kind[row] == NEIGHBOUR_ANSWERED:
            return True
    return False


def is_heard_there(
    rows: Rows, heard: LastHeard, number: int, flow: int, asking: int, since_ns: int, until_ns: int, of_end: Any
) -> bool:
    """Tell whether the address or network sent a segment of another flow in this time; `asking` is an address left
    out."""
    ends, last = heard.ends.rows, heard.ends.starts[number + 1]
    last_heard = first_heard_by(rows, heard.ends, number, until_ns)
    for place in range(last_heard, last):  # most were heard for the last time meanwhile
        if rows.ends.last_ns[ends[place]] <= since_ns:
            break
        if is_another(rows, ends[place], flow, asking, until_ns, of_end):
            return True
    place, looked_at = heard.ends.starts[number], 0
    while place < last_heard and looked_at < MOST_LOOKED_AT:
        if place % BLOCK == 0 and heard.earliest_ns[place // BLOCK] >= until_ns:
            place += BLOCK
            continue
        if is_another(rows, ends[place], flow, asking, until_ns, of_end):
            looked_at += 1
            if spoke(rows, ends[place], since_ns, until_ns):
                return True
        place += 1
    return False


def is_another(rows: Rows, end: int, flow: int, asking: int, until_ns: int, of_end: Any) -> bool:
    """Tell whether an end is of another flow, which had begun by then, and not at the address left out."""
    return bool(end >> 1 != flow and rows.flows.first_ns[end >> 1] < until_ns and of_end[end] != asking)


def first_heard_by(rows: Rows, heard: Group, number: int, time_ns: int) -> int:
    """Return the place of the first end that was heard for the last time at `time_ns` or before, by bisection."""
    low, high = heard.starts[number], heard.starts[number + 1]
    while low < high:
        middle = (low + high) >> 1
        if rows.ends.last_ns[heard.rows[middle]] > time_ns:
            low = middle + 1
        else:
            high = middle
    return int(low)


def spoke(rows: Rows, end: int, since_ns: int, until_ns: int) -> bool:
    """Tell whether the end was heard in this time, too, and not only before and after it.

    If it was heard only then, its host may have been away.
    """
    c, flow, is_asked = rows.candidates, end >> 1, False
    for place in range(first_after(rows, flow, since_ns), rows.starts[flow + 1]):
        row = rows.order[place]
        tag = rows.segments.tag[row]
        if c.ts_ns[row] > until_ns:
            break
        if tag == DUPLICATE_FRAME or tag == ICMP_UNREACHABLE:
            continue
        if c.end[row] == end & 1 and not c.flags[row] & RST:
            return True
        is_asked |= tag == PROBE
    return bool(rows.flows.max_idle_ns[flow] < until_ns - since_ns and not is_asked)


def first_after(rows: Rows, flow: int, time_ns: int) -> int:
    """Return the place of the flow's first row after this time, by bisection."""
    low, high = rows.starts[flow], rows.starts[flow + 1]
    while low < high:
        middle = (low + high) >> 1
        if rows.candidates.ts_ns[rows.order[middle]] <= time_ns:
            low = middle + 1
        else:
            high = middle
    return int(low)
