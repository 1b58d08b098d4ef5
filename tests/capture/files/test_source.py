"""Any path or pipe as one stream of expanded octets."""

import bz2
import gzip
import io
import lzma
import os
import random
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from analyzer.capture.files.source import PIECE, Source, open_source
from analyzer.errors import CaptureError, CapturePermissionError

TEXT = random.Random(1).randbytes(150_000) + bytes(150_000)

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


def octets_of(source: Source, step: int = 1000) -> bytes:
    view = bytearray(step)
    collected = bytearray()
    while count := source.readinto(memoryview(view)):
        collected += view[:count]
    return bytes(collected)


def read(path: Path) -> tuple[bytes, str]:
    with open_source(str(path)) as source:
        return octets_of(source), source.damage


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return tmp_path / "a.pcap"  # whatever is in it: suffixes say nothing


def test_a_plain_file_comes_as_it_is(capture: Path) -> None:
    capture.write_bytes(TEXT)
    assert read(capture) == (TEXT, "")


@pytest.mark.parametrize("name", COMPRESSORS)
def test_compressed_data_is_recognised_by_its_first_octets(capture: Path, name: str) -> None:
    capture.write_bytes(COMPRESSORS[name](TEXT))
    assert read(capture) == (TEXT, "")


@pytest.mark.parametrize("name", COMPRESSORS)
def test_members_follow_each_other_with_padding_between(capture: Path, name: str) -> None:
    member = COMPRESSORS[name](TEXT)
    capture.write_bytes(member + bytes(8192) + member + member + bytes(512))
    assert read(capture) == (3 * TEXT, "")


def test_zstd_may_begin_with_a_skippable_frame(capture: Path) -> None:
    capture.write_bytes(b"\x5a\x2a\x4d\x18\x04\0\0\0wxyz" + zstandard.compress(TEXT))
    assert read(capture) == (TEXT, "")


@pytest.mark.parametrize("name", COMPRESSORS)
def test_data_cut_short_gives_what_is_there(capture: Path, name: str) -> None:
    whole = COMPRESSORS[name](TEXT)
    for kept in (10, len(whole) // 2, len(whole) - 1):
        capture.write_bytes(whole[:kept])
        octets, damage = read(capture)
        assert TEXT.startswith(octets)
        assert damage == f"{name}: the data ends too early"
    assert octets or name == "bzip2"  # whose blocks are longer than this text


@pytest.mark.parametrize("name", COMPRESSORS)
def test_broken_data_gives_what_is_before(capture: Path, name: str) -> None:
    capture.write_bytes(COMPRESSORS[name](TEXT) + b"rubbish of some length")
    octets, damage = read(capture)
    assert octets == TEXT
    assert damage.startswith(f"{name}: ")


def test_a_checksum_that_does_not_fit_is_damage(capture: Path) -> None:
    whole = bytearray(gzip.compress(TEXT))
    whole[-8] ^= 1
    capture.write_bytes(whole)
    assert "incorrect data check" in read(capture)[1]


@pytest.mark.parametrize("name", ["bzip2", "xz"])
def test_what_expands_enormously_is_held_in_pieces(capture: Path, name: str) -> None:
    capture.write_bytes(COMPRESSORS[name](bytes(50 * PIECE)))
    with open_source(str(capture)) as source:
        view = memoryview(bytearray(PIECE))
        tracemalloc.start()
        while source.readinto(view):
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 20 * PIECE


def test_the_size_is_known_or_guessed_for_files(capture: Path) -> None:
    capture.write_bytes(TEXT)
    with open_source(str(capture)) as source:
        assert source.size == len(TEXT)
    octets = gzip.compress(TEXT)
    capture.write_bytes(octets)
    with open_source(str(capture)) as source:
        assert source.size == 4 * len(octets)


@pytest.mark.parametrize("text", [TEXT, gzip.compress(TEXT)])
def test_a_pipe_serves_like_a_file(tmp_path: Path, text: bytes) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(text,))
    writer.start()
    with open_source(str(pipe)) as source:
        assert source.size == 0
        assert octets_of(source) == TEXT
    writer.join()


def test_a_dash_is_standard_input_and_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    octets = io.BytesIO(TEXT)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(octets))
    with open_source("-") as source:
        assert source.name == "-"
        assert source.size == 0
        assert octets_of(source) == TEXT
    assert not octets.closed


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"no\.pcap: no such file; check the name"):
        open_source(str(tmp_path / "no.pcap"))


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="a directory without files in it"):
        open_source(str(tmp_path))


def test_an_empty_file(capture: Path) -> None:
    capture.touch()
    with pytest.raises(CaptureError, match="empty, without even a capture's header"):
        open_source(str(capture))


def test_a_name_that_cannot_be_one() -> None:
    with pytest.raises(CaptureError, match="cannot be opened"):
        open_source("a\0b")
    with pytest.raises(CaptureError, match="cannot be opened: File name too long"):
        open_source("a" * 5000)


def test_a_file_that_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:  # the tests may run as root, whom no file refuses
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CapturePermissionError, match=r"sudo cat a\.pcap \| ka-analyze -"):
        open_source("a.pcap")


def test_a_terminal_and_no_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    with pytest.raises(CaptureError, match="standard input is a terminal; pipe a capture into it"):
        open_source("-")
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(CaptureError, match="standard input is closed"):
        open_source("-")


def test_without_zstandard(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capture.write_bytes(zstandard.compress(TEXT))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(CaptureError, match="Python's zstandard is missing; expand it first"):
        open_source(str(capture))


class Failing(io.BytesIO):
    """A disk that gives nothing behind the first octets."""

    def read(self, size: int | None = -1) -> bytes:
        if octets := super().read(size):
            return octets
        raise OSError(5, "Input/output error")

    def readinto1(self, _: object) -> int:
        raise OSError(5, "Input/output error")


def test_a_device_that_fails_while_reading() -> None:
    source = Source("disk.pcap", Failing(b"123456"))
    assert source.readinto(memoryview(bytearray(9))) == 6
    with pytest.raises(CaptureError, match=r"disk\.pcap: reading fails: Input/output error"):
        source.readinto(memoryview(bytearray(9)))


def test_a_device_that_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "open", lambda *_: Failing())
    with pytest.raises(CaptureError, match=r"disk\.pcap: reading fails: Input/output error"):
        open_source("disk.pcap")


@pytest.mark.parametrize("name", ["", *COMPRESSORS])
def test_what_was_only_looked_at_is_read_again(name: str) -> None:
    source = Source("a.pcap", io.BytesIO(COMPRESSORS[name](TEXT) if name else TEXT))
    assert source.peek(24) == TEXT[:24]
    assert source.take(100_000) == TEXT[:100_000]
    assert source.peek(10) == TEXT[100_000:100_010]
    assert octets_of(source) == TEXT[100_000:]
    assert source.peek(1) == source.take(1) == b""
