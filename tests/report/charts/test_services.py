"""Idle times on the clock of a limit: those that it closed at it, all others below, no name over another."""

from typing import Any

import pytest

import analyzer
from analyzer.report.charts.services import CLOSED, LOST, OPEN, found, services
from analyzer.report.charts.vectors import svg
from tests.keepalive.context.test_idle_trials import CLOSED as CLOSE
from tests.keepalive.verdict.test_endings import ASKED
from tests.report.charts.drawing import overlapping, sample, words
from tests.transcript import analyse, transcript


@pytest.mark.parametrize(
    ("name", "limit_s"),
    [("haproxy-closes-after-5-7-9", 5), ("redis-closes-after-10", 10), ("gunicorn-closes-after-2", 2)],
)
def test_what_the_limit_closed_was_idle_for_as_long(name: str, limit_s: float) -> None:
    a = sample(name)
    _, limit, rows = found(a, None, None)
    assert limit is not None
    closed = [row for row in rows if row.fate in (CLOSED, LOST)]
    assert len(closed) == len(limit.flows)
    assert all(limit_s - 0.02 <= row.idle_s <= limit_s + 1.1 for row in closed)
    assert all(row.survived_s < limit_s for row in rows)
    ax = a.plot.services()
    assert f"{len(closed)} closed by the limit" in words(ax)[-1]
    assert "without data" in ax.get_xlabel()
    assert overlapping(ax) == []


def test_lost_requests_are_told_apart() -> None:
    _, _, rows = found(sample("gunicorn-closes-after-2"), None, None)
    assert any(row.fate is LOST for row in rows)


def test_the_limit_of_one_of_several_services() -> None:
    a = sample("haproxy-closes-after-5-7-9")
    names = [one.service for one in a.findings.services]
    assert all(name in words(a.plot.services(name))[-1] for name in names)


def test_without_a_limit_it_says_so() -> None:
    assert any("no application closed" in word for word in words(sample("peer-alive-8-2-4").plot.services()))
    assert any(
        "no application closed" in word for word in words(sample("redis-closes-after-10").plot.services("192.0.2.9:1"))
    )


def test_what_goes_on_is_shown_at_its_longest_idle_time() -> None:
    other = ASKED.replace("A>B", "A:42001>B").replace("B>A", "B>A:42001")
    lines = [line for line in (ASKED + CLOSE + other).splitlines() if line.strip()]
    lines = [*sorted(lines, key=lambda line: float(line.split()[0])), "60.0  end"]
    a = analyzer.Analysis(analyse(transcript("\n".join(lines))))
    limit = sample("redis-closes-after-10").findings.services[0].idle_limits[0]._replace(flows=(0,), clock="data")
    _, _, rows = found(a, "B:80", limit)
    assert [(row.flow, row.fate, row.idle_s) for row in rows] == [(0, CLOSED, 5.0), (1, OPEN, 58.7)]
    assert len(a.plot.services("B:80", limit).get_yticks()) == 2


def test_very_many_have_no_names() -> None:
    a = sample("redis-closes-after-10")
    name, limit, rows = found(a, None, None)
    assert limit is not None

    class Many:
        """The same connections many times."""

        def ask(self, *_: object) -> object:
            return name, limit, rows * 100

    ax = services(Many())  # type: ignore[arg-type]  # it asks for nothing else
    assert ax.get_ylabel() == "connections, by idle time"
    assert not len(ax.get_yticks())


def test_who_does_not_see_it_hears_the_limit() -> None:
    ax = sample("pool-closes-after-6").plot.services()
    assert "The originator closes a connection after 6 s without data: 4 ended so" in svg(ax, "one")


@pytest.mark.parametrize("name", ["gunicorn-closes-after-2", "path-forgets-10-resets-as-peer", "node-closes-after-5"])
def test_the_legend_is_within_the_chart(name: str) -> None:
    figure: Any = sample(name).plot.services().figure
    figure.draw_without_rendering()
    [legend] = figure.legends
    assert legend.get_window_extent().x1 <= figure.bbox.x1
