"""Each fate of a probe between two capture points has a sentence that names the points."""

import pytest

from analyzer.many.two_points import Fate
from analyzer.report.words import two_point_sentences
from tests.keepalive.made import flow
from tests.report.words.test_sentences import is_prose

NAMES = ("client", "server")


def test_table_is_total() -> None:
    assert list(two_point_sentences.FATES) == list(Fate)


@pytest.mark.parametrize("near", [0, 1, None])
@pytest.mark.parametrize("fate", Fate)
def test_fates_are_sentences(fate: Fate, near: int | None) -> None:
    end = flow().ends[0]
    said = two_point_sentences.fate(fate, 2, end, near, NAMES)
    assert is_prose(said)
    assert said.startswith(f"2 probes of {end} ")
    assert two_point_sentences.fate(fate, 1, end, near, NAMES).startswith(f"1 probe of {end} ")


def test_many_probes_have_commas() -> None:
    assert two_point_sentences.fate(Fate.ANSWERED, 12_345, flow().ends[0], 0, NAMES).startswith("12,345 probes of ")


def test_the_nearer_point_is_named_first() -> None:
    end = flow().ends[0]
    assert "passed server and never client:" in two_point_sentences.fate(Fate.PROBE_LOST_BETWEEN, 1, end, 1, NAMES)
    assert "passed one and never the other:" in two_point_sentences.fate(Fate.PROBE_LOST_BETWEEN, 1, end, None, NAMES)
