"""A story that was told, read part by part: what is read later is what would have been read at once."""

import pickle

import pytest

from analyzer.analysis import analyze
from analyzer.keepalive.story_reader import Story
from tests.recordings import FOLDER
from tests.transcript import told


def stories(name: str = "nc-30-10-5") -> list[Story]:
    return [flow.story for flow in analyze(str(FOLDER / name / "capture.pcap")).flows]


def test_a_part_is_read_once() -> None:
    [story] = stories()
    assert "silences" not in vars(story)
    assert story.silences is story.silences
    assert "run" not in vars(story)


def test_others_are_told_meanwhile() -> None:
    """A story keeps what it is read from."""
    assembler = analyze(str(FOLDER / "nat-fifty-300" / "capture.pcap"))._assembler
    first, later = (Story(assembler._rows, assembler._survey.stories.tell([flow]), 0) for flow in (0, 1))
    again = Story(assembler._rows, assembler._survey.stories.tell([0]), 0)
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
    alone = analysis.alone([0]).assemble(0)
    alone.story.settle()
    assert alone == analysis.flows[0]
    assert all(end.story is one for end, one in zip(alone.ends, alone.story.ends, strict=True))
    assert not any(name.startswith("_") for one in (alone.story, *alone.story.ends) for name in vars(one))


@pytest.mark.parametrize(
    ("syn", "syn_ack", "data", "probe", "is_bare"),
    [
        (True, True, True, True, False),  # Linux
        (True, True, True, False, True),  # XNU, FreeBSD 9
        (True, True, None, False, True),  # nothing else was sent
        (True, False, False, False, False),  # offered and declined: nothing carries them
        (False, False, False, False, False),
        (None, None, True, False, True),  # in mid-stream
        (None, None, False, False, False),
        (None, None, None, False, False),
    ],
)
def test_probes_are_bare_only_where_timestamps_were_agreed_on(
    syn: bool | None, syn_ack: bool | None, data: bool | None, probe: bool, is_bare: bool
) -> None:
    def stamp(has_it: bool | None, value: int) -> str:
        return f"tsval {value} tsecr 1" if has_it else ""

    lines = [
        f"0.000  A>B  S  seq 999 {stamp(syn, 1000)}" if syn is not None else "",
        f"0.010  B>A  SA  seq 4999 ack 1000 {stamp(syn_ack, 1000)}" if syn_ack is not None else "",
        f"0.020  A>B  PA  seq 1000 ack 5000 len 10 {stamp(data, 1020)}" if data is not None else "",
        "0.030  B>A  A  seq 5000 ack 1010" if data is not None else "",
        "1.500  A>B  PA  seq 1010 ack 5000 len 10 " + stamp(data, 2500) if data is not None else "",
        "1.510  B>A  A  seq 5000 ack 1020" if data is not None else "",
    ]
    seq = 1019 if data is not None else 999
    lines += [
        f"{10 * n}.6  A>B  A  seq {seq} ack 5000 {stamp(probe, 10_000 * n)} | keepalive-probe\n"
        f"{10 * n}.61  B>A  A  seq 5000 ack {seq + 1} | keepalive-answer of {10 * n}.6"
        for n in (1, 2)
    ]
    flow = told("\n".join(lines)).flow
    assert flow.ends[0].story.has_bare_probes is is_bare
