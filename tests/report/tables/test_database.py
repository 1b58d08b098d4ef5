"""The tables in a database, read back by DuckDB itself."""

import os
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pytest

import analyzer
from analyzer.errors import OptionError
from analyzer.report.tables import database
from analyzer.report.tables.files import csv_name
from analyzer.schema.export import FRAMES
from tests.capture.writers import pcap_bytes
from tests.recordings import FOLDER

NAT = FOLDER / "nat-forgets-one-of-two/capture.pcap"


def test_every_table_has_the_rows_of_its_frame(tmp_path: Path) -> None:
    analysis, path = analyzer.analyze(NAT), tmp_path / "found.duckdb"
    analysis.write_duckdb(path)
    with duckdb.connect(str(path), read_only=True) as written:
        for name, fields in FRAMES.items():
            table = written.sql(f'SELECT * FROM "{name}"')
            assert table.columns == [csv_name(field) for field in fields]
            assert len(table.fetchall()) == len(analysis.frame(name))
        [(outcome, idle_s)] = written.sql("SELECT outcome, max_idle_s FROM flows WHERE flow = 0").fetchall()
        flow = analysis.flows.loc[0]
        assert (outcome, idle_s) == (flow.outcome, flow.max_idle.total_seconds())
        [(epoch_ns,)] = written.sql("SELECT epoch_ns(start) FROM flows WHERE flow = 0").fetchall()
        assert epoch_ns == flow.start.value
        missing = written.sql("SELECT count(*) FROM flows WHERE cause IS NULL").fetchall()
        assert missing == [(int(analysis.flows.cause.isna().sum()),)]
        assert missing != [(0,)]
        [(meaning,)] = written.sql(
            "SELECT comment FROM duckdb_columns() WHERE table_name = 'flows' AND column_name = 'max_idle_s'"
        ).fetchall()
        assert meaning.endswith("(s)")


def test_other_tables_stay_and_those_of_the_names_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "found.duckdb"
    with duckdb.connect(str(path)) as before:
        before.execute("CREATE TABLE mine AS SELECT 1 AS one; CREATE TABLE flows AS SELECT 2 AS two")
    analyzer.analyze(NAT).write_duckdb(path)
    with duckdb.connect(str(path)) as after:
        assert after.sql("SELECT one FROM mine").fetchall() == [(1,)]
        assert after.sql("SELECT count(*) FROM flows").fetchall() == [(2,)]


def test_a_capture_without_connections(tmp_path: Path) -> None:
    capture, path = tmp_path / "empty.pcap", tmp_path / "found.duckdb"
    capture.write_bytes(pcap_bytes([]))
    analyzer.analyze(capture).write_duckdb(path)
    with duckdb.connect(str(path)) as written:
        assert written.sql("SELECT count(*) FROM probes").fetchall() == [(0,)]


def test_what_is_no_database_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database, but a note that is longer than a header\n" * 200)
    before = path.read_bytes()
    with pytest.raises(OptionError, match="give another FILE") as error:
        analyzer.analyze(NAT).write_duckdb(path)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == before
    with pytest.raises(OptionError, match="give another FILE"):
        analyzer.analyze(NAT).write_duckdb(tmp_path / "no folder" / "found.duckdb")
    assert sorted(tmp_path.iterdir()) == [path]


def test_without_duckdb_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "find_spec", lambda _: None)
    with pytest.raises(OptionError, match=r"--duckdb needs DuckDB, which is not installed: .* -m pip install .*duckdb"):
        database.check()


def test_a_write_that_fails_leaves_the_tables_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, analysis = tmp_path / "found.duckdb", analyzer.analyze(NAT)
    analysis.write_duckdb(path)
    whole = type(analysis).frame

    def fails_at_the_end(of: analyzer.Analysis, name: str) -> pd.DataFrame:
        return whole(of, name)[:0] if name != "diagnostics" else pd.DataFrame()

    monkeypatch.setattr(type(analysis), "frame", fails_at_the_end)
    with pytest.raises(KeyError):
        analysis.write_duckdb(path)
    with duckdb.connect(str(path)) as written:
        assert written.sql("SELECT count(*) FROM flows").fetchall() == [(2,)]


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root, to make a link of another user")
def test_a_database_behind_another_users_link_is_left_as_it_was(tmp_path: Path) -> None:
    path, analysis = tmp_path / "found.duckdb", analyzer.analyze(NAT)
    analysis.write_duckdb(path)
    before = path.read_bytes()
    (tmp_path / "planted").symlink_to(path)
    os.chown(tmp_path / "planted", 65534, 65534, follow_symlinks=False)
    with pytest.raises(OptionError, match="planted: planted is a link that another user has made"):
        analysis.write_duckdb(tmp_path / "planted")
    assert path.read_bytes() == before
