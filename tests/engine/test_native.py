"""The library: found by what the sources and the processor are, and called as the kernel would be."""

import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from analyzer.engine import native
from analyzer.engine.native import fingerprint, installed, levels_here, path_of, sources, why_none
from analyzer.engine.table import Table
from analyzer.schema.packets import RECORDS
from tests.engines import compiling

ROOT = Path(__file__).parents[2]
V2 = "cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3"
V3 = "avx avx2 bmi1 bmi2 f16c fma abm movbe"


class Some(NamedTuple):
    records: Any
    counts: "array[int]"


def count_up(some: Some, small: Any, buffer: Any, by: int) -> int:
    """One of each kind of argument."""
    some.counts[0] += by
    some.records.ts_ns[0] += some.counts[0] + small[1]
    return some.records.ts_ns[0] * 256 + buffer[2]


def test_every_kind_of_argument_arrives() -> None:
    records, counts, engine = Table(RECORDS), array("q", [5]), compiling()
    records.append(7, 0, 0, 0, 0)
    some = Some(records.view, counts)
    results = [engine.run(count_up, some, array("i", [0, -2]), bytearray(b"\0\0\xff"), 10) for _ in range(2)]
    assert results == [20 * 256 + 255, 43 * 256 + 255]
    assert (counts[0], records.view.ts_ns[0]) == (25, 43)


def test_an_index_outside_is_an_error_and_not_a_read() -> None:
    some = Some(Table(RECORDS).view, array("q", [5]))
    with pytest.raises(IndexError, match="count_up"):
        compiling().run(count_up, some, array("i", [0, -2]), bytearray(3), 10)
    assert some.counts[0] == 15


@pytest.mark.parametrize(
    ("machine", "flags", "levels"),
    [
        ("x86_64", f"{V2} {V3}", ["x86-64-v3", "x86-64-v2"]),
        ("AMD64", f"{V2} {V3}".replace("avx2 ", ""), ["x86-64-v2"]),
        ("x86_64", V3, []),
        ("x86_64", None, ["x86-64-v2"]),
        ("aarch64", None, ["aarch64"]),
    ],
    ids=["v3", "without-AVX2", "less-than-v2", "no-cpuinfo", "aarch64"],
)
def test_the_best_that_the_processor_runs(
    machine: str, flags: str | None, levels: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    if flags is not None:
        cpuinfo.write_text(f"processor\t: 0\nflags\t\t: fpu {flags}\nbugs\t\t:\n")
    monkeypatch.setattr(native, "CPUINFO", str(cpuinfo))
    monkeypatch.setattr(native.platform, "machine", lambda: machine)
    assert list(levels_here()) == levels


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where libraries are looked for, empty."""
    monkeypatch.setattr(native, "PLACE", tmp_path)
    return tmp_path


def test_where_there_is_none_it_is_said_how_to_get_one(place: Path) -> None:
    assert installed.__wrapped__() is None
    assert "C compiler" in why_none()
    path_of(place, next(levels_here()), "00000000").touch()
    assert installed.__wrapped__() is None
    assert "make native" in why_none()


def test_what_cannot_be_loaded_is_passed_over(place: Path) -> None:
    for level in levels_here():
        path_of(place, level, fingerprint()).write_bytes(b"no library")
    assert installed.__wrapped__() is None


def test_an_edit_of_any_source_changes_the_fingerprint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole, before = sources(), fingerprint()
    edited = tmp_path / "edited.py"
    for source in whole:
        edited.write_bytes(source.read_bytes() + b"\n")
        others = [edited if one == source else one for one in whole]
        monkeypatch.setattr(native, "sources", lambda others=others: others)
        assert fingerprint() != before


def test_neither_numba_nor_numpy_is_needed() -> None:
    sample = ROOT / "samples" / "nc-30-10-5" / "capture.pcap"
    program = (
        "import sys; from analyzer.cli import main; main(['--json', sys.argv[1]], standalone_mode=False)\n"
        "assert not {'numba', 'llvmlite', 'numpy'} & set(sys.modules)\n"
        "from analyzer.engine.native import installed; assert installed() is not None\n"
    )
    subprocess.run([sys.executable, "-c", program, sample], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
