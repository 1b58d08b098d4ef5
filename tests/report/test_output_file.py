"""Output is whole or not there, whatever happens while it is written, and never a capture."""

import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pytest

from analyzer.errors import OptionError
from analyzer.report.output_file import (
    binary_output,
    check_outputs,
    check_writable,
    open_recording,
    text_output,
)

NOBODY = 65534


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# Whole


def test_the_name_appears_when_all_is_written(tmp_path: Path) -> None:
    with binary_output(str(tmp_path / "out"), "-o") as file:
        file.write(b"half")
        file.flush()
        assert "out" not in names(tmp_path)
        file.write(b" and half")
    assert (tmp_path / "out").read_bytes() == b"half and half"
    assert names(tmp_path) == {"out"}


def test_text_is_utf8_with_its_own_line_ends(tmp_path: Path) -> None:
    with text_output(str(tmp_path / "out"), "-o") as file:
        file.write("a → b\r\nc\n\udcff")
    assert (tmp_path / "out").read_bytes() == "a → b\r\nc\n?".encode()


def test_a_new_file_has_the_usual_permissions_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with binary_output(str(tmp_path / "new"), "-o"):
            pass
        (tmp_path / "old").touch(mode=0o600)
        with binary_output(str(tmp_path / "old"), "-o"):
            pass
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new", "old")]
    assert modes == [0o640, 0o600]


def test_what_replaces_a_private_file_never_was_anything_else(tmp_path: Path) -> None:
    (tmp_path / "out").touch(mode=0o600)
    with binary_output(str(tmp_path / "out"), "-o") as file:
        file.write(b"x")
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_nobody_becomes_whoever_writes_by_running_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    (tmp_path / "out").chmod(0o6755)
    with binary_output(str(tmp_path / "out"), "-o"):
        pass
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o755


def test_a_link_stays_and_leads_to_the_new_file(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "there" / "file")
    with text_output(str(tmp_path / "out"), "-o") as file:
        file.write("new")
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / "there" / "file").read_text() == "new"
    assert names(tmp_path / "there") == {"file"}


def test_the_longest_name_that_there_can_be(tmp_path: Path) -> None:
    with text_output(str(tmp_path / ("n" * 255)), "-o") as file:
        file.write("x")
    assert names(tmp_path) == {"n" * 255}


def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with text_output(str(pipe), "-o") as file:
        file.write("through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert pipe.is_fifo()


# Or not there


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
@pytest.mark.parametrize("writer", [binary_output, text_output])
def test_what_stops_the_writing_leaves_the_old_file(
    writer: Callable[..., object], error: type[BaseException], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.write_text("yesterday")
    with pytest.raises(error), writer(str(out), "-o"):
        raise error
    assert out.read_text() == "yesterday"
    assert names(tmp_path) == {"out"}


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    refused = pytest.raises(OptionError, match=r"missing/out cannot be written: No such file.*give --html another")
    with refused, binary_output(str(tmp_path / "missing" / "out"), "--html"):
        pass


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cannot be written: Is a directory"), text_output(str(tmp_path), "-o"):
        pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("octets", [10, 100_000], ids=["told at the end", "told on the way"])
def test_a_full_device(octets: int) -> None:
    full = pytest.raises(OptionError, match="/dev/full cannot be written: No space left")
    with full, text_output("/dev/full", "-o") as file:
        file.write("x" * octets)


# Recordings, which are there from the beginning


def test_a_recording_is_there_whatever_happens_and_what_was_there_is_not(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("yesterday")
    with suppress(ZeroDivisionError), open_recording(str(tmp_path / "out"), "-w") as file:
        file.write(b"today")
        raise ZeroDivisionError
    assert (tmp_path / "out").read_text() == "today"


def test_a_recording_does_not_go_into_another_name_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "out").hardlink_to(tmp_path / "precious")
    with open_recording(str(tmp_path / "out"), "-w") as file:
        file.write(b"x")
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have files of another user")
def test_a_recording_does_not_go_into_a_file_that_another_user_may_have_open(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.touch()
    os.chown(out, NOBODY, NOBODY)
    with out.open() as spy, open_recording(str(out), "-w") as file:
        file.write(b"x")
        assert spy.read() == ""
    assert (out.stat().st_uid, out.read_text()) == (0, "x")


@pytest.mark.parametrize("flag", ["-o", "--csv"])
def test_what_may_not_be_written_is_known_before(flag: str, tmp_path: Path) -> None:
    good, bad = tmp_path / "good", Path("/proc/here/there" if flag == "-o" else "/proc/1/there")
    given = ({flag: str(good)}, {}) if flag == "-o" else ({}, {flag: str(good / "deeper")})
    check_writable(*given)
    check_writable({"-o": "-", "--html": "/dev/null"}, {})
    with pytest.raises(OptionError, match=f"{bad} cannot be written: .*; give {flag} another name"):
        check_writable(*({name: str(bad) for name in one} for one in given))


# Never a capture


@pytest.mark.parametrize("link", [None, os.link, os.symlink], ids=["itself", "hard link", "symbolic link"])
def test_an_output_that_is_a_capture(link: Callable[[Path, Path], None] | None, tmp_path: Path) -> None:
    capture, out = tmp_path / "in.pcap", tmp_path / "out"
    capture.touch()
    if link is not None:
        link(capture, out)
    with pytest.raises(OptionError, match=r"-o .* is the capture .*in\.pcap; give another name"):
        check_outputs({"-o": str(out if link else capture)}, ["other", str(capture)])


def test_standard_output_that_is_appended_to_the_capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = tmp_path / "in.pcap"
    with capture.open("w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        with pytest.raises(OptionError, match="standard output is the capture"):
            check_outputs({"-o": "-"}, [str(capture)])


def test_standard_input_that_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = tmp_path / "in.pcap"
    capture.touch()
    with capture.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        with pytest.raises(OptionError, match="is the capture -"):
            check_outputs({"--html": str(capture)}, ["-"])


def test_two_outputs_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "out")
    with pytest.raises(OptionError, match="is what --html writes, too"):
        check_outputs({"--html": str(tmp_path / "out"), "-o": str(tmp_path / "link")}, [])


def test_what_is_no_regular_file_may_be_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for standard in (None, StringIO()):
        monkeypatch.setattr(sys, "stdin", standard)
        monkeypatch.setattr(sys, "stdout", standard)
        check_outputs({"-o": "-", "--html": "/dev/null", "--csv": "/dev/null"}, ["-", "/dev/null", str(tmp_path)])


def test_captures_that_cannot_be_opened_are_not_judged_here(tmp_path: Path) -> None:
    check_outputs({"-o": str(tmp_path / "out")}, [str(tmp_path / "missing"), "n" * 300, f"{tmp_path}/in.pcap"])
