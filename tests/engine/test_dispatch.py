"""The choice between interpreter and machine code: the same memory, the same numbers."""

import pickle
from array import array
from typing import Any

import pytest

from analyzer.engine import native
from analyzer.engine.dispatch import Engine, new_engine
from analyzer.engine.table import Table
from analyzer.schema.packets import RECORDS
from analyzer.sequence import seq_add, seq_diff
from tests.engines import compiling

NATIVE = compiling()


def kernel(records: Any, buffer: Any, count: int, by: int) -> int:
    """Uses what the kernels use: tables, a buffer, whole numbers, helpers of the package."""
    total = 0
    for row in range(count):
        records.ts_ns[row] = seq_add(records.ts_ns[row], by)
        total += seq_diff(records.ts_ns[row], 0) + buffer[row] * 256
    return total


def past_the_end(buffer: Any) -> int:
    return int(buffer[len(buffer)])


@pytest.fixture
def records() -> Table:
    table = Table(RECORDS)
    for ts_ns in (0, 7, 0xFFFFFFFF):
        table.append(ts_ns, 0, 0, 0, 0)
    return table


def test_both_ways_agree_and_may_take_turns(records: Table) -> None:
    buffer = bytearray(b"\xff\x80\x00")
    results = [engine.run(kernel, records.view, buffer, 3, 1) for engine in (Engine(), NATIVE, Engine())]
    assert results == [0xFF * 256 + 0x80 * 256 + total for total in (9, 12, 15)]
    assert list(records.view.ts_ns[:3]) == [3, 10, 2]


def test_machine_code_checks_bounds() -> None:
    with pytest.raises(IndexError):
        NATIVE.run(past_the_end, array("q", [0, 0, 0]))


def test_an_empty_table_can_be_passed() -> None:
    assert NATIVE.run(kernel, Table(RECORDS).view, bytearray(1), 0, 1) == 0


def test_the_library_serves_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KA_ENGINE", raising=False)
    assert new_engine().library is native.installed() is not None
    monkeypatch.setattr(native, "installed", lambda: None)
    assert not new_engine().is_native


def test_it_travels_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KA_ENGINE", raising=False)
    assert pickle.loads(pickle.dumps(new_engine())).library is native.installed()
    assert not pickle.loads(pickle.dumps(Engine())).is_native


def test_the_interpreter_can_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KA_ENGINE", "interpreter")
    assert not new_engine().is_native
