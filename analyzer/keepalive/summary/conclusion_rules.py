"""What a colleague would say after reading the whole capture: at most a few conclusions, the most important first.

An ordered table of rules over what is known of connections, services and paths. Each rule takes the connections that no
rule before it has explained, and yields a conclusion with the connections that it explains; so nothing is said twice.
Codes and numbers only; the words are in `report/words/conclusion_sentences.py`.

What somebody expects (`--expect`) comes first, and explains nothing: why a connection ended is still asked.

  Rule                   Looks for
  ---------------------  ------------------------------------------------------------------------------------------
  settings_not_in_force  ends with other settings than are expected of them
  goes_one_way           the other end hears, or is heard, and still the connection breaks
  was_rebound            a NAT that gave a connection another port
  path_ends_idle         a path, or something in the other end's name, that forgets silent connections
  path_resets            something on the path that sends RST, and no idle limit explains it
  service_races          an idle limit of the service's application that costs requests
  was_reused             requests on connections that had been closed
  pings_too_often        the other end closes right after a heartbeat
  data_is_stuck          data sent again and again without an answer
  is_unreachable         ICMP errors that report it
  was_restarted          a host that no longer knows its connections
  fell_silent            a host that does not answer any more, or a path that drops
  heartbeat_stopped      a heartbeat that is missing, and nobody noticed
  beats_too_rarely       a heartbeat no more frequent than the limit that it should beat
  service_closes_idle    an idle limit that costs nothing so far
  is_left_open           open connections, silent for long, that nobody probes
  keepalive_works        probes that are all answered
  nothing_is_idle        no silence long enough to matter
"""

from collections import defaultdict
from collections.abc import Callable, Iterator

from analyzer.keepalive.failures import failure
from analyzer.keepalive.findings import Flow
from analyzer.keepalive.model.linux import SECOND
from analyzer.keepalive.story.values import LONG_NS
from analyzer.keepalive.summary.advice import IDLE_S
from analyzer.keepalive.summary.conclusions import (
    MOST_FRAMES,
    Conclusion,
    ConclusionCode,
    Known,
    by_service,
    concluded,
    delays,
    has_forgotten,
    hosts_lost,
    is_asked_once,
    is_too_early,
    limit_numbers,
    limits_by,
    limits_of,
    not_explained,
    of_client_limit,
    of_limit,
    reopened,
    silence_numbers,
    times_of,
    weight,
)
from analyzer.keepalive.summary.expectations import compared, confidence_of, numbers_of
from analyzer.keepalive.summary.outages import came_back
from analyzer.keepalive.summary.paths import ALL, PathLimit, network_of
from analyzer.keepalive.verdict.values import Cause, Confidence, How, Outcome, Reason
from analyzer.schema import ABSENT

SOON_NS = 100_000_000
"""A close so soon after a heartbeat answers it."""
PING_NS = 5_000_000_000
"""Messages that follow each other faster are work, and no heartbeat."""
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
    found: list[Conclusion] = sorted(settings_not_in_force(known), key=weight)
    too_early = {flow.id for flow in known.troubled if is_too_early(flow)}
    unexplained = {number: flow for number, flow in known.briefs.items() if number not in too_early}
    known = known._replace(unexplained=unexplained)
    for rule in RULES:
        for one in sorted(rule(known), key=weight):
            found.append(one)
            for flow in one.flows:
                unexplained.pop(flow, None)
    return tuple(found or nothing_is_idle(known))


def settings_not_in_force(known: Known) -> Iterator[Conclusion]:
    """Yield the expectations that some ends do not meet: on how many connections, and at which addresses."""
    ends = list(compared(known.expected, known.examined)) if known.expected else []
    for expectation in known.expected:
        concerned = [one for one in ends if expectation in one.expectations]
        unmet = [one for end in concerned for one in end.unmet if one.expectation is expectation]
        flows = list({one.flow.id: one.flow for one in unmet}.values())
        if not flows:
            continue
        numbers: dict[str, float] = {"of": len({one.flow.id for one in concerned})}
        hosts, services = {one.end.address for one in unmet}, {flow.service for flow in flows}
        if any(one.is_silence and expectation.address is None for one in unmet):
            hosts.clear()  # neither end probed, and one of both would do
        else:
            numbers["of_hosts"] = len({one.end.address for one in concerned})
        yield concluded(
            ConclusionCode.SETTINGS_NOT_IN_FORCE,
            services.pop() if len(services) == 1 else None,
            flows,
            numbers | numbers_of(unmet),
            frames=tuple(frame for one in unmet if one.setting is not None for frame in one.setting.frames),
            confidence=confidence_of(unmet),
            hosts=tuple(sorted(hosts)),
        )


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
        moves = len({flow.id if flow.continues is None else flow.continues for flow in members})
        limit = next((one for one in known.path_limits if one.path == service and not one.half_closed), None)
        numbers: dict[str, float] = {"moved": moves}
        if silences:
            numbers["failed_s"] = min(silences) / SECOND
        if limit is not None and limit.survived_ns is not None:
            numbers["survived_s"] = limit.survived_ns / SECOND
        numbers["safe_s"] = safe_s(limit.survived_ns if limit is not None else None, min(silences, default=LONG_NS))
        yield concluded(ConclusionCode.NAT_REBINDING, service, members, numbers)


def path_ends_idle(known: Known) -> Iterator[Conclusion]:
    """Yield the idle limits of paths, those of single services rather than of networks.

    What one connection shows is left out if others to the service fell silent otherwise: whatever they met explains it.
    """
    left = {flow.id: flow for flow in known.left}
    for limit in known.path_limits:
        lost = [left[flow] for flow in limit.failed_flows if flow in left]
        if limit.failed_ns is None or not lost or limit.path == ALL or "/" in limit.path:
            continue
        if limit.failed == 1 and limit.on_expiry == "silent" and any(map(is_dead, others(limit, known))):
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
            matches=tuple(box.name for box in limit.matches),
            limit=next((one for one in limits_of(known, limit.path) if one.by in ("path", "unknown")), None),
        )


def others(limit: PathLimit, known: Known) -> Iterator[Flow]:
    """Yield the connections over a path that its limit did not break."""
    return (flow for flow in known.troubled if flow.service == limit.path and flow.id not in limit.failed_flows)


def is_dead(flow: Flow) -> bool:
    """Tell whether one end of a connection was not heard any more."""
    return flow.verdict.outcome in DEAD


def path_resets(known: Known) -> Iterator[Conclusion]:
    """Yield the services with connections that something on the path reset, whether they were idle or not."""
    reset = [flow for flow in known.left if flow.verdict.cause is Cause.PATH_RESET]
    for service, members in by_service(reset):
        yield concluded(ConclusionCode.PATH_RESETS, service, members)


def path_numbers(limit: PathLimit, known: Known) -> dict[str, float]:
    """Return the numbers around a path's limit: the bracket, who died of it, when their first probe comes, what is
    safe."""
    assert limit.failed_ns is not None
    numbers: dict[str, float] = {"failed_s": limit.failed_ns / SECOND, "died": limit.failed}
    if limit.survived_ns is not None:
        numbers["survived_s"] = limit.survived_ns / SECOND
    members = [flow for flow in known.briefs.values() if flow.service == limit.path]
    numbers["of"] = next((one.flows for one in known.services if one.service == limit.path), len(members))
    if known.is_sampled:
        numbers |= {"of": len(members), "examined": 1}
    numbers["safe_s"] = safe_s(limit.survived_ns, limit.failed_ns)
    died = [flow for flow in members if flow.id in limit.failed_flows]
    numbers["reset"] = sum(flow.trouble.way == "rst" for flow in died)
    return numbers | (times_of(died) if all(flow.probers for flow in died) else {})


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
        yield concluded(ConclusionCode.REUSED_AFTER_CLOSE, service, members, frames=frames[:MOST_FRAMES])


def lost_to_service(flow: Flow) -> bool:
    """Tell whether the service closed a connection that was idle for once, and a request was lost to that: in one that
    never was, the service had enough of what was being sent."""
    ended = flow.ending
    return ended is not None and ended.by == flow.service_end and ended.lost > 0 and flow.max_idle_ns >= SECOND


def lost_frames(flow: Flow) -> tuple[int, ...]:
    """Return the frames whose data was lost to a close."""
    return (*flow.ending.crossed_frames, *flow.ending.reused_frames) if flow.ending is not None else ()


def pings_too_often(known: Known) -> Iterator[Conclusion]:
    """Yield the services that close connections right after a heartbeat."""
    answered: dict[int, tuple[Flow, float]] = {}
    for flow in known.left:
        for index in flow.beating:
            beat, ended = flow.ends[index].story.heartbeat, flow.ending
            if beat is None or beat.period_ns < PING_NS or ended is None or ended.at_ns is None:
                continue
            if ended.how in (How.FIN, How.RST) and ended.by == 1 - index and 0 <= ended.at_ns - beat.last_ns <= SOON_NS:
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
    """Yield the services with a connection whose heartbeat is missing, and that is open as far as both ends show."""
    stopped: dict[int, tuple[Flow, int]] = {}
    for flow in (flow for flow in known.left if flow.verdict.outcome is not Outcome.UNKNOWN):
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
                for flow in known.left
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
    """Yield the idle limits of applications that have cost nothing so far; a client's for all services is one."""
    for client in known.client_limits:
        if not_explained(client.limit, known):
            yield of_client_limit(client, known)
    for side in ("responder", "originator"):
        for service, limit in limits_by(known, side):
            if not limit.lost:
                yield of_limit(ConclusionCode.SERVICE_CLOSES_IDLE, service, limit, known)


# ---- what became of hosts


def data_is_stuck(known: Known) -> Iterator[Conclusion]:
    """Yield the services to or from which data goes unacknowledged."""
    undetected = [flow for flow in known.left if flow.verdict.outcome is Outcome.UNDETECTED]
    stuck = [(flow, data) for flow in undetected for data in [flow.story.unanswered_data] if data and data.octets]
    data_of = {flow.id: data for flow, data in stuck}
    for service, members in by_service([flow for flow, _ in stuck]):
        data = [data_of[flow.id] for flow in members]
        since_ns = [flow.story.capture_end_ns - data_of[flow.id].since_ns for flow in members]
        numbers = {
            "longest_s": max(since_ns) / SECOND,
            "gives_up_s": max(one.gives_up_ns[1] for one in data) / SECOND,
            "resends": max(one.resends for one in data),
        }
        yield concluded(ConclusionCode.DATA_UNACKNOWLEDGED, service, members, numbers)


def is_unreachable(known: Known) -> Iterator[Conclusion]:
    """Yield the services that ICMP errors report as unreachable, or whose clients."""
    for service, members in by_service([flow for flow in known.left if flow.verdict.outcome is Outcome.UNREACHABLE]):
        yield concluded(ConclusionCode.PEER_UNREACHABLE, service, members, delays(members), hosts=hosts_lost(members))


def was_restarted(known: Known) -> Iterator[Conclusion]:
    """Yield the services with connections that the host of one end no longer knows."""
    lost = [
        flow
        for flow in known.left
        if (flow.verdict.outcome is Outcome.RESET and has_forgotten(flow))
        or (flow.verdict.outcome in DEAD and not RESTARTED.isdisjoint(flow.verdict.reasons))
    ]
    for service, members in by_service(lost):
        idle = [broken.ns for flow in members for broken in [failure(flow)] if broken is not None]
        numbers: dict[str, float] = {"idle_s": max(idle) / SECOND} if idle else {}
        is_late = all(flow.story.reset is not None and flow.story.reset.own_ns == ABSENT for flow in members)
        yield concluded(
            ConclusionCode.PEER_RESTARTED,
            service,
            members,
            numbers | ({"unheard": 1} if is_late else {}),
            confidence=Confidence.GUESS if is_late else None,
            hosts=hosts_lost(members),
        )


def fell_silent(known: Known) -> Iterator[Conclusion]:
    """Yield the networks and services with connections on which one end was not heard any more."""
    dead = [flow for flow in known.left if is_dead(flow) and Reason.WINDOW_STAYED_CLOSED not in flow.verdict.reasons]
    networks: dict[str, list[Flow]] = defaultdict(list)
    for flow in dead:
        if Reason.NETWORK_SILENT in flow.verdict.reasons:
            networks[network_of(flow.service)].append(flow)
    for network, members in networks.items():
        yield concluded(ConclusionCode.PATH_DROPS, None, members, silence_numbers(members), hosts=(network,))
    alone = [flow for flow in dead if Reason.NETWORK_SILENT not in flow.verdict.reasons]
    for code, is_path in ((ConclusionCode.PATH_DROPS, True), (ConclusionCode.PEER_SILENT, False)):
        for service, members in by_service(
            [flow for flow in alone if (flow.verdict.cause is Cause.PATH_DROPPED) == is_path]
        ):
            is_doubtful = all(map(is_asked_once, members))
            yield concluded(
                code,
                service,
                members,
                silence_numbers(members)
                | came_back(members, known.troubled, hosts_lost(members))
                | ({"asked": 1} if is_doubtful else {})
                | ({"heard": 1} if all(Reason.PEER_HOST_ANSWERS in flow.verdict.reasons for flow in members) else {}),
                confidence=Confidence.GUESS if is_doubtful else None,
                hosts=hosts_lost(members),
            )


def is_left_open(known: Known) -> Iterator[Conclusion]:
    """Yield the services with open connections that were silent for long, and that nobody probes."""
    silent = [
        flow
        for flow in known.unexplained.values()
        if flow.outcome is Outcome.OPEN and not flow.probers and (flow.silent_ns or 0) >= IDLE_S * SECOND
    ]
    for service, members in by_service(silent):
        times = [flow.silent_ns or 0 for flow in members]
        numbers = {"shortest_s": min(times) / SECOND, "longest_s": max(times) / SECOND}
        numbers |= reopened(members, known.briefs.values())
        yield concluded(ConclusionCode.OPEN_AND_SILENT, service, members, numbers)


def keepalive_works(known: Known) -> Iterator[Conclusion]:
    """Yield that all probes were answered, where some were sent."""
    went_well = (Outcome.ALIVE, Outcome.CLOSED)
    sound = [
        flow for flow in known.unexplained.values() if flow.probers and flow.outcome in went_well and flow.is_answered
    ]
    if sound:
        sent = sum(prober.sent for flow in sound for prober in flow.probers)
        numbers = {"probes": sent} | times_of(sound)
        yield concluded(ConclusionCode.KEEPALIVE_WORKS, None, sound, numbers, confidence=Confidence.CERTAIN)


def nothing_is_idle(known: Known) -> Iterator[Conclusion]:
    """Yield that no connection was silent for long enough to matter, up to the capture's end where it is open."""
    if known.connections and known.longest_idle_ns < LONG_NS:
        numbers = (("longest_s", known.longest_idle_ns / SECOND), ("connections", known.connections))
        yield Conclusion(ConclusionCode.NOTHING_IDLE, (), None, (), Confidence.CERTAIN, numbers)


RULES: tuple[Rule, ...] = (
    goes_one_way,
    was_rebound,
    path_ends_idle,
    path_resets,
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
