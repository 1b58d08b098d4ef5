"""The values of a flow's story: probes with their answers, gaps, heartbeats, the last run, the reset.

`story.py` makes them from tagged segments, settings/ turns gaps into bounds, verdict/ judges the story. The ledger of
one end's probes says which missing answers mean a loss, not what a loss means for the connection.
"""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from analyzer.schema import ABSENT


class GapKind(StrEnum):
    """How the gap ended, and so which clock of the prober it measures."""

    FIRST = "first"
    """A probe after traffic. Measures tcp_keepalive_time from `heard_ns`."""
    CYCLE = "cycle"
    """A probe after an answered probe, nothing heard in between but the answer. Measures max(time counted from
    the answer, intvl counted from the probe)."""
    SPACING = "spacing"
    """A probe after an unanswered probe, nothing heard since. Measures tcp_keepalive_intvl from `probe_ns`."""
    GIVE_UP = "give-up"
    """The RST one interval after the last unanswered probe. Measures tcp_keepalive_intvl from `probe_ns`, and the
    count."""
    SURVIVED = "survived"
    """Traffic, or the capture's end, and no probe until then. Right-censored: bounds tcp_keepalive_time from
    below. `any_ns` is -1 if the capture's end ended it."""
    PENDING = "pending"
    """The capture's end after an unanswered probe. Right-censored: bounds tcp_keepalive_intvl from below."""


FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = range(6)
"""Places in `GapKind`, as kernels write them."""
IDLE_KINDS = (GapKind.FIRST, GapKind.CYCLE)
"""Gaps that a timer of the idle time may have ended."""


class Echo(StrEnum):
    """What the timestamp echo of a probe says its sender had heard before it (RFC 7323 §4.3)."""

    UNTOLD = "untold"
    """Nothing is known."""
    AGREES = "agrees"
    """The last that was captured of the other end, and nothing since."""
    UNHEARD = "unheard"
    """Not the answer that was captured."""
    UNSEEN = "unseen"
    """Something later, which was not captured."""


UNTOLD, AGREES, UNHEARD, UNSEEN = range(4)
"""Places in `Echo`, as kernels write them."""


class Gap(NamedTuple):
    """One observation at one end; durations in ns as captured, -1 where not known."""

    kind: GapKind
    frame: int
    """The frame that ended the gap; for the capture's end the last frame before it."""
    heard_ns: int
    """Since the last segment from the other end that this end accepts (Linux's idle clock)."""
    any_ns: int
    """Since the last segment of any kind from the other end (BSD's idle clock)."""
    probe_ns: int
    """Since this end's previous probe, answered or not; -1 if it has sent none."""
    unanswered: int
    """Consecutive unanswered probes of this end before the gap's end."""
    capture_rtt_ns: int
    """Time that a segment needs from the capture point to this end and its response back: 0 where the capture was taken
    at this end. Gaps from `heard_ns` may be too long by as much."""
    since_new_segment_ns: int = -1
    """Since the last segment from the other end that is neither probe nor resend (Windows's idle clock)."""
    missing: int = -1
    """Segments of this end since its last one that the capture lacks, counted by its IP identifications."""
    is_numbered: bool = True
    """Whether all of the end's segments show that it numbers them one by one; else `missing` only raises a doubt."""
    echo: Echo = Echo.UNTOLD
    has_uncaptured: bool = False
    """The other end answered a segment of this end that was not captured, somewhere in the flow."""
    at_ns: int = -1
    """When the probe or give-up that ended it was captured; -1 if no timer ended it."""


class Answer(StrEnum):
    """What answered a probe."""

    NOTHING = "nothing"
    ACK = "ack"
    DATA = "data"
    RST = "rst"
    ICMP = "icmp"
    UNSEEN = "unseen"
    """Nothing that the other end sends is in the capture, so that nobody can say."""


NO_ANSWER = (Answer.NOTHING, Answer.ICMP, Answer.UNSEEN)
"""Answers by which the other end has not been heard, as far as was captured."""

BY_NOTHING, BY_ACK, BY_DATA, BY_RST, BY_ICMP = range(5)
"""Places in `Answer`, as kernels write them."""


class ProbedBy(StrEnum):
    """Who sends the probes that name an end as their source."""

    ITSELF = "itself"
    MIDDLEBOX = "middlebox"
    """Something on the path, which keeps the connection open in the end's name."""


BY_ITSELF, BY_MIDDLEBOX = range(2)
"""Places in `ProbedBy`, as kernels write them."""


class ProbeLook(NamedTuple):
    """How an end's probes compare with its own segments."""

    ttl: tuple[int, int]
    """The lowest and the highest."""
    own_ttl: tuple[int, int] | None
    """None where nothing else of the end was captured."""
    has_other_window: bool
    has_other_timestamps: bool
    """They lack the timestamps of the end's own segments, or have those of another clock."""
    acknowledges_less: bool


class Probe(NamedTuple):
    """One keepalive probe and what became of it."""

    frame: int
    ts_ns: int
    payload_len: int
    answer: Answer
    answer_frame: int
    """0 when nothing answered."""
    answer_ns: int
    """Capture time of the answer, -1 when nothing answered."""
    may_go_unanswered: bool = False
    """It came so soon after the peer's last answer that the peer's stack need not answer again."""

    @property
    def delay_ns(self) -> int:
        """Return the time from the probe to its answer as captured, -1 when nothing answered, or the clock was set
        back."""
        return self.answer_ns - self.ts_ns if self.answer_ns >= self.ts_ns else -1


class Heartbeat(NamedTuple):
    """Small messages of one end's application, evenly spaced: an alternative to keepalive."""

    period_ns: int
    octets: tuple[int, int]
    """Payload of the shortest and of the longest."""
    sent: int
    answered: int
    """Those after which the other end sent data before the next."""
    first_frame: int
    last_frame: int
    last_ns: int
    """When the last was captured."""
    stopped_ns: int
    """How long ago that was when the connection closed, or the capture ended, if several were missing by then; else
    -1."""


class Solicitation(NamedTuple):
    """An unanswered ARP request or neighbour solicitation for the end that fell silent."""

    frame: int
    ts_ns: int
    end: int
    """The end on whose behalf it was sent, perhaps by a router."""
    of_frame: int
    """The probe that it was sent for; 0 where it stands for one that could not be sent."""


class ProbeRun(NamedTuple):
    """The probes of one end that nothing has answered, up to where the flow's story ends."""

    end: int
    frames: tuple[int, ...]
    first_ns: int
    last_ns: int
    heard_ns: int
    """When the other end was last heard at all, -1 if never in this capture."""
    is_unheard: bool = False
    """Answers were captured, but the prober went on and gave up as if it had heard none of them."""


class UnansweredData(NamedTuple):
    """One end sends data, FIN or window probes again and again, and the other has not been heard since."""

    end: int
    heard_ns: int
    """When the other end was last heard at all, -1 if never in this capture."""
    octets: int
    """Octets of data that nothing acknowledged; 0 where a closed window holds data back."""
    since_ns: int
    """When these were sent first."""
    resends: int
    gives_up_ns: tuple[int, int]
    """From then to the give-up, at the earliest and at the latest."""


class Reset(NamedTuple):
    """The RST that ended the connection."""

    frame: int
    ts_ns: int
    end: int
    is_give_up: bool
    answers_frame: int
    """The probe that it answers, 0 if none."""
    follows_data: bool
    """The other end had sent data, and this is what came back."""
    own_ns: int = -1
    """When its end was last heard before it, -1 if never."""


LONG_NS = 10_000_000_000
"""Shortest silence that counts: every path survives shorter ones."""


class Silence(NamedTuple):
    """A time without segments in either direction, while neither end waited for the other."""

    frame: int
    """The frame that ended it."""
    ts_ns: int
    ns: int
    sender: int
    """The end that ended it."""
    survived: bool
    """Whether the other end was heard later, by more than a RST."""


class Ledger(NamedTuple):
    """The probes of one end by what answered them; delays in ns, None without an answer."""

    answers: tuple[tuple[Answer, int], ...]
    """Kinds of answer with their numbers, the most frequent first."""
    excused: int
    """Probes left unanswered so soon after an answer that the peer need not have answered."""
    fastest_ns: int | None
    slowest_ns: int | None

    @property
    def sent(self) -> int:
        """Return how many probes there are."""
        return sum(count for _, count in self.answers)

    @property
    def lost(self) -> int:
        """Return for how many of them an answer was due and nothing came back."""
        return dict(self.answers).get(Answer.NOTHING, 0) - self.excused

    @property
    def loss_rate(self) -> float:
        """Return the lost ones as a share of the probes that should have been answered; 0 without any."""
        due = self.sent - self.excused
        return self.lost / due if due else 0.0


def ledger(probes: Iterable[Probe]) -> Ledger:
    """Count probes by what answered them."""
    probes = tuple(probes)
    delays = [probe.delay_ns for probe in probes if probe.delay_ns != ABSENT]
    return Ledger(
        answers=tuple(Counter(probe.answer for probe in probes).most_common()),
        excused=sum(probe.answer is Answer.NOTHING and probe.may_go_unanswered for probe in probes),
        fastest_ns=min(delays, default=None),
        slowest_ns=max(delays, default=None),
    )
