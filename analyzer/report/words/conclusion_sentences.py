"""Conclusions in words: a sentence or two with numbers, and under them what to do.

Beside `sentences.py` the only prose about findings.
"""

from collections.abc import Callable

from analyzer.keepalive.summary.conclusions import Conclusion, ConclusionCode
from analyzer.report.units import plain
from analyzer.report.words.service_sentences import SINCE

Numbers = dict[str, float]
ONLY_ONE = " One connection alone may be a coincidence."
COMMON_LIMIT_S = 300
"""Many boxes forget a connection from this silence on."""
LINES = "`ka-analyze --advice linux …` prints the lines"


def text(one: Conclusion) -> str:
    """Say what is concluded, with its numbers."""
    return TEXTS[one.code](one)


def fix(one: Conclusion) -> str | None:
    """Say what to do about it; None where nothing is wrong."""
    found = FIXES.get(one.code)
    return found(one) if callable(found) else found


def in_full(one: Conclusion) -> tuple[str, ...]:
    """Say what is concluded, and on another line what to do about it, as plain text."""
    what_to_do = fix(one)
    return (text(one), f"→ {what_to_do}") if what_to_do else (text(one),)


def _n(count: float, what: str = "connection") -> str:
    return f"{count:,.0f} {what}{'s' * (count != 1)}"


def _s(seconds: float) -> str:
    """Write seconds as one compares them: with the digits that matter."""
    return f"{plain(round(seconds, 1) if seconds >= 10 else round(seconds, 3))} s"


def _roughly(seconds: float) -> str:
    """Write seconds that are only a proposal."""
    return f"{seconds:.0f}" if seconds >= 10 else f"{max(seconds, 0.5):.1f}".removesuffix(".0")


def _span(n: Numbers, low: str, high: str) -> str:
    """Write a range of seconds, or the one number that it is."""
    first, last = plain(round(n[low], 1)), plain(round(n[high], 1))
    return f"{first} s" if first == last else f"{first} to {last} s"


def _one_way_path(one: Conclusion) -> str:
    return (
        f"One way of the path to {one.service} is broken: on {_n(len(one.flows))} one end goes on sending, and what it "
        "sends, or what acknowledges it, does not arrive."
    )


def _nat_rebinding(one: Conclusion) -> str:
    n = one.known
    known = f" (it survived {_s(n['survived_s'])})" if "survived_s" in n else ""
    after = f" within {_s(n['failed_s'])} of silence{known}" if "failed_s" in n else ""
    return (
        f"A NAT before {one.service} forgot a connection{after}, and gave it another port: its sequence numbers go on "
        "in a connection that the other end does not know."
    )


def _path(one: Conclusion) -> str:
    n = one.known
    survived = f"survived {_s(n['survived_s'])}, " if "survived_s" in n else ""
    after = "some silence"
    if one.limit is not None and one.limit.value_ns is not None:
        after = f"{_s(one.limit.value_ns / 1e9)} of silence"
    unknown = one.limit is not None and one.limit.by == "unknown"
    who = f"{one.service}, or a load balancer in its name," if unknown else f"The path to {one.service}"
    how = "answers what comes later with RST" if one.code is ConclusionCode.PATH_RESETS else "drops what comes later"
    words = f"{who} forgets a connection after {after} ({survived}failed at {_s(n['failed_s'])}; it {how})."
    died = f" {n['died']:.0f} of {_n(n['of'])} died of it" if n["of"] > 1 else ""
    if died and "earliest_s" in n:
        died += f": their first probe comes after {_span(n, 'earliest_s', 'latest_s')}"
    only = ONLY_ONE if n["died"] == 1 else ""
    return f"{words}{died}{'.' if died else ''}{only}"


def _half_closed(one: Conclusion) -> str:
    n = one.known
    survived = f"survived {_s(n['survived_s'])}, " if "survived_s" in n else ""
    return (
        f"The path to {one.service} forgets half-closed connections sooner than others ({survived}failed at "
        f"{_s(n['failed_s'])}): {_n(n['died'])} lost what came after one end's FIN."
    )


def _limit(n: Numbers) -> str:
    if "value_s" in n:
        return f"{_s(n['value_s'])}"
    if "survived_s" in n and "high_s" in n:
        return f"{_span(n, 'survived_s', 'high_s')}"
    return f"at most {_s(n['high_s'])}"


def _since(one: Conclusion) -> str:
    return SINCE[one.limit.clock] if one.limit is not None else "without data"


def _race(one: Conclusion) -> str:
    n = one.known
    return (
        f"{one.service} closes a connection after {_limit(n)} {_since(one)}, just when the client uses it "
        f"again: {_n(n['lost'], 'request')} on {_n(n['closed'])} met the close and "
        f"{'was' if n['lost'] == 1 else 'were'} lost. TCP keepalive has nothing to do with it."
    )


def _reused(one: Conclusion) -> str:
    n = one.known
    return (
        f"{_n(n['lost'], 'request')} to {one.service} met a connection that it had just closed, and "
        f"{'was' if n['lost'] == 1 else 'were'} answered with RST."
    )


def _too_often(one: Conclusion) -> str:
    n = one.known
    only = ONLY_ONE if len(one.flows) == 1 else ""
    return (
        f"{one.service} closed {_n(len(one.flows))} right after a heartbeat, which came every {_s(n['period_s'])}: "
        f"more often than it allows.{only}"
    )


def _unacknowledged(one: Conclusion) -> str:
    n = one.known
    return (
        f"Data on {_n(len(one.flows))} to {one.service} has been unacknowledged for up to {_s(n['longest_s'])} and was "
        f"sent again up to {_n(n['resends'], 'time')}. Its kernel gives up after up to {_s(n['gives_up_s'])}, and "
        "keepalive is suspended all the while."
    )


def _unreachable(one: Conclusion) -> str:
    n = one.known
    return f"Routers report {one.service} unreachable: {_n(len(one.flows))} ended so{_noticed(n)}."


def _restarted(one: Conclusion) -> str:
    n = one.known
    idle = f", after up to {_s(n['idle_s'])} of silence" if "idle_s" in n else ""
    return (
        f"The other end of {_n(len(one.flows))} to {one.service}, or something in its name, no longer knew "
        f"{'it' if len(one.flows) == 1 else 'them'}{idle}: it was restarted, or had forgotten."
    )


def _silent(one: Conclusion) -> str:
    n = one.known
    words = f"One end of {_n(len(one.flows))} to {one.service} fell silent{_noticed(n)}"
    if n["unnoticed"]:
        words += f"; on {n['unnoticed']:.0f} of them nobody has noticed yet"
    return words + "."


def _noticed(n: Numbers) -> str:
    return f", which was noticed after {_span(n, 'soonest_s', 'latest_s')}" if "soonest_s" in n else ""


def _stopped(one: Conclusion) -> str:
    n = one.known
    return (
        f"A heartbeat to or from {one.service} that came every {_s(n['period_s'])} stopped {_s(n['stopped_s'])} before "
        f"the end, on {_n(len(one.flows))}, and nobody has noticed."
    )


def _too_rare(one: Conclusion) -> str:
    n = one.known
    return (
        f"A heartbeat every {_s(n['period_s'])} does not keep a connection to {one.service} open that is ended after "
        f"{_limit(n)} {_since(one)}."
    )


def _closes_idle(one: Conclusion) -> str:
    n = one.known
    by_client = one.limit is not None and one.limit.by == "originator"
    who = f"The client of {one.service}" if by_client else f"{one.service}"
    words = f"{who} closes a connection after {_limit(n)} {_since(one)}: {n['closed']:.0f} of {_n(n['of'])} "
    words += "ended so. TCP keepalive does not count for that"
    only = ONLY_ONE if n["closed"] == 1 else ""
    return f"{words}.{only}"


def _left_open(one: Conclusion) -> str:
    n = one.known
    return (
        f"{_n(len(one.flows))} to {one.service} {'has' if len(one.flows) == 1 else 'have'} been silent for "
        f"{_span(n, 'shortest_s', 'longest_s')}, and nobody probes: whether the other end is still there, nobody knows."
    )


def _works(one: Conclusion) -> str:
    n = one.known
    after = f", the first after {_span(n, 'earliest_s', 'latest_s')} idle" if "earliest_s" in n else ""
    return f"Keepalive works on {_n(len(one.flows))}: {_n(n['probes'], 'probe')}, each answered{after}."


def _nothing(one: Conclusion) -> str:
    n = one.known
    return (
        f"No connection was idle for long enough to matter: the longest silence of {_n(n['connections'])} is "
        f"{_s(n['longest_s'])}."
    )


TEXTS: dict[ConclusionCode, Callable[[Conclusion], str]] = {
    ConclusionCode.ONE_WAY_PATH: _one_way_path,
    ConclusionCode.NAT_REBINDING: _nat_rebinding,
    ConclusionCode.PATH_FORGETS: _path,
    ConclusionCode.PATH_RESETS: _path,
    ConclusionCode.HALF_CLOSED_FORGOTTEN: _half_closed,
    ConclusionCode.KEEPALIVE_RACE: _race,
    ConclusionCode.REUSED_AFTER_CLOSE: _reused,
    ConclusionCode.HEARTBEAT_TOO_OFTEN: _too_often,
    ConclusionCode.DATA_UNACKNOWLEDGED: _unacknowledged,
    ConclusionCode.PEER_UNREACHABLE: _unreachable,
    ConclusionCode.PEER_RESTARTED: _restarted,
    ConclusionCode.PEER_SILENT: _silent,
    ConclusionCode.HEARTBEAT_STOPPED: _stopped,
    ConclusionCode.HEARTBEAT_TOO_RARE: _too_rare,
    ConclusionCode.SERVICE_CLOSES_IDLE: _closes_idle,
    ConclusionCode.OPEN_AND_SILENT: _left_open,
    ConclusionCode.KEEPALIVE_WORKS: _works,
    ConclusionCode.NOTHING_IDLE: _nothing,
}


def _behaves_like(one: Conclusion) -> str:
    return f" Behaves like {', '.join(one.names)}." if one.names else ""


def _set_time(one: Conclusion) -> str:
    n = one.known
    return (
        f"Set tcp_keepalive_time to {n['safe_s']:.0f} s or less, with SO_KEEPALIVE on, at one end: {LINES}."
        f"{_behaves_like(one)}"
    )


def _outlast(one: Conclusion) -> str:
    like = f" It behaves like {', '.join(one.names)}." if one.names else ""
    return (
        f"Let {one.service} keep idle connections for longer than its clients do (for 65 s where a load balancer keeps "
        f"them for 60 s), or let the client retry.{like}"
    )


def _request_or_raise(one: Conclusion) -> str | None:
    n = one.known
    if one.limit is not None and one.limit.by == "originator":
        return None
    every = n.get("value_s", n.get("high_s", 0)) * 2 / 3
    return (
        f"If these connections are to stay open, send a cheap request every {_roughly(every)} s or raise the timeout "
        f"of {one.service}.{_behaves_like(one)}"
    )


def _below_limits(one: Conclusion) -> str | None:
    if one.known.get("idle_s", 0) < COMMON_LIMIT_S:
        return None
    return (
        "If it was not restarted, the path or a load balancer forgets sooner: set tcp_keepalive_time to 200 s or less, "
        f"with SO_KEEPALIVE on ({LINES})."
    )


def _detect(one: Conclusion) -> str | None:
    if not one.known["unnoticed"]:
        return None
    return f"Switch SO_KEEPALIVE on at the end that waits, for example 60/10/5 (time/intvl/probes): {LINES}."


def _beat_sooner(one: Conclusion) -> str:
    return f"Let it come every {_roughly(one.known['period_s'] / 3)} s or so: of a heartbeat one may be lost."


FIXES: dict[ConclusionCode, str | Callable[[Conclusion], str | None]] = {
    ConclusionCode.ONE_WAY_PATH: "Look for a route, a filter or a NAT that only one direction passes.",
    ConclusionCode.NAT_REBINDING: _set_time,
    ConclusionCode.PATH_FORGETS: _set_time,
    ConclusionCode.PATH_RESETS: _set_time,
    ConclusionCode.HALF_CLOSED_FORGOTTEN: "Close both halves, or answer sooner after the other end's FIN.",
    ConclusionCode.KEEPALIVE_RACE: _outlast,
    ConclusionCode.REUSED_AFTER_CLOSE: "Let the client retry what a connection just closed did not answer.",
    ConclusionCode.HEARTBEAT_TOO_OFTEN: (
        "Let the heartbeat come less often, or let the service permit it (gRPC: keepalive_time of the client, 5 min "
        "at the least by default; permit_keepalive_time of the server)."
    ),
    ConclusionCode.DATA_UNACKNOWLEDGED: (
        "Set TCP_USER_TIMEOUT on the socket, or let the application give up by itself: no keepalive setting helps here."
    ),
    ConclusionCode.PEER_UNREACHABLE: "Look at the route and at filters on the way; the ICMP errors name the router.",
    ConclusionCode.PEER_RESTARTED: _below_limits,
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
