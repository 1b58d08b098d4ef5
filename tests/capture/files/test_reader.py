"""Chunks: any size gives the same; any octets give frames, notes or one clear line."""

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.files.reader import CHUNK_RECORDS, CaptureReader, describe
from analyzer.capture.files.source import Source
from analyzer.diagnostics import Diagnostics
from analyzer.engine.dispatch import Engine
from analyzer.errors import CaptureError, UnknownFormatError
from tests.capture.files.test_pcapng import MANY_KINDS
from tests.capture.reading import Reading, read_capture
from tests.capture.writers import block, interface, packet, pcap_bytes, pcapng_bytes, section

FRAMES = [(10**9 * index, bytes([index % 256]) * (index * 7 % 90)) for index in range(60)]
PCAP, PCAPNG = pcap_bytes(FRAMES), pcapng_bytes(FRAMES)
SAMPLES = [PCAP, PCAPNG, MANY_KINDS]


@pytest.mark.parametrize("octets", SAMPLES)
@given(chunk_octets=st.integers(1, 6000))
def test_the_size_of_chunks_changes_nothing(octets: bytes, chunk_octets: int) -> None:
    assert read_capture(octets, chunk_octets) == read_capture(octets)


@pytest.mark.parametrize("octets", SAMPLES)
@given(chunk_octets=st.integers(1, 600))
def test_compiled_and_interpreted_give_the_same(octets: bytes, chunk_octets: int) -> None:
    assert read_capture(octets, chunk_octets, compiled=True) == read_capture(octets, chunk_octets)


def outcome(octets: bytes, chunk_octets: int, compiled: bool = False) -> Reading | str:
    try:
        return read_capture(octets, chunk_octets, compiled)
    except CaptureError as error:
        return str(error)


damages = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=8)


@given(st.sampled_from(SAMPLES), damages, st.integers(0, 2000), st.integers(24, 4096))
def test_damage_never_raises_and_is_the_same_in_both_modes(
    octets: bytes, changes: list[tuple[int, int]], cut: int, chunk_octets: int
) -> None:
    damaged = bytearray(octets[: len(octets) - cut % len(octets)])
    for at, value in changes:
        damaged[at % len(damaged)] = value
    assert outcome(bytes(damaged), chunk_octets, compiled=True) == outcome(bytes(damaged), chunk_octets)


@given(st.binary(min_size=1, max_size=300), st.sampled_from([b"", PCAP[:24], section(), section() + interface()]))
def test_any_octets_give_frames_notes_or_one_line(octets: bytes, before: bytes) -> None:
    result = outcome(before + octets, 40)
    assert isinstance(result, Reading) or "\n" not in result


def test_a_record_longer_than_the_chunk_is_read() -> None:
    frames = [(0, b"a"), (1000, bytes(5_000)), (2000, b"b")]
    for octets in (pcap_bytes(frames), pcapng_bytes(frames)):
        assert read_capture(octets, chunk_octets=100).octets == [b"a", bytes(5_000), b"b"]


def test_many_small_records_come_in_several_chunks() -> None:
    octets = pcap_bytes([(10**9, b"")] * (CHUNK_RECORDS + 5))
    reader = CaptureReader(Source("many.pcap", io.BytesIO(octets)), Diagnostics())
    sizes = [(len(records), first_frame) for _, records, first_frame in reader.chunks(Engine())]
    assert sizes == [(CHUNK_RECORDS, 1), (5, CHUNK_RECORDS + 1)]


def test_a_block_that_is_skipped_may_be_long() -> None:
    octets = section() + interface() + block(0x99, bytes(3 << 20)) + packet(b"behind", 1)
    assert read_capture(octets).octets == [b"behind"]


def test_compression_cut_short_is_noted_and_nothing_else() -> None:
    octets = pcap_bytes([(0, bytes(range(256)) * 4)] * 500)
    reading = read_capture(gzip.compress(octets)[:-2000])
    assert 0 < len(reading.frames) < 500
    assert reading.notes == {"damaged-compression": (1, len(reading.frames) + 1)}
    assert "test.pcap: gzip: the data ends too early" in reading.messages[0]


NO_CAPTURES = {
    "a NetXray or Windows Sniffer capture of an unknown version; convert": b"XCP\x00003.000\0" + bytes(40),
    "a DOS Sniffer capture; convert": b"TRSNIFF data    \x1a" + bytes(40),
    "a zip archive; take the capture out of it first": b"PK\x03\x04" + bytes(40),
    "text that begins with 66 6c 6f 77 .*'flow_id,src_ip,dst_ip": b"flow_id,src_ip,dst_ip,src_port\n1,",
    "text that begins with c3 9c": "Über diese Mitschnitte".encode(),
    "ruined by a text conversion": PCAP.decode(errors="replace").encode(),
    "the header of a capture, cut short or damaged, begins with d4 c3 b2 a1": PCAP[:23],
    "the header of a capture, cut short or damaged, begins with 0a 0d 0d 0a": PCAPNG[:11],
    "the header of a capture, cut short or damaged": PCAPNG[:8] + bytes(30),
    "no known capture, begins with 7f 45 4c 46 c8": b"\x7fELF" + bytes(range(200, 250)),
    "empty once expanded": gzip.compress(b""),
}


@pytest.mark.parametrize("words", NO_CAPTURES)
def test_what_is_no_capture_is_named(words: str) -> None:
    with pytest.raises(UnknownFormatError, match=f"^test.pcap: {words}") as caught:
        read_capture(NO_CAPTURES[words])
    assert "\n" not in str(caught.value)


def test_compression_broken_before_any_packet() -> None:
    with pytest.raises(CaptureError, match="gzip: the data ends too early, before any packet; get the file again"):
        read_capture(gzip.compress(PCAP)[:12])


def test_of_a_long_text_only_the_beginning_is_shown() -> None:
    line = describe(b"date,packets,octets\n" * 5000)
    assert "'date,packets,octets" in line
    assert len(line) < 250
