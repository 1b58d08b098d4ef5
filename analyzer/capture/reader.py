"""Chunks of records from a capture of either format, in bounded memory.

Knows how to tell formats apart, also those that it can only name, and how records are
carried from one buffer to the next. The formats themselves are in pcap.py and pcapng.py.
"""

import codecs
from collections.abc import Iterator

from analyzer.capture.pcap import (
    BROKEN,
    FILE_HEADER_OCTETS,
    FRAMES,
    LINK_TYPE,
    NEXT,
    STATUS,
    is_pcap,
    read_file_header,
    walk_pcap,
)
from analyzer.capture.pcapng import DESCRIPTION, INTERFACES, TAKEN, is_pcapng, new_state, read_description, walk_pcapng
from analyzer.capture.source import Source
from analyzer.columns import Table
from analyzer.diagnostics import DAMAGED_COMPRESSION, DAMAGED_RECORD, TRUNCATED_FILE, Diagnostics
from analyzer.errors import CaptureError, UnknownFormatError
from analyzer.jit import Engine
from analyzer.schema import NEVER, RECORDS

CHUNK_OCTETS = 1 << 20
CHUNK_RECORDS = 1 << 15

FOREIGN = {
    b"snoop\0\0\0": "a Solaris snoop capture",
    b"RTSS": "a Microsoft Network Monitor 1 capture",
    b"GMBU": "a Microsoft Network Monitor 2 capture",
    b"XCP\0": "a NetXray or Windows Sniffer capture",
    b"TRSNIFF data": "a DOS Sniffer capture",
    b"iptrace ": "an AIX iptrace capture",
}
"""First octets of what Wireshark's tools convert (wiretap/*.c)."""

ARCHIVES = {
    b"PK\x03\x04": "a zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x04\x22\x4d\x18": "lz4 data",
    b"\x1f\x9d": "compress (.Z) data",
}


class CaptureReader:
    """One capture; `chunks` walks through it once, the properties then say what was met so far."""

    def __init__(self, source: Source, diagnostics: Diagnostics, chunk_octets: int = CHUNK_OCTETS) -> None:
        self._source = source
        self._diagnostics = diagnostics
        self._buffer = bytearray(max(chunk_octets, FILE_HEADER_OCTETS))
        self._filled = 0
        while self._filled < FILE_HEADER_OCTETS and self._read():
            pass
        head = bytes(self._buffer[: self._filled])
        self.link_types: set[int] = set()
        self._interfaces = Table(INTERFACES)
        if is_pcap(head) and len(head) >= FILE_HEADER_OCTETS:
            self.format = "pcap"
            self._state = read_file_header(head)
            self._state[NEXT] = FILE_HEADER_OCTETS
            self.link_types.add(self._state[LINK_TYPE])
        elif is_pcapng(head):
            self.format = "pcapng"
            self._state = new_state()
        elif source.damage:
            raise CaptureError(f"{source.name}: {source.damage}, before any packet; get the file again")
        else:
            raise UnknownFormatError(f"{source.name}: {describe(head)}")

    @property
    def frames(self) -> int:
        return self._state[FRAMES]

    def chunks(self, engine: Engine) -> Iterator[tuple[bytearray, Table, int]]:
        """Buffer, records in it, number of the first frame; all are used again for the next chunk."""
        records = Table(RECORDS)
        records.reserve(CHUNK_RECORDS)
        state = self._state
        while True:
            first_frame = self.frames + 1
            records.rows = self._walk(engine, records)
            if records.rows:
                yield self._buffer, records, first_frame
            if state[STATUS] == DESCRIPTION:
                self._read_description()
            if state[STATUS] == BROKEN:
                break
            if state[STATUS] != TAKEN and records.rows < CHUNK_RECORDS and not self._refill(engine):
                break
        self._note_the_end()

    def _walk(self, engine: Engine, records: Table) -> int:
        where = (self._buffer, self._state[NEXT], self._filled, self._state)
        into = (records.view, CHUNK_RECORDS, self._diagnostics.counts)
        if self.format == "pcap":
            return engine.run(walk_pcap, *where, *into)
        return engine.run(walk_pcapng, *where, self._interfaces.view, *into)

    def _read_description(self) -> None:
        read_description(self._buffer, self._filled, self._state, self._interfaces, self._diagnostics)
        if len(self._interfaces):
            self.link_types.add(self._interfaces.view.link_type[len(self._interfaces) - 1])
            self.link_types.discard(NEVER)

    def _refill(self, engine: Engine) -> bool:
        """Carry the incomplete record to the front and read behind it; False at the end."""
        rest = self._buffer[self._state[NEXT] : self._filled]
        if len(rest) == len(self._buffer):  # one record is longer: the formats' limits bound the growth
            self._buffer = bytearray(2 * len(rest))
        self._buffer[: len(rest)] = rest
        self._filled = len(rest)
        self._state[NEXT] = 0
        count = self._read()
        if not self._source.size:  # nobody could announce it
            engine.expect(count)
        return count > 0

    def _read(self) -> int:
        with memoryview(self._buffer) as view:
            count = self._source.readinto(view[self._filled :])
        self._filled += count
        return count

    def _note_the_end(self) -> None:
        name, frame = self._source.name, self.frames + 1
        if self._state[STATUS] == BROKEN:
            self._diagnostics.detail(DAMAGED_RECORD, name)
        elif self._source.damage:
            self._diagnostics.add(DAMAGED_COMPRESSION, frame, f"{name}: {self._source.damage}")
        elif self._state[NEXT] < self._filled:
            self._diagnostics.add(TRUNCATED_FILE, frame, name)


SHOWN_TEXT = 40
"""So much of a text that is no capture is shown."""


def describe(head: bytes) -> str:
    """What these first octets are, if not a capture that is read, and what to do."""
    if not head:
        return "empty once expanded; give a capture that has been written"
    for magic, what in FOREIGN.items():
        if head.startswith(magic):
            return f"{what}; convert it with: editcap -F pcapng IN OUT"
    for magic, what in ARCHIVES.items():
        if head.startswith(magic):
            return f"{what}; take the capture out of it first (gzip, zstd, xz and bzip2 are read as they are)"
    octets = f"begins with {head[:16].hex(' ')}"
    if is_pcap(head) or head[:4] == b"\n\r\r\n":
        return f"the header of a capture, cut short or damaged, {octets}; get the file again"
    if b"\xef\xbf\xbd" in head:
        return f"ruined by a text conversion (UTF-8), {octets}; get the original file again"
    if is_text(head):
        words = head[:SHOWN_TEXT].decode(errors="ignore")
        return f"text that {octets} ({words!r}); give the pcap or pcapng file it was made from"
    if looks_like_erf(head):
        return f"perhaps an Endace ERF capture, {octets}; convert it with: editcap -F pcapng IN OUT"
    return f"no known capture, {octets}; pcap and pcapng are read, for others try: editcap -F pcapng IN OUT"


def is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # which accepts half a character at the end
    except UnicodeDecodeError:
        return False
    return all(one.isprintable() or one.isspace() for one in text)


def looks_like_erf(head: bytes) -> bool:
    """ERF has no file header; its records begin with time (8 octets, seconds last), type, flags, lengths."""
    seconds, kind = int.from_bytes(head[4:8], "little"), head[8] & 0x7F if len(head) > 8 else 0
    record_octets, wire_octets = int.from_bytes(head[10:12], "big"), int.from_bytes(head[14:16], "big")
    is_plausible_time = 788918400 < seconds < 2208988800  # 1995 to 2040
    return is_plausible_time and 1 <= kind <= 27 and record_octets > 16 and wire_octets > 0
