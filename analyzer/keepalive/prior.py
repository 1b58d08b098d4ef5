"""Which whole seconds people set, for when the wire leaves several.

Weights are powers of two: 3 more is eight times likelier. Evidence is weighed in the same
measure (`candidates.exactness`), so a few good observations outvote a round number.
"""

from bisect import bisect_left, bisect_right
from functools import lru_cache
from math import log2

DEFAULT, USUAL = 6.0, 5.0

KNOWN = {
    7200: DEFAULT,  # tcp_keepalive_time of nearly every system (RFC 1122 §4.2.3.6: no less than two hours)
    75: DEFAULT,  # tcp_keepalive_intvl of Linux, BSD and macOS
    60: DEFAULT,
    30: DEFAULT,
    10: DEFAULT,
    300: DEFAULT,  # Redis servers; also below the limit of many a load balancer
    15: USUAL,  # Go, also as its interval
    20: USUAL,
    45: USUAL,
    90: USUAL,
    120: USUAL,
    150: USUAL,
    180: USUAL,
    240: USUAL,
    600: USUAL,
    900: USUAL,
    1200: USUAL,
    1800: USUAL,
    3600: USUAL,
}

IN_ORDER = sorted(KNOWN)

ROUND = {300: 5.0, 100: 5.0, 60: 4.0, 50: 4.5, 30: 3.5, 10: 3.0, 5: 2.0, 1: 0.0}
"""Multiples of these, the first that divides."""

EXACT_CLOCK = -3.0
"""One prober in eight is not a Linux with a timer wheel; more often such a gap only looks exact."""

THINNING_S = 64
"""Beyond about a minute the more values there are, the rarer is each that is not known."""


@lru_cache(1 << 12)
def weight(seconds: int) -> float:
    """How likely a setting of so many seconds is, as a power of two."""
    if seconds in KNOWN:
        return KNOWN[seconds]
    for step, roundness in ROUND.items():
        if seconds % step == 0:
            return roundness - (log2(seconds / THINNING_S) if seconds > THINNING_S else 0.0)
    raise AssertionError("1 divides")


@lru_cache(1 << 12)
def likeliest(low: int, high: int) -> int:
    """The likeliest whole second from `low` to `high`; of equals the highest: timers are late, so it is nearest."""
    best, best_weight = high, weight(high)
    for seconds in IN_ORDER[bisect_left(IN_ORDER, low) : bisect_right(IN_ORDER, high)]:
        if (KNOWN[seconds], seconds) > (best_weight, best):
            best, best_weight = seconds, KNOWN[seconds]
    for step in ROUND:
        seconds = high - high % step
        if seconds >= low and (weight(seconds), seconds) > (best_weight, best):
            best, best_weight = seconds, weight(seconds)
    return best
