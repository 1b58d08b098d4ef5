"""Stories are the same however many flows are told at a time."""

from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.engine.native import installed
from analyzer.keepalive.settings.constraints import TELLS_NOTHING
from analyzer.keepalive.settings.losses import correct_for_loss, forget_ambiguous
from analyzer.keepalive.settings.typical import find_typical
from analyzer.keepalive.story import batches
from analyzer.keepalive.story_reader import Story
from tests.keepalive.columns import timed_of
from tests.recordings import SAMPLES
from tests.transcript import told as told_of

CROWDED = [capture for capture in SAMPLES if "[[flow]]" in capture.with_name("truth.toml").read_text()]


def told(capture: Path, monkeypatch: pytest.MonkeyPatch, batch: int) -> tuple[bytearray, list[Story]]:
    """So many at a time: what is noted of all, and all, the last first."""
    monkeypatch.setattr(batches, "BATCH", batch)
    assembler = analyze(str(capture))._assembler
    found: list[Story] = []
    numbers = assembler.flows.numbers[::-1]
    for first in range(0, len(numbers), batch):
        some = numbers[first : first + batch]
        batch_told = assembler._survey.stories.tell(some)
        found += [Story(assembler._rows, batch_told, it) for it in range(len(some))]
    return assembler._survey.notes.flow_flags, found


@pytest.mark.parametrize("capture", CROWDED[:6], ids=lambda capture: capture.parent.name)
def test_a_story_does_not_depend_on_what_is_told_with_it(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = told(capture, monkeypatch, batches.BATCH)
    assert len(whole[1]) > 1
    assert told(capture, monkeypatch, 1) == whole
    assert told(capture, monkeypatch, 7) == whole


@pytest.mark.parametrize("capture", CROWDED[:3], ids=lambda capture: capture.parent.name)
def test_one_batch_is_noted_while_the_next_is_told(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = analyze(str(capture))._assembler.flow_flags
    monkeypatch.setattr(batches, "BATCH", 3)
    monkeypatch.setattr(batches, "cores", lambda: 2)
    analysis = analyze(str(capture))
    analysis.engine.library = installed()
    assert len(expected) > 3
    assert analysis._assembler.flow_flags == expected


def numbered(*identifications: int) -> str:
    """A handshake, and a probe of A every 10 s that B answers; A's segments have these IP identifications."""
    probes = "".join(
        f"""
    {10 * place}.000  A>B  A  seq 999  ack 5000  ipid {identification}  | keepalive-probe
    {10 * place}.010  B>A  A  seq 5000 ack 1000                         | keepalive-answer of {10 * place}.000"""
        for place, identification in enumerate(identifications[2:], start=1)
    )
    return f"""
    0.000  A>B  S   seq 999            ipid {identifications[0]}
    0.001  B>A  SA  seq 4999 ack 1000
    0.002  A>B  A   seq 1000 ack 5000  ipid {identifications[1]}{probes}
    """


def missing(identifications: tuple[int, ...]) -> list[int]:
    lived, rows = timed_of(told_of(numbered(*identifications)).flow.ends[0].story.gaps)
    forget_ambiguous(lived.gaps, rows)
    return [one for one in lived.gaps.missing[:rows] if one != -1]


def test_an_end_that_numbers_its_segments_shows_which_are_missing() -> None:
    assert missing((100, 101, 102, 103, 105, 106)) == [0, 0, 1, 0]


def test_identifications_that_are_shared_by_many_connections_say_nothing() -> None:
    assert missing((100, 103, 105, 108, 111, 117, 120)) == []


def test_a_few_identifications_that_step_over_some_are_a_doubt() -> None:
    """Of gaps as long as ever none, whoever else is numbered."""
    shared = (100, 103, 105, 106, 111)
    assert missing(shared) == [1, 0, 4]
    lived, rows = timed_of(told_of(numbered(*shared)).flow.ends[0].story.gaps)
    find_typical(lived, rows)
    correct_for_loss(lived, rows, is_far=True)
    assert rows == 3
    assert not any(lived.corrected.most[:rows])
    assert TELLS_NOTHING not in lived.corrected.slack_ns[:rows].tolist()


def test_an_answer_whose_probe_was_not_captured_shows_that_something_is_missing() -> None:
    """No end repeats its last ACK after 10 s of silence, unless it is asked."""
    whole = numbered(*range(100, 105))
    first_probe = next(line for line in whole.splitlines() if "keepalive-probe" in line)
    has_uncaptured = whole.replace(first_probe, "").replace("| keepalive-answer of 10.000", "")
    assert [
        {gap.has_uncaptured for gap in told_of(one).flow.ends[0].story.gaps} for one in (whole, has_uncaptured)
    ] == [{False}, {True}]


def test_nothing_is_said_of_settings_where_a_third_is_missing() -> None:
    """Of ten probes eight were not captured, but their answers were."""
    whole = numbered(*range(100, 112))
    lost = [f"{seconds}.000" for seconds in range(20, 100, 10)]
    kept = [line for line in whole.splitlines() if not any(line.split()[:2] == [time, "A>B"] for time in lost)]
    holed = "\n".join(line.partition("|")[0] if any(f"of {time}" in line for time in lost) else line for line in kept)
    for text, is_too_incomplete in ((whole, False), (holed, True)):
        flow = told_of(text).flow
        assert flow.story.is_too_incomplete is is_too_incomplete
        assert (flow.ends[0].settings.tcp_keepalive_time is None) is is_too_incomplete


def test_identifications_that_number_the_whole_host_withhold_no_setting() -> None:
    """Windows, old BSD and embedded stacks number all of a host's segments by one counter."""
    for identifications in ((100, 103, 106, 109, 112), (100, 101, 104, 105, 111), (100, 101, 102, 110, 111)):
        flow = told_of(numbered(*identifications)).flow
        assert not flow.story.is_too_incomplete
        time = flow.ends[0].settings.tcp_keepalive_time
        assert time is not None
        assert time.low <= 10 <= (time.high or 10)


def test_segments_in_another_order_are_no_holes() -> None:
    """Both ends were captured apart and merged: each ACK comes before what it acknowledges."""
    exchanges = "".join(
        f"""
    {1 + n / 10:.3f}  B>A  A   seq 5000 ack {1010 + 10 * n}
    {1 + n / 10 + 0.001:.3f}  A>B  PA  seq {1000 + 10 * n} ack 5000 len 10  | retransmission"""
        for n in range(5)
    )
    flow = told_of(
        f"""
    0.000   A>B  S   seq 999
    0.001   B>A  SA  seq 4999 ack 1000
    0.002   A>B  A   seq 1000 ack 5000{exchanges}
    11.401  A>B  A   seq 1049 ack 5000  | keepalive-probe
    11.402  B>A  A   seq 5000 ack 1050  | keepalive-answer of 11.401
    21.402  A>B  A   seq 1049 ack 5000  | keepalive-probe
    21.403  B>A  A   seq 5000 ack 1050  | keepalive-answer of 21.402
    """
    ).flow
    assert not flow.story.is_too_incomplete
    assert flow.ends[0].settings.tcp_keepalive_time is not None
