"""Which flows and candidates are given up when there are too many: the one way to bound an analysis's memory.

    forgotten = shrink(tracker, engine, now_ns, Limits(flows=200_000))
    if forgotten is not None: ...   # rows of FLOWS, ENDS and CANDIDATES have moved

Flows go in the order of what they could still tell: those that never were more than a SYN, those that
ended, those that were silent for longer than any keepalive waits; and only if `Limits.keeps_idle` is off, the
longest silent of the rest. Of the flows that stay, each keeps its latest candidates: what is left looks like
a capture that began later, which the per-flow stage is made for. Candidates stay in capture order and
flows in the order of their numbers. What was given up is counted, for a diagnostic; nothing is lost silently.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analyzer.jit import Engine
from analyzer.schema import NEVER, RST
from analyzer.tcp.tracker import Tracker

LONGEST_WAIT_NS = 3 * 3600 * 1_000_000_000
"""2 h 11 m 15 s pass on a Linux default from the last segment to the give-up; the rest is margin."""
CLOSED_NS = 60_000_000_000
"""After so long nothing belongs to a closed flow any more (2 MSL on Linux)."""
NEIGHBOURS = 65_536
"""So many of the latest ARP and neighbour discovery packets are kept."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept; `shrink` does nothing below."""

    flows: int
    candidates: int
    of_one_flow: int = 256
    """The latest so many candidates of each flow; they hold some hundred probes with their answers."""
    keeps_idle: bool = True
    """Never give up a flow that may still be probed, however many there are."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was given up, and where the rest is now."""

    flows: int
    candidates: int
    new_flow: "array[int]"
    """By old index the new one, -1 for a flow that is gone."""
    new_row: dict[int, int]
    """By old row of a candidate the new one, of those that stay."""


def shrink(tracker: Tracker, engine: Engine, now_ns: int, limits: Limits) -> Forgotten | None:
    """Bring the tracker well below the limits, if it is above one of them."""
    before, candidates_before = tracker.table.flows.rows, tracker.candidates.rows
    if before <= limits.flows and candidates_before <= limits.candidates:
        return None
    new_flow = array("q", [NEVER]) * before
    kept = sorted(_kept_flows(tracker, now_ns, limits))
    for index, flow in enumerate(kept):
        new_flow[flow] = index
    rows = _kept_rows(tracker, new_flow, limits)
    tracker.candidates.keep(rows)
    flow_column = tracker.candidates.view.flow
    for row in range(tracker.candidates.rows):
        flow_column[row] = new_flow[flow_column[row]]
    if len(kept) < before:
        tracker.table.keep(kept, engine)
    tracker.neighbours.keep(range(max(tracker.neighbours.rows - NEIGHBOURS, 0), tracker.neighbours.rows))
    new_row = {row: index for index, row in enumerate(rows)}
    return Forgotten(before - len(kept), candidates_before - len(rows), new_flow, new_row)


def _kept_flows(tracker: Tracker, now_ns: int, limits: Limits) -> Sequence[int]:
    """All below the limit; above it, three quarters of the limit, or all that may still be probed."""
    flows = tracker.table.flows
    if flows.rows <= limits.flows:
        return range(flows.rows)
    last_ns = flows.view.last_ns
    worth = [(_worth(tracker, flow, now_ns), last_ns[flow], flow) for flow in range(flows.rows)]
    worth.sort(reverse=True)
    room = limits.flows * 3 // 4
    needed = sum(rank == MAY_BE_PROBED for rank, _, _ in worth) if limits.keeps_idle else 0
    return [flow for _, _, flow in worth[: max(room, needed)]]


ONLY_A_SYN, ENDED, TOO_LONG_SILENT, MAY_BE_PROBED = range(4)


def _worth(tracker: Tracker, flow: int, now_ns: int) -> int:
    """What a flow may still tell; the least is given up first."""
    f, ends = tracker.table.flows.view, tracker.table.ends.view
    silent_ns = now_ns - f.last_ns[flow]
    a, b = 2 * flow, 2 * flow + 1
    if f.is_opening[flow]:
        return ONLY_A_SYN
    both_closed = ends.fin_seq[a] != NEVER and ends.fin_seq[b] != NEVER
    is_reset = any(ends.last_flags[end] != NEVER and ends.last_flags[end] & RST for end in (a, b))
    if silent_ns > CLOSED_NS and (both_closed or is_reset):
        return ENDED
    return TOO_LONG_SILENT if silent_ns > LONGEST_WAIT_NS else MAY_BE_PROBED


def _kept_rows(tracker: Tracker, new_flow: "array[int]", limits: Limits) -> list[int]:
    """The latest rows of each flow that stays: fewer of each, until three quarters of the limit hold them."""
    each = limits.of_one_flow
    rows = list(_latest(tracker, new_flow, each))
    while len(rows) > limits.candidates * 3 // 4 and each > 1:
        each //= 2
        rows = list(_latest(tracker, new_flow, each))
    rows.reverse()
    return rows


def _latest(tracker: Tracker, new_flow: "array[int]", each: int) -> Iterator[int]:
    """Rows from the last to the first, at most `each` of a flow."""
    of_flow = tracker.candidates.view.flow
    left = array("q", [each]) * len(new_flow)
    for row in range(tracker.candidates.rows - 1, -1, -1):
        flow = of_flow[row]
        if new_flow[flow] != NEVER and left[flow]:
            left[flow] -= 1
            yield row
