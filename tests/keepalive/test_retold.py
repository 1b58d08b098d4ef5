"""A story that was told, read part by part: what is read later is what would have been read at once."""

import pickle

import pytest

from analyzer.analysis import analyze
from analyzer.keepalive.retold import Story
from tests.recordings import FOLDER


def stories(name: str = "nc-30-10-5") -> list[Story]:
    return [flow.story for flow in analyze(str(FOLDER / name / "capture.pcap")).flows]


def test_a_part_is_read_once() -> None:
    [story] = stories()
    assert "silences" not in vars(story)
    assert story.silences is story.silences
    assert "run" not in vars(story)


def test_others_are_told_meanwhile() -> None:
    """A story keeps what it is read from."""
    drawer = analyze(str(FOLDER / "nat-fifty-300" / "capture.pcap"))._drawer
    first, later = (Story(drawer._rows, drawer._stories.tell([flow]), 0) for flow in (0, 1))
    again = Story(drawer._rows, drawer._stories.tell([0]), 0)
    assert first == again
    assert first != later
    assert hash(first) == hash(again)


@pytest.mark.parametrize("end", [0, 1])
def test_what_is_counted_in_columns_is_what_the_values_say(end: int) -> None:
    for story in stories("nat-fifty-300"):
        one = story.ends[end]
        assert one.sent == len(one.probes)
        assert one.payload_len == max((probe.payload_len for probe in one.probes), default=0)
        assert one.probe_octets == sum(probe.payload_len for probe in one.probes)


def test_all_of_it_travels() -> None:
    [story] = stories()
    moved = pickle.loads(pickle.dumps(story))
    assert moved == story
    assert moved.ends[0].probes == story.ends[0].probes
    assert not any(name.startswith("_") for name in vars(moved))


def test_one_that_is_settled_holds_nothing_else() -> None:
    [story], [expected] = stories(), stories()
    story.settle()
    assert story == expected
    for one in (story, *story.ends):
        assert not any(name.startswith("_") for name in vars(one))


def test_a_flow_that_is_drawn_alone_is_settled() -> None:
    analysis = analyze(str(FOLDER / "nc-30-10-5" / "capture.pcap"))
    alone = analysis.flow_alone(0)
    assert alone == analysis.flows[0]
    assert all(end.story is one for end, one in zip(alone.ends, alone.story.ends, strict=True))
    assert not any(name.startswith("_") for one in (alone.story, *alone.story.ends) for name in vars(one))
