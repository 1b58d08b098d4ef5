"""The tables of schema.export.FRAMES as files, and the charts as files: `--csv`, `--parquet`, `--plots`.

Knows what a spreadsheet would obey, and where Parquet keeps units. A folder is made; what else is in it stays.
"""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.errors import OptionError
from analyzer.extras import installing
from analyzer.folders import make_folder
from analyzer.report.output_file import binary_output, text_output
from analyzer.report.ranking import to_describe
from analyzer.report.units import printable
from analyzer.schema.export import (
    DURATION,
    FRAMES,
    KIND,
    SETTINGS,
    TEXT,
    TIME,
    Field,
)
from analyzer.version import __version__

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from analyzer.report.library import Analysis

OBEYED = ("=", "+", "-", "@")
"""First characters that make a spreadsheet take a cell for a formula."""
VIEWS = "duckdb.sql"
"""Views of the tables for DuckDB. Parquet's only type of durations counts milliseconds, and pyarrow does not write it:
durations are stored as ns, which pandas and pyarrow know for durations, and DuckDB takes for numbers."""
CHARTS = ("overview", "silences", "hosts", "cost")
"""Charts of the whole capture, each written if there is something to be seen."""


def outputs(folders: Mapping[str, str], has_png: bool = False) -> dict[str, str]:
    """Return the files that are written whatever the connections; OptionError if one of the flags cannot be obeyed
    here."""
    if "--parquet" in folders and find_spec("pyarrow") is None:
        raise OptionError(f"--parquet needs pyarrow, which is not installed: {installing('parquet')}")
    endings = {"--csv": [f"{name}.csv" for name in FRAMES]}
    endings["--parquet"] = [*(f"{name}.parquet" for name in FRAMES), VIEWS]
    endings["--plots"] = [f"{name}.{kind}" for name in CHARTS for kind in ("svg", *["png"] * has_png)]
    return {f"{flag}: {file}": str(Path(path) / file) for flag, path in folders.items() for file in endings[flag]}


def csv_name(field: Field) -> str:
    """Return a column's name in CSV: durations are seconds there, and their names say so."""
    return f"{field.name}_s" if field.dtype == DURATION else field.name


def write_csv(analysis: "Analysis", folder: str) -> None:
    """Write a file for each table; instants ISO 8601 in UTC, durations in seconds, missing values empty."""
    for name, fields in FRAMES.items():
        frame = analysis.frame(name)
        columns = {csv_name(field): _plain(frame[field.name], field) for field in fields}
        with text_output(str(_made(folder, "--csv") / f"{name}.csv"), "--csv") as file:
            type(frame)(columns).to_csv(file, index=False, lineterminator="\n")


def _plain(column: "pd.Series", field: Field) -> "pd.Series":
    if field.dtype == DURATION:
        return column.dt.total_seconds()
    if field.dtype == TIME:
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S.%f000Z") if column.empty else column.map(_iso, na_action="ignore")
    if field.dtype in (TEXT, KIND):
        return column.astype(object).map(_not_obeyed, na_action="ignore")
    return column


def _iso(time: "pd.Timestamp") -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.value % 1_000_000_000:09d}Z"


def _not_obeyed(words: str) -> str:
    """Put an apostrophe before what a spreadsheet would run; control characters, which would end a cell, are
    replaced."""
    shown = printable(words)
    return f"'{shown}" if shown.startswith(OBEYED) else shown


def write_parquet(analysis: "Analysis", folder: str) -> None:
    """Write a file for each table; each column's unit and meaning are in its field's metadata. VIEWS is beside them."""
    import pyarrow as pa
    from pyarrow import parquet

    for name, fields in FRAMES.items():
        table = pa.Table.from_pandas(analysis.frame(name), preserve_index=False)
        described = [
            table.schema.field(field.name).with_metadata({"unit": field.unit, "meaning": field.meaning})
            for field in fields
        ]
        about = {**table.schema.metadata, "program": f"ka-analyze {__version__}", "table": name}
        table = table.cast(pa.schema(described)).replace_schema_metadata(about)
        with binary_output(str(_made(folder, "--parquet") / f"{name}.parquet"), "--parquet") as file:
            parquet.write_table(table, file, compression="zstd")
    with text_output(str(_made(folder, "--parquet") / VIEWS), "--parquet") as text:
        text.writelines(_views())


def _views() -> Iterator[str]:
    """Yield a view of each table, in which DuckDB has durations as INTERVAL."""
    for name, fields in FRAMES.items():
        durations = [field.name for field in fields if field.dtype == DURATION]
        replaced = ", ".join(f'to_microseconds("{one}" // 1000) AS "{one}"' for one in durations)
        columns = f"* REPLACE ({replaced})" if durations else "*"
        yield f"CREATE OR REPLACE VIEW {name} AS SELECT {columns} FROM '{name}.parquet';\n"  # noqa: S608  # names of ours


def write_plots(analysis: "Analysis", folder: str, shown: int, *, has_png: bool = False) -> None:
    """Write SVG files, and PNG beside them where asked for: the overview, paths, services, hosts, cost, and charts of
    the connections that matter most."""
    for name, octets in analysis.ask(_pictures, shown, has_png):
        with binary_output(str(_made(folder, "--plots") / name), "--plots") as file:
            file.write(octets)


def _pictures(analysis: "Analysis", shown: int, has_png: bool) -> list[tuple[str, bytes]]:
    """Return names and contents of all charts that show something."""
    from analyzer.report.charts.style import is_nothing, png
    from analyzer.report.charts.vectors import svg

    pictures = []
    for name, ax in _charts(analysis, shown):
        if is_nothing(ax):
            continue
        pictures.append((f"{name}.svg", svg(ax, name).encode(errors="replace")))
        if has_png:
            pictures.append((f"{name}.png", png(ax)))
    return pictures


def _charts(analysis: "Analysis", shown: int) -> Iterator[tuple[str, "Axes"]]:
    """Yield the charts by name; numbers in names are as long as the last connection's, so that they sort."""
    plot: Any = analysis.plot
    for name in CHARTS:
        yield name, getattr(plot, name)()
    limited = dict.fromkeys(one.service for one in analysis.findings.services if one.idle_limits)
    for service in list(limited)[:shown]:
        yield f"service-{_file_name(service)}", plot.services(service)
    digits = len(str(len(analysis.findings.flows) - 1))
    for flow in to_describe(analysis.findings.flows, shown)[0]:
        number = f"{flow.id:0{digits}}"
        yield f"timeline-{number}", plot.timeline(flow.id)
        for index in flow.probers:
            for name in SETTINGS[:2]:
                setting = getattr(flow.ends[index].settings, name)
                if setting is not None and setting.value is not None:
                    yield f"candidates-{number}-{index}-{name}", plot.candidates(flow.id, name, index)


def _file_name(service: str) -> str:
    """Return an address and port as part of a file's name on any system."""
    return service.replace("[", "").replace("]", "").replace(":", "-")


def _made(folder: str, flag: str) -> Path:
    try:
        make_folder(folder)
    except OSError as error:
        raise OptionError(f"{flag} {folder} cannot be made a folder: {error.strerror}; give another name") from error
    return Path(folder)
