"""A service's idle limits in words: who ends idle connections, after how long, by which clock, and at what cost.

Beside `sentences.py` the only prose about findings.
"""

from analyzer.keepalive.summary.services import IdleLimit, ServiceLimits
from analyzer.keepalive.verdict.values import Confidence
from analyzer.report.units import SECOND, count, plain, short

WHO = {
    "responder": "the responder",
    "originator": "the originator",
    "path": "the path",
    "unknown": "the other end, or a load balancer in its name,",
}
SINCE = {
    "data": "without data",
    "peer-data": "without data from the other end",
    "no-heartbeat": "without data other than heartbeats",
}
DOES = {
    "fin": "closes a connection",
    "rst": "resets a connection",
    "silent": "forgets a connection, and drops what comes later,",
}
ONLY_ONE = " One connection alone may be a coincidence."
NEXT_ONE = " The client opened its next connection right then: this may as well be the pause between two of its tasks."
ANSWERS = "answers with RST what comes on a connection"


def idle_limit(limit: IdleLimit) -> str:
    """Say who ends idle connections after how long, on how many this rests, what it cost, and that keepalive does not
    count."""
    return in_brief(limit) + _keepalive(limit)


def in_brief(limit: IdleLimit) -> str:
    """Say the same of one after others: without what is true of all of them."""
    is_answer = limit.how == "rst" and limit.by in ("path", "unknown")
    does = ANSWERS if is_answer else DOES[limit.how]
    who = WHO[limit.by]
    words = f"{who[:1].upper()}{who[1:]} {does} after {_how_long(limit)} {SINCE[limit.clock]}: "
    words += f"{limit.closed:,} ended so"
    if limit.survived_ns is not None:
        words += f", and one lived that was idle for {short(limit.survived_ns)}"
    if limit.lost:
        words += f"; {limit.lost:,} request{'s were' if limit.lost > 1 else ' was'} lost"
    like = f" Like {', '.join(limit.matches)}." if limit.matches else ""
    return f"{words}.{doubt(limit)}{like}"


def doubt(limit: IdleLimit) -> str:
    """Say what else a limit that is no more than a guess may be."""
    if limit.confidence is not Confidence.GUESS:
        return ""
    return ONLY_ONE if limit.closed == 1 else NEXT_ONE


def _how_long(limit: IdleLimit) -> str:
    """Name the round number; without one the bracket."""
    if limit.value_ns is not None:
        return f"{plain(limit.value_ns / SECOND)} s"
    assert limit.high_ns is not None
    if not limit.low_ns:
        return f"at most {short(limit.high_ns)}"
    return f"{short(limit.low_ns)} to {short(limit.high_ns)}"


def _keepalive(limit: IdleLimit) -> str:
    """Say what keepalive can do about it."""
    if limit.by in ("responder", "originator"):
        return " TCP keepalive does not count for it: the kernel answers that, and no application sees it."
    return ""


def service(one: ServiceLimits) -> str:
    """Name the service and how many connections lead to it."""
    return f"{one.service} ({count(one.flows, 'connection')})"
