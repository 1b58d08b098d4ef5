"""Settings by host and port, as the findings have them."""

import pandas as pd

from analyzer.report.charts.hosts import by_service
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


def test_bounds_of_a_row_hold_all_settings() -> None:
    [row] = by_service(sample("nat-fifty-300").hosts).to_dict("records")
    assert row["flows"] == 50
    assert row["tcp_keepalive_time_low"] <= 60  # they were set to 60 to 600 s (truth.toml)
    assert row["tcp_keepalive_time_high"] >= 600
    assert pd.isna(row["tcp_keepalive_time"])


def test_unknown_bounds_stay_unknown_together() -> None:
    hosts = sample("port-overrides").hosts
    together = by_service(hosts)
    assert together["flows"].sum() == hosts["flows"].sum()
    assert list(together.columns) == [*hosts.columns, "kinds"]


def test_without_a_prober_it_says_so() -> None:
    assert "no host probes" in words(sample("nat-data-too-late").plot.hosts())


def test_one_host_of_several() -> None:
    a = sample("port-overrides")
    assert "no host probes" in words(a.plot.hosts("192.0.2.99"))
