"""Groups of connections in words: what became of them, with which settings, after how long.

Beside `sentences.py` the only prose about findings.
"""

from collections.abc import Sequence

from analyzer.analysis import Analysis
from analyzer.keepalive.findings import Flows, Role
from analyzer.keepalive.settings.values import Setting, Settings
from analyzer.keepalive.summary.groups import SETTINGS, Group, Range, ranges
from analyzer.keepalive.verdict.values import Cause, How, Outcome
from analyzer.report.ranking import URGENCY
from analyzer.report.units import SECOND, plain, short
from analyzer.report.words.sentences import OUTCOMES
from analyzer.report.words.setting_sentences import bounds

CAUSES = {
    Cause.PEER_SILENT: "the peer fell silent",
    Cause.PATH_DROPPED: "forgotten by the path or the peer",
    Cause.LINK_DEAD: "the peer is gone from the link",
    Cause.PEER_LOST_STATE: "the peer no longer knew it",
    Cause.PATH_RESET: "by something on the path",
}
CLOSERS = {Role.RESPONDER: " by the responder", Role.ORIGINATOR: " by the originator"}
EXAMPLES = 3
"""Connections that are named; more are counted."""


def counted(flows: Flows) -> list[tuple[Outcome, str, int]]:
    """Return each outcome, its words, and the number of connections that ended so; the most urgent first.

    RSTs of applications, and what never became a connection, have words of their own.
    """
    counts, resets, attempts = flows.outcomes(), flows.resets(), flows.attempts()
    counts[Outcome.CLOSED] -= resets
    counts[Outcome.UNKNOWN] -= attempts
    found = [(one, OUTCOMES[one], counts[one]) for one in URGENCY]
    found += [(Outcome.CLOSED, "closed by RST", resets), (Outcome.UNKNOWN, "never opened", attempts)]
    return [one for one in found if one[2]]


def chosen(analysis: Analysis) -> str:
    """Say which connections the groups are of, where these are not all."""
    grouped, flows = sum(len(one.flows) for one in analysis.groups), len(analysis.flows)
    if grouped < len(analysis.notable):
        return f"Conclusions and groups rest on a choice of {grouped:,} connections."
    return f"{grouped:,} of {flows:,} connections show keepalive, trouble or a long silence:" if grouped < flows else ""


def fate(group: Group) -> str:
    """Say what became of the connections."""
    if group.outcome is Outcome.CLOSED:
        who = CLOSERS.get(group.closed_by, "") if group.closed_by is not None else ""
        return f"closed{who}{' with RST' if group.how is How.RST else ''}"
    cause = CAUSES.get(group.cause) if group.cause is not None else None
    return f"{OUTCOMES[group.outcome]}: {cause}" if cause else OUTCOMES[group.outcome]


def service(group: Group) -> str:
    """Name the service, or say how many there are."""
    return group.services[0] if len(group.services) == 1 else f"{len(group.services):,} services"


def settings(group: Group) -> str:
    """Give time/intvl/probes, each a number or a range; empty without keepalive."""
    return "/".join(number(one) for one in group.settings) if group.has_keepalive else ""


def triple(settings: Sequence[Settings]) -> list[str]:
    """Give time, interval and count: of one end the value or else its bounds, of several the range."""
    if len(settings) > 1:
        return [number(one) for one in ranges(settings)]
    found: list[Setting | None] = [getattr(settings[0], name) for name in SETTINGS]
    return ["?" if one is None else str(one.value) if one.value is not None else bounds(one) for one in found]


def number(one: Range | None) -> str:
    """Give a setting's number or range, or "?"."""
    if one is None:
        return "?"
    low, high = plain(one.low), plain(one.high)
    return low if low == high else f"{low}–{high}"


def idle(group: Group) -> str:
    """Give the range of idle times."""
    low, high = map(short, group.idle_ns)
    if low == high:
        return low
    return f"{low} to {high}" if group.idle_ns[0] < SECOND else f"{low.removesuffix(' s')}–{high}"


def examples(group: Group) -> str:
    """Name some of the connections."""
    return " ".join(f"#{flow}" for flow in group.flows[:EXAMPLES]) + (" …" if len(group.flows) > EXAMPLES else "")
