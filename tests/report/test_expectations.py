"""`--expect` and `--fail-on`: what is understood, and what counts as not met."""

import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from analyzer.analysis import analyze
from analyzer.errors import OptionError
from analyzer.keepalive.findings import Flow
from analyzer.keepalive.settings.values import Basis, Setting
from analyzer.keepalive.story.values import ProbedBy
from analyzer.keepalive.summary.conclusions import MOST_SHOWN, ConclusionCode
from analyzer.keepalive.summary.expectations import Expectation
from analyzer.keepalive.verdict.values import Cause, Outcome
from analyzer.report.expectations import found, parse, parse_outcomes, parse_unwanted, unmet
from tests.keepalive.made import Given, Made, flow, ns, probing, settings, within

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


@pytest.mark.parametrize("one", [*Outcome, *ConclusionCode], ids=lambda one: one.value)
def test_every_outcome_and_conclusion_can_be_unwanted(one: Outcome | ConclusionCode) -> None:
    assert parse_unwanted(one.value) == {one}


def test_a_word_names_an_outcome_or_a_conclusion_never_both() -> None:
    assert {one.value for one in Outcome}.isdisjoint(one.value for one in ConclusionCode)


def test_several_words() -> None:
    assert parse_outcomes("reset,timed-out,reset", "--only") == {Outcome.RESET, Outcome.TIMED_OUT}
    assert parse_unwanted("reset,path-forgets,reset") == {Outcome.RESET, ConclusionCode.PATH_FORGETS}


@pytest.mark.parametrize("words", ["", "dead", "reset,", "reset;timed-out", "RESET"])
def test_no_such_word(words: str) -> None:
    with pytest.raises(OptionError) as only:
        parse_outcomes(words, "--only")
    with pytest.raises(OptionError) as error:
        parse_unwanted(words)
    assert all(outcome.value in str(only.value) for outcome in Outcome)
    assert all(one.value in str(error.value) for one in (*Outcome, *ConclusionCode))


def test_only_outcomes_choose_connections() -> None:
    with pytest.raises(OptionError, match="no outcome is called 'path-forgets'"):
        parse_outcomes("path-forgets", "--only")


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
    probed_for = one.ends[0]._replace(story=replace(one.ends[0].story, probed_by=ProbedBy.MIDDLEBOX))
    assert lines({"tcp_keepalive_time": 60}, one)
    assert not lines({"tcp_keepalive_time": 60}, one._replace(ends=(probed_for, one.ends[1])))


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
    assert len(list(found(parse_unwanted("timed-out"), analysis))) == 1


def test_an_unwanted_conclusion_is_a_line_with_its_code_and_its_text() -> None:
    """Which path forgets is in the recording's scenario, and that a NAT does."""
    analysis = analyze(str(SAMPLES / "nat-forgets-one-of-two/capture.pcap"))
    [line] = found(parse_unwanted("path-forgets,path-resets"), analysis)
    assert line.startswith("path-forgets: The path to 198.51.100.2:9000 ")
    assert list(found(parse_unwanted("path-resets,keepalive-race"), analysis)) == []
    assert len(list(found(parse_unwanted("timed-out,path-forgets"), analysis))) == 2


def test_a_conclusion_that_is_not_shown_is_unwanted_too() -> None:
    analysis = analyze(str(SAMPLES / "nat-forgets-one-of-two/capture.pcap"))
    drawn = [one for one in analysis.conclusions if one.code is ConclusionCode.PATH_FORGETS]
    others = [drawn[0]._replace(code=ConclusionCode.PEER_SILENT, numbers=(("unnoticed", 0.0),))] * MOST_SHOWN
    many = SimpleNamespace(conclusions=(*others, *drawn))
    assert len(list(found(parse_unwanted("path-forgets"), many))) == 1  # type: ignore[arg-type]


def silent(low_s: int, silence_s: int, frame: int, number: int = 0, ends_there: bool = False) -> Flow:
    """A connection that survived a silence in which nobody probed; its client's idle time is at least `low_s`."""
    made = Made().traffic(silence_s) if not ends_there else Made().traffic(1).capture_end(silence_s)
    found = Setting(None, low_s, None, 1, Basis.SURVIVED_GAPS, (ns(silence_s), ns(silence_s)), (frame,))
    return flow(made, number, found=settings(found))


def test_a_silence_without_a_probe_excludes_what_is_shorter() -> None:
    one = silent(134, 151, 12)
    [line] = lines_of([":443:time=30"], one)
    assert line == (
        "expected tcp_keepalive_time = 30, but #0 10.0.0.1:40000 (originator) shows otherwise: 151.00 s went by "
        "without a probe, up to frame 12, so 30 s is not in force"
    )
    assert lines_of([":443:time=133"], one) != []
    assert lines_of([":443:time=134"], one) == []
    [line] = lines_of([":443:time=30"], silent(134, 151, 12, ends_there=True))
    assert "up to the capture's end after frame 12" in line


def test_only_an_idle_time_at_a_named_place_is_missed_in_a_silence() -> None:
    one = silent(134, 151, 12)
    assert lines_of(["10.0.0.1:time=30"], one) == lines_of([":443:time=30"], one)
    for words in ("time=30", ":443:intvl=30,probes=9", ":80:time=30", "10.0.0.2:time=30"):
        assert lines_of([words], one) == []


def test_a_connection_needs_one_end_that_probes() -> None:
    """Of the other end only something is said if its address is given."""
    one = silent(134, 151, 12)
    server = one.ends[1]._replace(settings=one.ends[0].settings)
    client = probing(settings(150))
    both = client._replace(ends=(client.ends[0], server))
    assert lines_of([":443:time=150"], both) == []
    [line] = lines_of(["10.0.0.2:time=60"], both)
    assert "10.0.0.2:443 (responder) shows otherwise: 151.00 s" in line


def test_an_end_that_could_not_probe_may_have_the_expected_time() -> None:
    """It waited for an ACK meanwhile, so its timer did not run."""
    one = silent(134, 151, 12)
    busy = one.ends[1]._replace(story=replace(one.ends[1].story, gaps=()))
    assert lines_of([":443:time=30"], one._replace(ends=(one.ends[0], busy))) == []


def test_a_middlebox_probes_for_an_end_whose_own_time_is_not_known() -> None:
    one = silent(134, 151, 12)
    probed_for = one.ends[0]._replace(story=replace(one.ends[0].story, probed_by=ProbedBy.MIDDLEBOX))
    assert lines_of(["10.0.0.1:time=30"], one._replace(ends=(probed_for, one.ends[1]))) == []


def test_strictly_what_a_silence_excludes_is_said_once() -> None:
    one = silent(134, 151, 12)
    [line] = lines_of([":443:time=30"], one, is_strict=True)
    assert "not in force" in line
    assert lines_of([":443:time=160"], one, is_strict=True) == ["no probing end is concerned by --expect :443"]


def test_a_recorded_silence() -> None:
    """Keepalive is off at both ends by its truth file; the longest silence, 100 s, ends with the FIN of frame 168."""
    analysis = analyze(str(SAMPLES / "heartbeat/capture.pcap"))
    said = list(unmet([parse(":9000:time=30")], analysis))
    assert ["(originator)" in line for line in said] == [True, False]
    assert all(
        line.endswith("100.12 s went by without a probe, up to frame 168, so 30 s is not in force") for line in said
    )
    assert len(list(unmet([parse(":9000:time=88")], analysis))) == 2  # a wheel is late by an eighth at most
    assert list(unmet([parse(":9000:time=101")], analysis)) == []
    assert list(unmet([parse("time=30")], analysis)) == []


@pytest.mark.parametrize("words", [":9000:time=2", ":9000:time=7", ":9000:time=19"])
def test_a_silence_that_is_too_short_to_be_notable_counts_too(words: str) -> None:
    """A beat each 5 s, keepalive off: the silences between them exclude 2 s, and nothing longer."""
    analysis = analyze(str(SAMPLES / "heartbeat-each-5-s/capture.pcap"))
    assert bool(list(unmet([parse(words)], analysis))) == words.endswith("=2")


def configured_but_never_due() -> list[tuple[str, str, int]]:
    """Recordings of kernels with keepalive that had no reason to probe: folder, role, and the idle time that was
    set."""
    truths = ((file.parent.name, tomllib.loads(file.read_text())) for file in sorted(SAMPLES.glob("*/truth.toml")))
    return [
        (name, end["role"], end["tcp_keepalive_time"])
        for name, truth in truths
        for end in truth.get("end", ())
        if not end.get("probed", True)
    ]


@pytest.mark.parametrize(("name", "role", "time_s"), configured_but_never_due())
def test_what_was_configured_is_never_excluded(name: str, role: str, time_s: int) -> None:
    analysis = analyze(str(SAMPLES / name / "capture.pcap"))
    [flow] = analysis.flows
    [end] = (end for end in flow.ends if end.role.value == role)
    assert list(unmet([Expectation({TIME: time_s}, address=end.address)], analysis)) == []
    said = list(unmet([Expectation({TIME: time_s}, port=end.port)], analysis))
    assert not any(f"({role})" in line for line in said)
    assert flow.probers or not said  # of redis-cli the other end probes, and sooner


def test_configured_but_never_due_are_some() -> None:
    assert len(configured_but_never_due()) >= 6
