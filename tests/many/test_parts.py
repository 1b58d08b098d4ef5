"""Joins of parts are the join of the whole."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.analysis import analyze
from analyzer.capture.files.locations import captures
from analyzer.capture.files.reader import first_frame_ns
from analyzer.many.join import Join
from analyzer.many.parts import join_part, parted
from analyzer.many.shard import read_shard
from tests.many.cut import files_of, tables
from tests.test_properties import A_PORT, Step, frames, steps


def joined_in_parts(names: Sequence[str], count: int) -> Join:
    names = captures(names, first_frame_ns)
    parts = [list(parted(read_shard(name), count)) for name in names]
    whole = Join()
    for number in range(count):
        whole.add_part(join_part(names, [one[number] for one in parts], None))
    return whole


@settings(max_examples=12)
@given(st.lists(steps(), min_size=2, max_size=5), st.lists(st.integers(0, 200), max_size=5), st.integers(1, 4))
def test_parts_that_are_joined_apart(conversations: list[list[Step]], where: list[int], count: int) -> None:
    merged = [
        frame
        for number, one in enumerate(conversations)
        for frame in frames(one, a_port=A_PORT + number // 2, turned=bool(number & 1))
    ]
    with TemporaryDirectory() as folder:
        names = files_of(Path(folder), sorted(merged, key=lambda frame: frame[0]), where)
        assert tables(joined_in_parts(names, count).finish()) == tables(analyze(*names))


def test_each_flow_is_in_one_part_and_work_is_shared(tmp_path: Path) -> None:
    merged = [frame for port in range(200) for frame in frames([Step(0, "A", "data", length=100)], a_port=2000 + port)]
    [name] = files_of(tmp_path, merged, [])
    sizes = [part.flows.rows for part in parted(read_shard(name), 4)]
    assert sum(sizes) == 200
    assert min(sizes) > 25
