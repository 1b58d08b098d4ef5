"""Conclusions: what a capture says in a few sentences, as codes, numbers, and the connections that say so.

Values, and how they are made of connections. Which are drawn, in which order, is in `conclusion_rules.py`; the words
are in `report/words/conclusion_sentences.py`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeVar

from analyzer.keepalive.brief import Brief
from analyzer.keepalive.failures import fatal_silence_ns
from analyzer.keepalive.findings import Flow
from analyzer.keepalive.model.linux import SECOND
from analyzer.keepalive.summary.advice import Advice, AdviceCode
from analyzer.keepalive.summary.expectations import Expectation
from analyzer.keepalive.summary.paths import PathLimit
from analyzer.keepalive.summary.services import ClientLimit, IdleLimit, ServiceLimits
from analyzer.keepalive.verdict.values import CONFIDENCES, Cause, Confidence, How, Outcome, Reason

MOST_SHOWN = 3
"""More than that nobody reads at once."""
MOST_FRAMES = 12
"""Most frames that a conclusion names."""
SEVERAL = 2
"""So many window probes in a row were hardly lost."""
STUCK_NS = 5_000_000_000
"""What nobody has acknowledged for less may have been lost, and arrives when it is sent again."""


Concerned = TypeVar("Concerned", Flow, Brief)


class ConclusionCode(StrEnum):
    """What is concluded; a contract."""

    SETTINGS_NOT_IN_FORCE = "settings-not-in-force"
    ONE_WAY_PATH = "one-way-path"
    NAT_REBINDING = "nat-rebinding"
    PATH_FORGETS = "path-forgets"
    PATH_RESETS = "path-resets"
    HALF_CLOSED_FORGOTTEN = "half-closed-forgotten"
    KEEPALIVE_RACE = "keepalive-race"
    REUSED_AFTER_CLOSE = "reused-after-close"
    HEARTBEAT_TOO_OFTEN = "heartbeat-too-often"
    DATA_UNACKNOWLEDGED = "data-unacknowledged"
    PEER_UNREACHABLE = "peer-unreachable"
    PEER_RESTARTED = "peer-restarted"
    PATH_DROPS = "path-drops"
    PEER_SILENT = "peer-silent"
    HEARTBEAT_STOPPED = "heartbeat-stopped"
    HEARTBEAT_TOO_RARE = "heartbeat-too-rare"
    SERVICE_CLOSES_IDLE = "service-closes-idle"
    OPEN_AND_SILENT = "open-and-silent"
    KEEPALIVE_WORKS = "keepalive-works"
    NOTHING_IDLE = "nothing-idle"


class Conclusion(NamedTuple):
    """One thing that a capture says, and the connections that say so."""

    code: ConclusionCode
    flows: tuple[int, ...]
    service: str | None
    frames: tuple[int, ...]
    confidence: Confidence
    numbers: tuple[tuple[str, float], ...] = ()
    """Numbers for its sentences, by name: seconds and counts."""
    matches: tuple[str, ...] = ()
    """Known programs or boxes that fit."""
    hosts: tuple[str, ...] = ()
    """Addresses that are concerned, or a network."""
    limit: IdleLimit | None = None

    @property
    def known(self) -> dict[str, float]:
        """Return its numbers by name."""
        return dict(self.numbers)


class Known(NamedTuple):
    """What conclusions are drawn from."""

    briefs: Mapping[int, Brief]
    """The connections that findings are based on, by number."""
    troubled: Sequence[Flow]
    """Those of them that something happened to, in full."""
    services: Sequence[ServiceLimits]
    path_limits: Sequence[PathLimit]
    connections: int
    """Number of all connections, whether findings use them or not."""
    longest_idle_ns: int
    """Longest time without a segment of any of them, of open ones also up to the capture's end."""
    is_sampled: bool = False
    """There are more connections like these, which are an even choice of them."""
    client_limits: Sequence[ClientLimit] = ()
    expected: Sequence[Expectation] = ()
    """The settings that somebody says should be in force."""
    examined: Sequence[Flow] = ()
    """The connections that may not have these."""
    unexplained: Mapping[int, Brief] = {}
    """Those of `briefs` that no conclusion has explained so far."""

    @property
    def left(self) -> Sequence[Flow]:
        """Return those that something happened to, and that no conclusion has explained so far."""
        return [flow for flow in self.troubled if flow.id in self.unexplained]


SAYS = {
    AdviceCode.TIME_EXCEEDS_PATH_LIMIT: {
        ConclusionCode.PATH_FORGETS,
        ConclusionCode.PATH_RESETS,
        ConclusionCode.NAT_REBINDING,
    },
    AdviceCode.KEEPALIVE_OFF: {
        ConclusionCode.PATH_FORGETS,
        ConclusionCode.PATH_RESETS,
        ConclusionCode.NAT_REBINDING,
        ConclusionCode.PEER_SILENT,
        ConclusionCode.PEER_RESTARTED,
        ConclusionCode.OPEN_AND_SILENT,
        ConclusionCode.HEARTBEAT_STOPPED,
        ConclusionCode.SERVICE_CLOSES_IDLE,
        ConclusionCode.KEEPALIVE_RACE,
    },
    AdviceCode.DATA_UNACKNOWLEDGED: {ConclusionCode.DATA_UNACKNOWLEDGED},
}
"""The conclusions whose fix says what an advice would say again."""


def unsaid(advice: Iterable[Advice], conclusions: Sequence[Conclusion]) -> list[Advice]:
    """Return the advice that none of the conclusions gives to any of the same connections."""
    return [one for one in advice if not any(says(conclusion, one) for conclusion in conclusions)]


def says(conclusion: Conclusion, advice: Advice) -> bool:
    """Tell whether the fix of a conclusion says what an advice would say again."""
    return conclusion.code in SAYS.get(advice.code, ()) and not set(advice.flows).isdisjoint(conclusion.flows)


def named(conclusions: Iterable[Conclusion]) -> list[int]:
    """Return an example for each conclusion: its first connection."""
    return [one.flows[0] for one in conclusions if one.flows]


def by_service(flows: Iterable[Concerned]) -> Sequence[tuple[str | None, list[Concerned]]]:
    """Group connections by the service that they lead to, those with most connections first; many services are one
    group without a name."""
    groups: dict[str, list[Concerned]] = defaultdict(list)
    for flow in flows:
        groups[flow.service].append(flow)
    if len(groups) > MOST_SHOWN:
        return [(None, [flow for members in groups.values() for flow in members])]
    return sorted(groups.items(), key=lambda one: -len(one[1]))


def concluded(
    code: ConclusionCode,
    service: str | None,
    flows: Sequence[Flow | Brief],
    numbers: "dict[str, float] | None" = None,
    *,
    frames: tuple[int, ...] = (),
    confidence: Confidence | None = None,
    matches: tuple[str, ...] = (),
    hosts: tuple[str, ...] = (),
    limit: IdleLimit | None = None,
) -> Conclusion:
    """Return a conclusion from these connections: no surer than the least sure of their verdicts, unless told."""
    least = max((flow.confidence for flow in flows), key=CONFIDENCES.index, default=Confidence.GUESS)
    evidence = frames or tuple(frame for flow in flows for frame in flow.evidence_frames)
    services = {"services": len({flow.service for flow in flows})} if service is None else {}
    return Conclusion(
        code,
        tuple(sorted(flow.id for flow in flows)),
        service,
        tuple(sorted(set(evidence)))[:MOST_FRAMES],
        confidence or least,
        tuple(((numbers or {}) | services).items()),
        matches,
        hosts,
        limit,
    )


def times_of(flows: Iterable[Brief]) -> dict[str, float]:
    """Return the range of the idle times before the first probe that their probing ends have, where known."""
    times = [prober.settings.tcp_keepalive_time for flow in flows for prober in flow.probers]
    known = [time for time in times if time is not None]
    lows = [time.value if time.value is not None else time.low for time in known]
    highs = [time.value if time.value is not None else time.high for time in known]
    found = [high for high in highs if high is not None]
    return {"earliest_s": min(lows), "latest_s": max(found)} if lows and len(found) == len(lows) else {}


def limit_numbers(limit: IdleLimit) -> dict[str, float]:
    """Return the numbers of an idle limit."""
    numbers: dict[str, float] = {"closed": limit.closed, "lost": limit.lost}
    for name, ns in (("value_s", limit.value_ns), ("high_s", limit.high_ns), ("survived_s", limit.survived_ns)):
        if ns is not None:
            numbers[name] = ns / SECOND
    return numbers


def limits_by(known: Known, side: str) -> Iterator[tuple[ServiceLimits, IdleLimit]]:
    """Yield the idle limits of one side's applications that ended connections which nothing else has explained, those
    apart that are a client's for all services."""
    shared = {flow for one in known.client_limits for flow in one.limit.flows}
    return (
        (one, limit)
        for one in known.services
        for limit in one.idle_limits
        if limit.by == side and not_explained(limit, known) and not shared.issuperset(limit.flows)
    )


def not_explained(limit: IdleLimit, known: Known) -> tuple[int, ...]:
    """Return the connections that a limit ended and nothing else has explained, whether findings use them or not."""
    return tuple(flow for flow in limit.flows if flow in known.unexplained or flow not in known.briefs)


def limits_of(known: Known, service: str) -> tuple[IdleLimit, ...]:
    """Return the idle limits that concern a service."""
    return next((one.idle_limits for one in known.services if one.service == service), ())


def of_limit(code: ConclusionCode, service: ServiceLimits, limit: IdleLimit, known: Known) -> Conclusion:
    """Return what an idle limit of an application comes to."""
    hit = {"hit": limit.hit} if limit.hit else {}
    return Conclusion(
        code,
        not_explained(limit, known),
        service.service,
        limit.frames[:MOST_FRAMES],
        limit.confidence,
        tuple((limit_numbers(limit) | {"of": service.flows} | hit).items()),
        limit.matches,
        limit=limit,
    )


def of_client_limit(client: ClientLimit, known: Known) -> Conclusion:
    """Return what a client's idle limit for all services comes to."""
    limit = client.limit
    return Conclusion(
        ConclusionCode.SERVICE_CLOSES_IDLE,
        not_explained(limit, known),
        None,
        limit.frames[:MOST_FRAMES],
        limit.confidence,
        tuple((limit_numbers(limit) | {"services": client.services}).items()),
        limit.matches,
        (client.address,),
        limit,
    )


def silence_numbers(flows: Sequence[Flow]) -> dict[str, float]:
    """Return when it was noticed that one end is not heard, on how many connections nobody has, or asks, and whether
    the path may have forgotten them."""
    outcomes = [flow.verdict.outcome for flow in flows]
    silences = [ns for flow in flows for ns in [fatal_silence_ns(flow)] if ns is not None]
    numbers = delays(flows) | {
        "unnoticed": outcomes.count(Outcome.UNDETECTED),
        "probing": outcomes.count(Outcome.PROBING),
    }
    return numbers | ({"idle_s": min(silences) / SECOND} if len(silences) == len(flows) else {})


def hosts_lost(flows: Iterable[Flow]) -> tuple[str, ...]:
    """Return the addresses of the ends that were not heard any more, or had forgotten, where that is known."""
    lost = [(flow, lost_end(flow)) for flow in flows]
    return tuple(sorted({flow.ends[end].address for flow, end in lost if end is not None}))


def is_too_early(flow: Flow) -> bool:
    """Tell whether all that goes unanswered was sent so shortly before the capture's end that an answer may still
    come."""
    if flow.verdict.outcome is not Outcome.UNDETECTED:
        return False
    data = flow.story.unanswered_data
    if data is None:
        return False
    return flow.story.capture_end_ns - data.since_ns < STUCK_NS if data.octets else data.resends < SEVERAL


def lost_end(flow: Flow) -> int | None:
    """Return the end that was not heard any more, or that no longer knew the connection."""
    story = flow.story
    if flow.verdict.outcome is Outcome.RESET:
        return story.reset.end if story.reset is not None else None
    waiting = [one.end for one in (story.run, story.unanswered_data) if one is not None]
    if not waiting and flow.ending is not None and flow.ending.how is How.GIVE_UP and flow.ending.by in (0, 1):
        waiting = [flow.ending.by]
    return 1 - waiting[0] if waiting else None


def reopened(silent: Sequence[Brief], flows: Iterable[Brief]) -> dict[str, float]:
    """Return on how many silent connections the client has opened another one to the service since."""
    latest: dict[tuple[str, str], int] = {}
    for flow in flows:
        client = flow.client, flow.service
        latest[client] = max(flow.start_ns, latest.get(client, 0))
    count = sum(latest[flow.client, flow.service] > flow.last_ns for flow in silent)
    return {"reopened": count} if count else {}


def delays(flows: Iterable[Flow]) -> dict[str, float]:
    """Return the shortest and the longest time until a loss was noticed, in seconds, where known."""
    known = [flow.verdict.detection_delay_ns for flow in flows]
    times = [ns / SECOND for ns in known if ns is not None]
    return {"soonest_s": min(times), "latest_s": max(times)} if times else {}


def weight(one: Conclusion) -> tuple[int, int]:
    """Order what one rule concludes: the surest first, and then what concerns most connections."""
    return CONFIDENCES.index(one.confidence), -len(one.flows)


def has_forgotten(flow: Flow) -> bool:
    """Tell whether a RST says that its end does not know the connection: one that nothing asked for may be an
    application's."""
    verdict = flow.verdict
    is_stateless = verdict.cause is None and Reason.RST_WITHOUT_STATE in verdict.reasons
    return verdict.cause is Cause.PEER_LOST_STATE or is_stateless


def is_asked_once(flow: Flow) -> bool:
    """Tell whether all that shows it is one probe without an answer so far, which may as well have been lost."""
    return flow.verdict.outcome is Outcome.PROBING and flow.story.run is not None and len(flow.story.run.frames) == 1
