"""Which clock a gap measures, where the prober heard less than was captured or had other work."""

import pytest

from analyzer.keepalive.story.values import Echo, GapKind
from tests.keepalive.story.test_story import MS, kinds
from tests.keepalive.tags.test_tag import OPENED
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


def regular(echoes: tuple[int, int, int], reset: str) -> str:
    """10/10 with timestamps; what the last two probes and the RST echo."""
    second, third, last = echoes
    return f"""
    0.000   A>B  S   seq 999                      tsval 1
    0.010   B>A  SA  seq 4999  ack 1000           tsval 900  tsecr 1
    0.020   A>B  A   seq 1000  ack 5000           tsval 21   tsecr 900
    10.240  A>B  A   seq 999   ack 5000           tsval 10241  tsecr 900      | keepalive-probe
    10.250  B>A  A   seq 5000  ack 1000           tsval 11140  tsecr 21       | keepalive-answer of 10.240
    20.480  A>B  A   seq 999   ack 5000           tsval 20481  tsecr {second} | keepalive-probe
    20.490  B>A  A   seq 5000  ack 1000           tsval 21380  tsecr 21       | keepalive-answer of 20.480
    30.720  A>B  A   seq 999   ack 5000           tsval 30721  tsecr {third}  | keepalive-probe
    30.730  B>A  A   seq 5000  ack 1000           tsval 31620  tsecr 21       | keepalive-answer of 30.720
    {reset}  A>B  RA  seq 1000  ack 5000           tsval 40961  tsecr {last}
    """


@pytest.mark.parametrize(
    ("echoes", "reset", "unheard"),
    [
        ((900, 900, 900), "40.960", 3),
        ((11140, 11140, 11140), "40.960", 2),  # the first answer was heard
        ((11140, 21380, 21380), "40.960", 0),  # one answer alone: the RST shows no grid
        ((11140, 21380, 31620), "40.960", 0),  # all were heard: the application's
        ((900, 900, 900), "35.000", 0),  # off the grid
        ((0, 0, 0), "40.960", 0),  # no echo at all
    ],
)
def test_timestamps_show_which_answers_were_heard(echoes: tuple[int, int, int], reset: str, unheard: int) -> None:
    """Also where time and interval are the same (RFC 7323 §4.3: the latest value that was heard)."""
    story = told(regular(echoes, reset)).flow.story
    assert story.reset is not None
    assert story.reset.is_give_up == (unheard > 0)
    assert (len(story.run.frames) if story.run is not None else 0) == unheard


def test_a_clock_that_stands_still_says_nothing() -> None:
    """Its echo would be the same, heard or not; the timer alone cannot tell 10/10."""
    still = regular((900, 900, 900), "40.960").replace("11140", "900").replace("21380", "900").replace("31620", "900")
    story = told(still).flow.story
    assert story.reset is not None
    assert not story.reset.is_give_up


def test_data_that_was_acknowledged_in_vain_waits_too() -> None:
    """B has not heard of A's ACK: its keepalive is suspended, whatever the capture shows; A's is not."""
    result = told(f"""{OPENED}
    2.000   B>A  PA  seq 5000  ack 1100  len 10
    2.010   A>B  A   seq 1100  ack 5010
    2.200   B>A  PA  seq 5000  ack 1100  len 10  | retransmission
    2.210   A>B  A   seq 1100  ack 5010
    90.000  end
    """)
    assert [GapKind.SURVIVED in kinds(result, end) for end in (0, 1)] == [True, False]


def test_probes_before_data_that_waits_promise_no_further_probe() -> None:
    """Keepalive is suspended while data is in flight: the silence after the last probe says nothing of the interval."""
    result = told(f"""{OPENED}
    31.010  A>B  A   seq 1099  ack 5000          | keepalive-probe
    33.000  A>B  PA  seq 1100  ack 5000  len 10
    33.200  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    90.000  end
    """)
    assert GapKind.PENDING not in kinds(result, 0)


def timed(answers: str, third: int) -> str:
    """8/2 with timestamps of 1 ms; what the third probe and the one after it echo."""
    return f"""
    0.000   A>B  S   seq 999                      tsval 1
    0.010   B>A  SA  seq 4999  ack 1000           tsval 900  tsecr 1
    0.020   A>B  A   seq 1000  ack 5000           tsval 21   tsecr 900
    8.020   A>B  A   seq 999   ack 5000           tsval 8021  tsecr 900       | keepalive-probe
    8.030   B>A  A   seq 5000  ack 1000           tsval 8930  tsecr 21        | keepalive-answer of 8.020
    16.040  A>B  A   seq 999   ack 5000           tsval 16041  tsecr 8930     | keepalive-probe
    {answers}
    24.080  A>B  A   seq 999   ack 5000           tsval 24081  tsecr {third}  | keepalive-probe
    26.080  A>B  A   seq 999   ack 5000           tsval 26081  tsecr {third}  | keepalive-probe
    """


ANSWERED = "16.050  B>A  A   seq 5000  ack 1000           tsval 16950  tsecr 21       | keepalive-answer of 16.040"


@pytest.mark.parametrize(
    ("answers", "third", "kind", "echo"),
    [
        (ANSWERED, 16950, GapKind.CYCLE, Echo.AGREES),
        (ANSWERED, 8930, GapKind.CYCLE, Echo.UNHEARD),
        (ANSWERED, 18950, GapKind.CYCLE, Echo.UNSEEN),
        ("", 16950, GapKind.SPACING, Echo.UNSEEN),
        ("", 8930, GapKind.SPACING, Echo.AGREES),
        (ANSWERED, 0, GapKind.CYCLE, Echo.UNTOLD),
    ],
)
def test_an_echo_names_the_last_that_was_heard(answers: str, third: int, kind: GapKind, echo: Echo) -> None:
    story = told(timed(answers, third)).flow.story
    gaps = [(gap.kind, gap.echo) for gap in story.ends[0].gaps if gap.kind not in (GapKind.SURVIVED, GapKind.PENDING)]
    last = Echo.AGREES if third else Echo.UNTOLD
    assert gaps == [(GapKind.FIRST, Echo.AGREES), (GapKind.CYCLE, Echo.AGREES), (kind, echo), (GapKind.SPACING, last)]


def test_a_first_gap_with_an_echo_of_what_was_not_captured() -> None:
    """Data is echoed late or not at all (RFC 7323 §4.3), so that only an echo of much later tells."""
    opened = "0.010   B>A  SA  seq 4999  ack 1000           tsval 900  tsecr 1"
    data = "1.200   B>A  PA  seq 5000  ack 1000  len 10  tsval 2100  tsecr 21"
    acked = "1.210   A>B  A   seq 1000  ack 5010  tsval 1211  tsecr 2100"
    probe = "29.020  A>B  A   seq 999   ack 5010  tsval 29021  tsecr {}"
    begin = "0.000   A>B  S   seq 999  tsval 1"
    for echo, expected in ((2100, Echo.AGREES), (900, Echo.UNTOLD), (9000, Echo.UNSEEN)):
        story = told(
            "\n    ".join(["", begin, opened, data, acked, probe.format(echo) + "  | keepalive-probe", ""])
        ).flow.story
        [first] = [gap for gap in story.ends[0].gaps if gap.kind is GapKind.FIRST]
        assert first.echo is expected
