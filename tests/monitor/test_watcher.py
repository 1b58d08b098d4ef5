"""Events as they happen: what is told, when, once, and nothing that has not happened."""

from itertools import pairwise

import pytest

from analyzer.analysis import analyze
from analyzer.capture.files.reader import CaptureReader
from analyzer.capture.files.source import open_source
from analyzer.monitor.events import Event, Name
from analyzer.monitor.watcher import Watcher
from analyzer.tcp.eviction import Limits
from tests.monitor.live import at, brief, told
from tests.recordings import SHORT
from tests.transcript import feed, transcript

OPENED = """
    0.000  A>B  S   seq 999
    0.010  B>A  SA  seq 4999  ack 1000
    0.020  A>B  A   seq 1000  ack 5000
"""
ALIVE = f"""{OPENED}
    30.000  A>B  A  seq 999   ack 5000
    30.010  B>A  A  seq 5000  ack 1000
    60.000  A>B  A  seq 999   ack 5000
    60.010  B>A  A  seq 5000  ack 1000
"""
LOST = f"""{ALIVE}
    90.000  A>B  A   seq 999   ack 5000
    100.000  A>B  A   seq 999   ack 5000
    110.000  A>B  RA  seq 1000  ack 5000
"""


def test_probes_and_answers_are_told_when_they_come() -> None:
    assert brief(told(ALIVE), "flow-open", "keepalive-probe", "keepalive-answer") == [
        ("flow-open", 0.0, None),
        ("keepalive-probe", 30.0, 0),
        ("keepalive-answer", 30.01, 1),
        ("keepalive-probe", 60.0, 0),
        ("keepalive-answer", 60.01, 1),
    ]


def test_a_probe_on_its_way_is_not_yet_unanswered() -> None:
    assert not brief(told(ALIVE, until="60.2"), "probe-unanswered", "verdict", "give-up")


def test_loss_and_give_up_are_told_within_a_second() -> None:
    watcher = Watcher()
    events = told(LOST, watcher=watcher)
    assert brief(events, "probe-unanswered", "give-up", "verdict") == [
        ("probe-unanswered", 90.6, 0),
        ("verdict", 100.0, 0),
        ("probe-unanswered", 100.6, 0),
        ("give-up", 110.0, 0),
        ("verdict", 110.0, 0),
    ]
    assert [event.fields["unanswered"] for event in events if event.name is Name.PROBE_UNANSWERED] == [1, 2]
    assert [event.fields["outcome"] for event in events if event.name is Name.VERDICT] == ["probing", "timed-out"]
    [give_up] = [event for event in events if event.name is Name.GIVE_UP]
    assert (give_up.fields["basis"], give_up.fields["errno"]) == ("rst", "ETIMEDOUT")


def test_the_last_settings_are_those_of_the_whole_capture() -> None:
    events = [event for event in told(LOST) if event.name is Name.SETTINGS]
    last = events[-1].fields["settings"]
    assert [last[name]["value"] for name in last if name.startswith("tcp_keepalive")] == [30, 10, 2]
    assert all(before.fields["settings"] != after.fields["settings"] for before, after in pairwise(events))


def test_an_answer_that_comes_late_is_told_too() -> None:
    text = f"{OPENED}\n 30.0 A>B A seq 999 ack 5000\n 31.5 B>A A seq 5000 ack 1000"
    assert brief(told(text), "probe-unanswered", "keepalive-answer") == [
        ("probe-unanswered", 30.6, 0),
        ("keepalive-answer", 31.5, 1),
    ]


def test_who_always_answers_late_is_given_more_time() -> None:
    late = "\n".join(f"{30 * n}.0 A>B A seq 999 ack 5000\n {30 * n + 1}.5 B>A A seq 5000 ack 1000" for n in range(1, 4))
    assert brief(told(f"{OPENED}\n{late}"), "probe-unanswered") == [("probe-unanswered", 30.6, 0)]


def test_giving_up_in_silence_shows_by_time_alone() -> None:
    text = f"{OPENED}\n 30.0 A>B A seq 999 ack 5000\n 40.0 A>B A seq 999 ack 5000\n 50.0 A>B A seq 999 ack 5000"
    watcher = Watcher()
    told(text, watcher=watcher)
    later = [event for second in range(51, 110) for event in watcher.tick(at(f"{second}.0"))]
    [give_up] = [event for event in later if event.name is Name.GIVE_UP]
    assert (give_up.fields["basis"], give_up.fields["frame"], give_up.end) == ("silence", None, 0)
    assert 60 < (give_up.time_ns - at("0")) / 10**9 < 80


def test_a_reset_that_answers_a_probe() -> None:
    events = told(f"{OPENED}\n 30.0 A>B A seq 999 ack 5000\n 30.01 B>A R seq 5000")
    [reset] = [event for event in events if event.name is Name.RESET]
    assert (reset.end, reset.fields["answers"], reset.fields["cause"]) == (1, 4, "peer-lost-state")


def test_icmp_errors_are_told_once_each() -> None:
    text = f"""{OPENED}
        30.0  A>B  A  seq 999  ack 5000
        30.1  icmp host-unreachable about A>B seq 999
        40.0  A>B  A  seq 999  ack 5000
        40.1  icmp host-unreachable about A>B seq 999
    """
    errors = [event for event in told(text, until="60") if event.name is Name.UNREACHABLE]
    assert [(event.end, event.fields["of"], event.fields["icmp_code"]) for event in errors] == [(0, 4, 1), (0, 6, 1)]


def test_closing_in_order_is_told() -> None:
    text = f"{OPENED}\n 1.0 A>B FA seq 1000 ack 5000\n 1.01 B>A FA seq 5000 ack 1001\n 1.02 A>B A seq 1001 ack 5001"
    [closed] = [event for event in told(text) if event.name is Name.FLOW_CLOSED]
    assert brief([closed]) == [("flow-closed", 1.01, 0)]
    assert (closed.fields["how"], closed.fields["frame"], closed.fields["crossed"]) == ("fin", 4, [])


def test_resends_without_an_answer_are_noticed_although_nothing_more_comes() -> None:
    text = f"{OPENED}\n 1.0 A>B A seq 1000 ack 5000 len 50\n 1.3 A>B A seq 1000 len 50\n 1.9 A>B A seq 1000 len 50"
    watcher = Watcher()
    told(text, watcher=watcher)
    later = [event for second in range(2, 12) for event in watcher.tick(at(f"{second}.0"))]
    assert [event.fields["outcome"] for event in later if event.name is Name.VERDICT] == ["timed-out"]
    assert [event.fields["basis"] for event in later if event.name is Name.GIVE_UP] == ["silence"]


def test_the_peers_other_connections_say_why_it_is_silent() -> None:
    """B answers C meanwhile, so B lives: the path dropped the connection of A."""
    text = f"""{OPENED}
        1.00  C>B  S   seq 99
        1.01  B>C  SA  seq 199  ack 100
        30.0  A>B  A   seq 999  ack 5000
        33.0  C>B  A   seq 100  ack 200  len 5
        33.1  B>C  A   seq 200  ack 105
        40.0  A>B  A   seq 999  ack 5000
    """
    verdicts = [event.fields["cause"] for event in told(text, until="50") if event.name is Name.VERDICT]
    assert verdicts[-1] == "path-dropped"


def test_a_connection_with_what_was_learned_from_another_of_its_host_is_told_its_end() -> None:
    """The second connection of A is the first one's life again, 200 s later: its count is known by then."""
    second = "\n".join(
        f"{float(time) + 200:.3f} {rest.replace('A>', 'A:41000>').replace('>A', '>A:41000')}"
        for time, rest in (line.split(maxsplit=1) for line in LOST.strip().splitlines() if line.strip())
    )
    events = told(f"{LOST}\n{second}")
    forecasts = [event.fields["forecast"] for event in events if event.name is Name.PROBE_UNANSWERED]
    assert [(one["probes"], one["probes_basis"]) for one in forecasts] == [
        (None, None),
        (None, None),
        (2, "another connection of its host"),
        (2, "another connection of its host"),
    ]
    span = forecasts[3]["give_up"]
    assert span["earliest"] <= "2023-11-14T22:18:30.000000000Z" <= span["latest"]  # 110 s, 200 s later


@pytest.mark.parametrize("capture", SHORT, ids=lambda path: path.parent.name)
def test_recordings_tell_live_what_they_tell_as_a_file(capture: object) -> None:
    """Every probe, answer, ICMP error, reset and give-up of the story, once each."""
    watcher = Watcher()
    events: list[Event] = []
    analyzer = watcher.analyzer
    with open_source(str(capture)) as source:
        for buffer, records, _ in CaptureReader(source, analyzer.diagnostics, 300).chunks(analyzer.engine):
            watcher.feed(buffer, records)
            events += watcher.tick(max(records.view.ts_ns[: records.rows]))
    events += watcher.last_tick(analyzer.coverage.last_ns)
    flows = analyze(str(capture)).flows
    for flow in flows:
        frames = {
            name: sorted(event.fields["frame"] for event in events if event.flow == flow.id and event.name is name)
            for name in (Name.KEEPALIVE_PROBE, Name.KEEPALIVE_ANSWER, Name.RESET)
        }
        probes = [probe for end in flow.ends for probe in end.story.probes]
        answers = {probe.answer_frame for probe in probes if probe.answer.value in ("ack", "data")}
        assert set(frames[Name.KEEPALIVE_PROBE]) >= {probe.frame for probe in probes}
        assert set(frames[Name.KEEPALIVE_ANSWER]) >= answers
        reset = flow.story.reset
        assert frames[Name.RESET] == ([reset.frame] if reset and not reset.is_give_up else [])
        outcomes = [e.fields["outcome"] for e in events if e.flow == flow.id and e.name is Name.VERDICT]
        assert flow.verdict.outcome.value in {*outcomes[-1:], *(["alive", "open", "unknown"] if not outcomes else [])}


def test_memory_is_bounded_and_what_is_forgotten_is_counted() -> None:
    """A thousand SYNs that nobody answers, beside one connection that is probed."""
    limits = Limits(flows=100, candidates=300)
    watcher = Watcher(limits=limits)
    told(OPENED, watcher=watcher)
    for first in range(0, 1000, 50):
        text = "\n".join(f"{2 + (first + n) / 1000:.3f} C:{1000 + first + n}>B S seq {n}" for n in range(50))
        told(text, watcher=watcher)
    assert watcher.analyzer.tracker.table.flows.rows <= limits.flows + 50
    assert watcher.forgotten_flows + len(watcher.watched) == 1001
    events = told("30.0 A>B A seq 999 ack 5000\n 30.01 B>A A seq 5000 ack 1000", watcher=watcher)
    found = [(event.flow, event.name) for event in events if event.name is not Name.SETTINGS]
    assert found == [(0, Name.KEEPALIVE_PROBE), (0, Name.KEEPALIVE_ANSWER)]


def test_conclusions_name_connections_by_the_numbers_of_the_events() -> None:
    """Also where those before it were forgotten."""
    watcher = Watcher(limits=Limits(flows=50, candidates=150))
    for first in range(0, 200, 50):
        text = "\n".join(f"{(first + n) / 1000:.3f} C:{1000 + first + n}>B S seq {n}" for n in range(50))
        told(text, watcher=watcher)
    later = [line.split(maxsplit=1) for line in LOST.splitlines() if line.strip()]
    told("\n".join(f"{1000 + float(seconds):.3f} {what}" for seconds, what in later), watcher=watcher)
    assert watcher.forgotten_flows > 0
    analysis = watcher.analyzer.finish([], [], [])
    [event] = watcher.conclusions(analysis, at("1110"))
    assert (event.fields["code"], event.fields["flows"]) == ("peer-silent", [200])
    assert (event.name, event.flow, event.end) == (Name.CONCLUSION, None, None)


def test_a_long_life_takes_no_more_memory_than_a_short_one() -> None:
    watcher = Watcher(limits=Limits(flows=100, candidates=40, of_one_flow=16))
    told(OPENED, watcher=watcher)
    for n in range(1, 60):
        events = told(f"{30 * n}.0 A>B A seq 999 ack 5000\n {30 * n}.01 B>A A seq 5000 ack 1000", watcher=watcher)
        assert brief(events, "keepalive-probe", "keepalive-answer") == [
            ("keepalive-probe", 30.0 * n, 0),
            ("keepalive-answer", 30 * n + 0.01, 1),
        ]
    assert watcher.analyzer.tracker.candidates.rows <= 40
    assert len(watcher.watched[0].reported.answered) <= 16


def test_of_connections_that_are_over_only_the_latest_looks_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look takes some kilobytes, and there is no end of connections."""
    monkeypatch.setattr("analyzer.monitor.watcher.KEPT_OVER", 2)
    watcher = Watcher()
    closed = f"{OPENED}\n 1.0 A>B FA seq 1000 ack 5000\n 1.01 B>A FA seq 5000 ack 1001"
    reset = f"{OPENED}\n 30.0 A>B A seq 999 ack 5000\n 30.01 B>A R seq 5000"
    for port, text in enumerate((closed, reset, reset, reset, ALIVE), 42000):
        told(text.replace("A>", f"A:{port}>").replace(">A", f">A:{port}"), watcher=watcher)
    assert [number for number, _ in watcher.standings()] == [2, 3, 4]


HOUR = 3600 * 10**9
ENDINGS = {
    "closed": "1.0 A>B FA seq 1000 ack 5000\n 1.01 B>A FA seq 5000 ack 1001",
    "reset": "30.0 A>B A seq 999 ack 5000\n 30.01 B>A R seq 5000",
    "silent": "30.0 A>B A seq 999 ack 5000\n 40.0 A>B A seq 999 ack 5000\n 50.0 A>B A seq 999 ack 5000",
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_a_connection_that_ended_is_let_go_after_a_while_and_counted(ending: str) -> None:
    """The other one is idle, and stays."""
    watcher = Watcher(keep_ns=HOUR)
    told(f"{OPENED}\n{ending}", watcher=watcher)
    told(OPENED.replace("A>", "C>").replace(">A", ">C").replace("0.0", "70.0"), watcher=watcher)
    for second in range(71, 200):
        watcher.tick(at(f"{second}.0"))
    watcher.tick(at("3500"))
    assert (len(watcher.watched), watcher.let_go_flows) == (2, 0)
    for second in range(3700, 4000, 60):
        watcher.tick(at(f"{second}"))
    assert [one.reported.number for one in watcher.watched] == [1]
    assert (watcher.let_go_flows, watcher.forgotten_flows) == (1, 0)
    events = told("4000.0 C>B A seq 999 ack 5000\n 4000.01 B>C A seq 5000 ack 1000", watcher=watcher)
    assert brief(events, "keepalive-probe", "keepalive-answer") == [
        ("keepalive-probe", 4000.0, 0),
        ("keepalive-answer", 4000.01, 1),
    ]
    [note] = watcher.analyzer.finish([], [], []).of_reading
    assert (note.code.name, note.count) == ("flows-let-go", 1)


def test_what_hosts_showed_goes_with_the_last_of_their_connections() -> None:
    watcher = Watcher(keep_ns=HOUR)
    told(LOST, watcher=watcher)
    assert list(watcher._counts) == ["10.0.0.1"]
    watcher.tick(at("9000"))
    assert (watcher.let_go_flows, watcher._counts) == (1, {})


def test_what_is_still_to_be_looked_at_is_not_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred connections that were closed come at once, and a tick looks at a few: all of them are told."""
    monkeypatch.setattr("analyzer.monitor.watcher.ROWS_A_TICK", 10)
    monkeypatch.setattr("analyzer.monitor.watcher.ROWS_A_TICK_INTERPRETED", 10)
    watcher = Watcher(keep_ns=HOUR)
    closed = f"{OPENED}\n{ENDINGS['closed']}"
    frames = [
        frame for n in range(1, 101) for frame in transcript(closed.replace("A>", f"A:{n}>").replace(">A", f">A:{n}"))
    ]
    feed(watcher.analyzer, frames)
    events = watcher.tick(at("9000"))
    while watcher.is_behind:
        events += watcher.tick(at("9000"))
    assert len(brief(events, "flow-closed")) == 100


def test_without_a_time_nothing_is_let_go() -> None:
    watcher = Watcher()
    told(f"{OPENED}\n{ENDINGS['closed']}", watcher=watcher)
    watcher.tick(at("900000"))
    assert (len(watcher.watched), watcher.let_go_flows) == (1, 0)


def test_a_month_of_connections_takes_no_more_than_an_hour_of_them() -> None:
    """Ten a day that are closed, beside one that is probed every hour; numbers go on."""
    watcher = Watcher(keep_ns=HOUR)
    told(OPENED, watcher=watcher)
    closed = f"{OPENED}\n{ENDINGS['closed']}"
    for n in range(1, 300):
        start_s = 8640 * n
        lines = (line.split(maxsplit=1) for line in closed.splitlines() if line.strip())
        text = "\n".join(f"{start_s + float(seconds):.3f} {what}" for seconds, what in lines)
        told(text.replace("A>", f"C:{n}>").replace(">A", f">C:{n}"), watcher=watcher)
        told(f"{start_s + 60}.0 A>B A seq 999 ack 5000\n {start_s + 60}.01 B>A A seq 5000 ack 1000", watcher=watcher)
        assert len(watcher.watched) <= 3
    assert watcher.analyzer.tracker.table.flows.rows <= 3
    assert len(watcher._timers) < 2000
    assert watcher.let_go_flows == 300 - len(watcher.watched)


BEATS = "".join(
    f"""
    {30 * i}.00  A>B  PA  seq {1000 + 10 * (i - 1)}  ack 5000  len 10
    {30 * i}.01  B>A  A   seq 5000  ack {1000 + 10 * i}
    """
    for i in range(1, 7)
)


def stops(text: str, until_s: int) -> list[Event]:
    """The heartbeats that stopped, as they are told when a second passes after a second."""
    watcher = Watcher()
    events = told(text, watcher=watcher)
    events += [event for second in range(181, until_s) for event in watcher.tick(at(f"{second}.0"))]
    return [event for event in events if event.name is Name.HEARTBEAT_STOPPED]


def test_a_heartbeat_that_stops_is_told_once() -> None:
    """After 180 s the next is due every 30 s; two and a half periods later it is said."""
    [stopped] = stops(OPENED + BEATS, 600)
    assert (stopped.end, stopped.is_trouble) == (0, True)
    assert at("255.0") <= stopped.time_ns <= at("257.0")
    assert stopped.fields["period_s"] == 30.0
    assert stops(OPENED + BEATS, 250) == []


def test_a_heartbeat_that_begins_again_and_stops_again_is_told_again() -> None:
    watcher = Watcher()
    told(OPENED + BEATS, watcher=watcher)
    first = [event for second in range(181, 700) for event in watcher.tick(at(f"{second}.0"))]
    again = "".join(
        f"""
    {700 + 30 * i}.00  A>B  PA  seq {1060 + 10 * i}  ack 5000  len 10
    {700 + 30 * i}.01  B>A  A   seq 5000  ack {1070 + 10 * i}
    """
        for i in range(6)
    )
    told(again, watcher=watcher)
    second = [event for second in range(851, 1200) for event in watcher.tick(at(f"{second}.0"))]
    assert [[event.name for event in some].count(Name.HEARTBEAT_STOPPED) for some in (first, second)] == [1, 1]
