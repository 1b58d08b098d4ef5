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


def test_many_settings_of_one_service_are_one_row() -> None:
    ax = sample("nat-fifty-300").plot.hosts()
    [row] = [word for word in words(ax) if word.startswith("192.0.2.1")]
    assert row.startswith("192.0.2.1, port 9000  (50, ")
    assert overlapping(ax) == []


def test_a_few_settings_of_one_service_are_rows() -> None:
    """Three sockets of one host to one port, set to 5/2/3, 6/3/12 and 8/4/12 (truth.toml)."""
    ax = sample("host-outage").plot.hosts()
    assert words(ax).count("192.0.2.1, port 9000  (1)") == 3
    assert {"3 probes", "? probes"} <= set(words(ax))


def test_bounds_of_a_row_hold_all_settings() -> None:
    """Those of the fifty were set to 60 to 600 s (truth.toml)."""
    bars = sample("nat-fifty-300").plot.hosts().collections
    ends = [point for bar in bars if hasattr(bar, "get_segments") for line in bar.get_segments() for point in line]
    assert min(x for x, y in ends if y < 0) <= 60
    assert max(x for x, y in ends if y < 0) >= 600


def test_without_a_prober_it_says_so() -> None:
    assert "no host probes" in words(sample("nat-data-too-late").plot.hosts())


def test_one_host_of_several() -> None:
    a = sample("port-overrides")
    assert "no host probes" in words(a.plot.hosts("192.0.2.99"))
