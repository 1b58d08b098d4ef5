"""What the rest of a capture says about an end that fell silent: its host lives, or its link is dead.

Other flows of the same address show that the host lives. ARP requests and neighbour
solicitations for the address that nothing answers show that it is gone from the link; the
probes themselves are then no longer sent (net/core/neighbour.c neigh_invalidate).
"""

from bisect import bisect_left
from collections import defaultdict

from analyzer.columns import Table
from analyzer.keepalive.timeline import Story
from analyzer.keepalive.verdict import Surroundings
from analyzer.schema import NEVER
from analyzer.tcp.flows import FlowTable

Address = tuple[int, int]

ANSWER_WAIT_NS = 3_000_000_000
"""A solicitation may be answered so late: three tries a second apart (mcast_solicit, retrans_time_ms)."""
FEWEST_ASKED = 2
"""One unanswered solicitation may have been lost."""


class Neighbourhood:
    """Flows and solicitations by address; made once for a capture."""

    def __init__(self, table: FlowTable, neighbours: Table, last_ns: int) -> None:
        self._table = table
        self._capture_end_ns = last_ns
        self._ends: dict[Address, list[int]] | None = None
        n = neighbours.view
        self._heard: dict[Address, list[tuple[int, bool, int]]] = defaultdict(list)
        for row in range(neighbours.rows):
            self._heard[n.addr_hi[row], n.addr_lo[row]].append((n.ts_ns[row], bool(n.is_answer[row]), n.frame[row]))

    def around(self, flow: int, story: Story) -> Surroundings:
        """For the end that stopped answering, or the one that is looked for on the link."""
        until_ns = story.reset.ts_ns if story.reset else self._capture_end_ns
        for end, since_ns in _silent_ends(story):
            who = self._address(flow, end)
            asked = self._unanswered(who, since_ns, until_ns)
            if story.run is not None or story.deafness is not None or asked:
                lives = self._sent_elsewhere(who, flow, max(since_ns, asked[-1][0] if asked else NEVER), until_ns)
                return Surroundings(end, lives, () if lives else asked)
        return Surroundings(None, False, ())

    def _address(self, flow: int, end: int) -> Address:
        f = self._table.flows.view
        return (f.a_hi[flow], f.a_lo[flow]) if end == 0 else (f.b_hi[flow], f.b_lo[flow])

    def _sent_elsewhere(self, who: Address, flow: int, since_ns: int, until_ns: int) -> bool:
        """The address sent a segment of another flow in this time."""
        first_ns, last_ns = self._table.flows.view.first_ns, self._table.ends.view.last_ns
        if self._ends is None:
            self._ends = defaultdict(list)
            for end in range(self._table.ends.rows):
                self._ends[self._address(end // 2, end % 2)].append(end)
            for ends in self._ends.values():
                ends.sort(key=lambda end: -last_ns[end])
        for end in self._ends[who]:
            if last_ns[end] <= since_ns:
                return False
            if end // 2 != flow and first_ns[end // 2] < until_ns:
                return True
        return False

    def _unanswered(self, who: Address, since_ns: int, until_ns: int) -> tuple[tuple[int, int], ...]:
        """Time and frame of the solicitations since when nothing answered for the address."""
        asked: list[tuple[int, int]] = []
        heard = self._heard.get(who, [])
        for ts_ns, is_answer, frame in heard[bisect_left(heard, (since_ns,)) :]:
            if ts_ns > until_ns + ANSWER_WAIT_NS:
                break
            if is_answer:
                asked.clear()
            elif ts_ns <= until_ns:
                asked.append((ts_ns, frame))
        return tuple(asked) if len(asked) >= FEWEST_ASKED else ()


def _silent_ends(story: Story) -> list[tuple[int, int]]:
    """Which end stopped answering, and since when; of an idle connection it may be either."""
    if story.run is not None:
        return [(1 - story.run.end, story.run.first_ns)]
    if story.deafness is not None:
        return [(1 - story.deafness.end, max(story.deafness.heard_ns, 0))]
    if story.reset is not None or all(end.fin_frame for end in story.ends):
        return []
    return [(end, story.last_ns) for end in (0, 1)]
