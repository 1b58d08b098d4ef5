"""What should be set otherwise: which advice follows from the settings, the outcome and the path.

Codes and numbers; the words are in `report/words/sentences.py`. Advice needs a number that the wire
determined, or a bound that already says enough; where something ordinary would look the same there is none.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from itertools import chain
from typing import NamedTuple

from analyzer.keepalive.findings import End, Flow
from analyzer.keepalive.model.linux import LINUX, SECOND, Clock, spacing_ns
from analyzer.keepalive.settings.fingerprint import Stack
from analyzer.keepalive.settings.values import Setting, Settings
from analyzer.keepalive.story.values import IDLE_KINDS
from analyzer.keepalive.summary.paths import PathLimit, failure, fatal_silence_ns, path_of
from analyzer.keepalive.verdict.values import Outcome

IDLE_S = 300
"""Carrier NATs and load balancers forget connections from about here on."""
SLOW_S = 600
"""Who waits longer than this for a dead peer seldom means to."""
FREQUENT_S = 15
"""Half of the shortest idle limit that any known box on a path has (middleboxes.toml)."""
SHARE_THAT_COSTS = 0.002
"""Of a capture's packets: probes that are fewer cost nobody anything."""
MANY_PROBES = 127
"""The most that TCP_KEEPCNT takes (include/net/tcp.h MAX_TCP_KEEPCNT)."""
DAY_S = 86_400
IPV4_FRAME, IPV6_FRAME = 66, 86
"""Octets of a probe and of its answer: Ethernet, IP, TCP with timestamps; 12 less without those."""

TRIPLES = ((60, 10, 5), (45, 10, 5), (30, 10, 3), (20, 5, 4), (15, 5, 3), (10, 2, 4), (5, 1, 4), (2, 1, 3))
"""What may be recommended, the cheapest first: each notices a dead peer within two minutes."""
LATENESS = 1 / 8
"""The most that a Linux timer is late, in proportion (kernel/time/timer.c)."""
LINUXES = (Stack.LINUX, Stack.OLD_LINUX)


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
    """A host probes many connections more often than their paths need."""


class Advice(NamedTuple):
    """One thing to change, and the connections that say so."""

    code: AdviceCode
    flows: tuple[int, ...]
    numbers: tuple[tuple[str, int], ...]
    """By name what the words about it need; seconds, but for counts and octets."""
    is_linux: bool | None = None
    """What may be said of Linux: None where nothing, as the ends are known to run something else; False needs an if."""


Numbers = dict[str, int]
Said = tuple[AdviceCode, Numbers, bool | None]


def advise(flows: Iterable[Flow], path_limits: Iterable[PathLimit], packets: int = 0) -> tuple[Advice, ...]:
    """All advice, by code; connections with the same numbers get it together. `packets` are the capture's."""
    flows = tuple(flows)
    limit_of = {limit.path: limit for limit in path_limits}
    found: dict[tuple[AdviceCode, tuple[tuple[str, int], ...], bool | None], dict[int, None]] = defaultdict(dict)
    for flow in flows:
        for code, numbers, is_linux in settings_advice(flow, limit_of):
            found[code, tuple(numbers.items()), is_linux][flow.id] = None
    advice = [Advice(code, tuple(ids), numbers, is_linux) for (code, numbers, is_linux), ids in found.items()]
    advice += chain(
        path_advice(flows, limit_of),
        idle_advice(flows, limit_of),
        count_advice(flows),
        cost_advice(flows, limit_of, packets),
    )
    order = tuple(AdviceCode)
    return tuple(sorted(advice, key=lambda one: order.index(one.code)))


def recommended(limit: PathLimit | None = None) -> tuple[int, int, int]:
    """Time, interval and count under a path's limit: the first two probes may be lost before it is reached."""
    return next(_fitting(limit), TRIPLES[-1])


def _fitting(limit: PathLimit | None) -> Iterator[tuple[int, int, int]]:
    safe_s: float = IDLE_S
    if limit is not None and limit.failed_ns is not None:
        safe_s = (limit.survived_ns if limit.survived_ns is not None else limit.failed_ns / 2) / SECOND
    return (triple for triple in TRIPLES if (triple[0] + 2 * triple[1]) * (1 + LATENESS) <= safe_s)


def _proposal(limit: PathLimit | None = None, in_force_s: int = DAY_S) -> Numbers:
    """Nothing rather than a time that is longer than the one in force."""
    triple = next((triple for triple in _fitting(limit) if triple[0] <= in_force_s), None)
    if triple is None:
        return {}
    time, intvl, probes = triple
    return {"set_time": time, "set_intvl": intvl, "set_probes": probes, "set_detection_s": time + probes * intvl}


def clocks_of(settings: Settings) -> Sequence[Clock]:
    """The Linux timers that may be this end's; none for an exact one."""
    return [clock for clock in LINUX if clock.name in settings.models]


def _lateness_clocks(end: End) -> Sequence[Clock]:
    """The same, unless the end is known to be something else."""
    return clocks_of(end.settings) if may_be_linux(end) else ()


def may_be_linux(end: End) -> bool:
    return end.stack in LINUXES or end.stack is Stack.UNKNOWN


def _is_linux(*ends: End) -> bool | None:
    """As `Advice.is_linux` has it."""
    return all(end.stack in LINUXES for end in ends) if any(map(may_be_linux, ends)) else None


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
    late: dict[str, dict[int, list[tuple[int, End]]]] = defaultdict(lambda: defaultdict(list))
    for flow in flows:
        limit = _limit_of(flow, limit_of)
        if limit is not None:
            for end in flow.ends:
                time_s = _time_beyond(flow, end, limit)
                if time_s is not None:
                    late[limit.path][flow.id].append((time_s, end))
    for path, ends_of in late.items():
        limit, ends = limit_of[path], list(chain(*ends_of.values()))
        times = [time_s for time_s, _ in ends]
        latest_s = max(latest_first_probe_s(time_s, _lateness_clocks(end)) for time_s, end in ends)
        numbers = {"tcp_keepalive_time": min(times), "longest_time": max(times)} | _bracket(limit)
        if latest_s > max(times):
            numbers["latest_s"] = latest_s
        if limit.matches:
            numbers["limit_s"] = max(box.idle_s for box in limit.matches)
        numbers |= _proposal(limit, min(times))
        is_linux = _is_linux(*(end for _, end in ends))
        yield Advice(AdviceCode.TIME_EXCEEDS_PATH_LIMIT, tuple(ends_of), tuple(numbers.items()), is_linux)


def _limit_of(flow: Flow, limit_of: dict[str, PathLimit]) -> PathLimit | None:
    """That of the flow's path, if it has an idle limit."""
    limit = limit_of.get(path_of(flow))
    return limit if limit is not None and limit.failed_ns is not None and not flow.is_within_lan else None


def _bracket(limit: PathLimit) -> Numbers:
    assert limit.failed_ns is not None
    numbers = {"failed_s": -(-limit.failed_ns // SECOND), "failed_flows": limit.failed}
    if limit.survived_ns is not None:
        numbers["survived_s"] = limit.survived_ns // SECOND
    return numbers


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
        and broken.ns >= limit.failed_ns
        and any(gap.frame == broken.frame and gap.kind in IDLE_KINDS for gap in end.story.gaps)
    )
    latest_s: float = time.low
    if time.value is not None and (is_new or limit_s is not None):
        latest_s = latest_first_probe_s(time.value, _lateness_clocks(end))
    is_beyond = latest_s * SECOND >= limit.failed_ns or (limit_s is not None and time.low > limit_s)
    if not is_beyond and not has_found_it:
        return None
    return int(time.low) if time.value is None else time.value


def idle_advice(flows: Sequence[Flow], limit_of: dict[str, PathLimit]) -> Iterator[Advice]:
    """Connections that nobody probes: those idle beyond their path's limit, and those idle for long on some path."""
    groups: dict[PathLimit | None, dict[int, int]] = defaultdict(dict)
    recordings = _ends_of_recordings(flows)
    for flow in flows:
        if flow.probers or flow.beating or flow.verdict.outcome is Outcome.UNKNOWN or flow.is_within_lan:
            continue
        limit, open_ns = _limit_of(flow, limit_of), _open_idle_ns(flow, recordings)
        if limit is not None and limit.failed_ns is not None:
            broken = failure(flow)
            idle_ns = max(open_ns, broken.ns if broken is not None else 0)
            if idle_ns >= limit.failed_ns:
                groups[limit][flow.id] = -(-idle_ns // SECOND)
        elif max(flow.max_idle_ns, open_ns) >= IDLE_S * SECOND:
            groups[None][flow.id] = max(flow.max_idle_ns, open_ns) // SECOND
    for limit, idle in groups.items():
        numbers = {"longest_idle_s": max(idle.values())} | (_bracket(limit) if limit is not None else {})
        yield Advice(AdviceCode.KEEPALIVE_OFF, tuple(idle), tuple((numbers | _proposal(limit)).items()))


def _ends_of_recordings(flows: Iterable[Flow]) -> list[int]:
    """When all connections had ceased, and after IDLE_S others began: from there on it may be another recording in the
    same file. The last is not among them."""
    ends: list[int] = []
    for start_ns, end_ns in sorted((flow.start_ns, flow.end_ns) for flow in flows):
        if ends and start_ns - ends[-1] < IDLE_S * SECOND:
            ends[-1] = max(ends[-1], end_ns)
        else:
            ends.append(end_ns)
    return ends[:-1]


def _open_idle_ns(flow: Flow, recordings: Sequence[int]) -> int:
    """Since its last segment, while it was watched and lives on."""
    if flow.verdict.outcome is not Outcome.ALIVE:
        return 0
    place = bisect_left(recordings, flow.end_ns)
    until_ns = recordings[place] if place < len(recordings) else flow.story.capture_end_ns
    return max(min(until_ns, flow.story.capture_end_ns) - flow.story.last_ns, 0)


# ---- one end


def settings_advice(flow: Flow, limit_of: dict[str, PathLimit]) -> Iterator[Said]:
    """What the three numbers say by themselves, where the wire determined them."""
    for end in flow.ends:
        time, intvl, probes = _values(end)
        if time is not None and intvl is not None and intvl > time * (1 + LATENESS) and may_be_linux(end):
            numbers = {"tcp_keepalive_time": time, "tcp_keepalive_intvl": intvl}
            yield AdviceCode.INTVL_EXCEEDS_TIME, numbers, _is_linux(end)
        if probes == 1:
            yield AdviceCode.SINGLE_PROBE, {"tcp_keepalive_probes": probes}, _is_linux(end)
        if time is not None and intvl is not None and probes is not None and time + probes * intvl > SLOW_S:
            numbers = {"tcp_keepalive_time": time, "tcp_keepalive_intvl": intvl, "tcp_keepalive_probes": probes}
            numbers["detection_s"] = time + probes * intvl
            latest_s = latest_detection_s(time, intvl, probes, _lateness_clocks(end))
            if latest_s > numbers["detection_s"]:
                numbers["latest_s"] = latest_s
            yield AdviceCode.SLOW_DETECTION, numbers | _proposal(_limit_of(flow, limit_of), time), _is_linux(end)


def _values(end: End) -> tuple[int | None, int | None, int | None]:
    """Time, interval and count of an end's own keepalive; what a middlebox has set nobody can change at the end."""
    if not end.has_keepalive:
        return None, None, None
    own = end.settings
    return _value(own.tcp_keepalive_time), _value(own.tcp_keepalive_intvl), _value(own.tcp_keepalive_probes)


def _value(setting: Setting | None) -> int | None:
    return setting.value if setting is not None else None


# ---- one host


def count_advice(flows: Iterable[Flow]) -> Iterator[Advice]:
    """Ends of one host with the same time and interval, to one service, that gave up after more probes than can be set,
    or one earlier than others.

    A user timeout strikes after the same time each time, between two probes or, where it ends with one of them, just
    before or after it. What differs by more programs have set; so they may have what differs by one, as the words say.
    """
    counts: dict[tuple[str, str, int, int], dict[int, dict[int, None]]] = defaultdict(lambda: defaultdict(dict))
    for flow in flows:
        for end in flow.ends:
            time, intvl, probes = _values(end)
            if time is None or intvl is None or probes is None or not may_be_linux(end):
                continue
            if end.settings.tcp_user_timeout is not None:
                counts[end.address, path_of(flow), time, intvl][probes][flow.id] = None
    for (_, _, time, intvl), flows_of in counts.items():
        fewest, most = min(flows_of), max(flows_of)
        if most == fewest + 1 or most > MANY_PROBES:
            ids = tuple(sorted({number for ids in flows_of.values() for number in ids}))
            numbers = {"tcp_keepalive_time": time, "tcp_keepalive_intvl": intvl, "fewest": fewest, "most": most}
            yield Advice(AdviceCode.COUNT_REPLACED, ids, tuple(numbers.items()))


def cost_advice(flows: Iterable[Flow], limit_of: dict[str, PathLimit], packets: int) -> Iterator[Advice]:
    """Hosts that probe several connections more often than their paths need: what that costs in a day when all idle.

    A path needs no more that was silent for long enough and survived, and neither does a LAN. Of one connection, or
    where probes are hardly any of the capture's packets, the cost is none.
    """
    periods: dict[str, dict[int, int]] = defaultdict(dict)
    sent: dict[str, int] = defaultdict(int)
    for flow in flows:
        if not _holds(flow, limit_of.get(path_of(flow)), TRIPLES[0][0]):
            continue
        for end in flow.ends:
            time, intvl, _ = _values(end)
            period_s = max(time or 0, intvl or 0)
            if end.has_keepalive and time is not None and 0 < period_s < FREQUENT_S:
                periods[end.address][flow.id] = period_s
                sent[end.address] += end.story.sent
    for address, period_of in periods.items():
        if len(period_of) < 2 or sent[address] < SHARE_THAT_COSTS * packets:
            continue
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


def _holds(flow: Flow, limit: PathLimit | None, time_s: int) -> bool:
    """A connection with probes after this time, late as a Linux timer may be, was seen to stay open."""
    if flow.is_within_lan:
        return True
    if limit is None or limit.failed_ns is not None or limit.unexplained or fatal_silence_ns(flow) is not None:
        return False
    return limit.survived_ns is not None and limit.survived_ns >= time_s * (1 + LATENESS) * SECOND
