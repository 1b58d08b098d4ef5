"""Probes an hour: counted by hand for one recording."""

import pytest

from tests.report.charts.drawing import overlapping, sample, words


def test_the_bar_is_probes_by_hours() -> None:
    a = sample("peer-alive-8-2-4")
    flow = a.flows.loc[0]
    hours = (flow["stop"] - flow["start"]).total_seconds() / 3600
    ax = a.plot.cost()
    assert ax.patches[0].get_width() == pytest.approx(6 / hours)
    assert f"{flow['addr_0']}  (1)" in words(ax)
    assert overlapping(ax) == []


def test_without_a_prober_it_says_so() -> None:
    assert "no host probes" in words(sample("nat-data-too-late").plot.cost())
