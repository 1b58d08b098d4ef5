"""The words about groups of connections."""

from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.keepalive.findings import Role
from analyzer.keepalive.summary.groups import Group, Range
from analyzer.keepalive.verdict.values import Cause, How, Outcome
from analyzer.report.words import group_sentences
from tests.keepalive.made import ns

SAMPLES = Path(__file__).parents[3] / "samples"
GROUP = Group(
    outcome=Outcome.TIMED_OUT,
    cause=Cause.PATH_DROPPED,
    how=None,
    closed_by=None,
    services=("192.0.2.1:443",),
    has_keepalive=True,
    settings=(Range(295, 600), Range(11, 11), None),
    idle_ns=(ns(303.8), ns(606.2)),
    flows=(0, 2, 3, 9),
)
CLOSED = GROUP._replace(outcome=Outcome.CLOSED, cause=Cause.APPLICATION, how=How.FIN, has_keepalive=False)


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (GROUP, "timed out: forgotten by the path or the peer"),
        (GROUP._replace(outcome=Outcome.ALIVE, cause=None), "alive"),
        (CLOSED, "closed"),
        (CLOSED._replace(closed_by=Role.RESPONDER), "closed by the responder"),
        (CLOSED._replace(closed_by=Role.ORIGINATOR, how=How.RST), "closed by the originator with RST"),
        (CLOSED._replace(closed_by=Role.UNKNOWN), "closed"),
        (GROUP._replace(outcome=Outcome.UNREACHABLE, cause=Cause.PATH_UNREACHABLE), "unreachable"),
    ],
)
def test_fate(group: Group, words: str) -> None:
    assert group_sentences.fate(group) == words


def test_settings_are_numbers_and_ranges() -> None:
    assert group_sentences.settings(GROUP) == "295–600/11/?"
    assert group_sentences.settings(CLOSED) == ""


def test_one_service_is_named_several_are_counted() -> None:
    assert group_sentences.service(GROUP) == "192.0.2.1:443"
    assert group_sentences.service(GROUP._replace(services=("a", "b"))) == "2 services"


@pytest.mark.parametrize(
    ("least_s", "most_s", "starts", "ends"),
    [(303.8, 606.2, "303.8", "606.2"), (5, 5, "5", "5"), (0.5, 12, "500", "12"), (0.0004, 0.5, "0.4", "500")],
)
def test_idle_times_have_units_that_fit(least_s: float, most_s: float, starts: str, ends: str) -> None:
    words = group_sentences.idle(GROUP._replace(idle_ns=(ns(least_s), ns(most_s))))
    assert words.startswith(starts)
    assert ends in words
    assert words.endswith("s")


def test_a_few_connections_are_named() -> None:
    assert group_sentences.examples(GROUP) == "#0 #2 #3 …"
    assert group_sentences.examples(GROUP._replace(flows=(7,))) == "#7"


def test_counts_tell_resets_apart_and_add_up() -> None:
    flows = analyze(str(SAMPLES / "killed-with-unread-data/capture.pcap")).flows
    counts = {words: number for _, words, number in group_sentences.counted(flows)}
    assert counts.get("closed by RST", 0) == flows.resets() > 0
    assert sum(counts.values()) == len(flows)
