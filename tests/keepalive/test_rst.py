"""What gives a forged RST away."""

from dataclasses import replace

from analyzer.keepalive.rst import Field, is_foreign, odd_fields
from analyzer.keepalive.timeline import Reset

NATIVE = Reset(9, 0, 1, False, False, 8, False, 64, 64, 0, 0, 0, False, (100, 101, 102), True)
"""What Linux answers a probe with when it has no such connection."""


def test_a_stack_s_own_answer_has_nothing_odd() -> None:
    assert odd_fields(NATIVE) == ()
    assert odd_fields(replace(NATIVE, ip_id=103)) == ()


def test_another_distance() -> None:
    assert odd_fields(replace(NATIVE, ttl=63)) == (Field.TTL,)
    assert is_foreign(replace(NATIVE, ttl=63))


def test_nothing_is_odd_where_nothing_is_known() -> None:
    assert odd_fields(replace(NATIVE, ttl=63, usual_ttl=-1, ip_id=7, usual_ip_ids=(), has_usual_timestamp=False)) == ()


def test_an_identification_off_the_end_s_counter() -> None:
    assert odd_fields(replace(NATIVE, ip_id=40000)) == (Field.IP_ID,)
    assert odd_fields(replace(NATIVE, ip_id=2, usual_ip_ids=(65533, 65535, 1))) == ()
    assert odd_fields(replace(NATIVE, ip_id=40000, usual_ip_ids=(5, 60000, 300))) == ()  # it does not count


def test_a_window_in_a_reset_without_a_connection() -> None:
    assert odd_fields(replace(NATIVE, window=8192)) == (Field.WINDOW,)


def test_no_timestamp_from_a_stack_that_has_the_connection() -> None:
    own = replace(NATIVE, has_ack=True, window=500, ip_id=103)
    assert odd_fields(own) == (Field.TIMESTAMP,)
    assert odd_fields(replace(own, has_timestamp=True)) == ()


def test_without_another_distance_it_is_not_called_foreign() -> None:
    assert not is_foreign(replace(NATIVE, window=8192, ip_id=40000))


def test_too_soon_to_have_been_there() -> None:
    """The peer's fastest answer took 40 ms; what comes after 3 ms has turned back halfway."""
    quick = replace(NATIVE, took_ns=3_000_000, usual_took_ns=40_000_000)
    assert odd_fields(quick) == (Field.HASTE,)
    assert is_foreign(quick)


def test_time_says_nothing_where_hosts_are_near_or_nothing_is_known() -> None:
    assert odd_fields(replace(NATIVE, took_ns=25_000_000, usual_took_ns=40_000_000)) == ()
    assert odd_fields(replace(NATIVE, took_ns=100_000, usual_took_ns=4_000_000)) == ()
    assert odd_fields(replace(NATIVE, took_ns=100_000)) == ()
    assert odd_fields(replace(NATIVE, usual_took_ns=40_000_000)) == ()


def test_captured_once_where_all_else_of_the_end_is_captured_twice() -> None:
    assert odd_fields(replace(NATIVE, is_once=True)) == (Field.ONCE,)
    assert is_foreign(replace(NATIVE, is_once=True))
