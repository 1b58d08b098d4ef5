"""What a newcomer is told: something about every cause, and nothing that the capture does not say."""

from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.keepalive.verdict.values import Cause
from analyzer.report.words import plain_words

SAMPLES = Path(__file__).parents[3] / "samples"


def test_what_is_behind_every_cause_but_the_application() -> None:
    assert set(plain_words.MEANINGS) == set(Cause) - {Cause.APPLICATION}
    assert all(words.endswith((".", ".)")) for words in plain_words.MEANINGS.values())


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        ("nat-forgets-one-of-two", "a NAT, a firewall or a load balancer"),
        ("nat-forgets-14-3-4", "survive a silence of 14.01 s: a NAT or a firewall"),
        ("nat-data-too-late", "One end is lost and the other has not found out"),
        ("peer-alive-8-2-4", ""),
    ],
)
def test_meaning(sample: str, words: str) -> None:
    said = plain_words.meaning(analyze(str(SAMPLES / sample / "capture.pcap")).flows[0])
    assert words in said
    assert bool(words) == bool(said)


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        ("nat-forgets-one-of-two", "1 of 2 connections died."),
        ("nc-30-10-5", "The one connection died."),
        ("still-probing-8-3-9", "The one connection is being probed."),
        ("peer-alive-8-2-4", "The one connection is alive."),
    ],
)
def test_all_connections_in_a_sentence(sample: str, words: str) -> None:
    assert plain_words.overall(analyze(str(SAMPLES / sample / "capture.pcap")).flows) == words
