"""A join of shards is what a single pass finds: captures cut anywhere, and all samples."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.shards import prefix
from tests.recordings import SAMPLES, SHORT
from tests.shards.cut import assert_same, files_of
from tests.test_properties import A_PORT, Step, frames, steps
from tests.test_same_everywhere import frames_of

cuts = st.lists(st.integers(0, 10**6), min_size=1, max_size=8)


@settings(max_examples=300)
@given(steps(), cuts)
def test_a_conversation_cut_anywhere(conversation: list[Step], where: list[int]) -> None:
    with TemporaryDirectory() as folder:
        assert_same(files_of(Path(folder), frames(conversation), where))


@settings(max_examples=100)
@given(st.lists(steps(), min_size=2, max_size=4), cuts)
def test_several_conversations_cut_anywhere(conversations: list[list[Step]], where: list[int]) -> None:
    merged = [
        frame
        for number, one in enumerate(conversations)
        for frame in frames(one, a_port=A_PORT + number // 2, turned=bool(number & 1))
    ]
    with TemporaryDirectory() as folder:
        assert_same(files_of(Path(folder), sorted(merged, key=lambda frame: frame[0]), where))


@settings(max_examples=100)
@given(steps(), cuts, st.integers(0, 3), st.integers(1, 6))
def test_whatever_is_kept(conversation: list[Step], where: list[int], few: int, most: int) -> None:
    """Too little is kept: then the file is read again."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefix, "FEW", few)
        patch.setattr(prefix, "MOST", most)
        assert_same(files_of(Path(folder), frames(conversation), where))


@pytest.mark.parametrize("sample", SHORT[::4], ids=lambda path: path.parent.name)
@pytest.mark.parametrize("later_ns", [50_000, 3_000_000, 150_000_000])
def test_copies_on_both_sides_of_a_cut(sample: Path, later_ns: int, tmp_path: Path) -> None:
    """Every frame is captured twice, the second time a little later."""
    recorded = frames_of(sample)
    twice = [(one.ts_ns + shift, one.octets, one.wire_len) for one in recorded for shift in (0, later_ns)]
    chance = random.Random(sample.parent.name)
    where = [chance.randrange(len(twice)) for _ in range(5)]
    assert_same(files_of(tmp_path, sorted(twice), where, recorded[0].link_type))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.parent.name)
def test_samples_cut_anywhere(sample: Path, tmp_path: Path) -> None:
    recorded = frames_of(sample)
    link_types = {one.link_type for one in recorded}
    if len(link_types) > 1:
        pytest.skip("pcap holds one link type")
    chance = random.Random(sample.parent.name)
    where = [chance.randrange(len(recorded)) for _ in range(chance.choice([1, 3, 20]))]
    whole = [(one.ts_ns, one.octets, one.wire_len) for one in recorded]
    assert_same(files_of(tmp_path, whole, where, link_types.pop()))
