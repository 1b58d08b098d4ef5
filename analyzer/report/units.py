"""The format of times and durations: ISO instants in UTC, seconds a person can read."""

from datetime import UTC, datetime

SECOND = 1_000_000_000


def iso(time_ns: int) -> str | None:
    """Format an instant as ISO 8601 in UTC to the nanosecond; None where it is absent (-1)."""
    if time_ns < 0:
        return None
    seconds, nanoseconds = divmod(time_ns, SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def seconds(duration_ns: int | None) -> float | None:
    """Return a duration in seconds, for machines; None where it is absent."""
    return None if duration_ns is None or duration_ns < 0 else round(duration_ns / SECOND, 9)


def short(duration_ns: int) -> str:
    """Format a duration for people: as many digits as tell timers apart, hours and minutes when long."""
    value = duration_ns / SECOND
    if value < 0.9995:  # more would become "1e+03 ms"
        return f"{value * 1000:.3g} ms"
    if value < 1000:
        return f"{value:.4g} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def plain(number: float) -> str:
    """Format a bound without needless digits."""
    return f"{number:.3f}".rstrip("0").rstrip(".")
