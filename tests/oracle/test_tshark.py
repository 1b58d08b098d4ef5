"""tshark's view of every sample beside ours; each disagreement is a bug or an entry of EXPLAINED."""

import lzma
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.capture.headers import decode
from analyzer.capture.reader import CaptureReader
from analyzer.capture.source import open_source
from analyzer.columns import Table
from analyzer.diagnostics import Diagnostics
from analyzer.jit import Engine
from analyzer.keepalive.tags import Tag
from analyzer.schema import KIND_TCP, PACKETS

ROOT = Path(__file__).parents[2]
CAPTURES = sorted(ROOT.glob("samples/*/capture.pcap*"))

EXPLAINED: dict[str, dict[int, str]] = {}
"""By sample: frames that only one of the two calls a probe, and why."""

pytestmark = [
    pytest.mark.needs("tshark"),
    pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.parent.name),
]


@cache
def tshark(capture: Path, shown: str, *fields: str) -> list[tuple[int, ...]]:
    """The fields as numbers of every frame that the display filter shows."""
    octets = capture.read_bytes()
    octets = lzma.decompress(octets) if capture.suffix == ".xz" else octets  # which tshark does not expand
    command = ["tshark", "-n", "-r", "-", "-Y", shown, "-T", "fields"]
    command += [word for field in fields for word in ("-e", field)]
    lines = subprocess.run(command, check=True, input=octets, capture_output=True).stdout.splitlines()
    return [tuple(int(value, 0) for value in line.split(b"\t")) for line in lines]


def packets(capture: Path) -> Iterator[dict[str, int]]:
    """Every TCP segment that we decode."""
    engine, notes, rows = Engine(), Diagnostics(), Table(PACKETS)
    with open_source(str(capture)) as source:
        for buffer, records, first_frame in CaptureReader(source, notes).chunks(engine):
            rows.reserve(len(records) + 1)
            count = engine.run(decode, buffer, records.view, len(records), first_frame, rows.view, notes.counts)
            columns = rows.view._asdict()
            yield from ({name: values[row] for name, values in columns.items()} for row in range(count))


def test_segments_are_those_of_tshark(capture: Path) -> None:
    """Frames in ICMP errors have a second TCP header for tshark, which it is told to leave out."""
    fields = ("frame.number", "tcp.len", "tcp.seq_raw", "tcp.ack_raw", "tcp.flags", "tcp.window_size_value")
    names = ("frame", "payload_len", "seq", "ack", "flags", "window")
    ours = [tuple(one[name] for name in names) for one in packets(capture) if one["kind"] == KIND_TCP]
    assert ours == tshark(capture, "tcp and not icmp and not icmpv6", *fields)
    assert ours


def test_connections_are_those_of_tshark(capture: Path) -> None:
    streams = {stream for (stream,) in tshark(capture, "tcp and not icmp and not icmpv6", "tcp.stream")}
    assert len(analyze(str(capture)).flows) == len(streams)


def test_keepalive_probes_are_those_of_tshark(capture: Path) -> None:
    analysis = analyze(str(capture))
    rows = range(len(analysis.candidates))
    frame, tag = analysis.candidates.view.frame, analysis.segments.view.tag
    ours = {frame[row] for row in rows if tag[row] == Tag.KEEPALIVE_PROBE}
    theirs = {number for (number,) in tshark(capture, "tcp.analysis.keep_alive", "frame.number")}
    assert ours ^ theirs == EXPLAINED.get(capture.parent.name, {}).keys()
