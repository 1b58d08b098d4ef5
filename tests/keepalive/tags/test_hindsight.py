"""RSTs that nobody obeyed, and repeated ACKs that may be answers: what only the rest of a flow shows."""

import pytest

from analyzer.keepalive.verdict.values import Cause, Outcome
from tests.keepalive.tags.test_tag import OPENED
from tests.transcript import told

ANSWERED = f"""{OPENED}
    61.01   B>A  A   seq 4999  ack 1100  | keepalive-probe
    61.02   A>B  A   seq 1100  ack 5000  | keepalive-answer of 61.01
"""


def test_who_goes_on_probing_after_a_reset_has_not_heard_it_and_gives_up() -> None:
    """A's application closed, and its RST was lost on the way: B's timer notices, and counts what it has sent."""
    result = told(f"""{ANSWERED}
    80.00   A>B  RA  seq 1100  ack 5000  | stray by goes-on-probing
    121.02  B>A  A   seq 4999  ack 1100  | keepalive-probe
    131.02  B>A  A   seq 4999  ack 1100  | keepalive-probe
    141.02  B>A  A   seq 4999  ack 1100  | keepalive-probe
    151.02  B>A  RA  seq 5000  ack 1100  | give-up-rst of 141.02
    """)
    verdict, end = result.flow.verdict, result.flow.ends[1]
    assert (verdict.outcome, verdict.cause, verdict.prober) == (Outcome.TIMED_OUT, Cause.PEER_SILENT, 1)
    assert (end.story.sent, end.settings.tcp_keepalive_probes and end.settings.tcp_keepalive_probes.value) == (4, 3)


def test_who_goes_on_probing_after_a_reset_in_its_name_has_not_sent_it() -> None:
    result = told(f"""{ANSWERED}
    80.00   B>A  R   seq 5000            | stray by goes-on-probing
    121.02  B>A  A   seq 4999  ack 1100  | keepalive-probe
    121.03  A>B  A   seq 1100  ack 5000  | keepalive-answer of 121.02
    """)
    assert result.flow.verdict.outcome is Outcome.ALIVE


def test_a_second_reset_that_is_heard_ends_what_the_first_did_not() -> None:
    result = told(f"""{ANSWERED}
    80.00   A>B  RA  seq 1100  ack 5000  | stray by goes-on-probing
    121.02  B>A  A   seq 4999  ack 1100  | keepalive-probe
    121.03  A>B  R   seq 1100            | rst of 121.02
    """)
    assert result.flow.verdict.outcome is Outcome.RESET


@pytest.mark.parametrize("later_s", ["80.00", "80.90"])
def test_a_probe_that_was_under_way_when_the_reset_came_is_none(later_s: str) -> None:
    result = told(f"""{ANSWERED}
    79.95   A>B  RA  seq 1100  ack 5000
    {later_s}   B>A  A   seq 4999  ack 1100  | stray by after-reset
    """)
    assert (result.flow.verdict.outcome, result.flow.ends[1].story.sent) == (Outcome.CLOSED, 1)


def test_the_reset_of_a_timer_that_the_other_end_does_not_hear_is_one_all_the_same() -> None:
    result = told(f"""{OPENED}
    31.01   A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.01   A>B  A   seq 1099  ack 5000  | keepalive-probe
    51.01   A>B  RA  seq 1100  ack 5000  | give-up-rst of 41.01
    61.01   B>A  A   seq 4999  ack 1100  | keepalive-probe
    76.01   B>A  A   seq 4999  ack 1100  | keepalive-probe
    """)
    assert (result.flow.verdict.outcome, result.flow.verdict.prober) == (Outcome.TIMED_OUT, 0)
    assert [end.story.sent for end in result.flow.ends] == [2, 2]


def test_a_reset_after_window_probes_is_no_timer_s_give_up() -> None:
    """Keepalive counts its own probes only (tcp_timer.c tcp_keepalive_timer, icsk_probes_out)."""
    result = told("""
    0.000   B>A  A   seq 5000  ack 1000  win 0
    0.010   A>B  A   seq 999   ack 5000  | zero-window-probe
    60.00   A>B  A   seq 999   ack 5000  | zero-window-probe
    120.00  A>B  RA  seq 1000  ack 5000
    """)
    assert [end.settings.tcp_keepalive_probes for end in result.flow.ends] == [None, None]


def test_of_one_side_alone_repeated_acks_are_answers_as_well_as_probes() -> None:
    result = told("""
    0.000   B>A  A  seq 5000  ack 1000  tsval 10     tsecr 7
    8.128   B>A  A  seq 5000  ack 1000  tsval 8138   tsecr 7
    16.320  B>A  A  seq 5000  ack 1000  tsval 16330  tsecr 7
    """)
    assert (result.flow.verdict.outcome, result.flow.probers) == (Outcome.UNKNOWN, ())
