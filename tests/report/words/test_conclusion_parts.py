"""Numbers as conclusions write them."""

import pytest

from analyzer.report.words.conclusion_parts import about, at_least, num, rounded_up, sec, span


def test_counts() -> None:
    assert (num(1), num(1234), num(2, "probe")) == ("1 connection", "1,234 connections", "2 probes")


@pytest.mark.parametrize(
    ("seconds", "exact", "rough"),
    [
        (0.0123, "0.012 s", "0.012 s"),
        (9.96, "10 s", "10 s"),
        (303.84, "303.8 s", "304 s"),
        (1242, "1242 s", "21 min"),
        (7300, "7300 s", "2 h"),
    ],
)
def test_times(seconds: float, exact: str, rough: str) -> None:
    assert (sec(seconds), about(seconds)) == (exact, rough)


@pytest.mark.parametrize(
    ("seconds", "below", "above"),
    [(0.75, "0.7", "1"), (27.69, "27", "28"), (125.2, "120", "130"), (2400, "2400", "2400")],
)
def test_proposals_stay_on_their_side(seconds: float, below: str, above: str) -> None:
    assert (at_least(seconds), rounded_up(seconds)) == (below, above)
    assert float(below) <= seconds <= float(above)


def test_a_range_or_one_number() -> None:
    assert span({"low": 11.17, "high": 11.21}, "low", "high") == "11.2 s"
    assert span({"low": 82.04, "high": 7996.6}, "low", "high") == "82 to 7997 s"
