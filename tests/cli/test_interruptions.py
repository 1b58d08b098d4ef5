"""What stops the command on its way: signals, full disks, no memory. One line, the right exit code, no half file."""

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_command import ENVIRONMENT, HEALTHY, SAMPLE, child

HALF_DONE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_IGN if "nohup" in sys.argv else signal.SIG_DFL)
sys.argv = [one for one in sys.argv if one != "nohup"]
from analyzer.report.json import document

def stop(*_):
    yield "half"
    print("half done", file=sys.stderr, flush=True)
    sys.stdin.read()  # until a signal comes, or the parent lets it go on
    yield "whole"

document.document = stop
from analyzer.cli import run
run()
"""
"""The command, waiting for a signal when half of its output is written."""


def interrupted(number: int, *arguments: str | Path, cwd: Path) -> tuple[int, str]:
    """Exit code and stderr of a command that gets this signal when half of its output is written."""
    command = [sys.executable, "-c", HALF_DONE, *map(str, arguments)]
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    with subprocess.Popen(command, env=ENVIRONMENT, cwd=cwd, **pipes) as process:
        assert process.stderr.readline() == "half done\n"
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
        return process.returncode, stderr


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "ended by SIGTERM"),
        (signal.SIGHUP, 129, "ended by SIGHUP"),
    ],
)
def test_a_signal_leaves_the_old_output_or_none(number: int, code: int, words: str, tmp_path: Path) -> None:
    assert interrupted(number, SAMPLE, "--json", "-o", "out", cwd=tmp_path) == (code, f"ka-analyze: {words}\n")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "out").write_text("yesterday")
    interrupted(number, SAMPLE, "--json", "-o", "out", cwd=tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["yesterday"]


def test_nohup_is_obeyed(tmp_path: Path) -> None:
    code, stderr = interrupted(signal.SIGHUP, "nohup", SAMPLE, "--json", "-o", "out", cwd=tmp_path)
    assert (code, stderr) == (0, "")
    assert (tmp_path / "out").read_text() == "halfwhole"


@pytest.mark.parametrize("options", [("--json", "-o"), ("-o",), ("--annotate",)], ids=" ".join)
def test_a_disk_that_fills_up(options: tuple[str, ...], tmp_path: Path) -> None:
    """No file may grow beyond 500 octets here; what is told and left is the same as on a full disk."""

    def fill_up() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, resource.RLIM_INFINITY))

    environment = ENVIRONMENT | {"PYTHONDONTWRITEBYTECODE": "1"}  # Python does not notice that it wrote only half
    result = child(SAMPLE, *options, "out", cwd=tmp_path, preexec_fn=fill_up, env=environment)
    assert result.returncode == 2
    [line] = result.stderr.splitlines()
    assert line.startswith("ka-analyze: out cannot be written: File too large; give ")
    assert list(tmp_path.iterdir()) == []


def test_no_memory_is_one_line() -> None:
    code = """
import analyzer.analysis
def analyze(*_, **__): raise MemoryError
analyzer.analysis.analyze = analyze
from analyzer.cli import run
run()
"""
    result = child(SAMPLE, code=code)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("ka-analyze: there is not enough memory")
    assert len(result.stderr.splitlines()) == 1


def test_half_of_the_files_cannot_be_read(tmp_path: Path) -> None:
    """A line for the code with each of them, what can be read analysed, exit 3."""
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("no capture at all\n")
    (tmp_path / "folder").mkdir()
    bad = [tmp_path / name for name in ("empty", "text", "folder", "missing")]
    result = child("--json", bad[0], SAMPLE, bad[1], HEALTHY, *bad[2:])
    assert result.returncode == 3
    [line] = result.stderr.splitlines()
    for words in ("unreadable-file (4×)", "empty", "text that begins", "directory", "no such file"):
        assert words in line
    assert len(json.loads(result.stdout)["flows"]) == 2
