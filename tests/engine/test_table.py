"""Tables that grow without moving what a row number means."""

import pickle
from types import ModuleType
from typing import Any

import pytest

from analyzer.engine.table import OCTETS, PIECES, Table, row_layout
from analyzer.schema import ABSENT, UNSEEN, flows, hosts, inference, json, packets, results, story
from analyzer.schema.flows import CANDIDATES, ENDS, FLOWS, NEIGHBOURS
from analyzer.schema.packets import PACKETS, RECENT, RECORDS


def test_rows_come_back_as_they_were_appended() -> None:
    table = Table(RECORDS)
    for row in range(100):
        table.append(row, 2, 3, 4, -5)
    assert len(table) == 100
    assert list(table.view.ts_ns[:100]) == list(range(100))
    assert table.view.link_type[99] == -5


def test_growth_keeps_rows_and_the_room_is_empty() -> None:
    table = Table(RECORDS)
    table.append(7, 7, 7, 7, 7)
    table.reserve(1000)
    assert table.view.offset[0] == 7
    assert list(table.view.offset[1:1001]) == [0] * 1000
    assert len(table) == 1


def test_room_doubles() -> None:
    table = Table(RECORDS)
    sizes = set()
    for _ in range(1000):
        table.append(0, 0, 0, 0, 0)
        sizes.add(len(table.view.ts_ns))
    assert len(sizes) == 11  # 1, 2, 4 … 1024: linear work in all


def test_a_view_names_the_columns_and_lasts_until_the_table_grows() -> None:
    table = Table(NEIGHBOURS)
    table.reserve(8)
    view = table.view
    assert view._fields == tuple(column.name for column in NEIGHBOURS.columns)
    table.reserve(8)
    assert table.view is view
    table.reserve(9)
    assert table.view is not view


def test_a_row_has_a_value_for_each_column() -> None:
    with pytest.raises(ValueError, match="zip"):
        Table(RECORDS).append(1, 2, 3)


def test_a_value_must_fit_its_column() -> None:
    with pytest.raises(ValueError, match="invalid value"):
        Table(RECORDS).append(0, 0, 0, 0, 2**31)


@pytest.mark.parametrize("value", [0, 1, 2**31, 2**32 - 1, 2**32, ABSENT, UNSEEN])
def test_a_u32_or_what_says_that_there_is_none_takes_five_octets(value: int) -> None:
    table = Table(FLOWS, fill=UNSEEN)
    table.reserve(1)
    assert table.view.syn_seq[0] == UNSEEN
    table.view.syn_seq[0] = value
    assert table.view.syn_seq[0] == value
    with pytest.raises(ValueError, match="invalid value"):
        table.view.syn_seq[0] = 2**39


@pytest.mark.parametrize("value", [0, -1, 2**32, -(2**32) - 5, 2**54, -(2**55)])
def test_a_column_may_lie_in_three_pieces(value: int) -> None:
    table = Table(FLOWS)
    table.reserve(2)
    table.view.octets[0], table.view.octets[1] = value, 7
    assert table.view.octets[:2] == [value, 7]


def test_an_excerpt_is_a_copy_and_keep_gives_back_the_room() -> None:
    table = Table(RECORDS)
    for row in range(5):
        table.append(row, 2, 3, 4, -5)
    part = table.excerpt([4, 1])
    part.view.ts_ns[0] = 77
    assert list(table.view.ts_ns[:5]) == [0, 1, 2, 3, 4]
    table.keep([1, 4])
    assert (table.rows, list(table.view.ts_ns)) == (2, [1, 4])


@pytest.mark.parametrize("fields", [FLOWS, ENDS, CANDIDATES, NEIGHBOURS, PACKETS, RECENT])
def test_a_table_travels(fields: Any) -> None:
    table = Table(fields)
    table.append(*range(len(fields._fields)))
    other = pickle.loads(pickle.dumps(table))
    assert other.fields is fields
    assert bytes(other.octets) == bytes(table.octets)


@pytest.mark.parametrize("fields", [PACKETS, FLOWS, ENDS, CANDIDATES])
def test_a_row_lies_in_one_piece_without_holes(fields: Any) -> None:
    offsets, stride = row_layout(fields)
    taken = sorted(
        (at, OCTETS[piece])
        for one in fields.columns
        for at, piece in zip(offsets[one.name], PIECES[one.typecode], strict=True)
    )
    assert stride == (sum(size for _, size in taken) + 7) // 8 * 8
    assert all(at % size == 0 for at, size in taken)
    assert [at for at, _ in taken] == [sum(size for _, size in taken[:index]) for index in range(len(taken))]


@pytest.mark.parametrize("keeps_view", [False, True])
def test_growing_moves_or_copies(keeps_view: bool) -> None:
    """A view that somebody kept holds the old memory where it is."""
    table = Table(RECORDS)
    for row in range(3):
        table.append(row, 2, 3, 4, 5)
    view = table.view if keeps_view else None
    table.reserve(1 << 18)
    assert list(table.view.ts_ns[:3]) == [0, 1, 2]
    assert list(table.view.link_type[:4]) == [5, 5, 5, 0]
    assert view is None or list(view.ts_ns[:3]) == [0, 1, 2]


@pytest.mark.parametrize("rows", [[], [3], [0, 1, 2, 3, 4], [1, 2, 4], [4, 3, 2], [0, 0, 1, 1]])
def test_an_excerpt_has_the_rows_in_the_order_given(rows: list[int]) -> None:
    table = Table(RECORDS)
    for row in range(5):
        table.append(row, 2, 3, 4, -row)
    part = table.excerpt(rows)
    assert list(part.view.ts_ns[: len(part)]) == rows
    assert list(part.view.link_type[: len(part)]) == [-row for row in rows]


@pytest.mark.parametrize("module", [flows, hosts, inference, json, packets, results, story], ids=lambda m: m.__name__)
def test_a_table_has_the_name_by_which_it_is_found(module: ModuleType) -> None:
    """Pickle finds a type by its module and its name."""
    tables = {name: value for name, value in vars(module).items() if name.isupper()}
    assert tables
    for name, value in tables.items():
        if value.__module__ == module.__name__:
            assert value.__name__ == name
