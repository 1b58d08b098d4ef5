"""What a colleague would say after reading the whole capture: at most a few conclusions, the most important first.

An ordered table of rules over what is known of connections, services and paths. Each rule takes the connections that no
rule before it has explained, and yields a conclusion with the connections that it explains; so nothing is said twice.
Codes and numbers only; the words are in `report/words/conclusion_sentences.py`.

  Rule                   Looks for
  ---------------------  ------------------------------------------------------------------------------------------
  goes_one_way           the other end hears, or is heard, and still the connection breaks
  was_rebound            a NAT that gave a connection another port
  path_ends_idle         a path, or something in the other end's name, that forgets silent connections
  service_races          an idle limit of the service's application that costs requests
  was_reused             requests on connections that had been closed
  pings_too_often        the other end closes right after a heartbeat
  data_is_stuck          data sent again and again without an answer
  is_unreachable         routers that report it
  was_restarted          a host that no longer knows its connections
  fell_silent            a host that does not answer any more
  heartbeat_stopped      a heartbeat that is missing, and nobody noticed
  beats_too_rarely       a heartbeat no more frequent than the limit that it should beat
  service_closes_idle    an idle limit that costs nothing so far
  is_left_open           open connections, silent for long, that nobody probes
  keepalive_works        probes that are all answered
  nothing_is_idle        no silence long enough to matter
"""

from collections.abc import Callable, Iterable, Iterator

from analyzer.keepalive.findings import Flow
from analyzer.keepalive.model.linux import SECOND
from analyzer.keepalive.story.values import LONG_NS
from analyzer.keepalive.summary.advice import IDLE_S
from analyzer.keepalive.summary.conclusions import MOST_FRAMES, Conclusion, ConclusionCode, Known, by_service, concluded
from analyzer.keepalive.summary.hosts import service_end
from analyzer.keepalive.summary.paths import ALL, PathLimit, failure, path_of
from analyzer.keepalive.summary.services import IdleLimit, ServiceLimits
from analyzer.keepalive.verdict.values import Cause, Confidence, How, Outcome, Reason

SOON_NS = 100_000_000
"""A close so soon after a heartbeat answers it."""
TOO_RARE = 0.9
"""A heartbeat's period of so large a part of the limit leaves no room for a lost one."""
ONE_WAY = frozenset({Reason.PEER_STILL_SENDS, Reason.ANSWERS_UNHEARD, Reason.ACKS_UNHEARD})
RESTARTED = frozenset(
    {Reason.PEER_RECONNECTED, Reason.PEER_CLOCK_RESTARTED, Reason.PEER_LOST_OTHERS, Reason.PEER_PORTS_ANEW}
)
DEAD = frozenset({Outcome.TIMED_OUT, Outcome.PROBING, Outcome.UNDETECTED})
NEARLY_S = 0.5
SAFE = 2 / 3
"""Part of a limit up to which the first probe should come: one may be lost, and timers are late."""

Rule = Callable[[Known], Iterator[Conclusion]]


def conclude(known: Known) -> tuple[Conclusion, ...]:
    """Return all conclusions, the most important first."""
    found: list[Conclusion] = []
    left = {flow.id: flow for flow in known.flows}
    for rule in RULES:
        for one in rule(known._replace(left=tuple(left.values()))):
            found.append(one)
            for flow in one.flows:
                left.pop(flow, None)
    return tuple(found or nothing_is_idle(known))


# ---- what a path, or a box on it, does


def goes_one_way(known: Known) -> Iterator[Conclusion]:
    """Yield the services to which one way is broken."""
    broken = [flow for flow in known.left if not ONE_WAY.isdisjoint(flow.verdict.reasons)]
    for service, members in by_service(broken):
        yield concluded(ConclusionCode.ONE_WAY_PATH, service, members)


def was_rebound(known: Known) -> Iterator[Conclusion]:
    """Yield the services whose connections a NAT has given another port."""
    moved = [flow for flow in known.left if flow.rebound_to is not None or flow.rebound_from is not None]
    for service, members in by_service(moved):
        silences = [flow.rebound_to.silent_ns for flow in members if flow.rebound_to is not None]
        limit = next((one for one in known.path_limits if one.path == service and not one.half_closed), None)
        numbers = {"failed_s": min(silences) / SECOND} if silences else {}
        if limit is not None and limit.survived_ns is not None:
            numbers["survived_s"] = limit.survived_ns / SECOND
        numbers["safe_s"] = safe_s(limit.survived_ns if limit is not None else None, min(silences, default=LONG_NS))
        yield concluded(ConclusionCode.NAT_REBINDING, service, members, numbers)


def path_ends_idle(known: Known) -> Iterator[Conclusion]:
    """Yield the idle limits of paths, those of single services rather than of networks."""
    left = {flow.id: flow for flow in known.left}
    for limit in known.path_limits:
        lost = [left[flow] for flow in limit.failed_flows if flow in left]
        if limit.failed_ns is None or not lost or limit.path == ALL or "/" in limit.path:
            continue
        code = ConclusionCode.PATH_RESETS if limit.on_expiry == "rst" else ConclusionCode.PATH_FORGETS
        code = ConclusionCode.HALF_CLOSED_FORGOTTEN if limit.half_closed else code
        yield concluded(
            code,
            limit.path,
            lost,
            path_numbers(limit, known),
            frames=limit.failed_frames,
            confidence=Confidence.GUESS if limit.failed == 1 else Confidence.LIKELY,
            names=tuple(box.name for box in limit.matches),
            limit=next((one for one in limits_of(known, limit.path) if one.by in ("path", "unknown")), None),
        )


def path_numbers(limit: PathLimit, known: Known) -> dict[str, float]:
    """Return the numbers around a path's limit: the bracket, who died of it, when their first probe comes, what is
    safe."""
    assert limit.failed_ns is not None
    numbers: dict[str, float] = {"failed_s": limit.failed_ns / SECOND, "died": limit.failed}
    if limit.survived_ns is not None:
        numbers["survived_s"] = limit.survived_ns / SECOND
    members = [flow for flow in known.flows if path_of(flow) == limit.path]
    numbers["of"] = len(members)
    numbers["safe_s"] = safe_s(limit.survived_ns, limit.failed_ns)
    times = times_of([flow for flow in members if flow.id in limit.failed_flows])
    if times:
        numbers |= {"earliest_s": min(times), "latest_s": max(times)}
    return numbers


def times_of(flows: Iterable[Flow]) -> list[float]:
    """Return the idle times before the first probe that their probing ends have, where known."""
    times = [flow.ends[end].settings.tcp_keepalive_time for flow in flows for end in flow.probers]
    return [time.value if time.value is not None else time.low for time in times if time is not None]


def safe_s(survived_ns: int | None, failed_ns: int) -> int:
    """Return an idle time in seconds before the first probe that stays well below a limit."""
    reach_s = (survived_ns or failed_ns / 2) / SECOND * SAFE
    step_s = next((step for step in (600, 100, 60, 10, 5) if reach_s >= step), 1)
    return max(int((reach_s + NEARLY_S) // step_s * step_s), 1)


# ---- what applications do


def service_races(known: Known) -> Iterator[Conclusion]:
    """Yield the services that close idle connections just when they are used again."""
    for service, limit in limits_by(known, "responder"):
        if limit.lost:
            yield of_limit(ConclusionCode.KEEPALIVE_RACE, service, limit, known)


def was_reused(known: Known) -> Iterator[Conclusion]:
    """Yield the services to which data was sent that met a close, without an idle limit that explains it."""
    lost = [flow for flow in known.left if flow.verdict.outcome is Outcome.CLOSED and lost_to_service(flow)]
    for service, members in by_service(lost):
        frames = tuple(frame for flow in members for frame in lost_frames(flow))
        yield concluded(
            ConclusionCode.REUSED_AFTER_CLOSE, service, members, {"lost": len(frames)}, frames=frames[:MOST_FRAMES]
        )


def lost_to_service(flow: Flow) -> bool:
    """Tell whether the service closed a connection, and a request was lost to that."""
    return flow.ending is not None and flow.ending.by == service_end(flow) and flow.ending.lost > 0


def lost_frames(flow: Flow) -> tuple[int, ...]:
    """Return the frames whose data was lost to a close."""
    return (*flow.ending.crossed_frames, *flow.ending.reused_frames) if flow.ending is not None else ()


def pings_too_often(known: Known) -> Iterator[Conclusion]:
    """Yield the services that close connections right after a heartbeat."""
    answered: dict[int, tuple[Flow, float]] = {}
    for flow in known.left:
        for index in flow.beating:
            beat, ended = flow.ends[index].story.heartbeat, flow.ending
            if beat is None or ended is None or ended.at_ns is None or ended.how not in (How.FIN, How.RST):
                continue
            if ended.by == 1 - index and 0 <= ended.at_ns - beat.last_ns <= SOON_NS:
                answered[flow.id] = flow, beat.period_ns / SECOND
    for service, members in by_service([flow for flow, _ in answered.values()]):
        periods = [answered[flow.id][1] for flow in members]
        yield concluded(
            ConclusionCode.HEARTBEAT_TOO_OFTEN,
            service,
            members,
            {"period_s": min(periods)},
            confidence=Confidence.GUESS if len(members) == 1 else Confidence.LIKELY,
        )


def heartbeat_stopped(known: Known) -> Iterator[Conclusion]:
    """Yield the services with a connection whose heartbeat is missing, and that is open."""
    stopped: dict[int, tuple[Flow, int]] = {}
    for flow in known.left:
        for index in flow.beating:
            beat = flow.ends[index].story.heartbeat
            if beat is not None and beat.stopped_ns >= 0 and flow.silent_ns is not None:
                stopped[flow.id] = flow, index
    for service, members in by_service([flow for flow, _ in stopped.values()]):
        beats = [flow.ends[stopped[flow.id][1]].story.heartbeat for flow in members]
        known_beats = [beat for beat in beats if beat is not None]
        numbers = {
            "period_s": min(beat.period_ns for beat in known_beats) / SECOND,
            "stopped_s": max(beat.stopped_ns for beat in known_beats) / SECOND,
        }
        frames = tuple(beat.last_frame for beat in known_beats)
        yield concluded(ConclusionCode.HEARTBEAT_STOPPED, service, members, numbers, frames=frames[:MOST_FRAMES])


def beats_too_rarely(known: Known) -> Iterator[Conclusion]:
    """Yield the services with a heartbeat that is no more frequent than an idle limit that it should beat."""
    for one in known.services:
        for limit in one.idle_limits:
            reach_s = (limit.value_ns or limit.high_ns or 0) / SECOND * TOO_RARE
            members = [
                flow
                for flow in known.flows
                if flow.id in limit.flows and any(period_s >= reach_s for period_s in periods_of(flow))
            ]
            if members and limit.clock != "no-heartbeat":
                period_s = min(period_s for flow in members for period_s in periods_of(flow))
                numbers = limit_numbers(limit) | {"period_s": period_s}
                yield concluded(ConclusionCode.HEARTBEAT_TOO_RARE, one.service, members, numbers, limit=limit)


def periods_of(flow: Flow) -> list[float]:
    """Return the periods of the ends' heartbeats in seconds."""
    beats = [flow.ends[index].story.heartbeat for index in flow.beating]
    return [beat.period_ns / SECOND for beat in beats if beat is not None]


def service_closes_idle(known: Known) -> Iterator[Conclusion]:
    """Yield the idle limits of applications that have cost nothing so far."""
    for side in ("responder", "originator"):
        for service, limit in limits_by(known, side):
            if not limit.lost:
                yield of_limit(ConclusionCode.SERVICE_CLOSES_IDLE, service, limit, known)


def limits_by(known: Known, side: str) -> Iterator[tuple[ServiceLimits, IdleLimit]]:
    """Yield the idle limits that one side's applications have."""
    return ((one, limit) for one in known.services for limit in one.idle_limits if limit.by == side)


def limits_of(known: Known, service: str) -> tuple[IdleLimit, ...]:
    """Return the idle limits that concern a service."""
    return next((one.idle_limits for one in known.services if one.service == service), ())


def of_limit(code: ConclusionCode, service: ServiceLimits, limit: IdleLimit, known: Known) -> Conclusion:
    """Return what an idle limit of an application comes to."""
    members = {flow.id: flow for flow in known.flows}
    frames = tuple(
        members[one].ending.frame  # type: ignore[union-attr]  # whatever a limit closed has ended
        for one in limit.flows
        if one in members and members[one].ending is not None
    )
    return Conclusion(
        code,
        limit.flows,
        service.service,
        frames[:MOST_FRAMES],
        limit.confidence,
        tuple((limit_numbers(limit) | {"of": service.flows}).items()),
        limit.matches,
        limit,
    )


def limit_numbers(limit: IdleLimit) -> dict[str, float]:
    """Return the numbers of an idle limit."""
    numbers: dict[str, float] = {"closed": limit.closed, "lost": limit.lost}
    for name, ns in (("value_s", limit.value_ns), ("high_s", limit.high_ns), ("survived_s", limit.survived_ns)):
        if ns is not None:
            numbers[name] = ns / SECOND
    return numbers


# ---- what became of hosts


def data_is_stuck(known: Known) -> Iterator[Conclusion]:
    """Yield the services to or from which data goes unacknowledged."""
    stuck = [
        flow
        for flow in known.left
        if flow.verdict.outcome is Outcome.UNDETECTED
        and flow.story.unanswered_data is not None
        and flow.story.unanswered_data.octets
    ]
    for service, members in by_service(stuck):
        data = [flow.story.unanswered_data for flow in members]
        numbers = {
            "longest_s": max(
                flow.story.capture_end_ns - one.since_ns for flow, one in zip(members, data, strict=True) if one
            )
            / SECOND,
            "gives_up_s": max(one.gives_up_ns[1] for one in data if one) / SECOND,
            "resends": max(one.resends for one in data if one),
        }
        yield concluded(ConclusionCode.DATA_UNACKNOWLEDGED, service, members, numbers)


def is_unreachable(known: Known) -> Iterator[Conclusion]:
    """Yield the services that routers report as unreachable."""
    for service, members in by_service([flow for flow in known.left if flow.verdict.outcome is Outcome.UNREACHABLE]):
        yield concluded(ConclusionCode.PEER_UNREACHABLE, service, members, delays(members))


def was_restarted(known: Known) -> Iterator[Conclusion]:
    """Yield the services with connections that the host of one end no longer knows."""
    lost = [
        flow
        for flow in known.left
        if (flow.verdict.outcome is Outcome.RESET and flow.verdict.cause in (Cause.PEER_LOST_STATE, None))
        or (flow.verdict.outcome is Outcome.UNDETECTED and not RESTARTED.isdisjoint(flow.verdict.reasons))
    ]
    for service, members in by_service(lost):
        idle = [broken.ns for flow in members for broken in [failure(flow)] if broken is not None]
        numbers = delays(members) | ({"idle_s": max(idle) / SECOND} if idle else {})
        yield concluded(ConclusionCode.PEER_RESTARTED, service, members, numbers)


def fell_silent(known: Known) -> Iterator[Conclusion]:
    """Yield the services with connections on which one end was not heard any more."""
    for service, members in by_service([flow for flow in known.left if flow.verdict.outcome in DEAD]):
        unnoticed = sum(flow.verdict.outcome is not Outcome.TIMED_OUT for flow in members)
        numbers = delays(members) | {"unnoticed": unnoticed}
        yield concluded(ConclusionCode.PEER_SILENT, service, members, numbers)


def delays(flows: Iterable[Flow]) -> dict[str, float]:
    """Return the shortest and the longest time until a loss was noticed, in seconds, where known."""
    known = [flow.verdict.detection_delay_ns for flow in flows]
    times = [ns / SECOND for ns in known if ns is not None]
    return {"soonest_s": min(times), "latest_s": max(times)} if times else {}


def is_left_open(known: Known) -> Iterator[Conclusion]:
    """Yield the services with open connections that were silent for long, and that nobody probes."""
    silent = [
        flow
        for flow in known.left
        if flow.verdict.outcome is Outcome.OPEN and not flow.probers and (flow.silent_ns or 0) >= IDLE_S * SECOND
    ]
    for service, members in by_service(silent):
        times = [flow.silent_ns or 0 for flow in members]
        numbers = {"shortest_s": min(times) / SECOND, "longest_s": max(times) / SECOND}
        yield concluded(ConclusionCode.OPEN_AND_SILENT, service, members, numbers)


def keepalive_works(known: Known) -> Iterator[Conclusion]:
    """Yield that all probes were answered, where some were sent."""
    probed = [flow for flow in known.left if flow.probers and flow.verdict.outcome in (Outcome.ALIVE, Outcome.CLOSED)]
    sound = [
        flow for flow in probed if all(flow.ends[end].answered == flow.ends[end].story.sent for end in flow.probers)
    ]
    if sound:
        sent = sum(flow.ends[end].story.sent for flow in sound for end in flow.probers)
        times = times_of(sound)
        numbers: dict[str, float] = {"probes": sent} | (
            {"earliest_s": min(times), "latest_s": max(times)} if times else {}
        )
        yield concluded(ConclusionCode.KEEPALIVE_WORKS, None, sound, numbers, confidence=Confidence.CERTAIN)


def nothing_is_idle(known: Known) -> Iterator[Conclusion]:
    """Yield that no connection was silent for long enough to matter."""
    if known.connections and known.longest_idle_ns < LONG_NS:
        numbers = (("longest_s", known.longest_idle_ns / SECOND), ("connections", known.connections))
        yield Conclusion(ConclusionCode.NOTHING_IDLE, (), None, (), Confidence.CERTAIN, numbers)


RULES: tuple[Rule, ...] = (
    goes_one_way,
    was_rebound,
    path_ends_idle,
    service_races,
    was_reused,
    pings_too_often,
    data_is_stuck,
    is_unreachable,
    was_restarted,
    fell_silent,
    heartbeat_stopped,
    beats_too_rarely,
    service_closes_idle,
    is_left_open,
    keepalive_works,
)
