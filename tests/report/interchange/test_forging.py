"""A forged capture is what it should be to tshark, to scapy's checksums, and to the inference, whose inverse it is."""

import struct
import subprocess
from itertools import pairwise, product
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scapy.all import ARP, IP, TCP, PacketList, rdpcap

import analyzer
from analyzer.cli import main
from analyzer.errors import OptionError
from analyzer.keepalive.findings import End, Flow
from analyzer.keepalive.settings.values import Setting
from analyzer.report.interchange.captures_in_memory import as_pcapng, raw_packet
from analyzer.report.interchange.forging import ANSWERED, ANSWERED_ON, PEER, PEERS, PROBER, STACKS, parse

OUTCOMES = {"silent": "timed-out", "answers": "alive", "resets": "reset", "unreachable": "unreachable"}
TAKES_ONLY_THE_TIME = "solaris-10"
ALL = [*product(STACKS, PEERS)]


def flow_of(forged: PacketList) -> Flow:
    return analyzer.analyze(forged).findings.flows[0]


def three(end: End) -> tuple[Setting | None, ...]:
    return end.settings.tcp_keepalive_time, end.settings.tcp_keepalive_intvl, end.settings.tcp_keepalive_probes


@pytest.mark.parametrize("stack", STACKS)
def test_settings_are_found(stack: str) -> None:
    for peer in PEERS:
        flow = flow_of(analyzer.forge(time=60, intvl=10, probes=5, peer=peer, stack=stack))
        assert flow.verdict.outcome == OUTCOMES[peer]
        [end, other] = flow.ends
        assert (end.answered, len(other.story.probes)) == (ANSWERED_ON if peer == "answers" else ANSWERED, 0)
        found = [one.value if one is not None else None for one in three(end)]
        if stack == TAKES_ONLY_THE_TIME or peer in ("answers", "resets"):
            assert found[0] == 60
        else:
            assert found == [60, 10, 5]


def settings_of(stack: str) -> st.SearchStrategy[tuple[int, int, int]]:
    """Any settings; a Solaris with a short idle time probes every second for eight minutes."""
    return st.tuples(
        st.integers(60 if stack == TAKES_ONLY_THE_TIME else 1, 7200), st.integers(1, 600), st.integers(1, 20)
    )


@pytest.mark.needs("tshark")
@given(st.tuples(*(settings_of(stack) for stack, _ in ALL)))
@settings(
    max_examples=2, deadline=None, phases=[Phase.generate]
)  # the least and any: 88 captures; shrinking takes long
def test_every_stack_and_peer_with_any_settings(given: tuple[tuple[int, int, int], ...]) -> None:
    """tshark calls the probes keepalives, and no packet damaged; the outcome is known, and bounds hold the settings."""
    packets, probes = [], []
    for number, ((stack, peer), keepalive) in enumerate(zip(ALL, given, strict=True)):
        forged = analyzer.forge(*keepalive, peer=peer, stack=stack)
        flow = flow_of(forged)
        assert flow.verdict.outcome == OUTCOMES[peer], (stack, keepalive)
        known = three(flow.ends[0])[: 1 if stack == TAKES_ONLY_THE_TIME else 3]
        for one, setting in zip(known, keepalive, strict=False):
            assert one is None or ((one.low or 0) <= setting <= (one.high or setting)), (stack, peer, keepalive)
        probes += [len(packets) + one.frame for one in flow.ends[0].story.probes]
        packets += [raw_packet(one)._replace(data=between_other_ports(number, bytes(one))) for one in forged]
    seen = keepalives_of_sound_packets(as_pcapng(packets))
    assert seen == probes


def between_other_ports(number: int, data: bytes) -> bytes:
    """The packet, also one that it quotes, of another connection: the sum of its ports, and so the checksum, stays."""
    ports = PROBER[1], PEER[1]
    others = ports[0] + number, ports[1] - number
    for before, after in ((ports, others), (ports[::-1], others[::-1])):
        data = data.replace(struct.pack("!HH", *before), struct.pack("!HH", *after))
    return data


def keepalives_of_sound_packets(capture: bytes) -> list[int]:
    """The frames that tshark calls keepalives; no frame is damaged, and checksums are right."""
    command = ["tshark", "-r", "-", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields"]
    names = "frame.number", "tcp.analysis.keep_alive", "_ws.malformed", "tcp.checksum.status", "ip.checksum.status"
    command += [word for name in names for word in ("-e", name)]
    lines = subprocess.run(command, input=capture, capture_output=True, check=True).stdout.decode().splitlines()
    rows = [line.split("\t") for line in lines]
    assert rows
    assert not any(row[2] or "0" in (*row[3].split(","), *row[4].split(",")) for row in rows)  # 0 is Bad
    return [int(row[0]) for row in rows if row[1]]


def test_who_gives_up_in_silence_is_seen_to_be_there_later() -> None:
    """illumos sends no RST (tcp_timers.c): only that the capture goes on shows that it has given up."""
    for stack, is_silent in (("illumos", True), ("linux-250", False)):
        forged = analyzer.forge(60, 10, 5, stack=stack)
        assert (ARP in forged[-1]) == is_silent
        assert (TCP in forged[-1] and "R" in forged[-1][TCP].flags) != is_silent
    assert flow_of(analyzer.forge(60, 10, 5, stack="illumos")[:-1]).verdict.outcome == "probing"


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
    for value in (0, 60.5, "60", None):
        with pytest.raises(OptionError, match="is a whole number from 1 to 32767, not"):
            analyzer.forge(time=value)
    for arguments in (["--forge", "time=60"], ["--forge", "time=60", "-w", str(tmp_path / "x"), "capture.pcap"]):
        assert CliRunner().invoke(main, arguments).exit_code == 2
