"""A join of shards is what a single pass finds: captures cut anywhere, and all samples."""

import os
import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.analysis import Analysis, Analyzer, analyze, read_capture
from analyzer.capture.files.locations import captures
from analyzer.capture.files.reader import CHUNK_OCTETS, first_frame_ns
from analyzer.capture.until import Until
from analyzer.many import prefix
from analyzer.many.gather import gather
from analyzer.many.join import Join
from analyzer.many.shard import read_or_error, read_shard
from analyzer.tcp.eviction import Limits
from tests.capture.writers import pcapng_bytes, statistics
from tests.many.cut import assert_same, files_of, joined, tables
from tests.recordings import SAMPLES, SHORT
from tests.test_properties import A_PORT, Step, frames, steps
from tests.test_same_everywhere import frames_of
from tests.transcript import transcript

HUNT = int(os.environ.get("HUNT", "1"))
"""So many times as many conversations, cut otherwise each time: `make hunt`."""

cuts = st.lists(st.integers(0, 10**6), min_size=1, max_size=8)


@settings(max_examples=40 * HUNT, derandomize=HUNT == 1)
@given(steps(), cuts)
def test_a_conversation_cut_anywhere(conversation: list[Step], where: list[int]) -> None:
    with TemporaryDirectory() as folder:
        assert_same(files_of(Path(folder), frames(conversation), where))


@settings(max_examples=20 * HUNT, derandomize=HUNT == 1)
@given(st.lists(steps(), min_size=2, max_size=4), cuts)
def test_several_conversations_cut_anywhere(conversations: list[list[Step]], where: list[int]) -> None:
    merged = [
        frame
        for number, one in enumerate(conversations)
        for frame in frames(one, a_port=A_PORT + number // 2, turned=bool(number & 1))
    ]
    with TemporaryDirectory() as folder:
        assert_same(files_of(Path(folder), sorted(merged, key=lambda frame: frame[0]), where))


@settings(max_examples=20 * HUNT, derandomize=HUNT == 1)
@given(steps(), cuts, st.integers(0, 3), st.integers(1, 6))
def test_whatever_is_kept(conversation: list[Step], where: list[int], few: int, most: int) -> None:
    """Too little is kept: then the file is read again."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefix, "FEW", few)
        patch.setattr(prefix, "MOST", most)
        assert_same(files_of(Path(folder), frames(conversation), where))


@pytest.mark.parametrize("sample", SHORT[:: 16 if HUNT == 1 else 1], ids=lambda path: path.parent.name)
@pytest.mark.parametrize("later_ns", [50_000, 3_000_000, 150_000_000])
def test_copies_on_both_sides_of_a_cut(sample: Path, later_ns: int, tmp_path: Path) -> None:
    """Every frame is captured twice, the second time a little later."""
    recorded = frames_of(sample)
    twice = [(one.ts_ns + shift, one.octets, one.wire_len) for one in recorded for shift in (0, later_ns)]
    chance = random.Random(sample.parent.name)
    where = [chance.randrange(len(twice)) for _ in range(5)]
    assert_same(files_of(tmp_path, sorted(twice), where, recorded[0].link_type))


def is_chosen(sample: Path) -> bool:
    """The grids are eight times the same 240 connections, on other clocks: half of the time of all others together."""
    return HUNT > 1 or not sample.parent.name.startswith("grid-hz")


@pytest.mark.parametrize("sample", list(filter(is_chosen, SAMPLES)), ids=lambda path: path.parent.name)
def test_samples_cut_anywhere(sample: Path, tmp_path: Path) -> None:
    recorded = frames_of(sample)
    link_types = {one.link_type for one in recorded}
    if len(link_types) > 1:
        pytest.skip("pcap holds one link type")
    chance = random.Random(sample.parent.name)
    where = [chance.randrange(len(recorded)) for _ in range(chance.choice([1, 3, 20 if HUNT > 1 else 8]))]
    whole = [(one.ts_ns, one.octets, one.wire_len) for one in recorded]
    assert_same(files_of(tmp_path, whole, where, link_types.pop()))


@pytest.mark.parametrize("name", ["both-ends", "nat-fifty-300"])
def test_findings_are_the_same_too(name: str, tmp_path: Path) -> None:
    [sample] = (one for one in SAMPLES if one.parent.name == name)
    recorded = [(one.ts_ns, one.octets, one.wire_len) for one in frames_of(sample)]
    names = files_of(tmp_path, recorded, [len(recorded) // 3, len(recorded) // 2])
    assert tuple(joined(names).flows) == tuple(analyze(*names).flows)


@settings(max_examples=20 * HUNT, derandomize=HUNT == 1)
@given(st.lists(steps(), min_size=2, max_size=4), cuts, st.sets(st.integers(0, 8)))
def test_files_that_are_too_large_for_a_shard(
    conversations: list[list[Step]], where: list[int], large: set[int]
) -> None:
    """They are read by a single pass between the joins of the others."""
    merged = [frame for number, one in enumerate(conversations) for frame in frames(one, a_port=A_PORT + number)]
    with TemporaryDirectory() as folder:
        names = files_of(Path(folder), sorted(merged, key=lambda frame: frame[0]), where)
        join = Join()
        for number, name in enumerate(captures(names, first_frame_ns)):
            join.take(name, read_or_error(name, 0 if number in large else None))
        assert tables(join.finish()) == tables(analyze(*names))


PROBES = "\n".join(
    f"{10 * n}.0 A>B A seq 999 ack 5000 len 0\n {10 * n}.1 B>A A seq 5000 ack 1000 len 0" for n in range(30)
)
LONG = PROBES + "\n" + "\n".join(f"{300 + n}.0 A>B S seq {9000 * n} len 0" for n in range(1, 40))
"""A connection, and one that replaces the other for each of 39 SYNs."""


def analyze_within(limits: Limits, names: list[str]) -> Analysis:
    """A single pass."""
    analyzer = Analyzer(limits=limits)
    return analyzer.conclude([read_capture(name, analyzer, CHUNK_OCTETS, None) for name in names])


@pytest.mark.parametrize("limits", [Limits(8, 10_000, keeps_idle=False), Limits(8, 10, keeps_idle=False)])
def test_beyond_the_limits_what_says_least_is_given_up(limits: Limits, tmp_path: Path) -> None:
    names = files_of(tmp_path, transcript(LONG), range(10, 100, 10))
    join = Join(limits=limits)
    for name in names:
        join.take(name, read_or_error(name))
        tracker = join.analyzer.tracker
        assert tracker.table.flows.rows <= limits.flows
        assert tracker.candidates.rows <= limits.candidates
    found, whole = join.finish(), analyze(*names)
    given_up = {one.code.name: one.count for one in found.diagnostics}
    assert given_up.keys() == {one.code.name for one in analyze_within(limits, names).diagnostics}
    assert len(found.flows) == len(whole.flows) - given_up["flows-given-up"]
    assert found.flows[-1].first_frame == whole.flows[-1].first_frame


def test_below_the_limits_nothing_is(tmp_path: Path) -> None:
    names = files_of(tmp_path, transcript(LONG), range(10, 100, 10))
    assert tables(gather(names, lambda names: map(read_or_error, names), limits=Limits(40, 1000))) == tables(
        analyze(*names)
    )


def ending(folder: Path, waits: list[int], text: str) -> list[str]:
    """A transcript in as many files, each of which was captured for so many seconds after its last frame."""
    frames, names = transcript(text), []
    for number, wait_s in enumerate(waits):
        since, until = (len(frames) * place // len(waits) for place in (number, number + 1))
        part, path = frames[since:until], folder / f"{number}.pcapng"
        path.write_bytes(pcapng_bytes(part) + statistics(0, ended=part[-1][0] + wait_s * 10**9))
        names.append(str(path))
    return names


@settings(max_examples=10 * HUNT, derandomize=HUNT == 1)
@given(st.lists(st.integers(0, 40 * 86_400), min_size=1, max_size=6), st.sampled_from([None, "+7", "+900000"]))
def test_the_end_of_capturing_is_that_of_a_single_pass(waits: list[int], until: str | None) -> None:
    """Also between recordings that are a year apart, and where a file says what cannot be."""
    year_s = 365 * 86_400
    text = "\n".join(f"{n % 2 * year_s + n} A>B A seq 999 ack 5000" for n in (0, 20, 40, 61, 81, 101))
    said = Until.parse(until) if until is not None else None
    with TemporaryDirectory() as folder:
        names = ending(Path(folder), waits, text)
        join = Join()
        for name in captures(names, first_frame_ns):
            join.add(read_shard(name))
        found, expected = join.finish(said), analyze(*names, until=said)
    assert tables(found) == tables(expected)
    assert [flow.story.capture_end_ns for flow in found.flows] == [flow.story.capture_end_ns for flow in expected.flows]
