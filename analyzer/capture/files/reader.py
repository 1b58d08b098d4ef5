"""Chunks of records from a capture of either format, in bounded memory.

Knows how to tell formats apart, also those that it can only name, and how records are
carried from one buffer to the next. The formats themselves are in pcap.py and pcapng.py.
"""

import codecs
from collections.abc import Iterator

from analyzer.capture.files.locations import PEEK_OCTETS, InFolder
from analyzer.capture.files.other_formats import translated
from analyzer.capture.files.pcap import (
    BROKEN,
    FILE_HEADER_OCTETS,
    FRAMES,
    HEADER_OCTETS,
    LAST_NS,
    LINK_TYPE,
    MORE,
    NEXT,
    PREVIOUS,
    STATUS,
    is_file_header,
    is_pcap,
    read_file_header,
    walk_pcap,
)
from analyzer.capture.files.pcapng import (
    DESCRIPTION,
    ENDED,
    ENDED_AFTER,
    INTERFACES,
    TAKEN,
    count_damaged,
    is_pcapng,
    new_state,
    read_description,
    walk_pcapng,
)
from analyzer.capture.files.salvage import LONGEST_FOUND, find_block, find_record, header_octets
from analyzer.capture.files.source import Source, open_source
from analyzer.diagnostics import APPENDED_CAPTURE, DAMAGED_COMPRESSION, DAMAGED_RECORD, TRUNCATED_FILE, Diagnostics
from analyzer.engine.dispatch import Engine, new_engine
from analyzer.engine.table import Table
from analyzer.errors import CaptureError, NoCaptureError, UnknownFormatError
from analyzer.schema import ABSENT
from analyzer.schema.packets import RECORDS

CHUNK_OCTETS = 1 << 20
CHUNK_RECORDS = 1 << 15

RUN_OF_ZEROS = 64
"""Length of a run that no header of a record or block contains: a search may skip longer ones."""

OTHER_FORMAT = {
    b"XCP\0": "a NetXray or Windows Sniffer capture of an unknown version",
    b"TRSNIFF data": "a DOS Sniffer capture",
    b"iptrace ": "an AIX iptrace capture with times of whole seconds, too coarse for timers",
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

    def __init__(
        self, source: Source, diagnostics: Diagnostics, chunk_octets: int = CHUNK_OCTETS, frames_before: int = 0
    ) -> None:
        """Read the head of a source and recognise its format. Frames are counted on from `frames_before`, the number in
        the captures that were read before."""
        source, other_format = translated(source)
        if not other_format and may_be_text(source):
            source, other_format = translated_text(source, diagnostics, frames_before)
        self.source = source
        self._diagnostics = diagnostics
        self._buffer = bytearray(max(chunk_octets, FILE_HEADER_OCTETS))
        self._filled = 0
        self._offset = 0  # of the buffer's first octet in the capture
        self._is_end = False
        while self._filled < FILE_HEADER_OCTETS and self._read():
            pass
        head = bytes(self._buffer[: self._filled])
        self.link_types: set[int] = set()
        self.names: dict[str, str] = {}
        """Names of addresses, as pcapng has them (`pcapng.read_names`)."""
        self._interfaces = Table(INTERFACES)
        if is_pcap(head) and len(head) >= FILE_HEADER_OCTETS:
            self.format = "pcap"
            self._begin_pcap(head, frames_before)
        elif is_pcapng(head):
            self.format = other_format or "pcapng"
            self._state = new_state()
            self._state[FRAMES] = frames_before
        elif source.damage:
            raise CaptureError(f"{source.name}: {source.damage}, before any packet; get the file again")
        else:
            looks_like_one = is_damaged_or_other(head)
            raise (UnknownFormatError if looks_like_one else NoCaptureError)(f"{source.name}: {describe(head)}")

    def _begin_pcap(self, header: bytes, frames: int, at: int = 0) -> None:
        """Begin a pcap file whose header lies at `at` of the buffer, after `frames` frames."""
        self.file_header = header[:FILE_HEADER_OCTETS]
        self._state = read_file_header(header)
        self._state[NEXT], self._state[FRAMES] = at + FILE_HEADER_OCTETS, frames
        self.link_types.add(self._state[LINK_TYPE])

    @property
    def frames(self) -> int:
        return self._state[FRAMES]

    @property
    def ended(self) -> tuple[int, int]:
        """Return the time of a frame, and until when capturing went on after it, as the file itself says; ABSENT twice
        where it does not."""
        return (ABSENT, ABSENT) if self.format == "pcap" else (self._state[ENDED_AFTER], self._state[ENDED])

    @property
    def unread(self) -> bytes:
        """Return what has been taken from the source and not been walked yet."""
        return bytes(self._buffer[self._state[NEXT] : self._filled])

    def chunks(self, engine: Engine) -> Iterator[tuple[bytearray, Table, int]]:
        """Yield a buffer, the records in it, and the number of the first frame; all are used again for the next
        chunk."""
        records = Table(RECORDS)
        records.reserve(CHUNK_RECORDS)
        while True:
            first_frame = self.frames + 1
            records.rows = self._walk(engine, records)
            if records.rows:
                yield self._buffer, records, first_frame
            if self._state[STATUS] == DESCRIPTION:
                self._read_description()
            if self._state[STATUS] == TAKEN or records.rows == CHUNK_RECORDS:
                continue
            if self._state[STATUS] == MORE and self._refill():
                continue
            if self._state[NEXT] == self._filled or not (self._is_another_capture() or self._skip(engine)):
                break
        self._note_the_end()

    def _walk(self, engine: Engine, records: Table) -> int:
        where = (self._buffer, self._state[NEXT], self._filled, self._state)
        into = (records.view, CHUNK_RECORDS)
        if self.format == "pcap":
            if self._state[LAST_NS] == ABSENT:  # at the first record
                self._state[HEADER_OCTETS] = header_octets(*where)
            return engine.run(walk_pcap, *where, *into)
        return engine.run(walk_pcapng, *where, self._interfaces.view, *into, self._diagnostics.counts)

    def _read_description(self) -> None:
        read_description(self._buffer, self._filled, self._state, self._interfaces, self._diagnostics, self.names)
        if len(self._interfaces):
            self.link_types.add(self._interfaces.view.link_type[len(self._interfaces) - 1])
            self.link_types.discard(ABSENT)

    def _is_another_capture(self) -> bool:
        """Take in the header of another pcap file, as `cat` puts it there, if that is what stopped the walk; return
        whether it is."""
        if self.format != "pcap":
            return False
        while self._filled < self._state[NEXT] + FILE_HEADER_OCTETS and self._refill():
            pass
        at = self._state[NEXT]
        header = bytes(self._buffer[at : min(at + FILE_HEADER_OCTETS, self._filled)])
        if len(header) < FILE_HEADER_OCTETS or not is_file_header(header):
            return False
        self._diagnostics.add(APPENDED_CAPTURE, self.frames + 1, f"{self.source.name}: at octet {self._offset + at:,}")
        self._begin_pcap(header, self.frames, at)
        return True

    def _skip(self, engine: Engine) -> bool:
        """Continue at the next credible place, and note what is lost; return False where there is none.

        The record before the damage is examined, too: its length may be what is damaged. A record that the end of the
        capture cuts short, with nothing to be found in it, is left for `_note_the_end`.
        """
        state, find = self._state, find_record if self.format == "pcap" else find_block
        damaged_at, is_cut = state[NEXT], state[STATUS] == MORE
        suspect = state[PREVIOUS] if self.format == "pcap" and state[PREVIOUS] != ABSENT else damaged_at
        damaged_from, suspect_from = self._offset + damaged_at, self._offset + suspect
        state[NEXT] = suspect + 1
        if self.format == "pcap":
            state[PREVIOUS] = ABSENT
        else:
            count_damaged(self._buffer, damaged_at, state, self._interfaces)
        while True:
            state[NEXT] += self._zeros_at(state[NEXT])
            state[NEXT] = engine.run(find, self._buffer, state[NEXT], self._filled, self._is_end, state)
            if state[STATUS] == MORE or self._is_end:
                break
            self._refill()
        if is_cut and state[STATUS] == BROKEN:
            state[NEXT] = damaged_at
            return False
        goes_on = self._offset + state[NEXT]
        lost = f"{suspect_from if goes_on < damaged_from else damaged_from:,} to {goes_on - 1:,}"
        self._diagnostics.add(DAMAGED_RECORD, self.frames + 1, f"{self.source.name}: octets {lost}")
        return bool(state[STATUS] == MORE)

    def _zeros_at(self, at: int) -> int:
        """Return how many octets of a long run of zeros that begins here can be skipped; 0 if none does."""
        if any(self._buffer[at : at + RUN_OF_ZEROS]):
            return 0
        with memoryview(self._buffer) as view:
            rest = bytes(view[at : self._filled])
        return max(len(rest) - len(rest.lstrip(b"\0")) - RUN_OF_ZEROS, 0)

    def _refill(self) -> bool:
        """Move what is still needed to the front and read behind it; return False at the end."""
        state = self._state
        keep_from = state[NEXT]
        if self.format == "pcap" and state[PREVIOUS] != ABSENT:
            if state[NEXT] - state[PREVIOUS] <= LONGEST_FOUND:
                keep_from, state[PREVIOUS] = state[PREVIOUS], 0
            else:
                state[PREVIOUS] = ABSENT
        rest = self._buffer[keep_from : self._filled]
        if len(rest) == len(self._buffer):  # one record is longer: the formats' limits bound the growth
            self._buffer = bytearray(2 * len(rest))
        self._buffer[: len(rest)] = rest
        self._filled = len(rest)
        self._offset += keep_from
        state[NEXT] -= keep_from
        count = self._read()
        self._is_end = count == 0
        return count > 0

    def _read(self) -> int:
        with memoryview(self._buffer) as view:
            count = self.source.readinto(view[self._filled :])
        self._filled += count
        return count

    def _note_the_end(self) -> None:
        name, frame = self.source.name, self.frames + 1
        if self.source.damage:
            self._diagnostics.add(DAMAGED_COMPRESSION, frame, f"{name}: {self.source.damage}")
        elif self._state[NEXT] < self._filled:
            self._diagnostics.add(TRUNCATED_FILE, frame, name)


def first_frame_ns(name: str) -> int | None:
    """Return the time of a capture's first frame in ns; None without frames, or if it cannot be used."""
    try:
        with open_source(name) as source:
            for _, records, _ in CaptureReader(source, Diagnostics(), PEEK_OCTETS).chunks(new_engine()):
                return int(records.view.ts_ns[0])
    except CaptureError:
        pass
    return None


SHOWN_TEXT = 40
"""Number of characters shown of a text that is no capture."""


def describe(head: bytes) -> str:
    """Describe a file by its first octets if it is no capture that can be read, and say what to do."""
    if not head:
        return "empty once expanded; give a capture that has been written"
    for magic, what in OTHER_FORMAT.items():
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
    return f"no known capture, {octets}; pcap and pcapng are read, for others try: editcap -F pcapng IN OUT"


def is_damaged_or_other(head: bytes) -> bool:
    """Tell whether what cannot be read looks like a capture all the same: damaged, of another format, or packed."""
    is_known = any(head.startswith(magic) for magic in (*OTHER_FORMAT, *ARCHIVES))
    return is_known or is_pcap(head) or head[:4] == b"\n\r\r\n" or not head


def may_be_text(source: Source) -> bool:
    """Tell whether a source begins with text, in UTF-8 or with a byte order mark. Notes that lie beside captures in a
    directory may quote some lines; only text that was named is taken for packets."""
    if isinstance(source.name, InFolder):
        return False
    head = source.peek(FILE_HEADER_OCTETS)
    has_mark = head.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return has_mark or (is_text(head) and not head.isspace())


def translated_text(source: Source, diagnostics: Diagnostics, frames_before: int) -> tuple[Source, str]:
    """Return the source itself and '', or one that serves the packets of a text as pcapng, and the name of its tool."""
    from analyzer.capture.text.translation import recognised

    text = recognised(source, diagnostics, frames_before)
    return (text.stream(), text.name) if text is not None else (source, "")


def is_text(head: bytes) -> bool:
    """Tell whether octets are readable text."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # which accepts half a character at the end
    except UnicodeDecodeError:
        return False
    return all(one.isprintable() or one.isspace() for one in text)
