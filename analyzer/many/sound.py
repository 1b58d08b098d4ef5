"""What a shard must hold to be one of a file: types, lengths, ranges, order. It is asked of what was kept in files.

Kernels index by flows, frames and tunnels without looking, so none of these may lead out of its table. Ranges follow
from a column's unit (`schema/`). Whatever holds may still be untrue: who wrote it is asked elsewhere.
"""

from itertools import pairwise
from typing import Any

import numpy as np

from analyzer.capture.decode.encapsulation import TUNNEL_NAMES
from analyzer.diagnostics import CODES
from analyzer.many.shard import Shard
from analyzer.many.tables import arrays
from analyzer.schema import ABSENT, KIND_ICMP_ERROR, KIND_TCP, NEIGHBOUR_CLAIMED, OPENED_SYN_ACK
from analyzer.tcp.duplicates import RECENT_SLOTS
from analyzer.tcp.segment_facts import REL_BEYOND

LATEST_NS = 2**63 - 1
MOST_FRAMES = 2**40
MOST_SHIFT = 14
"""Greatest window scale (RFC 7323 §2.3)."""
BY_UNIT = {
    "bool": (ABSENT, 1),
    "0|1": (0, 1),
    "u32": (ABSENT, 2**32 - 1),
    "octets": (ABSENT, 2**48),
    "hops": (ABSENT, 255),
    "OPENED_*": (0, OPENED_SYN_ACK),
    "KIND_*": (KIND_TCP, KIND_ICMP_ERROR),
    "REL_*": (0, REL_BEYOND),
    "NEIGHBOUR": (0, NEIGHBOUR_CLAIMED),
    "segment_facts": (0, 2**31 - 1),
}
"""Least and greatest value of columns with this unit."""
BY_NAME = {"ports": (0, 2**32 - 1), "window_shift": (ABSENT, MOST_SHIFT), "window": (ABSENT, 65535 << MOST_SHIFT)}
DURATIONS = {"max_idle_ns", "reply_ns", "idle_ns", "own_ns", "since_ns"}
"""Columns in ns that are no instants."""
FRAMES = {"frame": 1, "first_frame": 1, "step_back_frame": 0, "duplicate_frame": 0}
"""Columns with a frame's number, and the least that it can be."""
COUNTS = ("packets", "steps_back", "duplicates", "far_below")
IN_ORDER = {"flows": "first_frame", "candidates": "frame", "neighbours": "frame", "prefix": "frame", "unseen": "frame"}
"""Tables whose rows are in the order of frames."""


def check_about(about: Any) -> None:
    """Raise ValueError if this cannot be what `shard.json` says."""
    _expect(isinstance(about, dict), "shard.json is no object")
    texts = all(isinstance(about.get(name), str) for name in ("name", "identity", "fingerprint", "format"))
    _expect(texts and about["format"].isprintable(), "shard.json lacks a name")
    numbers = [about.get(name) for name in ("first_frame_ns", "frames", "tcp_packets")]
    _expect(_are_ints(numbers), "shard.json lacks a number")
    first_ns, frames, tcp_packets = numbers
    _expect(ABSENT <= first_ns <= LATEST_NS and 0 <= tcp_packets <= frames <= MOST_FRAMES, "a number is impossible")
    _expect(_are_ints(about.get("link_types")) and min(about["link_types"], default=0) >= 0, "no link types")
    _expect(isinstance(about.get("sha256"), dict), "shard.json has no digests")
    _check_names(about.get("names"))
    _check_coverage(about.get("coverage"))
    _check_diagnostics(about.get("diagnostics"), frames)
    _check_tunnels(about.get("tunnels"))


def _check_names(names: Any) -> None:
    _expect(isinstance(names, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in names), "no names")
    _expect(all(isinstance(one, str) and one.isprintable() for pair in names for one in pair), "names are no words")


def _check_coverage(spans: Any) -> None:
    _expect(isinstance(spans, list) and all(_are_ints(span) and len(span) == 3 for span in spans), "no spans of time")
    _expect(all(0 <= first <= last <= until <= LATEST_NS for first, last, until in spans), "a span ends too early")
    _expect(all(before[1] < after[0] for before, after in pairwise(spans)), "spans of time are out of order")


def _check_diagnostics(parts: Any, frames: int) -> None:
    _expect(isinstance(parts, dict) and parts.keys() == {"counts", "details", "more"}, "no diagnostics")
    counts, details, more = parts["counts"], parts["details"], parts["more"]
    _expect(_are_ints(counts) and _are_ints(more) and isinstance(details, list), "no diagnostics")
    _expect((len(counts), len(details), len(more)) == (2 * len(CODES), len(CODES), len(CODES)), "other diagnostics")
    _expect(min((*counts, *more)) >= 0 and max((*counts, *more)) <= MOST_FRAMES, "a count is impossible")
    _expect(max(counts[1::2]) <= frames + 1, "a diagnostic names a frame that is not there")
    words = [one for some in details for one in (some if isinstance(some, list) else [None])]
    _expect(all(isinstance(one, str) for one in words), "details are no words")


def _check_tunnels(keys: Any) -> None:
    _expect(isinstance(keys, list) and all(_are_ints(key) and len(key) in (3, 7) for key in keys), "no tunnels")
    for number, (around, kind, identifier, *ends) in enumerate(keys):
        _expect(0 <= around <= number and 0 <= kind < len(TUNNEL_NAMES), "a tunnel is impossible")
        _expect(ABSENT <= identifier < 2**63 and (identifier == ABSENT) == bool(ends), "a tunnel is impossible")
        _expect(all(-(2**63) <= half < 2**63 for half in ends), "a tunnel's address is impossible")
    _expect(len(set(map(tuple, keys))) == len(keys), "a tunnel has two numbers")


def _are_ints(values: Any) -> bool:
    return isinstance(values, list) and all(type(one) is int for one in values)


def _expect(holds: bool, words: str) -> None:
    if not holds:
        raise ValueError(words)


def check(shard: Shard) -> None:
    """Raise ValueError if the tables cannot be those of a file with as many frames, at these times."""
    flows, frames = shard.flows.rows, shard.part.frames
    _expect(shard.ends.rows == 2 * flows, "a connection has not two ends")
    _expect(shard.recent.rows <= RECENT_SLOTS, "there are too many fingerprints")
    _expect(shard.coverage.first_ns != ABSENT or not flows, "connections have no time")
    for table in ("flows", "ends", "candidates", "neighbours", "prefix", "unseen", "recent"):
        of = getattr(shard, table)
        columns = arrays(of)
        for column in of.fields.columns if of.rows else ():
            low, high = _range(shard, table, column)
            values = getattr(columns, column.name)
            _expect(low <= values.min() and values.max() <= high, f"{table}.{column.name} is out of its range")
        if of.rows and table in IN_ORDER:
            order = getattr(columns, IN_ORDER[table])
            _expect(bool((np.diff(order) >= 0).all()), f"{table} is out of order")
    _expect(max((int(arrays(shard.flows).packets.sum()) if flows else 0), 0) <= frames, "there are too many segments")


def _range(shard: Shard, table: str, column: Any) -> tuple[int, int]:
    """Return the least and the greatest value that a column can have."""
    name, frames = column.name, shard.part.frames
    if name in FRAMES:
        return FRAMES[name], frames
    if name == "flow":
        return ABSENT if table == "prefix" else 0, shard.flows.rows - 1
    if name == "tunnel":
        return 0, len(shard.tunnels.keys)
    if name in COUNTS:
        return 0, frames
    if column.unit == "ns":
        length = shard.coverage.until_ns - min(shard.coverage.first_ns, 0)
        return (-length if name in DURATIONS else ABSENT), max(length, shard.coverage.until_ns)
    return BY_NAME.get(name) or BY_UNIT.get(column.unit) or (-(2**63), 2**63 - 1)
