"""How long a path may be silent: the longest silence it survived, the shortest it did not, and the curve between.

Each silence is an experiment: it says of a path's idle limit "longer" or "not longer", never how long, so the limit is
censored on either side. A silence was survived if the end that did not end it was heard afterwards. It broke the path
if that end was not heard and the verdict blames the path, or if other packets than the connection's own show it. A dead
peer shows nothing about the path, and within one LAN there is no path, unless something there has forgotten one.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import ip_network
from typing import Literal, NamedTuple

from analyzer.keepalive.brief import Brief
from analyzer.keepalive.catalogue.profiles import Middlebox, matching_middleboxes
from analyzer.keepalive.failures import OnExpiry
from analyzer.keepalive.model.linux import SECOND
from analyzer.keepalive.settings.bounds import MAX_FRAMES
from analyzer.keepalive.story.values import LONG_NS, Silence

ALL = "all"
"""Name of the path that all flows share: what lies on the capture's own side."""
NETWORK_BITS = {4: 24, 6: 64}
"""Prefix length by IP version; services in one such network are taken to be behind the same boxes."""
NEAR = 1.1
"""Ratio up to which two silences count as equally long: one connection that was lost after a silence hardly longer than
one that was survived may be a coincidence."""
SEVERAL = 2
"""As many connections on either side are no coincidence."""
NARROW = 1.25
"""Ratio of the bracket's ends up to which every limit within it may be named."""
MOST_MATCHES = 3
"""Most boxes that are given; more tell a reader nothing."""
RESTART_SHARE = 0.1
"""A restart explains what was lost if it may have been at any time in so large a part of the shortest silence."""


class PathLimit(NamedTuple):
    """The bracket around a path's idle limit: above `survived_ns`, not above `failed_ns`, which is always longer."""

    path: str
    half_closed: bool
    """It is that of connections of which one end has closed: boxes and hosts forget these sooner."""
    survived_ns: int | None
    failed_ns: int | None
    survived_frames: tuple[int, ...]
    """Frames that ended the longest survived silences, the longest first."""
    failed_frames: tuple[int, ...]
    """Frames that ended the shortest failed silences, the shortest first."""
    survived: int
    """Number of silences that the path survived: those of LONG_NS and more, and the longest of connections that have
    only shorter ones."""
    failed: int
    """Number of silences, and of connections, that were lost to the limit."""
    failed_flows: tuple[int, ...]
    """Numbers of these connections."""
    lost: int
    """Number of requests for which a RST came back."""
    survived_flows: int
    """Number of connections that survived a silence."""
    unexplained: int
    """Number of connections that the path lost after a silence that others survived, or nearly: no idle limit explains
    them."""
    curve: tuple[tuple[int, float], ...]
    """Probability that a silence of so many ns is survived: for each step the shortest and the longest silence in
    it."""
    matches: tuple[Middlebox, ...]
    on_expiry: OnExpiry | None
    """None without a failure, or if failures differ."""
    by: Literal["path", "unknown"]
    """Unknown where all that came back looks like the other end's own RST: a load balancer in its name, or itself."""
    probes_kept_open: bool
    """Whether a connection went without data for longer than the limit because its probes came often enough."""


@lru_cache(1 << 12)
def network_of(service: str) -> str:
    """Return a service's network: a /24 or a /64."""
    address = service.rpartition(":")[0].strip("[]")
    return str(ip_network((address, NETWORK_BITS[6 if ":" in address else 4]), strict=False))


def limits(flows: Iterable[Brief]) -> tuple[PathLimit, ...]:
    """Return the limits of the paths that were silent for long or that failed.

    Services come first, in order of appearance, then networks, then all together. A network is a path of its own if
    several services in it together show more than each does alone.
    """
    by_path: dict[str, list[Brief]] = defaultdict(list)
    half_closed: dict[str, list[Brief]] = defaultdict(list)
    by_network: dict[str, list[Brief]] = defaultdict(list)
    telling = [flow for flow in flows if flow.trouble.broken is not None or any(one.survived for one in flow.silences)]
    tried = {flow.service for flow in telling if flow.trouble.broken is not None or any(map(is_long, flow.silences))}
    telling = [flow for flow in telling if flow.service in tried]
    forgetful = {flow.service for flow in telling if flow.is_within_lan and flow.trouble.broken is not None}
    for flow in telling:
        if not flow.is_within_lan or flow.service in forgetful:
            by_path[flow.service].append(flow)
            by_network[network_of(flow.service)].append(flow)
            if is_half_closed(flow):
                half_closed[flow.service].append(flow)
    services = {path: _limit(path, members) for path, members in by_path.items()}
    found = [
        limit for limit in services.values() if (limit.survived_ns or 0) >= LONG_NS or limit.failed or limit.unexplained
    ]
    halves = [_limit(path, members, half_closed=True) for path, members in half_closed.items()]
    found += [limit for limit in halves if limit.failed]
    if not found:
        return ()
    if len(services) > 1:
        for network, members in by_network.items() if len(by_network) > 1 else ():
            limit, there = _limit(network, members), dict.fromkeys(flow.service for flow in members)
            parts = [services[path] for path in there]
            if len(parts) > 1 and all(_bracket(limit) != _bracket(part) for part in parts):
                found.append(limit)
        found.append(_limit(ALL, [flow for members in by_path.values() for flow in members]))
    return tuple(found)


def is_long(silence: Silence) -> bool:
    """Tell whether a path survived a silence that not every path survives."""
    return silence.survived and silence.ns >= LONG_NS


def _bracket(limit: PathLimit) -> tuple[int | None, int | None]:
    """Return the longest survived and the shortest failed silence, in ns."""
    return limit.survived_ns, limit.failed_ns


class _Trial(NamedTuple):
    """A silence of one connection, and how the path ended it; None if it survived, or where that does not show."""

    silence: Silence
    flow: int
    way: OnExpiry | None = None
    is_by_path: bool = True
    """False where a restart of the other end's host would look the same."""

    @property
    def ns(self) -> int:
        """Return how long it lasted, in ns."""
        return self.silence.ns


def is_half_closed(flow: Brief, silence: Silence | None = None) -> bool:
    """Tell whether one end only has sent a FIN, or had when a silence began."""
    return flow.first_fin > 0 and (silence is None or flow.first_fin < silence.frame)


def _limit(path: str, flows: Sequence[Brief], half_closed: bool = False) -> PathLimit:
    """Return the limit of one path from the silences of its flows, before or after one end has closed."""
    survived, failed = [], []
    for flow in flows:
        silences = [silence for silence in flow.silences if is_half_closed(flow, silence) == half_closed]
        survived += [_Trial(silence, flow.id) for silence in silences if silence.survived]
        trouble, broken = flow.trouble, flow.trouble.broken
        if broken is not None and is_half_closed(flow, broken) == half_closed:
            failed.append(_Trial(broken, flow.id, trouble.way, not trouble.is_native))
    lost = {flow.id: flow.trouble.lost_requests for flow in flows}
    if may_be_a_restart([one.silence for one in failed if not one.is_by_path], flows):
        failed = [one for one in failed if one.is_by_path]
    survived.sort(key=lambda one: -one.ns)
    failed.sort(key=lambda one: one.ns)
    survived_ns = survived[0].ns if survived else None
    explained = _explained(survived, failed)
    failed_ns = explained[0].ns if explained else None
    ways = {one.way for one in explained}
    way = ways.pop() if len(ways) == 1 else None
    return PathLimit(
        path=path,
        half_closed=half_closed,
        survived_ns=survived_ns,
        failed_ns=failed_ns,
        survived_frames=tuple(one.silence.frame for one in survived[:MAX_FRAMES]),
        failed_frames=tuple(one.silence.frame for one in explained[:MAX_FRAMES]),
        survived=len(survived),
        failed=len(explained),
        failed_flows=tuple(sorted(one.flow for one in explained)),
        lost=sum(lost.get(one.flow, 0) for one in explained),
        survived_flows=len({one.flow for one in survived}),
        unexplained=sum(one.is_by_path for one in failed) - sum(one.is_by_path for one in explained),
        curve=survival_curve([one.silence for one in survived], [one.silence for one in failed]),
        matches=_matches(survived_ns, failed_ns, way),
        on_expiry=way,
        by="path" if any(one.is_by_path for one in explained) or not explained else "unknown",
        probes_kept_open=failed_ns is not None and any(flow.bridged_ns > failed_ns for flow in flows),
    )


def may_be_a_restart(failed: Sequence[Silence], flows: Iterable[Brief]) -> bool:
    """Tell whether one restart of the service explains that all these silences ended in a RST, and not their length.

    It must lie in each of them, and in no connection that the service went on with. One silence alone it always
    explains.
    """
    if not failed:
        return False
    since_ns, until_ns = max(one.ts_ns - one.ns for one in failed), min(one.ts_ns for one in failed)
    for start_ns, heard_ns in sorted((flow.start_ns, flow.heard_ns) for flow in flows):
        if start_ns <= since_ns < heard_ns:
            since_ns = heard_ns
    return len(failed) < SEVERAL or until_ns - since_ns > RESTART_SHARE * min(one.ns for one in failed)


def _explained(survived: Sequence[_Trial], failed: Sequence[_Trial]) -> Sequence[_Trial]:
    """Return the failures that one idle limit explains, shortest first: those longer than any survived silence.

    Return none if these are no more than half of all failures: whatever broke the others may have broken these, too. A
    failure up to a tenth longer than a survived silence counts only if several connections on either side show the
    limit, without connections that were never silent for half as long; or if several failures after longer silences
    show it.
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
    """Return the few boxes whose limit lies in the bracket and that expire connections in the way that was observed.

    If the bracket is wide the limit must be near its middle. Without both sides of the bracket nearly every box would
    match, so none is returned.
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
    """Return the likeliest share of silences of each length, in ns, that is survived: steps that fall with the length.

    The product-limit estimate of Kaplan and Meier needs the instants of failure. Here only "not longer than" is known,
    and that estimate would call most lengths beyond the limit safe. The maximum likelihood estimate for such data
    merges neighbours until none rises (Ayer et al. 1955; Turnbull 1976 for the general case).
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
