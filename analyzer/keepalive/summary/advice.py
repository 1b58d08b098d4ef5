"""What should be set otherwise: which advice follows from the settings, the outcome and the path.

Codes and numbers only; the words are in `report/words/sentences.py`. Advice needs a number that the wire determined, or
a bound that is enough by itself. Where something ordinary would look the same, no advice is given.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import chain
from typing import NamedTuple

from analyzer.keepalive.brief import Brief, Prober
from analyzer.keepalive.model.linux import LINUX, SECOND, Clock, spacing_ns
from analyzer.keepalive.settings.fingerprint import Stack
from analyzer.keepalive.settings.values import Setting, Settings
from analyzer.keepalive.summary.paths import PathLimit
from analyzer.keepalive.verdict.values import Outcome

IDLE_S = 300
"""Idle time, in seconds, from about which carrier NATs and load balancers forget connections."""
SLOW_S = 600
"""Detection time, in seconds, above which waiting for a dead peer is seldom intended."""
FREQUENT_S = 15
"""Period, in seconds, below which probes are frequent: half of the shortest idle limit of any known box on a path
(middleboxes.toml)."""
SHARE_THAT_COSTS = 0.002
"""Share of a capture's packets; fewer probes than that cost nobody anything."""
MANY_PROBES = 127
"""The largest TCP_KEEPCNT (include/net/tcp.h MAX_TCP_KEEPCNT)."""
DAY_S = 86_400
IPV4_FRAME, IPV6_FRAME = 66, 86
"""Octets of a probe and of its answer each: Ethernet, IP, TCP with timestamps; 12 less without those."""

TRIPLES = ((60, 10, 5), (45, 10, 5), (30, 10, 3), (20, 5, 4), (15, 5, 3), (10, 2, 4), (5, 1, 4), (2, 1, 3))
"""Settings that may be recommended, the cheapest first; each notices a dead peer within two minutes."""
LATENESS = 1 / 8
"""The most that a Linux timer is late, as a share of its delay (kernel/time/timer.c)."""
LINUXES = (Stack.LINUX, Stack.OLD_LINUX)


class AdviceCode(StrEnum):
    KEEPALIVE_OFF = "keepalive-off"
    """Connections are idle for long, and neither end probes."""
    TIME_EXCEEDS_PATH_LIMIT = "time-exceeds-path-limit"
    """The first probe comes after the path has forgotten the connection."""
    INTVL_EXCEEDS_TIME = "intvl-exceeds-time"
    """The interval is longer than the idle time; on Linux, answered probes then follow the interval."""
    SINGLE_PROBE = "single-probe"
    """One lost probe ends the connection (RFC 1122 §4.2.3.6: no single probe may decide)."""
    COUNT_REPLACED = "count-replaced"
    """A user timeout, not the count, decides when to give up (tcp_timer.c tcp_keepalive_timer)."""
    SLOW_DETECTION = "slow-detection"
    """A dead peer is noticed late: time + probes × interval."""
    DATA_UNACKNOWLEDGED = "data-unacknowledged"
    """Data is sent again and again, and keepalive is suspended meanwhile (tcp_timer.c tcp_keepalive_timer)."""
    FREQUENT_PROBES = "frequent-probes"
    """A host probes many connections more often than their paths need."""


class Advice(NamedTuple):
    """One thing to change, and the connections that say so."""

    code: AdviceCode
    flows: tuple[int, ...]
    numbers: tuple[tuple[str, int], ...]
    """Numbers for the sentences about it, by name; in seconds, except for counts and octets."""
    is_linux: bool | None = None
    """Whether sentences may be about Linux: None if not, as the ends are known to run something else; False if only
    with an "if"."""


Numbers = dict[str, int]
CodedAdvice = tuple[AdviceCode, Numbers, bool | None]


def advise(flows: Iterable[Brief], path_limits: Iterable[PathLimit], packets: int = 0) -> tuple[Advice, ...]:
    """Return all advice, ordered by code; connections with the same numbers share one piece.

    `packets` is the number of packets of the capture.
    """
    flows = tuple(flows)
    limit_of = {limit.path: limit for limit in path_limits if not limit.half_closed}
    found: dict[tuple[AdviceCode, tuple[tuple[str, int], ...], bool | None], dict[int, None]] = defaultdict(dict)
    for flow in flows:
        for code, numbers, is_linux in settings_advice(flow, limit_of):
            found[code, tuple(numbers.items()), is_linux][flow.id] = None
    advice = [Advice(code, tuple(ids), numbers, is_linux) for (code, numbers, is_linux), ids in found.items()]
    advice += chain(
        path_advice(flows, limit_of),
        idle_advice(flows, limit_of),
        count_advice(flows),
        data_advice(flows),
        cost_advice(flows, limit_of, packets),
    )
    order = tuple(AdviceCode)
    return tuple(sorted(advice, key=lambda one: order.index(one.code)))


def recommended(limit: PathLimit | None = None) -> tuple[int, int, int]:
    """Return time, interval and count to recommend under a path's limit, in seconds and probes.

    The first two probes may be lost before the limit is reached.
    """
    return next(_fitting(limit), TRIPLES[-1])


def _fitting(limit: PathLimit | None) -> Iterator[tuple[int, int, int]]:
    """Yield the recommended settings that stay below a path's limit, the cheapest first."""
    safe_s: float = IDLE_S
    if limit is not None and limit.failed_ns is not None:
        safe_s = (limit.survived_ns if limit.survived_ns is not None else limit.failed_ns / 2) / SECOND
    return (triple for triple in TRIPLES if (triple[0] + 2 * triple[1]) * (1 + LATENESS) <= safe_s)


def _proposal(limit: PathLimit | None = None, in_force_s: int = DAY_S) -> Numbers:
    """Return settings to propose, or nothing if all have a longer idle time than the one in force."""
    triple = next((triple for triple in _fitting(limit) if triple[0] <= in_force_s), None)
    if triple is None:
        return {}
    time, intvl, probes = triple
    return {"set_time": time, "set_intvl": intvl, "set_probes": probes, "set_detection_s": time + probes * intvl}


def clocks_of(settings: Settings) -> Sequence[Clock]:
    """Return the Linux timers that may be this end's; none if its timer is exact."""
    return [clock for clock in LINUX if clock.name in settings.models]


def _lateness_clocks(end: Prober) -> Sequence[Clock]:
    """Return the Linux timers that may be this end's; none if it is known to run something else."""
    return clocks_of(end.settings) if may_be_linux(end) else ()


def may_be_linux(end: Prober) -> bool:
    """Tell whether the end runs Linux or is not known to run something else."""
    return end.stack in LINUXES or end.stack is Stack.UNKNOWN


def _is_linux(*ends: Prober) -> bool | None:
    """Return what `Advice.is_linux` says of these ends."""
    return all(end.stack in LINUXES for end in ends) if any(map(may_be_linux, ends)) else None


def latest_first_probe_s(time_s: int, clocks: Sequence[Clock]) -> int:
    """Return when the first probe goes out at the latest, in seconds after the peer was last heard."""
    late = (clock.lateness_ns(time_s * SECOND) for clock in clocks)
    return -(-(time_s * SECOND + max(late, default=0)) // SECOND)


def latest_detection_s(time_s: int, intvl_s: int, probes: int, clocks: Sequence[Clock]) -> int:
    """Return when a dead peer is noticed at the latest, in seconds, the timer's lateness included."""
    runs = (-(-probes * spacing_ns(clock, intvl_s) // SECOND) for clock in clocks)
    return latest_first_probe_s(time_s, clocks) + max(runs, default=probes * intvl_s)


# ---- one path


def path_advice(flows: Iterable[Brief], limit_of: dict[str, PathLimit]) -> Iterator[Advice]:
    """Yield, for each path, advice about the ends whose first probe comes too late for it, or came too late."""
    late: dict[str, dict[int, list[tuple[int, Prober]]]] = defaultdict(lambda: defaultdict(list))
    for flow in flows:
        limit = _limit_of(flow, limit_of)
        if limit is not None:
            for end in flow.probers:
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


def _limit_of(flow: Brief, limit_of: dict[str, PathLimit]) -> PathLimit | None:
    """Return the limit of the flow's path, None if it has no idle limit."""
    limit = limit_of.get(flow.service)
    has_path = not flow.is_within_lan or flow.trouble.broken is not None
    return limit if limit is not None and limit.failed_ns is not None and has_path else None


def _bracket(limit: PathLimit) -> Numbers:
    """Return the numbers around a path's limit: failed and survived silence in seconds, and failed connections."""
    assert limit.failed_ns is not None
    numbers = {"failed_s": -(-limit.failed_ns // SECOND), "failed_flows": limit.failed}
    if limit.survived_ns is not None:
        numbers["survived_s"] = limit.survived_ns // SECOND
    return numbers


def _time_beyond(flow: Brief, end: Prober, limit: PathLimit) -> int | None:
    """Return the end's idle time in seconds if the path forgets the connection before its first probe, else None.

    That is so if the idle time is beyond the bracket or the matched limit, or if its first probe found the path broken.
    What the path survived once is not its idle limit: so the end's own probe counts only if the path never survived
    such a silence, and the timer's lateness only then, or if a known limit lies in the bracket.
    """
    time = end.settings.tcp_keepalive_time
    if time is None or not end.has_keepalive or limit.failed_ns is None:
        return None
    broken = flow.trouble.broken
    limit_s = max((box.idle_s for box in limit.matches), default=None)
    is_new = (limit.survived_ns or 0) < time.low * SECOND
    found_path_broken = is_new and end.found_it_broken and broken is not None and broken.ns >= limit.failed_ns
    latest_s: float = time.low
    if time.value is not None and (is_new or limit_s is not None):
        latest_s = latest_first_probe_s(time.value, _lateness_clocks(end))
    is_beyond = latest_s * SECOND >= limit.failed_ns or (limit_s is not None and time.low > limit_s)
    if not is_beyond and not found_path_broken:
        return None
    return int(time.low) if time.value is None else time.value


def idle_advice(flows: Sequence[Brief], limit_of: dict[str, PathLimit]) -> Iterator[Advice]:
    """Yield advice for connections without probes: idle beyond their path's limit, or idle for long on any path."""
    groups: dict[PathLimit | None, dict[int, int]] = defaultdict(dict)
    recordings = _ends_of_recordings(flows)
    for flow in flows:
        broken = flow.trouble.broken
        if flow.probers or flow.is_beating or flow.outcome is Outcome.UNKNOWN:
            continue
        if flow.is_within_lan and broken is None:
            continue
        limit, open_ns = _limit_of(flow, limit_of), _open_idle_ns(flow, recordings)
        if limit is not None and limit.failed_ns is not None:
            idle_ns = max(open_ns, broken.ns if broken is not None else 0)
            if idle_ns >= limit.failed_ns:
                groups[limit][flow.id] = -(-idle_ns // SECOND)
        elif max(flow.max_idle_ns, open_ns) >= IDLE_S * SECOND:
            groups[None][flow.id] = max(flow.max_idle_ns, open_ns) // SECOND
    for limit, idle in groups.items():
        numbers = {"longest_idle_s": max(idle.values())} | (_bracket(limit) if limit is not None else {})
        yield Advice(AdviceCode.KEEPALIVE_OFF, tuple(idle), tuple((numbers | _proposal(limit)).items()))


def _ends_of_recordings(flows: Iterable[Brief]) -> list[int]:
    """Return when recordings in this file ended, in ns, except the last one.

    One ends where no connection was open, and others began IDLE_S or more later: the file may hold several recordings.
    """
    ends: list[int] = []
    for start_ns, end_ns in sorted((flow.start_ns, flow.end_ns) for flow in flows):
        if ends and start_ns - ends[-1] < IDLE_S * SECOND:
            ends[-1] = max(ends[-1], end_ns)
        else:
            ends.append(end_ns)
    return ends[:-1]


def _open_idle_ns(flow: Brief, recordings: Sequence[int]) -> int:
    """Return how long an open connection was idle from its last segment to the recording's end, in ns; else 0."""
    if flow.outcome not in (Outcome.ALIVE, Outcome.OPEN):
        return 0
    place = bisect_left(recordings, flow.end_ns)
    until_ns = recordings[place] if place < len(recordings) else flow.capture_end_ns
    return max(min(until_ns, flow.capture_end_ns) - flow.last_ns, 0)


# ---- one end


def settings_advice(flow: Brief, limit_of: dict[str, PathLimit]) -> Iterator[CodedAdvice]:
    """Yield the advice that follows from an end's three settings alone, where the wire determined them."""
    for end in flow.probers:
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


def _values(end: Prober) -> tuple[int | None, int | None, int | None]:
    """Return time, interval and count of an end's own keepalive, None where unknown.

    What a middlebox has set cannot be changed at the end, so it does not count.
    """
    if not end.has_keepalive:
        return None, None, None
    own = end.settings
    return _value(own.tcp_keepalive_time), _value(own.tcp_keepalive_intvl), _value(own.tcp_keepalive_probes)


def _value(setting: Setting | None) -> int | None:
    """Return the value of a setting, None where it is not known."""
    return setting.value if setting is not None else None


# ---- one host


def count_advice(flows: Iterable[Brief]) -> Iterator[Advice]:
    """Yield advice for ends whose count a user timeout has replaced.

    These are ends of one host with the same time and interval, to one service, that gave up after more probes than can
    be set, or some of them one probe earlier than others. A user timeout expires after the same time each time: between
    two probes, or just before or after one if it coincides with it. Counts that differ by more were set by programs;
    counts that differ by one may have been, too, as the sentence says.
    """
    counts: dict[tuple[str, str, int, int], dict[int, dict[int, None]]] = defaultdict(lambda: defaultdict(dict))
    for flow in flows:
        for end in flow.probers:
            time, intvl, probes = _values(end)
            if time is None or intvl is None or probes is None or not may_be_linux(end):
                continue
            if end.settings.tcp_user_timeout is not None:
                counts[end.address, flow.service, time, intvl][probes][flow.id] = None
    for (_, _, time, intvl), flows_of in counts.items():
        fewest, most = min(flows_of), max(flows_of)
        if most == fewest + 1 or most > MANY_PROBES:
            ids = tuple(sorted({number for ids in flows_of.values() for number in ids}))
            numbers = {"tcp_keepalive_time": time, "tcp_keepalive_intvl": intvl, "fewest": fewest, "most": most}
            yield Advice(AdviceCode.COUNT_REPLACED, ids, tuple(numbers.items()))


def data_advice(flows: Iterable[Brief]) -> Iterator[Advice]:
    """Yield advice for connections whose data nothing acknowledges: a user timeout ends that, and no keepalive does."""
    since: dict[int, int] = {}
    latest_s = 0
    for flow in flows:
        data = flow.trouble.data
        if data is not None and data.octets:
            since[flow.id] = (flow.capture_end_ns - data.since_ns) // SECOND
            latest_s = max(latest_s, data.gives_up_ns[1] // SECOND)
    if since:
        numbers = {"longest_s": max(since.values()), "gives_up_s": latest_s}
        yield Advice(AdviceCode.DATA_UNACKNOWLEDGED, tuple(since), tuple(numbers.items()))


def cost_advice(flows: Iterable[Brief], limit_of: dict[str, PathLimit], packets: int) -> Iterator[Advice]:
    """Yield advice for hosts that probe several connections more often than their paths need, with the daily cost.

    The cost is that of a day on which all are idle. A path that survived a long enough silence does not need frequent
    probes, and neither does a LAN. A single connection costs nothing, nor do probes that are a tiny share of the
    packets.
    """
    periods: dict[str, dict[int, int]] = defaultdict(dict)
    sent: dict[str, int] = defaultdict(int)
    for flow in flows:
        if not _holds(flow, limit_of.get(flow.service), TRIPLES[0][0]):
            continue
        for end in flow.probers:
            time, intvl, _ = _values(end)
            period_s = max(time or 0, intvl or 0)
            if end.has_keepalive and time is not None and 0 < period_s < FREQUENT_S:
                periods[end.address][flow.id] = period_s
                sent[end.address] += end.sent
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


def _holds(flow: Brief, limit: PathLimit | None, time_s: int) -> bool:
    """Tell whether a connection stays open if probes come only after `time_s`, late as a Linux timer may be."""
    if flow.is_within_lan:
        return True
    if limit is None or limit.failed_ns is not None or limit.unexplained or flow.trouble.fatal_silence_ns is not None:
        return False
    return limit.survived_ns is not None and limit.survived_ns >= time_s * (1 + LATENESS) * SECOND
