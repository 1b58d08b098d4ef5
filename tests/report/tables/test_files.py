"""CSV that a spreadsheet cannot be made to run, Parquet that carries units, charts as files."""

import csv
from pathlib import Path

import pandas as pd
import pytest
from pyarrow import parquet

import analyzer
from analyzer.errors import OptionError
from analyzer.report.tables import files
from analyzer.schema.export import FRAMES

SAMPLES = Path(__file__).parents[3] / "samples"


@pytest.fixture(scope="module")
def nat() -> analyzer.Analysis:
    return analyzer.analyze(SAMPLES / "nat-forgets-one-of-two/capture.pcap")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_csv_has_every_table(nat: analyzer.Analysis, tmp_path: Path) -> None:
    nat.write_csv(tmp_path / "new" / "folder")
    assert {path.name for path in (tmp_path / "new/folder").iterdir()} == {f"{name}.csv" for name in FRAMES}
    first, second = rows(tmp_path / "new/folder/flows.csv")
    assert first["start"] == "2026-11-20T11:19:05.762199000Z"
    assert first["max_idle_s"] == "14.008117"
    assert (first["outcome"], first["epoll"], second["errno"]) == ("timed-out", "25", "")
    header = (tmp_path / "new/folder/probes.csv").read_text().splitlines()[0]
    assert header == ",".join(files.csv_name(field) for field in FRAMES["probes"])


@pytest.mark.parametrize("words", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_cell_is_a_formula(tmp_path: Path, words: str) -> None:
    """Names of tunnels and files may come from outside; whatever the table, no text begins a formula."""
    hostile = analyzer.analyze(SAMPLES / "nat-forgets-one-of-two/capture.pcap")
    hostile.findings._assembler._tunnels = [words]
    hostile.write_csv(tmp_path)
    assert {row["tunnel"] for row in rows(tmp_path / "flows.csv")} == {f"'{words}"}


@pytest.mark.parametrize("words", ["\r=1", "a\nb", "\t=1", '",=1'])
def test_no_cell_ends_early(tmp_path: Path, words: str) -> None:
    hostile = analyzer.analyze(SAMPLES / "nat-forgets-one-of-two/capture.pcap")
    hostile.findings._assembler._tunnels = [words]
    hostile.write_csv(tmp_path)
    found = rows(tmp_path / "flows.csv")
    assert [row["outcome"] for row in found] == ["timed-out", "alive"]
    assert {row["tunnel"][-1] for row in found} == {words[-1]}


def test_parquet_carries_units_and_meanings(nat: analyzer.Analysis, tmp_path: Path) -> None:
    nat.write_parquet(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*(f"{name}.parquet" for name in FRAMES), "duckdb.sql"}
    schema = parquet.read_schema(tmp_path / "flows.parquet")
    for field in FRAMES["flows"]:
        about = schema.field(field.name).metadata
        assert (about[b"unit"].decode(), about[b"meaning"].decode()) == (field.unit, field.meaning)
    assert schema.metadata[b"table"] == b"flows"
    for name in FRAMES:
        back = pd.read_parquet(tmp_path / f"{name}.parquet")
        assert [str(dtype) for dtype in back.dtypes] == [field.dtype for field in FRAMES[name]]


def test_plots(nat: analyzer.Analysis, tmp_path: Path) -> None:
    nat.write_plots(tmp_path, 1)
    names = {path.stem for path in tmp_path.glob("*.svg")}
    assert names > {*files.CHARTS, "timeline-0"}
    assert "timeline-1" not in names
    for path in tmp_path.iterdir():
        assert path.read_text().startswith("<svg")


def test_plots_of_points_beside_them(nat: analyzer.Analysis, tmp_path: Path) -> None:
    nat.write_plots(tmp_path, 1, png=True)
    drawn, points = ({path.stem for path in tmp_path.glob(f"*.{kind}")} for kind in ("svg", "png"))
    assert drawn == points
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.glob("*.png"))
    assert set(files.outputs({"--plots": "a"}, has_png=True)) > set(files.outputs({"--plots": "a"}))


def test_what_shows_nothing_is_not_written(tmp_path: Path) -> None:
    analyzer.analyze(SAMPLES / "half-open/capture.pcap").write_plots(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"overview.svg", "timeline-0.svg"}


def test_numbers_in_names_are_padded_and_services_have_theirs(tmp_path: Path) -> None:
    analyzer.analyze(SAMPLES / "nat-fifty-300/capture.pcap").write_plots(tmp_path / "paths", 2)
    assert {path.name for path in (tmp_path / "paths").glob("timeline-*")} == {"timeline-00.svg", "timeline-02.svg"}
    analyzer.analyze(SAMPLES / "node-closes-after-5/capture.pcap").write_plots(tmp_path / "services", 1)
    assert (tmp_path / "services/service-192.0.2.2-9000.svg").exists()
    assert files._file_name("[2001:db8::1]:443") == "2001-db8--1-443"


def test_what_is_there_stays(nat: analyzer.Analysis, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    nat.write_csv(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert not [path for path in tmp_path.iterdir() if path.suffix not in (".csv", ".txt")]


def test_a_file_is_no_folder(nat: analyzer.Analysis, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OptionError, match=r"--csv .*cannot be made a folder"):
        nat.write_csv(tmp_path / "file")


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "find_spec", lambda _: None)
    with pytest.raises(OptionError, match=r"-m pip install .*pyarrow"):
        files.outputs({"--parquet": "out"})
    assert files.outputs({"--csv": "out"})["--csv: flows.csv"] == "out/flows.csv"
