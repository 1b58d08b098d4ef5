"""Tables as arrays, and rows chosen from them."""

import pickle

import numpy as np
import pytest

from analyzer.engine.table import Table
from analyzer.many.tables import add, arrays, column, copy_of, put, records, take
from analyzer.schema import ABSENT
from analyzer.schema.flows import FLOWS, NEIGHBOURS


def neighbours(*frames: int) -> Table:
    made = Table(NEIGHBOURS)
    for frame in frames:
        made.append(frame, 10 * frame, 0, 1, 0, 0, 0, 0)
    return made


def test_arrays_show_what_is_in_use_and_share_it() -> None:
    table = neighbours(1, 2, 3)
    assert arrays(table).frame.tolist() == [1, 2, 3]
    arrays(table).frame[1] = 7
    assert table.view.frame[1] == 7


def test_an_empty_table_has_empty_columns() -> None:
    assert [len(column) for column in arrays(Table(NEIGHBOURS))] == [0] * len(NEIGHBOURS.columns)
    assert take(Table(NEIGHBOURS), np.empty(0, dtype=bool)).rows == 0


def test_chosen_rows_and_copies_stand_by_themselves() -> None:
    table = neighbours(1, 2, 3)
    chosen, copy = take(table, np.array([2, 0])), copy_of(table)
    arrays(table).frame[:] = 0
    assert arrays(chosen).ts_ns.tolist() == [30, 10]
    assert arrays(copy).frame.tolist() == [1, 2, 3]
    copy.append(4, 0, 0, 0, 0, 0, 0, 0)
    assert arrays(copy).frame.tolist() == [1, 2, 3, 4]


def test_a_column_in_two_pieces_is_read_as_one_and_written_by_put() -> None:
    table = Table(FLOWS)
    table.reserve(3)
    table.rows = 3
    values = [ABSENT, 0, 2**32 - 1]
    put(records(table), "syn_seq", np.array([0, 1, 2]), np.array(values))
    assert [table.view.syn_seq[row] for row in range(3)] == values
    assert arrays(table).syn_seq.tolist() == values
    assert column(records(table), "syn_seq", np.array([2, 0])).tolist() == [2**32 - 1, ABSENT]
    with pytest.raises(ValueError, match="read-only"):
        arrays(table).syn_seq[0] = 5


@pytest.mark.parametrize("name", ["octets", "packets", "tunnel"])
def test_columns_in_any_number_of_pieces_are_those_that_kernels_see(name: str) -> None:
    table = Table(FLOWS)
    table.reserve(4)
    table.rows = 4
    values = [-1, 2, 2**31 - 1, -(2**31)] if name == "tunnel" else [-1, 2, 2**38, -(2**39)]
    put(records(table), name, ..., np.array(values))
    assert getattr(arrays(table), name).tolist() == list(getattr(table.view, name)[:4]) == values
    put(records(table), name, ..., np.arange(4))
    add(table, name, 7)
    assert list(getattr(table.view, name)[:4]) == [7, 8, 9, 10]


def test_a_table_travels_without_its_room() -> None:
    table = neighbours(1, 2, 3)
    table.reserve(10_000)
    octets = pickle.dumps(table)
    assert len(octets) < 1000
    assert arrays(pickle.loads(octets)).frame.tolist() == [1, 2, 3]
