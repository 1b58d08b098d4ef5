"""Settings by host and port, as the findings have them."""

from tests.report.charts.drawing import overlapping, sample, words


def test_a_host_and_the_port_that_differs() -> None:
    a = sample("port-overrides")
    ax = a.plot.hosts()
    rows = [f"{row.addr}, port {row.port}  ({row.flows})" for row in a.hosts.dropna(subset="port").itertuples()]
    assert rows
    assert set(rows) < set(words(ax))
    assert "4 probes" in words(ax)
    assert overlapping(ax) == []


def test_very_many_rows_are_cut() -> None:
    ax = sample("grid-hz250").plot.hosts()
    assert "(the first 30 of" in words(ax)[-1]
    assert overlapping(ax) == []


def test_without_a_prober_it_says_so() -> None:
    assert "no host probes" in words(sample("nat-data-too-late").plot.hosts())


def test_one_host_of_several() -> None:
    a = sample("port-overrides")
    assert "no host probes" in words(a.plot.hosts("192.0.2.99"))
