"""Some flows of a tracker with some of their candidates, as a tracker of their own.

What is found for the excerpt is what the whole would say, as far as it depends on these flows.
"""

from array import array
from collections.abc import Mapping, Sequence

from analyzer.tcp.tracker import Tracker


def excerpt(tracker: Tracker, rows_of_flow: Mapping[int, Sequence[int]]) -> Tracker:
    """Return a tracker with these flows and the given rows of their candidates, both in ascending order; the n-th
    becomes flow n.

    It shares the neighbour discovery packets with the original. It is for reading only and cannot be fed.
    """
    part = Tracker()
    part.table = tracker.table.excerpt(list(rows_of_flow))
    part.neighbours = tracker.neighbours
    new_flow = {row: number for number, rows in enumerate(rows_of_flow.values()) for row in rows}
    rows = sorted(new_flow)  # in capture order
    part.candidates = tracker.candidates.excerpt(rows)
    part.candidates.view.flow[:] = array("i", map(new_flow.__getitem__, rows))
    return part
