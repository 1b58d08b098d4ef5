"""Text of tcpdump and tshark, pasted into a file or a pipe, served as pcapng.

`recognised` tells by the first lines whether a source is such a text. What the lines lack is said in diagnostics:
nothing is claimed from it. Lines that cannot be read are counted, and the rest is analysed.
"""

import codecs
from collections.abc import Iterator

from analyzer.capture.files.other_formats import Record, as_pcapng, stream_of
from analyzer.capture.files.source import Source
from analyzer.capture.text import tcpdump, tshark
from analyzer.capture.text.clock import Clock
from analyzer.capture.text.frames import frame_of
from analyzer.capture.text.lines import Names, Other, Packet, Segment
from analyzer.capture.text.packets import Packets
from analyzer.diagnostics import (
    INTERFACE_DROPS,
    NUMBER_NOT_IN_TEXT,
    TEXT_LACKS,
    UNDECIDED_IN_TEXT,
    UNREADABLE_LINE,
    Diagnostics,
)
from analyzer.errors import CaptureError

HEAD_OCTETS = 1 << 16
PIECE_OCTETS = 1 << 18
LONGEST_LINE = 2048
MOST_NAMES_SAID = 3
BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
"""PowerShell writes UTF-16 where output is redirected."""
Tool = tcpdump.TcpdumpText | tshark.TsharkText
TOOLS: dict[str, type[Tool]] = {"tcpdump": tcpdump.TcpdumpText, "tshark": tshark.TsharkText}
BEGINS = {"tcpdump": tcpdump.BEGIN, "tshark": tshark.BEGIN}


class Recognised:
    """A text whose tool is known: `stream` serves it as pcapng, once."""

    def __init__(self, source: Source, tool: str, times: list[str], diagnostics: Diagnostics, frames: int) -> None:
        """Begin to read; `frames` came before this capture."""
        self.name = f"text of {tool}"
        self._source, self._tool, self._diagnostics = source, tool, diagnostics
        self._frames, self._lines = frames, 0
        self._names, self._clock = Names(), Clock(times)
        self._reader: Tool = TOOLS[tool](self._clock, self._names)
        self._packets = Packets(is_counted=tool == "tshark")

    def stream(self) -> Source:
        """Return a source that serves the text's packets as pcapng."""
        return Source(self._source.name, stream_of(joined(as_pcapng(self._records()))))

    def _records(self) -> Iterator[Record]:
        for packet in self._taken():
            link_type, wire_len, octets = frame_of(packet)
            yield Record(packet.ts_ns, link_type, wire_len, octets)
        self._note_what_is_missing()

    def _taken(self) -> Iterator[Packet]:
        for line in lines_of(self._source):
            self._lines += 1
            if len(line) > LONGEST_LINE:
                self._note_unreadable()
            elif line and not line.isspace():
                try:
                    for packet in self._reader.read(line):
                        self._frames += 1
                        yield from self._packets.take(packet)
                except ValueError:
                    self._note_unreadable()
        for packet in self._reader.end():
            yield from self._packets.take(packet)
        yield from self._packets.end()

    def _note_unreadable(self) -> None:
        first = f"{self._source.name}: line {self._lines:,}"
        is_first = not self._diagnostics.counts[2 * UNREADABLE_LINE]
        self._diagnostics.add(UNREADABLE_LINE, self._frames + 1, f"the first is {first}" if is_first else "")

    def _note_what_is_missing(self) -> None:
        diagnostics, places, names = self._diagnostics, self._packets.places, self._names
        lacks = ["its time zone, UTC is taken"] if self._clock.has_date else ["the date"]
        if not self._reader.has_ttl:
            lacks.append("TTL and IP identification, so that it stays open who sent a RST")
        for text, address in list(names.hosts.items())[:MOST_NAMES_SAID]:
            lacks.append(f"the address of {text}, called {'.'.join(map(str, address))}")
        for text, port in list(names.services.items())[:MOST_NAMES_SAID]:
            lacks.append(f"the port of {text}, taken for {port}")
        diagnostics.add(TEXT_LACKS, 0)
        for one in lacks:
            diagnostics.detail(TEXT_LACKS, one)
        if places.numberless:
            words = f"{places.inferred:,} were taken for keepalive probes"
            diagnostics.add(NUMBER_NOT_IN_TEXT, 0, words, places.numberless)
        undecided = places.undecided + self._packets.undecided
        if undecided:
            diagnostics.add(UNDECIDED_IN_TEXT, 0, "", undecided)
        if self._reader.dropped:
            diagnostics.add(INTERFACE_DROPS, 0, "", self._reader.dropped)


def recognised(source: Source, diagnostics: Diagnostics, frames: int) -> Recognised | None:
    """Return the text as one of the tools' if its first lines are; None if they are something else.

    Raises CaptureError for what these tools print with options that leave out what the analysis needs.
    """
    lines = list(lines_of_octets(iter([source.peek(HEAD_OCTETS)])))
    read = {tool: _readable(lines, tool) for tool in TOOLS}
    tool = max(read, key=read.__getitem__)
    if not any(read[tool]):
        _refuse(source.name, lines)
        return None
    return Recognised(source, tool, _times(lines, tool), diagnostics, frames)


def _times(lines: list[str], tool: str) -> list[str]:
    return [found[1] for line in lines if (found := BEGINS[tool].match(line[:LONGEST_LINE]))]


def _readable(lines: list[str], tool: str) -> tuple[int, int]:
    """Return how many segments, and how many other packets that are known, a tool's reader finds in lines."""
    reader, found = TOOLS[tool](Clock(_times(lines, tool)), Names()), [0, 0]
    for line in lines:
        try:
            for packet in reader.read(line[:LONGEST_LINE]):
                found[not isinstance(packet, Segment)] += not isinstance(packet, Other)
        except ValueError:
            continue
    for packet in reader.end():
        found[not isinstance(packet, Segment)] += not isinstance(packet, Other)
    return found[0], found[1]


def _refuse(name: str, lines: list[str]) -> None:
    """Raise CaptureError for text that is known, but does not have what the analysis needs."""
    for line in lines:
        if line.startswith("Frame ") and " bytes on wire" in line:
            raise CaptureError(
                f"{name}: details of packets, as tshark -V prints them; give a line a packet, without -V"
            )
        if tcpdump.FLAGS in line and " > " in line:
            raise CaptureError(f"{name}: text of tcpdump without times, which are what tells; print it without -t")
        if tcpdump.is_quiet(line):
            raise CaptureError(f"{name}: text of tcpdump -q, without flags and numbers; print it without -q")


def joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield pieces joined to longer ones: each costs the reader a turn."""
    ready, octets = [], 0
    for piece in pieces:
        ready.append(piece)
        octets += len(piece)
        if octets >= PIECE_OCTETS:
            yield b"".join(ready)
            ready, octets = [], 0
    yield b"".join(ready)


def lines_of(source: Source) -> Iterator[str]:
    """Yield the lines of a source; one that is too long is cut, a little longer than the longest."""

    def pieces() -> Iterator[bytes]:
        while piece := source.take(PIECE_OCTETS):
            yield piece

    return lines_of_octets(pieces())


def lines_of_octets(pieces: Iterator[bytes]) -> Iterator[str]:
    """Yield the lines of octets that come in pieces, in UTF-8 or with a byte order mark."""
    first = next(pieces, b"")
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if first.startswith(mark)), "utf-8")
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    rest, is_cut = "", False
    piece: bytes | None = first
    while piece is not None:
        text = decoder.decode(piece)
        piece = next(pieces, None)
        if piece is None:
            text += decoder.decode(b"", True)
        *whole, rest = (rest + text).split("\n")
        for line in whole:
            if not is_cut:
                yield line
            is_cut = False
        if len(rest) > LONGEST_LINE:
            if not is_cut:
                yield rest[: LONGEST_LINE + 1]
            rest, is_cut = "", True
    if rest and not is_cut:
        yield rest
