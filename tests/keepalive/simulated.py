"""Gaps as a capture shows them, from a simulated life of an end: no file, no timeline."""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from random import Random

from analyzer.keepalive.model import linux, other_stacks
from analyzer.keepalive.model.linux import SECOND, Action, Clock, Event, Keepalive, What, on_tick
from analyzer.keepalive.model.other_stacks import Restarting
from analyzer.keepalive.story.values import Gap, GapKind

Model = Clock | Restarting
"""How a stack times its probes."""

SHORT_NS = 1_000_000_000
"""A shorter idle time is no observation, as in the timeline."""


class Observer:
    """Watches one end from a capture point; all instants are those at which a frame passes the point."""

    def __init__(self, capture_rtt_ns: int = 0) -> None:
        self.capture_rtt_ns = capture_rtt_ns
        self.gaps: list[Gap] = []
        self.frame = 0
        self.heard = self.probe = -1
        self.is_fresh = True
        """The last thing heard was traffic, not the answer to the last probe."""
        self.unanswered = 0
        self.missed: int | None = None
        """Own segments lost since the last one; None for an end that does not count its segments."""

    def gap(self, kind: GapKind, now: int) -> None:
        heard = now - self.heard if self.heard >= 0 else -1
        probe = now - self.probe if self.probe >= 0 else -1
        is_own = kind not in (GapKind.SURVIVED, GapKind.PENDING)
        missing = self.missed if is_own and self.missed is not None else -1
        at_ns, capture_rtt_ns = now if is_own else -1, self.capture_rtt_ns
        self.gaps.append(
            Gap(kind, self.frame, heard, heard, probe, self.unanswered, capture_rtt_ns, missing=missing, at_ns=at_ns)
        )

    def set_missing(self) -> None:
        """A segment of the end is lost before the capture point."""
        if self.missed is not None:
            self.missed += 1

    def observe_gaps(self, at: int, is_answer: bool) -> None:
        if self.heard >= 0 and not self.unanswered and at - self.heard > SHORT_NS and self.probe < self.heard:
            self.gap(GapKind.SURVIVED, at)
        self.heard, self.unanswered, self.is_fresh = at, 0, not is_answer

    def tick(self, at: int, is_give_up: bool) -> None:
        if is_give_up:
            self.gap(GapKind.GIVE_UP, at)
        elif self.unanswered:
            self.gap(GapKind.SPACING, at)
        elif self.is_fresh or self.probe < 0:
            self.gap(GapKind.FIRST, at)
        else:
            self.gap(GapKind.CYCLE, at)
        self.missed = None if self.missed is None else 0
        if not is_give_up:
            self.probe, self.unanswered = at, self.unanswered + 1

    def end(self, at: int) -> None:
        """The capture ends."""
        self.gap(GapKind.PENDING if self.unanswered else GapKind.SURVIVED, at)


def observe(
    events: Iterable[Event], start_ns: int, end_ns: int, capture_rtt_ns: int = 0, midstream_ns: int | None = None
) -> list[Gap]:
    """The gaps of an end that connects at `start_ns`, of which nothing before `midstream_ns` is captured.

    Its segments reach the capture point `lag_ns` / 2 later.
    """
    observer = Observer(capture_rtt_ns)
    if midstream_ns is None:
        observer.heard = start_ns - capture_rtt_ns // 2
    has_ended = False
    for event in events:
        observer.frame += 1
        if midstream_ns is not None and event.time_ns < midstream_ns:
            continue
        if event.what in (What.HEARD, What.ANSWER):
            observer.observe_gaps(event.time_ns - capture_rtt_ns // 2, event.what is What.ANSWER)
        else:
            has_ended = event.what is What.GIVE_UP
            observer.tick(event.time_ns + capture_rtt_ns - capture_rtt_ns // 2, has_ended)
    if not has_ended and observer.heard >= 0:
        observer.end(end_ns)
    return observer.gaps


def life(random: Random, keepalive: Keepalive, model: Model, is_cut: bool = False) -> tuple[list[Gap], bool]:
    """What a capture shows of an end: traffic, answered cycles, then silence; and if it was captured from the start.

    It is taken at the end, at its peer or half way, and if it `is_cut`, of any part of that life.
    """
    start = now = random.randrange(10**6 * SECOND)
    rtt = random.choice([50_000, 1_000_000, 30_000_000, 120_000_000])
    lag = random.choice([0, 0, rtt // 2, rtt])
    heard = []
    for _ in range(random.choice([0, 1, 1, 3, 8])):
        now += int(random.uniform(0, random.choice([3, 2 * keepalive.time_s, 2 * keepalive.intvl_s])) * SECOND)
        heard.append(now)
    period = max(keepalive.time_s, keepalive.intvl_s)
    dead = now + int((random.random() + random.choice([0, 0, 1, 2, 5])) * period * 1.05 * SECOND)
    run = keepalive.time_s + keepalive.intvl_s * (keepalive.probes + 2)
    end = dead + int(random.choice([0.3, 0.7, 1, 1, 1]) * run * 1.15 * SECOND)
    heard += [random.randrange(start, dead + 1) for _ in range(random.choice([0, 0, 0, 4]))]  # between answers, too
    midstream = random.randrange(start, (end if is_cut else dead) + 1) if random.random() < 0.4 else None
    if is_cut:
        end = random.randrange(midstream or start, end + 1)
    if isinstance(model, Clock):
        events = linux.simulate(keepalive, model, start, end, heard, rtt, dead)
    else:
        events = other_stacks.simulate(model, keepalive, start, end, heard, rtt, dead)
    return observe(events, start, end, lag, midstream), midstream is None


class Fate(Enum):
    """What becomes of a probe, or of the give-up, on a path with the capture point somewhere on it."""

    ARRIVES = "captured, and the answer too"
    MISSED = "lost before the capture point"
    SWALLOWED = "captured, but it or its answer is lost beyond the capture point"
    UNHEARD = "answered, and the answer is captured, but lost after the capture point"


class Path:
    """The way from the prober to a capture point close to the peer: its delay, and what is lost on it."""

    def __init__(
        self, random: Random, one_way_ns: int = 0, jitter_ns: int = 0, fates: Mapping[int, Fate] | None = None
    ) -> None:
        """`fates` of the prober's probes, and of its give-up, by number."""
        self.random, self.one_way_ns, self.jitter_ns, self.fates = random, one_way_ns, jitter_ns, fates or {}
        self.capture_rtt_ns = min(self.delay_ns() + self.delay_ns() for _ in range(2))
        """The shortest reply that was seen."""

    def delay_ns(self) -> int:
        return self.one_way_ns + self.random.randint(0, self.jitter_ns)


def observe_lossy(
    keepalive: Keepalive,
    clock: Clock,
    path: Path,
    start_ns: int,
    end_ns: int,
    heard_ns: Sequence[int],
    alive_ns: int,
    counts: bool = False,
) -> list[Gap]:
    """The gaps of `timer.simulate` as captured at the far end of a path on which frames are lost.

    `counts`: the end counts its segments in their IP identifications.

    A reset after no unanswered probe that was captured is not known to be a give-up (`tags.gives_up`).
    """
    observer = Observer(path.capture_rtt_ns)
    observer.missed = 0 if counts else None
    observer.observe_gaps(start_ns - path.delay_ns(), is_answer=False)
    arrivals = sorted((at, False) for at in heard_ns)  # and whether it answers a probe
    heard, probes_out, frame = clock.jiffies(start_ns), 0, 0
    tick = clock.fire(heard, keepalive.time_s * clock.hz)
    while (now := clock.time_ns(tick)) <= end_ns:
        while arrivals and arrivals[0][0] <= now:
            at, is_answer = arrivals.pop(0)
            heard, probes_out = clock.jiffies(at), 0
            if not is_answer:
                observer.observe_gaps(at - path.delay_ns(), is_answer)
        action = on_tick(keepalive, clock.hz, tick - heard, probes_out)
        if action is Action.WAIT:
            tick = clock.fire(tick, keepalive.time_s * clock.hz - (tick - heard))
            continue
        frame += 1
        fate, passes = path.fates.get(frame, Fate.ARRIVES), now + path.delay_ns()
        if fate is not Fate.MISSED and (action is Action.PROBE or observer.unanswered):
            observer.tick(passes, action is Action.GIVE_UP)
        else:
            observer.set_missing()
        if action is Action.GIVE_UP:
            end_ns = passes if fate is not Fate.MISSED else end_ns
            break
        probes_out += 1
        if now < alive_ns and fate in (Fate.ARRIVES, Fate.UNHEARD):
            observer.observe_gaps(passes, is_answer=True)
            if fate is Fate.ARRIVES:
                arrivals = sorted([*arrivals, (passes + path.delay_ns(), True)])
        tick = clock.fire(tick, keepalive.intvl_s * clock.hz)
    if not observer.gaps or observer.gaps[-1].kind is not GapKind.GIVE_UP:
        observer.end(end_ns)
    return observer.gaps


def seconds(duration_s: float) -> int:
    """Nanoseconds; -1 s stays the -1 of what is not known."""
    return -1 if duration_s == -1 else round(duration_s * 1_000_000) * 1000


def gap(kind: GapKind, heard_s: float = -1, probe_s: float = -1, unanswered: int = 0, lag_s: float = 0) -> Gap:
    """One gap, in seconds."""
    heard_ns = seconds(heard_s)
    return Gap(kind, 1, heard_ns, heard_ns, seconds(probe_s), unanswered, seconds(lag_s))


def transcript(heard_s: float, *probes: tuple[float, float | None], rst_s: float | None = None) -> list[Gap]:
    """The gaps of a capture: when the peer was last heard, each probe with its answer, and the give-up."""
    observer = Observer()
    observer.observe_gaps(seconds(heard_s), is_answer=False)
    for probe_s, answer_s in probes:
        observer.frame += 1
        observer.tick(seconds(probe_s), is_give_up=False)
        if answer_s is not None:
            observer.observe_gaps(seconds(answer_s), is_answer=True)
    if rst_s is not None:
        observer.frame += 1
        observer.tick(seconds(rst_s), is_give_up=True)
    return observer.gaps
