"""Whose an end's probes are: what tells a middlebox from the end itself, and what only looks as if it did."""

import pytest

from analyzer.keepalive.story.values import ProbedBy, ProbeLook
from tests.transcript import told

OPENED = """
    0.000  A>B  S   seq 999
    0.010  B>A  SA  seq 4999  ack 1000            ttl 46  ipid 700  win 29200
    0.020  A>B  A   seq 1000  ack 5000
    1.000  A>B  PA  seq 1000  ack 5000  len 100
    1.010  B>A  PA  seq 5000  ack 1100  len 100   ttl 46  ipid 701  win 29200
    1.020  A>B  A   seq 1100  ack 5100
"""
STAMPED = """
    0.000  A>B  S   seq 999                                 tsval 1
    0.010  B>A  SA  seq 4999  ack 1000            ttl 46    tsval 9001
    0.020  A>B  A   seq 1000  ack 5000                      tsval 21
    1.000  A>B  PA  seq 1000  ack 5000  len 100             tsval 1001
    1.010  B>A  PA  seq 5000  ack 1100  len 100   ttl 46    tsval 10001
    1.020  A>B  A   seq 1100  ack 5100                      tsval 1021
"""
AGAIN = """
    90.000  B>A  PA  seq 5100  ack 1100  len 100   ttl 46  ipid 702  win 29200
    90.010  A>B  A   seq 1100  ack 5200
"""


def probes(look: str, seq: int = 5099, ack: int = 1100) -> str:
    """Two answered probes in B's name."""
    return "".join(
        f"    {at}.00  B>A  A  seq {seq}  ack {ack}  {look}  | keepalive-probe\n"
        f"    {at}.01  A>B  A  seq 1100  ack 5100            | keepalive-answer of {at}.00\n"
        for at in (31, 61)
    )


def by(text: str) -> ProbedBy | None:
    return told(text).flow.ends[1].story.probed_by


def test_an_end_that_sends_no_probe_has_no_prober() -> None:
    first, _ = told(f"{OPENED}{probes('ttl 46 ipid 702')}").flow.ends
    assert (first.story.probed_by, first.story.probe_look) == (None, None)


@pytest.mark.parametrize(
    "look",
    [
        "ttl 248  ipid 9000  win 1024",  # another initial TTL: nothing else is needed
        "ttl 248  ipid 9000  win 29200",
        "ttl 248  ipid 702   win 29200",  # its counter happens to stand there
    ],
)
def test_a_prober_with_another_initial_ttl_is_another_host(look: str) -> None:
    assert by(OPENED + probes(look)) is ProbedBy.MIDDLEBOX
    assert by(OPENED + probes(look, ack=1099) + AGAIN) is ProbedBy.MIDDLEBOX


@pytest.mark.parametrize("look", ["ttl 44  win 1024", "ttl 48  win 1024"])
def test_two_hops_and_another_window_are_another_host(look: str) -> None:
    assert by(OPENED + probes(f"{look}  ipid 9000")) is ProbedBy.MIDDLEBOX


def test_two_hops_while_the_ends_own_segments_come_as_ever_are_another_host() -> None:
    """It is no change of route."""
    assert by(OPENED + probes("ttl 44  ipid 9000  win 29200") + AGAIN) is ProbedBy.MIDDLEBOX


def test_one_hop_needs_two_other_signs() -> None:
    assert by(OPENED + probes("ttl 45  ipid 9000  win 1024")) is None
    assert by(OPENED + probes("ttl 45  ipid 9000  win 29200") + AGAIN) is None
    assert by(OPENED + probes("ttl 45  ipid 9000  win 1024") + AGAIN) is ProbedBy.MIDDLEBOX


def test_what_differs_is_told() -> None:
    end = told(OPENED + probes("ttl 248  ipid 9000  win 1024", ack=1099)).flow.ends[1]
    assert end.story.probe_look == ProbeLook((248, 248), (46, 46), True, False, True)


@pytest.mark.parametrize(
    "look",
    [
        "ttl 46  ipid 702  win 29200",
        "ttl 46  ipid 702  win 1024",  # a controller with another window
        "ttl 46  ipid 9000 win 1024",
    ],
)
def test_an_end_with_the_same_ttl_probes_itself_whatever_else_its_probes_look_like(look: str) -> None:
    assert by(OPENED + probes(look)) is ProbedBy.ITSELF
    assert by(OPENED + probes(look, ack=1099) + AGAIN) is ProbedBy.ITSELF


def test_probes_without_timestamps_are_apples() -> None:
    assert by(STAMPED + probes("ttl 46")) is ProbedBy.ITSELF


def test_a_change_of_route_is_no_other_host() -> None:
    """The probes are the last that is captured of the end: nothing shows that its other segments go another way."""
    assert by(OPENED + probes("ttl 43  ipid 9000  win 29200")) is None
    assert by(OPENED + probes("ttl 43  ipid 9000  win 29200") + AGAIN.replace("ttl 46", "ttl 43")) is ProbedBy.ITSELF


def test_the_ends_own_timestamps_show_that_the_probe_is_its_own() -> None:
    """Whatever way it took."""
    own = STAMPED + "".join(
        f"    {at}.00  B>A  A  seq 5099  ack 1100  ttl 40  ipid 9000  tsval {9001 + 1000 * at}  | keepalive-probe\n"
        f"    {at}.01  A>B  A  seq 1100  ack 5100  tsval {1 + 1000 * at}    | keepalive-answer of {at}.00\n"
        for at in (31, 61)
    )
    assert by(own) is ProbedBy.ITSELF
    assert by(own.replace("tsval 40001", "tsval 777").replace("tsval 70001", "tsval 778")) is ProbedBy.MIDDLEBOX


def test_the_next_ip_identification_shows_that_the_probe_is_its_own() -> None:
    assert by(OPENED + probes("ttl 40  ipid 702  win 1024") + AGAIN) is ProbedBy.ITSELF


def test_a_ttl_that_varies_by_itself_says_nothing() -> None:
    """Several ways of equal cost."""
    varying = OPENED.replace("ack 1000            ttl 46", "ack 1000  ttl 49")
    assert by(varying + probes("ttl 43  ipid 9000  win 1024")) is None
    assert by(varying + probes("ttl 47  ipid 9000  win 1024")) is ProbedBy.ITSELF
    assert by(varying + probes("ttl 248  ipid 9000  win 1024")) is ProbedBy.MIDDLEBOX


def test_of_an_end_of_which_only_probes_were_captured_nothing_is_known() -> None:
    assert by(probes("ttl 248  ipid 9000  win 1024")) is None


def test_a_segment_that_is_no_candidate_has_a_ttl_too() -> None:
    """The end's data is the last that it sent, and nothing about it is worth a row."""
    data = "".join(f"    2.{n:02}  B>A  PA  seq {5100 + n}  ack 1100  len 2  ttl 46\n" for n in range(0, 20, 2))
    text = data + "    2.50  A>B  A  seq 1100  ack 5120\n" + probes("ttl 250", seq=5119).replace("5100", "5120")
    assert told(text).flow.ends[0].story.probed_by is ProbedBy.MIDDLEBOX
