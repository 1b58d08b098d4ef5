"""When kernels are compiled; the machine code itself is test_jit.py's."""

import subprocess
import time
from typing import Any

import pytest

from analyzer.jit import Engine
from analyzer.monitor import compiling
from analyzer.monitor.compiling import Compiling, load


class Ran:
    """Notes which kernels ran."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._engine = Engine()

    compiled = False

    def run(self, kernel: Any, *arguments: Any) -> int:
        self.names.add(kernel.__name__)
        return self._engine.run(kernel, *arguments)


def test_every_kernel_of_live_mode_is_loaded() -> None:
    ran: Any = Ran()
    load(ran)
    assert ran.names >= {
        "decode",
        "unwrap",
        "look_up",
        "enter",
        "weigh",
        "choose",
        "renumber",
        "track",
        "sort_by_flow",
        "decide",
        "tell",
        "walk_block",
    }


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.delenv("KA_JIT", raising=False)
    return Engine()


def test_a_choice_of_the_user_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KA_JIT", "0")
    engine = Engine()
    one = Compiling(engine)
    assert one.begin() == ""
    one.look()
    assert not engine.compiled


def test_what_is_cached_is_loaded_before_the_capture(free: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Engine] = []
    monkeypatch.setattr(compiling.machine_code, "is_compiled", lambda: True)
    monkeypatch.setattr(compiling, "load", loaded.append)
    assert Compiling(free).begin() == ""
    assert (free.compiled, loaded) == (True, [free])


def test_what_is_not_is_made_by_another_process_meanwhile(free: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    popen = subprocess.Popen

    def start(words: list[str], **how: Any) -> Any:
        started.append(words)
        return popen(["sleep", "0.1"], **how)

    monkeypatch.setattr(compiling.machine_code, "is_compiled", lambda: False)
    monkeypatch.setattr(compiling, "load", lambda _: None)
    monkeypatch.setattr(subprocess, "Popen", start)
    one = Compiling(free)
    assert "meanwhile" in one.begin()
    assert started[0][1:] == ["-m", "analyzer.ahead"]
    one.look()
    assert not free.compiled
    time.sleep(0.5)
    one.look()
    assert free.compiled
    one.close()


def test_without_numba_it_is_said_what_that_means(free: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "has_numba", lambda: False)
    assert "numba is not installed" in Compiling(free).begin()
    assert not free.compiled
