"""tshark's view of every sample beside ours; each disagreement is a bug or an entry of EXPLAINED.

Where the public captures of facts/corpus.md lie beside the repository, their verdicts a frame are held against
ours too; they are not part of the project.
"""

import csv
import lzma
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from itertools import islice, product
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.console import Console

from analyzer.analysis import Analysis, analyze
from analyzer.capture.decode.packets import Decoder
from analyzer.capture.files.reader import CaptureReader
from analyzer.capture.files.source import open_source
from analyzer.diagnostics import Diagnostics
from analyzer.engine.dispatch import Engine
from analyzer.keepalive.tags.tag import TAGS, Tag
from analyzer.report.terminal import timelines
from analyzer.report.units import Clock
from analyzer.schema import KIND_TCP

ROOT = Path(__file__).parents[2]
CAPTURES = sorted(ROOT.glob("samples/*/capture.pcap*"))


class Disagreement(NamedTuple):
    """Frames that only one of the two calls a keepalive probe."""

    frames: tuple[int, ...]
    ours: str
    """Our tag."""
    why: str
    """What decides, with the clause."""


SECOND_COPY = "the second copy of a frame: IP ID and timestamp are those of the first (RFC 6864 §4.3, RFC 7323 §3)"
WINDOW_CLOSED = "the peer's window is 0 and data waits: a window probe, which on Linux is empty (RFC 9293 §3.8.6.1)"
EXPLAINED = {
    "at-router-any-8-2-4": Disagreement((20, 24), "duplicate-frame", SECOND_COPY),
    "mirrored-twice-8-2-4": Disagreement((20, 24, 28, 30, 32, 38), "duplicate-frame", SECOND_COPY),
    "router-any-resets-6-2-4": Disagreement((18,), "duplicate-frame", SECOND_COPY),
    "snaplen-64-8-2-4": Disagreement(
        (10, 12, 14, 15, 16, 17),
        "keepalive-probe",
        "tshark analyses no segment whose options are cut off; the fixed header is there (RFC 9293 §3.1)",
    ),
    "started-late-8-2-4": Disagreement(
        (1, 3, 5, 7, 8, 9, 12),
        "keepalive-probe",
        "the capture begins with an empty probe: the peer's ACK tells SND.NXT, not the sender's history (§3.4)",
    ),
    "telnet-lost-octet": Disagreement(
        (23, 24, 25, 26, 27),
        "retransmission",
        "one octet that was never acknowledged is data sent again; a probe's octet is acknowledged (§3.8.1, §3.8.4)",
    ),
    "zero-window-dead": Disagreement((14, 16, 17, 19, 21, 23), "zero-window-probe", WINDOW_CLOSED),
    "zero-window": Disagreement((14, 16, 17, 19, 21, 23, 25, 29), "zero-window-probe", WINDOW_CLOSED),
    "zero-window-keepalive-5-2-3": Disagreement((14, 16, 17, 19, 21, 23, 25, 29), "zero-window-probe", WINDOW_CLOSED),
}
"""By sample; clauses are of RFC 9293 where nothing else is said."""
AGREED = Disagreement((), "", "")
MOST_TIMELINES = 3

PUBLIC = ROOT.parent / "shared/public"
PUBLIC_CAPTURES = sorted(PUBLIC.glob("*.pcap*")) or [PUBLIC]

each_sample = pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.parent.name)
each_public_capture = pytest.mark.parametrize("capture", PUBLIC_CAPTURES, ids=lambda capture: capture.name)
is_needed = pytest.mark.needs("tshark")


FIELDS = {
    "frame": "frame.number",
    "payload_len": "tcp.len",
    "seq": "tcp.seq_raw",
    "ack": "tcp.ack_raw",
    "flags": "tcp.flags",
    "window": "tcp.window_size_value",
    "stream": "tcp.stream",
    "is_probe": "tcp.analysis.keep_alive",
}
"""Of a segment, by our names."""
OF_EACH_FRAME = ("frame.protocols", "frame.len", "frame.time_epoch", "frame.time_relative")


EIGHT_BITS = 0xFF
"""Control bits that are decoded; the ninth of tshark's is AE (RFC 9768)."""


@cache
def dissected(capture: Path) -> list[dict[str, str]]:
    """What tshark says of every frame; it is asked once."""
    octets = capture.read_bytes()
    octets = lzma.decompress(octets) if capture.suffix == ".xz" else octets  # which tshark does not expand
    fields = (*OF_EACH_FRAME, *FIELDS.values())
    command = ["tshark", "-n", "-r", "-", "-T", "fields", *(word for field in fields for word in ("-e", field))]
    lines = subprocess.run(command, check=False, input=octets, capture_output=True).stdout.decode().splitlines()
    return [dict(zip(fields, line.split("\t"), strict=True)) for line in lines]


def tshark(capture: Path) -> list[dict[str, int]]:
    """Its fields of every segment. What ICMP errors quote is no segment, but has a TCP header for it."""
    rows = [
        {name: int(frame[field] or "0", 0) for name, field in FIELDS.items()}
        for frame in dissected(capture)
        if "tcp" in (layers := frame["frame.protocols"].split(":")) and not {"icmp", "icmpv6"} & {*layers}
    ]
    return [row | {"flags": row["flags"] & EIGHT_BITS} for row in rows]


def packets(capture: Path) -> Iterator[dict[str, int]]:
    """Every TCP segment that we decode."""
    engine, notes, decoder = Engine(), Diagnostics(), Decoder()
    with open_source(str(capture)) as source:
        for buffer, records, first_frame in CaptureReader(source, notes).chunks(engine):
            rows = decoder.decode(buffer, records, first_frame, engine, notes.counts)
            columns = rows.view._asdict()
            yield from ({name: values[row] for name, values in columns.items()} for row in range(len(rows)))


@cache
def analysis(capture: Path) -> Analysis:
    return analyze(str(capture))


def tags(capture: Path) -> dict[int, str]:
    """Ours, by frame."""
    frame, tag = analysis(capture).candidates.view.frame, analysis(capture).segments.view.tag
    return {frame[row]: TAGS[tag[row]] for row in range(len(analysis(capture).candidates))}


def probes(capture: Path) -> set[int]:
    return {frame for frame, tag in tags(capture).items() if tag == Tag.KEEPALIVE_PROBE}


@is_needed
@each_sample
def test_frames_are_those_of_tshark(capture: Path) -> None:
    with open_source(str(capture)) as source:
        frames = [
            (f"{ts_ns // 10**9}.{ts_ns % 10**9:09d}", str(wire_len))
            for _, records, _ in CaptureReader(source, Diagnostics()).chunks(Engine())
            for ts_ns, wire_len in islice(zip(records.view.ts_ns, records.view.wire_len, strict=True), len(records))
        ]
    assert frames == [(one["frame.time_epoch"], one["frame.len"]) for one in dissected(capture)]
    assert frames


@is_needed
@each_sample
def test_segments_are_those_of_tshark(capture: Path) -> None:
    names = ("frame", "payload_len", "seq", "ack", "flags", "window")
    ours = [tuple(one[name] for name in names) for one in packets(capture) if one["kind"] == KIND_TCP]
    assert ours == [tuple(one[name] for name in names) for one in tshark(capture)]
    assert ours


@is_needed
@each_sample
def test_connections_are_those_of_tshark(capture: Path) -> None:
    assert len(analysis(capture).flows) == len({one["stream"] for one in tshark(capture)})


def instants(capture: Path) -> dict[str, dict[str, str]]:
    """tshark's times, with nine decimals, by what they count from and by frame."""
    fields = {"rel": "frame.time_relative", "epoch": "frame.time_epoch"}
    return {
        name: {frame["frame.number"]: frame[field] for frame in dissected(capture)} for name, field in fields.items()
    }


@is_needed
@each_sample
def test_times_of_a_timeline_are_found_in_tshark_s(capture: Path) -> None:
    """Every digit that is shown is there."""
    console = Console(width=200, color_system=None)
    flows = analysis(capture).flows[:MOST_TIMELINES]
    for (time, theirs), flow in product(instants(capture).items(), flows):
        with console.capture() as captured:
            console.print(timelines(analysis(capture), analysis(capture).flows[flow.id : flow.id + 1], 1, Clock(time)))
        lines = re.findall(r"^ +(\d+\.\d{6})  (\d+) ", captured.get(), re.MULTILINE)
        assert lines
        assert [(shown, frame) for shown, frame in lines if not theirs[frame].startswith(shown)] == []


@is_needed
@each_sample
def test_keepalive_probes_are_those_of_tshark(capture: Path) -> None:
    theirs = {one["frame"] for one in tshark(capture) if one["is_probe"]}
    explained = EXPLAINED.get(capture.parent.name, AGREED)
    assert probes(capture) ^ theirs == set(explained.frames)
    assert {tags(capture)[frame] for frame in explained.frames} <= {explained.ours}


@each_public_capture
def test_keepalive_probes_of_public_captures_are_those_that_were_judged_so(capture: Path) -> None:
    """Frames that tshark labels or misses, each judged by the rules of facts/corpus.md."""
    if not capture.is_file():
        pytest.skip(f"{PUBLIC} is not here: public captures are not part of the project")
    with (PUBLIC / "verdicts.tsv").open(newline="") as table:
        rows = [row for row in csv.DictReader(table, delimiter="\t") if row["file"] == capture.name]
    assert probes(capture) == {int(row["frame"]) for row in rows if row["verdict"] == "keepalive"}
