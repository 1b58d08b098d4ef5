"""The same capture, given as everything that a program may have: what is said of it is the same."""

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import dpkt
import numpy as np
import pandas as pd
import pytest
from scapy.all import EDecimal, Ether, PcapReader, rdpcap, sniff

import analyzer
from analyzer.errors import CaptureError, OptionError
from analyzer.report.interchange.captures_in_memory import TAKEN, as_pcapng, nanoseconds, raw_packet
from analyzer.report.json.document import document

SAMPLES = Path(__file__).parents[3] / "samples"
NAT = SAMPLES / "nat-forgets-one-of-two/capture.pcap"


def said_of(found: analyzer.Analysis) -> dict[str, Any]:
    """The document, without the names of the captures."""
    said: dict[str, Any] = json.loads("".join(document(found.findings)))
    del said["capture"]["files"]
    return said


def dpkt_reader(path: Path) -> Any:
    return dpkt.pcap.Reader(BytesIO(path.read_bytes()))


def pairs(path: Path) -> Iterator[tuple[Any, bytes]]:
    yield from dpkt_reader(path)


def data_frame(path: Path) -> pd.DataFrame:
    times, data = zip(*pairs(path), strict=True)
    return pd.DataFrame({"time": pd.to_datetime([round(t * 10**6) for t in times], unit="us", utc=True), "data": data})


GIVEN: dict[str, Callable[[Path], Any]] = {
    "text": str,
    "several": lambda path: [path],
    "glob": lambda path: str(path.with_name("capture.pca?")),
    "bytes": Path.read_bytes,
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "BytesIO": lambda path: BytesIO(path.read_bytes()),
    "scapy PacketList": lambda path: rdpcap(str(path)),
    "list of scapy packets": lambda path: list(rdpcap(str(path))),
    "scapy PcapReader": lambda path: PcapReader(BytesIO(path.read_bytes())),
    "dpkt Reader": dpkt_reader,
    "dpkt pcapng Reader": lambda path: dpkt.pcapng.Reader(BytesIO(as_pcapng(map(raw_packet, rdpcap(str(path)))))),
    "what sniff returns": lambda path: sniff(offline=str(path), quiet=True),
    "pairs": pairs,
    "pairs as lists": lambda path: [[*pair] for pair in pairs(path)],
    "pairs with packets of dpkt": lambda path: [(t, dpkt.ethernet.Ethernet(data)) for t, data in pairs(path)],
    "raw packets of an analysis": lambda path: analyzer.analyze(path).packets(as_="raw"),
    "packets of dpkt of an analysis": lambda path: analyzer.analyze(path).packets(as_="dpkt"),
    "pairs of datetime": lambda path: [(datetime.fromtimestamp(float(t), UTC), data) for t, data in pairs(path)],
    "DataFrame": data_frame,
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_capture_may_be_given_as(name: str) -> None:
    assert said_of(analyzer.analyze(GIVEN[name](NAT))) == said_of(analyzer.analyze(NAT))


def test_an_open_file_is_read_from_where_it_stands() -> None:
    with NAT.open("rb") as file:
        found = analyzer.analyze(file)
    assert said_of(found) == said_of(analyzer.analyze(NAT))
    assert found.capture.files == (f"<{NAT}>",)


@pytest.mark.needs("tshark")
def test_packets_keep_their_nanoseconds(tmp_path: Path) -> None:
    """scapy's times are decimals, so that nothing is lost."""
    written = tmp_path / "ns.pcapng"
    packets = rdpcap(str(NAT))
    for number, packet in enumerate(packets):
        packet.time += EDecimal(number) / 10**9
    written.write_bytes(as_pcapng(map(raw_packet, packets)))
    assert subprocess.run(  # what an independent reader sees
        ["tshark", "-r", str(written), "-T", "fields", "-e", "frame.time_epoch"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split() == [f"{one.time:.9f}" for one in packets]
    assert said_of(analyzer.analyze(packets)) == said_of(analyzer.analyze(written))


def test_frames_of_a_link_type_that_they_do_not_tell() -> None:
    """A dpkt reader tells it; bare octets do not."""
    as_ip = [(time, data[14:]) for time, data in pairs(NAT) if data[12:14] == b"\x08\x00"]
    found = analyzer.analyze(as_ip, link_type=101)
    assert found.capture.link_types == ("raw IP",)
    assert list(found.flows.outcome) == list(analyzer.analyze(NAT).flows.outcome)


def test_several_captures_in_a_list() -> None:
    """What scapy's `sessions` has, frames, readers, and octets."""
    flows = [packets for name, packets in rdpcap(str(NAT)).sessions().items() if name.startswith("TCP")]
    assert len(flows) == 4
    for captures in (flows, iter(flows), [dpkt_reader(NAT)], [data_frame(NAT)], [[*pairs(NAT)]], [NAT.read_bytes()]):
        assert list(analyzer.analyze(captures).flows.outcome) == ["timed-out", "alive"]


def test_captures_are_put_together_in_the_order_of_time(tmp_path: Path) -> None:
    """Two halves, the later one first, one as packets and one as octets."""
    packets = rdpcap(str(NAT))
    early, late = packets[:15], packets[15:]
    found = analyzer.analyze(late, early)
    assert found.capture.frames == (15, len(packets) - 15)
    assert list(found.flows.outcome) == list(analyzer.analyze(NAT).flows.outcome)
    both = analyzer.analyze([NAT.read_bytes()], jobs=2)
    assert said_of(both) == said_of(analyzer.analyze(NAT))
    with pytest.raises(OptionError, match="keep_shards"):
        analyzer.analyze(packets, keep_shards=tmp_path)


@pytest.mark.parametrize("none", [[], (), rdpcap(str(NAT))[:0], pd.DataFrame({"time": [], "data": []})])
def test_no_packets_are_an_empty_capture(none: Any) -> None:
    found = analyzer.analyze(none)
    assert (len(found), found.capture.packets) == (0, 0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "NoneType is no capture; what is taken: a path"),
        (3, "int is no capture"),
        (object(), "object is no capture"),
        ({"time": [1.0], "data": [b"x"]}, "dict is no capture"),
        ({}, "dict is no capture"),
        ([3], "int is no packet; what is taken: a path"),
        ([(1.0, "x")], r"\(float, str\) is no packet"),
        ([(1.0, b"x", 3)], r"\(float, bytes, int\) is no packet"),
        ([("x", b"x")], "'x' is no time"),
        ({"a": 1}.items(), r"\(str, int\) is no packet"),
        (pd.DataFrame({"t": [1]}), "needs the columns time and data, and has t"),
    ],
)
def test_anything_else_is_a_type_error_that_says_what_is_taken(given: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        analyzer.analyze(given)


@pytest.mark.parametrize("link_type", [-1, 65536])
def test_no_link_type(link_type: int) -> None:
    with pytest.raises(OptionError, match="from 0 to 65535"):
        analyzer.analyze([(1.0, b"x")], link_type=link_type)


def test_an_empty_name_is_no_directory() -> None:
    with pytest.raises(CaptureError, match="name of a capture is empty"):
        analyzer.analyze("")


def test_no_capture_is_a_type_error() -> None:
    with pytest.raises(TypeError) as error:
        analyzer.analyze()
    assert TAKEN in str(error.value)


def test_an_open_text_file() -> None:
    with NAT.open(encoding="latin-1") as file, pytest.raises(TypeError, match="mode 'rb'"):
        analyzer.analyze(file)


def test_octets_that_are_no_capture() -> None:
    with pytest.raises(CaptureError, match="<bytes>"):
        analyzer.analyze(b"GET / HTTP/1.1\r\n" * 4)


AT_NS = 1_700_000_000_123_456_789


@pytest.mark.parametrize(
    ("time", "ns"),
    [
        (1_700_000_000, 1_700_000_000 * 10**9),
        (1_700_000_000.123456, AT_NS // 1000 * 1000),
        (np.float64(1_700_000_000.123456), AT_NS // 1000 * 1000),
        (12.345678901, 12_345_678_901),
        (Decimal("1700000000.123456789"), AT_NS),
        (pd.Timestamp(AT_NS), AT_NS),
        (np.datetime64(AT_NS // 1000, "us"), AT_NS // 1000 * 1000),
        (datetime(2023, 11, 14, 22, 13, 20, 123456), AT_NS // 1000 * 1000),  # noqa: DTZ001
        (datetime.fromisoformat("2023-11-14T23:13:20.123456+01:00"), AT_NS // 1000 * 1000),
    ],
    ids=["int", "float", "numpy float", "small float", "Decimal", "Timestamp", "datetime64", "naive", "with a zone"],
)
def test_times(time: Any, ns: int) -> None:
    assert nanoseconds(time) == ns


@pytest.mark.parametrize("time", [None, "now", float("nan"), float("inf"), pd.NaT, -1.0, 1e10, AT_NS])
def test_no_times(time: Any) -> None:
    with pytest.raises(TypeError, match="is no time"):
        nanoseconds(time)


def test_a_forged_packet_has_the_link_type_of_its_layer() -> None:
    packet = Ether(bytes(rdpcap(str(NAT))[0]))
    packet.time = 5.0
    assert analyzer.analyze([packet]).capture.link_types == ("Ethernet",)
