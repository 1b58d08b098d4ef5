"""Which connections are to_describe first, and which in full."""

from pathlib import Path

from analyzer.analysis import analyze
from analyzer.keepalive.findings import Flows
from analyzer.keepalive.verdict.values import Outcome
from analyzer.report.ranking import URGENCY, kept, marks, to_describe
from tests.transcript import analyse, transcript

DULL = "0 A>B PA seq 1 ack 7 len 9\n1 B>A A seq 7 ack 10"
SAMPLES = Path(__file__).parents[2] / "samples"


def dull(times: int) -> Flows:
    """The same connection, in which nothing happens, so many times."""
    return Flows([0] * times, analyse(transcript(DULL)).flows.by)


def test_every_outcome_has_its_place() -> None:
    assert sorted(URGENCY, key=str) == sorted(Outcome, key=str)


def test_the_dead_come_before_the_living() -> None:
    flows = analyze(str(SAMPLES / "nat-forgets-one-of-two/capture.pcap")).flows
    in_full, rest = to_describe(Flows([1, 0], flows.by), 5)
    assert [flow.verdict.outcome for flow in in_full] == [Outcome.TIMED_OUT, Outcome.ALIVE]
    assert len(rest) == 0


def test_what_there_is_no_room_for_is_kept() -> None:
    flows = analyze(str(SAMPLES / "nat-forgets-one-of-two/capture.pcap")).flows
    in_full, rest = to_describe(flows, 1)
    assert [flow.id for flow in in_full] == [0]
    assert [flow.id for flow in rest] == [1]


def test_of_a_dull_capture_some_are_told_all_the_same() -> None:
    in_full, rest = to_describe(dull(5), 10)
    assert (len(in_full), len(rest)) == (3, 0)


def test_only_those_of_an_outcome_are_told_dull_or_not() -> None:
    flows = analyze(str(SAMPLES / "nat-forgets-one-of-two/capture.pcap")).flows
    in_full, rest = to_describe(flows, 1, frozenset([Outcome.ALIVE]))
    assert ([flow.id for flow in in_full], len(rest)) == ([1], 0)
    flows = dull(5)
    in_full, rest = to_describe(flows, 4, frozenset([flows[0].verdict.outcome]))
    assert (len(in_full), len(rest)) == (4, 1)


def test_marks_are_of_the_connections_that_are_kept() -> None:
    flows = analyze(str(SAMPLES / "nat-forgets-one-of-two/capture.pcap")).flows
    assert marks(flows, None) == b"\1\1"
    for only in ([Outcome.TIMED_OUT], [Outcome.ALIVE], [Outcome.UNKNOWN], [Outcome.TIMED_OUT, Outcome.ALIVE]):
        assert [place for place, mark in enumerate(marks(flows, frozenset(only))) if mark] == list(
            kept(flows, frozenset(only)).numbers
        )


def test_those_that_a_conclusion_names_come_first() -> None:
    flows = analyze(str(SAMPLES / "nat-forgets-one-of-two/capture.pcap")).flows
    in_full, rest = to_describe(flows, 1, named=(1, 1, 99))
    assert [flow.id for flow in (*in_full, *rest)] == [1, 0]


def test_one_that_a_conclusion_names_is_described_though_nothing_happened_to_it() -> None:
    """Three of these are open and silent, two have a heartbeat."""
    flows = analyze(str(SAMPLES / "abandoned-at-the-server/capture.pcap")).flows
    in_full, rest = to_describe(flows, 5)
    assert [flow.id for flow in (*in_full, *rest)] == [3, 4]
    in_full, rest = to_describe(flows, 2, named=(1,))
    assert ([flow.id for flow in in_full], [flow.id for flow in rest]) == ([1, 3], [4])


def test_of_a_dull_capture_a_few() -> None:
    flows = analyze(str(SAMPLES / "nginx-closes-at-once/capture.pcap")).flows
    in_full, rest = to_describe(flows, 5, named=(6,))
    assert (in_full[0].id, len(in_full), len(rest)) == (6, 3, 0)
