"""What is known of a connection in the end: two ends, their settings, the verdict; and of many, when asked for."""

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import compress
from typing import Any, NamedTuple, Protocol, overload

from analyzer.keepalive.settings.fingerprint import Stack
from analyzer.keepalive.settings.values import Settings
from analyzer.keepalive.story.values import Answer, ProbedBy
from analyzer.keepalive.story_reader import EndStory, Story
from analyzer.keepalive.verdict.flow_flags import HOW_IT_ENDED, NEVER_OPENED, NOTABLE
from analyzer.keepalive.verdict.values import OUTCOMES, Outcome, Verdict

NAMELESS = ""
"""The address of a middlebox that probes in the names of others: it does not show its own."""

AS_SENT = frozenset({64, 128, 255})
"""What stacks put into the TTL or hop limit (RFC 1700; net.ipv4.ip_default_ttl): every hop takes one off it."""


class Role(Enum):
    ORIGINATOR = "originator"
    RESPONDER = "responder"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class End:
    """One end of a flow."""

    address: str
    port: int
    role: Role
    story: EndStory
    settings: Settings
    matches: tuple[str, ...]
    """Names of well-known settings that fit (profiles.toml)."""
    stack: Stack = Stack.UNKNOWN
    """What its probes look like."""
    ttl: int | None = None
    """TTL or hop limit of its ordinary segments where they were captured."""

    @property
    def has_keepalive(self) -> bool:
        """It sent a probe; without one keepalive may be off, or its time not yet run out."""
        return self.story.sent > 0 and not self.is_probed_for

    @property
    def is_probed_for(self) -> bool:
        """Something on the path sends the probes in its name: their settings are not the end's."""
        return self.story.probed_by is ProbedBy.MIDDLEBOX

    @property
    def answered(self) -> int:
        return sum(probe.answer in (Answer.ACK, Answer.DATA) for probe in self.story.probes)

    @property
    def payload_len(self) -> int | None:
        """Octets in this end's probes: 0, or 1 for the garbage octet; None without probes."""
        return self.story.payload_len if self.story.sent else None

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Flow:
    """One incarnation of a connection, as far as the capture shows it. Times in ns since 1970."""

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
    tunnel: str | None = None
    """What it ran through where it was captured: "vxlan 42", or "gre 10.0.0.1-10.0.0.2"."""
    first_frame: int = 0

    @property
    def is_within_lan(self) -> bool:
        """No hop lies between the capture point and either end, so there is no path that could forget anything."""
        return all(end.ttl in AS_SENT for end in self.ends)

    @property
    def beating(self) -> tuple[int, ...]:
        """The ends whose application sends a heartbeat."""
        return tuple(index for index in (0, 1) if self.ends[index].story.heartbeat is not None)

    @property
    def probers(self) -> tuple[int, ...]:
        """The ends that probe, or in whose name something on the path does."""
        return tuple(index for index in (0, 1) if self.ends[index].story.sent)


class Presence(NamedTuple):
    """How many flows an address has, and how many of these it probes."""

    flows: int
    probing: int


class Found(NamedTuple):
    """What was found of some flows: a row of `told` and `verdicts` for each, two of `told_ends` and `inferred`, eight
    of `settings`; `flows` and `candidates` are those of the capture."""

    flow_count: int
    flows: Any
    candidates: Any
    stories: Any
    story_ends: Any
    probes: Any
    inferred: Any
    settings: Any
    proofs: Any
    """Of settings."""
    verdicts: Any
    evidence: Any
    """Of verdicts."""


class Assembling(Protocol):
    """Who draws findings of a connection by its number."""

    @property
    def flow_flags(self) -> bytearray:
        """Of each connection what is known without drawing it (`brief.py`)."""

    def assemble(self, number: int) -> Flow: ...
    def assemble_all(self, numbers: Sequence[int]) -> Iterator[Flow]: ...
    def columns(self, numbers: Sequence[int]) -> Iterator[Found]: ...


class Flows(Sequence[Flow]):
    """Connections, each drawn when it is asked for: of most of them a report needs no more than a count."""

    def __init__(self, numbers: Sequence[int], by: Assembling) -> None:
        self.numbers = numbers
        self.by = by

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> Flow: ...
    @overload
    def __getitem__(self, place: slice) -> "Flows": ...
    def __getitem__(self, place: "int | slice") -> "Flow | Flows":
        if isinstance(place, slice):
            return Flows(self.numbers[place], self.by)
        return self.by.assemble(self.numbers[place])

    def __iter__(self) -> Iterator[Flow]:
        return self.by.assemble_all(self.numbers)

    def columns(self) -> Iterator[Found]:
        """All of them batch by batch, without a value of any."""
        return self.by.columns(self.numbers)

    @cached_property
    def flow_flags(self) -> bytes:
        """Their briefs, in their order."""
        if isinstance(self.numbers, range) and self.numbers.step == 1:
            return bytes(self.by.flow_flags[self.numbers.start : self.numbers.stop])
        return bytes(map(self.by.flow_flags.__getitem__, self.numbers))

    def outcomes(self) -> Counter[Outcome]:
        """How many of them ended how."""
        found = Counter[Outcome]()
        for flags, count in Counter(self.flow_flags).items():
            found[OUTCOMES[flags & HOW_IT_ENDED]] += count
        return found

    def attempts(self) -> int:
        """How many never became a connection: scans, refusals, SYNs that nothing answered."""
        return sum(count for flags, count in Counter(self.flow_flags).items() if flags & NEVER_OPENED)

    def that_ended(self, outcomes: Collection[Outcome]) -> "Flows":
        wanted = frozenset(map(OUTCOMES.index, outcomes))
        return self.whose_flags(lambda flags: flags & HOW_IT_ENDED in wanted)

    def notable(self) -> "Flows":
        """Those that findings draw on: all others say nothing of keepalive, and nothing happened to them."""
        return self.whose_flags(lambda flags: bool(flags & NOTABLE))

    def whose_flags(self, holds: Callable[[int], bool]) -> "Flows":
        """Those of whose brief that holds; it is asked of each that there can be, once."""
        is_one = bytes(map(holds, range(256)))
        return Flows(array("i", compress(self.numbers, self.flow_flags.translate(is_one))), self.by)
