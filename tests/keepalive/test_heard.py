"""What was heard of ends: from values and from told stories the same columns."""

from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.columns import Table
from analyzer.keepalive.constraints import UNHINDERED
from analyzer.keepalive.gaps import GAPS
from analyzer.keepalive.heard import GAP_ROW, hear, packed, room
from analyzer.keepalive.timeline import Echo, Gap, GapKind
from analyzer.schema import found
from tests.recordings import SAMPLES


def test_a_row_is_packed_as_tables_have_it() -> None:
    table = Table(found.HEARD_GAPS)
    one = Gap(GapKind.PENDING, 2, 3, 4, 5, 6, 7, 8, 9, is_numbered=False, echo=Echo.UNSEEN, is_torn=True)
    table.append(5, 2, 3, 4, 8, 5, 6, 7, 9, 0, 3, 1, 0x4321)
    assert packed(one, 0x4321) == bytes(table.octets)


@pytest.mark.parametrize("capture", SAMPLES[::4], ids=lambda capture: capture.parent.name)
def test_stories_are_heard_as_they_are_read(capture: Path) -> None:
    drawer = analyze(str(capture))._drawer
    flows = len(drawer.flows)
    looks = drawer._looks(range(flows))
    told = drawer._stories.tell(range(flows))
    around = drawer._neighbourhood.surround(told, flows)
    heard = room(flows, told.counts[GAPS])
    hear(drawer._rows, told, flows, around.flows, around.ends, heard)
    gaps, ends = heard
    for flow, look in enumerate(looks):
        story = look.story
        observed = {one.end[1]: one.heard for one in drawer._observed(look)}
        for end in (0, 1):
            me, read = 2 * flow + end, () if story.is_riddled else story.ends[end].gaps
            first, last = (GAP_ROW.size * ends.first_gap[row] for row in (me, me + 1))
            assert bytes(gaps.memory[first:last]) == b"".join(packed(one, UNHINDERED) for one in read)
            if end in observed:
                assert ends.is_whole[me] == observed[end].is_whole
                assert ends.is_one_sided[me] == observed[end].is_one_sided
                assert ends.has_company[me] == observed[end].has_company
                assert ends.is_cut_off[me] == observed[end].is_cut_off
                assert bool(ends.clocks[me] & 1) == observed[end].may_be_linux
