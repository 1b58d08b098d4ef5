"""The segment below link layers of all kinds."""

import struct
from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.capture.decode.wrapped_links import NO_PAYLOAD, link_layer
from tests.capture.decoding import A4, A6, B4, B6, IP4, IP6, assert_is_the_segment, decoded, decoded_with_tunnel, row_of
from tests.capture.wrapping import LINKS, qos, snap

each_link = pytest.mark.parametrize("name", LINKS)


@each_link
def test_the_segment_is_found(name: str) -> None:
    link_type, wrap = LINKS[name]
    for back in (False, True):
        assert_is_the_segment(row_of(wrap(bytes(IP4), back), link_type), A4, B4)
        assert_is_the_segment(row_of(wrap(bytes(IP6), back), link_type), A6, B6)


@each_link
def test_a_link_is_no_tunnel(name: str) -> None:
    link_type, wrap = LINKS[name]
    assert decoded_with_tunnel(wrap(bytes(IP4), False), link_type)[2] == ""


@each_link
def test_a_cut_before_the_end_of_the_tcp_header_makes_no_row(name: str) -> None:
    link_type, wrap = LINKS[name]
    frame = bytes(wrap(bytes(IP4), False))
    whole = row_of(frame, link_type)
    end_of_header = frame.index(bytes(IP4)) + 40
    for cut in range(len(frame)):
        row, notes = decoded(frame, link_type, cut)
        assert row == (whole if cut >= end_of_header else None), cut
        assert notes in ([], ["header-cut"]), cut


def wireless(control: int, flags: int = 1) -> bytes:
    return bytes([control, flags]) + qos(bytes(IP4))[2:]


@pytest.mark.parametrize(
    ("frame", "link_type"),
    [
        (wireless(0x80), 105),  # beacon
        (wireless(0xB4), 105),  # RTS
        (wireless(0xC8), 105),  # QoS null
        (qos(bytes(IP4), padding=bytes(range(100))), 105),  # encrypted
        (qos(bytes(IP4))[:22] + b"\x01" + qos(bytes(IP4))[23:], 105),  # a later fragment
        (b"\xff\x03\xc0\x21" + bytes(60), 9),  # LCP
        (b"\x00\x2d" + bytes(60), 9),  # compressed TCP
        (b"\x18\x41\x03\x08" + bytes(60), 107),  # Q.933
        (bytes(4) + bytes(60), 239),  # an attribute without length
    ],
)
def test_what_carries_no_packet_is_not_worth_a_note(frame: bytes, link_type: int) -> None:
    assert decoded(frame, link_type) == (None, [])


def test_protected_frames_are_noted() -> None:
    frame = qos(bytes(IP4), padding=bytes(range(100)))
    assert decoded(frame[:1] + bytes([frame[1] | 0x40]) + frame[2:], 105) == (None, ["encrypted"])


def test_only_what_looks_like_pktap_is_taken_for_it() -> None:
    assert decoded(bytes(200), 149) == (None, ["unknown-link-type"])


def test_an_unknown_link_type_below_a_known_one_is_noted() -> None:
    assert decoded(b"\0\0\x08\0\xc3\0\0\0" + bytes(60), 192) == (None, ["unknown-link-type"])


def test_a_link_layer_says_what_follows() -> None:
    buffer = bytes(snap(bytes(IP4)))
    assert link_layer(buffer, 0, len(buffer), 109) == (101, 12)
    assert link_layer(b"\xff\x03\xc0\x21", 0, 4, 9)[0] == NO_PAYLOAD


def test_a_header_that_claims_to_be_longer_than_any_buffer_is_cut(tmp_path: Path) -> None:
    """Where it ends is beyond 32 bits."""
    link_type, wrap = LINKS["Prism"]
    whole = bytes(wrap(bytes(IP4), False))
    claims = whole[:4] + b"\xff\xff\xff\xff" + whole[8:]
    records = (struct.pack("<IIII", 1, 0, len(one), len(one)) + one for one in (whole, claims, whole))
    path = tmp_path / "claims.pcap"
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link_type) + b"".join(records))
    assert analyze(str(path)).capture.tcp_packets == 2
