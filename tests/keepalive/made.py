"""Findings made by hand: a connection of a client to a service, told in seconds and frames."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from analyzer.keepalive.brief import Brief, brief_of
from analyzer.keepalive.findings import End, Flow, Flows, Role
from analyzer.keepalive.settings.values import Basis, Setting, Settings
from analyzer.keepalive.story.values import (
    Answer,
    Gap,
    GapKind,
    Heartbeat,
    Probe,
    ProbedBy,
    ProbeLook,
    ProbeRun,
    Reset,
    Silence,
)
from analyzer.keepalive.summary import paths
from analyzer.keepalive.summary.paths import PathLimit
from analyzer.keepalive.verdict.flow_flags import FIRST_PROBES, NOTABLE, SECOND_PROBES
from analyzer.keepalive.verdict.values import OUTCOMES, Cause, Confidence, Outcome, Verdict

START_S = 1_000_000
"""When every connection begins, in seconds since 1970."""
CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
ANY_MODEL = ("linux-100", "linux-250", "linux-300", "linux-1000", "exact")


def ns(seconds: float) -> int:
    return round(seconds * 1_000_000_000)


def exactly(value: int, n: int = 1, frames: tuple[int, ...] = (), basis: Basis = Basis.FIRST_GAP) -> Setting:
    return Setting(value, value, value, n, basis, (ns(value), ns(value)), frames)


def within(low: int, high: int | None, value: int | None = None, n: int = 1) -> Setting:
    return Setting(value, low, high, n, Basis.ANSWERED_ONLY, (ns(low), ns(low)), ())


@dataclass(frozen=True)
class EndStory:
    """What `story_reader.EndStory` reads, as values."""

    probes: tuple[Probe, ...]
    gaps: tuple[Gap, ...] = ()
    fin_frame: int = 0
    capture_rtt_ns: int = 0
    heartbeat: Heartbeat | None = None
    window_closed_ns: int = 0
    probed_by: ProbedBy | None = None
    probe_look: ProbeLook | None = None

    @property
    def sent(self) -> int:
        return len(self.probes)

    @property
    def answered(self) -> int:
        return sum(probe.answer in (Answer.ACK, Answer.DATA) for probe in self.probes)

    @property
    def payload_len(self) -> int:
        return max((probe.payload_len for probe in self.probes), default=0)


@dataclass(frozen=True)
class Story:
    """What `story_reader.Story` reads."""

    ends: tuple[EndStory, EndStory]
    run: ProbeRun | None
    reset: Reset | None
    last_ns: int
    capture_end_ns: int
    heard_ns: tuple[int, int]
    silences: tuple[Silence, ...]
    bridged_ns: int
    unanswered_data: None = None
    resending_end: int = -1
    is_too_incomplete: bool = False
    lacks: int = 0


def settings(
    time: Setting | int | None = None,
    intvl: Setting | int | None = None,
    probes: Setting | int | None = None,
    models: tuple[str, ...] = ANY_MODEL,
) -> Settings:
    """A whole number stands for a setting that is known exactly."""
    known = [exactly(one) if isinstance(one, int) else one for one in (time, intvl, probes)]
    return Settings(known[0], known[1], known[2], None, models)


class Given:
    """Draws nothing: these are the connections."""

    def __init__(self, *flows: Flow) -> None:
        self.found = flows
        self.flow_flags = bytearray(NOTABLE | OUTCOMES.index(flow.verdict.outcome) for flow in flows)
        for number, flow in enumerate(flows):
            self.flow_flags[number] |= sum((FIRST_PROBES, SECOND_PROBES)[end] for end in flow.probers)

    def draw(self, number: int) -> Flow:
        return self.found[number]

    def assemble_all(self, numbers: Sequence[int]) -> Iterator[Flow]:
        return map(self.draw, numbers)

    @property
    def flows(self) -> Flows:
        return Flows(range(len(self.found)), self)


@dataclass
class Made:
    """A connection in the making, written down as the prober's capture shows it."""

    now_s: float = START_S
    frame: int = 1
    heard_s: float = START_S
    """The server was last heard."""
    client_s: float = START_S
    probe_s: float | None = None
    last_s: float = START_S
    probes: list[Probe] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    survived: list[Gap | None] = field(default_factory=lambda: [None, None])
    """By end; only the longest is kept, as in `story.py`."""
    to_the_end: tuple[Gap, ...] = ()
    """Of both ends: the idle time that the capture's end ended."""
    unanswered: list[Probe] = field(default_factory=list)
    reset: Reset | None = None
    silences: list[Silence] = field(default_factory=list)
    data_s: float = START_S
    bridged_s: float = 0

    def probe(self, after_s: float, solve: Answer = Answer.NOTHING) -> "Made":
        """The client probes; an answer takes no time."""
        self._pass(after_s)
        self._survive(1)
        self._silence()
        kind = GapKind.SPACING if self.unanswered else GapKind.FIRST
        self.gaps.append(self._gap(kind))
        answer_frame = self.frame + 1 if solve is not Answer.NOTHING else 0
        probe = Probe(self.frame, ns(self.now_s), 0, solve, answer_frame, ns(self.now_s) if answer_frame else -1)
        self.probes.append(probe)
        self.probe_s = self.client_s = self.last_s = self.now_s
        if solve in (Answer.ACK, Answer.DATA):
            self.unanswered.clear()
            self.bridged_s = max(self.bridged_s, self.now_s - self.data_s)
        else:
            self.unanswered.append(probe)
        if solve is Answer.RST:
            self.reset = Reset(answer_frame, ns(self.now_s), 1, False, probe.frame, False)
        if answer_frame:
            self.frame = answer_frame
        if solve in (Answer.ACK, Answer.DATA):
            self._hear()
        elif answer_frame:
            self.heard_s = self.now_s
        return self

    def traffic(self, after_s: float, solve: Answer = Answer.ACK) -> "Made":
        """The client sends data after an idle time that the timers of both ends survived."""
        self._pass(after_s)
        self._survive(0, 1)
        self._silence()
        self.client_s = self.last_s = self.data_s = self.now_s
        if solve is not Answer.NOTHING:
            self.frame += 1
            self.heard_s = self.now_s
        if solve in (Answer.ACK, Answer.DATA):
            self._hear()
        if solve is Answer.RST:
            self.reset = Reset(self.frame, ns(self.now_s), 1, False, 0, True)
        return self

    def capture_end(self, after_s: float) -> "Made":
        self.now_s += after_s
        if self.unanswered:
            last = self.unanswered[-1]
            since_probe = ns(self.now_s) - last.ts_ns
            self.gaps.append(Gap(GapKind.PENDING, last.frame, -1, -1, since_probe, len(self.unanswered), 0))
        elif self.heard_s == self.last_s:
            idle_ns = ns(self.now_s - self.last_s)
            self.to_the_end = (Gap(GapKind.SURVIVED, self.frame, idle_ns, -1, -1, 0, 0),)
        return self

    def _pass(self, after_s: float) -> None:
        self.now_s += after_s
        self.frame += 1

    def _silence(self) -> None:
        """Nothing outstanding, and nobody sent anything for long."""
        idle_ns = ns(self.now_s - self.last_s)
        if idle_ns >= ns(10) and not self.unanswered:
            self.silences.append(Silence(self.frame, ns(self.now_s), idle_ns, 0, survived=False))

    def _hear(self) -> None:
        """The server: whatever was before, the path works."""
        self.heard_s = self.now_s
        self.silences = [one._replace(survived=True) for one in self.silences]

    def _survive(self, *ends: int) -> None:
        idle_ns = ns(self.now_s - self.last_s)
        for end in ends:
            longest = self.survived[end]
            if longest is None or idle_ns > longest.any_ns:
                self.survived[end] = Gap(GapKind.SURVIVED, self.frame, idle_ns, idle_ns, -1, 0, 0)

    def _gap(self, kind: GapKind) -> Gap:
        heard_ns = ns(self.now_s - self.heard_s)
        probe_ns = ns(self.now_s - self.probe_s) if self.probe_s is not None else -1
        return Gap(kind, self.frame, heard_ns, heard_ns, probe_ns, len(self.unanswered), 0, at_ns=ns(self.now_s))

    def story(self) -> Story:
        run = None
        if self.unanswered:
            frames = tuple(probe.frame for probe in self.unanswered)
            first, last = self.unanswered[0].ts_ns, self.unanswered[-1].ts_ns
            run = ProbeRun(0, frames, first, last, ns(self.heard_s))
        client, server = (() if gap is None else (gap,) for gap in self.survived)
        prober = EndStory(tuple(self.probes), (*self.gaps, *client, *self.to_the_end))
        observed = (ns(self.client_s), ns(self.heard_s))
        return Story(
            (prober, EndStory((), (*server, *self.to_the_end))),
            run,
            self.reset,
            ns(self.last_s),
            ns(self.now_s),
            observed,
            tuple(self.silences),
            ns(self.bridged_s),
        )


def flow(
    made: Made | None = None,
    number: int = 0,
    outcome: Outcome = Outcome.ALIVE,
    cause: Cause | None = None,
    found: Settings | None = None,
    client: str = CLIENT,
    server: str = SERVER,
    ports: tuple[int, int] = (40000, 443),
    roles: tuple[Role, Role] = (Role.ORIGINATOR, Role.RESPONDER),
    max_idle_s: int = 0,
) -> Flow:
    """A connection from a client, which may probe, to a server, which does not."""
    story = (made or Made()).story()
    nothing = settings()
    ends = (
        End(client, ports[0], roles[0], story.ends[0], found or nothing, ()),
        End(server, ports[1], roles[1], story.ends[1], nothing, ()),
    )
    verdict = Verdict(outcome, cause, None, None, None, None, Confidence.LIKELY, (), ())
    return Flow(number, False, ns(START_S), story.last_ns, 1, 0, ns(max_idle_s), ends, story, verdict)


def probing(
    found: Settings, number: int = 0, client: str = CLIENT, server: str = SERVER, ports: tuple[int, int] = (40000, 443)
) -> Flow:
    """A connection whose client has these settings, and has sent a probe."""
    return flow(Made().probe(30, Answer.ACK), number, found=found, client=client, server=server, ports=ports)


def within_lan(one: Flow) -> Flow:
    """The same with both ends on the link where it was captured; all others are at a distance that is not known."""
    return one._replace(ends=(one.ends[0]._replace(ttl=64), one.ends[1]._replace(ttl=128)))


def in_brief(flows: Iterable[Flow]) -> list[Brief]:
    """Connections as they are summed up."""
    return list(map(brief_of, flows))


def limits(flows: Iterable[Flow]) -> tuple[PathLimit, ...]:
    """What these connections say of paths."""
    return paths.limits(in_brief(flows))
