"""Stories are the same however many flows are told at a time."""

from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.keepalive import stories
from analyzer.keepalive.inference.constraints import TELLS_NOTHING
from analyzer.keepalive.inference.losses import forget_doubtful, mend
from analyzer.keepalive.inference.usual import find_usual
from analyzer.keepalive.retold import Story
from tests.keepalive.columns import lived_by
from tests.recordings import SAMPLES
from tests.transcript import told as told_of

CROWDED = [capture for capture in SAMPLES if "[[flow]]" in capture.with_name("truth.toml").read_text()]


def told(capture: Path, monkeypatch: pytest.MonkeyPatch, batch: int) -> tuple[bytearray, list[Story]]:
    """So many at a time: what is noted of all, and all, the last first."""
    monkeypatch.setattr(stories, "BATCH", batch)
    drawer = analyze(str(capture))._drawer
    found: list[Story] = []
    numbers = drawer.flows.numbers[::-1]
    for first in range(0, len(numbers), batch):
        some = numbers[first : first + batch]
        batch_told = drawer._stories.tell(some)
        found += [Story(drawer._rows, batch_told, it) for it in range(len(some))]
    return drawer._stories.notes.briefs, found


@pytest.mark.parametrize("capture", CROWDED[:6], ids=lambda capture: capture.parent.name)
def test_a_story_does_not_depend_on_what_is_told_with_it(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = told(capture, monkeypatch, stories.BATCH)
    assert len(whole[1]) > 1
    assert told(capture, monkeypatch, 1) == whole
    assert told(capture, monkeypatch, 7) == whole


@pytest.mark.parametrize("capture", CROWDED[:3], ids=lambda capture: capture.parent.name)
def test_one_batch_is_noted_while_the_next_is_told(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = analyze(str(capture))._drawer.briefs
    monkeypatch.setattr(stories, "BATCH", 3)
    monkeypatch.setattr(stories, "cores", lambda: 2)
    analysis = analyze(str(capture))
    analysis.engine.compiled = True
    assert len(expected) > 3
    assert analysis._drawer.briefs == expected


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
    lived, rows = lived_by(told_of(numbered(*identifications)).flow.ends[0].story.gaps)
    forget_doubtful(lived.gaps, rows)
    return [one for one in lived.gaps.missing[:rows] if one != -1]


def test_an_end_that_numbers_its_segments_shows_which_are_missing() -> None:
    assert missing((100, 101, 102, 103, 105, 106)) == [0, 0, 1, 0]


def test_identifications_that_are_shared_by_many_connections_say_nothing() -> None:
    assert missing((100, 103, 105, 108, 111, 117, 120)) == []


def test_a_few_identifications_that_step_over_some_are_a_doubt() -> None:
    """Of gaps as long as ever none, whoever else is numbered."""
    shared = (100, 103, 105, 106, 111)
    assert missing(shared) == [1, 0, 4]
    lived, rows = lived_by(told_of(numbered(*shared)).flow.ends[0].story.gaps)
    find_usual(lived, rows)
    mend(lived, rows, is_far=True)
    assert rows == 3
    assert not any(lived.seen.most[:rows])
    assert TELLS_NOTHING not in lived.seen.slack_ns[:rows].tolist()


def test_an_answer_whose_probe_was_not_captured_shows_that_something_is_missing() -> None:
    """No end repeats its last ACK after 10 s of silence, unless it is asked."""
    whole = numbered(*range(100, 105))
    first_probe = next(line for line in whole.splitlines() if "keepalive-probe" in line)
    torn = whole.replace(first_probe, "").replace("| keepalive-answer of 10.000", "")
    assert [{gap.is_torn for gap in told_of(one).flow.ends[0].story.gaps} for one in (whole, torn)] == [{False}, {True}]


def test_nothing_is_said_of_settings_where_a_third_is_missing() -> None:
    whole, holed = told_of(numbered(*range(100, 105))).flow, told_of(numbered(100, 103, 106, 109, 112)).flow
    assert not whole.story.is_riddled
    assert whole.ends[0].settings.tcp_keepalive_time is not None
    assert holed.story.is_riddled
    assert holed.ends[0].settings.tcp_keepalive_time is None
