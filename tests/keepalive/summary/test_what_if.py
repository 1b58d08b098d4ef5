"""Other settings on the same capture: what would have been sent, noticed, and prevented."""

from pathlib import Path

import pytest

from analyzer.analysis import Analysis, analyze
from analyzer.keepalive.model.linux import LINUX, Keepalive
from analyzer.keepalive.summary.what_if import Prevented, WhatIf, longest_silence_ns
from tests.keepalive.tags.test_tag import OPENED
from tests.transcript import analyse, transcript

SECOND = 10**9
SAMPLES = Path(__file__).parents[3] / "samples"


def supposed(text: str, *settings: int) -> WhatIf:
    return analyse(transcript(text)).what_if(Keepalive(*settings))


def seconds(pair: tuple[int, int] | None) -> tuple[int, int] | None:
    return (pair[0] // SECOND, pair[1] // SECOND) if pair is not None else None


def test_an_idle_connection_that_lives_is_probed_to_the_captures_end() -> None:
    """Idle from 1.0 to 601.0: after 60 s and a timer's lateness each."""
    result = supposed(f"{OPENED}    601.0  end", 60, 10, 5)
    [one] = result.replays
    assert (one.probes, one.answered, one.gave_up) == (9, 9, False)
    assert (one.noticed_ns, one.was_noticed_ns, one.prevented) == (None, None, None)
    assert (result.packets, result.octets) == (18, 18 * 66)
    assert result.a_day(result.packets) == 18 * 86_400 // 601


def test_data_puts_off_probes_and_probes_that_were_sent_do_not() -> None:
    """Data at 1 s and 41 s, a probe at 31 s; after 35 s idle there are probes at 36 s and from 76 s on."""
    result = supposed(
        f"""{OPENED}
    31.0  A>B  A   seq 1099  ack 5000          | keepalive-probe
    31.1  B>A  A   seq 5000  ack 1100          | keepalive-answer
    41.0  A>B  PA  seq 1100  ack 5000  len 10
    41.1  B>A  A   seq 5000  ack 1110
    80.0  end
    """,
        35,
        10,
        5,
    )
    assert (result.probes, result.probes_now) == (2, 1)


def test_no_probe_where_the_idle_time_is_never_reached() -> None:
    assert supposed(f"{OPENED}    601.0  end", 7200, 75, 9).probes == 0


SILENT = f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    51.01  A>B  RA  seq 1100  ack 5000  | give-up-rst
"""


def test_when_it_would_have_been_noticed_depends_on_when_the_peer_was_lost() -> None:
    """Heard at 1.01, missed at 31.01: lost in between. 5/2/3 needs 11 s from then on, and what the timers are late."""
    [one] = supposed(SILENT, 5, 2, 3).replays
    assert one.was_noticed_ns == 50 * SECOND
    assert one.noticed_ns is not None
    soonest, latest = one.noticed_ns
    assert 11 * SECOND <= soonest <= 12.5 * SECOND
    assert (30 + 6) * SECOND <= latest <= (30 + 12.5) * SECOND


def test_the_settings_in_force_notice_when_it_was_noticed() -> None:
    """A recording of 9/2/4: what the timers are late is all that the model does not know."""
    analysis = analyze(str(SAMPLES / "peer-silent-9-2-4/capture.pcap"))
    [one] = analysis.what_if(Keepalive(9, 2, 4)).replays
    assert one.was_noticed_ns is not None
    assert one.noticed_ns is not None
    assert one.noticed_ns[0] - SECOND <= one.was_noticed_ns <= one.noticed_ns[1] + SECOND


def test_a_user_timeout_decides_in_place_of_the_count() -> None:
    [short] = supposed(SILENT, 5, 2, 9, 8000).replays
    [long] = supposed(SILENT, 5, 2, 9).replays
    assert short.noticed_ns is not None
    assert long.noticed_ns is not None
    assert short.noticed_ns[0] < 10.5 * SECOND < long.noticed_ns[0]


def test_a_peer_that_came_back_without_the_connection_refuses_the_first_probe() -> None:
    reset = f"""{OPENED}
    31.01  A>B  A  seq 1099  ack 5000        | keepalive-probe
    31.02  B>A  R  seq 5000  win 0  ipid 0   | rst of 31.01
    """
    [one] = supposed(reset, 10, 5, 9).replays
    assert seconds(one.noticed_ns) == (10, 30)  # its 31.02: one of the supposed probes has just been due


def test_data_comes_before_probes_that_are_too_patient() -> None:
    """Keepalive is suspended while data is in flight: sent at 31 s, before 60 s of idleness are over."""
    data = f"""{OPENED}
    31.0  A>B  PA  seq 1100  ack 5000  len 10
    31.2  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    31.6  A>B  PA  seq 1100  ack 5000  len 10  | retransmission
    60.0  end
    """
    [late] = supposed(data, 60, 10, 3).replays
    assert late.noticed_ns is None
    [soon] = supposed(data, 5, 2, 3).replays
    assert soon.noticed_ns is not None
    assert soon.noticed_ns[0] < 13 * SECOND


def nat() -> Analysis:
    """Fifty connections through a NAT that forgets after 300 s."""
    return analyze(str(next((SAMPLES / "nat-fifty-300").glob("capture.pcap*"))))


@pytest.mark.parametrize(
    ("time_s", "expected"), [(120, Prevented.YES), (600, Prevented.NO), (299, Prevented.UNKNOWN)], ids=str
)
def test_what_the_path_s_bracket_says_of_prevention(time_s: int, expected: Prevented) -> None:
    replays = nat().what_if(Keepalive(time_s, 20, 3)).replays
    assert {one.prevented for one in replays} == {None, expected}


def test_probes_leave_silences_as_long_as_the_longer_of_the_two_and_late() -> None:
    linux_250 = LINUX[1:2]
    assert longest_silence_ns(Keepalive(60, 10, 5), linux_250) == 62_048_000_000
    assert longest_silence_ns(Keepalive(3, 8, 5), linux_250) == 8_192_000_000
