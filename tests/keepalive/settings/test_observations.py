"""What was heard of ends, and what told stories say of them as values: the same."""

from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.keepalive.settings.observations import LIKELY_CLOCKS
from analyzer.keepalive.story_reader import Story
from tests.keepalive.columns import row_of
from tests.recordings import SAMPLES


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
            assert (ends.clocks[me] == LIKELY_CLOCKS) == all(probe.payload_len == 0 for probe in story.ends[end].probes)
