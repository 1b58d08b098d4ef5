"""The order of connections by importance, and the choice of those to describe at all; the same for every output."""

from collections.abc import Iterable, Sequence
from itertools import filterfalse

from analyzer.keepalive.findings import Flow, Flows
from analyzer.keepalive.summary.groups import Group
from analyzer.keepalive.verdict.flow_flags import BEATS, FIRST_PROBES, SECOND_PROBES, outcome_of
from analyzer.keepalive.verdict.values import Outcome

URGENCY = (
    Outcome.TIMED_OUT,
    Outcome.UNREACHABLE,
    Outcome.RESET,
    Outcome.UNDETECTED,
    Outcome.PROBING,
    Outcome.OPEN,
    Outcome.ALIVE,
    Outcome.CLOSED,
    Outcome.UNKNOWN,
)
"""Outcomes, the most urgent first."""
SHOWN = 5
"""Number of connections described in full; more than that nobody reads at once."""
MOST_DULL = 3
"""Number of those where nothing happened to any."""
MOST_GROUPS = 12
"""Number of groups that are shown at once."""
UNEVENTFUL = (Outcome.ALIVE, Outcome.OPEN, Outcome.CLOSED, Outcome.UNKNOWN)
PROBES = FIRST_PROBES | SECOND_PROBES


def _rank(flags: int) -> int:
    return 2 * URGENCY.index(outcome_of(flags)) + (not flags & PROBES)


def _is_eventful(flags: int) -> bool:
    return bool(flags & (PROBES | BEATS)) or URGENCY[_rank(flags) // 2] not in UNEVENTFUL


RANKS = bytes(map(_rank, range(256)))
"""Rank by flow flags (`keepalive/verdict/flow_flags.py`)."""


def by_urgency(flows: Flows) -> Flows:
    """Sort by outcome, then those that were probed, then by number."""
    ranks = flows.by.flow_flags.translate(RANKS)
    return Flows(sorted(flows.numbers, key=ranks.__getitem__), flows.by)


def is_eventful(flow: Flow) -> bool:
    """Tell whether something happened to a flow, or keepalive or its alternative was seen."""
    return bool(flow.probers or flow.beating) or flow.verdict.outcome not in UNEVENTFUL


def eventful(flows: Flows) -> Flows:
    """Return the flows for which `is_eventful` holds, without assembling them."""
    return flows.whose_flags(_is_eventful)


def kept(flows: Flows, only: frozenset[Outcome] | None) -> Flows:
    """Return the flows with these outcomes; without any named, all."""
    return flows if only is None else flows.that_ended(only)


def marks(flows: Flows, only: frozenset[Outcome] | None) -> bytearray:
    """Return a byte for each flow of a capture, by number, for kernels: 1 where its outcome is among these, else 0."""
    if only is None:
        return bytearray(b"\1") * len(flows)
    return flows.by.flow_flags.translate(bytes(outcome_of(flags) in only for flags in range(256)))


def to_describe(
    flows: Flows, shown: int, only: frozenset[Outcome] | None = None, named: Sequence[int] = ()
) -> tuple[Flows, Flows]:
    """Return the flows to describe in full, and the eventful ones that do not fit; of a dull capture a few.

    Where outcomes are asked for, `only` those are described, dull or not. Those `named` by a conclusion come first.
    """
    if only is not None:
        chosen = kept(flows, only)
        ordered = _first(named, by_urgency(chosen), chosen)
        return ordered[:shown], ordered[shown:]
    if lively := eventful(flows):
        found = _first(named, by_urgency(lively), flows)
        return found[:shown], found[shown:]
    return _first(named, by_urgency(flows), flows)[: min(shown, MOST_DULL)], flows[:0]


def ordered(groups: Iterable[Group]) -> list[Group]:
    """Return groups with the most urgent outcome first, and of one outcome the largest."""
    return sorted(groups, key=lambda one: (URGENCY.index(one.outcome), -len(one.flows)))


def _first(named: Sequence[int], ranked: Flows, flows: Flows) -> Flows:
    """Put the named ones of all flows before those that are ranked, in their order."""
    first = [number for number in dict.fromkeys(named) if number in flows.numbers]
    return Flows([*first, *filterfalse(set(first).__contains__, ranked.numbers)], flows.by)
