"""The choice of flows and candidates to give up when there are too many: the one way to bound an analysis's memory.

    forgotten = shrink(tracker, engine, now_ns, Limits(flows=200_000))
    if forgotten is not None: ...   # rows of FLOWS, ENDS and CANDIDATES have moved

Flows go in the order of what they could still tell: those that never were more than a SYN, those that ended, those that
were silent for longer than any keepalive waits; and only if `Limits.keeps_idle` is off, the longest silent of the rest.
Of the flows that stay, those with the most candidates keep their latest ones, the others keep all: what is left looks
like a capture that began later, which the per-flow stage is made for. Candidates stay in capture order and flows in the
order of their numbers. What was given up is counted, for a diagnostic; nothing is lost silently.
"""

import os
from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

from analyzer.engine.dispatch import Engine
from analyzer.schema import ABSENT, RST
from analyzer.tcp.tracker import Tracker

LONGEST_WAIT_NS = 3 * 3600 * 1_000_000_000
"""Longest silence in which a flow may still be probed: 2 h 11 m 15 s pass on a Linux default from the last segment to
the give-up; the rest is margin."""
CLOSED_NS = 60_000_000_000
"""Time after which nothing belongs to a closed flow any more (2 MSL on Linux)."""
NEIGHBOUR_OCTETS = 320
"""Most memory that an ARP packet needs: measured 280."""


class Cost(NamedTuple):
    """Most octets that an output needs while findings are made and printed; what was measured is in
    tests/benchmarks/README.md."""

    base: int
    """Octets of Python with what is imported, the machine code, and the buffers."""
    flow: int
    candidate: int
    """Octets for each, of one flow with very many, too."""
    sixteenths: int
    """Share of the memory beyond the base that is for flows; candidates have the rest but for a sixteenth."""
    least: int
    """Least memory within which it can be made."""


WORTH_WHILE = 4
"""Part of all candidates that can be spared, from which on those of open flows are cut."""
FEW_CANDIDATES = 16_384
"""Candidates that may be too many without that: they take 3 MB."""
LEAST_MEMORY = 128 << 20
USUAL_MEMORY = 4 << 30
ONE_BY_ONE = Cost(40 << 20, 768, 768, 5, LEAST_MEMORY)
"""Cost where flows are assembled one after the other, as for the report and JSON."""
COMMENTED = Cost(40 << 20, 3072, 1408, 8, LEAST_MEMORY)
"""Cost with a comment for each frame that has one."""
WATCHED = Cost(64 << 20, 8192, 2048, 8, LEAST_MEMORY)
"""Cost of a capture that is watched: measured 3,800 a connection, and twice that while many change."""
IN_TABLES = Cost(192 << 20, 8192, 1408, 8, 256 << 20)
"""Cost with DataFrames of everything: pandas, pyarrow and DuckDB alone take 172 MiB. Charts and pages need less."""


class Limits(NamedTuple):
    """Numbers of flows, candidates and neighbour packets to keep; below them `shrink` does nothing."""

    flows: int
    candidates: int
    of_one_flow: int = 256
    """Number of the latest candidates kept of each flow; they hold some hundred probes with their answers."""
    neighbours: int = 65_536
    """Number of the latest ARP and neighbour discovery packets that are kept."""
    keeps_idle: bool = True
    """Whether flows that may still be probed are kept, however many there are."""


def usual_memory() -> int:
    """Return USUAL_MEMORY, or half of the machine's memory if that is less, in octets; what tables need at least."""
    try:
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # unknown on this system
        return USUAL_MEMORY
    return max(min(USUAL_MEMORY, machine // 2), IN_TABLES.least)


def limits_within(max_memory: int, cost: Cost = IN_TABLES) -> Limits:
    """Return the limits with which an analysis stays below `max_memory` octets, of which there are `cost.least`."""
    sixteenth = (max_memory - cost.base) // 16
    candidates = (15 - cost.sixteenths) * sixteenth // cost.candidate
    flows, neighbours = cost.sixteenths * sixteenth // cost.flow, sixteenth // NEIGHBOUR_OCTETS
    return Limits(flows, candidates, of_one_flow=candidates, neighbours=neighbours, keeps_idle=False)


class Forgotten(NamedTuple):
    """The result of giving up: what went, and where the rest is now."""

    flows: int
    candidates: int
    new_flow: "array[int]"
    """New index of each flow by its old one, -1 for a flow that is gone."""
    rows: Sequence[int]
    """The old rows of the candidates that stay, in their new order."""
    cut: int
    """Number of candidates given up in flows that stay."""


def shrink(tracker: Tracker, engine: Engine, now_ns: int, limits: Limits) -> Forgotten | None:
    """Bring the tracker well below the limits, if it is above one of them."""
    before, candidates_before = tracker.table.flows.rows, tracker.candidates.rows
    if before <= limits.flows and candidates_before <= limits.candidates:
        return None
    return _give_up(tracker, engine, _kept_flows(tracker, engine, now_ns, limits), limits)


def let_go(tracker: Tracker, engine: Engine, before_ns: int, over: "array[int]", limits: Limits) -> Forgotten | None:
    """Give up the flows that ended and were last seen before an instant, and of those that stay all but the latest
    candidates, where that is worth while. In `over` flows that are to go have 1, flows that must stay -1, others 0."""
    flows = tracker.table.flows
    ended = engine.run(mark_ended, flows.view, tracker.table.ends.view, flows.rows, before_ns, over)
    if not ended and tracker.candidates.rows <= limits.of_one_flow + FEW_CANDIDATES:
        return None
    kept = [flow for flow in range(flows.rows) if over[flow] <= 0] if ended else range(flows.rows)
    spared = sum(max(count - limits.of_one_flow, 0) for count in _counts(tracker, engine))
    if not ended and spared <= max(tracker.candidates.rows // WORTH_WHILE, FEW_CANDIDATES):
        return None
    return _give_up(tracker, engine, kept, limits)


def _give_up(tracker: Tracker, engine: Engine, kept: Sequence[int], limits: Limits) -> Forgotten:
    """Keep these flows, in ascending order, with as many of their candidates as the limits allow."""
    before, candidates_before = tracker.table.flows.rows, tracker.candidates.rows
    new_flow = array("q", [ABSENT]) * before
    for index, flow in enumerate(kept):
        new_flow[flow] = index
    lengths = _lengths(tracker, engine, new_flow)
    rows = _kept_rows(tracker, engine, new_flow, lengths, limits)
    tracker.candidates.keep(rows)
    engine.run(renumber, tracker.candidates.view, len(rows), new_flow)
    if len(kept) < before:
        tracker.table.keep(kept, engine)
    return Forgotten(before - len(kept), candidates_before - len(rows), new_flow, rows, sum(lengths) - len(rows))


def forget_neighbours(tracker: Tracker, limits: Limits) -> int:
    """Keep the latest half of the ARP and neighbour discovery packets if there are too many; how many were given up."""
    rows = tracker.neighbours.rows
    if rows <= limits.neighbours:
        return 0
    tracker.neighbours.keep(range(rows - limits.neighbours // 2, rows))
    return rows - limits.neighbours // 2


def _kept_flows(tracker: Tracker, engine: Engine, now_ns: int, limits: Limits) -> Sequence[int]:
    """Return the flows that stay: all if they are within the limit, else half of the limit, or all that may still be
    probed."""
    table = tracker.table
    count = table.flows.rows
    if count <= limits.flows:
        return range(count)
    weights = array("q", [0]) * count
    needed = engine.run(weigh, table.flows.view, table.ends.view, count, now_ns, weights)
    by_weight = sorted(range(count), key=weights.__getitem__, reverse=True)
    return sorted(by_weight[: max(limits.flows // 2, needed if limits.keeps_idle else 0)])


ONLY_A_SYN, ENDED, TOO_LONG_SILENT, MAY_BE_PROBED = range(4)
WEIGHT = 1 << 40
"""Factor above the seconds of any time."""


def weigh(flows: Any, ends: Any, count: int, now_ns: int, weights: Any) -> int:
    """Kernel: weigh each flow by what it may still tell, then by when it was last seen; return how many may still be
    probed."""
    needed = 0
    for flow in range(count):
        worth = worth_of(flows, ends, flow, now_ns)
        weights[flow] = worth * WEIGHT + flows.last_ns[flow] // 1000000000
        needed += worth == MAY_BE_PROBED
    return needed


def worth_of(flows: Any, ends: Any, flow: int, now_ns: int) -> int:
    """Rank a flow by what it may still tell; the lowest rank is given up first."""
    silent_ns = now_ns - flows.last_ns[flow]
    a, b = 2 * flow, 2 * flow + 1
    if flows.is_opening[flow]:
        return ONLY_A_SYN
    both_closed = ends.fin_seq[a] != ABSENT and ends.fin_seq[b] != ABSENT
    is_reset = is_end_reset(ends, a) or is_end_reset(ends, b)
    if silent_ns > CLOSED_NS and (both_closed or is_reset):
        return ENDED
    return TOO_LONG_SILENT if silent_ns > LONGEST_WAIT_NS else MAY_BE_PROBED


def is_end_reset(ends: Any, end: int) -> bool:
    flags: int = ends.last_flags[end]
    return flags != ABSENT and flags & RST != 0


def mark_ended(flows: Any, ends: Any, count: int, before_ns: int, over: Any) -> int:
    """Kernel: mark the flows that ended, or never were more than a SYN, and were last seen before an instant; return
    how many are marked."""
    marked = 0
    for flow in range(count):
        is_old = over[flow] == 0 and flows.last_ns[flow] < before_ns
        if is_old and worth_of(flows, ends, flow, before_ns + CLOSED_NS) <= ENDED:
            over[flow] = 1
        marked += over[flow] > 0
    return marked


def _counts(tracker: Tracker, engine: Engine) -> "array[int]":
    """Return the number of candidates of each flow."""
    counts = array("q", [0]) * tracker.table.flows.rows
    engine.run(count_rows, tracker.candidates.view, tracker.candidates.rows, counts)
    return counts


def _lengths(tracker: Tracker, engine: Engine, new_flow: "array[int]") -> list[int]:
    """Return the number of candidates of each flow that stays, in ascending order."""
    counts = _counts(tracker, engine)
    return sorted(counts[flow] for flow in range(len(new_flow)) if new_flow[flow] != ABSENT)


def _kept_rows(
    tracker: Tracker, engine: Engine, new_flow: "array[int]", lengths: Sequence[int], limits: Limits
) -> Sequence[int]:
    """Return the latest rows of each flow that stays. The longest flows keep fewer, so that half of the limit holds
    all."""
    candidates = tracker.candidates
    share = limits.of_one_flow
    if candidates.rows > limits.candidates:
        share = min(share, _fair_share(lengths, limits.candidates // 2))
    left = array("q", [share]) * len(new_flow)
    chosen = array("q", [0]) * (sum(min(length, share) for length in lengths) + 1)
    count = engine.run(choose, candidates.view, candidates.rows, new_flow, left, chosen)
    return chosen[count - 1 :: -1] if count else chosen[:0]


def _fair_share(lengths: Sequence[int], room: int) -> int:
    """Return the greatest length to which all may be cut so that they fit together, at least 1; `lengths` ascend."""
    for index, length in enumerate(lengths):
        left = len(lengths) - index
        if length * left > room:
            return max(room // left, 1)
        room -= length
    return lengths[-1] if lengths else 1


def count_rows(candidates: Any, rows: int, counts: Any) -> int:
    """Kernel: count the candidates of each flow."""
    for row in range(rows):
        counts[candidates.flow[row]] += 1
    return rows


def choose(candidates: Any, rows: int, new_flow: Any, left: Any, chosen: Any) -> int:
    """Kernel: choose rows from the last to the first, up to `left` of each flow that stays; return their number."""
    count = 0
    for row in range(rows - 1, -1, -1):
        flow = candidates.flow[row]
        if new_flow[flow] != ABSENT and left[flow] > 0:
            left[flow] -= 1
            chosen[count] = row
            count += 1
    return count


def renumber(candidates: Any, rows: int, new_flow: Any) -> int:
    """Kernel: replace each candidate's flow number by the new one."""
    for row in range(rows):
        candidates.flow[row] = new_flow[candidates.flow[row]]
    return rows
