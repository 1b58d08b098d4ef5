"""Every connection as a bar, from one to ten thousand."""

import pytest

from analyzer.report.charts import style
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


def test_very_many_are_one_picture() -> None:
    a = sample("nc-30-10-5")
    few = style.svg(a.plot.overview(), "few")
    many = _many(a, 10_000)
    drawn = style.svg(many.plot.overview(), "many")
    assert "<image" in drawn
    assert "<image" not in few
    assert len(drawn) < 400_000
    assert overlapping(many.plot.overview()) == []


def _many(a, count: int):
    """The same connection so many times over."""
    import pandas as pd

    class Many:
        capture = a.capture
        flows = pd.concat([a.flows] * count, ignore_index=True)

    from analyzer.report.library import Plot

    made = Many()
    made.plot = Plot(made)  # type: ignore[arg-type, attr-defined]
    return made
