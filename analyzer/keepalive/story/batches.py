"""The stories of many flows at once, told by the kernel of `story.py`, a batch at a time."""

from array import array
from collections.abc import Generator, Sequence
from itertools import cycle

from analyzer.engine.dispatch import Engine
from analyzer.engine.prefetch import cores
from analyzer.engine.table import Table
from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.story.holes import note_shares
from analyzer.keepalive.story.story import CLOSING_GAPS, Captured, tell
from analyzer.schema.story import STORY_ENDS, STORY_FLOWS, STORY_GAPS, STORY_PROBES, STORY_SILENCES

BATCH = 4096
"""Flows told at a time: what their stories need stays within a few megabytes."""
BATCHES_HELD = 2
"""One is used while the next is made."""
FLOW_TABLES = (STORY_FLOWS, STORY_ENDS, STORY_PROBES, STORY_GAPS, STORY_SILENCES)


class Stories:
    """Tells the stories of a capture's flows."""

    def __init__(
        self, rows: Rows, of_end: "array[int]", addresses: int, capture_end: tuple[int, int], engine: Engine
    ) -> None:
        """`of_end` has the address of each end, `capture_end` the last frame's number and time."""
        self._rows = rows
        self._engine = engine
        handshakes, shares = (array("q", [0]) * addresses for _ in range(2))
        engine.run(note_shares, rows, len(of_end) // 2, of_end, handshakes, shares)
        self._captured = Captured(*capture_end, of_end, shares)

    def tell_all(self, flows: int) -> Generator[tuple[StoryTables, int]]:
        """Yield stories of all flows, and how many; each batch is good until BATCHES_HELD others follow."""
        tables = cycle([new_tables() for _ in range(BATCHES_HELD)])
        for first in range(0, flows, BATCH):
            batch = range(first, min(first + BATCH, flows))
            yield self.tell(batch, next(tables)), len(batch)

    def tell(self, flows: Sequence[int], tables: tuple[Table, ...] | None = None) -> StoryTables:
        """Tell the stories of these flows, a row each, in these tables or in new ones."""
        count, rows = len(flows), self._rows_of_all(flows)
        tables = tables or new_tables()
        for one, room in zip(tables, (count, 2 * count, rows, rows + CLOSING_GAPS * count, rows), strict=True):
            one.reserve(room + 1)
        flows_view, ends, probes, gaps, silences = (one.view for one in tables)
        stories = StoryTables(flows_view, ends, probes, gaps, silences, array("q", [0, 0, 0]))
        self._engine.run(tell, self._rows, array("i", flows), count, self._captured, stories)
        return stories

    def _rows_of_all(self, flows: Sequence[int]) -> int:
        """Return how many candidates these flows have."""
        starts = self._rows.starts
        if isinstance(flows, range) and flows.step == 1:
            return starts[flows.stop] - starts[flows.start]
        return sum(starts[flow + 1] - starts[flow] for flow in flows)


def pays_to_assemble_ahead(engine: Engine, flows: int) -> bool:
    """Tell whether a second thread pays: there are several batches, machine code, and another processor."""
    return engine.is_native and flows > BATCH and cores() > 1


def new_tables() -> tuple[Table, ...]:
    return tuple(map(Table, FLOW_TABLES))
