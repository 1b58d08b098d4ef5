"""What compiled kernels read and write in a table is what the interpreter reads and writes."""

from typing import Any

import pytest
from numba.core.errors import NumbaError

from analyzer.engine.dispatch import Engine
from analyzer.engine.native import Kernel
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


def later_by(row: Any, by: int) -> int:
    """A helper that takes a row."""
    row.frame += by
    row.ip_id = row.ip_id + by
    row.flags, row.kind = row.flags + by, row.kind + by
    row.has_dsack = row.flags == 7
    return row.kind * 1000  # more than eight bits hold


later_by.__module__ = "analyzer.made_up"  # only what the package itself has is compiled for a kernel


def shift_by_rows(table: Any, row: int, by: int) -> int:
    """What `shift_rows` does."""
    before, it = table[row - 1], table[row]
    it.frame, it.ip_id, it.flags, it.kind = before.frame, before.ip_id, before.flags, before.kind
    result = later_by(it, by)
    it.has_dsack = it.flags == before.flags
    return result


def copy_by_rows(table: Any, count: int) -> int:
    """What `copy_rows` does."""
    source = table[0]
    for row in range(count):
        source, target = table[row], table[row + count]
        target.ports, target.syn_seq = source.ports, source.syn_seq - 1
    return source.syn_seq


def read_row(table: Any, row: int) -> int:
    return table[row].kind


def write_row(table: Any, row: int) -> int:
    table[row].kind = 1
    return row


def give_row(table: Any, row: int) -> Any:
    return table[row]


NATIVE = compiling()


def engine(compiled: bool) -> Engine:
    return NATIVE if compiled else Engine()


def two_rows() -> Table:
    table = Table(PACKETS)
    for _ in range(2):
        table.append(*(EXTREMES[column.typecode] for column in PACKETS.columns))
    return table


@pytest.mark.parametrize("kernel", [shift_rows, shift_by_rows])
def test_both_modes_see_the_same(kernel: Kernel) -> None:
    tables = [two_rows(), two_rows()]
    results = [
        engine(compiled).run(kernel, table.view, 1, 3) for compiled, table in zip((False, True), tables, strict=True)
    ]
    assert results == [-125_000, -125_000]
    rows = [[column[1] for column in table.view] for table in tables]
    assert rows[0] == rows[1]
    assert tables[0].view.kind[1] == -125


@pytest.mark.parametrize("kernel", [copy_rows, copy_by_rows])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_u32_and_what_says_that_there_is_none(compiled: bool, kernel: Kernel) -> None:
    table = Table(FLOWS)
    table.reserve(8)
    for row, number in enumerate((0, 2**31, 2**32 - 1, 2**32)):
        table.view.ports[row] = min(number, 2**32 - 1)
        table.view.syn_seq[row] = number
    result = engine(compiled).run(kernel, table.view, 4)
    assert result == 2**32
    assert [table.view.ports[row] for row in range(4, 8)] == [0, 2**31, 2**32 - 1, 2**32 - 1]
    assert [table.view.syn_seq[row] for row in range(4, 8)] == [ABSENT, 2**31 - 1, 2**32 - 2, 2**32 - 1]


@pytest.mark.parametrize("row", [0, 2, 2**40, -(2**62)])
def test_rows_outside_of_the_table_are_an_error(row: int) -> None:
    """Row 0 too: the kernel looks at the row before it, and no kernel counts from the end."""
    with pytest.raises(IndexError):
        engine(True).run(shift_rows, two_rows().view, row, 0)


def count_down(table: Any, rows: int) -> int:
    """Numbers in two and in three pieces, beyond their lowest, and below zero."""
    for row in range(1, rows):
        before, it = table[row - 1], table[row]
        it.packets, it.octets = before.packets * -3 + 1, before.octets * -5 + 1
        table.first_frame[row] = table.packets[row] - table.octets[row]
    return table.octets[rows - 1]


def test_both_modes_keep_numbers_in_pieces_alike() -> None:
    columns = []
    for compiled in (False, True):
        table = Table(FLOWS)
        table.reserve(16)
        engine(compiled).run(count_down, table.view, 16)
        columns.append({name: list(values[:16]) for name, values in table.view._asdict().items()})
    assert columns[0] == columns[1]
    assert columns[0]["octets"][:5] == [0, 1, -4, 21, -104]


@pytest.mark.parametrize("kernel", [read_row, write_row])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("row", [-1, 2, 2**40, -(2**62)])
def test_a_row_outside_of_the_table_is_an_error(row: int, compiled: bool, kernel: Kernel) -> None:
    """To the interpreter too, whose columns would count from the end."""
    with pytest.raises(IndexError):
        engine(compiled).run(kernel, two_rows().view, row)


@pytest.mark.parametrize("kernel", [give_row, lambda table, row: table[row].no_such_column], ids=["row", "column"])
def test_no_row_leaves_a_kernel_and_none_has_other_columns(kernel: Kernel) -> None:
    """A row that was left over would be somewhere else than its table, when that has grown."""
    with pytest.raises(NumbaError):
        NATIVE.run(kernel, two_rows().view, 0)
    with pytest.raises(AttributeError):
        two_rows().view[0].no_such_column = 1


def test_a_table_that_has_grown_is_passed_as_it_is_now() -> None:
    table = two_rows()
    engine(True).run(shift_rows, table.view, 1, 1)
    table.reserve(10_000)
    table.rows = 3
    engine(True).run(shift_rows, table.view, 2, 1)
    assert list(table.view.kind[:3]) == [-128, -127, -126]
