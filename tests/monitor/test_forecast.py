"""Forecasts are held against the forward model, and against recordings of real kernels."""

from itertools import pairwise
from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.keepalive.findings import End
from analyzer.keepalive.story.values import Answer
from analyzer.monitor.forecast import Count, Span, forecast, in_a_row, known_count, own_count
from tests.keepalive.made import EndStory
from tests.recordings import SAMPLES

NAMES = ("nc-30-10-5", "ssh", "ipv6-8-2-4", "ipv6-45-7-4", "at-both-ends-8-2-4", "data-during-probes-8-2-10")
PROBED = [path for path in SAMPLES if path.parent.name in NAMES]


def span(low: float, high: float | None) -> Span:
    return Span(round(low * 1e9), None if high is None else round(high * 1e9))


def test_spans_add_up() -> None:
    assert span(1, 2).later(span(10, 11), 3) == span(31, 35)
    assert span(1, 2).later(span(10, None)) == span(11, None)
    assert span(1, 2).to_object() == {
        "earliest": "1970-01-01T00:00:01.000000000Z",
        "latest": "1970-01-01T00:00:02.000000000Z",
    }


def after(end: End, probes: int) -> End:
    """The same end when it had sent so many."""
    return end._replace(story=EndStory(end.story.probes[:probes]))  # type: ignore[arg-type]


@pytest.mark.parametrize("capture", PROBED, ids=lambda path: path.parent.name)
def test_every_probe_of_a_real_kernel_comes_when_it_was_expected(capture: Path) -> None:
    """With the settings of the whole recording, each probe is forecast from those before it."""
    [flow] = analyze(str(capture)).flows
    end = flow.ends[flow.probers[0]]
    checked = 0
    for index, (before, probe) in enumerate(pairwise(end.story.probes)):
        if before.answer not in (Answer.ACK, Answer.NOTHING):
            continue
        cut = after(end, index + 1)
        is_answered = before.answer is Answer.ACK
        gap = next(gap for gap in end.story.gaps if gap.frame == probe.frame)
        heard_ns = probe.ts_ns - gap.heard_ns if gap.heard_ns >= 0 else -1
        found = forecast(cut, heard_ns)
        assert found is not None
        expected = found.next_probe
        if expected is None:  # after the last one
            continue
        assert found.unanswered == (
            0 if is_answered or heard_ns > before.ts_ns else in_a_row(cut.story.probes, heard_ns)
        )
        assert expected.earliest_ns - 20_000_000 <= probe.ts_ns <= expected.latest_ns + 20_000_000
        checked += 1
    assert checked >= 2


def test_the_give_up_comes_when_it_was_expected() -> None:
    [flow] = analyze(str(next(path for path in SAMPLES if path.parent.name == "nc-30-10-5"))).flows
    end, reset = flow.ends[0], flow.story.reset
    assert reset is not None
    for sent in range(1, 6):
        cut = after(end, sent)
        found = forecast(cut, end.story.probes[0].ts_ns - 31 * 10**9)
        assert found is not None
        assert (found.unanswered, found.count) == (sent, Count(5, "inferred"))
        assert found.give_up.earliest_ns <= reset.ts_ns <= found.give_up.latest_ns
        assert (found.next_probe is None) == (sent == 5)


def quiet(end: End) -> End:
    """The same end, had it not shown its count."""
    return after(end, 2)._replace(settings=end.settings._replace(tcp_keepalive_probes=None))


def test_a_count_that_was_not_seen_is_another_connections_or_a_well_known_one_or_none() -> None:
    [flow] = analyze(str(next(path for path in SAMPLES if path.parent.name == "nc-30-10-5"))).flows
    end = quiet(flow.ends[0])
    assert own_count(end.settings) is None
    bare = forecast(end._replace(matches=()), -1)
    assert (bare.count, bare.give_up) == (None, None)
    assert forecast(end, -1, Count(5, "another connection of its host")).count == Count(
        5, "another connection of its host"
    )
    linux = end._replace(matches=("Linux system default",))
    assert known_count(linux) == Count(9, "as Linux system default")
    both = end._replace(matches=("Linux system default", "FreeBSD system default"))
    assert known_count(both) is None  # 9 and 8


def test_nothing_is_said_of_an_end_that_has_not_probed() -> None:
    [flow] = analyze(str(next(path for path in SAMPLES if path.parent.name == "nc-30-10-5"))).flows
    assert forecast(flow.ends[1], 5) is None
