"""Packets come back as they were captured: compared with what tshark, scapy and dpkt read."""

import pickle
import subprocess
from decimal import Decimal
from pathlib import Path

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.all import TCP, rdpcap

import analyzer
from analyzer.errors import CaptureError, OptionError
from analyzer.report.interchange.capture_files import RawPacket
from analyzer.report.interchange.packets import KINDS, chosen

SAMPLES = Path(__file__).parents[3] / "samples"
NAT = SAMPLES / "nat-forgets-one-of-two/capture.pcap"


def frames_of_stream(path: Path, stream: int) -> list[int]:
    """What tshark counts as this connection."""
    command = ["tshark", "-r", str(path), "-Y", f"tcp.stream=={stream}", "-T", "fields", "-e", "frame.number"]
    return [int(one) for one in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()]


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("flow", [0, 1])
def test_a_connection_has_the_packets_that_tshark_gives_it(flow: int) -> None:
    packets = analyzer.analyze(NAT).packets(flow=flow)
    assert packets.frames == frames_of_stream(NAT, flow)
    read = rdpcap(str(NAT))
    assert [bytes(one) for one in packets] == [bytes(read[frame - 1]) for frame in packets.frames]
    assert [one.time for one in packets] == [read[frame - 1].time for frame in packets.frames]
    assert all(TCP in one for one in packets)


def test_probes() -> None:
    """Whatever they come as, they lie one below the data that was sent before: an ACK without data or with an octet."""
    a = analyzer.analyze(NAT)
    probes = a.probes_of(0)
    assert probes.frames == list(a.flow(0).probes.frame)
    as_dpkt = a.probes_of(0, as_="dpkt")
    assert [one.packet.data.data.seq for one in as_dpkt] == [one[TCP].seq for one in probes]
    assert len({one[TCP].seq for one in probes}) == 1
    raw = a.probes_of(0, as_="raw")
    assert [(one.frame, one.ts_ns, one.link_type) for one in raw] == [
        (one.frame, int(one.time * 10**9), 1) for one in as_dpkt
    ]
    assert [bytes(one.packet) for one in as_dpkt] == [one.data for one in raw]


def test_all_packets_and_chosen_ones() -> None:
    a = analyzer.analyze(NAT)
    with NAT.open("rb") as file:
        read = [(Decimal(f"{time:.6f}"), data) for time, data in dpkt.pcap.Reader(file)]
    everything = a.packets(as_="dpkt")
    assert [(one.time, bytes(one.packet)) for one in everything] == read
    assert [one.frame for one in a.packets(frames=[3, 1], as_="raw")] == [1, 3]
    assert a.packets(flow=0, frames=a.flow(0).probes.frame).frames == list(a.flow(0).probes.frame)


def test_packets_of_what_was_given_as_packets_and_of_several_captures() -> None:
    read = rdpcap(str(NAT))
    a = analyzer.analyze(read[20:], NAT.read_bytes())
    assert a.capture.frames == (len(read), len(read) - 20)
    assert [bytes(one) for one in a.packets()] == [bytes(one) for one in [*read, *read[20:]]]


@pytest.mark.needs("tshark")
def test_a_connection_is_written(tmp_path: Path) -> None:
    a = analyzer.analyze(NAT)
    out = tmp_path / "one.pcapng"
    a.flow(0).write(out)
    again = analyzer.analyze(out)
    assert list(again.flows.outcome) == ["timed-out"]
    assert list(again.ends.tcp_keepalive_intvl) == list(a.flow(0).ends.tcp_keepalive_intvl)
    assert frames_of_stream(out, 0) == [*range(1, len(frames_of_stream(NAT, 0)) + 1)]
    with pytest.raises(OptionError, match="is the capture"):
        again.flow(0).write(out)
    a.flow(0).write(tmp_path / "one.pcap")
    assert analyzer.analyze(tmp_path / "one.pcap").capture.formats == ("pcap",)


def test_a_connection_by_its_address() -> None:
    """The service has both connections; the one that timed out matters more."""
    a = analyzer.analyze(NAT)
    for place in ("198.51.100.2:9000", "198.51.100.2", ":9000", ":40000"):
        assert a.flow(place).id == 0
    assert a.flow(":40001").id == 1
    assert a.flow(a.flows.index[1]).id == 1  # a numpy integer
    for place in ("198.51.100.3", ":9001", "198.51.100.2:40000", "[2001:db8::1]:9000", "2001:db8::1"):
        with pytest.raises(IndexError, match="there is no connection"):
            a.flow(place)
    with pytest.raises(IndexError, match="no address and port"):
        a.flow("somewhere:9000")


@pytest.mark.parametrize("frame", [0, 38])
def test_no_such_frame(frame: int) -> None:
    with pytest.raises(IndexError, match="the capture has 37"):
        analyzer.analyze(NAT).packets(frames=[frame])


def test_a_part_of_the_packets_has_no_wrong_numbers() -> None:
    """scapy makes new lists; numbers that no longer fit are not there."""
    packets = analyzer.analyze(NAT).packets(flow=0)
    with pytest.raises(AttributeError):
        packets[3:5].frames  # noqa: B018
    assert [bytes(one) for one in pickle.loads(pickle.dumps(packets))] == [bytes(one) for one in packets]


@given(st.binary(max_size=80), st.sampled_from([0, 1, 12, 101, 108, 113, 127, 228, 229, 276, 4711]))
def test_damaged_frames_come_back_as_octets(data: bytes, link_type: int) -> None:
    """Dissectors raise whatever they meet: struct.error, IndexError."""
    one = RawPacket(7, 10**9, link_type, 99, data)
    for kind in KINDS.values():
        assert len(kind(iter([one]))) == 1
    assert KINDS["scapy"](iter([one]))[0].wirelen == 99


def test_unknown_kinds_of_packets() -> None:
    with pytest.raises(OptionError, match="scapy, dpkt, raw"):
        analyzer.analyze(NAT).packets(as_="pyshark")


def test_a_capture_that_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "c.pcap"
    path.write_bytes(NAT.read_bytes())
    a = analyzer.analyze(path)
    path.write_bytes(NAT.read_bytes()[:-400])
    with pytest.raises(CaptureError, match="has changed"):
        list(chosen(a.capture, None))
