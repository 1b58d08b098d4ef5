"""Every connection as a bar, from one to ten thousand."""

import pytest

from analyzer.report.charts import overview
from analyzer.report.charts.vectors import svg
from tests.report.charts.drawing import overlapping, sample, words


@pytest.mark.parametrize("name", ["nc-30-10-5", "nat-forgets-one-of-two", "port-overrides", "grid-hz250"])
def test_outcomes_are_counted(name: str) -> None:
    a = sample(name)
    ax = a.plot.overview()
    for outcome, count in a.flows["outcome"].value_counts().items():
        assert count == 0 or f"{outcome} ({count})" in words(ax)
    assert overlapping(ax) == []


def test_a_silence_at_the_end_has_a_legend() -> None:
    label = "silent up to the capture's end"
    assert label in words(sample("heartbeat-stopped").plot.overview())
    assert label not in words(sample("nc-30-10-5").plot.overview())


def test_very_many_are_one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    a = sample("nc-30-10-5")
    few = svg(a.plot.overview(), "few")
    bars, end = overview.drawn(a)
    monkeypatch.setattr(overview, "drawn", lambda _: (bars * 10_000, end))
    drawn = svg(a.plot.overview(), "many")
    assert "<image" in drawn
    assert "<image" not in few
    assert len(drawn) < 400_000
    assert overlapping(a.plot.overview()) == []
