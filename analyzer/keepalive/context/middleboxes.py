"""Recognises more probes of middleboxes that are known: those of ends of which nothing but probes was captured.

Such an end by itself shows nothing (`story/prober.py`). But a middlebox probes all its connections in one burst and
from one distance. So a probe with the same TTL and window as several that are known to be its own, sent together with
them, is its own, too. Servers of one network look alike as well, so that without known ones nothing is concluded.
"""

from array import array
from typing import Any

from analyzer.engine.dispatch import Engine
from analyzer.keepalive.context.grouping import by_key
from analyzer.keepalive.context.peer_silences import Notes
from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.story.prober import probe_fingerprint
from analyzer.keepalive.story.values import BY_MIDDLEBOX
from analyzer.schema import ABSENT

BURST_NS = 1_000_000_000
FEWEST_ALIKE = 3


class Middleboxes:
    """The first probe of each end that a middlebox is known to probe for, by fingerprint and in order of time."""

    def __init__(self, rows: Rows, notes: Notes, engine: Engine) -> None:
        """Sort the known probes by fingerprint and time."""
        self._rows, self._engine = rows, engine
        self._known, count = notes.boxed.view, notes.boxed.rows
        self._order, self._count = array("i", range(count)), count
        for keys in (self._known.ts_ns, self._known.fingerprint):
            by_key(self._order, count, array("q", keys[:count]), engine)

    def recognise(self, stories: StoryTables, flows: int) -> None:
        """Mark the ends of these flows that known middleboxes probe for."""
        self._engine.run(recognise, self._rows, stories, flows, self._known, self._order, self._count)


def recognise(rows: Rows, stories: StoryTables, count: int, known: Any, order: Any, known_count: int) -> int:
    """Kernel: mark the ends of the first `count` of these flows that known middleboxes probe for. Returns `count`."""
    e = stories.ends
    for flow_row in range(count if known_count else 0):
        for probe in range(stories.flows.first_probe[flow_row], stories.flows.first_probe[flow_row + 1]):
            end, row = stories.probes.end[probe], stories.probes.row[probe]
            end_row = 2 * flow_row + end
            if e.probed_by[end_row] == ABSENT and e.own_ttl_low[end_row] == ABSENT:
                fingerprint, ts_ns = (
                    probe_fingerprint(rows, stories.flows.flow[flow_row], row),
                    rows.candidates.ts_ns[row],
                )
                first = count_before(known, order, known_count, fingerprint, ts_ns - BURST_NS)
                if count_before(known, order, known_count, fingerprint, ts_ns + BURST_NS) - first >= FEWEST_ALIKE:
                    e.probed_by[end_row] = BY_MIDDLEBOX
    return count


def count_before(known: Any, order: Any, count: int, fingerprint: int, ts_ns: int) -> int:
    """Return how many known probes come before this fingerprint and time, by bisection."""
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        row = order[middle]
        if known.fingerprint[row] < fingerprint or (known.fingerprint[row] == fingerprint and known.ts_ns[row] < ts_ns):
            low = middle + 1
        else:
            high = middle
    return low
