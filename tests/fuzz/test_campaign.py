"""A short campaign with a fixed seed, and that a campaign finds what there is to find."""

import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from analyzer.errors import CaptureError
from analyzer.report.json import document
from tests.fuzz import campaign as under_test
from tests.fuzz.campaign import Hang, Tally, campaign
from tests.fuzz.corpus import pick, seeds
from tests.fuzz.mutations import NAMES, mutate


def last(captures: int, folder: Path, seed: int = 0) -> Tally:
    tally = Tally()
    for tally in campaign(seed, captures, 600, folder):  # noqa: B007
        pass
    return tally


def test_nothing_is_found(tmp_path: Path) -> None:
    tally = last(150, tmp_path)
    assert tally.captures == 150
    assert dict(tally.failures) == {}
    assert min(tally.outcomes["analysed"], tally.outcomes["damaged"]) > 30


def raising(error: type[BaseException]) -> Callable[..., object]:
    def fail(*_: object) -> object:
        raise error("found")

    return fail


@pytest.mark.parametrize("error", [ValueError, CaptureError, MemoryError, RecursionError, Hang])
def test_what_is_raised_is_found_and_kept(
    error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "document", raising(error))
    tally = last(10, tmp_path)
    assert sum(tally.failures.values()) == 10 - tally.outcomes["refused"]
    assert len(list(tmp_path.glob("0-*.pcap"))) == len(list(tmp_path.glob("0-*.txt"))) > 0


def test_what_takes_too_long_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spin(*_: object) -> object:
        while True:
            time.monotonic()

    monkeypatch.setattr(under_test, "LIMIT_S", 0.2)
    monkeypatch.setattr(document, "document", spin)
    assert [name.split()[0] for name in last(2, tmp_path, 5).failures] == ["Hang"]


def test_control_characters_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "ON_TERMINAL", 1)
    monkeypatch.setattr(under_test.terminal, "report", lambda *_: "\x1b[31m")
    assert any("AssertionError" in name for name in last(10, tmp_path).failures)


def test_a_campaign_can_be_repeated() -> None:
    def first(name: str) -> tuple[str, bytes, list[str]]:
        random = Random(name)
        origin, pieces = pick(random)
        return origin, *mutate(random, pieces)

    assert first("1-5") == first("1-5") != first("1-6")


def test_seeds_and_mutations_are_many() -> None:
    assert len(seeds()) > 130
    assert len(set(NAMES)) == len(NAMES) > 20
