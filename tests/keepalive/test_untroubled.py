"""What is summed up from columns alone is what is found when a connection is looked at in full."""

from pathlib import Path

import pytest

from analyzer.analysis import Analysis, analyze
from tests.benchmarks.captures import CAPTURES
from tests.keepalive.context.test_rebinding import OLD, found, rebound
from tests.keepalive.made import in_brief
from tests.keepalive.tags.test_tag import OPENED
from tests.keepalive.verdict.test_endings import ASKED, BEATS, CROSSED
from tests.recordings import SAMPLES
from tests.transcript import told

ANSWERED = """
    31.01  A>B  A  seq 1099  ack 5000  | keepalive-probe
    31.02  B>A  A  seq 5000  ack 1100  | keepalive-answer
"""


LOST = "    62.01  A>B  A  seq 1099  ack 5000  | keepalive-probe\n"
LOST_AGAIN = """
    72.01  A>B  A  seq 1099  ack 5000  | keepalive-probe
    72.02  B>A  A  seq 5000  ack 1100  | keepalive-answer
    """
CLOSED_AFTER_15 = f"""{ASKED}
    16.30   B>A  FA  seq 5500  ack 1100
    16.31   A>B  FA  seq 1100  ack 5501
    16.32   B>A  A   seq 5501  ack 1101
"""
REFUSED = "    62.02  B>A  R  seq 5000"


def in_full(analysis: Analysis) -> set[int]:
    """The connections that are looked at in full."""
    briefs, troubled = analysis._assembler.in_brief
    assert list(briefs) == list(analysis._assembler.sampled.numbers)
    return {flow.id for flow in troubled}


def assert_the_same(analysis: Analysis) -> None:
    assert analysis._assembler.all_in_brief() == in_brief(analysis.flows)


@pytest.mark.parametrize("capture", SAMPLES, ids=lambda capture: capture.parent.name)
def test_recordings_are_summed_up_as_they_are_found_in_full(capture: Path) -> None:
    assert_the_same(analyze(str(capture)))


@pytest.mark.parametrize("kind", ["data", "idle"])
def test_of_thousands_hardly_one_is_looked_at_in_full(kind: str, tmp_path: Path) -> None:
    capture = tmp_path / "capture.pcap"
    CAPTURES[kind].make(capture, 0.001 if kind == "idle" else 0.02)
    analysis = analyze(str(capture))
    assert_the_same(analysis)
    assert len(in_full(analysis)) <= len(analysis.notable) // 5


@pytest.mark.parametrize(
    ("text", "is_untroubled"),
    [
        (OPENED + ANSWERED, True),
        (OPENED + ANSWERED + LOST, True),
        (OPENED + ANSWERED + LOST + LOST_AGAIN, False),
        (CLOSED_AFTER_15, True),
        (CROSSED, False),
        (ASKED + BEATS, False),
        (OPENED + ANSWERED + LOST + REFUSED, False),
    ],
    ids=["answered", "one lost", "two lost", "closed", "a request lost", "heartbeats", "reset"],
)
def test_whatever_may_be_more_is_looked_at_in_full(text: str, is_untroubled: bool) -> None:
    analysis = told(text).analysis
    assert_the_same(analysis)
    assert in_full(analysis) == (set() if is_untroubled else {0})


def test_what_goes_on_from_another_port_is_looked_at_in_full() -> None:
    analysis = found(OLD + rebound())
    assert_the_same(analysis)
    assert in_full(analysis) == {0, 1}
