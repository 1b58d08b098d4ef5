"""What is noted of all flows while their stories are told, so that no story need be kept.

Of each its brief; who left whom waiting for an answer, and when, since what fell silent together says more than one
connection does; which RSTs show a host that has forgotten a connection; and for whom a middlebox probes.
"""

from array import array
from typing import Any, NamedTuple

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.keepalive.context.addresses import Addresses
from analyzer.keepalive.context.grouping import Group, by_key, grouped
from analyzer.keepalive.story.gaps import Rows, Told
from analyzer.keepalive.story.prober import look_of_probe
from analyzer.keepalive.story.values import BY_MIDDLEBOX
from analyzer.keepalive.verdict.flow_flags import brief
from analyzer.keepalive.verdict.rst import probe_of, shows_no_state
from analyzer.schema import NEVER
from analyzer.schema.hosts import BOXED, FORGOTTEN, WAITS

WAITING, FORGETTING, BOXING = range(3)
"""Places in `Noted.counts`."""


class Noted(NamedTuple):
    """What kernels note of flows that are told; `counts` are the rows in use of the last three tables."""

    briefs: bytearray
    of_end: "array[int]"
    addresses: Any
    waits: Any
    forgotten: Any
    boxed: Any
    counts: "array[int]"


class Notes:
    """The tables of it, as they fill."""

    def __init__(self, flows: int, addresses: Addresses) -> None:
        self.briefs = bytearray(flows)
        """An octet for each flow (`brief.py`)."""
        self.addresses = addresses
        self.waits, self.forgotten, self.boxed = Table(WAITS), Table(FORGOTTEN), Table(BOXED)

    def note(self, rows: Rows, told: Told, verdicts: Any, flows: int, engine: Engine) -> None:
        """What flows that were told and judged say: at most one wait each, one RST, two ends that are probed for."""
        tables, who = (self.waits, self.forgotten, self.boxed), self.addresses
        for one in tables:
            one.reserve(2 * flows)
        counts = array("q", [one.rows for one in tables])
        waits, forgotten, boxed = (one.view for one in tables)
        noted = Noted(self.briefs, who.of_end, who.table.view, waits, forgotten, boxed, counts)
        engine.run(note, rows, told, verdicts, flows, noted)
        self.waits.rows, self.forgotten.rows, self.boxed.rows = counts


class Spans(NamedTuple):
    """Rows of WAITS by who was waited for: in order of when that began, and of when it ended."""

    waits: Any
    since: Group
    until: Group


class Waits(NamedTuple):
    """The same by address and by network."""

    at: Spans
    within: Spans


def waits_by(notes: Notes, engine: Engine) -> Waits:
    """Marks the networks that somebody waited for, too."""
    addresses, count, view = notes.addresses, notes.waits.rows, notes.waits.view
    keys = array("q", [0]) * count, array("q", [0]) * count
    numbers = array("i", [0]) * count, array("i", [0]) * count
    views = addresses.table.view, addresses.networks.view
    engine.run(number_waits, view, count, addresses.of_end, *views, *keys, *numbers)
    since = array("i", range(count))
    ordered = since, since[:]
    for rows, key in zip(ordered, keys, strict=True):
        by_key(rows, count, key, engine)
    at, within = (
        Spans(view, *(grouped(rows, count, of, groups, engine) for rows in ordered))
        for of, groups in zip(numbers, (len(addresses), addresses.networks.rows), strict=True)
    )
    return Waits(at, within)


def note(rows: Rows, told: Told, verdicts: Any, count: int, noted: Noted) -> int:
    """Kernel: of the first `count` flows in `told`."""
    c, t = rows.candidates, told.flows
    for it in range(count):
        flow, reset = t.flow[it], t.reset_row[it]
        noted.briefs[flow] = brief(rows, told, it, verdicts.outcome[it])
        for end in (0, 1):
            if told.ends.probed_by[2 * it + end] == BY_MIDDLEBOX:
                note_boxed(rows, told, it, end, noted)
            elif told.ends.probes[2 * it + end]:
                noted.addresses.probing[noted.of_end[2 * flow + end]] += 1
        silent_end = waited_for(told, it)
        if silent_end != NEVER:
            row = noted.counts[WAITING]
            noted.counts[WAITING] += 1
            noted.waits.end[row] = 2 * flow + silent_end
            noted.waits.since_ns[row] = waited_since(rows, told, it)
            noted.waits.until_ns[row] = told_until(rows, told, it)
        if reset != NEVER and has_forgotten(rows, told, it):
            row = noted.counts[FORGETTING]
            noted.counts[FORGETTING] += 1
            noted.forgotten.end[row] = 2 * flow + c.end[reset]
            noted.forgotten.frame[row], noted.forgotten.ts_ns[row] = c.frame[reset], c.ts_ns[reset]
            noted.forgotten.own_ns[row] = c.ts_ns[reset] - c.own_ns[reset] if c.own_ns[reset] != NEVER else NEVER
    return count


def note_boxed(rows: Rows, told: Told, it: int, end: int, noted: Noted) -> None:
    """The first probe that a middlebox sent in the name of this end."""
    probe = told.flows.first_probe[it]
    while told.probes.end[probe] != end:
        probe += 1
    at, row = noted.counts[BOXING], told.probes.row[probe]
    noted.counts[BOXING] += 1
    noted.boxed.ts_ns[at] = rows.candidates.ts_ns[row]
    noted.boxed.look[at] = look_of_probe(rows, told.flows.flow[it], row)


def waited_for(told: Told, it: int) -> int:
    """The end that stopped answering probes, or data; -1 without."""
    t = told.flows
    waiting = t.run_end[it] if t.run_end[it] != NEVER else t.deaf_end[it]
    return 1 - waiting if waiting != NEVER else NEVER


def waited_since(rows: Rows, told: Told, it: int) -> int:
    """Since when: the first probe that it did not answer, or when it was last heard."""
    t, end = told.flows, told.flows.run_end[it]
    if end != NEVER:
        return int(rows.candidates.ts_ns[told.probes.row[told.ends.run_probe[2 * it + end]]])
    return int(max(rows.ends.last_ns[2 * t.flow[it] + 1 - t.deaf_end[it]], 0))


def told_until(rows: Rows, told: Told, it: int) -> int:
    """Until the connection was reset, or ceased to be watched."""
    reset: int = told.flows.reset_row[it]
    return int(rows.candidates.ts_ns[reset] if reset != NEVER else told.flows.capture_end_ns[it])


def has_forgotten(rows: Rows, told: Told, it: int) -> bool:
    """Tells whether the flow's RST answers a probe or data, and is that of a host that no longer knows the connection.

    One that had closed it itself answers the same way; so does one that was never seen to use it.
    """
    me = 2 * it + rows.candidates.end[told.flows.reset_row[it]]
    is_answer = probe_of(rows, told, it) != NEVER or told.flows.reset_follows_data[it]
    has_used_it = told.ends.has_spoken[me] and not told.ends.fin_frame[me]
    return bool(is_answer and has_used_it and shows_no_state(rows, told, it))


def number_waits(
    waits: Any, count: int, of_end: Any, addresses: Any, networks: Any, since: Any, until: Any, at: Any, within: Any
) -> int:
    """Kernel: what waits are sorted by, and grouped by."""
    for row in range(count):
        number = of_end[waits.end[row]]
        at[row], within[row] = number, addresses.network[number]
        since[row], until[row] = waits.since_ns[row], waits.until_ns[row]
        networks.is_waited_for[within[row]] = 1
    return count


def meanwhile(of: Spans, number: int, since_ns: int, until_ns: int) -> int:
    """How many waits overlap this time: all that began before its end, without those that ended before its begin."""
    began = count_before(of.since, number, of.waits.since_ns, until_ns)
    return began - count_before(of.until, number, of.waits.until_ns, since_ns + 1)


def count_before(group: Group, number: int, keys: Any, time_ns: int) -> int:
    """How many rows of the group, sorted by these keys, have an earlier one."""
    low = group.starts[number]
    high = group.starts[number + 1]
    while low < high:
        middle = (low + high) >> 1
        if keys[group.rows[middle]] < time_ns:
            low = middle + 1
        else:
            high = middle
    return int(low - group.starts[number])
