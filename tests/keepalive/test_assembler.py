"""Flows are drawn when somebody asks: what findings about many of them are drawn from, and what is counted without."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.analysis import Analysis, analyze
from analyzer.engine import prefetch
from analyzer.engine.native import installed
from analyzer.keepalive import assembler
from analyzer.keepalive.findings import Found
from analyzer.keepalive.settings.bounds import Inferred
from analyzer.keepalive.settings.values import settings_of
from analyzer.keepalive.story import batches
from analyzer.keepalive.verdict.values import Outcome, ending_of, verdict_of
from analyzer.report.json.document import document
from tests.recordings import FOLDER, SHORT
from tests.transcript import analyse, transcript

MANY = FOLDER / "nat-fifty-300/capture.pcap"
GRID = FOLDER / "port-overrides/capture.pcap"


def thinned(capture: Path, most: int, monkeypatch: pytest.MonkeyPatch) -> Analysis:
    monkeypatch.setattr(assembler, "MOST_SAMPLED", most)
    return analyze(str(capture))


def test_few_flows_are_all_drawn_from() -> None:
    analysis = analyze(str(MANY))
    assert analysis._assembler.sampled.numbers == analysis.notable.numbers
    assert "findings-sampled" not in [one.code.name for one in analysis.diagnostics]


def test_of_many_flows_some_are_drawn_from_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, some = analyze(str(MANY)), thinned(MANY, 20, monkeypatch)
    numbers = some._assembler.sampled.numbers
    assert len(numbers) == 20
    assert list(numbers) == sorted(set(numbers))
    in_trouble = [flow for flow in some._assembler.sampled if flow.verdict.outcome not in assembler.FARED_WELL]
    assert len(in_trouble) >= 10
    [note] = [one for one in some.diagnostics if one.code.name == "findings-sampled"]
    assert note.count == len(whole.notable) - 20
    assert [flow.verdict for flow in some.flows] == [flow.verdict for flow in whole.flows]


def test_a_limit_has_its_frames_though_its_connections_are_not_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    capture = FOLDER / "node-closes-after-5/capture.pcap"
    whole, some = analyze(str(capture)), thinned(capture, 1, monkeypatch)
    [found], [sampled] = whole.conclusions, some.conclusions
    assert len(some._assembler.sampled) == 1
    assert sampled == found
    assert len(found.frames) == len(found.flows) == 6


@pytest.mark.parametrize(("cores", "threads"), [(1, 0), (2, 2)])
def test_batches_are_drawn_beside_whoever_takes_them(cores: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = list(document(analyze(str(MANY))))
    assembled, really = [], prefetch.on_second_thread

    def on_second_thread(batches: Iterator[Found], count: int) -> Iterator[Found]:
        assembled.append(count)
        return really(batches, count)

    monkeypatch.setattr(assembler, "BATCH", 7)
    monkeypatch.setattr(batches, "BATCH", 7)
    monkeypatch.setattr(batches, "cores", lambda: cores)
    monkeypatch.setattr(prefetch, "on_second_thread", on_second_thread)
    analysis = analyze(str(MANY))
    analysis.engine.library = installed()
    assert "".join(document(analysis)) == "".join(expected)
    assert len(assembled) == threads


def test_what_was_drawn_stays_when_more_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembler, "BATCH", 7)
    flows = analyze(str(MANY)).flows
    verdicts = [list(batch.verdicts.outcome[: batch.flow_count]) for batch in flows.columns()]
    assert [list(batch.verdicts.outcome[: batch.flow_count]) for batch in list(flows.columns())] == verdicts
    assert len(verdicts) > 5


def test_a_flow_that_is_left_out_is_drawn_from_its_own_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, some = analyze(str(GRID)), thinned(GRID, 2, monkeypatch)
    for ours, theirs in zip(some.flows, whole.flows, strict=True):
        for own, sampled in zip(ours.ends, theirs.ends, strict=True):
            one, other = own.settings.tcp_keepalive_time, sampled.settings.tcp_keepalive_time
            assert (one is None) == (other is None)
            assert one is None or other is None or (one.low <= other.low and (one.high or 0) >= (other.high or 0))


def test_flows_beyond_what_is_kept_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembler, "MOST_ASSEMBLED", 0)
    some = thinned(MANY, 2, monkeypatch)
    last = some.notable.numbers[-1] - 1
    assert some.flows[last] == some.flows[last]
    assert len(some._assembler._assembled) <= 2


def test_all_flows_of_a_host_are_counted_drawn_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, some = analyze(str(GRID)), thinned(GRID, 2, monkeypatch)
    counts = {host.addr: (host.flows, host.probing) for host in whole.hosts}
    assert {host.addr: (host.flows, host.probing) for host in some.hosts}.items() <= counts.items()


def test_outcomes_are_known_without_drawing() -> None:
    analysis = analyse(transcript("0 A>B PA seq 1 ack 7 len 9\n1 B>A A seq 7 ack 10"))
    assert analysis.flows.outcomes() == {Outcome.ALIVE: 1}
    assert not analysis._assembler._assembled


PROBED = """
    {at}.01  A:{port}>B  S   seq 999            ipid {ids[0]}
    {at}.02  B>A:{port}  SA  seq 4999 ack 1000
    {at}.03  A:{port}>B  A   seq 1000 ack 5000  ipid {ids[1]}
    {late}.03  A:{port}>B  A   seq 999  ack 5000  ipid {ids[2]}
    {late}.04  B>A:{port}  A   seq 5000 ack 1000
"""


def test_what_a_host_numbers_for_its_other_connections_is_not_missing() -> None:
    """Of a single connection the same numbers would say that frames are missing."""
    first = PROBED.format(at=0, late=60, port=1, ids=(100, 101, 104))
    second = PROBED.format(at=1, late=61, port=2, ids=(102, 103, 105))

    def times(text: str) -> list[int | None]:
        lines = sorted(filter(str.strip, text.splitlines()), key=lambda line: float(line.split()[0]))
        found = [flow.ends[0].settings.tcp_keepalive_time for flow in analyse(transcript("\n".join(lines))).flows]
        return [time.value if time is not None else None for time in found]

    assert times(first + second) == [60, 60]
    assert times(first) == [None]


@pytest.mark.parametrize("most", [assembler.MOST_SAMPLED, 2], ids=["pooled", "each alone"])
@pytest.mark.parametrize("sample", SHORT, ids=lambda path: path.parent.name)
def test_columns_say_what_values_say(sample: Path, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of flows that are looked for on the link, and a few at a time."""
    analysis = thinned(sample, most, monkeypatch)
    values = list(analysis.flows)
    monkeypatch.setattr(assembler, "BATCH", 3)
    for first, found in enumerate(analysis.flows.columns()):
        inferred = Inferred(found.inferred, found.settings, found.proofs, None, None)
        for it in range(found.flow_count):
            value = values[3 * first + it]
            assert found.stories.flows.flow[it] == value.id
            assert ending_of(found.endings, found.evidence, it) == value.ending
            assert verdict_of(found.verdicts, found.evidence, it) == value.verdict
            assert [settings_of(inferred, 2 * it + end) for end in (0, 1)] == [end.settings for end in value.ends]
