"""Which whole seconds people set, for cases in which the wire leaves several.

Weights are powers of two: 3 more is eight times likelier. Evidence is weighed in the same measure
(`candidates.exactness`), so a few good observations outweigh a round number. Weights are whole multiples of 2^-20, so
that compiled functions can add them.
"""

from collections.abc import Iterable
from math import log2
from typing import Any, NamedTuple

from analyzer.engine.dispatch import not_inlined
from analyzer.engine.table import Table
from analyzer.schema import inference

BIT_SHIFT = 20
BIT = 1 << BIT_SHIFT
"""A weight of one: twice as likely."""

DEFAULT, TYPICAL = 6.0, 5.0
"""Weights of the commonest settings, and of others that are often set."""

KNOWN = {
    7200: DEFAULT,  # tcp_keepalive_time of nearly every system (RFC 1122 §4.2.3.6: no less than two hours)
    75: DEFAULT,  # tcp_keepalive_intvl of Linux, BSD and macOS
    60: DEFAULT,
    30: DEFAULT,
    10: DEFAULT,
    300: DEFAULT,  # Redis servers; also below the limit of many a load balancer
    15: TYPICAL,  # Go, also as its interval
    20: TYPICAL,
    45: TYPICAL,
    90: TYPICAL,
    120: TYPICAL,
    150: TYPICAL,
    180: TYPICAL,
    240: TYPICAL,
    600: TYPICAL,
    900: TYPICAL,
    1200: TYPICAL,
    1800: TYPICAL,
    3600: TYPICAL,
}

ROUND = {300: 5.0, 100: 5.0, 60: 4.0, 50: 4.5, 30: 3.5, 10: 3.0, 5: 2.0, 1: 0.0}
"""Weights of multiples of these seconds; the first that divides a setting counts."""

EXACT_CLOCK = -3 * BIT
"""Weight of an exact clock. One prober in eight is not a Linux with a timer wheel; more often a gap only looks
exact."""

THINNING_S = 64
"""Seconds above which unlisted settings are the rarer the longer they are, as there are more of them."""

LOG_SHIFT = 8
"""Logarithms of 2^8 numbers are kept; linear interpolation between them is right to 3 millionths."""


class Prior(NamedTuple):
    """All of the above as columns for compiled functions."""

    known: Any
    """Known settings, in ascending order."""
    steps: Any
    logs: Any
    """log2 of 1 + n / 2^LOG_SHIFT, for n from 0 on."""


KNOWN_COUNT, STEP_COUNT = len(KNOWN), len(ROUND)


def _whole(rows: Iterable[tuple[int, float]]) -> Any:
    """Return WEIGHTS columns of seconds and their weights in BIT."""
    table = Table(inference.WEIGHTS)
    for seconds, weight in rows:
        table.append(seconds, round(weight * BIT))
    return table.view


PRIOR = Prior(
    known=_whole(sorted(KNOWN.items())),
    steps=_whole(ROUND.items()),
    logs=_whole((nth, log2(1 + nth / (1 << LOG_SHIFT))) for nth in range((1 << LOG_SHIFT) + 1)),
)


@not_inlined
def log2_of(prior: Prior, number: int) -> int:
    """Return the logarithm of a number from 1 to 2^49, in BIT."""
    scaled, shift = number << LOG_SHIFT, 0
    while scaled >> shift >= 1 << 16:
        shift += 7
    while scaled >> shift >= 2 << LOG_SHIFT:
        shift += 1
    place = (scaled >> shift) - (1 << LOG_SHIFT)
    log: int = prior.logs.weight[place]
    step: int = prior.logs.weight[place + 1] - log
    return shift * BIT + log + ((scaled & (1 << shift) - 1) * step >> shift)


def place_of(prior: Prior, seconds: int) -> int:
    """Return the place of the first known setting that is no less than `seconds`."""
    low, high = 0, KNOWN_COUNT
    while low < high:
        middle = (low + high) // 2
        if prior.known.seconds[middle] < seconds:
            low = middle + 1
        else:
            high = middle
    return low


@not_inlined
def weight(prior: Prior, seconds: int) -> int:
    """Return how likely a setting of so many seconds is, as a power of two in BIT."""
    place = place_of(prior, seconds)
    if place < KNOWN_COUNT and prior.known.seconds[place] == seconds:
        known: int = prior.known.weight[place]
        return known
    step = 0
    while seconds % prior.steps.seconds[step]:
        step += 1
    thinning = log2_of(prior, seconds) - log2_of(prior, THINNING_S) if seconds > THINNING_S else 0
    own: int = prior.steps.weight[step]
    return own - thinning


@not_inlined
def likeliest(prior: Prior, low: int, high: int) -> int:
    """Return the likeliest whole second from `low` to `high`.

    Of equally likely ones it is the highest: timers are late, so that one is nearest to what was observed.
    """
    best: int = high
    best_weight = weight(prior, high)
    for place in range(place_of(prior, low), place_of(prior, high + 1)):
        if prior.known.weight[place] >= best_weight:  # in order: of equals the last one
            best, best_weight = prior.known.seconds[place], prior.known.weight[place]
    for step in range(STEP_COUNT):
        seconds = high - high % prior.steps.seconds[step]
        if low <= seconds < high:
            other_weight = weight(prior, seconds)
            if other_weight > best_weight or (other_weight == best_weight and seconds > best):
                best, best_weight = seconds, other_weight
    return best
