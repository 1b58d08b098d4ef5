"""What should be set otherwise: which advice follows from the settings, the outcome and the path.

Codes and numbers; the words are in `report/explain.py`. Advice needs a number that the wire
determined, or a bound that already says enough.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import chain

from analyzer.keepalive.findings import Flow
from analyzer.keepalive.path import PathLimit, failure, path_of
from analyzer.keepalive.settings import IDLE_KINDS, Setting
from analyzer.keepalive.timer import SECOND
from analyzer.keepalive.verdict import Outcome

IDLE_S = 300
"""Carrier NATs and load balancers forget connections from about here on."""
SLOW_S = 600
"""Who waits longer than this for a dead peer seldom means to."""


class AdviceCode(Enum):
    KEEPALIVE_OFF = "keepalive-off"
    """Connections idle for long and neither end probes."""
    TIME_EXCEEDS_PATH_LIMIT = "time-exceeds-path-limit"
    """The first probe comes when the path has already forgotten the connection."""
    INTVL_EXCEEDS_TIME = "intvl-exceeds-time"
    """The end is slower to ask again than to ask at first; on Linux answered probes then follow the interval."""
    SINGLE_PROBE = "single-probe"
    """One lost probe ends the connection (RFC 1122 §4.2.3.6: no one probe may decide)."""
    SLOW_DETECTION = "slow-detection"
    """A dead peer is noticed late: time + probes × interval."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to change, and the connections that say so."""

    code: AdviceCode
    flows: tuple[int, ...]
    numbers: tuple[tuple[str, int], ...]
    """By name what the words about it need; seconds, only tcp_keepalive_probes is a count."""


def advise(flows: Iterable[Flow], path_limits: Iterable[PathLimit]) -> tuple[Advice, ...]:
    """All advice, by code; connections with the same numbers get it together."""
    limit_of = {limit.path: limit for limit in path_limits}
    found: dict[tuple[AdviceCode, tuple[tuple[str, int], ...]], dict[int, None]] = defaultdict(dict)
    idle: dict[int, int] = {}
    for flow in flows:
        for code, numbers in chain(path_advice(flow, limit_of.get(path_of(flow))), settings_advice(flow)):
            found[code, tuple(numbers.items())][flow.id] = None
        if not flow.probers and flow.verdict.outcome is not Outcome.UNKNOWN and longest_idle_s(flow) >= IDLE_S:
            idle[flow.id] = longest_idle_s(flow)
    advice = [Advice(code, tuple(ids), numbers) for (code, numbers), ids in found.items()]
    if idle:
        advice.append(Advice(AdviceCode.KEEPALIVE_OFF, tuple(idle), (("longest_idle_s", max(idle.values())),)))
    order = tuple(AdviceCode)
    return tuple(sorted(advice, key=lambda one: order.index(one.code)))


def longest_idle_s(flow: Flow) -> int:
    """Without any segment; up to the capture's end where the connection lives on."""
    idle_ns = flow.max_idle_ns
    if flow.verdict.outcome is Outcome.ALIVE:
        idle_ns = max(idle_ns, flow.story.capture_end_ns - flow.story.last_ns)
    return idle_ns // SECOND


def path_advice(flow: Flow, limit: PathLimit | None) -> Iterator[tuple[AdviceCode, dict[str, int]]]:
    """The time is beyond the bracket or the matched limit, or its own first probe found the path broken.

    The latter only where the path never survived so long: what it survived once is not its idle limit.
    """
    if limit is None or limit.failed_ns is None or not limit.is_bracket:
        return
    limit_s = max((box.idle_s for box in limit.matches), default=None)
    broken = failure(flow)
    for end in flow.ends:
        time = end.settings.tcp_keepalive_time
        if time is None or not end.has_keepalive:
            continue
        is_beyond = time.low * SECOND >= limit.failed_ns or (limit_s is not None and time.low > limit_s)
        found_broken = (
            broken is not None
            and (limit.survived_ns or 0) < time.low * SECOND
            and any(gap.frame == broken.frame and gap.kind in IDLE_KINDS for gap in end.story.gaps)
        )
        if is_beyond or found_broken:
            time_s = int(time.low) if time.value is None else time.value
            numbers = {"tcp_keepalive_time": time_s, "failed_s": -(-limit.failed_ns // SECOND)}
            if limit.survived_ns is not None:
                numbers["survived_s"] = limit.survived_ns // SECOND
            if limit_s is not None:
                numbers["limit_s"] = limit_s
            yield AdviceCode.TIME_EXCEEDS_PATH_LIMIT, numbers


def settings_advice(flow: Flow) -> Iterator[tuple[AdviceCode, dict[str, int]]]:
    """What the three numbers say by themselves, where the wire determined them."""
    for end in flow.ends:
        own = end.settings
        time, intvl, probes = map(_value, (own.tcp_keepalive_time, own.tcp_keepalive_intvl, own.tcp_keepalive_probes))
        if time is not None and intvl is not None and intvl > time:
            yield AdviceCode.INTVL_EXCEEDS_TIME, {"tcp_keepalive_time": time, "tcp_keepalive_intvl": intvl}
        if probes == 1:
            yield AdviceCode.SINGLE_PROBE, {"tcp_keepalive_probes": probes}
        if time is not None and intvl is not None and probes is not None and time + probes * intvl > SLOW_S:
            numbers = {"tcp_keepalive_time": time, "tcp_keepalive_intvl": intvl, "tcp_keepalive_probes": probes}
            yield AdviceCode.SLOW_DETECTION, numbers | {"detection_s": time + probes * intvl}


def _value(setting: Setting | None) -> int | None:
    return setting.value if setting is not None else None
