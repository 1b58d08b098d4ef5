"""The choice of packets and connections on the command line: --filter, --flow, and what they go with."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from scapy.layers.inet import IP, TCP

from analyzer.cli import main
from tests.capture.writers import names, packet, pcap_bytes, pcapng_bytes
from tests.recordings import FOLDER
from tests.test_same_everywhere import frames_of

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


@pytest.mark.usefixtures("apart")
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


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    path = tmp_path / "hosts"
    path.write_text("198.51.100.2 db1.lab\n192.0.2.1 app1\n10.9.9.9 elsewhere\n")
    return path


def test_names_stand_behind_addresses(hosts: Path) -> None:
    words = " ".join(invoke(NAT, "--hosts", hosts).stdout.split())
    assert ":9000 (db1.lab) timed out" in words
    assert "198.51.100.2 is db1.lab." in words
    assert document(NAT, "--hosts", hosts)["capture"]["names"] == {"192.0.2.1": "app1", "198.51.100.2": "db1.lab"}
    for flags in ((), ("--hosts", hosts, "-n")):
        assert "db1" not in invoke(NAT, *flags).stdout
    assert document(NAT, "--hosts", hosts, "--numeric") == document(NAT)


def test_names_can_be_asked_for(hosts: Path) -> None:
    port = one_port()
    named = invoke(NAT, "--hosts", hosts, "-n", "--flow", f"APP1:{port}")
    assert (named.exit_code, named.stdout) == (0, invoke(NAT, "-n", "--flow", "7").stdout)
    chosen = document(NAT, "--hosts", hosts, "-f", f"host db1.lab and port {port}")
    assert len(chosen["flows"]) == 1
    result = invoke(NAT, "--hosts", hosts, "-f", "host db2")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'db2' is no address; write one, or name a file that has it: --hosts" in result.stderr


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize("how", [["--jobs", "2"], ["--keep-shards", "kept"], ["--keep-shards", "kept", "--resume"]])
def test_whoever_reads_finds_the_capture_s_names(how: list[str], tmp_path: Path) -> None:
    frames = [(one.ts_ns, one.octets) for one in frames_of(OTHER)]
    capture = tmp_path / "named.pcapng"
    block = names((1, bytes([10, 100, 5, 2]) + b"server.lab\0"))
    capture.write_bytes(pcapng_bytes(frames[:10]) + block + b"".join(packet(data, ts) for ts, data in frames[10:]))
    flags = [str(tmp_path / "kept") if one == "kept" else one for one in how]
    for _ in range(2):
        found = document(capture, *flags)
        assert found["capture"]["names"] == {"10.100.5.2": "server.lab"}
    assert "10.100.5.2:9000 (server.lab)" in " ".join(invoke(capture, *flags).stdout.split())


def test_a_service_is_named_by_its_port(tmp_path: Path) -> None:
    segments = [IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=5432, dport=6379, flags="S")]
    segments.append(IP(src="10.0.0.2", dst="10.0.0.1") / TCP(sport=6379, dport=5432, flags="SA", ack=1))
    capture = tmp_path / "capture.pcap"
    capture.write_bytes(pcap_bytes(((n, bytes(one)) for n, one in enumerate(segments)), link_type=101))
    assert "10.0.0.1:5432 → 10.0.0.2:6379 (redis)" in invoke(capture).stdout
    assert "10.0.0.1:5432 → 10.0.0.2:6379  " in invoke(capture, "-n").stdout


@pytest.mark.parametrize("flags", [(), ("--only", "alive"), ("--only", "undetected")], ids=" ".join)
def test_a_line_for_each_connection_is_the_document_s(flags: tuple[str, ...]) -> None:
    result = invoke("--flows", NAT, *flags)
    assert result.exit_code == 0
    assert [json.loads(line) for line in result.stdout.splitlines()] == document(NAT, *flags)["flows"]
    assert result.stdout == "" or result.stdout.endswith("}\n")


def test_a_database_beside_the_report(tmp_path: Path) -> None:
    path = tmp_path / "found.duckdb"
    result = invoke(NAT, "--duckdb", path, "--jobs", "2")
    assert result.exit_code == 0
    assert path.exists()
    assert "24 timed out, 26 alive" in result.stdout
    assert invoke(NAT, "--duckdb", "-").exit_code == 2
    assert invoke(NAT, "--duckdb", NAT).exit_code == 2  # the capture itself
