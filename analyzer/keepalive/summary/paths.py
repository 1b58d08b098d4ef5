"""How long a path may be silent: the longest silence it survived, the shortest it did not, and all between.

Each silence is an experiment that says of a path's idle limit "longer" or "not longer", never how long:
the limit is censored on either side. A silence was survived where the end that did not end it was heard
afterwards; it broke the path where it was not, and the verdict blames the path. A dead peer says nothing,
and within one LAN there is no path.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import ip_network
from typing import Literal, NamedTuple

from analyzer.keepalive.catalogue.profiles import Middlebox, matching_middleboxes
from analyzer.keepalive.findings import Flow
from analyzer.keepalive.model.linux import SECOND
from analyzer.keepalive.settings.bounds import MAX_FRAMES
from analyzer.keepalive.story.values import LONG_NS, Silence
from analyzer.keepalive.summary.hosts import service_end
from analyzer.keepalive.verdict.values import Cause, Outcome, Reason
from analyzer.schema import ABSENT

OnExpiry = Literal["silent", "rst"]
ALL = "all"
"""The path of every flow: what the capture's own side has in common."""
NETWORK_BITS = {4: 24, 6: 64}
"""Services so near to each other are behind the same boxes."""
NEAR = 1.1
"""A connection that was lost after a silence hardly longer than one that was survived is a coincidence."""
SEVERAL = 2
"""So many connections on either side are none."""
NARROW = 1.25
"""A bracket whose ends are no further apart, in proportion, names its limit."""
MOST_MATCHES = 3
"""More boxes than these tell a reader nothing."""


class PathLimit(NamedTuple):
    """The bracket around a path's idle limit: above `survived_ns`, not above `failed_ns`, which is always longer."""

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
    """Silences, and as many connections, that were lost to the limit."""
    survived_flows: int
    """Connections that survived any."""
    unexplained: int
    """Connections that the path lost after a silence that others survived, or nearly: no idle limit explains these."""
    curve: tuple[tuple[int, float], ...]
    """How likely a silence of so many ns is survived: the shortest and the longest that was tried of each step."""
    matches: tuple[Middlebox, ...]
    on_expiry: OnExpiry | None
    """None without a failure, or where failures differ."""
    probes_kept_open: bool
    """A connection went without data for longer than the limit, and its probes came often enough."""


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
        if flow.is_within_lan:
            continue
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


class _Tried(NamedTuple):
    """A silence of one connection, and how the path ended it: None where it was survived."""

    silence: Silence
    flow: int
    way: OnExpiry | None = None

    @property
    def ns(self) -> int:
        return self.silence.ns


def _limit(path: str, flows: Sequence[Flow]) -> PathLimit:
    survived, failed = [], []
    for flow in flows:
        survived += [_Tried(silence, flow.id) for silence in flow.story.silences if silence.survived]
        broken = failure(flow)
        failed += [_Tried(broken, flow.id, on_expiry(flow))] if broken is not None else []
    survived.sort(key=lambda one: -one.ns)
    failed.sort(key=lambda one: one.ns)
    survived_ns = survived[0].ns if survived else None
    explained = _explained(survived, failed)
    failed_ns = explained[0].ns if explained else None
    ways = {one.way for one in explained}
    way = ways.pop() if len(ways) == 1 else None
    return PathLimit(
        path=path,
        survived_ns=survived_ns,
        failed_ns=failed_ns,
        survived_frames=tuple(one.silence.frame for one in survived[:MAX_FRAMES]),
        failed_frames=tuple(one.silence.frame for one in explained[:MAX_FRAMES]),
        survived=len(survived),
        failed=len(explained),
        survived_flows=len({one.flow for one in survived}),
        unexplained=len(failed) - len(explained),
        curve=survival_curve([one.silence for one in survived], [one.silence for one in failed]),
        matches=_matches(survived_ns, failed_ns, way),
        on_expiry=way,
        probes_kept_open=failed_ns is not None and any(flow.story.bridged_ns > failed_ns for flow in flows),
    )


def _explained(survived: Sequence[_Tried], failed: Sequence[_Tried]) -> Sequence[_Tried]:
    """The failures, shortest first, that one idle limit explains: those longer than all that was survived.

    None, if it explains no more than half of them: whatever broke the others may have broken these. Within the tenth
    above what was survived only where several connections on either side show the limit, those that were never silent
    for half as long left out; or where several that failed after longer silences show that there is one.
    """
    longest_ns = survived[0].ns if survived else 0
    longer = [one for one in failed if one.ns > longest_ns]
    if 2 * len(longer) <= len(failed):
        return ()
    witnesses = {one.flow for one in survived if 2 * one.ns >= longer[0].ns}
    far = [one for one in longer if one.ns > NEAR * longest_ns]
    is_shown = len(far) >= SEVERAL or (len(longer) >= SEVERAL and len(witnesses) >= SEVERAL)
    return longer if is_shown else far


def _matches(survived_ns: int | None, failed_ns: int | None, way: OnExpiry | None) -> tuple[Middlebox, ...]:
    """The few boxes whose limit lies in the bracket, near its middle if it is wide, and that expire as was seen.

    Without both sides of the bracket nearly every box would match.
    """
    if survived_ns is None or failed_ns is None or way is None:
        return ()
    middle_s = (survived_ns + failed_ns) / 2 / SECOND
    fitting = [
        box
        for box in matching_middleboxes(survived_ns / SECOND, failed_ns / SECOND)
        if box.on_expiry == way
        and (failed_ns <= NARROW * survived_ns or middle_s / NEAR <= box.idle_s <= middle_s * NEAR)
    ]
    return tuple(sorted(fitting, key=lambda box: (not box.verified, abs(box.idle_s - middle_s)))[:MOST_MATCHES])


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
        or run.heard_ns == ABSENT
        or flow.ends[run.end].answered
        or flow.is_within_lan
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
    """What the path did to this connection, if the verdict blames it, and there is one.

    A whole network's failure is no idle limit.
    """
    verdict = flow.verdict
    if flow.is_within_lan:
        return None
    if verdict.cause is Cause.PATH_RESET:
        return "rst"
    is_unnoticed = verdict.outcome is Outcome.UNDETECTED and Reason.PEER_HOST_ANSWERS in verdict.reasons
    if (verdict.cause is Cause.PATH_DROPPED or is_unnoticed) and Reason.NETWORK_SILENT not in verdict.reasons:
        return "silent"
    return None
