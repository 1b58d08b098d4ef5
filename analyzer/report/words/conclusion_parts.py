"""What sentences about conclusions are made of: counts, times as one compares them, the service that is concerned.

Beside `sentences.py` the only prose about findings.
"""

from analyzer.keepalive.summary.conclusions import Conclusion
from analyzer.report.units import plain

Numbers = dict[str, float]
WHOLE_S, MINUTES_S, HOURS_S = 1000, 600, 7200
"""From these on nobody needs tenths of seconds, seconds, or minutes."""


def num(count: float, what: str = "connection") -> str:
    return f"{count:,.0f} {what}{'s' * (count != 1)}"


def them(count: float) -> str:
    return "it" if count == 1 else "them"


def sec(seconds: float) -> str:
    """Write seconds as one compares them: with the digits that matter."""
    return f"{plain(_rounded(seconds))} s"


def _rounded(seconds: float) -> float:
    return round(seconds, 0 if seconds >= WHOLE_S else 1 if seconds >= 2 else 3)


def about(seconds: float) -> str:
    """Write a time of which nobody needs more than an idea."""
    if seconds >= HOURS_S:
        return f"{plain(round(seconds / 3600, 1))} h"
    return f"{seconds / 60:.0f} min" if seconds >= MINUTES_S else f"{seconds:.0f} s" if seconds >= 10 else sec(seconds)


def at_least(seconds: float) -> str:
    """Write seconds that are only a proposal, rounded down."""
    step = next((step for step in (100, 10, 5, 1) if seconds >= 10 * step or (step == 1 and seconds >= 1)), 0.1)
    return plain(seconds // step * step)


def rounded_up(seconds: float) -> str:
    """Write seconds that are to be exceeded."""
    step = next(step for step in (100, 10, 5, 1) if seconds >= 10 * step or step == 1)
    return plain(-(-seconds // step) * step)


def span(n: Numbers, low: str, high: str) -> str:
    """Write a range of seconds, or the one number that it is."""
    first, last = plain(round(n[low], 1)), plain(round(n[high], 1))
    if n[high] >= WHOLE_S:
        first, last = f"{n[low]:.0f}", f"{n[high]:.0f}"
    return f"{first} s" if first == last else f"{first} to {last} s"


def to(one: Conclusion) -> str:
    """Name the service, or say how many there are."""
    return one.service or num(one.known["services"], "service")


def is_network(one: Conclusion) -> bool:
    return len(one.hosts) == 1 and "/" in one.hosts[0]
