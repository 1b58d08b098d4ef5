"""Conclusions: what a capture says in a few sentences, as codes, numbers, and the connections that say so.

Values, and how they are made of connections. Which are drawn, in which order, is in `conclusion_rules.py`; the words
are in `report/words/conclusion_sentences.py`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from analyzer.keepalive.findings import Flow
from analyzer.keepalive.summary.advice import Advice, AdviceCode
from analyzer.keepalive.summary.paths import PathLimit, path_of
from analyzer.keepalive.summary.services import IdleLimit, ServiceLimits
from analyzer.keepalive.verdict.values import Confidence

MOST_SHOWN = 3
"""More than that nobody reads at once."""
MOST_FRAMES = 12
"""Most frames that a conclusion names."""


class ConclusionCode(Enum):
    """What is concluded; a contract."""

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
    names: tuple[str, ...] = ()
    """Known programs or boxes that fit, or hosts that are concerned."""
    limit: IdleLimit | None = None

    @property
    def known(self) -> dict[str, float]:
        """Return its numbers by name."""
        return dict(self.numbers)


class Known(NamedTuple):
    """What conclusions are drawn from."""

    flows: Sequence[Flow]
    """Those that findings are based on."""
    left: Sequence[Flow]
    """Those of them that no conclusion has explained so far."""
    services: Sequence[ServiceLimits]
    path_limits: Sequence[PathLimit]
    connections: int
    """Number of all connections, whether findings use them or not."""
    longest_idle_ns: int
    """Longest time between two segments of any of them."""


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


def unsaid(advice: Iterable[Advice], conclusions: Iterable[Conclusion]) -> list[Advice]:
    """Return the advice that none of the conclusions gives."""
    said = {one.code for one in conclusions}
    return [one for one in advice if said.isdisjoint(SAYS.get(one.code, ()))]


def by_service(flows: Iterable[Flow]) -> list[tuple[str, list[Flow]]]:
    """Group connections by the service that they lead to, those with most connections first."""
    groups: dict[str, list[Flow]] = defaultdict(list)
    for flow in flows:
        groups[path_of(flow)].append(flow)
    return sorted(groups.items(), key=lambda one: -len(one[1]))


def concluded(
    code: ConclusionCode,
    service: str | None,
    flows: Sequence[Flow],
    numbers: "dict[str, float] | None" = None,
    *,
    frames: tuple[int, ...] = (),
    confidence: Confidence | None = None,
    names: tuple[str, ...] = (),
    limit: IdleLimit | None = None,
) -> Conclusion:
    """Return a conclusion from these connections: no surer than the least sure of their verdicts, unless told."""
    order = tuple(Confidence)
    least = max((flow.verdict.confidence for flow in flows), key=order.index, default=Confidence.GUESS)
    evidence = frames or tuple(frame for flow in flows for frame in flow.verdict.evidence_frames)
    return Conclusion(
        code,
        tuple(sorted(flow.id for flow in flows)),
        service,
        tuple(sorted(set(evidence)))[:MOST_FRAMES],
        confidence or least,
        tuple((numbers or {}).items()),
        names,
        limit,
    )
