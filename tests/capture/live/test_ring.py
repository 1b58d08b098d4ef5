"""Blocks as linux/if_packet.h lays them out, built here with struct; test_interface.py has the kernel's own."""

import struct
from typing import Any

import pytest

from analyzer.capture.decode.link import LINK_ETHERNET, LINK_RAW
from analyzer.capture.live.ring import HAS_VLAN, HAS_VLAN_TYPE, walk_block
from analyzer.engine.table import Table
from analyzer.schema.packets import RECORDS

LINK_HEADER = bytes(range(12)) + b"\x08\x00"
FRAME = LINK_HEADER + bytes(range(100, 160))
ORDERS = {"<": 0, ">": 1}


def block(order: str, frames: list[dict[str, Any]]) -> bytearray:
    """A block that begins at offset 64 of its ring; a frame has octets, time, wire length, VLAN tag and type."""
    body = bytearray(64 + 48)
    for index, one in enumerate(frames):
        octets, status = one["octets"], 0
        if "tag" in one:
            status = HAS_VLAN | (HAS_VLAN_TYPE if "tag_type" in one else 0)
        link_at = 48 + 20 + 14  # behind tpacket3_hdr and sockaddr_ll, with room for a tag
        length = (link_at + len(octets) + 15) // 16 * 16
        header = bytearray(length)
        following = length if index < len(frames) - 1 else 0
        seconds, nanoseconds = divmod(one["ts_ns"], 10**9)
        words = (following, seconds, nanoseconds, len(octets), one.get("wire", len(octets)), status)
        struct.pack_into(f"{order}6I2H", header, 0, *words, link_at, link_at + 14)
        struct.pack_into(f"{order}IIH", header, 28, 0xAAAAAAAA, one.get("tag", 0), one.get("tag_type", 0))
        header[link_at : link_at + len(octets)] = octets
        body += header
    struct.pack_into(f"{order}5I", body, 64, 1, 0, 1, len(frames), 48)
    return body


def walked(ring: bytearray, is_big: int, is_raw: int = 0, before: int = 0) -> tuple[list[bytes], Table]:
    records = Table(RECORDS)
    records.reserve(before + 16)
    link_type = LINK_RAW if is_raw else LINK_ETHERNET
    records.rows = walk_block(ring, 64, is_big, is_raw, link_type, records.view, before)
    view = records.view
    spans = [(view.offset[row], view.captured_len[row]) for row in range(before, records.rows)]
    return [bytes(ring[offset : offset + length]) for offset, length in spans], records


@pytest.mark.parametrize("order", ORDERS)
def test_frames_lie_where_they_were_captured(order: str) -> None:
    times = (1_700_000_000_123_456_789, 1_700_000_001_000_000_000, 4_294_967_295_999_999_999)
    ring = block(order, [{"octets": FRAME, "ts_ns": ts_ns, "wire": 1500} for ts_ns in times])
    frames, records = walked(ring, ORDERS[order])
    assert frames == [FRAME] * 3
    assert list(records.view.ts_ns[:3]) == list(times)
    assert list(records.view.wire_len[:3]) == [1500] * 3
    assert list(records.view.link_type[:3]) == [LINK_ETHERNET] * 3


def test_rows_are_appended() -> None:
    _, records = walked(block("<", [{"octets": FRAME, "ts_ns": 5}]), 0, before=2)
    assert (records.rows, records.view.ts_ns[2]) == (3, 5)


@pytest.mark.parametrize("order", ORDERS)
def test_a_tag_that_was_taken_off_is_put_back(order: str) -> None:
    ring = block(order, [{"octets": FRAME, "ts_ns": 1, "tag": 0x6005}, {"octets": FRAME, "ts_ns": 2}])
    frames, records = walked(ring, ORDERS[order])
    assert frames == [FRAME[:12] + b"\x81\x00\x60\x05" + FRAME[12:], FRAME]
    assert list(records.view.wire_len[:2]) == [len(FRAME) + 4, len(FRAME)]


def test_the_tag_has_the_type_that_the_kernel_says() -> None:
    [frame], _ = walked(block("<", [{"octets": FRAME, "ts_ns": 1, "tag": 7, "tag_type": 0x88A8}]), 0)
    assert frame[12:16] == b"\x88\xa8\x00\x07"


def test_of_a_tunnel_interface_frames_begin_with_ip() -> None:
    [frame], records = walked(block("<", [{"octets": FRAME, "ts_ns": 1, "wire": 1014}]), 0, is_raw=1)
    assert (frame, records.view.wire_len[0]) == (FRAME[14:], 1000)


def test_a_block_without_frames_is_no_harm() -> None:
    assert walked(block("<", []), 0)[0] == []
