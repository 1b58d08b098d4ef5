"""After damage reading goes on at the next record or block; what is lost is said; nothing is made up from garbage."""

import struct
from pathlib import Path
from random import Random

import pytest

from analyzer.capture.files.reader import CHUNK_OCTETS
from tests.capture.reading import Reading, read_capture
from tests.capture.writers import block, interface, packet, pcap_bytes, pcap_record, pcapng_bytes, section

SAMPLE = Path(__file__).parents[3] / "samples/nc-30-10-5/capture.pcap"
NOW_S = 1_795_000_000
FRAMES = [(NOW_S * 10**9 + index * 10**8, bytes([index]) * (40 + index % 30)) for index in range(100)]
HEADER = 24

each_order = pytest.mark.parametrize("order", "<>")
each_mode = pytest.mark.parametrize("compiled", [False, True], ids=["interpreted", "compiled"])


def records(order: str = "<", **options: bool) -> tuple[bytes, list[bytes]]:
    """The file header, and each record by itself."""
    whole = pcap_bytes(FRAMES, order, **options)
    ends, at = [], HEADER
    for _, octets in FRAMES:
        at += (24 if options.get("modified") else 16) + len(octets)
        ends.append(at)
    return whole[:HEADER], [whole[begin:end] for begin, end in zip([HEADER, *ends], ends, strict=False)]


def frames_left(reading: Reading) -> list[int]:
    """Which of FRAMES were read, by their first octet."""
    return [one.octets[0] for one in reading.frames if one.octets]


# Records of pcap


@each_mode
@each_order
@pytest.mark.parametrize("options", [{}, {"nano": True}, {"modified": True}], ids=["us", "ns", "modified"])
@pytest.mark.parametrize("garbage", [b"\xff" * 60, b"x", bytes(3001), Random(1).randbytes(4000)], ids=len)
def test_garbage_between_records_loses_nothing(
    garbage: bytes, options: dict[str, bool], order: str, compiled: bool
) -> None:
    header, parts = records(order, **options)
    octets = header + b"".join(parts[:50]) + garbage + b"".join(parts[50:])
    reading = read_capture(octets, compiled=compiled)
    assert frames_left(reading) == list(range(100))
    assert list(reading.notes) == ["damaged-record"]


@each_mode
@each_order
@pytest.mark.parametrize(("options", "extra"), [({}, 4), ({}, 8), ({"modified": True}, 4)], ids=["Nokia", "RH", "SuSE"])
@pytest.mark.parametrize("kept", [2, 100])
def test_headers_are_as_long_as_records_show(
    kept: int, options: dict[str, bool], extra: int, order: str, compiled: bool
) -> None:
    header, parts = records(order, **options)
    usual = 24 if options else 16
    octets = header + b"".join(one[:usual] + bytes(range(1, 1 + extra)) + one[usual:] for one in parts[:kept])
    reading = read_capture(octets, compiled=compiled)
    assert [one.octets for one in reading.frames] == [octets for _, octets in FRAMES[:kept]]
    assert reading.notes == {}


@pytest.mark.parametrize("behind", [4, 8, 12])
def test_one_record_and_a_stump_say_nothing_of_longer_headers(behind: int) -> None:
    header, [first, second, *_] = records()
    reading = read_capture(header + first + second[:behind])
    assert [one.octets for one in reading.frames] == [FRAMES[0][1]]
    assert reading.notes == {"truncated-file": (1, 2)}


@each_order
def test_the_range_that_is_lost_is_said(order: str) -> None:
    header, parts = records(order)
    before = header + b"".join(parts[:50])
    reading = read_capture(before + b"\xff" * 1000 + b"".join(parts[50:]))
    assert reading.notes == {"damaged-record": (1, 51)}
    assert f"(test.pcap: octets {len(before):,} to {len(before) + 999:,})" in reading.messages[0]


@each_order
@pytest.mark.parametrize("length", [0, 1, 39, 41, 1000, 200_000, 0xFFFFFFFF])
def test_a_wrong_length_costs_one_frame_at_most(length: int, order: str) -> None:
    """Too long a record swallows others, which are found in it."""
    header, parts = records(order)
    struck = bytearray(parts[49])
    struct.pack_into(f"{order}I", struck, 8, length)
    reading = read_capture(header + b"".join(parts[:49]) + bytes(struck) + b"".join(parts[50:]))
    assert [one for one in frames_left(reading) if one != 49] == [one for one in range(100) if one != 49]
    assert reading.notes["damaged-record"] == (1, reading.notes["damaged-record"][1])


def test_every_second_record_damaged() -> None:
    """One good record between two bad ones is not believed; two are."""
    header, parts = records()
    struck = [bytes(8) + b"\xff" * 8 + one[16:] if index % 3 == 2 else one for index, one in enumerate(parts)]
    reading = read_capture(header + b"".join(struck))
    assert frames_left(reading) == [index for index in range(100) if index % 3 != 2]
    assert reading.notes == {"damaged-record": (33, 3)}


@pytest.mark.parametrize("lost", [1, 4, 8, 12, 16, 17, 55, 1000])
def test_a_cut_in_the_middle(lost: int) -> None:
    """Also one that leaves a header to be read from its second, third or fourth field on.

    Without the first octets of its seconds a record may be read with those of the frame before it.
    """
    header, parts = records()
    behind = b"".join(parts[50:])[lost:]
    reading = read_capture(header + b"".join(parts[:50]) + behind)
    whole = [index for index in range(50, 100) if len(b"".join(parts[50:index])) >= lost]
    left = frames_left(reading)
    assert [one for one in left if one != 50 or lost > 4] == [*range(50), *whole]


def test_the_first_record_damaged() -> None:
    """No time vouches for what follows: four records that agree do."""
    header, parts = records()
    reading = read_capture(header + b"\xff" * 50 + b"".join(parts[1:]))
    assert frames_left(reading) == list(range(1, 100))
    assert frames_left(read_capture(header + b"\xff" * 50 + b"".join(parts[97:]))) == [97, 98, 99]


def test_a_file_that_is_cut_and_nothing_else_is_not_damaged_inside() -> None:
    octets = SAMPLE.read_bytes()
    for cut in range(1, 200):
        assert set(read_capture(octets[:-cut]).notes) <= {"truncated-file"}


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_made_up_from_garbage(seed: int) -> None:
    random = Random(seed)
    header, parts = records()
    noise = bytearray(random.randbytes(100_000))
    for at in random.sample(range(0, len(noise), 4), 5000):
        noise[at : at + 4] = bytes(4)  # most of what captures hold is no even noise
    reading = read_capture(header + b"".join(parts[:50]) + bytes(noise))
    assert frames_left(reading)[:50] == list(range(50))
    assert len(reading.frames) <= 51  # 16 octets may pass for a header where one is due


@each_order
@pytest.mark.parametrize("cut", [24, 100, 333, 4096])
def test_chunks_change_nothing(cut: int, order: str) -> None:
    header, parts = records(order)
    random = Random(cut)
    for _ in range(20):
        octets = bytearray(header + b"".join(parts))
        for at in random.sample(range(HEADER, len(octets)), 8):
            octets[at] = random.getrandbits(8)
        assert read_capture(bytes(octets), cut) == read_capture(bytes(octets), CHUNK_OCTETS)


# Another capture in the midst of the file


def test_captures_one_behind_the_other() -> None:
    first, second, third = pcap_bytes(FRAMES[:3]), pcap_bytes(FRAMES[3:6], ">", nano=True), pcap_bytes(FRAMES[6:9])
    reading = read_capture(first + second + third)
    assert [(one.ts_ns, one.octets) for one in reading.frames] == FRAMES[:9]
    assert reading.notes == {"appended-capture": (2, 4)}
    other = read_capture(first + pcap_bytes(FRAMES[3:6], link_type=101))
    assert other.link_types == {1, 101}
    assert [one.link_type for one in other.frames] == [1] * 3 + [101] * 3


# Blocks of pcapng


@each_mode
@each_order
@pytest.mark.parametrize("garbage", [b"\xff" * 61, b"x", bytes(3001), Random(1).randbytes(4000)], ids=len)
def test_garbage_between_blocks(garbage: bytes, order: str, compiled: bool) -> None:
    before = pcapng_bytes(FRAMES[:50], order)
    behind = b"".join(packet(octets, ts_ns, order=order) for ts_ns, octets in FRAMES[50:])
    reading = read_capture(before + garbage + behind, compiled=compiled)
    assert frames_left(reading) == list(range(100))
    assert reading.notes == {"damaged-record": (1, 51)}
    assert f"octets {len(before):,} to {len(before) + len(garbage) - 1:,})" in reading.messages[0]


@pytest.mark.parametrize("at", [4, -4])
@pytest.mark.parametrize("length", [0, 16, 1000, 1 << 20, 60 << 20, 0xFFFFFFFC])
def test_a_wrong_block_length_costs_one_frame(length: int, at: int) -> None:
    blocks = [packet(octets, ts_ns) for ts_ns, octets in FRAMES]
    struck = bytearray(blocks[49])
    struct.pack_into("<I", struck, at % len(struck), length)
    blocks[49] = bytes(struck)
    reading = read_capture(section() + interface(tsresol=9) + b"".join(blocks))
    assert frames_left(reading) == [one for one in range(100) if one != 49]
    assert reading.notes == {"damaged-record": (1, 50)}


def test_a_section_in_the_other_byte_order_is_found() -> None:
    octets = pcapng_bytes(FRAMES[:5], "<") + b"garbage" * 3 + pcapng_bytes(FRAMES[5:10], ">")
    assert frames_left(read_capture(octets)) == list(range(10))


def test_blocks_cut_at_the_end_after_damage() -> None:
    octets = pcapng_bytes(FRAMES[:5]) + block(6, bytes(40), total=0) + packet(*FRAMES[5][::-1])
    reading = read_capture(octets[:-10])
    assert frames_left(reading) == list(range(5))
    assert set(reading.notes) == {"damaged-record"}


def test_a_record_of_the_other_format_is_not_believed() -> None:
    assert frames_left(read_capture(pcap_bytes(FRAMES[:5]) + pcapng_bytes(FRAMES[5:]))) == list(range(5))
    assert len(pcap_record(b"", 0, 0)) == 16
