"""The choice between interpreter and compiled kernel: the same memory, the same numbers."""

from array import array
from pathlib import Path
from typing import Any

import pytest

from analyzer import jit, machine_code
from analyzer.columns import Table
from analyzer.jit import COMPILE_FROM_OCTETS, FIRST_COMPILE_FROM_OCTETS, Engine
from analyzer.schema.packets import RECORDS
from analyzer.sequence import seq_add, seq_diff


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


@pytest.fixture(autouse=True)
def free_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KA_JIT", raising=False)


def compiled_engine() -> Engine:
    engine = Engine()
    engine.compiled = True
    return engine


def test_both_modes_agree_and_may_take_turns(records: Table) -> None:
    buffer = bytearray(b"\xff\x80\x00")
    results = [engine.run(kernel, records.view, buffer, 3, 1) for engine in (Engine(), compiled_engine(), Engine())]
    assert results == [0xFF * 256 + 0x80 * 256 + total for total in (9, 12, 15)]
    assert list(records.view.ts_ns[:3]) == [3, 10, 2]


def test_compiled_kernels_check_bounds() -> None:
    with pytest.raises(IndexError):
        compiled_engine().run(past_the_end, array("q", [0, 0, 0]))


def test_an_empty_table_can_be_passed() -> None:
    assert compiled_engine().run(kernel, Table(RECORDS).view, bytearray(1), 0, 1) == 0


def test_small_captures_are_interpreted() -> None:
    engine = Engine()
    engine.expect(COMPILE_FROM_OCTETS - 1)
    assert not engine.compiled


def test_many_small_captures_make_a_large_one() -> None:
    engine = Engine()
    for _ in range(4):
        engine.expect(FIRST_COMPILE_FROM_OCTETS // 4)
    assert engine.compiled


def test_before_the_first_compilation_only_very_large_captures_are_compiled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(machine_code, "place", lambda: tmp_path / "none")
    first = Engine()
    first.expect(FIRST_COMPILE_FROM_OCTETS - 1)
    assert not first.compiled
    begun: list[bool] = []
    monkeypatch.setattr(machine_code, "begin_at_the_end", lambda: begun.append(True))
    first.expect(1)
    assert (first.compiled, begun) == (True, [True])
    monkeypatch.setattr(machine_code, "place", lambda: tmp_path)
    later = Engine()
    later.expect(FIRST_COMPILE_FROM_OCTETS - 1)
    assert later.compiled


def test_without_numba_the_interpreter_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "has_numba", lambda: False)
    engine = Engine()
    engine.expect(FIRST_COMPILE_FROM_OCTETS)
    assert not engine.compiled


@pytest.mark.parametrize(("forced", "compiled"), [("0", False), ("1", True)])
def test_a_mode_can_be_forced(monkeypatch: pytest.MonkeyPatch, forced: str, compiled: bool) -> None:
    monkeypatch.setenv("KA_JIT", forced)
    engine = Engine()
    assert engine.compiled is compiled
    engine.expect(FIRST_COMPILE_FROM_OCTETS)
    assert engine.compiled is compiled
