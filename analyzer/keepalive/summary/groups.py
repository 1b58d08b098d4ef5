"""Connections that fared alike: same outcome, cause, service and settings, so that many read as a few lines.

Settings that take many values within a group become ranges. Connections of one fate to many services are one group.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from analyzer.keepalive.brief import Brief
from analyzer.keepalive.findings import Role
from analyzer.keepalive.settings.values import Setting, Settings
from analyzer.keepalive.verdict.values import Cause, How, Outcome

SETTINGS = ("tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes")
MOST_APART = 3
"""So many settings, or services, are groups of their own; more become ranges."""
MOST_SERVICES = 8
"""So many services with connections to which something happened are groups of their own."""
MOST_GROUPED = 512
"""Of more connections only those that findings are based on are grouped."""
ORDINARY = (Outcome.ALIVE, Outcome.CLOSED, Outcome.UNKNOWN)


class Range(NamedTuple):
    """The least and the most of a number."""

    low: float
    high: float


Triple = tuple[Range | None, Range | None, Range | None]
"""Time, interval and count, where known."""


class Group(NamedTuple):
    """Connections that fared alike. Idle times are the longest silences, or for a close the time without data."""

    outcome: Outcome
    cause: Cause | None
    how: How | None
    """How it was closed; None for what was not."""
    closed_by: Role | None
    """Who closed it; None for what was not, or by both at once."""
    services: tuple[str, ...]
    has_keepalive: bool
    settings: Triple
    idle_ns: tuple[int, int]
    flows: tuple[int, ...]


def groups(flows: Iterable[Brief]) -> tuple[Group, ...]:
    """Return the groups, the largest first."""
    alike: dict[tuple[object, ...], list[Brief]] = defaultdict(list)
    for flow in flows:
        alike[_fate(flow)].append(flow)
    found = [group for members in alike.values() for group in _by_service(members)]
    return tuple(sorted(found, key=lambda one: -len(one.flows)))


def ranges(of: Sequence[Settings]) -> Triple:
    """Return the range of each setting over several ends."""
    time, intvl, probes = (_range([getattr(one, name) for one in of]) for name in SETTINGS)
    return time, intvl, probes


def _range(settings: Sequence[Setting | None]) -> Range | None:
    """Return the range of the values; where none is known, that of the bounds, if they are closed."""
    known = [one for one in settings if one is not None]
    values = [one.value for one in known if one.value is not None]
    if values:
        return Range(min(values), max(values))
    highs = [one.high for one in known if one.high is not None]
    return Range(min(one.low for one in known), max(highs)) if known and len(highs) == len(known) else None


def _fate(flow: Brief) -> tuple[object, ...]:
    """Return what connections of a group have in common but for service and settings."""
    return flow.outcome, flow.cause, flow.how, flow.closed_by, bool(flow.probers)


def _by_service(flows: list[Brief]) -> list[Group]:
    """Split connections of one fate by service, unless there are many, or nothing happened to them on some."""
    services: dict[str, list[Brief]] = defaultdict(list)
    for flow in flows:
        services[flow.service].append(flow)
    is_dull = flows[0].outcome in ORDINARY and not flows[0].probers
    if len(services) > (MOST_APART if is_dull else MOST_SERVICES):
        return [_group(flows, tuple(services))]
    return [group for service, members in services.items() for group in _by_settings(members, service)]


def _by_settings(flows: list[Brief], service: str) -> list[Group]:
    """Split connections by their settings, if these are few."""
    apart: dict[tuple[int | None, ...], list[Brief]] = defaultdict(list)
    for flow in flows:
        apart[_values(flow)].append(flow)
    return [_group(members, (service,)) for members in (apart.values() if len(apart) <= MOST_APART else [flows])]


def _values(flow: Brief) -> tuple[int | None, ...]:
    found = [setting for prober in flow.probers for setting in prober.settings.triple]
    return tuple(one.value if one is not None else None for one in found)


def _group(flows: list[Brief], services: tuple[str, ...]) -> Group:
    first = flows[0]
    idle = [flow.idle_ns for flow in flows]
    return Group(
        outcome=first.outcome,
        cause=first.cause,
        how=first.how,
        closed_by=first.closed_by,
        services=services,
        has_keepalive=bool(first.probers),
        settings=ranges([prober.settings for flow in flows for prober in flow.probers]),
        idle_ns=(min(idle), max(idle)),
        flows=tuple(flow.id for flow in flows),
    )
