"""A line for each event; numbers are the event's own."""

import pytest

from analyzer.monitor.events import Event, Name
from analyzer.monitor.forecast import Count, Forecast, Span
from analyzer.monitor.words import ahead, clock, line
from tests.monitor.live import told
from tests.monitor.test_watcher import LOST

SECOND = 10**9
LATE = "49.99 s after the peer was last heard"


def test_the_course_of_a_connection() -> None:
    lines = [line(event).split("  ", 2) for event in told(LOST) if event.name is not Name.SETTINGS]
    assert {who for _, who, _ in lines} == {"#0 10.0.0.1:40000 ↔ 10.0.0.2:80"}
    assert [(time, what) for time, _, what in lines] == [
        ("22:13:20.000", "opened"),
        ("22:13:50.000", "10.0.0.1:40000 probes"),
        ("22:13:50.010", "10.0.0.2:80 answers after 10.00 ms"),
        ("22:14:20.000", "10.0.0.1:40000 probes"),
        ("22:14:20.010", "10.0.0.2:80 answers after 10.00 ms"),
        ("22:14:50.000", "10.0.0.1:40000 probes"),
        ("22:14:50.600", "10.0.0.2:80 does not answer: unanswered 1"),
        ("22:15:00.000", "being probed, the peer fell silent"),
        ("22:15:00.000", "10.0.0.1:40000 probes, 2nd in a row"),
        ("22:15:00.600", "10.0.0.2:80 does not answer: unanswered 2"),
        (
            "22:15:10.000",
            f"10.0.0.1:40000 resets the connection: its application gets ETIMEDOUT, {LATE}",
        ),
        ("22:15:10.000", "timed out, the peer fell silent"),
    ]


def test_settings_are_said_with_their_bounds() -> None:
    words = [line(event) for event in told(LOST) if event.name is Name.SETTINGS]
    assert words[-1].endswith("10.0.0.1:40000 has time 30, intvl 10, probes 2")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"reason": "no-room", "dropped": 1234},
            "eth0: the kernel dropped 1,234 frames; a missing answer may be one of them",
        ),
        ({"reason": "interface-down"}, "eth0 went down; waiting for it"),
        ({"reason": "interface-up", "blind_s": 3.5}, "eth0 is up again, after 3.5 s"),
        ({"reason": "interface-lost", "why": "no"}, "eth0 was created again and cannot be opened: no"),
    ],
)
def test_what_becomes_of_an_interface(fields: dict[str, object], words: str) -> None:
    event = Event(SECOND, Name.DROPS, None, None, (), {"interface": "eth0", **fields})
    assert line(event) == f"00:00:01.000  {words}"


@pytest.mark.parametrize(("fix", "more"), [(None, ""), ("Do this.", " → Do this.")])
def test_what_is_concluded_and_what_to_do_are_one_line(fix: str | None, more: str) -> None:
    event = Event(SECOND, Name.CONCLUSION, None, None, (), {"code": "path-forgets", "text": "So it is.", "fix": fix})
    assert line(event) == f"00:00:01.000  So it is.{more}"


def span(low: float, high: float | None) -> Span:
    return Span(round(low * SECOND), None if high is None else round(high * SECOND))


@pytest.mark.parametrize(
    ("forecast", "words"),
    [
        (Forecast(0, None, span(30, 30.4), None), "next probe in 20 s"),
        (Forecast(0, None, span(30, 40), None), "next probe in 20 s to 30 s"),
        (Forecast(0, None, span(5, 40), None), "next probe within 30 s"),
        (Forecast(0, None, span(2, 7), None), "next probe overdue by 3 s"),
        (Forecast(0, None, span(30, None), None), "next probe in 20 s or later"),
        (Forecast(3, Count(9, "inferred"), None, span(313, 313)), "unanswered 3 of 9, will be reset in 5 m 3 s"),
        (Forecast(3, Count(9, "as x"), None, span(313, 313)), "unanswered 3 of 9 (as x), will be reset in 5 m 3 s"),
        (Forecast(2, None, span(12, 12), None), "unanswered 2, next probe in 2 s"),
        (Forecast(2, None, None, None), "unanswered 2"),
        (Forecast(0, None, None, None), ""),
    ],
)
def test_what_is_expected(forecast: Forecast, words: str) -> None:
    assert ahead(forecast, 10 * SECOND) == words


def test_durations_are_read_off_a_clock() -> None:
    assert [clock(round(s * SECOND)) for s in (0.4, 59.4, 59.6, 7875, 303)] == [
        "0 s",
        "59 s",
        "1 m 0 s",
        "2 h 11 m",
        "5 m 3 s",
    ]
