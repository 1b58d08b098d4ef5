"""Long timelines: what is as usual is counted in one line, what is not is shown, and the number of lines is bounded."""

import re
from collections.abc import Iterable
from functools import cache

import pytest

from analyzer.analysis import Analysis
from analyzer.report.timeline import KEPT, MOST, WHOLE, Alike, Event, timeline
from tests.transcript import analyse, transcript

APART_S, ROUND_TRIP_S = 15, 0.02
PROBE, ANSWER = "A>B A seq 1000 ack 5001", "B>A A seq 5001 ack 1001"
OPENING = ["0.000 A>B S seq 1000", "0.010 B>A SA seq 5000 ack 1001", "0.020 A>B A seq 1001 ack 5001"]


def probed(times_s: Iterable[float], late: Iterable[int] = (), unanswered: Iterable[int] = ()) -> list[str]:
    """Lines of a transcript with a probe at each of these times; some are answered after 3 s, some not at all."""
    late, unanswered, lines = set(late), set(unanswered), list(OPENING)
    for place, time_s in enumerate(times_s):
        lines.append(f"{time_s:.3f} {PROBE}")
        if place not in unanswered:
            lines.append(f"{time_s + (3 if place in late else ROUND_TRIP_S):.3f} {ANSWER}")
    return lines


def told(lines: list[str]) -> list[Event | Alike]:
    analysis = analyse(transcript("\n".join(lines)))
    return list(timeline(analysis, analysis.flows[0]))


def folded(events: list[Event | Alike]) -> list[str]:
    return [one.what for one in events if isinstance(one, Alike)]


def shown(events: list[Event | Alike]) -> list[int]:
    return [one.frame for one in events if isinstance(one, Event)]


def evenly(count: int) -> list[float]:
    return [APART_S * (place + 1) for place in range(count)]


def test_what_fits_is_shown_whole() -> None:
    events = told(probed(evenly((WHOLE - 2) // 2)))
    assert len(events) == WHOLE
    assert not folded(events)


def test_what_comes_evenly_is_one_line() -> None:
    count = 400
    events = told(probed(evenly(count)))
    [words] = folded(events)
    left_out = count - 2 - 2 * KEPT  # the first two have no spacing before them that theirs could be compared with
    assert words == f"{left_out} more keepalive-probe, each answered after 20.00 ms, 15.00 s apart"
    last = len(OPENING) + 2 * count
    assert shown(events) == [1, 2, *range(4, 4 + 4 + 2 * KEPT), *range(last + 1 - 2 * KEPT, last + 1)]


def test_what_is_unusual_is_shown() -> None:
    times = evenly(400)
    times[300:] = [one + 7 for one in times[300:]]  # one that came after 22 s
    events = told(probed(times, late=[100], unanswered=[200]))
    frame_of = {place: 4 + 2 * place - (place > 200) for place in range(400)}
    late, lost, pause = (frame_of[place] for place in (100, 200, 300))
    assert {late, late + 1, lost, pause, pause + 1} <= set(shown(events))
    counted = sum(int(words.split()[0]) for words in folded(events))
    assert len(shown(events)) + 2 * counted == 2 + 2 * 400 - 1
    assert len(folded(events)) == 4


@cache
def restless() -> Analysis:
    """3,000 probes no two of which are as far apart, one with two answers, and a RST."""
    times, at = [], 0.0
    for place in range(3000):
        at += 10 + place % 7 * 5 + place % 11
        times.append(at)
    lines = probed(times)
    lines.append(f"{at + 10:.3f} A>B RA seq 1001 ack 5001")
    return analyse(transcript("\n".join(lines)))


def test_what_is_never_even_is_bounded_and_what_is_rare_is_shown() -> None:
    analysis = restless()
    events = list(timeline(analysis, analysis.flows[0]))
    assert len(events) < MOST
    assert shown(events)[0] == 1
    assert shown(events)[-1] == analysis.capture.packets
    [words] = folded(events)
    assert re.fullmatch(r"2,980 more keepalive-probe, each answered after 20\.00 ms, 10\.00 s to 50\.00 s apart", words)


@pytest.mark.parametrize("kinds", [1, 2])
def test_both_directions_are_folded_together(kinds: int) -> None:
    lines = probed(evenly(400))
    theirs = [
        f"{time_s + shift:.3f} {words}"
        for time_s in evenly(400)
        for shift, words in ((5, "B>A A seq 5000 ack 1001"), (5.02, "A>B A seq 1001 ack 5001"))
    ]
    lines = sorted([*lines, *(theirs if kinds == 2 else [])], key=lambda line: float(line.split()[0]))
    [words] = folded(told(lines))
    assert words.count("more keepalive-probe, each answered") == kinds
