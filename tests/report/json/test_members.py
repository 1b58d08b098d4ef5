"""Members are written as json.dumps writes them; interpreted and compiled alike."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.report.json import members
from analyzer.report.json.string_pool import FIRST_MEMBER, StringPool
from analyzer.report.units import iso, seconds
from analyzer.schema import ABSENT
from analyzer.schema.results import PROOFS
from tests.engines import compiling

NAME = FIRST_MEMBER
NATIVE = compiling()


def written(write: Callable[..., int], *arguments: Any) -> str:
    string_pool, texts = StringPool(('"name": ',)), set()
    string_pool.add_all(("value",))
    for engine in (Engine(), NATIVE):
        out = bytearray(999)
        octets = engine.run(write, string_pool.buffer(out), 1, *arguments)
        texts.add(out[1:octets].decode())
    [text] = texts
    return text


def test_phrases() -> None:
    assert written(members.put, NAME + 1) == '"value"'
    assert written(members.put_string, NAME, NAME + 1) == '"name": "value"'


@given(st.one_of(st.just(ABSENT), st.integers(0, 2**63 - 1)))
def test_numbers_durations_instants(value: int) -> None:
    assert written(members.put_number, NAME, value) == f'"name": {"null" if value == ABSENT else value}'
    assert written(members.put_duration, NAME, value) == f'"name": {json.dumps(seconds(value))}'
    assert written(members.put_instant, NAME, value) == f'"name": {json.dumps(iso(value))}'


@pytest.mark.parametrize("frames", [[], [7], [7, 8, 1234567]])
def test_frames(frames: list[int]) -> None:
    def write(buffer: Any, at: int, proofs: Any, first: int, count: int) -> int:
        return members.write_frames(proofs, first, count, buffer, at)

    proofs = Table(PROOFS)
    for frame in (1, 2, *frames, 3):
        proofs.append(frame)
    out = bytearray(99)
    octets = write(StringPool(()).buffer(out), 0, proofs.view, 2, len(frames))
    assert json.loads(f"[{out[:octets].decode()}]") == frames
