"""Captures that are not one timeline, on the command line."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analyzer.cli import main
from tests.recordings import FOLDER

NAT = FOLDER / "nat-fifty-300/capture.pcap"
OTHER = FOLDER / "nc-30-10-5/capture.pcap"
ROOT = Path(__file__).parents[2]


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["--each", *(str(one) for one in arguments)], env={"NO_COLOR": "1"})


@pytest.mark.parametrize("jobs", [[], ["--jobs", "2"]], ids=["here", "in two processes"])
def test_each_by_itself(jobs: list[str], tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no capture\n")
    result = invoke(NAT, text, OTHER, *jobs)
    assert result.exit_code == 3
    _folder, _heading, first, second = result.stdout.splitlines()
    assert "24 timed out, 26 alive" in first
    assert "30/10/5" in second
    [line] = result.stderr.splitlines()
    assert line.startswith(f"ka-analyze: {text}: text that begins")


def test_each_for_programs() -> None:
    result = invoke(NAT, OTHER, "--json", "-f", "host 10.100.5.1")
    assert result.exit_code == 0
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["file"], one["connections"]) for one in found] == [(str(NAT), 0), (str(OTHER), 1)]


def test_what_each_must_be() -> None:
    result = invoke(NAT, OTHER, "--expect", "time=30", "--fail-on", "path-forgets")
    assert result.exit_code == 1
    assert any(line.startswith(f"ka-analyze: {NAT}: ") and "forgets" in line for line in result.stderr.splitlines())
    assert invoke(OTHER, "--expect", "time=30,intvl=10,probes=5").exit_code == 0


@pytest.mark.parametrize(
    "flags", [("--flow", "0"), ("--html", "x.html"), ("--cluster", "tcp://x:1"), ("--tags",), ("-i", "lo")]
)
def test_what_each_does_not_go_with(flags: tuple[str, ...]) -> None:
    result = invoke(*([] if "-i" in flags else [OTHER]), *flags)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--each goes with files" in result.stderr


def test_nothing_that_can_be_used(tmp_path: Path) -> None:
    result = invoke(tmp_path / "a.pcap", tmp_path / "b.pcap")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 2


def test_the_difference_of_two_captures() -> None:
    result = CliRunner().invoke(
        main, ["--diff", str(OTHER), str(NAT), "-f", "not tcp port 40838"], env={"NO_COLOR": "1"}
    )
    assert result.exit_code == 0
    assert "Settings in force" in result.stdout
    assert [line.split()[1] for line in result.stderr.splitlines()] == [
        "before:"
    ]  # the port is one of the first capture
    for flags in (["--json"], [str(NAT)], ["--point", "a=x"]):
        wrong = CliRunner().invoke(main, ["--diff", str(OTHER), str(NAT), *flags])
        assert (wrong.exit_code, wrong.stdout) == (2, "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.pcap").write_bytes(OTHER.read_bytes())
    (tmp_path / "README.md").write_text("# What these are\n")
    (tmp_path / "noise.bin").write_bytes(b"\xff" * 400)
    return tmp_path


@pytest.mark.parametrize("how", [[], ["--jobs", "2"], ["--each"], ["--keep-shards", "kept"]], ids=" ".join)
def test_what_is_no_capture_in_a_folder_is_skipped(how: list[str], folder: Path, tmp_path_factory) -> None:
    flags = [str(tmp_path_factory.mktemp("kept")) if one == "kept" else one for one in how]
    result = CliRunner().invoke(main, [str(folder), *flags])
    assert result.exit_code == 0
    assert "timed out" in result.stdout
    assert "README" not in result.stdout
    lines = result.stderr.splitlines()
    assert len(lines) == (2 if "--each" in how else 1)
    assert "README.md" in result.stderr
    assert "noise.bin" in result.stderr


def test_what_is_called_a_capture_is_not_skipped(folder: Path) -> None:
    (folder / "b.pcap").write_text("a letter\n")
    result = CliRunner().invoke(main, [str(folder)])
    assert result.exit_code == 3
    assert "unreadable-file" in result.stderr
    assert CliRunner().invoke(main, [str(folder / "a.pcap"), str(folder / "README.md")]).exit_code == 3  # it was named


def test_a_folder_without_any_capture(tmp_path: Path) -> None:
    for name in ("README.md", "notes.txt"):
        (tmp_path / name).write_text("no capture\n")
    result = CliRunner().invoke(main, [str(tmp_path)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("face", [(), ("--flows",), ("--json",)], ids=" ".join)
def test_the_exit_code_stays_when_the_reader_leaves(face: tuple[str, ...]) -> None:
    flags = [str(NAT), *face, "--fail-on", "timed-out"]
    command = [sys.executable, "-m", "analyzer", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT) as running:
        assert running.stdout is not None
        running.stdout.close()
        assert running.wait(60) == 1


def test_the_version_says_what_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r"ka-analyze [0-9.]+ \(machine code, \S+\)\n", CliRunner().invoke(main, ["-V"]).stdout)
    monkeypatch.setenv("KA_ENGINE", "interpreter")
    assert "(interpreter: KA_ENGINE=interpreter)" in CliRunner().invoke(main, ["--version"]).stdout
