"""The same document however a sample reaches the program: container, compression, pieces, engine.

Only `capture.files` may differ. The containers are written by tests/capture/writers.py, and by
Wireshark's editcap where there is one.
"""

import bz2
import gzip
import json
import lzma
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import zstandard
from click.testing import CliRunner

from analyzer.analysis import analyze
from analyzer.cli import main
from analyzer.report.json.document import document
from tests.capture.reading import ReadFrame, read_capture
from tests.capture.writers import interface, packet, pcap_bytes, section
from tests.engines import ENGINES
from tests.recordings import SHORT

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": zstandard.ZstdCompressor().compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
}

Document = dict[str, Any]

each_sample = pytest.mark.parametrize("sample", SHORT, ids=lambda path: path.parent.name)
each_order = pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])


def without_names(text: str) -> Document:
    """Nor which of several files something was met in."""
    found = json.loads(text)
    del found["capture"]["files"]
    for note in found["diagnostics"]:
        del note["file"]
    return found


def document_of(path: Path | str, **options: int) -> Document:
    return without_names("".join(document(analyze(str(path), **options))))


@cache
def plain_text(sample: Path) -> str:
    """The document as the command prints it, from the path, interpreted, in one chunk."""
    result = CliRunner().invoke(main, ["--json", str(sample)], env={"KA_ENGINE": "interpreter"})
    assert result.exit_code == 0
    assert all("captured-twice" in line for line in result.stderr.splitlines())  # as some samples are, on purpose
    return result.stdout


def plain(sample: Path) -> Document:
    return without_names(plain_text(sample))


@cache
def frames_of(sample: Path) -> tuple[ReadFrame, ...]:
    return tuple(read_capture(sample.read_bytes()).frames)


def as_pcap(frames: Sequence[ReadFrame], order: str = "<", nano: bool = True) -> bytes:
    link_types = {one.link_type for one in frames}
    if len(link_types) > 1:
        pytest.skip("pcap holds one link type")
    if not nano and any(one.ts_ns % 1000 for one in frames):
        pytest.skip("times need nanoseconds")
    return pcap_bytes([(one.ts_ns, one.octets, one.wire_len) for one in frames], order, nano, link_types.pop())


def as_pcapng(frames: Sequence[ReadFrame], order: str = "<") -> bytes:
    """An interface for each link type, with nanoseconds."""
    link_types = list(dict.fromkeys(one.link_type for one in frames))
    parts = [section(order)]
    parts += [interface(link_type, tsresol=9, order=order) for link_type in link_types]
    parts += [
        packet(one.octets, one.ts_ns, one.wire_len, on=link_types.index(one.link_type), order=order) for one in frames
    ]
    return b"".join(parts)


def written(path: Path, octets: bytes) -> Path:
    path.write_bytes(octets)
    return path


def test_there_are_samples_with_something_to_compare() -> None:
    assert len(SHORT) >= 8
    assert {end["keepalive"] for sample in SHORT for flow in plain(sample)["flows"] for end in flow["ends"]} == {
        "on",
        "not-seen",
    }


@each_sample
def test_again(sample: Path) -> None:
    """Hash seeds differ from run to run."""
    assert document_of(sample) == plain(sample)


@each_sample
def test_standard_input(sample: Path) -> None:
    result = CliRunner().invoke(main, ["--json", "-"], input=sample.read_bytes())
    assert json.loads(result.stdout)["capture"]["files"] == ["-"]
    assert without_names(result.stdout) == plain(sample)


@pytest.mark.parametrize("name", COMPRESSIONS)
@each_sample
def test_compressed(sample: Path, name: str, tmp_path: Path) -> None:
    octets = COMPRESSIONS[name](sample.read_bytes())
    assert document_of(written(tmp_path / f"capture.{name}", octets)) == plain(sample)


@each_sample
def test_compressed_on_standard_input_in_two_members(sample: Path) -> None:
    whole = sample.read_bytes()
    octets = gzip.compress(whole[:1000]) + gzip.compress(whole[1000:])
    assert without_names(CliRunner().invoke(main, ["--json", "-"], input=octets).stdout) == plain(sample)


@pytest.mark.parametrize("nano", [False, True], ids=["us", "ns"])
@each_order
@each_sample
def test_pcap(sample: Path, order: str, nano: bool, tmp_path: Path) -> None:
    path = written(tmp_path / "capture", as_pcap(frames_of(sample), order, nano))
    assert document_of(path) == plain(sample)


@each_order
@each_sample
def test_pcapng(sample: Path, order: str, tmp_path: Path) -> None:
    path = written(tmp_path / "capture", as_pcapng(frames_of(sample), order))
    assert document_of(path) == plain(sample)


@pytest.mark.slow
@pytest.mark.needs("editcap")
@pytest.mark.parametrize("kind", ["pcapng", "nsecpcap", "modpcap", "nokiapcap", "rh6_1pcap", "suse6_3pcap"])
@each_sample
def test_converted_by_editcap(sample: Path, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "capture"
    subprocess.run(["editcap", "-F", kind, sample, path], check=True, capture_output=True)
    assert path.read_bytes() != sample.read_bytes()
    assert document_of(path) == plain(sample)


@each_sample
def test_two_files_are_as_one(sample: Path, tmp_path: Path) -> None:
    """Of two formats, and cut in the middle of what happens."""
    frames = frames_of(sample)
    middle = len(frames) // 2
    first = written(tmp_path / "first", as_pcap(frames[:middle]))
    second = written(tmp_path / "second", as_pcapng(frames[middle:]))
    assert without_names("".join(document(analyze(str(first), str(second))))) == plain(sample)


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize("chunk_octets", [1, 100, 1500, 1 << 20])
@each_sample
def test_chunks_and_engines(sample: Path, chunk_octets: int, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KA_ENGINE", engine)
    assert document_of(sample, chunk_octets=chunk_octets) == plain(sample)


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize("chunk_octets", [100, 1500])
@each_sample
def test_two_threads(sample: Path, chunk_octets: int, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interpreted that never happens, but changes as little."""
    monkeypatch.setenv("KA_ENGINE", engine)
    monkeypatch.setattr("analyzer.analysis.pays_to_decode_ahead", lambda *_: True)
    assert document_of(sample, chunk_octets=chunk_octets) == plain(sample)
