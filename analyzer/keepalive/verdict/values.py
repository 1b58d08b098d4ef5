"""What a verdict can say: outcome, cause, confidence, reasons; and the context that it takes into account.

Values, and how columns hold them. `judge.py` makes verdicts; the words are in `report/words/sentences.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from analyzer.keepalive.verdict.os_errors import ERRNOS
from analyzer.schema import ABSENT


class Outcome(Enum):
    """How a connection ended, or how it is."""

    ALIVE = "alive"
    CLOSED = "closed"
    TIMED_OUT = "timed-out"
    UNREACHABLE = "unreachable"
    RESET = "reset"
    PROBING = "probing"
    UNDETECTED = "undetected"
    UNKNOWN = "unknown"


ALIVE, CLOSED, TIMED_OUT, UNREACHABLE, RESET, PROBING, UNDETECTED, UNKNOWN = range(8)
"""Places in `Outcome`, as kernels write them."""


class Cause(Enum):
    """Why a connection ended."""

    APPLICATION = "application"
    PEER_SILENT = "peer-silent"
    PATH_DROPPED = "path-dropped"
    LINK_DEAD = "link-dead"
    PATH_UNREACHABLE = "path-unreachable"
    PEER_LOST_STATE = "peer-lost-state"
    PATH_RESET = "path-reset"


APPLICATION, PEER_SILENT, PATH_DROPPED, LINK_DEAD, PATH_UNREACHABLE, PEER_LOST_STATE, PATH_RESET = range(7)
"""Places in `Cause`."""


class Confidence(Enum):
    """How sure a verdict is."""

    CERTAIN = "certain"
    LIKELY = "likely"
    GUESS = "guess"


CERTAIN, LIKELY, GUESS = range(3)
"""Places in `Confidence`."""


class Reason(Enum):
    """Why the verdict is what it is; `report/words/sentences.py` has a sentence for each."""

    GIVE_UP_RST = "give-up-rst"
    SILENT_AFTER_PROBES = "silent-after-probes"
    RUN_GOES_ON = "run-goes-on"
    SILENT_GIVE_UP = "silent-give-up"
    ICMP_DISCARDED = "icmp-discarded"
    NEIGHBOUR_SILENT = "neighbour-silent"
    ASKED_BY_TIMER = "asked-by-timer"
    PEER_HOST_ANSWERS = "peer-host-answers"
    PEER_PORTS_ANEW = "peer-ports-anew"
    PEER_ADDRESS_ANEW = "peer-address-anew"
    PEER_STILL_SENDS = "peer-still-sends"
    ANSWERS_UNHEARD = "answers-unheard"
    ACKS_UNHEARD = "acks-unheard"
    PEER_HOST_SILENT = "peer-host-silent"
    PEER_FLOWS_SILENT = "peer-flows-silent"
    NETWORK_SILENT = "network-silent"
    PEER_RECONNECTED = "peer-reconnected"
    PEER_CLOCK_RESTARTED = "peer-clock-restarted"
    PEER_LOST_OTHERS = "peer-lost-others"
    PEER_HAD_CLOSED = "peer-had-closed"
    RST_ANSWERS_PROBE = "rst-answers-probe"
    RST_WITHOUT_STATE = "rst-without-state"
    RST_LOOKS_FOREIGN = "rst-looks-foreign"
    RST_TOO_SOON = "rst-too-soon"
    RST_CAPTURED_ONCE = "rst-captured-once"
    RST_DIFFERS_IN_MORE = "rst-differs-in-more"
    RST_LOOKS_NATIVE = "rst-looks-native"
    RST_UNASKED = "rst-unasked"
    RST_UNDECIDED = "rst-undecided"
    RST_BY_APPLICATION = "rst-by-application"
    FIN_BOTH = "fin-both"
    DATA_UNANSWERED = "data-unanswered"
    DATA_GIVEN_UP = "data-given-up"
    ICMP_QUOTES_DATA = "icmp-quotes-data"
    WINDOW_STAYED_CLOSED = "window-stayed-closed"
    PROBES_ANSWERED = "probes-answered"
    PROBES_IGNORED = "probes-ignored"
    PROBES_CEASED = "probes-ceased"
    NO_PROBE_DUE = "no-probe-due"
    ONE_SIDED = "one-sided"
    NEVER_OPENED = "never-opened"
    ONLY_RESETS = "only-resets"


OUTCOMES, CAUSES, CONFIDENCES, REASONS = tuple(Outcome), tuple(Cause), tuple(Confidence), tuple(Reason)
(
    GIVE_UP_RST,
    SILENT_AFTER_PROBES,
    RUN_GOES_ON,
    SILENT_GIVE_UP,
    ICMP_DISCARDED,
    NEIGHBOUR_SILENT,
    ASKED_BY_TIMER,
    PEER_HOST_ANSWERS,
    PEER_PORTS_ANEW,
    PEER_ADDRESS_ANEW,
    PEER_STILL_SENDS,
    ANSWERS_UNHEARD,
    ACKS_UNHEARD,
    PEER_HOST_SILENT,
    PEER_FLOWS_SILENT,
    NETWORK_SILENT,
    PEER_RECONNECTED,
    PEER_CLOCK_RESTARTED,
    PEER_LOST_OTHERS,
    PEER_HAD_CLOSED,
    RST_ANSWERS_PROBE,
    RST_WITHOUT_STATE,
    RST_LOOKS_FOREIGN,
    RST_TOO_SOON,
    RST_CAPTURED_ONCE,
    RST_DIFFERS_IN_MORE,
    RST_LOOKS_NATIVE,
    RST_UNASKED,
    RST_UNDECIDED,
    RST_BY_APPLICATION,
    FIN_BOTH,
    DATA_UNANSWERED,
    DATA_GIVEN_UP,
    ICMP_QUOTES_DATA,
    WINDOW_STAYED_CLOSED,
    PROBES_ANSWERED,
    PROBES_IGNORED,
    PROBES_CEASED,
    NO_PROBE_DUE,
    ONE_SIDED,
    NEVER_OPENED,
    ONLY_RESETS,
) = range(42)
"""Places in `Reason`."""


def because(reason: int, others: int) -> int:
    """Return reasons packed as a column holds them: this one in the lowest eight bits, as its place plus one; 0 for
    none."""
    return reason + 1 | others << 8


def reasons_of(packed: int) -> Iterator[Reason]:
    """Yield the reasons that a column's number holds, the first one first."""
    while packed:
        yield REASONS[(packed & 0xFF) - 1]
        packed >>= 8


class FlowContext(NamedTuple):
    """What other traffic of the capture says about the end that fell silent (`context/neighbours.py`)."""

    silent_end: int | None
    answers_elsewhere: bool
    """Its address sent something in another flow meanwhile."""
    asked: tuple[tuple[int, int], ...]
    """Time in ns and frame of the unanswered ARP or neighbour solicitations for it."""
    is_only: bool = False
    """No other connection of the capture leads to its address."""
    silent_flows: int = 0
    """Other connections to its address in which it left the other end without an answer meanwhile."""
    is_network_silent: bool = False
    """Nobody in its network was heard meanwhile, and another address there left somebody without an answer, too."""
    restart: tuple[Reason, ...] = ()
    """Signs that an end of an idle connection has been started anew since."""
    restart_frames: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a connection ended, why, what its application saw, and what proves it."""

    outcome: Outcome
    cause: Cause | None
    prober: int | None
    errno: str | None
    epoll: int | None
    detection_delay_ns: int | None
    confidence: Confidence
    evidence_frames: tuple[int, ...]
    reasons: tuple[Reason, ...]


def verdict_of(verdicts: Any, proofs: Any, flow_row: int) -> Verdict:
    """Return row `flow_row` of VERDICTS as a value; `proofs` are the PROOFS that it refers to."""
    verdict = verdicts[flow_row]
    first = verdict.first_evidence
    return Verdict(
        outcome=OUTCOMES[verdict.outcome],
        cause=CAUSES[verdict.cause] if verdict.cause != ABSENT else None,
        prober=_known(verdict.prober),
        errno=ERRNOS[verdict.errno] if verdict.errno != ABSENT else None,
        epoll=_known(verdict.epoll),
        detection_delay_ns=_known(verdict.detection_delay_ns),
        confidence=CONFIDENCES[verdict.confidence],
        evidence_frames=tuple(proofs.frame[first : first + verdict.evidence]),
        reasons=tuple(reasons_of(verdict.reasons)),
    )


def _known(value: int) -> int | None:
    """Return the value, None where it is ABSENT."""
    return value if value != ABSENT else None
