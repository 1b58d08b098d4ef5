"""Times as tcpdump -t, -tt, -ttt, -tttt and tshark -t print them (tcpdump(1), tshark(1))."""

import pytest

from analyzer.capture.text.clock import Clock, ns_of

SECOND = 10**9


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("07:29:18.327273", 26_958_327_273_000),
        ("1795159758.801716", 1_795_159_758_801_716_000),
        ("2026-11-20 07:29:18.327273", 1_795_159_758_327_273_000),
        ("2026-11-20 07:29:18.327273123", 1_795_159_758_327_273_123),
        ("0.474443", 474_443_000),
        ("00:00:00", 0),
    ],
)
def test_a_time_in_nanoseconds(text: str, ns: int) -> None:
    assert ns_of(text) == ns


@pytest.mark.parametrize("text", ["2026-13-41 07:29:18.3", "soon:er:or", "1:2"])
def test_what_no_calendar_has_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ns_of(text)


def test_a_time_of_day_goes_on_behind_midnight() -> None:
    times = ["23:59:59.900000", "00:00:00.100000", "00:00:00.099000"]
    clock = Clock(times)
    assert [clock.ns(one) - 86_399 * SECOND for one in times] == [900_000_000, 1_100_000_000, 1_099_000_000]
    assert not clock.has_date


def test_times_from_packet_to_packet_are_added_up() -> None:
    times = ["00:00:00.000000", "00:00:00.000016", "00:00:31.000000", "00:00:00.000041", "00:00:31.000000"]
    clock = Clock(times)
    assert clock.is_since_last
    assert [clock.ns(one) for one in times][-1] == 62 * SECOND + 57_000


def test_times_since_the_first_packet_are_not() -> None:
    times = ["00:00:00.000000", "00:00:00.000016", "00:00:31.000016", "00:00:31.000057"]
    clock = Clock(times)
    assert [clock.ns(one) for one in times][-1] == 31 * SECOND + 57_000


def test_a_date_needs_no_guess() -> None:
    assert Clock(["2026-11-20 23:59:59.9"]).has_date
    assert Clock(["1795159758.801716"]).has_date
    assert not Clock(["0.801716"]).has_date
