"""How instants and durations are written, above all where the form changes."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.units import SECOND, TIMES, Clock, count, exact, iso, local_offsets, plain, rough, seconds, short

MAX_NS = 2**63 - 1


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (1_700_000_000_999_999_999, "2023-11-14T22:13:20.999999999Z"),
        (MAX_NS, "2262-04-11T23:47:16.854775807Z"),
        (-1, None),
    ],
)
def test_iso(time_ns: int, text: str | None) -> None:
    assert iso(time_ns) == text


@given(st.integers(0, MAX_NS))
def test_iso_says_the_instant_and_sorts_like_it(time_ns: int) -> None:
    text = iso(time_ns)
    assert text is not None
    whole, fraction = text.removesuffix("Z").split(".")
    assert int(datetime.fromisoformat(whole + "+00:00").timestamp()) * SECOND + int(fraction) == time_ns
    assert text <= str(iso(min(time_ns + 1, MAX_NS)))


@pytest.mark.parametrize(
    ("duration_ns", "number"), [(0, 0.0), (1, 1e-09), (1_500_000_000, 1.5), (82_362_000_001, 82.362000001)]
)
def test_seconds(duration_ns: int, number: float) -> None:
    assert seconds(duration_ns) == number


@pytest.mark.parametrize("nothing", [None, -1])
def test_seconds_of_a_duration_that_there_is_not(nothing: int | None) -> None:
    assert seconds(nothing) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.00 ms"),
        (0.000015, "0.02 ms"),
        (0.25, "250.00 ms"),
        (0.999994, "999.99 ms"),
        (0.999996, "1.00 s"),
        (1, "1.00 s"),
        (10.2401, "10.24 s"),
        (31.16, "31.16 s"),
        (999.996, "1000.00 s"),
        (7208.944, "7208.94 s"),
        (90_061, "90061.00 s"),
    ],
)
def test_short(value: float, text: str) -> None:
    assert short(round(value * SECOND)) == text


@given(st.integers(0, MAX_NS))
def test_short_is_right_to_half_a_hundredth(duration_ns: int) -> None:
    number, unit = short(duration_ns).split(" ")
    told_ns = Decimal(number) * {"ms": 1_000_000, "s": SECOND}[unit]
    assert abs(told_ns - duration_ns) <= {"ms": 5_000, "s": 5_000_000}[unit]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.25, "250.00 ms"),
        (999.9, "999.90 s"),
        (1000, "16 min 40 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 0 min"),
        (7200, "2 h 0 min"),
        (90_061, "25 h 1 min"),
        (2 * 86_400, "2 d 0 h"),
        (1_000_000, "11 d 13 h"),
    ],
)
def test_rough(value: float, text: str) -> None:
    assert rough(round(value * SECOND)) == text


@pytest.mark.parametrize(
    ("duration_ns", "text"), [(0, "0.000000"), (7_208_950_001_999, "7208.950001"), (-1_500_000_000, "-1.500000")]
)
def test_exact(duration_ns: int, text: str) -> None:
    assert exact(duration_ns) == text


def test_counts_have_commas_between_thousands() -> None:
    assert [count(number, "frame") for number in (0, 1, 1_234_567)] == ["0 frames", "1 frame", "1,234,567 frames"]


@pytest.fixture
def in_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Puts this machine into another zone."""

    def go(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield go
    monkeypatch.undo()
    time.tzset()


def test_clocks(in_zone: Callable[[str], None]) -> None:
    instant, first, above = 1_700_000_000_999_999_999, 1_700_000_000 * SECOND, 1_699_999_999_999_999_000
    in_zone("Asia/Kolkata")  # half an hour off
    local = local_offsets(first, instant)
    in_zone("UTC")  # where the report is made
    told = {(one, zone): Clock(one, zone).tell(instant, first, above) for one in TIMES for zone in ((), local)}
    assert (told["rel", ()], told["epoch", ()]) == ("0.999999", "1700000000.999999")
    assert told["delta", ()] == "1.000000"
    assert told["abs", ()] == "2023-11-14 22:13:20.999999"
    assert told["abs", local] == "2023-11-15 03:43:20.999999"
    assert all(told[one, ()] == told[one, local] for one in TIMES if one != "abs")
    assert {Clock(one, zone).heading for one, zone in told} >= {"UTC", "local time"}


def test_clocks_that_are_changed_within_a_capture(in_zone: Callable[[str], None]) -> None:
    """Central Europe's were on 26 October 2025 and on 29 March 2026, each time at 01:00 UTC."""
    in_zone("Europe/Berlin")
    first, last = (datetime(*day, tzinfo=UTC).timestamp() for day in ((2025, 10, 20), (2026, 4, 2)))
    offsets = local_offsets(int(first) * SECOND, int(last) * SECOND)
    changes = [datetime(*day, 1, tzinfo=UTC).timestamp() for day in ((2025, 10, 26), (2026, 3, 29))]
    assert offsets == ((first, 7200), (changes[0], 3600), (changes[1], 7200))
    clock = Clock("abs", offsets)
    for second in (first - 5, changes[0] - 1, changes[0], changes[1] - 1, changes[1], last + 5):
        expected = datetime.fromtimestamp(second, ZoneInfo("Europe/Berlin"))
        assert clock.tell(int(second) * SECOND, 0, 0) == f"{expected:%Y-%m-%d %H:%M:%S}.000000"


@pytest.mark.parametrize(
    ("number", "text"),
    [(30, "30"), (100, "100"), (0, "0"), (0.0, "0"), (10.0, "10"), (100.0, "100"), (82.362, "82.362"), (1.5, "1.5")],
)
def test_plain(number: float, text: str) -> None:
    assert plain(number) == text
