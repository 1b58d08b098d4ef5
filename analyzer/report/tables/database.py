"""The tables of schema.export.FRAMES in a DuckDB file, for SQL: `--duckdb`.

What else is in the file stays; its tables of these names are replaced, all of them or none. Names are those of CSV:
durations are seconds, instants are UTC to the nanosecond, and each column's comment has its unit and meaning.
"""

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from analyzer.errors import OptionError
from analyzer.extras import installing
from analyzer.folders import folder_of
from analyzer.report.tables.files import csv_name
from analyzer.schema.export import DURATION, FRAMES, KIND, TIME, Field

if TYPE_CHECKING:
    import pandas as pd

    from analyzer.report.library import Analysis


def check() -> None:
    """Raise OptionError where DuckDB is not installed: better before hours of reading than after them."""
    if find_spec("duckdb") is None:
        raise OptionError(f"--duckdb needs DuckDB, which is not installed: {installing('duckdb')}")


def write_duckdb(analysis: "Analysis", path: str) -> None:
    """Write every table into a file, which is made if it is not there. OptionError if it is no database of DuckDB."""
    check()
    import duckdb

    try:
        with folder_of(path) as (folder, name):
            if folder.status(name) is not None:
                _write_all(analysis, folder.path_to(name))
                return
            partial = f".ka-analyze-{os.urandom(8).hex()}"
            try:
                _write_all(analysis, folder.path_to(partial))
                folder.replace(partial, name)
            finally:
                for leftover in (partial, f"{partial}.wal"):
                    folder.remove(leftover)
    except (duckdb.Error, OSError) as error:
        words = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise OptionError(f"--duckdb {path}: {words}; give another FILE") from error


def _write_all(analysis: "Analysis", path: str) -> None:
    import duckdb

    with duckdb.connect(path) as database:
        database.begin()
        for name, fields in FRAMES.items():
            _write(database, name, fields, analysis.frame(name))
        database.commit()


def _write(database: Any, name: str, fields: tuple[Field, ...], frame: "pd.DataFrame") -> None:
    """Replace a table by a frame."""
    columns = type(frame)({csv_name(field): _column(frame[field.name], field) for field in fields})
    database.register("written", columns)
    database.execute(f'CREATE OR REPLACE TABLE "{name}" AS SELECT * FROM written')  # noqa: S608  # a name of FRAMES
    database.unregister("written")
    for field in fields:
        unit = f" ({'s' if field.dtype == DURATION else field.unit})" if field.unit else ""
        meaning = f"{field.meaning}{unit}".replace("'", "''")
        database.execute(f'COMMENT ON COLUMN "{name}"."{csv_name(field)}" IS \'{meaning}\'')


def _column(column: "pd.Series", field: Field) -> "pd.Series":
    if field.dtype == DURATION:
        return column.dt.total_seconds()
    if field.dtype == TIME:
        return column.dt.tz_localize(None)  # with a zone DuckDB has microseconds only
    return column.astype("str") if field.dtype == KIND else column
