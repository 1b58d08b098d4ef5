"""pcapng: sections, interfaces, resolutions, every packet block, and blocks that contradict themselves."""

import io
import shutil
import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import dpkt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analyzer.capture.files.pcapng import MAX_INTERFACES
from analyzer.capture.files.reader import CHUNK_OCTETS
from analyzer.schema import ABSENT
from tests.capture.reading import ReadFrame, read_capture
from tests.capture.writers import (
    Frame,
    block,
    interface,
    obsolete_packet,
    option,
    packet,
    pcapng_bytes,
    section,
    simple_packet,
    statistics,
)

SECOND = 10**9
START = 1_700_000_000
BOTH_MODES = pytest.mark.parametrize("compiled", [False, True])
BOTH_ORDERS = pytest.mark.parametrize("order", ["<", ">"])

MANY_KINDS = (
    section()
    + interface(1)  # microseconds
    + interface(101, tsresol=9)
    + interface(113, tsresol=0x80 | 20, tsoffset=1_000_000_000)
    + packet(b"micro", START * 10**6 + 7, on=0)
    + block(0x80000001, b"somebody's own block")
    + packet(b"nano", START * SECOND + 8, on=1)
    + simple_packet(b"simple")
    + packet(b"binary", (START - 1_000_000_000 << 20) + (1 << 19), on=2)
    + obsolete_packet(b"obsolete", START * 10**6 + 9, on=0)
    + statistics(1)
    + section(">")
    + interface(276, tsresol=3, order=">")
    + packet(b"big", START * 1000 + 4, 1514, order=">")
    + obsolete_packet(b"obsolete and big", START * 1000 + 5, order=">")
)


@BOTH_MODES
def test_sections_interfaces_and_blocks(compiled: bool) -> None:
    reading = read_capture(MANY_KINDS, compiled=compiled)
    assert reading.frames == [
        ReadFrame(1, START * SECOND + 7_000, 1, b"micro", 5),
        ReadFrame(2, START * SECOND + 8, 101, b"nano", 4),
        ReadFrame(3, START * SECOND + 8, 1, b"simple", 6),  # without a time: that of the packet before it
        ReadFrame(4, START * SECOND + SECOND // 2, 113, b"binary", 6),
        ReadFrame(5, START * SECOND + 9_000, 1, b"obsolete", 8),
        ReadFrame(6, START * SECOND + 4_000_000, 276, b"big", 1514),
        ReadFrame(7, START * SECOND + 5_000_000, 276, b"obsolete and big", 16),
    ]
    assert reading.link_types == {1, 101, 113, 276}
    assert reading.format == "pcapng"
    assert not reading.notes


@pytest.mark.needs("tshark")
def test_tshark_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "many.pcapng"
    path.write_bytes(MANY_KINDS)
    fields = ["-e", "frame.time_epoch", "-e", "frame.cap_len", "-e", "frame.len"]
    tshark = [str(shutil.which("tshark")), "-r", str(path), "-T", "fields", *fields]
    lines = subprocess.run(tshark, capture_output=True, text=True, check=True).stdout.splitlines()
    for line, frame in zip(lines, read_capture(MANY_KINDS).frames, strict=True):
        time, captured, wire = line.split("\t")
        assert (int(captured), int(wire)) == (len(frame.octets), frame.wire_len)
        if frame.octets != b"simple":  # to which tshark gives no time
            assert Fraction(time) * SECOND == frame.ts_ns


@BOTH_ORDERS
def test_dpkt_reads_the_same(order: str) -> None:
    frames: list[Frame] = [(START * SECOND, b"one"), (START * SECOND + SECOND // 2, b"three", 1514)]
    octets = pcapng_bytes(frames, order)
    expected = [(int(ts * SECOND), frame) for ts, frame in dpkt.pcapng.Reader(io.BytesIO(octets))]
    assert [(one.ts_ns, one.octets) for one in read_capture(octets).frames] == expected


def time_of(ticks: int, tsresol: int, tsoffset: int, compiled: bool) -> tuple[int, int]:
    octets = section() + interface(tsresol=tsresol, tsoffset=tsoffset) + packet(b"x", ticks)
    reading = read_capture(octets, compiled=compiled)
    return reading.times[0], reading.notes.get("absurd-timestamp", (0, 0))[0]


@BOTH_MODES
@given(
    st.integers(0, 2**64 - 1) | st.integers(2**63 - 3, 2**63 + 1) | st.integers(0, 2**32),
    st.integers(0, 255),
    st.just(0) | st.integers(-(2**63), 2**63 - 1) | st.integers(-(10**10), 10**10),
)
@example(2**63 - 2, 0x80 | 127, 0)
@example(2**63 - 2, 28, 0)
@example(2**62 - 1, 9, 0)
@example(2**62, 9, 0)
@example(2**62 - 1 - SECOND, 9, 1)
@example(2**62 + SECOND - 1, 9, -1)
@example(2**63 - 2, 0x80 | 62, -1)
@example(2**34, 0x80 | 0, 0)
def test_time_is_exact_or_absurd(compiled: bool, ticks: int, tsresol: int, tsoffset: int) -> None:
    per_second = 2 ** (tsresol & 127) if tsresol & 128 else 10**tsresol
    expected = ticks * SECOND // per_second + tsoffset * SECOND
    fits = ticks < 2**63 - 1 and 0 <= expected < 2**62 and abs(tsoffset * SECOND) < 2**62
    assert time_of(ticks, tsresol, tsoffset, compiled) == ((expected, 0) if fits else (0, 1))


def test_a_simple_packet_is_cut_by_snaplen_or_block() -> None:
    octets = section() + interface(101, snaplen=4) + simple_packet(b"1234") + simple_packet(b"12345678", 1500)
    octets += section() + interface(101, snaplen=0) + simple_packet(b"1234567") + simple_packet(b"12345678", 1500)
    reading = read_capture(octets)
    assert reading.octets == [b"1234", b"1234", b"1234567", b"12345678"]
    assert [one.wire_len for one in reading.frames] == [4, 1500, 7, 1500]
    assert set(reading.times) == {0}


@BOTH_MODES
def test_a_packet_of_an_undescribed_interface_is_left_out(compiled: bool) -> None:
    octets = section() + simple_packet(b"a") + interface() + packet(b"b", 1) + packet(b"c", 1, on=1)
    octets += section() + packet(b"d", 1)
    reading = read_capture(octets, compiled=compiled)
    assert reading.octets == [b"b"]
    assert reading.notes == {"unknown-interface": (3, 1)}


@pytest.mark.parametrize(
    "damaged",
    [
        packet(b"too long", 1, captured_len=9),
        block(6, b"too short"),
        block(3, b""),
        block(5, struct.pack("<III", 0, 0, 0) + struct.pack("<HH", 5, 4000)),
        block(5, struct.pack("<III", 0, 0, 0) + option(5, b"four")),
    ],
)
@BOTH_MODES
def test_a_block_that_contradicts_itself_is_skipped(damaged: bytes, compiled: bool) -> None:
    octets = section() + interface() + packet(b"before", 1) + damaged + packet(b"behind", 2)
    reading = read_capture(octets, compiled=compiled)
    assert reading.octets == [b"before", b"behind"]
    assert reading.notes == {"damaged-block": (1, 2)}


@pytest.mark.parametrize(
    "damaged",
    [
        block(1, b"no"),
        interface(101, options=option(9, b"66")),
        interface(101, options=struct.pack("<HH", 2, 999)),
        interface(101)[:-4] + bytes(4),
        block(1, b"", total=0x80000000),
    ],
)
def test_a_damaged_description_leaves_the_others_their_numbers(damaged: bytes) -> None:
    octets = section() + damaged + interface(113) + packet(b"a", 1, on=0) + packet(b"b", 1, on=1)
    reading = read_capture(octets)
    assert [(one.link_type, one.octets) for one in reading.frames] == [(113, b"b")]
    assert reading.link_types == {113}
    what = "damaged-block" if damaged[4:8] == damaged[-4:] == struct.pack("<I", len(damaged)) else "damaged-record"
    assert reading.notes == {what: (1, 1), "unknown-interface": (1, 1)}


@pytest.mark.parametrize("damaged", [section()[:-4] + bytes(4), block(0x0A0D0D0A, b"no magic")])
def test_a_damaged_section_header_still_begins_a_section(damaged: bytes) -> None:
    reading = read_capture(section() + interface() + packet(b"a", 1) + damaged + interface(101) + packet(b"b", 1))
    assert [one.link_type for one in reading.frames] == [1, 101]
    assert reading.notes == {"damaged-record": (1, 2)}


@pytest.mark.parametrize(
    "damaged",
    [
        block(6, b"", total=11),
        block(6, bytes(24), trailer=28),
        statistics()[:-4] + bytes(4),
        block(0x99, b"", total=0),
        block(0x99, b"", total=(64 << 20) + 1),
        block(0x99, b"", total=60),
        b"no block at all",
        bytes(1000),
    ],
)
@BOTH_MODES
def test_an_impossible_length_is_skipped(damaged: bytes, compiled: bool) -> None:
    before = section() + interface() + packet(b"before", 1)
    reading = read_capture(before + damaged + packet(b"behind", 2), compiled=compiled)
    assert reading.octets == [b"before", b"behind"]
    assert reading.notes == {"damaged-record": (1, 2)}
    assert f"(test.pcap: octets {len(before)} to {len(before) + len(damaged) - 1:,})" in reading.messages[0]


def test_blocks_of_types_that_nobody_knows_are_counted() -> None:
    """Secrets, custom and local blocks are skipped without a word."""
    silent = b"".join(block(kind, b"octets") for kind in (10, 0x0BAD, 0x40000BAD, 0x80000001))
    octets = section() + interface() + silent + block(0x06000000, bytes(40)) + packet(b"behind", 1)
    reading = read_capture(octets)
    assert reading.octets == [b"behind"]
    assert reading.notes == {"unknown-block": (1, 1)}


def test_more_interfaces_than_anybody_has_are_not_kept() -> None:
    """The last that are described are unknown; memory does not grow with what a file describes."""
    last = MAX_INTERFACES - 1
    octets = section() + interface() * (MAX_INTERFACES + 3) + packet(b"a", 1, on=last) + packet(b"b", 1, on=last + 1)
    reading = read_capture(octets)
    assert reading.octets == [b"a"]
    assert reading.notes == {"unknown-interface": (1, 2)}


@BOTH_ORDERS
def test_drops_of_an_interface_are_noted(order: str) -> None:
    octets = pcapng_bytes([(1, b"x"), (2, b"y")], order)
    reading = read_capture(octets + statistics(0, 1234, 5, order) + statistics(1, 0, 0, order))
    assert reading.notes == {"interface-drops": (2, 2)}
    assert "interface 0: 1,234 by the interface, interface 0: 5 by the system" in reading.messages[0]


def test_a_tail_cut_short_is_noted() -> None:
    octets = section() + interface() + packet(b"whole", 1) + packet(b"cut", 2)
    for kept in range(len(octets) - 35, len(octets)):
        reading = read_capture(octets[:kept])
        assert reading.octets == [b"whole"]
        assert reading.notes == {"truncated-file": (1, 2)}


def test_descriptions_alone_are_an_empty_capture() -> None:
    reading = read_capture(section() + interface(101))
    assert reading.frames == []
    assert reading.link_types == {101}
    assert not reading.notes


DAY_NS = 86_400 * 10**9
NOTHING_SAID = (ABSENT, ABSENT)
END = 1_700_000_200 * 10**9
FRAME = END - 170 * 10**9


def ended(*blocks: bytes, order: str = "<", chunk_octets: int = CHUNK_OCTETS) -> tuple[int, int]:
    """What a file says of its end that has a frame at FRAME on the first of two interfaces, in ns and in µs + 1 s."""
    head = section(order) + interface(tsresol=9, order=order) + interface(tsoffset=1, order=order)
    reading = read_capture(head + packet(b"x", FRAME, order=order) + b"".join(blocks), chunk_octets)
    assert not reading.notes
    return reading.ended


@BOTH_ORDERS
def test_a_file_says_when_its_capturing_ended(order: str) -> None:
    assert ended(order=order) == NOTHING_SAID
    assert ended(statistics(0, order=order), order=order) == NOTHING_SAID
    assert ended(statistics(0, order=order, ended=END), order=order) == (FRAME, END)
    assert ended(statistics(1, order=order, ended=END // 1000 - 10**6), order=order) == (FRAME, END)


def test_the_latest_end_counts_and_belongs_to_the_frame_before_it() -> None:
    earlier, later = statistics(0, ended=END - 5), statistics(0, ended=END)
    assert ended(earlier, later) == ended(later, earlier) == (FRAME, END)
    assert ended(earlier, packet(b"y", FRAME + 9), statistics(1, ended=END // 1000 - 10**6)) == (FRAME + 9, END)
    assert ended(later, section(), interface(tsresol=9), packet(b"y", END + 1), statistics(0)) == (FRAME, END)


@pytest.mark.parametrize("ticks", [0, FRAME - 1, FRAME + 30 * DAY_NS + 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_an_end_that_cannot_be_is_passed_over(ticks: int) -> None:
    assert ended(statistics(0, ended=ticks)) == NOTHING_SAID
    assert ended(statistics(0, ended=ticks), statistics(0, ended=END), statistics(0, ended=ticks)) == (FRAME, END)


def test_the_end_of_an_interface_that_is_not_described_is_passed_over() -> None:
    assert ended(statistics(2, ended=END), statistics(2**32 - 1, ended=END)) == NOTHING_SAID


def test_an_end_before_any_frame_is_passed_over() -> None:
    assert read_capture(section() + interface(tsresol=9) + statistics(0, ended=DAY_NS)).ended == NOTHING_SAID


@pytest.mark.parametrize("octets", [b"", bytes(4), bytes(12)])
def test_an_end_of_the_wrong_length_is_damage(octets: bytes) -> None:
    body = struct.pack("<III", 0, 0, 0) + option(3, octets) + option(0, b"")
    reading = read_capture(pcapng_bytes([(FRAME, b"x")]) + block(5, body))
    assert reading.ended == NOTHING_SAID
    assert reading.notes == {"damaged-block": (1, 2)}
