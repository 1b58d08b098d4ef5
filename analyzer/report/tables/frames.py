"""The tables of schema.export.FRAMES as pandas DataFrames, which CSV and Parquet are written from.

Knows how a missing number, instant or duration is represented in each dtype.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analyzer.analysis import Analysis
from analyzer.report.tables.rows import CATEGORIES, columns
from analyzer.schema import ABSENT
from analyzer.schema.export import DURATION, FLOW_FIELD, FRAMES, KIND, TEXT, TIME, Field

NOT_A_TIME = np.iinfo(np.int64).min
"""The value of numpy's NaT."""


class Described(dict[str, str]):
    """Words about columns, which frames share: pandas copies `attrs`, deeply, into whatever it makes of a frame."""

    def __deepcopy__(self, _memo: Any) -> "Described":
        """Return itself."""
        return self


def frame(name: str, analysis: Analysis) -> pd.DataFrame:
    """Make one of the tables of schema.export.FRAMES."""
    values = columns(name, analysis)
    made = pd.DataFrame({field.name: _series(field, values[field.name]) for field in FRAMES[name]})
    described = _described_with(name)
    units, meanings = ({f.name: getattr(f, what) for f in described} for what in ("unit", "meaning"))
    made.attrs = {"units": Described(units), "meanings": Described(meanings)}
    return made


def _described_with(name: str) -> list[Field]:
    """Return the columns whose units and meanings a table has: its own, and those of all tables of connections with the
    tables of connections. pandas keeps what is said of two tables that are merged only where it is the same."""
    of_connections = [fields for fields in FRAMES.values() if FLOW_FIELD in fields]
    together = of_connections if FRAMES[name] in of_connections else [FRAMES[name]]
    return [field for fields in together for field in fields]


def _series(field: Field, values: Sequence[Any]) -> pd.Series:
    """Make a column from values; instants and durations come as ns, what is missing as None or -1."""
    if field.dtype in (TIME, DURATION):
        ns = [NOT_A_TIME if value is None or value == ABSENT else value for value in values]
        if field.dtype == DURATION:
            return pd.Series(np.array(ns, np.int64).view("timedelta64[ns]"))
        return pd.Series(np.array(ns, np.int64).view("datetime64[ns]")).dt.tz_localize("UTC")
    if field.dtype == KIND:
        return pd.Series(pd.Categorical(values, CATEGORIES.get(field.name)))
    if field.dtype == TEXT:
        values = [value.encode(errors="replace").decode() if value is not None else None for value in values]
    return pd.Series(values, dtype=field.dtype)
