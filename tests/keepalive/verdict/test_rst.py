"""What gives a forged RST away."""

from typing import Any

import pytest

from analyzer.engine.table import Table
from analyzer.keepalive.verdict.resets import (
    IP_ID,
    ONCE,
    THE_END,
    THE_PATH,
    TIMESTAMP,
    TOO_SOON,
    TTL,
    UNDECIDED,
    WINDOW,
    odd_fields,
    sender_of,
)
from analyzer.keepalive.verdict.values import Cause, Outcome, Reason
from analyzer.schema.results import RESETS
from tests.keepalive.verdict.test_judge import verdict
from tests.transcript import told


def reset(**differing: int) -> Any:
    """What Linux answers a probe with when it has no such connection, but for these columns."""
    native = {"ttl": 64, "usual_ttl": 64, "before_ip_id": 102, "counts_ids": 1, "has_usual_timestamp": 1}
    native |= {"took_ns": -1, "usual_took_ns": -1}
    table = Table(RESETS)
    table.reserve(1)
    row = table.view[0]
    for name, value in (native | differing).items():
        setattr(row, name, value)
    return row


def odd(**differing: int) -> int:
    return odd_fields(reset(**differing))


def sender(**differing: int) -> int:
    row = reset(**differing)
    return sender_of(row, odd_fields(row))


def test_a_stack_s_own_answer_has_nothing_odd() -> None:
    assert odd() == 0
    assert odd(ip_id=103) == 0


def test_another_distance() -> None:
    assert odd(ttl=62) == TTL
    assert sender(ttl=62) == sender(ttl=66, usual_ttl=57) == THE_PATH


def test_one_hop_alone_proves_nothing() -> None:
    assert odd(ttl=56, usual_ttl=57) == TTL
    assert sender(ttl=56, usual_ttl=57) == UNDECIDED
    assert sender(ttl=114, usual_ttl=113) == UNDECIDED


def test_one_hop_and_something_else_do() -> None:
    assert sender(ttl=56, usual_ttl=57, window=8192) == THE_PATH
    assert sender(ttl=56, usual_ttl=57, ip_id=40000) == THE_PATH


def test_a_reset_that_no_router_passed_on_is_not_of_an_end_behind_one() -> None:
    assert sender(ttl=64, usual_ttl=63) == THE_PATH
    assert sender(ttl=128, usual_ttl=127) == THE_PATH
    assert sender(ttl=64, usual_ttl=63, has_ack=1) == UNDECIDED  # it answers nothing


def test_fields_that_agree_outweigh_a_distance() -> None:
    own = {"has_ack": 1, "window": 500, "has_timestamp": 1, "ip_id": 103}
    assert sender(ttl=56, usual_ttl=57, **own) == THE_END
    assert sender(ttl=50, usual_ttl=57, **own) == UNDECIDED


def test_a_ttl_that_varies_by_itself_is_no_evidence() -> None:
    assert odd(ttl=50, usual_ttl=57, ttl_varies=1) == 0


def test_stacks_send_what_belongs_to_no_socket_with_another_first_ttl() -> None:
    assert odd(ttl=250, usual_ttl=59) == 0
    assert odd(ttl=64, usual_ttl=128) == 0


def test_nothing_is_odd_where_nothing_is_known() -> None:
    assert odd(ttl=63, usual_ttl=-1, ip_id=7, before_ip_id=-1, counts_ids=0, has_usual_timestamp=0) == 0


def test_an_identification_off_the_end_s_counter() -> None:
    assert odd(ip_id=40000) == IP_ID
    assert odd(ip_id=2, before_ip_id=1) == 0


@pytest.mark.parametrize(
    ("usual", "identification", "cause"),
    [
        ((100, 101, 102), 103, Cause.PEER_LOST_STATE),  # the very next
        ((100, 101, 102), 110, None),
        ((100, 101, 102), 40000, Cause.PATH_RESET),
        ((65533, 65535, 1), 2, Cause.PEER_LOST_STATE),
        ((5, 60000, 300), 40000, None),  # it does not count
        ((9, 60000, 60001, 60002, 60003), 40000, Cause.PATH_RESET),  # its latest ones do
        ((100, 101), 40000, None),
    ],
)
def test_an_end_shows_by_its_latest_identifications_that_it_counts(
    usual: tuple[int, ...], identification: int, cause: Cause | None
) -> None:
    """Beside one hop, one thing more makes it the path's, and certain; without it, nobody can say."""
    said = "".join(
        f"    {place * place + 1}.0  B>A  PA  seq {4999 + place}  ack 1000  len 1  ipid {one}  ttl 57\n"
        for place, one in enumerate(usual, 1)
    )
    v = verdict(
        told(f"""
    0.000  A>B  S   seq 999
    0.010  B>A  SA  seq 4999 ack 1000  ipid 0  ttl 57
    0.020  A>B  A   seq 1000 ack 5000
{said}
    31.0   A>B  A   seq 999  ack {5000 + len(usual)}  | keepalive-probe
    31.01  B>A  R   seq {5000 + len(usual)}  win 0  ttl 56  ipid {identification}  | rst of 31.0
    """)
    )
    assert (v.outcome, v.cause) == (Outcome.RESET, cause)
    assert (v.confidence.value == "certain") == (cause is Cause.PATH_RESET)
    assert (Reason.RST_UNDECIDED in v.reasons) == (cause is None)


def test_a_window_in_a_reset_without_a_connection() -> None:
    assert odd(window=8192) == WINDOW


def test_no_timestamp_from_a_stack_that_has_the_connection() -> None:
    own = {"has_ack": 1, "window": 500, "ip_id": 103}
    assert odd(**own) == TIMESTAMP
    assert odd(**own, has_timestamp=1) == 0


def test_at_the_same_distance_one_odd_field_is_no_evidence_and_two_leave_it_open() -> None:
    assert sender(window=8192) == sender(ip_id=40000) == THE_END
    assert sender(window=8192, ip_id=40000) == UNDECIDED


def test_too_soon_to_have_been_there() -> None:
    """The peer's fastest answer took 40 ms; what comes after 3 ms has turned back halfway."""
    quick = odd(took_ns=3_000_000, usual_took_ns=40_000_000)
    assert quick == TOO_SOON
    assert sender(took_ns=3_000_000, usual_took_ns=40_000_000) == THE_PATH


def test_time_says_nothing_where_hosts_are_near_or_nothing_is_known() -> None:
    assert odd(took_ns=25_000_000, usual_took_ns=40_000_000) == 0
    assert odd(took_ns=100_000, usual_took_ns=4_000_000) == 0
    assert odd(took_ns=100_000) == 0
    assert odd(usual_took_ns=40_000_000) == 0


def test_captured_once_where_all_else_of_the_end_is_captured_twice() -> None:
    assert odd(is_once=1) == ONCE
    assert sender(is_once=1) == THE_PATH
