"""The end of capturing in words: what is understood, and when it can be."""

from datetime import UTC, datetime

import pytest

from analyzer.capture.until import Until
from analyzer.errors import OptionError

SECOND = 10**9
LAST_NS = 1_795_920_414 * SECOND + 44_332_001
"""2026-11-29 02:46:54 UTC, by `date -u -d @1795920414`."""


@pytest.mark.parametrize(
    "words",
    [
        "2026-11-29T02:50:00Z",
        "2026-11-29T02:50:00",
        " 2026-11-29 02:50 ",
        "2026-11-29T03:50:00+01:00",
        "2026-11-29T02:50:00.000000000Z",
        "20261129T025000Z",
        "1795920600",
        str(datetime(2026, 11, 29, 2, 50, tzinfo=UTC)),
        str(datetime(2026, 11, 29, 2, 50)),  # noqa: DTZ001  # without a zone it is UTC
        str(1_795_920_600.0),
    ],
)
def test_times(words: str) -> None:
    assert Until.parse(words).after(LAST_NS) == 1_795_920_600 * SECOND


def test_a_day_begins_at_midnight() -> None:
    assert Until.parse("2026-11-30").after(LAST_NS) == 1_795_996_800 * SECOND


@pytest.mark.parametrize(("words", "wait_ns"), [("+170", 170 * SECOND), ("+0.5", SECOND // 2), ("+0", 0)])
def test_so_long_after_the_last_frame(words: str, wait_ns: int) -> None:
    assert Until.parse(words).after(LAST_NS) == LAST_NS + wait_ns


@pytest.mark.parametrize("words", ["2026-11-29T02:46:54.044332001Z", "1795920414.044332001"])
def test_nanoseconds_are_kept(words: str) -> None:
    assert Until.parse(words).after(LAST_NS) == LAST_NS


@pytest.mark.parametrize(
    "words", ["", "+", "-5", "+-5", "170s", "noon", "2026-13-01", "99999999999", "1e9", "+1.", "nan"]
)
def test_no_time(words: str) -> None:
    with pytest.raises(OptionError, match="no time; write 2026-11-20T08:00:00Z") as error:
        Until.parse(words)
    assert str(error.value).startswith(f"--until {words}: ")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("2026-11-29T02:46:54Z", "before the last frame, which came at 2026-11-29T02:46:54.044333"),
        ("1970-01-01", "before"),
        ("0001-01-01", "before"),
        ("2027-11-29T03:00:00Z", "more than 30 days after the last frame"),
        ("9999-12-31", "more than 30 days after"),
        ("+2592001", "more than 30 days after"),
    ],
)
def test_no_capture_ends_then(words: str, why: str) -> None:
    with pytest.raises(OptionError, match=f"--until .* is {why}"):
        Until.parse(words).after(LAST_NS)


def test_the_last_frame_as_the_error_names_it_can_be_given() -> None:
    with pytest.raises(OptionError) as error:
        Until.parse("0").after(LAST_NS)
    Until.parse(str(error.value).split()[-1]).after(LAST_NS)
