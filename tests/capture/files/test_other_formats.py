"""Captures of other programs are read as if they were pcapng; editcap writes them, tshark's package has it."""

import gzip
import struct
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.capture.files.other_formats import LARGEST_HELD
from analyzer.errors import CaptureError
from tests.capture.reading import ReadFrame, read_as_pcapng, read_capture
from tests.capture.wrapping import erf, inner
from tests.transcript import transcript

SAMPLE = Path(__file__).parents[3] / "samples/demo-15-1-6/capture.pcap"
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


def netxray_bytes(
    frames: list[bytes],
    version: bytes = b"002.000",
    medium: tuple[int, int] = (0, 0),
    pod: int = 0,
    unit: int = 0,
    a_second: int = 10**6,
    began: int = 0,
    trailer: bytes = b"",
) -> bytes:
    """A header of 128 octets, and a record a second behind START, whose ticks count from `began`."""
    mark = b"\xff\xff" if trailer else b"\0\0"
    records = [
        struct.pack("<QHH", began + number * a_second, *[len(frame) + len(trailer)] * 2)
        + (bytes(16) if version < b"002" else bytes(2) + mark + bytes(24))
        + frame
        + trailer
        for number, frame in enumerate(frames)
    ]
    return netxray_header(version, medium, pod, unit, a_second, began, 128, 128 + sum(map(len, records))) + b"".join(
        records
    )


def netxray_header(
    version: bytes, medium: tuple[int, int], pod: int, unit: int, a_second: int, began: int, start: int, stop: int
) -> bytes:
    header = bytearray(128)
    header[:12] = b"XCP\0" + version + b"\0"
    struct.pack_into("<IIIII", header, 12, START, 0, 0, start, stop)
    header[44], header[45], header[48], header[84] = *medium, unit, pod
    struct.pack_into("<Q", header, 52, began)
    struct.pack_into("<I", header, 76, a_second)
    return bytes(header)


def iptrace_bytes(frames: list[bytes], kind: int = 6) -> bytes:
    """Version 2.0: length and seconds, interface and its ifType, time, frame."""
    parts = [b"iptrace 2.0"]
    for number, frame in enumerate(frames):
        interface = struct.pack(">3xB4s12sBB2x", 0, b"en", b"", kind, number % 2)
        time = struct.pack(">II", START + number, 123_456_789)
        parts.append(struct.pack(">II", 32 + len(frame), START + number) + interface + time + frame)
    return b"".join(parts)


WRITERS = {
    "snoop": snoop_bytes,
    "ERF": erf_bytes,
    "Network Monitor": netmon_bytes,
    "NetXray": netxray_bytes,
    "iptrace": iptrace_bytes,
}
each_format = pytest.mark.parametrize("name", WRITERS)


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("written", ["snoop", "netmon1", "netmon2", "ngwsniffer_1_1", "ngwsniffer_2_0"])
def test_a_capture_that_editcap_converts_says_the_same(tmp_path: Path, written: str) -> None:
    other = tmp_path / "other"
    subprocess.run(["editcap", "-F", written, str(SAMPLE), str(other)], check=True, capture_output=True)
    [flow], [again] = analyze(str(SAMPLE)).flows, analyze(str(other)).flows
    assert again.verdict.outcome is flow.verdict.outcome
    assert [probe.frame for probe in again.ends[0].story.probes] == [probe.frame for probe in flow.ends[0].story.probes]
    assert again.max_idle_ns == pytest.approx(flow.max_idle_ns, abs=2_000_000)  # Network Monitor 1 has milliseconds


def same_as_tshark(octets: bytes, tmp_path: Path) -> bool:
    """Whether Wireshark's reader finds the same frames; it computes the times of NetXray as floating-point numbers."""
    ours, theirs = read_capture(octets).frames, read_as_pcapng(octets, tmp_path)
    return len(ours) == len(theirs) > 0 and all(map(is_same, ours, theirs))


def is_same(ours: ReadFrame, theirs: ReadFrame) -> bool:
    return abs(ours.ts_ns - theirs.ts_ns) <= 1 and (ours.link_type, ours.octets) == (theirs.link_type, theirs.octets)


@each_format
@pytest.mark.needs("tshark")
def test_tshark_reads_the_same(name: str, tmp_path: Path) -> None:
    assert same_as_tshark(WRITERS[name](FRAMES), tmp_path)


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
    first = {"Network Monitor": len(whole) - 5, "ERF": len(WRITERS[name](FRAMES[:2]))}.get(name, 40)
    for cut in range(first, len(whole)):
        reading = read_capture(whole[:cut])
        assert reading.format == name
        assert len(reading.frames) < 3
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


def test_what_does_not_lie_in_the_order_of_time_must_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert LARGEST_HELD == 256 << 20
    monkeypatch.setattr("analyzer.capture.files.other_formats.LARGEST_HELD", 300)
    with pytest.raises(CaptureError, match=r"^test\.pcap: a Network Monitor capture above"):
        read_capture(netmon_bytes(FRAMES))
    with pytest.raises(CaptureError, match=r"^test\.pcap: a NetXray ring above"):
        read_capture(netxray_header(b"002.000", (0, 0), 0, 0, 10**6, 0, 301, 128))


CLOCKS = {
    "ms": {"version": b"001.000", "a_second": 1000},
    "µs": {"version": b"001.100", "a_second": 10**6},
    "card": {"unit": 1, "a_second": 1_193_000},
    "card that says its own": {"unit": 2, "a_second": 3_579_545},
    "gigabit pod": {"version": b"002.001", "pod": 2, "a_second": 10**9},
    "gigabit pod, slower": {"version": b"002.001", "pod": 2, "unit": 2, "a_second": 31_250_000},
    "pod": {"version": b"002.001", "pod": 3, "unit": 2, "a_second": 1_250_000},
    "another pod": {"version": b"002.001", "pod": 5, "a_second": 10**6},
    "blade": {"version": b"002.001", "pod": 6, "unit": 2, "a_second": 20_000_000},
    "token ring": {"medium": (1, 0), "unit": 2, "a_second": 1_193_182},
}


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("name", CLOCKS)
def test_netxray_has_many_clocks(name: str, tmp_path: Path) -> None:
    octets = netxray_bytes(FRAMES, began=7_000_000_001, **CLOCKS[name])  # type: ignore[arg-type]
    assert read_capture(octets).times == [(START + number) * 10**9 for number in range(3)]
    assert same_as_tshark(octets, tmp_path)


@pytest.mark.parametrize("version", [b"002.002", b"002.003"])
def test_the_clock_of_newer_pods_begins_at_zero(version: bytes) -> None:
    octets = netxray_bytes(FRAMES, version, pod=2, a_second=10**9, began=5 * 10**9)
    assert read_capture(octets).times[0] == (START + 5) * 10**9


@pytest.mark.parametrize("unknown", [{"pod": 4}, {"pod": 2, "unit": 1}, {"unit": 3}, {"unit": 2, "a_second": 0}])
def test_a_clock_that_nobody_knows_is_refused(unknown: dict[str, int]) -> None:
    with pytest.raises(CaptureError, match=r"^test\.pcap: a NetXray capture with a clock that is not known"):
        read_capture(netxray_bytes(FRAMES, **unknown))  # type: ignore[arg-type]


@pytest.mark.needs("tshark")
@pytest.mark.parametrize(
    ("medium", "pod", "link_type"),
    [((0, 0), 0, 1), ((1, 2), 0, 1), ((1, 0), 0, 6), ((3, 0), 3, 9), ((3, 0), 4, 107), ((9, 0), 0, 105)],
)
def test_netxray_says_of_which_medium_it_is(medium: tuple[int, int], pod: int, link_type: int, tmp_path: Path) -> None:
    octets = netxray_bytes(FRAMES, medium=medium, pod=pod)
    assert read_capture(octets).link_types == {link_type}
    [first, *_] = read_as_pcapng(octets, tmp_path)
    assert first.octets.endswith(FRAMES[0])


def test_a_wan_may_be_of_cisco() -> None:
    """tshark 4.0 cannot write what it reads there."""
    assert read_capture(netxray_bytes(FRAMES, medium=(3, 0), pod=19)).link_types == {104}


def test_a_medium_that_is_not_known_is_noted() -> None:
    assert read_capture(netxray_bytes(FRAMES, medium=(8, 0))).link_types == {0xFFFF}
    assert read_capture(netxray_bytes(FRAMES, medium=(3, 0), pod=7)).link_types == {0xFFFF}


@pytest.mark.needs("tshark")
def test_what_netxray_puts_behind_a_frame_is_none_of_it(tmp_path: Path) -> None:
    octets = netxray_bytes(FRAMES, trailer=b"junk")
    assert read_capture(octets).octets == FRAMES
    assert [one.wire_len for one in read_capture(octets).frames] == [len(frame) for frame in FRAMES]
    assert same_as_tshark(octets, tmp_path)


@pytest.mark.needs("tshark")
def test_a_ring_of_netxray_begins_in_its_midst(tmp_path: Path) -> None:
    """The newest record lies first, behind it rests of an overwritten one, then the oldest."""
    body, newest = netxray_bytes(FRAMES)[128:], 40 + len(FRAMES[2])
    stop = 128 + newest
    header = netxray_header(b"002.000", (0, 0), 0, 0, 10**6, 0, stop + 9, stop)
    octets = header + body[-newest:] + b"overwrite" + body[:-newest]
    assert read_capture(octets).octets == FRAMES
    assert read_capture(octets).notes == {}
    assert same_as_tshark(octets, tmp_path)


def test_what_lies_behind_the_end_that_netxray_says_is_no_record() -> None:
    reading = read_capture(netxray_bytes(FRAMES) + b"whatever")
    assert reading.octets == FRAMES
    assert reading.notes == {}


def test_absurd_offsets_of_netxray_hold_no_frames() -> None:
    for start, stop in ((0, 0), (128, 128), (5, 0xFFFFFFFF), (0xFFFFFFF, 3)):
        header = netxray_header(b"002.000", (0, 0), 0, 0, 10**6, 0, start, stop)
        assert read_capture(header).frames == []


@pytest.mark.needs("tshark")
@pytest.mark.parametrize(("kind", "link_type"), [(6, 1), (7, 1), (9, 6), (24, 101), (61, 101), (199, 0xFFFF)])
def test_iptrace_says_which_interface_it_was(kind: int, link_type: int, tmp_path: Path) -> None:
    octets = iptrace_bytes(FRAMES, kind)
    assert read_capture(octets).link_types == {link_type}
    assert link_type == 0xFFFF or same_as_tshark(octets, tmp_path)


def test_iptrace_puts_three_octets_before_fddi() -> None:
    reading = read_capture(iptrace_bytes([b"pad" + frame for frame in FRAMES], 15))
    assert reading.octets == FRAMES
    assert reading.link_types == {10}


@pytest.mark.parametrize("length", [0, 31, 0xFFFFFFFF])
def test_absurd_lengths_end_iptrace(length: int) -> None:
    whole = iptrace_bytes(FRAMES)
    assert read_capture(whole[:11] + struct.pack(">I", length) + whole[15:]).notes == {"truncated-file": (1, 1)}


def test_whole_seconds_are_too_coarse() -> None:
    with pytest.raises(CaptureError, match=r"^test\.pcap: an AIX iptrace capture with times of whole seconds"):
        read_capture(b"iptrace 1.0" + bytes(60))


def erf_from(start: int, frame: bytes, pad: bytes = bytes(2)) -> bytes:
    """A record of Ethernet at so many seconds after 1970."""
    return struct.pack("<II", 0, start) + erf(2, pad + frame)[8:]


@pytest.mark.parametrize("records", [1, 2, 3, 8])
def test_the_clock_of_erf_may_begin_in_1970(records: int) -> None:
    reading = read_capture(b"".join(erf_from(number, FRAMES[0]) for number in range(records)))
    assert reading.format == "ERF"
    assert reading.times == [number * 10**9 for number in range(records)]
    assert reading.notes == {}


def test_the_two_octets_before_ethernet_may_say_something() -> None:
    """An offset, and what is reserved: some cards fill them."""
    assert read_capture(erf(2, b"\1\1" + FRAMES[0])).format == "ERF"


def test_erf_is_not_taken_for_anything_else() -> None:
    assert read_capture(erf(2, bytes(2) + bytes(inner(FRAMES[0][14:])))).format == "ERF"
    for octets in (b"\x7fELF" + bytes(60), bytes(60), erf(99, bytes(60)), erf(2, FRAMES[0])[:-1]):
        with pytest.raises(CaptureError, match="no known capture"):
            read_capture(octets)


@pytest.mark.parametrize("column", range(1, 30))
def test_a_table_of_text_is_no_erf(column: int) -> None:
    """Rows of equal length are like each other wherever one looks, and line feeds and tabs are types of ERF."""
    for row in ("keepalive".ljust(column) + "\n", "keepalive\t" * column + "\r\n", ":orphan:\n\n".ljust(column, "=")):
        with pytest.raises(CaptureError, match=r"^test\.pcap: text that begins"):
            read_capture(row.encode() * (100_000 // len(row)))


PDF = b"%PDF-1.4\n%\xd3\xeb\xe9\xe1\n1 0 obj\n<</Title (keepalive)\n/Producer (Skia)>>\nendobj\n"


@pytest.mark.parametrize(
    "behind", [PDF[20:], bytes(100), erf(2, bytes(2) + FRAMES[0])], ids=["text", "zeros", "old record"]
)
def test_what_begins_like_a_record_of_erf_goes_on_like_one(behind: bytes) -> None:
    """A PDF's first line has a plausible time, type and length."""
    octets = int.from_bytes(PDF[10:12], "big")
    with pytest.raises(CaptureError, match="no known capture"):
        read_capture(PDF.ljust(octets, b" ") + behind)


@pytest.mark.parametrize("records", [3, 4, 5, 9])
def test_erf_that_is_cut_is_still_erf(records: int) -> None:
    """If two records are whole: less is as likely to be anything else."""
    whole = records * erf(2, bytes(2) + bytes(inner(FRAMES[0][14:])))
    for cut in (4, len(whole) // records - 5):
        capture = read_capture(whole[:-cut])
        assert capture.format == "ERF"
        assert len(capture.frames) == records - 1
        assert capture.notes == {"truncated-file": (1, records)}


def test_records_of_erf_are_near_each_other() -> None:
    days = [erf_from(START + day * 86_400, FRAMES[0]) for day in (0, 29, 31, 59, 61)]
    assert read_capture(b"".join(days)).format == "ERF"
    for one, another in pairwise((days[0], days[2], days[0])):
        with pytest.raises(CaptureError, match="no known capture"):
            read_capture(one + another)
