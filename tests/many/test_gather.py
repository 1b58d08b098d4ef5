"""Files read by whoever reads, joined: the same as one file, whatever fails."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from analyzer.analysis import analyze
from analyzer.cli import main
from analyzer.errors import CaptureError
from analyzer.many.gather import gather
from analyzer.many.shard import Shard, read_or_error
from analyzer.report.units import iso
from tests.capture.writers import pcapng_bytes, statistics
from tests.many.cut import files_of, tables
from tests.recordings import FOLDER
from tests.test_same_everywhere import frames_of


def read(names: Sequence[str]) -> Iterator[Shard | CaptureError]:
    return map(read_or_error, names)


RECORDING = FOLDER / "nat-fifty-300/capture.pcap"
"""50 connections that idle for up to half an hour behind a NAT that forgets them."""


def cut(folder: Path, count: int) -> list[str]:
    recorded = [(one.ts_ns, one.octets, one.wire_len) for one in frames_of(RECORDING)]
    return files_of(folder, recorded, [len(recorded) * n // count for n in range(1, count)])


def test_a_ring_of_200_files_is_the_single_file(tmp_path: Path) -> None:
    names = cut(tmp_path, 200)
    assert len(names) == 200
    done: list[str] = []
    expected, found = tables(analyze(str(RECORDING))), tables(gather(names, read, on_file=done.append))
    assert done == names
    for key in expected.keys() - {"capture"}:
        assert found[key] == expected[key], key
    assert sum(found["capture"].frames) == expected["capture"].packets


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Good files of a ring, one corrupt in its middle, one that cannot be read."""
    third = Path(cut(tmp_path, 4)[2])
    octets = third.read_bytes()
    third.with_name("corrupt.pcap").write_bytes(
        octets[: len(octets) // 2] + b"\xff" * 100 + octets[len(octets) // 2 + 100 :]
    )
    third.unlink()
    (tmp_path / "unreadable.pcap").write_bytes(b"\xff" * 400)
    return tmp_path


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize("flags", [[], ["--jobs", "2"], ["--keep-shards", "kept"]], ids=" ".join)
def test_a_corrupt_and_an_unreadable_file_among_good_ones(flags: list[str], damaged: Path, tmp_path: Path) -> None:
    flags = [str(tmp_path.parent / f"{tmp_path.name}-kept") if one == "kept" else one for one in flags]
    result = CliRunner().invoke(main, ["--json", *flags, str(damaged)])
    assert result.exit_code == 3
    found: dict[str, Any] = json.loads(result.stdout)
    good = sum(analyze(str(damaged / f"0000{n}.pcap")).capture.packets for n in (0, 1, 3))
    assert good < found["capture"]["packets"] < good + analyze(str(damaged / "00003.pcap")).capture.packets + 100
    notes = {one["code"]: one["message"] for one in found["diagnostics"]}
    assert "unreadable.pcap" in notes["unreadable-file"]
    assert "corrupt.pcap" in notes["damaged-record"]


def test_nothing_but_bad_files(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"none of the 2 inputs can be used: .*a\.pcap.*b\.pcap"):
        gather([str(tmp_path / "a.pcap"), str(tmp_path / "b.pcap")], read)


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize("how", [[], ["--jobs", "2"], ["--keep-shards", "kept"], ["--keep-shards", "kept", "--resume"]])
@pytest.mark.parametrize("until", [[], ["--until", "+30"]], ids=["as the files say", "as a person says"])
def test_the_end_of_capturing_whoever_reads(how: list[str], until: list[str], tmp_path: Path) -> None:
    recorded = [(one.ts_ns, one.octets) for one in frames_of(RECORDING)]
    last_ns, names = recorded[-1][0], [str(tmp_path / f"{n}.pcapng") for n in range(3)]
    for n, (name, wait_s) in enumerate(zip(names, (90, 0, 60), strict=True)):
        part = recorded[n * len(recorded) // 3 : (n + 1) * len(recorded) // 3]
        Path(name).write_bytes(pcapng_bytes(part) + statistics(0, ended=part[-1][0] + wait_s * 10**9))
    flags = [str(tmp_path / "kept") if one == "kept" else one for one in how]
    if "--resume" in how:
        CliRunner().invoke(main, ["--json", *flags, *names])
    result = CliRunner().invoke(main, ["--json", *flags, *until, *names])
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["capture"]["until"] == iso(last_ns + (30 if until else 60) * 10**9)
    assert found["flows"] == json.loads(CliRunner().invoke(main, ["--json", *until, *names]).stdout)["flows"]
