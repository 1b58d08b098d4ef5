"""After how long without data the ends of a service's connections close them, from all of these together.

Theory of operation. An application that closes idle connections does so after the same time, on its own clock: since
data moved, since the other end last said something, or since data that was no heartbeat. So an idle limit is found
where several connections were closed after the same idle time on one clock, at instants that nothing else explains, and
none was idle for longer and lived. The clock on which they agree best is the closer's. Timers are late and never
early, so the limit is no more than the shortest of these times, and people set round numbers.

  Evidence                                                    Confidence
  ----------------------------------------------------------  ----------
  MANY separate closes alike, to a tenth                      certain
  SEVERAL separate closes alike                               likely
  one close, after a time that is a program's known limit     guess
  one close, after a round number of minutes, to a second     guess

A client whose connections to several services end alike has one limit for all of them: a browser closes what it has
not used for 115 s, whatever the server. Of each service alone a single close is a guess; together they are not.

A client that mostly opens its next connection when it closes one is a script that does the one after the other, or
pauses in between: what its closes show is a guess, and no program's.

What a path forgets, it forgets without a close: those limits come from `paths.py`, as brackets, and so do those of a
host or a box in its name that answers with RST what comes too late.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from analyzer.keepalive.catalogue.profiles import WEB_PORTS
from analyzer.keepalive.catalogue.profiles import IdleLimit as KnownLimit
from analyzer.keepalive.catalogue.profiles import idle_limits as known_limits
from analyzer.keepalive.context.idle_trials import IdleTrial, Service
from analyzer.keepalive.model.linux import SECOND
from analyzer.keepalive.summary.paths import PathLimit
from analyzer.keepalive.verdict.values import CONFIDENCES, HOWS, Confidence
from analyzer.schema import ABSENT
from analyzer.tcp.tracker import IDLE_NS

By = Literal["responder", "originator", "path", "unknown"]
Clock = Literal["data", "peer-data", "no-heartbeat"]

SEVERAL, MANY = 2, 5
"""Separate closes that are no coincidence, if after a round number or one more, and those that leave no doubt."""
ALIKE, ALIKE_NS = 0.01, 60_000_000
"""Closes of an exact timer lie within a hundredth, or 60 ms: what a busy host and the way there take."""
COARSE, COARSE_NS = 0.05, 1_100_000_000
"""Those of a program that looks at its clock once a second, or now and then (idle_limits.toml)."""
FEWEST_SERVICES = 3
"""To so many services a client closes connections alike before that is its own limit, and none of theirs."""
MOST_SPREAD = 0.1
"""Closes that differ by a larger part of the idle time are pauses of a conversation, unless there are MANY."""
SEPARATE_NS = SECOND
"""Closes nearer to each other may have one reason, such as the end of a program."""
SHARE = 0.5
"""Least part of the closes after an idle time that the limit explains."""
CLEARLY = 0.5
"""A clock agrees better than that of plain data if its spread is less than this part of the other's."""
EARLY_NS = 15_000_000
"""By so much a close may come before the limit, as captured: the data was captured late, or the clock is coarse."""
ROUND_LATE_NS, ROUND_LATE = 300_000_000, 5000
"""A single close so soon after a round number of minutes, and one part in so many of it, is hardly a coincidence."""
KNOWN_S = 15
"""From this on known limits are so far apart that hardly a close comes right after one by chance; below that the
service's port must name the program."""
ROUND_S = (60, 90, 120, 180, 240, 300, 360, 600, 900, 1200, 1800, 2700, 3600, 5400, 7200, 14400, 28800, 43200, 86400)
"""Round numbers of a minute and more that people set, in seconds."""
ROUND_ENOUGH = 20
"""Of two closes the idle time must be a multiple of a unit that is no smaller than this part of it."""
STEPS_S = (3600, 1800, 600, 300, 60, 30, 15, 10, 5, 1, 0.5)
"""Units of round numbers, the roundest first."""
MOST_MATCHES = 3
"""Most names that are given; more tell a reader nothing."""
CLOCKS: tuple[tuple[Clock, tuple[int, int]], ...] = (("data", (0, 0)), ("peer-data", (2, 1)), ("no-heartbeat", (3, 3)))
"""The clocks by which a closer may count, with their places in `Clocks` for the client and for the service."""


class IdleLimit(NamedTuple):
    """After how long without data somebody ends connections to a service; durations in ns."""

    by: By
    how: Literal["fin", "rst", "silent"]
    clock: Clock
    value_ns: int | None
    """The round number that explains it; None where there is none."""
    low_ns: int
    """Not less: the longest idle time survived, 0 without."""
    high_ns: int | None
    """Not more: the shortest that ended."""
    closed: int
    """Number of connections that it ended."""
    survived_ns: int | None
    lost: int
    """Requests that were lost to it: segments with data of the client."""
    hit: int | None
    """Number of connections on which some were; None for a path's limit."""
    half_closed: bool
    matches: tuple[str, ...]
    """Names of known limits that fit."""
    confidence: Confidence
    flows: tuple[int, ...]
    """Numbers of the connections that it ended."""
    frames: tuple[int, ...]
    """Frames that ended these, in order."""


class ServiceLimits(NamedTuple):
    """What the connections to one address and port say together."""

    service: str
    flows: int
    idle_limits: tuple[IdleLimit, ...]


class ClientLimit(NamedTuple):
    """After how long clients at one address close idle connections, whatever the service: a browser, or a pool."""

    address: str
    services: int
    """To so many services led what they closed."""
    limit: IdleLimit


class Cluster(NamedTuple):
    """Closes alike on one clock."""

    clock: Clock
    trials: tuple[IdleTrial, ...]
    times_ns: tuple[int, ...]
    """Idle times, ascending."""
    separate: int
    """How many of them nothing but a limit explains."""
    survived_ns: int

    @property
    def spread(self) -> float:
        """Return how much they differ, as a part of the shortest."""
        return (self.times_ns[-1] - self.times_ns[0]) / self.times_ns[0]


def services(
    found: Iterable[tuple[str, int, Service]],
    limits: Iterable[PathLimit],
    flows_like: Callable[[Sequence[int]], Sequence[int]],
) -> tuple[ServiceLimits, ...]:
    """Return the services whose connections show an idle limit, of either end or of the path.

    `found` are names, ports and trials; `limits` those of the paths to services; `flows_like` returns for each of some
    connections how many lead where it does.
    """
    by_name: dict[str, list[IdleLimit]] = {}
    for name, port, service in found:
        by_name[name] = [limit for closer in (1, 0) for limit in _limits_of(service, closer, port)]
    for limit in limits:
        if limit.failed_ns is not None:
            by_name.setdefault(limit.path, []).append(_of_path(limit))
    shown = {name: tuple(limits) for name, limits in by_name.items() if limits}
    counts = flows_like([limits[0].flows[0] for limits in shown.values()])
    return tuple(
        ServiceLimits(name, count, limits) for (name, limits), count in zip(shown.items(), counts, strict=True)
    )


def client_limits(found: Iterable[tuple[str, Service]]) -> tuple[ClientLimit, ...]:
    """Return the idle limits that clients have for all services: as sure as those of one service that many separate
    closes show, and no guess.

    `found` are addresses and the trials of their connections. None of these may have been idle for longer and lived,
    to whatever service.
    """
    limits = []
    for address, client in found:
        closings = [one for one in client.closings if one.closer == 0]
        clusters = [one for one in (_cluster(closings, client, 0, *clock) for clock in CLOCKS) if one is not None]
        shown = [one for one in clusters if _is_of_client(one)]
        if shown:
            best = _best(shown)
            limit = _doubted(_limit(best, 0, best.trials[0].service & 0xFFFF), best.trials, client)
            if limit.confidence is not Confidence.GUESS:
                limits.append(ClientLimit(address, len({one.service for one in best.trials}), limit))
    return tuple(limits)


def supported(found: Iterable[ServiceLimits], clients: Sequence[ClientLimit]) -> tuple[ServiceLimits, ...]:
    """Return the services with their limits as sure as the client's own limit that closed the same connections."""
    return tuple(
        one._replace(idle_limits=tuple(_supported(limit, clients) for limit in one.idle_limits)) for one in found
    )


def _supported(limit: IdleLimit, clients: Sequence[ClientLimit]) -> IdleLimit:
    for one in clients:
        if limit.by == "originator" and limit.clock == one.limit.clock and set(limit.flows) <= set(one.limit.flows):
            surer = min(limit.confidence, one.limit.confidence, key=CONFIDENCES.index)
            return limit._replace(confidence=surer)
    return limit


def _is_of_client(cluster: Cluster) -> bool:
    """Tell whether nothing that the closes have to do with their services explains that they are alike."""
    services = {one.service for one in cluster.trials}
    return min(len(services), cluster.separate) >= FEWEST_SERVICES and cluster.spread <= MOST_SPREAD


def _of_path(limit: PathLimit) -> IdleLimit:
    """Return a path's bracket in the form of all limits."""
    assert limit.failed_ns is not None
    middle = [box.idle_s * SECOND for box in limit.matches[:1]]
    return IdleLimit(
        by=limit.by,
        how=limit.on_expiry or "silent",
        clock="data",
        value_ns=middle[0] if middle and limit.survived_ns is not None else None,
        low_ns=limit.survived_ns or 0,
        high_ns=limit.failed_ns,
        closed=limit.failed,
        survived_ns=limit.survived_ns,
        lost=limit.lost,
        hit=None,
        half_closed=limit.half_closed,
        matches=tuple(box.name for box in limit.matches),
        confidence=Confidence.GUESS if limit.failed == 1 else Confidence.LIKELY,
        flows=limit.failed_flows,
        frames=limit.failed_frames,
    )


def _limits_of(service: Service, closer: int, port: int) -> Iterator[IdleLimit]:
    """Yield the limit after which one side closes, if its closes show one."""
    closings = [one for one in service.closings if one.closer == closer]
    clusters = [one for one in (_cluster(closings, service, closer, *clock) for clock in CLOCKS) if one is not None]
    if clusters:
        best = _best(clusters)
        yield _doubted(_limit(best, closer, port), best.trials, service)
    elif len(closings) == 1:
        yield from (_doubted(limit, closings, service) for limit in _of_one(closings[0], service, closer, port))


def _doubted(limit: IdleLimit, trials: Sequence[IdleTrial], service: Service) -> IdleLimit:
    """Return a limit as a guess that names nobody, if most of its closes came when the client went on to its next
    connection."""
    if len(trials) > 2 * sum(one.flow in service.followed for one in trials):
        return limit
    return limit._replace(confidence=Confidence.GUESS, matches=())


def _cluster(
    closings: Sequence[IdleTrial], service: Service, closer: int, clock: Clock, places: tuple[int, int]
) -> Cluster | None:
    """Return the closes that are alike on a clock, if they are separate and most, and no connection was idle for
    longer, whatever became of it: one that this side closed later had survived until then."""
    place = places[closer]
    survived_ns = service.survived[closer][place]
    timed = sorted((one.since[place], one.at_ns, one) for one in closings if one.since[place] >= IDLE_NS)
    for share, span_ns, fewest in ((ALIKE, ALIKE_NS, SEVERAL), (COARSE, COARSE_NS, SEVERAL + 1)):
        chosen = _most_alike([ns for ns, _, _ in timed], share, span_ns)
        times = [ns for ns, _, _ in timed[chosen]]
        if not times or len(times) < SHARE * len(closings) or chosen.stop < len(timed):
            continue
        if survived_ns > min(times[0] + _lateness(times[0]), times[-1]):
            continue
        separate = _separate(sorted(at_ns for _, at_ns, _ in timed[chosen]))
        is_shown = separate > SEVERAL or _round_for_its_size(times[0]) is not None
        cluster = Cluster(clock, tuple(one for _, _, one in timed[chosen]), tuple(times), separate, survived_ns)
        if is_shown and separate >= fewest and (cluster.spread <= MOST_SPREAD or len(times) >= MANY):
            return cluster
    return None


def _lateness(shortest_ns: int) -> int:
    """Return by how much closes of an exact timer differ."""
    return max(ALIKE_NS, int(shortest_ns * ALIKE))


def _most_alike(times: Sequence[int], share: float, span_ns: int) -> slice:
    """Return which of these ascending times are alike: the most that lie together, the longest of equally many."""
    best, first = slice(0, 0), 0
    for last in range(len(times)):
        while times[last] - times[first] > max(times[first] * share, span_ns):
            first += 1
        if last + 1 - first >= best.stop - best.start:
            best = slice(first, last + 1)
    return best


def _separate(instants: Sequence[int]) -> int:
    """Return how many closes at these ascending instants, in ns, are no part of one event."""
    count, before_ns = 0, ABSENT
    for at_ns in instants:
        if before_ns == ABSENT or at_ns - before_ns >= SEPARATE_NS:
            count += 1
            before_ns = at_ns
    return count


def _best(clusters: Sequence[Cluster]) -> Cluster:
    """Return the cluster on the clock on which the closes agree: plain data's, unless another is clearly better, and
    not by less than closes are early or late anyway."""
    best = clusters[0]
    for other in clusters[1:]:
        is_fuller = len(other.trials) > len(best.trials)
        is_closer = other.spread < CLEARLY * best.spread and best.times_ns[-1] - best.times_ns[0] > EARLY_NS
        if is_fuller or (len(other.trials) == len(best.trials) and is_closer):
            best = other
    return best


def _limit(cluster: Cluster, closer: int, port: int) -> IdleLimit:
    """Return what a cluster says."""
    times, survived_ns = cluster.times_ns, cluster.survived_ns
    known = _known(times[0], times[-1], closer, port)
    is_exact = times[-1] - times[0] <= _lateness(times[0])
    value_ns = round_number(times[0], survived_ns) if is_exact else None
    high_ns = max(times[0], value_ns or 0)
    return IdleLimit(
        by="responder" if closer else "originator",
        how=_how(cluster.trials),
        clock=cluster.clock,
        value_ns=value_ns,
        low_ns=min(survived_ns, high_ns) if survived_ns >= IDLE_NS else 0,
        high_ns=high_ns,
        closed=len(cluster.trials),
        survived_ns=survived_ns if survived_ns >= IDLE_NS else None,
        lost=sum(one.lost for one in cluster.trials),
        hit=sum(one.lost > 0 for one in cluster.trials),
        half_closed=False,
        matches=tuple(one.name for one in known),
        confidence=_confidence(cluster),
        flows=tuple(sorted(one.flow for one in cluster.trials)),
        frames=tuple(sorted(one.frame for one in cluster.trials)),
    )


def _confidence(cluster: Cluster) -> Confidence:
    """Return how sure it is that these closes show a limit."""
    is_certain = cluster.separate >= MANY and cluster.spread <= MOST_SPREAD
    return Confidence.CERTAIN if is_certain else Confidence.LIKELY


def _how(trials: Sequence[IdleTrial]) -> Literal["fin", "rst"]:
    """Return how most of these connections were closed."""
    fins = sum(HOWS[one.how].value == "fin" for one in trials)
    return "fin" if 2 * fins >= len(trials) else "rst"


def _of_one(trial: IdleTrial, service: Service, closer: int, port: int) -> Iterator[IdleLimit]:
    """Yield the limit that a single close may show: if its idle time is a known one, or round to the second."""
    for clock, places in reversed(CLOCKS):
        ns, survived_ns = trial.since[places[closer]], service.survived[closer][places[closer]]
        if ns < IDLE_NS or survived_ns > ns or _is_another(trial, clock, closer):
            continue
        if _is_known(ns, closer, port) or any(_is_soon_after(ns, value * SECOND) for value in ROUND_S):
            yield _limit(Cluster(clock, (trial,), (ns,), 1, survived_ns), closer, port)._replace(
                confidence=Confidence.GUESS,
                matches=tuple(one.name for one in _known(ns, ns, closer, port) if one.ports),
            )
            return


def _is_known(ns: int, closer: int, port: int) -> bool:
    """Tell whether a single close comes right after the known limit of a program that may be this one."""
    fitting = _known(ns, ns, closer, port)
    return any(one.ports and (one.idle_s >= KNOWN_S or port not in WEB_PORTS) for one in fitting)


def _is_soon_after(ns: int, value_ns: int) -> bool:
    return 0 <= ns + EARLY_NS - value_ns <= ROUND_LATE_NS + value_ns // ROUND_LATE


def _is_another(trial: IdleTrial, clock: Clock, closer: int) -> bool:
    """Tell whether a clock reads as that of plain data does, so that it says nothing of its own."""
    places = dict(CLOCKS)[clock]
    return clock != "data" and abs(trial.since[places[closer]] - trial.since[0]) <= ALIKE_NS


def round_number(shortest_ns: int, survived_ns: int, least_step_s: float = 0) -> int | None:
    """Return the roundest number of ns that an exact timer's lateness leads from to this idle time, and that was not
    survived; None if there is none, or none that is a multiple of `least_step_s`."""
    for step_s in STEPS_S:
        step_ns = int(step_s * SECOND)
        value_ns = (shortest_ns + EARLY_NS) // step_ns * step_ns
        is_near = shortest_ns - value_ns <= max(ALIKE_NS, int(shortest_ns * ALIKE))
        if step_s >= least_step_s and value_ns > 0 and is_near and value_ns + EARLY_NS > survived_ns:
            return int(value_ns)
    return None


def _round_for_its_size(shortest_ns: int) -> int | None:
    """Return the number that people may have set for this idle time, if it is round for its size."""
    return round_number(shortest_ns, ABSENT, shortest_ns / SECOND / ROUND_ENOUGH)


def _known(shortest_ns: int, longest_ns: int, closer: int, port: int) -> list[KnownLimit]:
    """Return the known limits of this side from which such closes follow, those of the service's own port first."""
    reach_ns = max(ALIKE_NS, int(shortest_ns * ALIKE), longest_ns - shortest_ns)
    side = "server" if closer else "client"
    fitting = [
        one
        for one in known_limits()
        if one.side == side
        and one.idle_s
        and -EARLY_NS <= shortest_ns - one.idle_s * SECOND <= reach_ns
        and (not one.ports or port in one.ports)
    ]
    return sorted(fitting, key=lambda one: (not one.ports, not one.verified))[:MOST_MATCHES]
