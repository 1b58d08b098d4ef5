"""Machine code on the disk: keyed, whole, ours alone; and called as the kernel would be."""

import fcntl
import os
import stat
import subprocess
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from analyzer import machine_code
from analyzer.columns import Table
from analyzer.machine_code import call, is_ours, packed, place, unpacked
from analyzer.schema.packets import RECORDS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")


class Some(NamedTuple):
    records: Any
    counts: "array[int]"


def count_up(some: Some, small: Any, buffer: Any, by: int) -> int:
    """One of each kind of argument."""
    some.counts[0] += by
    some.records.ts_ns[0] += some.counts[0] + small[1]
    return some.records.ts_ns[0] * 256 + buffer[2]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    place.cache_clear()
    yield
    place.cache_clear()


def test_every_kind_of_argument_arrives() -> None:
    records, counts = Table(RECORDS), array("q", [5])
    records.append(7, 0, 0, 0, 0)
    some = Some(records.view, counts)
    results = [call(count_up, (some, array("i", [0, -2]), bytearray(b"\0\0\xff"), 10)) for _ in range(2)]
    assert results == [20 * 256 + 255, 43 * 256 + 255]
    assert (counts[0], records.view.ts_ns[0]) == (25, 43)


def test_an_index_outside_is_an_error_and_not_a_read() -> None:
    some = Some(Table(RECORDS).view, array("q", [5]))
    with pytest.raises(IndexError, match="count_up"):
        call(count_up, (some, array("i", [0, -2]), bytearray(3), 10))
    assert some.counts[0] == 15


def test_what_is_damaged_is_not_run() -> None:
    octets = packed("symbol", b"code")
    assert unpacked(octets) == ("symbol", b"code")
    for damaged in (octets[:-1], octets + b"x", octets.replace(b"symbol", b"simbol"), b"", b"\n"):
        with pytest.raises(ValueError):  # noqa: PT011 of several kinds
            unpacked(damaged)


def test_a_home_that_cannot_be_written_to_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.write_text("no directory")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    monkeypatch.setattr(machine_code.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    assert place().parent == tmp_path / "tmp" / f"ka-analyze-{os.getuid()}"
    assert stat.S_IMODE(place().parent.stat().st_mode) == 0o700


def test_a_directory_that_others_can_write_to_is_not_trusted(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    theirs.chmod(0o777)
    assert not is_ours(theirs)
    theirs.chmod(0o755)
    assert is_ours(theirs)


def test_several_first_runs_at_once(tmp_path: Path) -> None:
    """One compiles, the others wait for it; afterwards nothing is compiled."""
    program = (
        "import sys; from array import array; from analyzer.machine_code import call\n"
        "from tests.test_machine_code import Some, count_up\n"
        "from analyzer.columns import Table; from analyzer.schema.packets import RECORDS\n"
        "t = Table(RECORDS); t.append(7, 0, 0, 0, 0)\n"
        "print(call(count_up, (Some(t.view, array('q', [5])), array('i', [0, 0]), bytearray(3), 1)))\n"
        "print('numba' in sys.modules)\n"
    )
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}

    def start() -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", program]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    for compiling in (1, 0):
        outputs = [one.communicate() for one in [start() for _ in range(3 if compiling else 1)]]
        assert {out.split()[0] for out, _ in outputs} == {str(13 * 256)}
        assert [out.split()[1] for out, _ in outputs].count("True") == compiling
        assert sum("compiling" in error for _, error in outputs) == compiling
    [kept] = [one for one in tmp_path.rglob("*") if one.is_file() and one.suffix != ".lock"]
    unpacked(kept.read_bytes())


def test_what_another_process_makes_is_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(machine_code, "place", lambda: tmp_path)
    monkeypatch.setattr(machine_code, "_made", lambda kernel, _types, _path: made.append(kernel))
    for suffix in (".lock", ""):
        with machine_code._path(count_up, ()).with_suffix(suffix).open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            machine_code.make(count_up, ())
    assert made == [count_up]  # only when the other file was locked
