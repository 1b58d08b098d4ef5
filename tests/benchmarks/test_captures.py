"""The benchmark's captures, small: the same each time, whole, and read alike by everybody."""

import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from analyzer.analysis import Analysis, analyze
from analyzer.keepalive.tags.tag import TAGS, Tag
from analyzer.report.json.document import tag_lines
from analyzer.schema import ABSENT
from tests.benchmarks.captures import CAPTURES

SHARE = 0.0005
each_capture = pytest.mark.parametrize("name", CAPTURES)


@pytest.fixture
def capture(name: str, tmp_path: Path) -> Path:
    CAPTURES[name].make(tmp_path / name, SHARE)
    return tmp_path / name


def probes(analysis: Analysis) -> set[int]:
    c, tags = analysis.candidates.view, analysis.segments.view.tag
    return {c.frame[row] for row in range(len(analysis.candidates)) if TAGS[tags[row]] == Tag.KEEPALIVE_PROBE}


@each_capture
def test_it_is_the_same_each_time(name: str, capture: Path, tmp_path: Path) -> None:
    CAPTURES[name].make(tmp_path / "again", SHARE)
    assert sha256((tmp_path / "again").read_bytes()).digest() == sha256(capture.read_bytes()).digest()


@each_capture
def test_nothing_in_it_is_odd(name: str, capture: Path) -> None:
    analysis = analyze(str(capture))
    assert not analysis.diagnostics
    segments = CAPTURES[name].segments(SHARE)
    assert analysis.capture.packets == CAPTURES[name].repeats * len(segments.ts_ns)


@each_capture
def test_engines_and_chunks_agree(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lines(engine: str, chunk_octets: int) -> list[str]:
        monkeypatch.setenv("KA_ENGINE", engine)
        return list(tag_lines(analyze(str(capture), chunk_octets=chunk_octets)))

    first = lines("interpreter", 1 << 20)
    assert first
    assert lines("", 1 << 20) == first
    assert lines("", 100_000) == first
    assert lines("interpreter", 10_000) == first


@pytest.mark.needs("tshark")
@each_capture
def test_tshark_finds_the_same_probes(name: str, capture: Path) -> None:
    """But for those whose end the capture knows by a probe only: tshark judges by what an end has sent itself
    (packet-tcp.c tcp_analyze_sequence_number, nextseq), and there a probe is the first thing it sent."""
    command = ("tshark", "-r", str(capture), "-Y", "tcp.analysis.keep_alive", "-T", "fields", "-e", "frame.number")
    theirs = set(map(int, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()))
    analysis = analyze(str(capture))
    ours = probes(analysis)
    assert theirs <= ours
    c: Any = analysis.candidates.view
    first_row: dict[tuple[int, int], int] = {}
    for row in range(len(analysis.candidates)):
        begin = first_row.setdefault((c.flow[row], c.end[row]), row)
        if c.frame[row] in ours - theirs:
            assert c.own_ns[begin] == ABSENT
            assert c.payload_len[begin] == 0
    assert bool(ours - theirs) is (name == "idle")
