"""Captures of other programs are read as if they were pcapng; editcap writes them, tshark's package has it."""

import gzip
import struct
import subprocess
from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.capture.foreign import LARGEST_NETMON
from analyzer.errors import CaptureError
from tests.capture.reading import read_capture
from tests.capture.wrapping import erf, inner
from tests.transcript import transcript

SAMPLE = Path(__file__).parents[2] / "samples/demo-15-1-6/capture.pcap"
FRAMES = [bytes(octets) for _, octets, *_ in transcript("0 A>B S seq 1 \n 1 B>A SA seq 5 ack 2 \n 2 A>B A seq 2 ack 6")]
START = 1_700_000_000


def snoop_bytes(frames: list[bytes], datalink: int = 4) -> bytes:
    """RFC 1761; records are padded to four octets."""
    parts = [struct.pack(">8sII", b"snoop", 2, datalink)]
    for number, frame in enumerate(frames):
        padding = bytes(-len(frame) % 4)
        octets = 24 + len(frame) + len(padding)
        parts.append(struct.pack(">IIIIII", len(frame), len(frame), octets, 0, START + number, 250) + frame + padding)
    return b"".join(parts)


def erf_bytes(frames: list[bytes]) -> bytes:
    return b"".join(erf(2, bytes(2) + frame) for frame in frames)


def netmon_bytes(frames: list[bytes]) -> bytes:
    """Version 1.1: header, frames with milliseconds since its start, and the table of their offsets behind them."""
    body, offsets = b"", []
    for number, frame in enumerate(frames):
        offsets.append(128 + len(body))
        body += struct.pack("<IHH", 1000 * number, len(frame), len(frame)) + frame
    table = struct.pack(f"<{len(offsets)}I", *offsets)
    clock = struct.pack("<8H", 2023, 11, 2, 14, 22, 13, 20, 0)  # START
    return (b"RTSS\1\1\1\0" + clock + struct.pack("<II", 128 + len(body), len(table))).ljust(128, b"\0") + body + table


WRITERS = {"snoop": snoop_bytes, "ERF": erf_bytes, "Network Monitor": netmon_bytes}
each_format = pytest.mark.parametrize("name", WRITERS)


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("written", ["snoop", "netmon1", "netmon2"])
def test_a_capture_that_editcap_converts_says_the_same(tmp_path: Path, written: str) -> None:
    other = tmp_path / "other"
    subprocess.run(["editcap", "-F", written, str(SAMPLE), str(other)], check=True, capture_output=True)
    [flow], [again] = analyze(str(SAMPLE)).flows, analyze(str(other)).flows
    assert again.verdict.outcome is flow.verdict.outcome
    assert [probe.frame for probe in again.ends[0].story.probes] == [probe.frame for probe in flow.ends[0].story.probes]
    assert again.max_idle_ns == pytest.approx(flow.max_idle_ns, abs=2_000_000)  # Network Monitor 1 has milliseconds


@each_format
@pytest.mark.parametrize("chunk_octets", [64, 1 << 20])
def test_frames_come_as_they_are(name: str, chunk_octets: int) -> None:
    reading = read_capture(WRITERS[name](FRAMES), chunk_octets)
    assert reading.format == name
    assert reading.notes == {}
    assert [octets[-len(frame) :] for octets, frame in zip(reading.octets, FRAMES, strict=True)] == FRAMES
    assert reading.times[0] // 10**9 == START


@each_format
def test_they_may_be_compressed(name: str) -> None:
    assert len(read_capture(gzip.compress(WRITERS[name](FRAMES))).frames) == 3


@each_format
def test_the_end_of_a_capture_that_is_cut_short_is_noted(name: str) -> None:
    whole = WRITERS[name](FRAMES)
    cuts = range(40, len(whole)) if name != "Network Monitor" else (100, 200, len(whole) - 5)
    for cut in cuts:
        reading = read_capture(whole[:cut])
        assert len(reading.frames) < 3 or cut == len(whole)
        ends_with_record = not reading.notes
        assert ends_with_record == (whole[:cut] in [WRITERS[name](FRAMES[:count]) for count in range(4)])


def test_absurd_lengths_end_the_reading() -> None:
    whole = snoop_bytes(FRAMES)
    assert read_capture(whole[:24] + b"\xff\xff\xff\xff" + whole[28:]).notes == {"truncated-file": (1, 1)}


def test_a_datalink_that_is_not_known_is_noted() -> None:
    assert read_capture(snoop_bytes(FRAMES, 77)).link_types == {0xFFFF}


def test_link_types_differ_by_record_in_network_monitor_2_1() -> None:
    """Behind each frame stands what it begins with: Ethernet, and raw IP as pcap numbers it."""
    body = b""
    offsets = []
    for kind, frame in ((1, FRAMES[0]), (0xE000 | 101, FRAMES[1][14:])):
        offsets.append(128 + len(body))
        body += struct.pack("<QII", 5, len(frame), len(frame)) + frame + struct.pack("<H", kind)
    table = struct.pack("<2I", *offsets)
    header = b"GMBU\1\2\1\0" + struct.pack("<8HII", 2023, 11, 2, 14, 22, 13, 20, 0, 128 + len(body), len(table))
    assert [one.link_type for one in read_capture(header.ljust(128, b"\0") + body + table).frames] == [1, 101]


def test_a_date_that_is_none_is_1970() -> None:
    whole = netmon_bytes(FRAMES)
    assert read_capture(whole[:10] + b"\x63\0" + whole[12:]).times[0] == 0


def test_network_monitor_must_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert LARGEST_NETMON == 256 << 20
    monkeypatch.setattr("analyzer.capture.foreign.LARGEST_NETMON", 300)
    with pytest.raises(CaptureError, match=r"^test\.pcap: a Network Monitor capture above"):
        read_capture(netmon_bytes(FRAMES))


def test_erf_is_not_taken_for_anything_else() -> None:
    assert read_capture(erf(2, bytes(2) + bytes(inner(FRAMES[0][14:])))).format == "ERF"
    for octets in (b"\x7fELF" + bytes(60), bytes(60), erf(2, b"\1\1" + FRAMES[0]), erf(99, bytes(60))):
        with pytest.raises(CaptureError, match="no known capture"):
            read_capture(octets)


PDF = b"%PDF-1.4\n%\xd3\xeb\xe9\xe1\n1 0 obj\n<</Title (keepalive)\n/Producer (Skia)>>\nendobj\n"


@pytest.mark.parametrize(
    "behind", [PDF[20:], bytes(100), erf(2, bytes(2) + FRAMES[0])], ids=["text", "zeros", "old record"]
)
def test_what_begins_like_a_record_of_erf_goes_on_like_one(behind: bytes) -> None:
    """A PDF's first line has a plausible time, type and length."""
    octets = int.from_bytes(PDF[10:12], "big")
    with pytest.raises(CaptureError, match="no known capture"):
        read_capture(PDF.ljust(octets, b" ") + behind)


@pytest.mark.parametrize("records", [1, 2])
def test_erf_that_is_cut_is_still_erf(records: int) -> None:
    whole = records * erf(2, bytes(2) + bytes(inner(FRAMES[0][14:])))
    capture = read_capture(whole[:-4])
    assert capture.format == "ERF"
    assert len(capture.frames) == records - 1
