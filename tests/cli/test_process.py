"""What surrounds a run: streams whose reader has left, and places of other users."""

import os
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from analyzer.cli.process import ANALYSED, UNUSABLE, complain, leave_homes_of_others, reader_may_leave, without_stdout

NOBODY = 65534


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Standard output is a pipe whose reader has left."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as pipe:  # noqa: PTH123  # a descriptor
        monkeypatch.setattr(sys, "stdout", pipe)
        yield


@pytest.mark.usefixtures("left")
def test_a_run_goes_on_when_its_reader_has_left() -> None:
    with reader_may_leave():
        sys.stdout.write("more than it wants")
    sys.stdout.write("this goes nowhere")
    sys.stdout.flush()


@pytest.mark.usefixtures("left")
def test_a_full_disk_is_told_and_a_closed_pipe_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", said := StringIO())
    assert without_stdout(BrokenPipeError()) == ANALYSED
    assert said.getvalue() == ""
    assert without_stdout(OSError(28, "No space left on device")) == UNUSABLE
    assert said.getvalue() == "ka-analyze: standard output cannot be written: No space left on device\n"


def test_complaints_hold_nothing_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    complain("a\x1b[31m\nb")
    assert capsys.readouterr().err == "ka-analyze: a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}b\n"


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root, to have a home of another user")
def test_places_are_forgotten_that_another_user_may_exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("theirs/root-made-this", "own"):
        (tmp_path / name).mkdir(parents=True)
    os.chown(tmp_path / "theirs", NOBODY, NOBODY)
    monkeypatch.setenv("HOME", str(tmp_path / "theirs"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "theirs/root-made-this"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    leave_homes_of_others()
    left = {name for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME") if name in os.environ}
    assert left == {"XDG_CONFIG_HOME"}


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_a_closed_pipe_is_no_failure_of_what_is_printed_at_once(flag: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "analyzer", flag], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (ANALYSED, b"")
