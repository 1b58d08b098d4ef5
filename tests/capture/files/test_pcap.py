"""The pcap record walk in every variant, against what was written and against dpkt."""

import io
import itertools
import struct
from pathlib import Path

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.files import pcap
from tests.capture.reading import ReadFrame, read_as_pcapng, read_capture
from tests.capture.writers import Frame, pcap_bytes, pcap_record

SECOND = 10**9
FRAMES: list[Frame] = [
    (1_700_000_000 * SECOND + 123_456_000, b"first frame"),
    (1_700_000_000 * SECOND + 999_999_000, b""),
    (1_700_000_001 * SECOND, b"cut", 1514),
]

HEADER = pcap_bytes([])
VARIANTS = list(itertools.product("<>", [(False, False), (True, False), (False, True)]))


@pytest.mark.parametrize(("order", "variant"), VARIANTS)
def test_every_variant_gives_what_was_written(order: str, variant: tuple[bool, bool]) -> None:
    nano, modified = variant
    reading = read_capture(pcap_bytes(FRAMES, order, nano, 113, modified=modified))
    assert reading.frames == [
        ReadFrame(1, FRAMES[0][0], 113, b"first frame", 11),
        ReadFrame(2, FRAMES[1][0], 113, b"", 0),
        ReadFrame(3, FRAMES[2][0], 113, b"cut", 1514),
    ]
    assert reading.link_types == {113}
    assert reading.format == "pcap"
    assert not reading.notes


SNAPPED: list[Frame] = [(FRAMES[0][0] + at * SECOND, bytes([at]) * 68, 68 + at) for at in range(9)]
OLD = [((2, 0), True), ((2, 1), True), ((2, 2), True), ((2, 3), True), ((2, 3), False), ((543, 0), True)]


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("version", "swapped"), OLD)
def test_old_versions_have_the_two_lengths_the_other_way_round(
    version: tuple[int, int], swapped: bool, order: str, tmp_path: Path
) -> None:
    octets = pcap_bytes(SNAPPED, order, snaplen=68, version=version, swapped=swapped)
    for compiled in (False, True):
        reading = read_capture(octets, compiled=compiled)
        assert [(one.ts_ns, one.octets, one.wire_len) for one in reading.frames] == SNAPPED
        assert not reading.notes
    assert read_as_pcapng(octets, tmp_path) == read_capture(octets).frames


def test_two_programs_may_have_written_2_3() -> None:
    records = [pcap_record(b"cut", 1_700_000_000, at, 99, swapped=at % 2 == 0) for at in range(4)]
    reading = read_capture(pcap_bytes([], version=(2, 3)) + b"".join(records))
    assert [(one.octets, one.wire_len) for one in reading.frames] == [(b"cut", 99)] * 4


@pytest.mark.parametrize("version", [(2, 4), (2, 5), (512, 1024)])
def test_since_2_4_a_length_is_what_it_is(version: tuple[int, int]) -> None:
    """More was captured than was on the wire: odd, but what stands there. The last version is in the wrong order."""
    [one] = read_capture(pcap_bytes([(SECOND, b"some", 3)], version=version)).frames
    assert (one.octets, one.wire_len) == (b"some", 3)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("swapped", [False, True])
def test_old_versions_go_on_after_damage(swapped: bool, compiled: bool) -> None:
    before = pcap_bytes(SNAPPED[:3], snaplen=68, version=(2, 3), swapped=swapped)
    behind = b"".join(
        pcap_record(octets, ts_ns // SECOND, 0, *wire_len, swapped=swapped) for ts_ns, octets, *wire_len in SNAPPED[3:]
    )
    reading = read_capture(before + b"\xff" * 77 + behind, compiled=compiled)
    assert reading.octets == [one[1] for one in SNAPPED]
    assert reading.notes == {"damaged-record": (1, 4)}


@pytest.mark.needs("tshark")
@pytest.mark.parametrize(("kind", "link_type"), [(6, 1), (9, 6), (24, 0)])
def test_aix_says_2_2_and_writes_nanoseconds(kind: int, link_type: int, tmp_path: Path) -> None:
    """Its kinds of interface are those of SNMP."""
    times = [1_700_000_000 * SECOND + at * SECOND + 123_456_789 for at in range(3)]
    records = [pcap_record(bytes(60), *divmod(ts_ns, SECOND), 99, ">", swapped=True) for ts_ns in times]
    octets = pcap_bytes([], ">", link_type=kind, version=(2, 2)) + b"".join(records)
    expected = [ReadFrame(at + 1, ts_ns, link_type, bytes(60), 99) for at, ts_ns in enumerate(times)]
    assert read_capture(octets).frames == expected
    assert read_as_pcapng(octets, tmp_path) == expected


@pytest.mark.parametrize("order", ["<", ">"])
def test_dpkt_reads_the_same(order: str) -> None:
    octets = pcap_bytes(FRAMES, order, nano=True)
    expected = [(int(ts * SECOND), frame) for ts, frame in dpkt.pcap.Reader(io.BytesIO(octets))]
    assert [(one.ts_ns, one.octets) for one in read_capture(octets).frames] == expected


def test_nanoseconds_are_kept() -> None:
    assert read_capture(pcap_bytes([(1_700_000_000_123_456_789, b"x")], nano=True)).times == [1_700_000_000_123_456_789]


def test_the_latest_time_that_the_format_can_hold_fits() -> None:
    octets = HEADER + pcap_record(b"", 0xFFFFFFFF, 0xFFFFFFFF)
    for compiled in (False, True):
        assert read_capture(octets, compiled=compiled).times == [0xFFFFFFFF * SECOND + 0xFFFFFFFF * 1000]


def test_the_link_type_lies_in_the_low_16_bits() -> None:
    with_frame_check = 0x54000001  # pcap-savefile(5): bit 26 "f", and above it 5 units of 16 bits, then the type
    assert read_capture(pcap_bytes(FRAMES, link_type=with_frame_check)).link_types == {1}


def test_a_header_alone_is_an_empty_capture() -> None:
    reading = read_capture(HEADER)
    assert reading.frames == []
    assert not reading.notes


@pytest.mark.parametrize("kept", [1, 15, 16, 18])
def test_a_tail_cut_short_is_noted(kept: int) -> None:
    octets = pcap_bytes(FRAMES)
    start_of_last = len(octets) - 16 - len(b"cut")
    reading = read_capture(octets[: start_of_last + kept])
    assert reading.octets == [b"first frame", b""]
    assert reading.notes == {"truncated-file": (1, 3)}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("snaplen", [0, 96, 262144])
def test_an_impossible_length_is_skipped(snaplen: int, compiled: bool) -> None:
    damaged = struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 60)
    before = pcap_bytes(FRAMES, snaplen=snaplen)
    behind = pcap_record(b"x", FRAMES[-1][0] // SECOND, 0)
    reading = read_capture(before + damaged + behind, compiled=compiled)
    assert reading.octets == [*(one[1] for one in FRAMES), b"x"]
    assert reading.notes == {"damaged-record": (1, 4)}
    assert f"(test.pcap: octets {len(before)} to {len(before) + 15})" in reading.messages[0]


@pytest.mark.parametrize("octets", [16, 100_000])
def test_a_file_that_was_not_filled(octets: int) -> None:
    """A header of nothing but zeros is no frame of 1970."""
    reading = read_capture(pcap_bytes(FRAMES) + bytes(octets))
    assert len(reading.frames) == 3
    assert reading.notes == {"damaged-record": (1, 4)}


@pytest.mark.parametrize(
    ("snaplen", "captured", "is_read"),
    [
        (96, 256 << 10, True),  # libpcap's own limit, whatever is announced
        (96, (256 << 10) + 1, False),
        (1 << 20, 1 << 20, True),
        (0, 16 << 20, True),
        (0xFFFFFFFF, (16 << 20) + 1, False),
    ],
)
def test_long_frames_are_read_if_announced(snaplen: int, captured: int, is_read: bool) -> None:
    reading = read_capture(pcap_bytes([(0, bytes(captured)), (SECOND, b"next")], snaplen=snaplen))
    assert [len(one) for one in reading.octets] == ([captured, 4] if is_read else [])
    assert ("damaged-record" in reading.notes) != is_read


@given(
    st.lists(st.tuples(st.integers(1, 2_000_000), st.binary(max_size=40), st.integers(0, 2**32 - 1))),
    st.sampled_from("<>"),
    st.booleans(),
)
def test_what_is_written_is_read(frames: list[tuple[int, bytes, int]], order: str, modified: bool) -> None:
    """Also lengths on the wire that cannot be, as long as the time is near that of the record before."""
    octets = pcap_bytes([(s * SECOND, frame, wire) for s, frame, wire in frames], order, modified=modified)
    reading = read_capture(octets)
    assert [(one.ts_ns // SECOND, one.octets, one.wire_len) for one in reading.frames] == frames


def test_other_octets_are_no_pcap() -> None:
    assert pcap.is_pcap(HEADER)
    assert not pcap.is_pcap(b"")
    assert not pcap.is_pcap(b"\n\r\r\n")
