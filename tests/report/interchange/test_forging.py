"""A forged capture is what it should be to tshark, to scapy's checksums, and to the inference, whose inverse it is."""

import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.all import IP, TCP, rdpcap

import analyzer
from analyzer.cli import main
from analyzer.errors import OptionError
from analyzer.report.interchange.forging import ANSWERED, PEERS, STACKS, parse

OUTCOMES = {"silent": "timed-out", "answers": "alive", "resets": "reset", "unreachable": "unreachable"}
ENDLESS = ("illumos",)
"""Stacks that give up without a word: that they have ended shows only later."""


def fields(path: Path, shown: str, *names: str) -> list[list[str]]:
    """What tshark says of the frames that its filter shows; checksums are checked."""
    checked = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    command = ["tshark", "-r", str(path), *checked, "-Y", shown, "-T", "fields"]
    command += [word for name in names for word in ("-e", name)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("stack", STACKS)
def test_tshark_calls_the_probes_keepalives_and_the_settings_are_found(stack: str, peer: str, tmp_path: Path) -> None:
    out = tmp_path / "out.pcap"
    arguments = ["--forge", f"time=60,intvl=10,probes=5,peer={peer},stack={stack}", "-w", str(out)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    a = analyzer.analyze(out)
    probes = [frame for [frame] in fields(out, "tcp.analysis.keep_alive", "frame.number")]
    assert probes == [str(frame) for frame in a.probes.frame]
    assert fields(out, "_ws.malformed || tcp.checksum.status == Bad || ip.checksum.status == Bad", "frame.number") == []
    end = a.flow(0).ends.loc[0]
    assert end.tcp_keepalive_time == 60
    assert (end.answered, len(probes) > ANSWERED) == (4 if peer == "answers" else ANSWERED, True)
    if stack not in ENDLESS:
        assert a.verdict is not None
        assert a.verdict.outcome == OUTCOMES[peer]
        if peer in ("silent", "unreachable"):
            assert (end.tcp_keepalive_intvl, end.tcp_keepalive_probes) == (10, 5)


@given(
    st.integers(2, 7200), st.integers(1, 600), st.integers(1, 20), st.sampled_from(PEERS), st.sampled_from([*STACKS])
)
@settings(max_examples=40, deadline=None)
def test_bounds_hold_the_settings(time: int, intvl: int, probes: int, peer: str, stack: str) -> None:
    found = analyzer.analyze(analyzer.forge(time, intvl, probes, peer=peer, stack=stack)).flow(0).ends.loc[0]
    assert found.keepalive == "on"
    for name, value in (("time", time), ("intvl", intvl), ("probes", probes)):
        if name != "time" and stack in ENDLESS:  # it takes neither
            continue
        low, high = found[f"tcp_keepalive_{name}_low"], found[f"tcp_keepalive_{name}_high"]
        assert not low > value
        assert not high < value


def test_probes_of_linux_are_as_measured_on_a_kernel() -> None:
    """75 s come 75.776 s apart at 250 Hz (README, measured on Linux 6.18); the RST comes as long after the last."""
    probes = analyzer.forge(75, 75, 9, stack="linux-250")
    silent = [packet.time for packet in probes if packet[IP].src == "192.0.2.10"][-10:]
    assert {round(1000 * (later - earlier)) for earlier, later in pairwise(silent)} == {75_776}
    assert probes[-1][TCP].flags == "RA"


def test_the_file_is_pcap_or_pcapng_by_its_name(tmp_path: Path) -> None:
    for name, magic in (("a.pcap", b"\x4d\x3c\xb2\xa1"), ("a.pcapng", b"\x0a\x0d\x0d\x0a")):
        CliRunner().invoke(main, ["--forge", "time=60", "-w", str(tmp_path / name)], catch_exceptions=False)
        assert (tmp_path / name).read_bytes()[:4] == magic
        assert [bytes(one) for one in rdpcap(str(tmp_path / name))] == [bytes(one) for one in analyzer.forge(60)]


def test_what_is_not_understood(tmp_path: Path) -> None:
    for words in ("time", "time=x", "tiem=3", "time=60,peer=gone", "stack=plan9", "time=0", "probes=128"):
        with pytest.raises(OptionError):
            analyzer.forge(**parse(words))
    for arguments in (["--forge", "time=60"], ["--forge", "time=60", "-w", str(tmp_path / "x"), "capture.pcap"]):
        assert CliRunner().invoke(main, arguments).exit_code == 2
