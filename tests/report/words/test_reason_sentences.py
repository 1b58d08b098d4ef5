"""Why a verdict is what it is."""

from analyzer.keepalive.verdict.values import Reason
from analyzer.report.words.reason_sentences import REASONS


def test_each_reason_has_a_sentence_of_its_own() -> None:
    assert set(REASONS) == set(Reason)
    assert len(set(REASONS.values())) == len(Reason)
    assert all(one[0].isupper() and one.endswith(".") for one in REASONS.values())
