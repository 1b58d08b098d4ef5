"""How long a path may be silent: the longest silence it survived, the shortest it did not, and all between.

Each silence is an experiment that says of a path's idle limit "longer" or "not longer", never how long:
the limit is censored on either side. A silence was survived where the end that did not end it was heard
afterwards; it broke the path where it was not, and the verdict blames the path. A dead peer says nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import ip_network
from typing import Literal, NamedTuple

from analyzer.keepalive.findings import Flow
from analyzer.keepalive.inference.bounds import MAX_FRAMES
from analyzer.keepalive.judging.verdict import Cause, Outcome, Reason
from analyzer.keepalive.pooling.hosts import service_end
from analyzer.keepalive.profiles import Middlebox, matching_middleboxes
from analyzer.keepalive.telling.timeline import LONG_NS, Silence
from analyzer.keepalive.timer import SECOND
from analyzer.schema import NEVER

OnExpiry = Literal["silent", "rst"]
ALL = "all"
"""The path of every flow: what the capture's own side has in common."""
NETWORK_BITS = {4: 24, 6: 64}
"""Services so near to each other are behind the same boxes."""


class PathLimit(NamedTuple):
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
    curve: tuple[tuple[int, float], ...]
    """How likely a silence of so many ns is survived: the shortest and the longest that was tried of each step."""
    matches: tuple[Middlebox, ...]
    on_expiry: OnExpiry | None
    """None without a failure, or where failures differ."""
    probes_kept_open: bool
    """A connection went without data for longer than the limit, and its probes came often enough."""

    @property
    def is_bracket(self) -> bool:
        """A failure, and nothing longer that survived: one idle limit explains all of it."""
        return self.failed_ns is not None and (self.survived_ns or 0) < self.failed_ns


def path_of(flow: Flow) -> str:
    """The service's address and port, as the path's name."""
    return str(flow.ends[service_end(flow)])


def network_of(flow: Flow) -> str:
    return _network(flow.ends[service_end(flow)].address)


@lru_cache(1 << 12)
def _network(address: str) -> str:
    return str(ip_network((address, NETWORK_BITS[6 if ":" in address else 4]), strict=False))


def limits(flows: Iterable[Flow]) -> tuple[PathLimit, ...]:
    """The paths that were silent for long, or that failed: services in order of appearance, networks, all.

    A network is a path of its own where several services in it say more together than each does.
    """
    by_path: dict[str, list[Flow]] = defaultdict(list)
    by_network: dict[str, list[Flow]] = defaultdict(list)
    for flow in flows:
        if any(silence.survived for silence in flow.story.silences) or failure(flow) is not None:
            by_path[path_of(flow)].append(flow)
            by_network[network_of(flow)].append(flow)
    services = {path: _limit(path, members) for path, members in by_path.items()}
    found = list(services.values())
    if len(services) > 1:
        for network, members in by_network.items() if len(by_network) > 1 else ():
            limit, parts = _limit(network, members), [services[path] for path in dict.fromkeys(map(path_of, members))]
            if len(parts) > 1 and all(_bracket(limit) != _bracket(part) for part in parts):
                found.append(limit)
        found.append(_limit(ALL, [flow for members in by_path.values() for flow in members]))
    return tuple(found)


def _bracket(limit: PathLimit) -> tuple[int | None, int | None]:
    return limit.survived_ns, limit.failed_ns


def _limit(path: str, flows: Sequence[Flow]) -> PathLimit:
    survived = [silence for flow in flows for silence in flow.story.silences if silence.survived]
    failures = [(broken, way) for flow in flows if (broken := failure(flow)) and (way := on_expiry(flow))]
    failed = [silence for silence, _ in failures]
    survived.sort(key=lambda silence: -silence.ns)
    failed.sort(key=lambda silence: silence.ns)
    survived_ns = survived[0].ns if survived else None
    failed_ns = failed[0].ns if failed else None
    ways = {way for _, way in failures}
    way = ways.pop() if len(ways) == 1 else None
    is_bracket = failed_ns is not None and (survived_ns or 0) < failed_ns
    return PathLimit(
        path=path,
        survived_ns=survived_ns,
        failed_ns=failed_ns,
        survived_frames=tuple(silence.frame for silence in survived[:MAX_FRAMES]),
        failed_frames=tuple(silence.frame for silence in failed[:MAX_FRAMES]),
        survived=len(survived),
        failed=len(failed),
        curve=survival_curve(survived, failed),
        matches=_matches(survived_ns, failed_ns, way),
        on_expiry=way,
        probes_kept_open=is_bracket and any(flow.story.bridged_ns > (failed_ns or 0) for flow in flows),
    )


def _matches(survived_ns: int | None, failed_ns: int | None, way: OnExpiry | None) -> tuple[Middlebox, ...]:
    """Boxes whose limit lies in the bracket, those that expire as seen first.

    Without both sides of the bracket nearly every box would match.
    """
    if survived_ns is None or failed_ns is None:
        return ()
    boxes = matching_middleboxes(survived_ns / SECOND, failed_ns / SECOND)
    return tuple(sorted(boxes, key=lambda box: (box.on_expiry != way, box.on_expiry != "unknown")))


def survival_curve(survived: Iterable[Silence], failed: Iterable[Silence]) -> tuple[tuple[int, float], ...]:
    """The likeliest share of silences of each length that is survived, falling with the length in steps.

    The product-limit estimate of Kaplan and Meier wants the instants of failure; here only "not longer
    than" is known, and it would call most lengths beyond the limit safe. The maximum likelihood estimate
    for such data pools neighbours until none rises (Ayer et al. 1955; Turnbull 1976 for the general case).
    """
    tried: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for silences, has_survived in ((survived, 1), (failed, 0)):
        for silence in silences:
            tried[silence.ns][0] += has_survived
            tried[silence.ns][1] += 1
    blocks: list[tuple[int, int, int, int]] = []  # survived, tried, shortest, longest
    for ns in sorted(tried):
        good, count, shortest = *tried[ns], ns
        while blocks and good * blocks[-1][1] >= blocks[-1][0] * count:
            before = blocks.pop()
            good, count, shortest = good + before[0], count + before[1], before[2]
        blocks.append((good, count, shortest, ns))
    return tuple((ns, good / count) for good, count, *lengths in blocks for ns in dict.fromkeys(lengths))


def fatal_silence_ns(flow: Flow) -> int | None:
    """How long it was silent when the peer was lost, if it never survived as much: a path that forgets looks so too."""
    run = flow.story.run
    if (
        flow.verdict.cause is not Cause.PEER_SILENT
        or run is None
        or run.heard_ns == NEVER
        or flow.ends[run.end].answered
    ):
        return None
    silence_ns = run.first_ns - run.heard_ns
    return silence_ns if silence_ns >= LONG_NS and flow.max_idle_ns <= silence_ns else None


def failure(flow: Flow) -> Silence | None:
    """The first silence that was not survived, where the path is to blame.

    One probe that goes unanswered up to the capture's end may as well have been lost.
    """
    run = flow.story.run
    if on_expiry(flow) is None:
        return None
    if flow.verdict.outcome is Outcome.PROBING and run is not None and len(run.frames) == 1:
        return None
    return next((silence for silence in flow.story.silences if not silence.survived), None)


def on_expiry(flow: Flow) -> OnExpiry | None:
    """What the path did to this connection, if the verdict blames it; a whole network's failure is no idle limit."""
    verdict = flow.verdict
    if verdict.cause is Cause.PATH_RESET:
        return "rst"
    is_unnoticed = verdict.outcome is Outcome.UNDETECTED and Reason.PEER_HOST_ANSWERS in verdict.reasons
    if (verdict.cause is Cause.PATH_DROPPED or is_unnoticed) and Reason.NETWORK_SILENT not in verdict.reasons:
        return "silent"
    return None
