"""How long a path to a service may be silent: the longest silence it survived, the shortest it did not.

A path is named by the service at its far end. It survived a silence where both ends were heard
after it, and failed where a probe after it stayed unanswered or was reset although the peer's host
lives. Idle times that merely ended, or that end with the capture, prove neither.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from analyzer.keepalive.findings import Flow
from analyzer.keepalive.hosts import service_end
from analyzer.keepalive.profiles import Middlebox, matching_middleboxes
from analyzer.keepalive.settings import MAX_FRAMES
from analyzer.keepalive.timeline import Answer, EndStory, Gap, GapKind, Probe
from analyzer.keepalive.timer import SECOND
from analyzer.keepalive.verdict import Cause, Outcome

WORTH_NS = 10 * SECOND
"""Every path survives shorter silences; a path without longer ones is not worth a line."""
TIMER_KINDS = (GapKind.FIRST, GapKind.CYCLE, GapKind.SPACING)
ON_EXPIRY: dict[Cause | None, Literal["silent", "rst"]] = {Cause.PATH_DROPPED: "silent", Cause.PATH_RESET: "rst"}
"""What a path does to a connection whose silence was too long."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing in either direction for so long, up to this frame."""

    ns: int
    frame: int


@dataclass(frozen=True, slots=True)
class PathLimit:
    """The bracket around a path's idle limit: above `survived_ns`, not above `failed_ns`."""

    path: str
    survived_ns: int | None
    failed_ns: int | None
    survived_frames: tuple[int, ...]
    """What ended the longest survived silences, longest first."""
    failed_frames: tuple[int, ...]
    """What ended the shortest failed silences, shortest first."""
    survived: int
    """Silences that the path survived."""
    failed: int
    matches: tuple[Middlebox, ...]
    on_expiry: Literal["silent", "rst"] | None
    """None without a failure, or where failures differ."""

    @property
    def is_bracket(self) -> bool:
        """A failure, and nothing longer that survived: one idle limit explains all of it."""
        return self.failed_ns is not None and (self.survived_ns or 0) < self.failed_ns


def path_of(flow: Flow) -> str:
    """The service's address and port, as the path's name."""
    return str(flow.ends[service_end(flow)])


def limits(flows: Iterable[Flow]) -> tuple[PathLimit, ...]:
    """The paths that were silent for long, or that failed, in order of appearance."""
    by_path: dict[str, list[Flow]] = defaultdict(list)
    for flow in flows:
        by_path[path_of(flow)].append(flow)
    found = (_limit(path, members) for path, members in by_path.items())
    return tuple(limit for limit in found if limit.failed_ns is not None or (limit.survived_ns or 0) >= WORTH_NS)


def _limit(path: str, flows: Sequence[Flow]) -> PathLimit:
    survived = [silence for flow in flows for silence in survivals(flow)]
    failures = [(silence, flow.verdict.cause) for flow in flows if (silence := failure(flow)) is not None]
    failed = [silence for silence, _ in failures]
    survived.sort(key=lambda silence: -silence.ns)
    failed.sort(key=lambda silence: silence.ns)
    survived_ns = survived[0].ns if survived else None
    failed_ns = failed[0].ns if failed else None
    ways = {ON_EXPIRY[cause] for _, cause in failures}
    return PathLimit(
        path=path,
        survived_ns=survived_ns,
        failed_ns=failed_ns,
        survived_frames=tuple(silence.frame for silence in survived[:MAX_FRAMES]),
        failed_frames=tuple(silence.frame for silence in failed[:MAX_FRAMES]),
        survived=len(survived),
        failed=len(failed),
        matches=_matches(survived_ns, failed_ns),
        on_expiry=ways.pop() if len(ways) == 1 else None,
    )


def _matches(survived_ns: int | None, failed_ns: int | None) -> tuple[Middlebox, ...]:
    """Without both sides of the bracket nearly every box would match."""
    if survived_ns is None or failed_ns is None:
        return ()
    return matching_middleboxes(survived_ns / SECOND, failed_ns / SECOND)


def survivals(flow: Flow) -> tuple[Silence, ...]:
    """The silences after which this connection was heard to work in both directions."""
    found: dict[int, Silence] = {}
    for end in flow.ends:
        silences = _before_probes(end.story)
        found |= {probe.frame: silences[probe.frame] for probe in _answered(end.story) if probe.frame in silences}
    for end in flow.ends:
        for gap in end.story.gaps:
            if gap.kind is GapKind.SURVIVED and _was_survived_by_path(flow, gap):
                found[gap.frame] = Silence(gap.any_ns, gap.frame)
    return tuple(found.values())


def failure(flow: Flow) -> Silence | None:
    """The silence before the first probe that found the path broken.

    One probe that goes unanswered up to the capture's end may as well have been lost.
    """
    run, reset = flow.story.run, flow.story.reset
    if flow.verdict.cause not in ON_EXPIRY:
        return None
    if run is not None and (len(run.frames) > 1 or flow.verdict.outcome is not Outcome.PROBING):
        return _before_probes(flow.ends[run.end].story).get(run.frames[0])
    if run is None and reset is not None:
        return _before_probes(flow.ends[1 - reset.end].story).get(reset.answers_frame)
    return None


def _before_probes(story: EndStory) -> dict[int, Silence]:
    """By the probe's frame: since the peer or this end's previous probe was last seen, for probes are traffic too."""
    found = {}
    for gap in story.gaps:
        known = [ns for ns in (gap.any_ns, gap.probe_ns) if ns >= 0]
        if known and gap.kind in TIMER_KINDS:
            found[gap.frame] = Silence(min(known), gap.frame)
    return found


def _answered(story: EndStory) -> list[Probe]:
    return [probe for probe in story.probes if probe.answer is Answer.ACK or probe.answer is Answer.DATA]


def _was_survived_by_path(flow: Flow, gap: Gap) -> bool:
    """Whether both ends got through after an idle time that ended in traffic.

    An answered probe later on proves it; so does a run of probes later on, since no end probes
    before all it sent is acknowledged (tcp_timer.c tcp_keepalive_timer). Else both ends must have
    spoken within the flow's last `gap.any_ns`: that can only have been after the gap. What
    looks like the peer's RST may be the path's, so a connection that was reset proves nothing.
    """
    story = flow.story
    if gap.any_ns < 0:  # it ended with the capture
        return False
    if any(probe.answer_frame > gap.frame for end in story.ends for probe in _answered(end)):
        return True
    if story.run is not None:
        return gap.frame < story.run.frames[0]
    return story.reset is None and min(story.heard_ns) > story.last_ns - gap.any_ns
