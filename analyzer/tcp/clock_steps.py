"""The past of a tracker on another clock: where the capturing machine's clock is set, or the machine has slept.

What was captured before is moved by as much as the clock was, so that times before and after can be compared.
"""

from typing import Any

from analyzer.engine.dispatch import Engine
from analyzer.schema import ABSENT
from analyzer.tcp.tracker import Tracker


def move_clock(tracker: Tracker, engine: Engine, by_ns: int) -> None:
    """Add `by_ns` to every instant that the tracker holds."""
    table, candidates, neighbours = tracker.table, tracker.candidates, tracker.neighbours
    engine.run(move_flows, table.flows.view, table.ends.view, table.flows.rows, by_ns)
    engine.run(move_candidates, candidates.view, candidates.rows, by_ns)
    engine.run(move_neighbours, neighbours.view, neighbours.rows, by_ns)


def move_flows(flows: Any, ends: Any, count: int, by_ns: int) -> int:
    """Kernel: move the instants of flows and ends; return `count`."""
    for flow in range(count):
        flows.seen_ns[flow] = moved(flows.seen_ns[flow], by_ns)
        flows.first_ns[flow] = moved(flows.first_ns[flow], by_ns)
        flows.last_ns[flow] = moved(flows.last_ns[flow], by_ns)
        flows.data_ns[flow] = moved(flows.data_ns[flow], by_ns)
        if flows.latest_ns[flow] > 0:
            flows.latest_ns[flow] += by_ns
        for end in range(2 * flow, 2 * flow + 2):
            ends.last_ns[end] = moved(ends.last_ns[end], by_ns)
            ends.accepted_ns[end] = moved(ends.accepted_ns[end], by_ns)
            ends.sent_ns[end] = moved(ends.sent_ns[end], by_ns)
            ends.data_ns[end] = moved(ends.data_ns[end], by_ns)
    return count


def move_candidates(candidates: Any, count: int, by_ns: int) -> int:
    """Kernel: move the instants of candidates; return `count`."""
    for row in range(count):
        candidates.ts_ns[row] = moved(candidates.ts_ns[row], by_ns)
        candidates.heard_ns[row] = moved(candidates.heard_ns[row], by_ns)
        candidates.any_ns[row] = moved(candidates.any_ns[row], by_ns)
        candidates.data_ns[row] = moved(candidates.data_ns[row], by_ns)
        candidates.own_data_ns[row] = moved(candidates.own_data_ns[row], by_ns)
        candidates.peer_data_ns[row] = moved(candidates.peer_data_ns[row], by_ns)
    return count


def move_neighbours(neighbours: Any, count: int, by_ns: int) -> int:
    """Kernel: move the instants of ARP and neighbour discovery packets; return `count`."""
    for row in range(count):
        neighbours.ts_ns[row] += by_ns
    return count


def moved(ts_ns: int, by_ns: int) -> int:
    """Return an instant on the other clock; what is absent stays so."""
    return ts_ns + by_ns if ts_ns != ABSENT else ABSENT
