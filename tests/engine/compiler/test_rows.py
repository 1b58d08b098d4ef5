"""What compiled kernels read and write in a table is what the interpreter reads and writes."""

from typing import Any

import pytest

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.schema import ABSENT
from analyzer.schema.flows import FLOWS
from analyzer.schema.packets import PACKETS
from tests.engines import compiling

EXTREMES = {"b": -128, "B": 0, "h": -(2**15), "i": -(2**31), "I": 0, "q": -(2**63), "U": -(2**39)}


def shift_rows(table: Any, row: int, by: int) -> int:
    """A column of each width, and of the two that share a name with attributes of arrays."""
    table.frame[row] = table.frame[row - 1] + by
    table.ip_id[row] = table.ip_id[row - 1] + by
    table.flags[row] = table.flags[row - 1] + by
    table.kind[row] = table.kind[row - 1] + by
    table.has_dsack[row] = table.flags[row] == table.flags[row - 1]
    return table.kind[row] * 1000  # more than eight bits hold


def copy_rows(table: Any, count: int) -> int:
    """Columns without a sign, and in two pieces."""
    for row in range(count):
        table.ports[row + count] = table.ports[row]
        table.syn_seq[row + count] = table.syn_seq[row] - 1
    return table.syn_seq[count - 1]


NATIVE = compiling()


def engine(compiled: bool) -> Engine:
    return NATIVE if compiled else Engine()


def two_rows() -> Table:
    table = Table(PACKETS)
    for _ in range(2):
        table.append(*(EXTREMES[column.typecode] for column in PACKETS.columns))
    return table


def test_both_modes_see_the_same() -> None:
    tables = [two_rows(), two_rows()]
    results = [
        engine(compiled).run(shift_rows, table.view, 1, 3)
        for compiled, table in zip((False, True), tables, strict=True)
    ]
    assert results == [-125_000, -125_000]
    rows = [[column[1] for column in table.view] for table in tables]
    assert rows[0] == rows[1]
    assert tables[0].view.kind[1] == -125


@pytest.mark.parametrize("compiled", [False, True])
def test_a_u32_and_what_says_that_there_is_none(compiled: bool) -> None:
    table = Table(FLOWS)
    table.reserve(8)
    for row, number in enumerate((0, 2**31, 2**32 - 1, 2**32)):
        table.view.ports[row] = min(number, 2**32 - 1)
        table.view.syn_seq[row] = number
    result = engine(compiled).run(copy_rows, table.view, 4)
    assert result == 2**32
    assert [table.view.ports[row] for row in range(4, 8)] == [0, 2**31, 2**32 - 1, 2**32 - 1]
    assert [table.view.syn_seq[row] for row in range(4, 8)] == [ABSENT, 2**31 - 1, 2**32 - 2, 2**32 - 1]


@pytest.mark.parametrize("row", [0, 2, 2**40, -(2**62)])
def test_rows_outside_of_the_table_are_an_error(row: int) -> None:
    """Row 0 too: the kernel looks at the row before it, and no kernel counts from the end."""
    with pytest.raises(IndexError):
        engine(True).run(shift_rows, two_rows().view, row, 0)


def test_a_table_that_has_grown_is_passed_as_it_is_now() -> None:
    table = two_rows()
    engine(True).run(shift_rows, table.view, 1, 1)
    table.reserve(10_000)
    table.rows = 3
    engine(True).run(shift_rows, table.view, 2, 1)
    assert list(table.view.kind[:3]) == [-128, -127, -126]
