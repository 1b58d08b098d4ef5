"""Which connections matter most, and which are worth telling at all; the same for every face."""

from collections.abc import Iterable

from analyzer.keepalive.findings import Flow
from analyzer.keepalive.verdict import Outcome

URGENCY = (
    Outcome.TIMED_OUT,
    Outcome.UNREACHABLE,
    Outcome.RESET,
    Outcome.UNDETECTED,
    Outcome.PROBING,
    Outcome.ALIVE,
    Outcome.CLOSED,
    Outcome.UNKNOWN,
)
"""The most urgent first."""
SHOWN = 10
"""Connections told in full; more than that nobody reads at once."""
UNEVENTFUL = (Outcome.ALIVE, Outcome.CLOSED, Outcome.UNKNOWN)


def urgency(flow: Flow) -> tuple[int, bool, int]:
    """To sort by: the outcome, then whether it was probed, then its number."""
    return URGENCY.index(flow.verdict.outcome), not flow.probers, flow.id


def is_telling(flow: Flow) -> bool:
    """Something happened to it, or keepalive or its alternative was seen."""
    return bool(flow.probers or flow.beating) or flow.verdict.outcome not in UNEVENTFUL


def kept(flows: Iterable[Flow], only: frozenset[Outcome] | None) -> Iterable[Flow]:
    """Those of these outcomes; without any named, all."""
    return flows if only is None else (flow for flow in flows if flow.verdict.outcome in only)


def told(flows: Iterable[Flow], shown: int, only: frozenset[Outcome] | None = None) -> tuple[list[Flow], list[Flow]]:
    """Those to tell in full, and the telling ones that there is no room for; of a dull capture the first three.

    Where outcomes are asked for, `only` those are told, dull or not.
    """
    ordered = sorted(kept(flows, only), key=urgency)
    if only is not None:
        return ordered[:shown], ordered[shown:]
    telling = [flow for flow in ordered if is_telling(flow)]
    return (telling[:shown], telling[shown:]) if telling else (ordered[: min(shown, 3)], [])
