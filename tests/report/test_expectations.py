"""`--expect` and `--fail-on`: what is understood, and what counts as not met."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from analyzer.analysis import analyze
from analyzer.errors import OptionError
from analyzer.keepalive.findings import Flow
from analyzer.keepalive.story.values import ProbedBy
from analyzer.keepalive.verdict.values import Cause, Outcome
from analyzer.report.expectations import Expectation, found, includes, parse, parse_outcomes, unmet
from tests.keepalive.made import Given, flow, probing, settings, within

SAMPLES = Path(__file__).parents[2] / "samples"
TIME, INTVL, PROBES = "tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes"


def with_flows(*flows: Flow) -> Any:
    """All that an expectation looks at of an analysis."""
    found = Given(*flows).flows
    return SimpleNamespace(flows=found, notable=found)


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
    assert parse(words) == Expectation(expected)


@pytest.mark.parametrize(
    ("words", "address", "port"),
    [
        ("10.0.0.5:time=60", "10.0.0.5", None),
        ("10.0.0.5:443:time=60", "10.0.0.5", 443),
        (":443:time=60", None, 443),
        ("[2001:db8::5]:time=60", "2001:db8::5", None),
        ("[2001:DB8:0::5]:443:time=60", "2001:db8::5", 443),
    ],
)
def test_places(words: str, address: str | None, port: int | None) -> None:
    assert parse(words) == Expectation({TIME: 60}, address, port)


@pytest.mark.parametrize(
    "where", ["", "443", "10.0.0", "2001:db8::5", "[]", "[10.0.0.5", "a.example", "10.0.0.5:", ":x"]
)
def test_no_such_place(where: str) -> None:
    with pytest.raises(OptionError, match="is no place"):
        parse(f"{where}:time=60")


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
    assert parse_outcomes(words, "--fail-on") == {Outcome(words)}


def test_several_outcomes() -> None:
    assert parse_outcomes("reset,timed-out,reset", "--fail-on") == {Outcome.RESET, Outcome.TIMED_OUT}


@pytest.mark.parametrize("words", ["", "dead", "reset,", "reset;timed-out", "RESET"])
def test_no_such_outcome(words: str) -> None:
    with pytest.raises(OptionError) as error:
        parse_outcomes(words, "--fail-on")
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
    return list(unmet([Expectation(expected)], with_flows(*flows)))


def test_each_unmet_setting_of_each_end_is_a_line() -> None:
    strange, usual = probing(settings(7200, 75, 9)), probing(settings(60, 10, 3), 1)
    said = lines({TIME: 60, INTVL: 10, PROBES: 9}, strange, usual)
    assert [(line.split()[1], "#0" in line) for line in said] == [(TIME, True), (INTVL, True), (PROBES, False)]
    assert "10.0.0.1:40000 (originator)" in said[0]
    assert said[0].endswith("has 7200")


def test_what_is_not_known_contradicts_nothing() -> None:
    assert lines({TIME: 60, INTVL: 10, PROBES: 3}, probing(settings(60))) == []


def test_open_bound_is_said_as_such() -> None:
    [line] = lines({TIME: 60}, probing(settings(within(100, None))))
    assert line.endswith("has 100 or more")


def test_ends_that_never_probed_are_not_held_to_it() -> None:
    assert lines({TIME: 60}, flow(found=settings(7200))) == []


def test_no_end_is_held_to_what_a_middlebox_sends_in_its_name() -> None:
    one = probing(settings(30))
    probed_for = replace(one.ends[0], story=replace(one.ends[0].story, probed_by=ProbedBy.MIDDLEBOX))
    assert lines({"tcp_keepalive_time": 60}, one)
    assert not lines({"tcp_keepalive_time": 60}, replace(one, ends=(probed_for, one.ends[1])))


def test_nothing_expected() -> None:
    assert lines({}, probing(settings(7200, 75, 9))) == []


def lines_of(words: list[str], *flows: Flow, is_strict: bool = False) -> list[str]:
    return list(unmet([parse(one) for one in words], with_flows(*flows), is_strict))


def test_an_address_is_the_probers_own_and_a_port_that_of_either_end() -> None:
    one = probing(settings(60))  # 10.0.0.1:40000 to 10.0.0.2:443
    assert len(lines_of(["10.0.0.1:time=30"], one)) == 1
    assert lines_of(["10.0.0.2:time=30"], one) == []
    assert len(lines_of([":443:time=30"], one)) == 1
    assert len(lines_of([":40000:time=30"], one)) == 1
    assert lines_of([":80:time=30"], one) == []
    assert len(lines_of(["10.0.0.1:443:time=30"], one)) == 1


def test_the_more_particular_expectation_replaces_the_others() -> None:
    one, other = probing(settings(60)), probing(settings(300), 1, ports=(40001, 5432))
    words = ["time=60", ":5432:time=300"]
    assert lines_of(words, one, other) == []
    assert lines_of([*words, "10.0.0.1:time=30"], one) != []
    assert lines_of([*words, "10.0.0.1:time=30", "10.0.0.1:5432:time=300"], other) == []


def test_two_of_the_same_kind_both_hold() -> None:
    assert len(lines_of(["time=30", "intvl=5"], probing(settings(60, 10)))) == 2


def test_strictly_what_the_wire_does_not_tell_is_a_violation() -> None:
    vague = probing(settings(within(58, 61, value=60), within(10, None)))
    words = ["time=60,intvl=10,probes=3"]
    assert lines_of(words, vague) == []
    said = lines_of(words, vague, is_strict=True)
    assert [line.split()[1] for line in said] == [INTVL, PROBES]
    assert said[0].endswith("shows only 10 or more")
    assert said[1].endswith("does not show it")
    [line] = lines_of(["time=61"], vague, is_strict=True)
    assert line.endswith("shows only 58 to 61, most likely 60")


def test_strictly_somebody_must_probe() -> None:
    assert lines_of(["time=60"], flow()) == []
    assert lines_of(["time=60"], flow(), is_strict=True) == ["no end probes, so --expect is not met"]
    [line] = lines_of(["time=60", ":80:time=60"], probing(settings(60)), is_strict=True)
    assert line == "no probing end is concerned by --expect :80"
    assert lines_of(["10.0.0.1:time=60", ":443:time=30"], probing(settings(60)), is_strict=True) == []  # replaced


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
    assert list(unmet([parse("time=60,intvl=20,probes=3")], analysis, is_strict=True)) == []
    [line] = unmet([parse("time=61,intvl=20,probes=3")], analysis)
    assert TIME in line
    assert len(list(found(parse_outcomes("timed-out", "--fail-on"), analysis))) == 1
