"""The chart that shows how 75.776 s becomes 75: the marks are the forward model's, and the truth meets the line."""

import pytest

from analyzer.keepalive.model.linux import LINUX, SECOND, spacing_ns
from analyzer.report.charts.candidates import durations, foretold
from analyzer.report.library import Analysis
from tests.keepalive.tags.test_tag import OPENED
from tests.report.charts.drawing import overlapping, sample, words
from tests.transcript import analyse, transcript

HZ_250 = next(clock for clock in LINUX if clock.hz == 250)


def test_75_s_at_250_hz_are_75_776_s() -> None:
    assert foretold(HZ_250, 75, "tcp_keepalive_intvl") == (75.776, 75.776)
    assert foretold(HZ_250, 74, "tcp_keepalive_intvl") == (75.776, 75.776)
    assert foretold(HZ_250, 73, "tcp_keepalive_intvl") != (75.776, 75.776)


def test_the_truth_meets_what_was_seen() -> None:
    seen = durations(sample("defaults-dead-hz250").findings.flows[0].ends[0], "tcp_keepalive_intvl")
    assert seen == pytest.approx(spacing_ns(HZ_250, 75) / SECOND, abs=0.02)


@pytest.mark.parametrize("setting", ["tcp_keepalive_time", "tcp_keepalive_intvl"])
@pytest.mark.parametrize("name", ["nc-30-10-5", "defaults-dead-hz250"])
def test_the_value_has_its_row(name: str, setting: str) -> None:
    a = sample(name)
    ax = a.plot.candidates(0, setting)
    assert f"{a.ends.loc[0, setting]} s ◂" in words(ax)
    assert overlapping(ax) == []


def test_what_is_possible_has_a_legend() -> None:
    assert "possible, by all that was seen" in words(sample("nc-30-10-5").plot.candidates(0))


def test_without_a_measure_it_says_so() -> None:
    assert any("measures" in word for word in words(sample("peer-alive-8-2-4").plot.candidates(0)))
    assert any("no end" in word for word in words(sample("nat-data-too-late").plot.candidates(0)))


def test_what_is_no_later_than_any_candidate_has_a_picture_too() -> None:
    """Of an exact timer of 1 s: nothing is drawn to the left of what was seen, nor was anything seen later."""
    probes = "".join(
        f"    {at}.01  A>B  A  seq 1099  ack 5000  len 1\n    {at}.01  B>A  A  seq 5000  ack 1100\n" for at in (2, 3, 4)
    )
    axes = Analysis(analyse(transcript(OPENED + probes))).plot.candidates(0, "tcp_keepalive_time")
    assert "1 s ◂" in words(axes)
    left, right = axes.get_xlim()
    assert left < 1 < right
