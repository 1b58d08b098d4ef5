"""What a verdict can say: outcome, cause, confidence, reasons; and the context that it takes into account.

Values, and how columns hold them. `judge.py` makes verdicts; the words are in `report/words/sentences.py`.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from analyzer.keepalive.verdict.os_errors import ERRNOS
from analyzer.schema import ABSENT


class Outcome(StrEnum):
    """How a connection ended, or how it is."""

    ALIVE = "alive"
    OPEN = "open"
    """Silent for longer than its own rhythm, and nobody probes: nobody knows."""
    CLOSED = "closed"
    TIMED_OUT = "timed-out"
    UNREACHABLE = "unreachable"
    RESET = "reset"
    PROBING = "probing"
    UNDETECTED = "undetected"
    UNKNOWN = "unknown"


ALIVE, OPEN, CLOSED, TIMED_OUT, UNREACHABLE, RESET, PROBING, UNDETECTED, UNKNOWN = range(9)
"""Places in `Outcome`, as kernels write them."""


class Cause(StrEnum):
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


class Confidence(StrEnum):
    """How sure a verdict is."""

    CERTAIN = "certain"
    LIKELY = "likely"
    GUESS = "guess"


CERTAIN, LIKELY, GUESS = range(3)
"""Places in `Confidence`."""


class Reason(StrEnum):
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
    REBOUND = "rebound"
    GOES_ON_ELSEWHERE = "goes-on-elsewhere"
    ASKS_FOR_ANOTHER = "asks-for-another"
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
    RST_UNEXPLAINED = "rst-unexplained"
    RST_AMID_PROBES = "rst-amid-probes"
    RST_BY_APPLICATION = "rst-by-application"
    RST_AFTER_CLOSE = "rst-after-close"
    FIN_BOTH = "fin-both"
    DATA_UNANSWERED = "data-unanswered"
    DATA_GIVEN_UP = "data-given-up"
    ICMP_QUOTES_DATA = "icmp-quotes-data"
    WINDOW_STAYED_CLOSED = "window-stayed-closed"
    PROBES_ANSWERED = "probes-answered"
    PROBES_IGNORED = "probes-ignored"
    ANSWERS_MISSING = "answers-missing"
    ONE_UNANSWERED = "one-unanswered"
    TOO_MUCH_MISSING = "too-much-missing"
    PROBES_HASTEN = "probes-hasten"
    PROBES_CEASED = "probes-ceased"
    NO_PROBE_DUE = "no-probe-due"
    SILENT_FOR_LONG = "silent-for-long"
    ONE_SIDED = "one-sided"
    NEVER_OPENED = "never-opened"
    ONLY_RESETS = "only-resets"


class How(StrEnum):
    """How a connection was ended."""

    FIN = "fin"
    RST = "rst"
    GIVE_UP = "give-up"
    """A timer's, with a RST or in silence."""
    SILENCE = "silence"
    """By nobody: it hangs."""


BY_FIN, BY_RST, BY_GIVE_UP, BY_SILENCE = range(4)
"""Places in `How`."""
BY_PATH = 2
"""In place of an end's number: something on the path ended it."""

OUTCOMES, CAUSES, CONFIDENCES, REASONS = tuple(Outcome), tuple(Cause), tuple(Confidence), tuple(Reason)
HOWS = tuple(How)
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
    REBOUND,
    GOES_ON_ELSEWHERE,
    ASKS_FOR_ANOTHER,
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
    RST_UNEXPLAINED,
    RST_AMID_PROBES,
    RST_BY_APPLICATION,
    RST_AFTER_CLOSE,
    FIN_BOTH,
    DATA_UNANSWERED,
    DATA_GIVEN_UP,
    ICMP_QUOTES_DATA,
    WINDOW_STAYED_CLOSED,
    PROBES_ANSWERED,
    PROBES_IGNORED,
    ANSWERS_MISSING,
    ONE_UNANSWERED,
    TOO_MUCH_MISSING,
    PROBES_HASTEN,
    PROBES_CEASED,
    NO_PROBE_DUE,
    SILENT_FOR_LONG,
    ONE_SIDED,
    NEVER_OPENED,
    ONLY_RESETS,
) = range(53)
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


def has_reason(packed: int, reason: int) -> bool:
    """Tell whether a column's number holds this reason."""
    while packed:
        if packed & 0xFF == reason + 1:
            return True
        packed >>= 8
    return False


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


class Verdict(NamedTuple):
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


class Ending(NamedTuple):
    """Who ended a connection, how, when, after how long, and what it cost; times in ns, None where not known."""

    how: How
    by: int | None
    """The end, BY_PATH, or None where nobody knows, or nobody did."""
    frame: int
    """The closing segment's; 0 where there is none."""
    at_ns: int | None
    data_ns: int | None
    """Since new data last moved, in either direction."""
    peer_data_ns: int | None
    """Since new data of the end that did not close."""
    no_heartbeat_ns: int | None
    """Since data that is neither a heartbeat nor an answer to one."""
    crossed_frames: tuple[int, ...]
    """Data that was sent before the FIN arrived, and lost."""
    reused_frames: tuple[int, ...]
    """Data that was sent on a connection that was gone, and lost."""

    @property
    def lost(self) -> int:
        """Return how many segments of data were lost to it."""
        return len(self.crossed_frames) + len(self.reused_frames)


def ending_of(endings: Any, proofs: Any, flow_row: int) -> Ending | None:
    """Return row `flow_row` of ENDINGS as a value, None while the connection goes on; `proofs` as in `verdict_of`."""
    if endings.how[flow_row] == ABSENT:
        return None
    first, crossed = endings.first_lost[flow_row], endings.crossed[flow_row]
    frames = tuple(proofs.frame[first : first + crossed + endings.reused[flow_row]])
    return Ending(
        how=HOWS[endings.how[flow_row]],
        by=_known(endings.by[flow_row]),
        frame=endings.frame[flow_row],
        at_ns=_known(endings.at_ns[flow_row]),
        data_ns=_known(endings.data_ns[flow_row]),
        peer_data_ns=_known(endings.peer_data_ns[flow_row]),
        no_heartbeat_ns=_known(endings.no_heartbeat_ns[flow_row]),
        crossed_frames=frames[:crossed],
        reused_frames=frames[crossed:],
    )


def verdict_of(verdicts: Any, proofs: Any, flow_row: int) -> Verdict:
    """Return row `flow_row` of VERDICTS as a value; `proofs` are the PROOFS that it refers to."""
    v, first = verdicts, verdicts.first_evidence[flow_row]
    cause, errno = v.cause[flow_row], v.errno[flow_row]
    return Verdict(
        outcome=OUTCOMES[v.outcome[flow_row]],
        cause=CAUSES[cause] if cause != ABSENT else None,
        prober=_known(v.prober[flow_row]),
        errno=ERRNOS[errno] if errno != ABSENT else None,
        epoll=_known(v.epoll[flow_row]),
        detection_delay_ns=_known(v.detection_delay_ns[flow_row]),
        confidence=CONFIDENCES[v.confidence[flow_row]],
        evidence_frames=tuple(proofs.frame[first : first + v.evidence[flow_row]]),
        reasons=tuple(reasons_of(v.reasons[flow_row])),
    )


def _known(value: int) -> int | None:
    """Return the value, None where it is ABSENT."""
    return value if value != ABSENT else None
