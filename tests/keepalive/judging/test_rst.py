"""What gives a forged RST away."""

from typing import Any

import pytest

from analyzer.columns import Table
from analyzer.keepalive.judging.rst import HASTE, IP_ID, ONCE, TIMESTAMP, TTL, WINDOW, is_foreign, odd_fields
from analyzer.keepalive.judging.verdict import Cause
from analyzer.schema.found import RESETS
from tests.keepalive.judging.test_judge import verdict
from tests.transcript import told


def reset(**differing: int) -> Any:
    """What Linux answers a probe with when it has no such connection, but for these columns."""
    native = {"ttl": 64, "usual_ttl": 64, "before_ip_id": 102, "counts_ids": 1, "has_usual_timestamp": 1}
    native |= {"took_ns": -1, "usual_took_ns": -1}
    table = Table(RESETS)
    table.reserve(1)
    for name, value in (native | differing).items():
        getattr(table.view, name)[0] = value
    return table.view


def odd(**differing: int) -> int:
    return odd_fields(reset(**differing))


def test_a_stack_s_own_answer_has_nothing_odd() -> None:
    assert odd() == 0
    assert odd(ip_id=103) == 0


def test_another_distance() -> None:
    assert odd(ttl=63) == TTL
    assert is_foreign(TTL)


def test_nothing_is_odd_where_nothing_is_known() -> None:
    assert odd(ttl=63, usual_ttl=-1, ip_id=7, before_ip_id=-1, counts_ids=0, has_usual_timestamp=0) == 0


def test_an_identification_off_the_end_s_counter() -> None:
    assert odd(ip_id=40000) == IP_ID
    assert odd(ip_id=2, before_ip_id=1) == 0


@pytest.mark.parametrize(
    ("usual", "identification", "is_off"),
    [
        ((100, 101, 102), 103, False),
        ((100, 101, 102), 40000, True),
        ((65533, 65535, 1), 2, False),
        ((5, 60000, 300), 40000, False),  # it does not count
        ((9, 60000, 60001, 60002, 60003), 40000, True),  # its latest ones do
        ((100, 101), 40000, False),
    ],
)
def test_an_end_shows_by_its_latest_identifications_that_it_counts(
    usual: tuple[int, ...], identification: int, is_off: bool
) -> None:
    """Beside a distance that is odd, one thing more makes it certain; without it, likely."""
    said = "".join(
        f"    {place * place + 1}.0  B>A  PA  seq {4999 + place}  ack 1000  len 1  ipid {one}\n"
        for place, one in enumerate(usual, 1)
    )
    v = verdict(
        told(f"""
    0.000  A>B  S   seq 999
    0.010  B>A  SA  seq 4999 ack 1000  ipid 0
    0.020  A>B  A   seq 1000 ack 5000
{said}
    31.0   A>B  A   seq 999  ack {5000 + len(usual)}  | keepalive-probe
    31.01  B>A  R   seq {5000 + len(usual)}  win 0  ttl 63  ipid {identification}  | rst of 31.0
    """)
    )
    assert v.cause is Cause.PATH_RESET
    assert (v.confidence.value == "certain") == is_off


def test_a_window_in_a_reset_without_a_connection() -> None:
    assert odd(window=8192) == WINDOW


def test_no_timestamp_from_a_stack_that_has_the_connection() -> None:
    own = {"has_ack": 1, "window": 500, "ip_id": 103}
    assert odd(**own) == TIMESTAMP
    assert odd(**own, has_timestamp=1) == 0


def test_without_another_distance_it_is_not_called_foreign() -> None:
    assert not is_foreign(odd(window=8192, ip_id=40000))


def test_too_soon_to_have_been_there() -> None:
    """The peer's fastest answer took 40 ms; what comes after 3 ms has turned back halfway."""
    quick = odd(took_ns=3_000_000, usual_took_ns=40_000_000)
    assert quick == HASTE
    assert is_foreign(quick)


def test_time_says_nothing_where_hosts_are_near_or_nothing_is_known() -> None:
    assert odd(took_ns=25_000_000, usual_took_ns=40_000_000) == 0
    assert odd(took_ns=100_000, usual_took_ns=4_000_000) == 0
    assert odd(took_ns=100_000) == 0
    assert odd(usual_took_ns=40_000_000) == 0


def test_captured_once_where_all_else_of_the_end_is_captured_twice() -> None:
    assert odd(is_once=1) == ONCE
    assert is_foreign(ONCE)
