"""How instants and durations are written, above all where the form changes."""

import math
import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.units import SECOND, iso, plain, seconds, short

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
        (0, "0 ms"),
        (0.000015, "0.015 ms"),
        (0.25, "250 ms"),
        (0.9994, "999 ms"),
        (0.9996, "0.9996 s"),
        (1, "1 s"),
        (10.2401, "10.24 s"),
        (31.16, "31.16 s"),
        (999.9, "999.9 s"),
        (1000, "16 min 40 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 0 min"),
        (7200, "2 h 0 min"),
        (90_061, "25 h 1 min"),
    ],
)
def test_short(value: float, text: str) -> None:
    assert short(round(value * SECOND)) == text


@given(st.integers(1000, MAX_NS))
def test_short_is_short_and_nearly_right(duration_ns: int) -> None:
    text = short(duration_ns)
    units = {"ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9}
    parts = re.findall(r"([0-9.]+) (ms|s|min|h)\b", text)
    assert " ".join(f"{number} {unit}" for number, unit in parts) == text
    told_ns = sum(float(number) * units[unit] for number, unit in parts)
    assert math.isclose(told_ns, duration_ns, rel_tol=0.01)


@pytest.mark.parametrize(
    ("number", "text"),
    [(30, "30"), (100, "100"), (0, "0"), (0.0, "0"), (10.0, "10"), (100.0, "100"), (82.362, "82.362"), (1.5, "1.5")],
)
def test_plain(number: float, text: str) -> None:
    assert plain(number) == text
