"""Notes on all flows, taken while their stories are made, so that no story need be kept.

For each flow its status byte. Which end left the other waiting for an answer, and when: what fell silent together says
more than one connection does. Which RSTs show a host that has forgotten a connection. For whom a middlebox probes.
"""

from array import array
from typing import Any, NamedTuple

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.keepalive.context.addresses import Addresses
from analyzer.keepalive.context.grouping import Group, by_key, grouped
from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.story.prober import probe_fingerprint
from analyzer.keepalive.story.values import BY_MIDDLEBOX
from analyzer.keepalive.verdict.flow_flags import flags_of
from analyzer.keepalive.verdict.reset_sender import probe_of
from analyzer.keepalive.verdict.resets import shows_no_state
from analyzer.schema import ABSENT
from analyzer.schema.hosts import BOXED, FORGOTTEN, PEER_SILENCES

WAITING, FORGETTING, BOXING = range(3)
"""Places in `Noted.counts`."""


class Noted(NamedTuple):
    """What kernels note of flows; `counts` are the rows in use of the last three tables."""

    flow_flags: bytearray
    of_end: "array[int]"
    addresses: Any
    peer_silences: Any
    forgotten: Any
    boxed: Any
    counts: "array[int]"


class Notes:
    """The tables of what is noted, as they fill."""

    def __init__(self, flows: int, addresses: Addresses) -> None:
        """Make empty tables for this many flows."""
        self.flow_flags = bytearray(flows)
        """One status byte for each flow (`verdict/flow_flags.py`)."""
        self.addresses = addresses
        self.peer_silences, self.forgotten, self.boxed = Table(PEER_SILENCES), Table(FORGOTTEN), Table(BOXED)

    def note(self, rows: Rows, stories: StoryTables, verdicts: Any, flows: int, engine: Engine) -> None:
        """Note what judged flows say: for each at most one silence, one RST, and two ends that are probed for."""
        tables, who = (self.peer_silences, self.forgotten, self.boxed), self.addresses
        for one in tables:
            one.reserve(2 * flows)
        counts = array("q", [one.rows for one in tables])
        peer_silences, forgotten, boxed = (one.view for one in tables)
        noted = Noted(self.flow_flags, who.of_end, who.table.view, peer_silences, forgotten, boxed, counts)
        engine.run(note, rows, stories, verdicts, flows, noted)
        self.peer_silences.rows, self.forgotten.rows, self.boxed.rows = counts


class Spans(NamedTuple):
    """Rows of PEER_SILENCES by who was waited for: in order of when that began, and of when it ended."""

    peer_silences: Any
    since: Group
    until: Group


class PeerSilences(NamedTuple):
    """The silences by address and by network."""

    at: Spans
    within: Spans


def peer_silences_by(notes: Notes, engine: Engine) -> PeerSilences:
    """Sort the silences by address and by network; marks the networks in which somebody was waited for, too."""
    addresses, count, view = notes.addresses, notes.peer_silences.rows, notes.peer_silences.view
    keys = array("q", [0]) * count, array("q", [0]) * count
    numbers = array("i", [0]) * count, array("i", [0]) * count
    views = addresses.table.view, addresses.networks.view
    engine.run(number_peer_silences, view, count, addresses.of_end, *views, *keys, *numbers)
    since = array("i", range(count))
    ordered = since, since[:]
    for rows, key in zip(ordered, keys, strict=True):
        by_key(rows, count, key, engine)
    at, within = (
        Spans(view, *(grouped(rows, count, of, groups, engine) for rows in ordered))
        for of, groups in zip(numbers, (len(addresses), addresses.networks.rows), strict=True)
    )
    return PeerSilences(at, within)


def note(rows: Rows, stories: StoryTables, verdicts: Any, count: int, noted: Noted) -> int:
    """Kernel: note what the first `count` of these flows say. Returns `count`."""
    c, t = rows.candidates, stories.flows
    for flow_row in range(count):
        flow, reset = t.flow[flow_row], t.reset_row[flow_row]
        noted.flow_flags[flow] = flags_of(rows, stories, flow_row, verdicts.outcome[flow_row])
        for end in (0, 1):
            if stories.ends.probed_by[2 * flow_row + end] == BY_MIDDLEBOX:
                note_boxed(rows, stories, flow_row, end, noted)
            elif stories.ends.probes[2 * flow_row + end]:
                noted.addresses.probing[noted.of_end[2 * flow + end]] += 1
        silent_end = waited_for(stories, flow_row)
        if silent_end != ABSENT:
            row = noted.counts[WAITING]
            noted.counts[WAITING] += 1
            noted.peer_silences.end[row] = 2 * flow + silent_end
            noted.peer_silences.since_ns[row] = waited_since(rows, stories, flow_row)
            noted.peer_silences.until_ns[row] = watched_until(rows, stories, flow_row)
        if reset != ABSENT and has_forgotten(rows, stories, flow_row):
            row = noted.counts[FORGETTING]
            noted.counts[FORGETTING] += 1
            noted.forgotten.end[row] = 2 * flow + c.end[reset]
            noted.forgotten.frame[row], noted.forgotten.ts_ns[row] = c.frame[reset], c.ts_ns[reset]
            noted.forgotten.own_ns[row] = c.ts_ns[reset] - c.own_ns[reset] if c.own_ns[reset] != ABSENT else ABSENT
    return count


def note_boxed(rows: Rows, stories: StoryTables, flow_row: int, end: int, noted: Noted) -> None:
    """Note the first probe that a middlebox sent in the name of this end."""
    probe = stories.flows.first_probe[flow_row]
    while stories.probes.end[probe] != end:
        probe += 1
    at, row = noted.counts[BOXING], stories.probes.row[probe]
    noted.counts[BOXING] += 1
    noted.boxed.ts_ns[at] = rows.candidates.ts_ns[row]
    noted.boxed.fingerprint[at] = probe_fingerprint(rows, stories.flows.flow[flow_row], row)


def waited_for(stories: StoryTables, flow_row: int) -> int:
    """Return the end that stopped answering probes or data, ABSENT if none."""
    t = stories.flows
    waiting = t.run_end[flow_row] if t.run_end[flow_row] != ABSENT else t.unresponsive_end[flow_row]
    return 1 - waiting if waiting != ABSENT else ABSENT


def waited_since(rows: Rows, stories: StoryTables, flow_row: int) -> int:
    """Return since when, in ns: the first probe that it did not answer; or the data that was sent again, and not what
    silence came before that, in which nothing was asked of it."""
    c, t, end = rows.candidates, stories.flows, stories.flows.run_end[flow_row]
    if end != ABSENT:
        return int(c.ts_ns[stories.probes.row[stories.ends.run_probe[2 * flow_row + end]]])
    heard_ns = max(rows.ends.last_ns[2 * t.flow[flow_row] + 1 - t.unresponsive_end[flow_row]], 0)
    end_row = 2 * flow_row + t.unresponsive_end[flow_row]
    if not stories.ends.resends[end_row]:
        return int(heard_ns)
    first = stories.ends.first_resend_row[end_row]
    return int(max(heard_ns, c.ts_ns[first] - max(c.own_ns[first], 0)))


def watched_until(rows: Rows, stories: StoryTables, flow_row: int) -> int:
    """Return when the connection was reset or ceased to be watched, in ns."""
    reset: int = stories.flows.reset_row[flow_row]
    return int(rows.candidates.ts_ns[reset] if reset != ABSENT else stories.flows.capture_end_ns[flow_row])


def has_forgotten(rows: Rows, stories: StoryTables, flow_row: int) -> bool:
    """Tell whether the flow's RST answers a probe or data, and is that of a host that no longer knows the connection.

    A host that had closed it itself answers the same way, and so does one that was never seen to use it: neither
    counts.
    """
    end_row = 2 * flow_row + rows.candidates.end[stories.flows.reset_row[flow_row]]
    is_answer = probe_of(rows, stories, flow_row) != ABSENT or stories.flows.reset_follows_data[flow_row]
    has_used_it = stories.ends.has_spoken[end_row] and not stories.ends.fin_frame[end_row]
    return bool(is_answer and has_used_it and shows_no_state(rows, stories, flow_row))


def number_peer_silences(
    peer_silences: Any,
    count: int,
    of_end: Any,
    addresses: Any,
    networks: Any,
    since: Any,
    until: Any,
    at: Any,
    within: Any,
) -> int:
    """Kernel: write the numbers and times by which silences are grouped and sorted. Returns `count`."""
    for row in range(count):
        number = of_end[peer_silences.end[row]]
        at[row], within[row] = number, addresses.network[number]
        since[row], until[row] = peer_silences.since_ns[row], peer_silences.until_ns[row]
        networks.is_waited_for[within[row]] = 1
    return count


def meanwhile(of: Spans, number: int, since_ns: int, until_ns: int) -> int:
    """Return how many silences overlap this time.

    They are all that began before its end, without those that ended before its begin.
    """
    began = count_before(of.since, number, of.peer_silences.since_ns, until_ns)
    return began - count_before(of.until, number, of.peer_silences.until_ns, since_ns + 1)


def count_before(group: Group, number: int, keys: Any, time_ns: int) -> int:
    """Return how many rows of the group, sorted by these keys, have an earlier one, by bisection."""
    low = group.starts[number]
    high = group.starts[number + 1]
    while low < high:
        middle = (low + high) >> 1
        if keys[group.rows[middle]] < time_ns:
            low = middle + 1
        else:
            high = middle
    return int(low - group.starts[number])
