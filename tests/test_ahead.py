"""Kernels made before they are needed."""

from typing import Any

import pytest

from analyzer import ahead, machine_code
from analyzer.ahead import Noting, load, make_all
from analyzer.machine_code import types_of


def test_every_kernel_of_an_analysis_is_noted_with_what_it_is_compiled_for() -> None:
    noting = Noting()
    load(noting)
    names = [kernel.__name__ for kernel, _ in noting.noted]
    assert {
        "decode",
        "recognise",
        "look_up",
        "track",
        "decide",
        "tell",
        "infer",
        "weigh",
        "unwrap",
        "walk_block",
    } <= set(names)
    assert names.index("decode") < names.index("track") < names.index("tell")
    assert not noting.compiled


def test_the_last_is_made_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_two(engine: Any) -> None:
        for kernel in (max, min, max):
            engine.run(kernel, 1, 2)

    made: list[Any] = []
    waited_for: list[Any] = []
    monkeypatch.setattr(ahead, "load", run_two)
    monkeypatch.setattr(machine_code, "make", lambda kernel, types: made.append((kernel, types)))
    monkeypatch.setattr(machine_code, "stored", lambda kernel, types: waited_for.append((kernel, types)))
    make_all()
    assert made == [(min, types_of((1, 2))), (max, types_of((1, 2)))]
    assert waited_for == made[::-1]
