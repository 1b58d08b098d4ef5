"""Gaps as a capture shows them, from a simulated life of an end: no file, no timeline."""

from collections.abc import Iterable

from analyzer.keepalive.timeline import Gap, GapKind
from analyzer.keepalive.timer import Event, What

SHORT_NS = 1_000_000_000
"""A shorter idle time is no observation, as in the timeline."""


class Observer:
    """Watches one end from a capture point that its segments reach `lag_ns` / 2 later."""

    def __init__(self, lag_ns: int = 0) -> None:
        self.lag_ns = lag_ns
        self.gaps: list[Gap] = []
        self.frame = 0
        self.heard = self.probe = -1
        self.is_fresh = True
        """The last thing heard was traffic, not the answer to the last probe."""
        self.unanswered = 0

    def gap(self, kind: GapKind, now: int) -> None:
        heard = now - self.heard if self.heard >= 0 else -1
        probe = now - self.probe if self.probe >= 0 else -1
        self.gaps.append(Gap(kind, self.frame, heard, heard, probe, self.unanswered, self.lag_ns))

    def hear(self, at: int, is_answer: bool) -> None:
        at -= self.lag_ns // 2
        if self.heard >= 0 and not self.unanswered and at - self.heard > SHORT_NS and self.probe < self.heard:
            self.gap(GapKind.SURVIVED, at)
        self.heard, self.unanswered, self.is_fresh = at, 0, not is_answer

    def tick(self, at: int, is_give_up: bool) -> None:
        at += self.lag_ns - self.lag_ns // 2
        if is_give_up:
            self.gap(GapKind.GIVE_UP, at)
            return
        if self.unanswered:
            self.gap(GapKind.SPACING, at)
        elif self.is_fresh or self.probe < 0:
            self.gap(GapKind.FIRST, at)
        else:
            self.gap(GapKind.CYCLE, at)
        self.probe, self.unanswered = at, self.unanswered + 1


def observe(
    events: Iterable[Event], start_ns: int, end_ns: int, lag_ns: int = 0, midstream_ns: int | None = None
) -> list[Gap]:
    """The gaps of an end that connects at `start_ns`, of which nothing before `midstream_ns` is captured."""
    observer = Observer(lag_ns)
    if midstream_ns is None:
        observer.heard = start_ns - lag_ns // 2
    has_ended = False
    for event in events:
        observer.frame += 1
        if midstream_ns is not None and event.time_ns < midstream_ns:
            continue
        if event.what in (What.HEARD, What.ANSWER):
            observer.hear(event.time_ns, event.what is What.ANSWER)
        else:
            has_ended = event.what is What.GIVE_UP
            observer.tick(event.time_ns, has_ended)
    if not has_ended and observer.heard >= 0:
        observer.gap(GapKind.PENDING if observer.unanswered else GapKind.SURVIVED, end_ns)
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
    observer.hear(seconds(heard_s), is_answer=False)
    for probe_s, answer_s in probes:
        observer.frame += 1
        observer.tick(seconds(probe_s), is_give_up=False)
        if answer_s is not None:
            observer.hear(seconds(answer_s), is_answer=True)
    if rst_s is not None:
        observer.frame += 1
        observer.tick(seconds(rst_s), is_give_up=True)
    return observer.gaps
