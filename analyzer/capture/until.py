"""The end of capturing as a person says it, for captures whose format has no place for it.

Knows the words: a time, or how long after the last frame; and refuses what no capture can mean.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from analyzer.capture.coverage import HOLE_NS, may_end
from analyzer.errors import OptionError

SECOND, DAY = 10**9, 86_400 * 10**9
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECONDS = re.compile(r"(?P<after>\+?)(?P<whole>\d{1,10})(?:\.(?P<fraction>\d{1,9}))?")
FRACTION = re.compile(r"(?<=:\d\d)[.,](\d{1,9})")
"""The fraction of a second in an ISO 8601 time, of which `datetime` keeps six digits."""


class Until(NamedTuple):
    """When capturing ended."""

    words: str
    ns: int
    """Since 1970, or since the last frame."""
    is_after_last: bool

    @classmethod
    def parse(cls, words: str) -> "Until":
        """Parse an ISO 8601 time, in UTC if it names no zone, seconds since 1970, or +SECONDS after the last frame.
        Raises OptionError."""
        seconds = SECONDS.fullmatch(words.strip())
        if seconds is not None:
            return cls(words, _ns(int(seconds["whole"]), seconds["fraction"]), bool(seconds["after"]))
        fraction = FRACTION.search(words)
        try:
            time = datetime.fromisoformat(FRACTION.sub("", words.strip()))
        except ValueError:
            raise OptionError(
                f"--until {words}: no time; write 2026-11-20T08:00:00Z, seconds since 1970, or +170 for 170 s after the"
                " last frame"
            ) from None
        since = (time if time.tzinfo is not None else time.replace(tzinfo=UTC)) - EPOCH
        return cls(words, _ns(since // timedelta(seconds=1), fraction and fraction[1]), is_after_last=False)

    def after(self, last_ns: int) -> int:
        """Return that time in ns since 1970; OptionError if no capture with its last frame at `last_ns` can have ended
        then."""
        until_ns = last_ns + self.ns if self.is_after_last else self.ns
        if not may_end(last_ns, until_ns):
            last = (EPOCH + timedelta(microseconds=-(-last_ns // 1000))).isoformat()
            wrong = "is before" if until_ns < last_ns else f"is more than {HOLE_NS // DAY} days after"
            raise OptionError(f"--until {self.words} {wrong} the last frame, which came at {last}")
        return until_ns


def _ns(whole: int, fraction: str | None) -> int:
    """Return seconds with the digits of a fraction in ns."""
    return whole * SECOND + int((fraction or "").ljust(9, "0"))
