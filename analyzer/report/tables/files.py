"""The tables of schema.export.FRAMES as files, and the charts as files: `--csv`, `--parquet`, `--plots`.

Knows what a spreadsheet would obey, and where Parquet keeps units. A folder is made; what else is in it stays.
"""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.errors import OptionError
from analyzer.report.output_file import binary_output, text_output
from analyzer.report.ranking import to_describe
from analyzer.schema.export import (
    DURATION,
    FRAMES,
    KIND,
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
CHARTS = ("overview", "silences", "endings", "hosts", "cost")
"""Charts of the whole capture."""


def outputs(folders: Mapping[str, str]) -> dict[str, str]:
    """Return the files that will be written for certain; OptionError if one of the flags cannot be obeyed here."""
    if "--parquet" in folders and find_spec("pyarrow") is None:
        raise OptionError("--parquet needs pyarrow: pip install 'ka-analyze[parquet]'")
    endings = {"--csv": [f"{name}.csv" for name in FRAMES], "--parquet": [f"{name}.parquet" for name in FRAMES]}
    endings["--plots"] = [f"{name}.svg" for name in CHARTS]
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
    shown = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in words)
    return f"'{shown}" if shown.startswith(OBEYED) else shown


def write_parquet(analysis: "Analysis", folder: str) -> None:
    """Write a file for each table; each column's unit and meaning are in its field's metadata."""
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


def write_plots(analysis: "Analysis", folder: str, shown: int) -> None:
    """Write SVG files: the overview, paths, hosts, cost, and the timelines of the connections that matter most."""
    for name, words in analysis.ask(_svgs, shown):
        with text_output(str(_made(folder, "--plots") / f"{name}.svg"), "--plots") as file:
            file.write(words)


def _svgs(analysis: "Analysis", shown: int) -> list[tuple[str, str]]:
    from analyzer.report.charts.style import svg

    return [(name, svg(ax, name)) for name, ax in _charts(analysis, shown)]


def _charts(analysis: "Analysis", shown: int) -> Iterator[tuple[str, "Axes"]]:
    plot: Any = analysis.plot
    for name in CHARTS:
        yield name, getattr(plot, name)()
    for flow in to_describe(analysis.findings.flows, shown)[0]:
        yield f"timeline-{flow.id}", plot.timeline(flow.id)
        for index in flow.probers:
            for setting in ("tcp_keepalive_time", "tcp_keepalive_intvl"):
                yield f"candidates-{flow.id}-{index}-{setting}", plot.candidates(flow.id, setting, index)


def _made(folder: str, flag: str) -> Path:
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"{flag} {folder} cannot be made a folder: {error.strerror}; give another name") from error
    return Path(folder)
