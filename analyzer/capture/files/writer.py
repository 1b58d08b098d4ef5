"""Records to a pcapng file, as they come: a section, its interfaces, packets, and what the kernel dropped.

Follows draft-ietf-opsawg-pcapng (§ below), with nanoseconds, little-endian.
"""

import struct
from collections.abc import Sequence
from io import RawIOBase
from typing import Any, BinaryIO, NamedTuple

from analyzer.capture.files.pcapng import IF_TSRESOL, INTERFACE, ISB_ENDTIME, ISB_OSDROP, PACKET, SECTION, STATISTICS
from analyzer.engine.table import Table
from analyzer.errors import OptionError
from analyzer.version import __version__

BLOCK_OVERHEAD = 32
"""Octets of an enhanced packet block besides the frame (§4.3)."""
HEADER = struct.Struct("<7I")
TAILS = (b"", b"\0", b"\0\0", b"\0\0\0")
SHB_USERAPPL, IF_NAME, NANOSECONDS = 4, 2, 9


class Described(NamedTuple):
    """An interface as the file describes it."""

    name: str
    link_type: int
    snaplen: int


class PcapngWriter:
    """Writes to `file`, which stays open; `finish` adds the statistics. OptionError if it cannot be written."""

    def __init__(self, file: RawIOBase | BinaryIO, name: str = "the recording") -> None:
        """Begin a section in the file; `name` is used in error messages."""
        self._file = file
        self._name = name
        self._described = 0
        program = _option(SHB_USERAPPL, f"ka-analyze {__version__}".encode())
        self._put(_block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + program + _END))

    def describe(self, described: Sequence[Described]) -> None:
        """Describe all interfaces by number, before packets of them are written; those already described are
        skipped."""
        for one in described[self._described :]:
            options = _option(IF_NAME, one.name.encode(errors="replace")) + _option(IF_TSRESOL, bytes([NANOSECONDS]))
            self._put(_block(INTERFACE, struct.pack("<HHI", one.link_type, 0, one.snaplen) + options + _END))
        self._described = len(described)

    def write(self, buffer: Any, records: Table, interfaces: Sequence[int]) -> None:
        """Write an enhanced packet block (§4.3) for each record; `interfaces` are the numbers of their interfaces."""
        view = records.view
        columns = (view.ts_ns, view.offset, view.captured_len, view.wire_len)
        parts = []
        for ts_ns, offset, captured, wire, interface in zip(
            *(one[: records.rows] for one in columns), interfaces, strict=True
        ):
            padding = -captured % 4
            total = BLOCK_OVERHEAD + captured + padding
            high, low = ts_ns >> 32, ts_ns & 0xFFFFFFFF
            parts.append(HEADER.pack(PACKET, total, interface, high, low, captured, wire))
            parts.append(buffer[offset : offset + captured])
            parts.append(TAILS[padding] + total.to_bytes(4, "little"))
        self._put(b"".join(parts))

    def _put(self, octets: bytes) -> None:
        rest = memoryview(octets)
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError as error:
            raise OptionError(f"{self._name} cannot be written any further: {error.strerror}") from error

    def finish(self, drops: Sequence[int], time_ns: int) -> None:
        """Write how many frames each interface dropped, by number, and that capturing ended at `time_ns` (§4.6)."""
        time = struct.pack("<II", time_ns >> 32, time_ns & 0xFFFFFFFF)
        for number, dropped in enumerate(drops):
            options = _option(ISB_ENDTIME, time) + _option(ISB_OSDROP, struct.pack("<Q", dropped))
            self._put(_block(STATISTICS, struct.pack("<I", number) + time + options + _END))


_END = b"\0\0\0\0"


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def _block(kind: int, body: bytes) -> bytes:
    total = len(body) + 12
    return struct.pack("<II", kind, total) + body + struct.pack("<I", total)
