"""Hosts that fell silent and came back: what the connections show that lived through it.

An end whose probes went unanswered, several in a row, and were answered again, shows between which instants the other
end's host, or the way to it, was away. A connection that died of it meanwhile had not enough patience.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from analyzer.keepalive.findings import Flow
from analyzer.keepalive.model.linux import SECOND
from analyzer.keepalive.story.values import Answer

SEVERAL = 2
"""As many probes without an answer, one after the other, were hardly lost by chance."""


class Outage(NamedTuple):
    """A time within which the other end was away; it may have been less."""

    heard_ns: int
    """When it had answered last."""
    again_ns: int
    """When it answered again."""


def outages(flow: Flow, end: int) -> Iterator[Outage]:
    """Yield the times in which an end's probes went unanswered, up to the next answer."""
    heard_ns, unanswered = flow.start_ns, 0
    for probe in flow.ends[end].story.probes:
        if probe.answer is Answer.NOTHING:
            unanswered += not probe.may_go_unanswered
        elif probe.answer_ns >= 0:
            if unanswered >= SEVERAL:
                yield Outage(heard_ns, probe.answer_ns)
            heard_ns, unanswered = probe.answer_ns, 0


def lived_through(flows: Iterable[Flow], host: str, since_ns: int, until_ns: int) -> dict[int, Outage]:
    """Return the connections on which a host was away in this time, or a part of it, and answered again."""
    return {
        flow.id: outage
        for flow in flows
        for end in flow.probers
        if flow.ends[1 - end].address == host
        for outage in outages(flow, end)
        if outage.heard_ns < until_ns and since_ns < outage.again_ns
    }


def came_back(lost: Sequence[Flow], flows: Iterable[Flow], hosts: Sequence[str]) -> dict[str, float]:
    """Return for how many seconds at the most the host was away on which connections died, and how many of all lived
    through it; nothing where it did not come back, or where several hosts are concerned."""
    runs = [flow.story.run for flow in lost]
    if len(hosts) != 1 or any(run is None for run in runs):
        return {}
    since_ns = min(run.first_ns for run in runs if run is not None)
    lived = lived_through(flows, hosts[0], since_ns, max(flow.end_ns for flow in lost))
    if not lived:
        return {}
    return {
        "back_s": min(outage.again_ns - outage.heard_ns for outage in lived.values()) / SECOND,
        "lived": len(lived),
    }
