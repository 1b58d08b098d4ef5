"""What findings mean to a person who has never seen any: all connections in a sentence, what is behind a cause.

Beside `sentences.py` the only prose about findings.
"""

from analyzer.keepalive.failures import fatal_silence_ns
from analyzer.keepalive.findings import Flow, Flows
from analyzer.keepalive.verdict.values import Cause, Outcome, Reason
from analyzer.report.units import short
from analyzer.report.words.sentences import ONE_WAY, OUTCOMES

MEANINGS = {
    Cause.PEER_SILENT: "The other host, or the way to it, went away without a word: it crashed, lost its power or "
    "its network, or something on the way began to drop its packets. From this capture these look the same.",
    Cause.PATH_DROPPED: "The other host is alive, so something between the two ends, such as a NAT, a firewall or a "
    "load balancer, most likely struck this connection out of its table while it was silent. What is sent after that "
    "goes nowhere, and neither end is told. (A peer that lost the connection and may not answer looks the same.)",
    Cause.LINK_DEAD: "The next hop is asked for its link address and does not answer: the host is off, unplugged, or "
    "has another address now.",
    Cause.PATH_UNREACHABLE: "A router on the way says that it cannot deliver: a route or a link is down, or a filter "
    "rejects the packets.",
    Cause.PEER_LOST_STATE: "The other host is there and does not know this connection: it was rebooted, its program "
    "was killed, or its address now belongs to another host.",
    Cause.PATH_RESET: "Something between the two ends, such as a firewall or a load balancer, ended the connection in "
    "the peer's name; the peer may still hold it open.",
}
"""For a person who has never seen this."""

DEAD = (Outcome.TIMED_OUT, Outcome.UNREACHABLE, Outcome.RESET, Outcome.UNDETECTED)


def overall(flows: Flows) -> str:
    """Sum up all connections in a sentence: how many died, and how many are in doubt."""
    if not flows:
        return "No TCP connection in this capture."
    counts, opened = flows.outcomes(), len(flows) - flows.attempts()
    dead, doubtful = sum(counts[outcome] for outcome in DEAD), counts[Outcome.PROBING]
    if not opened:
        return "No TCP connection was opened in this capture."
    if len(flows) == 1:
        if flows[0].verdict.outcome is Outcome.UNKNOWN:
            return "What became of the one connection is not known."
        return f"The one connection {'died' if dead else f'is {OUTCOMES[flows[0].verdict.outcome]}'}."
    died = f"{dead:,} of {opened:,} connections died" if dead else f"None of {opened:,} connections died"
    return died + (f", {doubtful:,} more do not answer." if doubtful else ".")


def meaning(flow: Flow) -> str:
    """Explain the verdict to a newcomer; empty where the headline says it all."""
    if flow.verdict.outcome is Outcome.UNDETECTED:
        return "One end is lost and the other has not found out: its application waits, and goes on waiting."
    cause = flow.verdict.cause
    if cause is None or Reason.NETWORK_SILENT in flow.verdict.reasons:
        return ""
    if cause is Cause.PATH_DROPPED and ONE_WAY.intersection(flow.verdict.reasons):
        return "Packets arrive in one direction only: a route, a filter or a NAT on the way back or forth is broken."
    return MEANINGS.get(cause, "") + _or_forgotten(flow)


def _or_forgotten(flow: Flow) -> str:
    """Say that a path that forgets would look the same from here, where nothing speaks against it."""
    silence_ns = fatal_silence_ns(flow)
    if silence_ns is None:
        return ""
    return (
        f" Nothing here shows that the connection could survive a silence of {short(silence_ns)}: a NAT or a firewall "
        "that forgets silent connections looks like this, too. Then a first probe sooner than that would have kept it "
        "open."
    )
