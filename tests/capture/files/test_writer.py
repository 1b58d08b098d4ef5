"""What is written is read again: by this program, by dpkt, and by tshark."""

import io
import subprocess
from array import array
from pathlib import Path

import dpkt
import pytest

from analyzer.analysis import analyze
from analyzer.capture.decode.link import LINK_ETHERNET, LINK_RAW
from analyzer.capture.files.writer import Described, PcapngWriter
from analyzer.engine.table import Table
from analyzer.errors import OptionError
from analyzer.schema.packets import RECORDS
from tests.transcript import START_NS, transcript

TEXT = """
    0.000  A>B  S   seq 999
    0.010  B>A  SA  seq 4999  ack 1000
    0.020  A>B  A   seq 1000  ack 5000
    30.00  A>B  A   seq 999   ack 5000
    30.01  B>A  A   seq 5000  ack 1000
"""
INTERFACES = [Described("eth0", LINK_ETHERNET, 256), Described("tun0", LINK_RAW, 0)]


def written(drops: tuple[int, int] = (0, 0)) -> tuple[bytes, list[tuple[int, bytes]]]:
    """Frames of a connection in two batches, the second with one of the other interface; and what was written."""
    frames = transcript(TEXT)
    file = io.BytesIO()
    writer = PcapngWriter(file)
    for batch in (frames[:2], frames[2:]):
        records, buffer = Table(RECORDS), bytearray(b"-----")
        for ts_ns, octets in batch:
            records.append(ts_ns, len(buffer), len(octets), len(octets), LINK_ETHERNET)
            buffer += octets
        writer.describe(INTERFACES)
        writer.write(buffer, records, array("i", [0] * len(batch)))
    records = Table(RECORDS)
    records.append(START_NS + 40 * 10**9 + 7, 0, 21, 60, LINK_RAW)
    raw = bytes(frames[0][1][14:35])
    writer.write(bytearray(raw), records, array("i", [1]))
    writer.finish(drops, START_NS)
    return file.getvalue(), [*frames, (START_NS + 40 * 10**9 + 7, raw)]


def test_this_program_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "out.pcapng"
    path.write_bytes(written()[0])
    analysis = analyze(str(path))
    assert (analysis.capture.packets, analysis.diagnostics[0].code.name) == (6, "header-cut")  # the one of 21 octets
    [flow] = analysis.flows
    assert [probe.ts_ns for probe in flow.ends[0].story.probes] == [START_NS + 30 * 10**9]
    assert analysis.capture.link_types == ("Ethernet", "raw IP")


def test_drops_are_reported_as_any_interface_reports_them(tmp_path: Path) -> None:
    path = tmp_path / "out.pcapng"
    path.write_bytes(written((0, 1234))[0])
    [drops] = [one for one in analyze(str(path)).diagnostics if one.code.name == "interface-drops"]
    assert (drops.count, drops.detail) == (1, "interface 1: 1,234 by the system")


def test_dpkt_reads_it() -> None:
    octets, frames = written()
    read = [frame for _, frame in dpkt.pcapng.Reader(io.BytesIO(octets))]
    assert read == [frame for _, frame in frames]


@pytest.mark.needs("tshark")
def test_tshark_reads_it_to_the_nanosecond(tmp_path: Path) -> None:
    octets, frames = written()
    path = tmp_path / "out.pcapng"
    path.write_bytes(octets)
    fields = ["frame.time_epoch", "frame.interface_name", "frame.cap_len", "frame.len"]
    command = ["tshark", "-r", str(path), "-T", "fields", *(f"-e{field}" for field in fields)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    names = ["eth0"] * 5 + ["tun0"]
    for line, (ts_ns, frame), name in zip(lines, frames, names, strict=True):
        time, interface, captured, length = line.split("\t")
        assert (time.replace(".", ""), interface, int(captured)) == (str(ts_ns), name, len(frame))
        assert int(length) == (60 if name == "tun0" else len(frame))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_with_the_files_name() -> None:
    with (
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(OptionError, match="-w out cannot be written"),
    ):
        PcapngWriter(full, "-w out")
