"""A capture in memory, read into plain values that tests can compare."""

import io
import subprocess
from pathlib import Path
from typing import NamedTuple

from analyzer.capture.files.reader import CHUNK_OCTETS, CaptureReader
from analyzer.capture.files.source import Source
from analyzer.diagnostics import Diagnostics
from tests.engines import chosen


class ReadFrame(NamedTuple):
    number: int
    ts_ns: int
    link_type: int
    octets: bytes
    wire_len: int


class Reading(NamedTuple):
    frames: list[ReadFrame]
    notes: dict[str, tuple[int, int]]  # code: count, first frame
    messages: list[str]
    link_types: set[int]
    format: str
    ended: tuple[int, int]

    @property
    def times(self) -> list[int]:
        return [one.ts_ns for one in self.frames]

    @property
    def octets(self) -> list[bytes]:
        return [one.octets for one in self.frames]


def read_capture(octets: bytes, chunk_octets: int = CHUNK_OCTETS, compiled: bool = False) -> Reading:
    engine, diagnostics = chosen(compiled), Diagnostics()
    reader = CaptureReader(Source("test.pcap", io.BytesIO(octets)), diagnostics, chunk_octets)
    frames: list[ReadFrame] = []
    for buffer, records, first_frame in reader.chunks(engine):
        view = records.view
        for row in range(len(records)):
            start = view.offset[row]
            captured = bytes(buffer[start : start + view.captured_len[row]])
            frames.append(
                ReadFrame(first_frame + row, view.ts_ns[row], view.link_type[row], captured, view.wire_len[row])
            )
    assert [one.number for one in frames] == list(range(1, reader.frames + 1))
    notes = {one.code.name: (one.count, one.first_frame) for one in diagnostics}
    return Reading(frames, notes, [one.message for one in diagnostics], reader.link_types, reader.format, reader.ended)


def read_as_pcapng(octets: bytes, folder: Path) -> list[ReadFrame]:
    """The frames that tshark finds, which writes them as pcapng."""
    given, converted = folder / "given", folder / "converted"
    given.write_bytes(octets)
    subprocess.run(["tshark", "-r", str(given), "-F", "pcapng", "-w", str(converted)], check=True, capture_output=True)
    return read_capture(converted.read_bytes()).frames
