"""What is finally known of a connection: two ends, their settings, the verdict; and of many, assembled on demand."""

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from itertools import compress
from typing import Any, NamedTuple, Protocol, overload

from analyzer.capture.decode.packets import endpoint
from analyzer.keepalive.context.rebinding import Rebinding
from analyzer.keepalive.settings.fingerprint import Stack
from analyzer.keepalive.settings.values import Settings
from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.story.values import ProbedBy, Silence
from analyzer.keepalive.story_reader import EndStory, Part, Story
from analyzer.keepalive.verdict.flow_flags import CLOSED_BY_RST, HOW_IT_ENDED, NEVER_OPENED, NOTABLE, outcome_of
from analyzer.keepalive.verdict.values import Confidence, Ending, Outcome, Verdict
from analyzer.schema import OPENED_MIDSTREAM, OPENED_SYN, OPENED_SYN_ACK

NAMELESS = ""
"""The address of a middlebox that probes in the names of others: it does not show its own."""

OVER = frozenset({Outcome.CLOSED, Outcome.RESET, Outcome.TIMED_OUT, Outcome.UNREACHABLE})
"""Outcomes after which nobody holds the connection open any more."""
WHICH: dict[tuple[bool, bool], tuple[int, ...]] = {
    (False, False): (),
    (True, False): (0,),
    (False, True): (1,),
    (True, True): (0, 1),
}
"""The ends of which something is true, which is asked of every connection again and again."""
AS_SENT = (64, 128, 255)
"""Values that stacks put into the TTL or hop limit (RFC 1700; net.ipv4.ip_default_ttl): every hop takes one off it."""


class Role(StrEnum):
    """Which end opened the connection."""

    ORIGINATOR = "originator"
    RESPONDER = "responder"
    UNKNOWN = "unknown"


ROLES = {
    OPENED_SYN: (Role.ORIGINATOR, Role.RESPONDER),
    OPENED_SYN_ACK: (Role.RESPONDER, Role.ORIGINATOR),
    OPENED_MIDSTREAM: (Role.UNKNOWN, Role.UNKNOWN),
}
"""The roles of both ends, by how the flow enters the capture."""


class End(NamedTuple):
    """One end of a flow."""

    address: str
    port: int
    role: Role
    story: EndStory
    settings: Settings
    matches: tuple[str, ...]
    """Names of well-known settings that fit (profiles.toml)."""
    stack: Stack = Stack.UNKNOWN
    """The stack that its probes look like."""
    ttl: int | None = None
    """TTL or hop limit of its ordinary segments where they were captured."""
    name: str = ""
    """What its address is called, and its port if that is a service's: "db1, postgresql"; empty without names."""

    @property
    def has_keepalive(self) -> bool:
        """Tell whether the end itself sent a probe; without one keepalive may be off, or its time has not run out
        yet."""
        return self.story.sent > 0 and not self.is_probed_for

    @property
    def is_probed_for(self) -> bool:
        """Tell whether something on the path sends the probes in its name: their settings are not the end's."""
        return self.story.probed_by is ProbedBy.MIDDLEBOX

    @property
    def answered(self) -> int:
        """Return how many of its probes were answered by an ACK or data."""
        return self.story.answered

    @property
    def payload_len(self) -> int | None:
        """Return the octets in this end's probes: 0, or 1 for the garbage octet; None without probes."""
        return self.story.payload_len if self.story.sent else None

    def __str__(self) -> str:
        """Return address and port, as text."""
        return endpoint(self.address, self.port)


class FlowParts(NamedTuple):
    """What is found of one incarnation of a connection, as far as the capture shows it. Times in ns since 1970."""

    id: int
    is_midstream: bool
    start_ns: int
    end_ns: int
    packets: int
    octets: int
    max_idle_ns: int
    ends: tuple[End, End]
    story: Story
    verdict: Verdict
    ending: Ending | None = None
    """Who ended it; None while it goes on."""
    tunnel: str | None = None
    """What it ran through where it was captured: "vxlan 42", or "gre 10.0.0.1-10.0.0.2"."""
    first_frame: int = 0
    rebound_from: Rebinding | None = None
    rebound_to: Rebinding | None = None
    forgotten_after: Silence | None = None
    """The silence in which something on the way has forgotten it, where only other packets than its own show that."""


class Flow(FlowParts):
    """A connection, with what follows from its parts; what is asked for again and again is worked out once."""

    @Part
    def service_end(self) -> int:
        """Return the end that offers the service: the responder, or the lower port if roles are unknown."""
        first, second = self.ends
        if first.role is Role.RESPONDER or second.role is Role.RESPONDER:
            return int(second.role is Role.RESPONDER)
        return int(second.port < first.port)

    @Part
    def service(self) -> str:
        """Return the address and port of the service, which name the path to it, too."""
        return str(self.ends[self.service_end])

    @property
    def continues(self) -> int | None:
        """Return the number of the connection whose sequence space it continues, from another port or address."""
        return self.rebound_from.flow if self.rebound_from is not None else None

    @property
    def confidence(self) -> Confidence:
        """Return how sure its verdict is."""
        return self.verdict.confidence

    @property
    def evidence_frames(self) -> tuple[int, ...]:
        """Return the frames that prove its verdict."""
        return self.verdict.evidence_frames

    @property
    def silent_ns(self) -> int | None:
        """Return how long an open connection has been silent when the capture ends, in ns; None for one that ended."""
        return self.story.capture_end_ns - self.story.last_ns if self.verdict.outcome not in OVER else None

    @property
    def is_within_lan(self) -> bool:
        """Tell whether no hop lies between the capture point and either end, so that no path could forget anything."""
        first, second = self.ends
        return first.ttl in AS_SENT and second.ttl in AS_SENT

    @Part
    def beating(self) -> tuple[int, ...]:
        """Return the ends whose application sends a heartbeat."""
        first, second = self.ends
        return WHICH[first.story.heartbeat is not None, second.story.heartbeat is not None]

    @Part
    def probers(self) -> tuple[int, ...]:
        """Return the ends that probe, or in whose name something on the path does."""
        first, second = self.ends
        return WHICH[first.story.sent > 0, second.story.sent > 0]


class Presence(NamedTuple):
    """The number of an address's flows, and of those in which it probes."""

    flows: int
    probing: int


class Found(NamedTuple):
    """What was found of some flows, as columns.

    `stories`, `verdicts` and `endings` have a row for each flow, or two, `inferred` two, `settings` eight; `rows` are
    those of the capture.
    """

    flow_count: int
    rows: Rows
    stories: StoryTables
    inferred: Any
    settings: Any
    proofs: Any
    """The frames that prove settings."""
    verdicts: Any
    endings: Any
    evidence: Any
    """The frames that prove verdicts, and those with data that was lost to an ending."""
    continues: Any
    """For each flow of the capture the one whose sequence space it continues, -1 without."""


class Assembling(Protocol):
    """What assembles the findings of a connection by its number."""

    @property
    def flow_flags(self) -> bytearray:
        """Return one status byte for each connection, known without assembling it (`verdict/flow_flags.py`)."""

    def assemble(self, number: int) -> Flow:
        """Return the findings of one connection."""

    def assemble_all(self, numbers: Sequence[int]) -> Iterator[Flow]:
        """Yield the findings of many, one after the other."""

    def columns(self, numbers: Sequence[int]) -> Iterator[Found]:
        """Yield the findings of many as columns, batch by batch."""


class Flows(Sequence[Flow]):
    """Connections, each assembled when it is asked for: of most of them a report needs no more than a count."""

    def __init__(self, numbers: Sequence[int], by: Assembling, flow_flags: bytes | None = None) -> None:
        """Take the connections' numbers, what assembles them, and their status bytes where they are at hand."""
        self.numbers = numbers
        self.by = by
        if flow_flags is not None:
            self.flow_flags = flow_flags

    def __len__(self) -> int:
        """Return how many connections there are."""
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> Flow: ...
    @overload
    def __getitem__(self, place: slice) -> "Flows": ...
    def __getitem__(self, place: "int | slice") -> "Flow | Flows":
        """Return one connection, assembled, or a part of them."""
        if isinstance(place, slice):
            return Flows(self.numbers[place], self.by)
        return self.by.assemble(self.numbers[place])

    def __iter__(self) -> Iterator[Flow]:
        """Yield all of them in order."""
        return self.by.assemble_all(self.numbers)

    def columns(self) -> Iterator[Found]:
        """Yield all of them as columns, batch by batch, without making a value of any."""
        return self.by.columns(self.numbers)

    @cached_property
    def flow_flags(self) -> bytes:
        """Return their status bytes, in their order."""
        if isinstance(self.numbers, range) and self.numbers.step == 1:
            return bytes(self.by.flow_flags[self.numbers.start : self.numbers.stop])
        return bytes(map(self.by.flow_flags.__getitem__, self.numbers))

    @cached_property
    def _counts(self) -> Counter[int]:
        """Return how many of them have which status byte."""
        return Counter(self.flow_flags)

    def outcomes(self) -> Counter[Outcome]:
        """Count how many of them ended how."""
        found = Counter[Outcome]()
        for flags, count in self._counts.items():
            found[outcome_of(flags)] += count
        return found

    def attempts(self) -> int:
        """Return how many never became a connection: scans, refusals, SYNs that nothing answered."""
        return sum(count for flags, count in self._counts.items() if flags & HOW_IT_ENDED == NEVER_OPENED)

    def resets(self) -> int:
        """Return in how many of those that an application closed a RST had part."""
        return sum(count for flags, count in self._counts.items() if flags & HOW_IT_ENDED == CLOSED_BY_RST)

    def that_ended(self, outcomes: Collection[Outcome]) -> "Flows":
        """Return those with one of these outcomes."""
        return self.whose_flags(lambda flags: outcome_of(flags) in outcomes)

    def notable(self) -> "Flows":
        """Return those that findings use: all others say nothing of keepalive, and nothing happened to them."""
        return self.whose_flags(lambda flags: bool(flags & NOTABLE))

    def whose_flags(self, holds: Callable[[int], bool]) -> "Flows":
        """Return those whose status byte satisfies `holds`, which is asked once for each possible byte."""
        is_one = bytes(map(holds, range(256)))
        flags_of_them = self.flow_flags.translate(None, bytes(flags for flags in range(256) if not is_one[flags]))
        if len(flags_of_them) == len(self):
            return self
        numbers = array("i", compress(self.numbers, self.flow_flags.translate(is_one)))
        return Flows(numbers, self.by, flags_of_them)
