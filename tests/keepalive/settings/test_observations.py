"""What was observed of ends is what their stories say; and which of those gaps a timer may have made."""

from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.keepalive.settings.observations import LIKELY_CLOCKS
from analyzer.keepalive.settings.values import Settings
from analyzer.keepalive.story.values import Echo, Gap, GapKind
from analyzer.keepalive.story_reader import Story
from tests.keepalive.columns import ObservedEnd, infer, row_of, settings_of_end
from tests.keepalive.simulated import gap
from tests.recordings import SAMPLES

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind
PROBES = [gap(FIRST, 60), gap(SPACING, 70, 75, 1), gap(SPACING, 80, 60, 2)]


@pytest.mark.parametrize("capture", SAMPLES[::4], ids=lambda capture: capture.parent.name)
def test_stories_are_heard_as_they_are_read(capture: Path) -> None:
    assembler = analyze(str(capture))._assembler
    asked = {flow for flow, _ in assembler.solicitations}
    batch = assembler._batch(range(len(assembler.flows)))
    gaps, ends = assembler._observed(batch)
    for flow in set(batch.numbers) - asked:
        story = Story(assembler._rows, batch.stories, flow)
        for end in (0, 1):
            me, read = 2 * flow + end, () if story.is_too_incomplete else story.ends[end].gaps
            observed = [
                tuple(column[row] for column in gaps) for row in range(ends.first_gap[me], ends.first_gap[me + 1])
            ]
            assert observed == list(map(row_of, read))
            assert ends.is_one_sided[me] == (story.heard_ns[1 - end] < 0)
            is_empty = all(probe.payload_len == 0 for probe in story.ends[end].probes)
            assert (ends.clocks[me] == LIKELY_CLOCKS) == (is_empty and assembler._rows.ends.ttl[2 * flow + end] <= 64)


def uncounted(settings: Settings) -> Settings:
    """Without answers, how many probes went unanswered is not known."""
    return settings._replace(tcp_keepalive_probes=None, tcp_user_timeout=None)


def of_one_direction(gaps: list[Gap]) -> Settings:
    return settings_of_end(ObservedEnd(gaps, is_one_sided=True))


def test_of_one_direction_the_shortest_spacing_is_a_cycle() -> None:
    """Whether the probes were answered is not in the capture."""
    assert of_one_direction(PROBES) == uncounted(infer([gap(CYCLE, 60, 60)])) != infer(PROBES)


def test_of_one_direction_an_echo_that_stays_and_a_give_up_are_intervals() -> None:
    echoing = PROBES[2]._replace(echo=Echo.AGREES)
    assert of_one_direction([*PROBES[:2], echoing]) == uncounted(infer([echoing._replace(unanswered=1)]))
    give_up = gap(GIVE_UP, 150, 10, 3)
    assert of_one_direction([*PROBES, give_up]) == uncounted(infer([give_up._replace(unanswered=1)]))


def test_what_the_captures_end_left_open_is_left_out_where_no_probe_could_be_sent() -> None:
    whole = [gap(FIRST, 60), gap(SURVIVED, 40)]
    for open_gap in (gap(PENDING, -1, 30, 1), gap(SURVIVED, 90)._replace(any_ns=-1)):
        cut_off = settings_of_end(ObservedEnd([*whole, open_gap], is_cut_off=True))
        assert cut_off == infer(whole) != infer([*whole, open_gap])


def test_a_counter_that_may_be_shared_is_believed_where_it_numbers_one_by_one() -> None:
    """Linux numbers by socket (ip_select_ident_segs), Windows by host."""
    one = gap(CYCLE, 60, 60)._replace(missing=2)
    unknown, shared, own = (
        one._replace(missing=missing, is_numbered=sure) for missing, sure in ((-1, False), (2, False), (2, True))
    )
    beside_others = [settings_of_end(ObservedEnd([gap], has_company=True)) for gap in (shared, own)]
    assert beside_others == [infer([unknown]), infer([own])]
    assert infer([unknown]) != infer([shared]) == infer([own])


def test_what_is_shorter_than_any_timer_is_left_out() -> None:
    usual = [gap(FIRST, 60), gap(SPACING, 70, 10, 1)]
    short = [gap(FIRST, 0.2), gap(SPACING, 9, 0.4, 1)]
    assert infer([*short, *usual], is_whole=True) == infer(usual, is_whole=True)
    assert infer(short, is_whole=True) == infer([], is_whole=True)
