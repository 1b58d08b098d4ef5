"""Captures cut into files, and what single pass and join make of them."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from analyzer.analysis import Analysis, analyze
from analyzer.capture.files.locations import captures
from analyzer.capture.files.reader import first_frame_ns
from analyzer.many.join import Join
from analyzer.many.shard import Shard, read_shard
from analyzer.many.tables import arrays
from tests.capture.writers import Frame, pcap_bytes


def files_of(folder: Path, frames: Sequence[Frame], cuts: Sequence[int], link_type: int = 1) -> list[str]:
    """The frames in files, a new one before each of the frames whose numbers are given (from 0)."""
    places = [0, *sorted(cut % (len(frames) + 1) for cut in cuts), len(frames)]
    names = []
    for number, (since, until) in enumerate(pairwise(places)):
        path = folder / f"{number:05}.pcap"
        path.write_bytes(pcap_bytes(frames[since:until], nano=True, link_type=link_type))
        names.append(str(path))
    return names


def joined(names: Sequence[str]) -> Analysis:
    join = Join()
    for name in captures(names, first_frame_ns):
        join.add(read_shard(name))
    return join.finish()


def tables(analysis: Analysis) -> dict[str, Any]:
    """All that findings are drawn from; those are a function of it."""
    tracker = analysis._tracker
    found: dict[str, Any] = {}
    for name, table in {
        "flows": tracker.table.flows,
        "ends": tracker.table.ends,
        "candidates": tracker.candidates,
        "neighbours": tracker.neighbours,
        "segments": analysis.segments,
    }.items():
        found |= {f"{name}.{column}": getattr(arrays(table), column).tolist() for column in table.fields._fields}
    tunnels = analysis._assembler._tunnels
    for numbers in ("flows.tunnel", "neighbours.tunnel"):
        found[numbers] = [tunnels[number] for number in found[numbers]]
    found["capture"], found["diagnostics"] = analysis.capture, analysis.diagnostics
    return found


def assert_same(names: Sequence[str]) -> None:
    expected, found = tables(analyze(*names)), tables(joined(names))
    for key, values in expected.items():
        assert found[key] == values, key


def shard_of(frames: Sequence[Frame]) -> Shard:
    with TemporaryDirectory() as folder:
        [name] = files_of(Path(folder), frames, [])
        return read_shard(name)


def talk(times: int) -> str:
    """Data of A each second, acknowledged by B."""
    lines = (
        f"{n}.0 A>B PA seq {1000 + 10 * n} ack 5000 len 10\n {n}.1 B>A A seq 5000 ack {1010 + 10 * n}"
        for n in range(times)
    )
    return "\n".join(lines)
