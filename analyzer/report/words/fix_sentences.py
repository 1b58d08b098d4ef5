"""What to do about a conclusion, in words.

Beside `sentences.py` the only prose about findings.
"""

from collections.abc import Callable

from analyzer.keepalive.summary.conclusions import Conclusion, ConclusionCode
from analyzer.report.words.conclusion_parts import at_least, is_network, rounded_up, to

COMMON_LIMIT_S = 300
"""Many boxes forget a connection from this silence on."""
LINES = "`ka-analyze --advice linux …` prints the lines"


def fix(one: Conclusion) -> str | None:
    """Say what to do about it; None where nothing is wrong."""
    found = FIXES.get(one.code)
    return found(one) if callable(found) else found


def _behaves_like(one: Conclusion) -> str:
    return f" Behaves like {', '.join(one.matches)}." if one.matches else ""


def _set_time(one: Conclusion) -> str:
    n = one.known
    if "safe_s" not in n:
        return "Look for a firewall, NAT or load balancer on the way that was restarted, or rejects such connections."
    return (
        f"Set tcp_keepalive_time to {n['safe_s']:.0f} s or less, with SO_KEEPALIVE on, at one end: {LINES}."
        f"{_behaves_like(one)}"
    )


def _outlast(one: Conclusion) -> str:
    return (
        f"Let {to(one)} keep idle connections for longer than its clients do (for 65 s where a load balancer keeps "
        f"them for 60 s), or let the client retry.{_behaves_like(one)}"
    )


def _request_or_raise(one: Conclusion) -> str | None:
    n = one.known
    if one.limit is not None and one.limit.by == "originator":
        return None
    every = n.get("value_s", n.get("high_s", 0)) * 2 / 3
    what = "a request (heartbeats do not count)" if one.limit and one.limit.clock == "no-heartbeat" else "a request"
    return (
        f"If such connections are to stay open, send {what} every {at_least(every)} s, or raise the timeout of "
        f"{to(one)}.{_behaves_like(one)}"
    )


def _below_limits(one: Conclusion) -> str | None:
    if one.known.get("idle_s", 0) < COMMON_LIMIT_S:
        return None
    return (
        "If it was not restarted, the path or a load balancer forgets sooner: set tcp_keepalive_time to 200 s or less, "
        f"with SO_KEEPALIVE on ({LINES})."
    )


def _detect(one: Conclusion) -> str | None:
    if "back_s" in one.known:
        longer = rounded_up(one.known["back_s"])
        return f"To live through the like, let probing last for more than {longer} s (time + probes × interval)."
    if not one.known["unnoticed"]:
        return None
    return f"Switch SO_KEEPALIVE on at the end that waits, for example 60/10/5 (time/intvl/probes): {LINES}."


def _look_at_path(one: Conclusion) -> str:
    if is_network(one):
        return "Look at the link to that network, and at its router."
    return "Look for a filter, a NAT or a broken link on the way."


def _beat_sooner(one: Conclusion) -> str:
    n = one.known
    every = n.get("value_s", n.get("high_s", n["period_s"])) / 3
    return f"Let it come every {at_least(every)} s: of a heartbeat one may be lost."


def _put_in_force(one: Conclusion) -> str:
    n = one.known
    if "silent_on" in n and n["silent_on"] == len(one.flows):
        return f"Set SO_KEEPALIVE on the socket: without it no sysctl has an effect ({LINES})."
    return (
        "Look for TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT in the application, which override sysctl, and for a "
        "container, which has sysctls of its own; `ka-analyze --sysctl …` prints what is in force."
    )


FIXES: dict[ConclusionCode, str | Callable[[Conclusion], str | None]] = {
    ConclusionCode.SETTINGS_NOT_IN_FORCE: _put_in_force,
    ConclusionCode.ONE_WAY_PATH: "Look for a route, a filter or a NAT that only one direction passes.",
    ConclusionCode.NAT_REBINDING: _set_time,
    ConclusionCode.PATH_FORGETS: _set_time,
    ConclusionCode.PATH_RESETS: _set_time,
    ConclusionCode.HALF_CLOSED_FORGOTTEN: "Close both halves, or answer sooner after the other end's FIN.",
    ConclusionCode.KEEPALIVE_RACE: _outlast,
    ConclusionCode.REUSED_AFTER_CLOSE: "Let the client retry on a new connection what a closed one did not answer.",
    ConclusionCode.HEARTBEAT_TOO_OFTEN: (
        "Let the heartbeat come less often, or let the service permit it (gRPC: keepalive_time of the client, 5 min "
        "at the least by default; permit_keepalive_time of the server)."
    ),
    ConclusionCode.DATA_UNACKNOWLEDGED: (
        "Set TCP_USER_TIMEOUT on the socket, or let the application give up by itself: no keepalive setting helps here."
    ),
    ConclusionCode.PEER_UNREACHABLE: "Look at the route and at filters on the way; the ICMP errors name the router.",
    ConclusionCode.PEER_RESTARTED: _below_limits,
    ConclusionCode.PATH_DROPS: _look_at_path,
    ConclusionCode.PEER_SILENT: _detect,
    ConclusionCode.HEARTBEAT_STOPPED: (
        f"Let the application give up when a heartbeat is missing (a hold timer), or switch SO_KEEPALIVE on: {LINES}."
    ),
    ConclusionCode.HEARTBEAT_TOO_RARE: _beat_sooner,
    ConclusionCode.SERVICE_CLOSES_IDLE: _request_or_raise,
    ConclusionCode.OPEN_AND_SILENT: (
        "Switch SO_KEEPALIVE on at one end, with a time below every idle limit on the path (many are 300 to 350 s): "
        f"{LINES}."
    ),
}
