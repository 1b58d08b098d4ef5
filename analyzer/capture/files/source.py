"""Octets from a path or from standard input, decompressed on the way.

Knows gzip, zstd, xz and bzip2 by their first octets, not by a suffix. It never seeks, so a
pipe serves like a file, and it holds one piece of expanded data at a time. Does not know
captures. Compressed data that breaks off gives what comes before the break (to within
`SLICE` compressed octets where it is corrupt) and then ends, with `damage` set.
"""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, Self

from analyzer.capture.files.locations import InMemory, is_url, open_url
from analyzer.errors import CaptureError, CapturePermissionError

HEAD_OCTETS = 6
"""Enough for every magic below."""

SLICE = 1024
"""Compressed octets given to a decompressor at once. Bounds what comes out of gzip (at most 1,032
times as much) and zstd (32,768 times: 32 MiB, for a file made to hurt); 4 KiB gain a third for zstd."""

PIECE = 1 << 20
"""Octets taken at once from bzip2 and xz, which can be asked for less than everything."""

XZ_MEMORY = 512 << 20
"""Dictionaries are at most 64 MiB with xz's own presets; a file may ask for 4 GiB."""

USUAL_RATIO = 4
"""Guess of how much compressed captures expand."""


class Compression(NamedTuple):
    name: str
    new_decoder: Callable[[], Any]
    broken: type[Exception]


def _gzip() -> Compression:
    import zlib

    return Compression("gzip", lambda: zlib.decompressobj(wbits=16 + zlib.MAX_WBITS), zlib.error)


def _zstd() -> Compression:
    import zstandard

    return Compression("zstd", lambda: zstandard.ZstdDecompressor().decompressobj(), zstandard.ZstdError)


def _xz() -> Compression:
    import lzma

    return Compression("xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY), lzma.LZMAError)


def _bzip2() -> Compression:
    import bz2

    return Compression("bzip2", bz2.BZ2Decompressor, OSError)


COMPRESSIONS = {
    b"\x1f\x8b\x08": _gzip,  # RFC 1952 §2.3.1
    b"\x28\xb5\x2f\xfd": _zstd,  # RFC 8878 §3.1.1
    **{bytes([0x50 + kind, 0x2A, 0x4D, 0x18]): _zstd for kind in range(16)},  # skippable frame first, §3.1.2
    b"\xfd7zXZ\x00": _xz,
    b"BZh": _bzip2,
}


class Source:
    """An open stream of expanded octets. `size` is what to expect of it: 0 unknown, a guess if compressed."""

    def __init__(self, name: str, stream: Any) -> None:
        self.name = name
        self.size = _regular_size(stream)
        self.damage = ""
        self._stream = stream
        head: bytes = stream.read(HEAD_OCTETS)
        self._ready = memoryview(head)
        self._pieces: Iterator[bytes] | None = None
        for magic, compression in COMPRESSIONS.items():
            if head.startswith(magic):
                self.size *= USUAL_RATIO
                self._pieces = filter(None, self._expand(head, compression()))
                self._ready = memoryview(b"")
        if head and self._pieces is None and not self.size:
            # What is buffered already. BufferedReader.readinto1 would give it, too, but only together with what is
            # still to come, for which it waits (CPython 3.11 to 3.14 _buffered_readinto_generic).
            self._ready = memoryview(head + stream.read1())

    @property
    def position(self) -> int:
        """Return the octets taken from the file, however much they expand to; 0 where that is unknown, as for a
        pipe."""
        try:
            return int(self._stream.tell())
        except (AttributeError, OSError, ValueError):
            return 0

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing at all came from the stream."""
        return not self._ready and self._pieces is None

    @property
    def is_compressed(self) -> bool:
        """Tell whether what is read is expanded."""
        return self._pieces is not None

    def peek(self, count: int) -> bytes:
        """Return the next `count` octets, fewer only at the end; they will be read again."""
        octets = self.take(count)
        self._ready = memoryview(octets + bytes(self._ready))
        return octets

    def take(self, count: int) -> bytes:
        """Take the next `count` octets, fewer only at the end."""
        octets = bytearray()
        while len(octets) < count:
            more = bytearray(min(count - len(octets), PIECE))
            with memoryview(more) as view:
                got = self.readinto(view)
            if not got:
                break
            octets += more[:got]
        return bytes(octets)

    def readinto(self, view: memoryview) -> int:
        """Fill `view` with expanded data, or with as much of a plain stream as has come; 0 at the end."""
        try:
            if self._pieces is not None:
                return self._fill(view, self._pieces)
            return self._take(view) or int(self._stream.readinto1(view))
        except OSError as error:
            raise CaptureError(f"{self.name}: reading fails: {error.strerror or error}") from error

    def _fill(self, view: memoryview, pieces: Iterator[bytes]) -> int:
        """Fill the view from expanded pieces, which are small: with full views the work per call stays small beside the
        work per octet."""
        filled = 0
        while filled < len(view):
            if not self._ready:
                self._ready = memoryview(next(pieces, b""))
            count = self._take(view[filled:])
            if not count:
                break
            filled += count
        return filled

    def _take(self, view: memoryview) -> int:
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _expand(self, octets: bytes, compression: Compression) -> Iterator[bytes]:
        """Expand one member after the other; zeros between them and behind the last are padding."""
        decoder = None
        while octets:
            if decoder is None:
                octets = octets.lstrip(b"\0")
                decoder = compression.new_decoder() if octets else None
            if decoder is not None:
                piece, rest = octets[:SLICE], octets[SLICE:]
                try:
                    yield from _decoded(decoder, piece)
                except compression.broken as error:
                    self.damage = f"{compression.name}: {error}"
                    return
                octets = decoder.unused_data + rest
                decoder = None if decoder.eof else decoder
            octets = octets or self._stream.read1(SLICE)
        if decoder is not None:
            self.damage = f"{compression.name}: the data ends too early"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.name != "-":
            self._stream.close()


def _decoded(decoder: Any, octets: bytes) -> Iterator[bytes]:
    if not hasattr(decoder, "needs_input"):  # gzip and zstd: all at once, see SLICE
        yield decoder.decompress(octets)
        return
    yield decoder.decompress(octets, PIECE)
    while not decoder.eof and not decoder.needs_input:
        yield decoder.decompress(b"", PIECE)


def _regular_size(stream: Any) -> int:
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # no file behind it: a test's or a program's own stream
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def open_source(path: str) -> Source:
    """Open `path`, or standard input for `-`; a CaptureError says what was found and what to do."""
    with ExitStack() as on_failure:
        stream = _standard_input() if path == "-" else on_failure.enter_context(_open_file(path))
        try:
            source = Source(path, stream)
        except ImportError as error:
            raise CaptureError(f"{path}: compressed, and Python's {error.name} is missing; expand it first") from error
        except OSError as error:
            raise CaptureError(f"{path}: reading fails: {error.strerror or error}") from error
        if source.is_empty:
            raise CaptureError(f"{path}: empty, without even a capture's header; give a capture that has been written")
        on_failure.pop_all()
        return source


def is_compressed(path: str) -> bool:
    """Tell whether a file can be opened, and is compressed."""
    try:
        with open_source(path) as source:
            return source.is_compressed
    except CaptureError:
        return False


def _standard_input() -> Any:
    if sys.stdin is None:
        raise CaptureError("-: standard input is closed; give a file or pipe a capture into it")
    if sys.stdin.isatty():
        raise CaptureError("-: standard input is a terminal; pipe a capture into it: dumpcap -w - | ka-analyze -")
    return sys.stdin.buffer


def _open_file(path: str) -> Any:
    if isinstance(path, InMemory):
        return BytesIO(path.octets)
    if is_url(path):
        return open_url(path)
    if not path:
        raise CaptureError("the name of a capture is empty; give a file, or - for standard input")
    try:
        return Path(path).open("rb")
    except FileNotFoundError as error:
        raise CaptureError(f"{path}: no such file; check the name, or give - for standard input") from error
    except IsADirectoryError as error:
        raise CaptureError(f"{path}: a directory without files in it; give captures") from error
    except PermissionError as error:
        words = f"{path}: may not be read by this user; change its permissions, or: sudo cat {path} | ka-analyze -"
        raise CapturePermissionError(words) from error
    except (OSError, ValueError) as error:  # a name too long, a loop of links, a null in the name
        raise CaptureError(f"{path}: cannot be opened: {getattr(error, 'strerror', None) or error}") from error
