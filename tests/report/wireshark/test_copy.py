"""A commented copy: every frame as it was, whatever the container, and the comments on the right ones."""

import io
import struct

import pytest

from analyzer.capture.files.source import Source
from analyzer.errors import UnknownFormatError
from analyzer.report.wireshark.copy import copy_commented
from tests.capture.reading import read_capture
from tests.capture.writers import (
    block,
    interface,
    obsolete_packet,
    option,
    packet,
    pcap_bytes,
    section,
    simple_packet,
    statistics,
)

FRAMES = [(10**18 + 1, b"abc"), (10**18 + 2, b"defgh", 900), (10**18 + 3_000_000_007, b"")]
SAID = {1: ["first"], 3: ["third", "once more"]}

each_order = pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])


def copied(capture: bytes, comments: dict[int, list[str]] | None = None, before: int = 0) -> bytes:
    out = io.BytesIO()
    said = SAID if comments is None else comments
    count = copy_commented(Source("in.pcap", io.BytesIO(capture)), out, said, before, "test")
    assert count == len(read_capture(capture).frames)
    return out.getvalue()


def comments_in(capture: bytes, order: str = "<") -> dict[int, list[str]]:
    """By frame number, those of sections at 0; a small reader of options of its own."""
    found, at, frame = {}, 0, 0
    while at < len(capture):
        kind, total = struct.unpack_from(f"{order}II", capture, at)
        body = capture[at + 8 : at + total - 4]
        if kind in (2, 3, 6):
            frame += 1
        if kind in (2, 6, 0x0A0D0D0A):
            [captured] = struct.unpack_from(f"{order}I", body, 12)
            options = body[20 + (captured + 3) // 4 * 4 :] if kind in (2, 6) else body[16:]
            while options:
                code, length = struct.unpack_from(f"{order}HH", options)
                if code == 1:
                    found.setdefault(frame if kind in (2, 6) else 0, []).append(options[4 : 4 + length].decode())
                options = options[4 + (length + 3) // 4 * 4 :] if code else b""
        at += total
    return found


@each_order
@pytest.mark.parametrize("nano", [True, False])
@pytest.mark.parametrize("modified", [True, False])
def test_pcap_of_every_kind(order: str, nano: bool, modified: bool) -> None:
    if nano and modified:
        pytest.skip("no such variant")
    capture = pcap_bytes(FRAMES, order, nano=nano, modified=modified, link_type=101)
    copy = copied(capture)
    assert read_capture(copy).frames == read_capture(capture).frames
    assert comments_in(copy) == SAID


@each_order
def test_pcapng_keeps_its_blocks(order: str) -> None:
    """Sections, interfaces with resolutions of their own, statistics, unknown blocks, comments that were there."""
    parts = [
        section(order, option(1, b"whole capture", order) + option(0, b"", order)),
        interface(1, tsresol=9, order=order, options=option(2, b"eth0", order)),
        interface(101, tsresol=6, tsoffset=5, order=order),
        packet(b"abc", 5_000_000_001, order=order),
        packet(b"defgh", 7_000_000, 900, on=1, order=order),
        block(0x0BAD, b"something else", order),
        obsolete_packet(b"ijk", 9_000_000_000, order=order),
        simple_packet(b"lm", order=order),
        statistics(0, dropped=3, order=order),
        section(order),
        interface(113, tsresol=0x80 | 20, order=order),
        packet(b"nop", 3 << 20, order=order),
    ]
    capture = b"".join(parts)
    copy = copied(capture, {1: ["one"], 3: ["three"], 4: ["has no room"], 5: ["five"]})
    ours, theirs = read_capture(copy), read_capture(capture)
    assert ours == theirs
    assert comments_in(copy, order) == {0: ["whole capture"], 1: ["one"], 3: ["three"], 5: ["five"]}
    for part in (parts[0], parts[1], parts[2], parts[4], parts[5], parts[7], parts[8], parts[10]):
        assert part in copy


def test_what_was_said_before_stays() -> None:
    old = option(1, b"by hand") + option(2, struct.pack("<I", 1)) + option(0, b"")
    fixed = struct.pack("<IIIII", 0, 0, 7, 3, 3)
    capture = section() + interface() + block(6, fixed + b"abc\0" + old)
    assert comments_in(copied(capture, {1: ["ours"]})) == {1: ["ours", "by hand"]}


@each_order
@pytest.mark.parametrize("old", [["by hand", "once more"], []], ids=["commented", "bare"])
def test_what_is_said_of_the_capture_is_in_the_first_section_before_what_was_there(old: list[str], order: str) -> None:
    """Also where the list of options that was there is not closed (§3.5)."""
    options = b"".join(option(1, one.encode(), order) for one in old) + option(3, b"Linux", order)
    frame, other = packet(b"abc", 7, order=order), section(order, options) + interface(order=order)
    for opening in (section(order, options), section(order, options + option(0, b"", order))):
        capture = opening + interface(order=order) + frame + other + frame
        copy = copied(capture, {0: ["of all\n→ this", "and that"], 2: ["second"]})
        assert comments_in(copy, order) == {0: ["of all\n→ this", "and that", *old, *old], 2: ["second"]}
        assert read_capture(copy) == read_capture(capture)
        assert other in copy


@each_order
def test_a_section_without_options_gets_what_is_said_of_the_capture(order: str) -> None:
    capture = section(order) + interface(order=order) + packet(b"abc", 7, order=order)
    copy = copied(capture, {0: ["of all"]})
    assert comments_in(copy, order) == {0: ["of all"]}
    assert read_capture(copy) == read_capture(capture)


@each_order
def test_a_section_that_is_made_anew_has_what_is_said_of_the_capture(order: str) -> None:
    """One too short to hold what every section holds, in front."""
    short = block(0x0A0D0D0A, struct.pack(f"{order}I", 0x1A2B3C4D), order)
    copy = copied(short + interface(order=order) + packet(b"abc", 7, order=order), {0: ["of all"]})
    assert comments_in(copy, order) == {0: ["of all"]}
    assert len(read_capture(copy).frames) == 1


def test_pcap_too_says_it_of_the_capture() -> None:
    assert comments_in(copied(pcap_bytes(FRAMES), {0: ["of all"], 2: ["second"]})) == {0: ["of all"], 2: ["second"]}


def test_a_section_that_told_its_length_no_longer_does() -> None:
    known = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, 64))
    copy = copied(known + interface() + packet(b"abc", 7))
    assert struct.unpack_from("<q", copy, 16) == (-1,)


def test_sections_may_change_the_byte_order() -> None:
    capture = b"".join(
        part for order in "<>" for part in (section(order), interface(order=order), packet(b"abc", 7, order=order))
    )
    assert read_capture(copied(capture)).frames == read_capture(capture).frames


def test_what_the_reader_leaves_out_is_left_out() -> None:
    """Damaged blocks, and packets of an interface that there is not: Wireshark would stop at them."""
    capture = b"".join([
        section(),
        interface(),
        packet(b"abc", 7),
        packet(b"lost", 8, on=9),
        block(6, struct.pack("<IIIII", 0, 0, 9, 3, 3) + b"abc", trailer=40),
        packet(b"defg", 10, captured_len=400),
        block(1, b"", trailer=12),
        statistics(0)[:-4] + bytes(4),
        packet(b"hij", 11),
    ])  # fmt: skip
    copy = copied(capture, {2: ["the last"]})
    assert read_capture(copy).frames == read_capture(capture).frames
    assert read_capture(copy).notes == {}
    assert comments_in(copy) == {2: ["the last"]}


@pytest.mark.parametrize("cut", [1, 5, 17, 30])
@pytest.mark.parametrize("pcapng", [True, False])
def test_a_capture_that_was_cut_gives_its_whole_frames(pcapng: bool, cut: int) -> None:
    whole = section() + interface() + packet(b"abc", 7) + packet(b"defg", 8) if pcapng else pcap_bytes(FRAMES[:2])
    assert read_capture(copied(whole[:-cut])).frames == read_capture(whole[:-cut]).frames


def test_blocks_whose_length_is_no_multiple_of_four_are_mended() -> None:
    body = struct.pack("<IIIII", 0, 0, 9, 3, 3) + b"abc"
    odd = struct.pack("<II", 6, 35) + body + struct.pack("<I", 35)
    capture = section() + interface() + odd
    assert len(copied(capture, {})) % 4 == 0
    assert read_capture(copied(capture)).frames == read_capture(capture).frames


def test_frames_of_several_captures_are_counted_through() -> None:
    assert comments_in(copied(pcap_bytes(FRAMES), before=2)) == {1: ["third", "once more"]}


def test_comments_are_cut_to_what_an_option_holds() -> None:
    [words] = comments_in(copied(pcap_bytes(FRAMES), {1: ["é" * 40_000]}))[1]
    assert words == "é" * 32_767


def test_a_file_that_is_no_capture_any_more() -> None:
    with pytest.raises(UnknownFormatError, match="text that begins with"):
        copy_commented(Source("in.pcap", io.BytesIO(b"something else than that")), io.BytesIO(), {}, 0, "test")


@each_order
@pytest.mark.parametrize("total", [0, 11, 15 << 20], ids=["impossible", "too short", "beyond the end"])
def test_after_damage_the_copy_has_what_the_reader_reads(total: int, order: str) -> None:
    """Also where the damaged block begins a section or describes an interface: their frames stay where they belong."""
    fourth = packet(b"four", 4, order=order)
    for struck in (section(order), interface(113, order=order), packet(b"lost", 2, order=order)):
        damaged = struck[:4] + struct.pack(f"{order}I", total) + struck[8:]
        capture = section(order) + interface(order=order) + packet(b"one", 1, order=order) + damaged
        capture += interface(101, order=order) + fourth + packet(b"five", 5, on=1, order=order)
        theirs, ours = read_capture(capture), read_capture(copied(capture))
        assert ours.frames == theirs.frames
        assert len(ours.frames) >= 2
        assert set(ours.notes) <= {"unknown-interface"}


def test_captures_one_behind_the_other_become_interfaces() -> None:
    capture = pcap_bytes(FRAMES) + pcap_bytes(FRAMES, ">", nano=True, link_type=101)
    assert read_capture(copied(capture, {})).frames == read_capture(capture).frames
