"""What to do about conclusions; each stands beside its sentence in `test_conclusion_sentences.py`, too."""

from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.keepalive.summary.conclusions import ConclusionCode
from analyzer.report.words.fix_sentences import FIXES, LINES, fix

SAMPLES = Path(__file__).parents[3] / "samples"
FINE = {ConclusionCode.KEEPALIVE_WORKS, ConclusionCode.NOTHING_IDLE}


def test_what_is_wrong_has_a_fix() -> None:
    assert set(FIXES) == set(ConclusionCode) - FINE


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        ("nat-fifty-300", f"Set tcp_keepalive_time to 200 s or less, with SO_KEEPALIVE on, at one end: {LINES}."),
        ("host-outage", "let probing last for more than 28 s"),
        ("nginx-closes-after-8", "send a request every 5 s"),
        ("peer-alive-8-2-4", None),
    ],
)
def test_of_a_recording(sample: str, words: str | None) -> None:
    said = fix(analyze(str(SAMPLES / sample / "capture.pcap")).conclusions[0])
    assert said is None if words is None else words in str(said)
