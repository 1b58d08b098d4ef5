"""Which silence a connection did not survive, and whether the path, or something on it, may be to blame.

Predicates over what is known of one connection; what many say of a path's idle limit is in `summary/paths.py`.
"""

from typing import Literal

from analyzer.keepalive.findings import Flow
from analyzer.keepalive.story.values import LONG_NS, Silence
from analyzer.keepalive.verdict.values import Cause, Outcome, Reason
from analyzer.schema import ABSENT

OnExpiry = Literal["silent", "rst"]
FORGOTTEN = frozenset({Reason.REBOUND, Reason.ASKS_FOR_ANOTHER})
"""Reasons by which the path has forgotten a connection, whatever the connection itself shows."""
UNNOTICED = frozenset({Reason.PEER_HOST_ANSWERS, Reason.REBOUND})
"""Reasons by which the path is to blame for what goes unanswered before anybody has given up."""
MAY_BE_THE_PATH = frozenset({Outcome.RESET, Outcome.UNDETECTED})
"""Outcomes for which the path may be to blame, although no cause is known."""


def failure(flow: Flow) -> Silence | None:
    """Return the first silence that was not survived, if the path is to blame; else None.

    A single probe without an answer up to the capture's end does not count: it may as well have been lost.
    """
    if flow.verdict.cause is None and flow.verdict.outcome not in MAY_BE_THE_PATH:
        return None
    run = flow.story.run
    if on_expiry(flow) is None:
        return flow.forgotten_after if is_forgotten_unseen(flow) else None
    if flow.verdict.outcome is Outcome.PROBING and run is not None and len(run.frames) == 1:
        return None
    return next((silence for silence in flow.story.silences if not silence.survived), None)


def on_expiry(flow: Flow) -> OnExpiry | None:
    """Return what the path did to what came later on this connection if the verdict blames the path, or may blame it,
    else None.

    The failure of a whole network is no idle limit, and within a LAN there is no path.
    """
    verdict = flow.verdict
    if flow.is_within_lan or is_forgotten_unseen(flow) or flow.continues is not None:
        return None
    if verdict.cause is Cause.PATH_RESET or looks_native(flow):
        return "rst"
    is_unnoticed = verdict.outcome is Outcome.UNDETECTED and not UNNOTICED.isdisjoint(verdict.reasons)
    if (verdict.cause is Cause.PATH_DROPPED or is_unnoticed) and Reason.NETWORK_SILENT not in verdict.reasons:
        return "silent"
    return None


def looks_native(flow: Flow) -> bool:
    """Tell whether a RST ended the connection that may be the other end's own: so does a load balancer's look that uses
    its TTL."""
    verdict = flow.verdict
    return verdict.outcome is Outcome.RESET and verdict.cause is not Cause.PATH_RESET


def is_forgotten_unseen(flow: Flow) -> bool:
    """Tell whether only other packets than the connection's own show that the path has forgotten it."""
    verdict = flow.verdict
    return verdict.outcome is Outcome.UNDETECTED and not FORGOTTEN.isdisjoint(verdict.reasons[:1])


def fatal_silence_ns(flow: Flow) -> int | None:
    """Return how long the flow was silent when the peer was lost, in ns, if it never survived as much; else None.

    A path that forgets the connection would look the same.
    """
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


def lost_requests(flow: Flow) -> int:
    """Return how many segments with data of the client a RST answered in the service's name."""
    reset = flow.story.reset
    is_of_service = reset is not None and reset.end == flow.service_end
    return flow.ending.lost if flow.ending is not None and is_of_service else 0
