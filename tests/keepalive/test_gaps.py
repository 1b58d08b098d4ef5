"""Which clock a gap measures, where the prober heard less than was captured or had other work."""

import pytest

from analyzer.keepalive.timeline import GapKind
from tests.keepalive.test_story import MS, kinds
from tests.keepalive.test_tags import OPENED
from tests.transcript import START_NS, told

UNHEARD = f"""{OPENED}
    31.010  A>B  A   seq 1099  ack 5000  | keepalive-probe
    31.020  B>A  A   seq 5000  ack 1100  | keepalive-answer of 31.010
    41.010  A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.020  B>A  A   seq 5000  ack 1100  | keepalive-answer of 41.010
    51.010  A>B  A   seq 1099  ack 5000  | keepalive-probe
    51.020  B>A  A   seq 5000  ack 1100  | keepalive-answer of 51.010
"""


def test_answers_that_the_prober_did_not_hear() -> None:
    """The RST is on the grid of probes that came an interval apart although all were answered: a give-up."""
    story = told(f"{UNHEARD}    61.010  A>B  RA  seq 1100  ack 5000").flow.story
    assert story.reset is not None
    assert story.reset.is_give_up
    assert story.run is not None
    assert (story.run.frames, story.run.is_unheard, story.run.heard_ns) == ((6, 8, 10), True, START_NS + 1010 * MS)
    timed = [gap for gap in story.ends[0].gaps if gap.kind is not GapKind.SURVIVED]
    found = [(gap.kind, gap.heard_ns // MS, gap.probe_ns // MS, gap.unanswered) for gap in timed]
    assert found == [
        (GapKind.FIRST, 30_000, -1, 0),
        (GapKind.SPACING, 40_000, 10_000, 1),
        (GapKind.SPACING, 50_000, 10_000, 2),
        (GapKind.GIVE_UP, 60_000, 10_000, 3),
    ]


@pytest.mark.parametrize(
    "reset",
    [
        "    55.010  A>B  RA  seq 1100  ack 5000",  # off the grid: the application's
        "    61.010  A>B  R   seq 1100",  # no timer sends it without ACK
        "    61.010  B>A  RA  seq 5000  ack 1100",  # not the prober's
    ],
)
def test_any_other_reset_after_answered_probes_is_no_give_up(reset: str) -> None:
    story = told(UNHEARD + reset).flow.story
    assert story.reset is not None
    assert not story.reset.is_give_up
    assert story.run is None


def test_without_a_longer_idle_time_it_cannot_be_told_that_answers_were_not_heard() -> None:
    """10/10: answered probes are an interval apart, too, and an application may close at any time."""
    regular = UNHEARD.replace(" 1.000 ", " 21.000 ").replace(" 1.010 ", " 21.010 ")
    story = told(f"{regular}    61.010  A>B  RA  seq 1100  ack 5000").flow.story
    assert story.reset is not None
    assert not story.reset.is_give_up


def test_probes_before_data_that_waits_promise_no_further_probe() -> None:
    """Keepalive is suspended while data is in flight: the silence after the last probe says nothing of the interval."""
    result = told(f"""{OPENED}
    31.010  A>B  A   seq 1099  ack 5000          | keepalive-probe
    33.000  A>B  PA  seq 1100  ack 5000  len 10
    33.200  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    90.000  end
    """)
    assert GapKind.PENDING not in kinds(result, 0)
