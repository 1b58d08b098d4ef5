"""What became of settings from one capture to a later one: at each service and end, the usual ones before and after,
and on how many connections the new ones are in force.

Connections of two captures have nothing in common but whom they are with, so the ends that probe are compared by
service, and by whether they are the service or its client. The settings of a place are those that most of its ends
show; where no value has a majority there are none.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from analyzer.keepalive.findings import End, Flow
from analyzer.keepalive.settings.values import Setting, Settings
from analyzer.keepalive.summary.expectations import includes
from analyzer.keepalive.summary.groups import SETTINGS, Triple, ranges

Values = tuple[int | None, int | None, int | None]
"""Time, interval and count; None where the wire does not say."""


class Standing(StrEnum):
    """The settings of an end, measured by those before and after."""

    NEW = "new"
    """Its bounds admit the new settings and exclude the old ones."""
    OLD = "old"
    OTHER = "other"
    """They exclude both."""
    EITHER = "either"
    """They admit both."""


class Place(NamedTuple):
    service: str
    is_server: bool
    """The service itself probes; otherwise its clients do."""


class Change(NamedTuple):
    """What became of the settings at one place."""

    place: Place
    before: Values
    after: Values
    ranges: tuple[Triple, Triple]
    """Ranges of all ends before and after."""
    connections: tuple[int, int]
    """Those of which the end there probes, before and after."""
    standings: dict[Standing, tuple[int, ...]]
    """Numbers of the later capture's connections; empty where nothing changed, or nothing usual is known."""

    @property
    def is_change(self) -> bool:
        """Tell whether some setting is known to be another one."""
        return any(a is not None and b is not None and a != b for a, b in zip(self.before, self.after, strict=True))


def changes(before: Iterable[Flow], after: Iterable[Flow]) -> list[Change]:
    """Return the places at which ends probe, those with most connections first."""
    earlier, later = _probers(before), _probers(after)
    found = [_change(place, earlier.get(place, []), later.get(place, [])) for place in earlier | later]
    return sorted(found, key=lambda one: -sum(one.connections))


def _probers(flows: Iterable[Flow]) -> dict[Place, list[tuple[int, End]]]:
    """Return the ends that probe themselves, by place, with the number of their connection."""
    found: dict[Place, list[tuple[int, End]]] = defaultdict(list)
    for flow in flows:
        for index in flow.probers:
            if flow.ends[index].has_keepalive:
                found[Place(flow.service, index == flow.service_end)].append((flow.id, flow.ends[index]))
    return found


def _change(place: Place, before: list[tuple[int, End]], after: list[tuple[int, End]]) -> Change:
    old, new = ([end.settings for _, end in ends] for ends in (before, after))
    usual_before, usual_after = usual(old), usual(new)
    change = Change(place, usual_before, usual_after, (ranges(old), ranges(new)), (len(old), len(new)), {})
    if not change.is_change:
        return change
    standings: dict[Standing, list[int]] = defaultdict(list)
    for flow, end in after:
        standings[standing(end.settings, usual_before, usual_after)].append(flow)
    return change._replace(standings={one: tuple(standings[one]) for one in Standing if one in standings})


def usual(settings: list[Settings]) -> Values:
    """Return the values that more than half of the ends have which show one."""
    time, intvl, probes = (_majority([getattr(one, name) for one in settings]) for name in SETTINGS)
    return time, intvl, probes


def _majority(found: list[Setting | None]) -> int | None:
    values = Counter(one.value for one in found if one is not None and one.value is not None)
    return next((value for value, count in values.most_common(1) if 2 * count > values.total()), None)


def standing(settings: Settings, before: Values, after: Values) -> Standing:
    """Tell which settings an end's bounds admit: the new ones, the old ones, others, or both."""
    is_old, is_new = _admits(settings, before), _admits(settings, after)
    if is_old and is_new:
        return Standing.EITHER
    return Standing.NEW if is_new else Standing.OLD if is_old else Standing.OTHER


def _admits(settings: Settings, values: Values) -> bool:
    known = ((getattr(settings, name), value) for name, value in zip(SETTINGS, values, strict=True))
    return all(setting is None or value is None or includes(setting, value) for setting, value in known)
