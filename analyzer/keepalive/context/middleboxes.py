"""Ends of which nothing but probes was captured, amid others in whose names a middlebox is known to probe.

Such an end by itself shows nothing (`story/prober.py`). But a middlebox probes all its connections in one burst, and
from one distance: what comes with the same TTL and window as several probes that are known to be its own, together with
them, is its own, too. Servers of one network look alike as well, so that without those nothing is said.
"""

from array import array
from typing import Any

from analyzer.engine.dispatch import Engine
from analyzer.keepalive.context.grouping import by_key
from analyzer.keepalive.context.peer_silences import Notes
from analyzer.keepalive.story.gaps import Rows, Told
from analyzer.keepalive.story.prober import look_of_probe
from analyzer.keepalive.story.values import BY_MIDDLEBOX
from analyzer.schema import NEVER

BURST_NS = 1_000_000_000
FEWEST_ALIKE = 3


class Middleboxes:
    """The first probes that are known to be a middlebox's, by their look and in order of time."""

    def __init__(self, rows: Rows, notes: Notes, engine: Engine) -> None:
        self._rows, self._engine = rows, engine
        self._known, count = notes.boxed.view, notes.boxed.rows
        self._order, self._count = array("i", range(count)), count
        for keys in (self._known.ts_ns, self._known.look):
            by_key(self._order, count, array("q", keys[:count]), engine)

    def recognise(self, told: Told, flows: int) -> None:
        """Marks the ends of these flows that they probe for."""
        self._engine.run(recognise, self._rows, told, flows, self._known, self._order, self._count)


def recognise(rows: Rows, told: Told, count: int, known: Any, order: Any, known_count: int) -> int:
    """Kernel: of the first `count` flows in `told`."""
    e = told.ends
    for it in range(count if known_count else 0):
        for probe in range(told.flows.first_probe[it], told.flows.first_probe[it + 1]):
            end, row = told.probes.end[probe], told.probes.row[probe]
            me = 2 * it + end
            if e.probed_by[me] == NEVER and e.own_ttl_low[me] == NEVER:
                look, ts_ns = look_of_probe(rows, told.flows.flow[it], row), rows.candidates.ts_ns[row]
                first = count_before(known, order, known_count, look, ts_ns - BURST_NS)
                if count_before(known, order, known_count, look, ts_ns + BURST_NS) - first >= FEWEST_ALIKE:
                    e.probed_by[me] = BY_MIDDLEBOX
    return count


def count_before(known: Any, order: Any, count: int, look: int, ts_ns: int) -> int:
    """How many come before this look and time."""
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        row = order[middle]
        if known.look[row] < look or (known.look[row] == look and known.ts_ns[row] < ts_ns):
            low = middle + 1
        else:
            high = middle
    return low
