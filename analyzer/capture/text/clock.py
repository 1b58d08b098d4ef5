"""Times as tcpdump (-t, -tt, -ttt, -tttt, -ttttt) and tshark (-t) print them, as ns.

A time of day without a date begins on 1 January 1970, and goes on to the next day at midnight. Times from one packet to
the next are added up. No text names its time zone: UTC is taken.
"""

import re
from collections.abc import Iterable
from datetime import date

TIME = r"(?:\d{4}[-/]\d\d[-/]\d\d[ T])?\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?|\d{1,12}\.\d{1,9}"
"""With a date, of day, or in seconds."""
PARTS = re.compile(r"(?:(\d{4})[-/](\d\d)[-/](\d\d)[ T])?(\d{1,2}):(\d\d):(\d\d)(?:[.,](\d{1,9}))?$")
SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS
REORDERED_NS = 10**6
"""Packets of several interfaces, or processors, may stand out of order by so much."""
FALLS = 10
"""Times from packet to packet fall at one line in so many at least: one is long, and the next ones are short."""


def ns_of(text: str) -> int:
    """Return a time in ns as it stands there. Raises ValueError for a time that no calendar has."""
    if ":" not in text:
        whole, _, fraction = text.partition(".")
        return int(whole) * SECOND_NS + int(fraction.ljust(9, "0"))
    found = PARTS.match(text)
    if not found:
        raise ValueError(text)
    year, month, day, hours, minutes, seconds, fraction = found.groups()
    days = (date(int(year), int(month), int(day)) - date(1970, 1, 1)).days if year else 0
    since_midnight = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return days * DAY_NS + since_midnight * SECOND_NS + int((fraction or "0").ljust(9, "0"))


class Clock:
    """Times of one text, in order of its lines."""

    def __init__(self, first_times: Iterable[str]) -> None:
        """Find out from the first times of the text what kind they are."""
        times = list(first_times)
        self.has_date = any(len(time) > 20 or (":" not in time and len(time.partition(".")[0]) > 8) for time in times)
        self.is_since_last = not self.has_date and _fall(times)
        self._days_ns = 0
        self._last_ns = 0

    def ns(self, text: str) -> int:
        """Return the next time in ns. Raises ValueError if it is none."""
        now_ns = ns_of(text)
        if self.is_since_last:
            self._last_ns += now_ns
            return self._last_ns
        now_ns += self._days_ns
        if ":" in text and not self.has_date and self._last_ns - now_ns > DAY_NS // 2:
            self._days_ns += DAY_NS
            now_ns += DAY_NS
        self._last_ns = now_ns
        return now_ns


def _fall(times: list[str]) -> bool:
    """Tell whether times are from packet to packet: they fall again and again, which no clock does."""
    falls, before_ns = 0, 0
    for text in times:
        try:
            now_ns = ns_of(text)
        except ValueError:
            continue
        falls += REORDERED_NS < before_ns - now_ns < DAY_NS // 2
        before_ns = now_ns
    return falls * FALLS >= len(times) and falls > 0
