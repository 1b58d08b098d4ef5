"""A connection's display filter, tried in tshark: it shows the connection's packets and no others."""

import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import analyzer as ka
from analyzer.analysis import analyze
from analyzer.cli import main
from analyzer.report.wireshark.filters import display_filter

SAMPLES = Path(__file__).parents[3] / "samples"


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("sample", ["nc-30-10-5", "ipv6-8-2-4", "nginx-closes-after-8", "vxlan-8-2-4"])
def test_the_filter_shows_the_connection(sample: str) -> None:
    capture = SAMPLES / sample / "capture.pcap"
    for flow in analyze(str(capture)).flows:
        command = [
            "tshark",
            "-r",
            str(capture),
            "-Y",
            f"tcp && {display_filter(flow)}",
            "-T",
            "fields",
            "-e",
            "tcp.port",
        ]
        shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        ports = {frozenset(line.split(",")) for line in shown}
        assert (len(shown), ports) == (flow.packets, {frozenset(str(end.port) for end in flow.ends)})


def test_it_stands_under_a_timeline_and_is_an_attribute() -> None:
    capture = SAMPLES / "nc-30-10-5/capture.pcap"
    result = CliRunner().invoke(main, ["--flow", "0", str(capture)], env={"COLUMNS": "60"})
    expected = "ip.addr==10.100.5.1 && ip.addr==10.100.5.2 && tcp.port==40838 && tcp.port==9000"
    assert f"In Wireshark: {expected}" in " ".join(result.stdout.split())
    assert ka.analyze(str(capture)).flow(0).display_filter == expected


def test_it_stands_on_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert CliRunner().invoke(main, ["--html", str(page), str(SAMPLES / "ipv6-8-2-4/capture.pcap")]).exit_code == 0
    assert "ipv6.addr==2001:db8:1::1 &amp;&amp; ipv6.addr==2001:db8:2::2" in page.read_text(encoding="utf-8")
