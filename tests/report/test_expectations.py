"""`--expect` and `--fail-on`: what is understood, and what counts as not met."""

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from analyzer.analysis import analyze
from analyzer.errors import OptionError
from analyzer.keepalive.findings import Flow
from analyzer.keepalive.verdict import Cause, Outcome
from analyzer.report.expectations import found, includes, parse, parse_outcomes, unmet
from tests.keepalive.made import flow, probing, settings, within

SAMPLES = Path(__file__).parents[2] / "samples"
TIME, INTVL, PROBES = "tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes"


def with_flows(*flows: Flow) -> Any:
    """All that an expectation looks at of an analysis."""
    return SimpleNamespace(flows=flows)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("time=60,intvl=10,probes=3", {TIME: 60, INTVL: 10, PROBES: 3}),
        ("probes=3,time=60", {TIME: 60, PROBES: 3}),
        ("intvl=75", {INTVL: 75}),
        (" time=60, intvl=10 ", {TIME: 60, INTVL: 10}),
    ],
)
def test_understood(words: str, expected: dict[str, int]) -> None:
    assert parse(words) == expected


@pytest.mark.parametrize(
    "words",
    [
        "",
        "time",
        "time=",
        "=60",
        "time=60s",
        "time=-1",
        "time=6.5",
        "time=60;intvl=10",
        "time=60,",
        "idle=60",
        "TIME=60",
    ],
)
def test_not_understood(words: str) -> None:
    with pytest.raises(OptionError, match="time=60,intvl=10,probes=3") as error:
        parse(words)
    assert f"--expect {words}:" in str(error.value)


@pytest.mark.parametrize("words", [outcome.value for outcome in Outcome])
def test_every_outcome_can_be_unwanted(words: str) -> None:
    assert parse_outcomes(words) == {Outcome(words)}


def test_several_outcomes() -> None:
    assert parse_outcomes("reset,timed-out,reset") == {Outcome.RESET, Outcome.TIMED_OUT}


@pytest.mark.parametrize("words", ["", "dead", "reset,", "reset;timed-out", "RESET"])
def test_no_such_outcome(words: str) -> None:
    with pytest.raises(OptionError) as error:
        parse_outcomes(words)
    assert all(outcome.value in str(error.value) for outcome in Outcome)


@pytest.mark.parametrize(
    ("number", "is_included"), [(57, False), (58, True), (59, True), (60, True), (61, False)], ids=str
)
def test_bounds_are_inclusive(number: int, is_included: bool) -> None:
    assert includes(within(58, 60, value=60), number) == is_included


def test_without_upper_bound_only_less_is_excluded() -> None:
    assert includes(within(58, None), 7200)
    assert not includes(within(58, None), 57)


def lines(expected: dict[str, int], *flows: Flow) -> list[str]:
    return list(unmet(expected, with_flows(*flows)))


def test_each_unmet_setting_of_each_end_is_a_line() -> None:
    strange, usual = probing(settings(7200, 75, 9)), probing(settings(60, 10, 3), 1)
    said = lines({TIME: 60, INTVL: 10, PROBES: 9}, strange, usual)
    assert [(line.split()[1], "#0" in line) for line in said] == [(TIME, True), (INTVL, True), (PROBES, False)]
    assert "10.0.0.1:40000 (originator)" in said[0]
    assert "7200 to 7200" in said[0]


def test_what_is_not_known_contradicts_nothing() -> None:
    assert lines({TIME: 60, INTVL: 10, PROBES: 3}, probing(settings(60))) == []


def test_open_bound_is_said_as_such() -> None:
    [line] = lines({TIME: 60}, probing(settings(within(100, None))))
    assert line.endswith("100 to …")


def test_ends_that_never_probed_are_not_held_to_it() -> None:
    assert lines({TIME: 60}, flow(found=settings(7200))) == []


def test_nothing_expected() -> None:
    assert lines({}, probing(settings(7200, 75, 9))) == []


def unwanted(outcomes: Iterable[Outcome], *flows: Flow) -> list[str]:
    return list(found(frozenset(outcomes), with_flows(*flows)))


def test_unwanted_outcomes_are_named_with_both_ends() -> None:
    dead = flow(number=4, outcome=Outcome.TIMED_OUT, cause=Cause.PEER_SILENT)
    [line] = unwanted([Outcome.TIMED_OUT, Outcome.RESET], flow(), dead)
    assert line.startswith("#4 10.0.0.1:40000 and 10.0.0.2:443: timed out")


def test_no_unwanted_outcome() -> None:
    assert unwanted([Outcome.RESET], flow(), flow(number=1, outcome=Outcome.CLOSED)) == []


def test_a_real_capture() -> None:
    """60/20/3 by its truth file, with bounds of 58 to 60 s for the time."""
    analysis = analyze(str(SAMPLES / "third-60-20-3/capture.pcap"))
    assert list(unmet(parse("time=60,intvl=20,probes=3"), analysis)) == []
    [line] = unmet(parse("time=61,intvl=20,probes=3"), analysis)
    assert TIME in line
    assert len(list(found(parse_outcomes("timed-out"), analysis))) == 1
