"""The choice of packets and connections on the command line: --filter, --flow, and what they go with."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from analyzer.cli import main
from tests.recordings import FOLDER

NAT = FOLDER / "nat-fifty-300/capture.pcap"
"""Fifty connections to 198.51.100.2:9000."""
OTHER = FOLDER / "nc-30-10-5/capture.pcap"


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], env={"COLUMNS": "80", "NO_COLOR": "1"})


def document(*arguments: str | Path) -> dict[str, Any]:
    result = invoke("--json", *arguments)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def one_port() -> int:
    ends = document(NAT)["flows"][7]["ends"]
    return next(end["port"] for end in ends if end["port"] != 9000)


def test_a_filter_leaves_one_connection_and_says_what_it_leaves_out() -> None:
    whole, port = document(NAT), one_port()
    result = invoke(NAT, "-f", f"tcp port {port}")
    assert f"only tcp port {port}" in " ".join(result.stdout.split())
    assert "1 TCP connection" in " ".join(result.stdout.split())
    [line] = result.stderr.splitlines()
    assert line.startswith("ka-analyze: filtered-out (")
    part = document(NAT, "--filter", f"tcp port {port}")
    assert part["capture"]["filter"] == f"tcp port {port}"
    assert whole["capture"]["filter"] is None
    [flow], [before] = part["flows"], [one for one in whole["flows"] if port in [end["port"] for end in one["ends"]]]
    assert flow["packets"] == before["packets"]
    assert flow["verdict"]["outcome"] == before["verdict"]["outcome"]
    left_out = whole["capture"]["tcp_packets"] - part["capture"]["tcp_packets"]
    assert [one["count"] for one in part["diagnostics"] if one["code"] == "filtered-out"] == [left_out]


@pytest.mark.parametrize("how", [["--jobs", "2"], ["--keep-shards", "kept"], ["--keep-shards", "kept", "--resume"]])
def test_whoever_reads_filters_alike(how: list[str], tmp_path: Path) -> None:
    flags = [str(tmp_path / "kept") if one == "kept" else one for one in how]
    files = (NAT, OTHER)
    for expression in ("src portrange 40000-50000 or dst portrange 40000-50000", "net 10.100.5.0/24"):
        assert document(*files, *flags, "-f", expression) == document(*files, "-f", expression)


def test_shards_are_of_one_filter(tmp_path: Path) -> None:
    kept = ["--keep-shards", str(tmp_path), "--resume"]
    for more in ([], ["-f", "port 1"], ["-f", "port 9000"], []):
        assert document(NAT, *kept, *more) == document(NAT, *more)


def test_events_of_a_file_are_of_what_matches() -> None:
    port = one_port()
    lines = invoke("--ndjson", "-f", f"port {port}", NAT).stdout.splitlines()
    assert lines
    ends = [end for line in lines for end in json.loads(line).get("ends") or ()]
    assert {int(end.rpartition(":")[2]) for end in ends} == {port, 9000}


def test_a_wrong_filter_is_one_line_and_exit_2() -> None:
    result = invoke(NAT, "-f", "vlan 5")
    assert (result.exit_code, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert line.startswith("ka-analyze: -f 'vlan 5': 'vlan' is not understood")


def test_two_points_are_filtered_alike() -> None:
    result = invoke("--json", "--point", f"a={NAT}", "--point", f"b={NAT}", "-f", f"port {one_port()}")
    assert result.exit_code == 0
    assert [len(point["document"]["flows"]) for point in json.loads(result.stdout)["points"]] == [1, 1]


def test_the_flows_at_a_place() -> None:
    result = invoke(NAT, "--flow", "198.51.100.2:9000", "--top", "2")
    assert result.exit_code == 0
    shown = [line for line in result.stdout.splitlines() if line.startswith("#")]
    assert len(shown) == 2
    assert "and 48 more connections there: #" in result.stdout
    assert result.stdout.count("rule 1: ") == 2
    alone = invoke(NAT, "--flow", f":{one_port()}")
    assert "more connection" not in alone.stdout
    assert alone.stdout == invoke(NAT, "--flow", "7").stdout


@pytest.mark.parametrize(
    ("place", "complaint"),
    [("198.51.100.2:1", "no connection at 198.51.100.2:1; the capture has 50"), ("::1:x", "no address and port")],
)
def test_a_place_where_nothing_is(place: str, complaint: str) -> None:
    result = invoke(NAT, "--flow", place)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr


def test_interface_is_another_name() -> None:
    given = [invoke(flag, "nosuch0", NAT) for flag in ("--iface", "--interface", "-i")]
    assert {(one.exit_code, one.stderr) for one in given} == {(2, given[0].stderr)}
    assert "--iface and files exclude each other" in given[0].stderr
