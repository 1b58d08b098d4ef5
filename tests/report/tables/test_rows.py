"""Rows: every table has its own, every value stands in its column, and what may be in a column of words is known."""

import pytest

from analyzer.report.tables.rows import CATEGORIES, ROWS, columns
from analyzer.schema.export import FRAMES, KIND
from tests.report.charts.drawing import sample


def test_every_table_has_its_rows() -> None:
    assert ROWS.keys() == FRAMES.keys()


@pytest.mark.parametrize("name", FRAMES)
def test_columns_are_those_of_the_schema(name: str) -> None:
    findings = sample("nat-forgets-one-of-two").findings
    table = columns(name, findings)
    assert list(table) == [field.name for field in FRAMES[name]]
    assert {len(values) for values in table.values()} == {sum(1 for _ in ROWS[name](findings))}
    for field in FRAMES[name]:
        if field.dtype == KIND and field.name in CATEGORIES:
            assert {*table[field.name]} <= {*CATEGORIES[field.name], None}


def test_a_silence_stands_in_its_columns() -> None:
    """The recording's truth: the NAT forgets what is silent for 10 s."""
    table = columns("silences", sample("nat-forgets-one-of-two").findings)
    assert table["path"] == ("198.51.100.2:9000",) * 2
    survived_ns = dict(zip(table["result"], table["length"], strict=True))
    assert survived_ns["survived"] < 10_000_000_000 < survived_ns["failed"]
