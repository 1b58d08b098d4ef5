"""What should be set otherwise: which advice follows from the settings, the outcome and the path.

Codes and numbers; the words are in `report/explain.py`. Advice needs a number that the wire
determined, or a bound that already says enough.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from itertools import chain
from typing import NamedTuple

from analyzer.keepalive.findings import End, Flow
from analyzer.keepalive.inference.settings import Setting, Settings
from analyzer.keepalive.judging.verdict import Outcome
from analyzer.keepalive.pooling.path import PathLimit, failure, fatal_silence_ns, path_of
from analyzer.keepalive.telling.timeline import IDLE_KINDS
from analyzer.keepalive.timer import LINUX, SECOND, Clock, spacing_ns

IDLE_S = 300
"""Carrier NATs and load balancers forget connections from about here on."""
SLOW_S = 600
"""Who waits longer than this for a dead peer seldom means to."""
FREQUENT_S = 15
"""Half of the shortest idle limit that any known box on a path has (middleboxes.toml)."""
MANY_PROBES = 127
"""The most that TCP_KEEPCNT takes (include/net/tcp.h MAX_TCP_KEEPCNT)."""
DAY_S = 86_400
IPV4_FRAME, IPV6_FRAME = 66, 86
"""Octets of a probe and of its answer: Ethernet, IP, TCP with timestamps; 12 less without those."""

TRIPLES = ((60, 10, 5), (45, 10, 5), (30, 10, 3), (20, 5, 4), (15, 5, 3), (10, 2, 4), (5, 1, 4), (2, 1, 3))
"""What may be recommended, the cheapest first: each notices a dead peer within two minutes."""
LATENESS = 1 / 8
"""The most that a Linux timer is late, in proportion (kernel/time/timer.c)."""


class AdviceCode(Enum):
    KEEPALIVE_OFF = "keepalive-off"
    """Connections idle for long and neither end probes."""
    TIME_EXCEEDS_PATH_LIMIT = "time-exceeds-path-limit"
    """The first probe comes when the path has already forgotten the connection."""
    INTVL_EXCEEDS_TIME = "intvl-exceeds-time"
    """The end is slower to ask again than to ask at first; on Linux answered probes then follow the interval."""
    SINGLE_PROBE = "single-probe"
    """One lost probe ends the connection (RFC 1122 §4.2.3.6: no one probe may decide)."""
    COUNT_REPLACED = "count-replaced"
    """A user timeout decides when to give up, and not the count (tcp_timer.c tcp_keepalive_timer)."""
    SLOW_DETECTION = "slow-detection"
    """A dead peer is noticed late: time + probes × interval."""
    FREQUENT_PROBES = "frequent-probes"
    """A host probes more often than any path needs."""


class Advice(NamedTuple):
    """One thing to change, and the connections that say so."""

    code: AdviceCode
    flows: tuple[int, ...]
    numbers: tuple[tuple[str, int], ...]
    """By name what the words about it need; seconds, but for counts and octets."""


Numbers = dict[str, int]


def advise(flows: Iterable[Flow], path_limits: Iterable[PathLimit]) -> tuple[Advice, ...]:
    """All advice, by code; connections with the same numbers get it together."""
    flows = tuple(flows)
    limit_of = {limit.path: limit for limit in path_limits}
    found: dict[tuple[AdviceCode, tuple[tuple[str, int], ...]], dict[int, None]] = defaultdict(dict)
    for flow in flows:
        for code, numbers in settings_advice(flow):
            found[code, tuple(numbers.items())][flow.id] = None
    advice = [Advice(code, tuple(ids), numbers) for (code, numbers), ids in found.items()]
    advice += chain(
        path_advice(flows, limit_of), idle_advice(flows, limit_of), count_advice(flows), cost_advice(flows, limit_of)
    )
    order = tuple(AdviceCode)
    return tuple(sorted(advice, key=lambda one: order.index(one.code)))


def recommended(limit: PathLimit | None = None) -> tuple[int, int, int]:
    """Time, interval and count under a path's limit: the first two probes may be lost before it is reached."""
    safe_s: float = IDLE_S
    if limit is not None and limit.is_bracket and limit.failed_ns is not None:
        safe_s = (limit.survived_ns if limit.survived_ns is not None else limit.failed_ns / 2) / SECOND
    fitting = (triple for triple in TRIPLES if (triple[0] + 2 * triple[1]) * (1 + LATENESS) <= safe_s)
    return next(fitting, TRIPLES[-1])


def _proposal(limit: PathLimit | None = None) -> Numbers:
    time, intvl, probes = recommended(limit)
    return {"set_time": time, "set_intvl": intvl, "set_probes": probes, "set_detection_s": time + probes * intvl}


def clocks_of(settings: Settings) -> Sequence[Clock]:
    """The Linux timers that may be this end's; none for an exact one."""
    return [clock for clock in LINUX if clock.name in settings.models]


def latest_first_probe_s(time_s: int, clocks: Sequence[Clock]) -> int:
    """When the first probe goes out at the latest, after the peer was heard."""
    late = (clock.lateness_ns(time_s * SECOND) for clock in clocks)
    return -(-(time_s * SECOND + max(late, default=0)) // SECOND)


def latest_detection_s(time_s: int, intvl_s: int, probes: int, clocks: Sequence[Clock]) -> int:
    """When a dead peer is noticed at the latest, the timer's lateness included."""
    runs = (-(-probes * spacing_ns(clock, intvl_s) // SECOND) for clock in clocks)
    return latest_first_probe_s(time_s, clocks) + max(runs, default=probes * intvl_s)


# ---- one path


def path_advice(flows: Iterable[Flow], limit_of: dict[str, PathLimit]) -> Iterator[Advice]:
    """By path the ends whose first probe comes too late for it, or came."""
    late: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for flow in flows:
        limit = limit_of.get(path_of(flow))
        if limit is not None and limit.is_bracket:
            for end in flow.ends:
                time_s = _time_beyond(flow, end, limit)
                if time_s is not None:
                    late[limit.path][flow.id].append(time_s)
    for path, times_of in late.items():
        limit, times = limit_of[path], [time_s for times in times_of.values() for time_s in times]
        assert limit.failed_ns is not None
        numbers = {"tcp_keepalive_time": min(times), "longest_time": max(times)}
        numbers["failed_s"] = -(-limit.failed_ns // SECOND)
        if limit.survived_ns is not None:
            numbers["survived_s"] = limit.survived_ns // SECOND
        if limit.matches:
            numbers["limit_s"] = max(box.idle_s for box in limit.matches)
        yield Advice(AdviceCode.TIME_EXCEEDS_PATH_LIMIT, tuple(times_of), tuple((numbers | _proposal(limit)).items()))


def _time_beyond(flow: Flow, end: End, limit: PathLimit) -> int | None:
    """The end's idle time, if it is beyond the bracket or the matched limit, or its first probe found the path broken.

    What the path survived once is not its idle limit: the own probe counts only where it never survived so long,
    and the timer's lateness only there, or where a known limit lies in the bracket.
    """
    time = end.settings.tcp_keepalive_time
    if time is None or not end.has_keepalive or limit.failed_ns is None:
        return None
    broken = failure(flow)
    limit_s = max((box.idle_s for box in limit.matches), default=None)
    is_new = (limit.survived_ns or 0) < time.low * SECOND
    has_found_it = (
        is_new
        and broken is not None
        and any(gap.frame == broken.frame and gap.kind in IDLE_KINDS for gap in end.story.gaps)
    )
    latest_s: float = time.low
    if time.value is not None and (is_new or limit_s is not None):
        latest_s = latest_first_probe_s(time.value, clocks_of(end.settings))
    is_beyond = latest_s * SECOND >= limit.failed_ns or (limit_s is not None and time.low > limit_s)
    if not is_beyond and not has_found_it:
        return None
    return int(time.low) if time.value is None else time.value


def idle_advice(flows: Iterable[Flow], limit_of: dict[str, PathLimit]) -> Iterator[Advice]:
    """Connections that nobody probes: those idle beyond their path's limit, and those idle for long."""
    groups: dict[PathLimit | None, dict[int, int]] = defaultdict(dict)
    for flow in flows:
        if flow.probers or flow.verdict.outcome is Outcome.UNKNOWN:
            continue
        limit, idle_s = limit_of.get(path_of(flow)), longest_idle_s(flow)
        if limit is not None and limit.is_bracket and limit.failed_ns is not None:
            if idle_s * SECOND >= limit.failed_ns or failure(flow) is not None:
                groups[limit][flow.id] = idle_s
        elif idle_s >= IDLE_S:
            groups[None][flow.id] = idle_s
    for limit, idle in groups.items():
        numbers = {"longest_idle_s": max(idle.values())}
        if limit is not None and limit.failed_ns is not None:
            numbers["failed_s"] = -(-limit.failed_ns // SECOND)
        yield Advice(AdviceCode.KEEPALIVE_OFF, tuple(idle), tuple((numbers | _proposal(limit)).items()))


def longest_idle_s(flow: Flow) -> int:
    """Without any segment; up to the capture's end where the connection lives on."""
    idle_ns = flow.max_idle_ns
    if flow.verdict.outcome is Outcome.ALIVE:
        idle_ns = max(idle_ns, flow.story.capture_end_ns - flow.story.last_ns)
    return idle_ns // SECOND


# ---- one end


def settings_advice(flow: Flow) -> Iterator[tuple[AdviceCode, Numbers]]:
    """What the three numbers say by themselves, where the wire determined them."""
    for end in flow.ends:
        time, intvl, probes = _values(end)
        if time is not None and intvl is not None and intvl > time:
            yield AdviceCode.INTVL_EXCEEDS_TIME, {"tcp_keepalive_time": time, "tcp_keepalive_intvl": intvl}
        if probes == 1:
            yield AdviceCode.SINGLE_PROBE, {"tcp_keepalive_probes": probes}
        if time is not None and intvl is not None and probes is not None and time + probes * intvl > SLOW_S:
            numbers = {"tcp_keepalive_time": time, "tcp_keepalive_intvl": intvl, "tcp_keepalive_probes": probes}
            detection = {
                "detection_s": time + probes * intvl,
                "latest_s": latest_detection_s(time, intvl, probes, clocks_of(end.settings)),
            }
            yield AdviceCode.SLOW_DETECTION, numbers | detection | _proposal()


def _values(end: End) -> tuple[int | None, int | None, int | None]:
    own = end.settings
    return _value(own.tcp_keepalive_time), _value(own.tcp_keepalive_intvl), _value(own.tcp_keepalive_probes)


def _value(setting: Setting | None) -> int | None:
    return setting.value if setting is not None else None


# ---- one host


def count_advice(flows: Iterable[Flow]) -> Iterator[Advice]:
    """Ends of one host with the same time and interval that gave up after different counts, or after too many.

    Where a program has set them all on one socket they may still be its own counts; the words say so.
    """
    counts: dict[tuple[str, int, int], dict[int, dict[int, None]]] = defaultdict(lambda: defaultdict(dict))
    for flow in flows:
        for end in flow.ends:
            time, intvl, probes = _values(end)
            if time is not None and intvl is not None and probes is not None and end.settings.tcp_user_timeout:
                counts[end.address, time, intvl][probes][flow.id] = None
    for (_, time, intvl), flows_of in counts.items():
        if len(flows_of) > 1 or max(flows_of) > MANY_PROBES:
            ids = tuple(sorted({number for ids in flows_of.values() for number in ids}))
            numbers = {"tcp_keepalive_time": time, "tcp_keepalive_intvl": intvl}
            yield Advice(
                AdviceCode.COUNT_REPLACED,
                ids,
                tuple((numbers | {"fewest": min(flows_of), "most": max(flows_of)}).items()),
            )


def cost_advice(flows: Iterable[Flow], limit_of: dict[str, PathLimit]) -> Iterator[Advice]:
    """Hosts whose probes come more often than any path needs: what they cost in a day on idle connections.

    A path that was seen to forget a connection may need them, and so may one that is suspected of it.
    """
    periods: dict[str, dict[int, int]] = defaultdict(dict)
    for flow in flows:
        limit = limit_of.get(path_of(flow))
        if (limit is not None and limit.failed_ns is not None) or fatal_silence_ns(flow) is not None:
            continue
        for end in flow.ends:
            time, intvl, _ = _values(end)
            period_s = max(time or 0, intvl or 0)
            if end.has_keepalive and time is not None and 0 < period_s < FREQUENT_S:
                periods[end.address][flow.id] = period_s
    for address, period_of in periods.items():
        frame = IPV6_FRAME if ":" in address else IPV4_FRAME
        probes = sum(DAY_S // period_s for period_s in period_of.values())
        numbers = {
            "connections": len(period_of),
            "period_s": min(period_of.values()),
            "probes_a_day": probes,
            "octets_a_day": probes * 2 * frame,
            "cheaper_probes_a_day": len(period_of) * (DAY_S // TRIPLES[0][0]),
        }
        yield Advice(AdviceCode.FREQUENT_PROBES, tuple(period_of), tuple((numbers | _proposal()).items()))
