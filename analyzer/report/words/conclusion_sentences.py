"""Conclusions in words: a sentence or two with numbers, and under them what to do.

Beside `sentences.py` the only prose about findings.
"""

from collections.abc import Callable

from analyzer.keepalive.summary.conclusions import Conclusion, ConclusionCode
from analyzer.report.units import plain
from analyzer.report.words.service_sentences import ONLY_ONE, SINCE, doubt

Numbers = dict[str, float]
WHOLE_S, MINUTES_S, HOURS_S = 1000, 600, 7200
"""From these on nobody needs tenths of seconds, seconds, or minutes."""
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


def _it(count: float) -> str:
    return "it" if count == 1 else "them"


def _s(seconds: float) -> str:
    """Write seconds as one compares them: with the digits that matter."""
    return f"{plain(_rounded(seconds))} s"


def _rounded(seconds: float) -> float:
    return round(seconds, 0 if seconds >= WHOLE_S else 1 if seconds >= 2 else 3)


def _about(seconds: float) -> str:
    """Write a time of which nobody needs more than an idea."""
    if seconds >= HOURS_S:
        return f"{plain(round(seconds / 3600, 1))} h"
    return f"{seconds / 60:.0f} min" if seconds >= MINUTES_S else f"{seconds:.0f} s" if seconds >= 10 else _s(seconds)


def _at_least(seconds: float) -> str:
    """Write seconds that are only a proposal, rounded down."""
    step = next((step for step in (100, 10, 5, 1) if seconds >= 10 * step or (step == 1 and seconds >= 1)), 0.1)
    return plain(seconds // step * step)


def _rounded_up(seconds: float) -> str:
    """Write seconds that are to be exceeded."""
    step = next(step for step in (100, 10, 5, 1) if seconds >= 10 * step or step == 1)
    return plain(-(-seconds // step) * step)


def _span(n: Numbers, low: str, high: str) -> str:
    """Write a range of seconds, or the one number that it is."""
    first, last = plain(round(n[low], 1)), plain(round(n[high], 1))
    if n[high] >= WHOLE_S:
        first, last = f"{n[low]:.0f}", f"{n[high]:.0f}"
    return f"{first} s" if first == last else f"{first} to {last} s"


def _who(one: Conclusion) -> str:
    """Name the end that is concerned: the service, the one client's host, or how many there are."""
    if len(one.hosts) != 1:
        return f"Each of {len(one.hosts):,} hosts" if one.hosts else "One end"
    [host] = one.hosts
    return one.service if one.service and one.service.rpartition(":")[0].strip("[]") == host else host


def _on(one: Conclusion) -> str:
    """Say on which connections: to the service, unless the service itself is the end that is named."""
    words = _n(len(one.flows))
    return words if _who(one) == one.service else f"{words} to {_to(one)}"


def _to(one: Conclusion) -> str:
    """Name the service, or say how many there are."""
    return one.service or _n(one.known["services"], "service")


def _is_network(one: Conclusion) -> bool:
    return len(one.hosts) == 1 and "/" in one.hosts[0]


def _one_way_path(one: Conclusion) -> str:
    return (
        f"Only one direction of the path to {_to(one)} works: on {_n(len(one.flows))} both ends still send, and one "
        "does not hear the other."
    )


def _nat_rebinding(one: Conclusion) -> str:
    n = one.known
    known = f" ({_s(n['survived_s'])} was survived)" if "survived_s" in n else ""
    after = f" within {_s(n['failed_s'])} of silence{known}" if "failed_s" in n else ""
    what = "a connection" if n["moved"] == 1 else _n(n["moved"])
    return (
        f"A NAT on the way to {_to(one)} forgot {what}{after}, and let what came later out by another port: that "
        "belongs to no connection that the other end knows."
    )


def _path(one: Conclusion) -> str:
    n = one.known
    if "failed_s" not in n:
        return (
            f"Something on the path to {_to(one)} ended {_n(len(one.flows))} with RST. No idle limit explains "
            f"{_it(len(one.flows))}."
        )
    unknown = one.limit is not None and one.limit.by == "unknown"
    who = f"{_to(one)}, or a load balancer in its name," if unknown else f"The path to {_to(one)}"
    is_one = n["died"] == 1
    does = "forgot a connection" if is_one else "forgets a connection"
    drops, answers = ("dropped", "answered") if is_one else ("drops", "answers")
    came = "came" if is_one else "comes"
    how = f"{drops} what {came} later"
    if n["reset"]:
        how = f"{answers} what {came} later with RST"
    if 0 < n["reset"] < n["died"]:
        how = f"drops what {came} later, or answers it with RST"
    words = f"{who} {does} {_after(one)}, and {how}."
    if is_one:
        return words + ONLY_ONE
    words += f" {_of(n['died'], n['of'], 'examined connection' if 'examined' in n else 'connection')} died of it"
    if "earliest_s" in n:
        words += f": their keepalive time of {_span(n, 'earliest_s', 'latest_s')} is too long"
    return words + "."


def _after(one: Conclusion) -> str:
    """Say after which silence a path forgets: the known limit between what was survived and what was not, or these."""
    n = one.known
    if one.limit is not None and one.limit.value_ns is not None and "survived_s" in n:
        bracket = f"{_s(n['survived_s'])} was survived, {_s(n['failed_s'])} was not"
        return f"after {_s(one.limit.value_ns / 1e9)} of silence ({bracket})"
    if "survived_s" in n:
        return f"after {_span(n, 'survived_s', 'failed_s')} of silence"
    return f"within {_s(n['failed_s'])} of silence"


def _of(count: float, total: float, what: str = "connection") -> str:
    """Write a part of all connections."""
    if count == total:
        return f"All {_n(total, what)}" if total > 1 else f"The only {what}"
    return f"{count:,.0f} of {_n(total, what)}"


def _half_closed(one: Conclusion) -> str:
    n = one.known
    return (
        f"The path to {_to(one)} forgot {_n(n['died'], 'half-closed connection')} {_after(one)}: what came later "
        f"was lost.{ONLY_ONE if n['died'] == 1 else ''}"
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
    hit, closed = n["hit"], n["closed"]
    where = "" if closed == 1 else f"on all {_n(closed)} " if hit == closed else f"on {hit:,.0f} of {_n(closed)} "
    return (
        f"{_to(one)} closes a connection after {_limit(n)} {_since(one)}, just when the client may use it again: "
        f"{where}a request met the close, and was lost. TCP keepalive has nothing to do with it."
        f"{doubt(one.limit) if one.limit is not None else ''}"
    )


def _reused(one: Conclusion) -> str:
    them = _it(len(one.flows))
    return (
        f"{_to(one)} closed {_n(len(one.flows))} just as the client used {them}, or before: what the client sent "
        "was lost. TCP keepalive has nothing to do with it."
    )


def _too_often(one: Conclusion) -> str:
    n = one.known
    only = ONLY_ONE if len(one.flows) == 1 else ""
    return (
        f"{_to(one)} closed {_n(len(one.flows))} right after a heartbeat, which came every {_s(n['period_s'])}: "
        f"perhaps more often than it allows.{only}"
    )


def _unacknowledged(one: Conclusion) -> str:
    n = one.known
    most = "up to " if len(one.flows) > 1 else ""
    return (
        f"Data on {_n(len(one.flows))} to or from {_to(one)} has been unacknowledged for {most}"
        f"{_about(n['longest_s'])}, though sent again {most}{_n(n['resends'], 'time')}. The kernel may go on so for up "
        f"to {_about(n['gives_up_s'])}, and sends no keepalive probe meanwhile."
    )


def _unreachable(one: Conclusion) -> str:
    who = one.hosts[0] if len(one.hosts) == 1 else _to(one)
    return f"ICMP errors say that {who} is unreachable: {_n(len(one.flows))} ended so{_noticed(one.known)}."


def _restarted(one: Conclusion) -> str:
    n, it = one.known, _it(len(one.flows))
    most = "up to " if len(one.flows) > 1 else ""
    idle = f", after {most}{_about(n['idle_s'])} of silence" if "idle_s" in n else ""
    why = f"it was restarted, or had forgotten {it}"
    if "unheard" in n:
        why = f"it was restarted, or had forgotten or closed {it} before the capture began"
    return f"{_who(one)}, or something in its name, no longer knew {_on(one)}{idle}: {why}."


def _drops(one: Conclusion) -> str:
    if _is_network(one):
        return f"The whole network {one.hosts[0]} fell silent, on {_n(len(one.flows))}{_noticed(one.known)}{_now(one)}."
    heard = ", while the host is heard elsewhere" if "heard" in one.known else ""
    return (
        f"The path to {_to(one)}, or a filter at its end, drops what is sent on {_n(len(one.flows))}{heard}"
        f"{_noticed(one.known)}{_now(one)}.{_asked_once(one)}"
    )


def _asked_once(one: Conclusion) -> str:
    return " A single probe without an answer may have been lost." if "asked" in one.known else ""


def _silent(one: Conclusion) -> str:
    n = one.known
    if n["probing"] == len(one.flows):
        return f"{_who(one)} has not answered on {_on(one)} so far{_now(one)}.{_asked_once(one)}"
    words = f"{_who(one)} fell silent on {_on(one)}{_noticed(n)}{_now(one)}."
    if "back_s" in n:
        those = "a connection" if n["lived"] == 1 else _n(n["lived"])
        return f"{words} It answered again within {_s(n['back_s'])}: {those} with more patience lived on."
    if "idle_s" in n and len(one.flows) == 1:
        words += f" A path that forgets a connection within {_s(n['idle_s'])} of silence looks the same."
    return words


def _noticed(n: Numbers) -> str:
    return f", noticed within {_span(n, 'soonest_s', 'latest_s')}" if "soonest_s" in n else ""


def _now(one: Conclusion) -> str:
    """Say what of all that goes on when the capture ends."""
    n, count = one.known, len(one.flows)
    words = ""
    if n["probing"]:
        some = f"; {n['probing']:,.0f} of them {'is' if n['probing'] == 1 else 'are'} still being probed"
        words += ", and probing goes on" if n["probing"] == count else some
    if n["unnoticed"]:
        some = f"; on {n['unnoticed']:,.0f} of them nobody has noticed"
        words += ", and nobody has noticed" if n["unnoticed"] == count else some
    return words


def _stopped(one: Conclusion) -> str:
    n, count = one.known, len(one.flows)
    most = "up to " if count > 1 else ""
    return (
        f"A heartbeat every {_s(n['period_s'])} on {_n(count)} to or from {_to(one)} stopped {most}"
        f"{_about(n['stopped_s'])} before the capture ends, and nobody has closed {_it(count)}."
    )


def _too_rare(one: Conclusion) -> str:
    n, count = one.known, len(one.flows)
    return (
        f"A heartbeat every {_s(n['period_s'])} does not keep {_n(count)} to {_to(one)} open: "
        f"{'it is' if count == 1 else 'they are'} ended after {_limit(n)} {_since(one)}."
    )


def _closes_idle(one: Conclusion) -> str:
    n = one.known
    by_client = one.limit is not None and one.limit.by == "originator"
    who = f"The client of {_to(one)}" if by_client else f"{_to(one)}"
    words = f"{who} closes a connection after {_limit(n)} {_since(one)}. {_of(n['closed'], n['of'])} ended so; TCP "
    return f"{words}keepalive does not prevent that.{doubt(one.limit) if one.limit is not None else ''}"


def _left_open(one: Conclusion) -> str:
    n, count = one.known, len(one.flows)
    shortest, longest = _about(n["shortest_s"]), _about(n["longest_s"])
    span = longest if shortest == longest else f"{shortest} to {longest}"
    return (
        f"{_n(count)} to {_to(one)} {'has' if count == 1 else 'have'} been silent for {span}, and nobody probes: "
        "whether the other end is still there, nobody knows."
    )


def _works(one: Conclusion) -> str:
    n = one.known
    after = f", the first after {_span(n, 'earliest_s', 'latest_s')} of silence" if "earliest_s" in n else ""
    answered = "was answered" if n["probes"] == 1 else "were all answered"
    return f"Keepalive works on {_n(len(one.flows))}: {_n(n['probes'], 'probe')} {answered}{after}."


def _nothing(one: Conclusion) -> str:
    n = one.known
    longest = f"{_s(n['longest_s'])} at the most" if n["longest_s"] >= 1 else "less than 1 s"
    if n["connections"] == 1:
        return f"The only connection was never silent for long enough to matter: {longest}."
    return f"No connection was silent for long enough to matter: {longest}, on {_n(n['connections'])}."


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
    ConclusionCode.PATH_DROPS: _drops,
    ConclusionCode.PEER_SILENT: _silent,
    ConclusionCode.HEARTBEAT_STOPPED: _stopped,
    ConclusionCode.HEARTBEAT_TOO_RARE: _too_rare,
    ConclusionCode.SERVICE_CLOSES_IDLE: _closes_idle,
    ConclusionCode.OPEN_AND_SILENT: _left_open,
    ConclusionCode.KEEPALIVE_WORKS: _works,
    ConclusionCode.NOTHING_IDLE: _nothing,
}


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
        f"Let {_to(one)} keep idle connections for longer than its clients do (for 65 s where a load balancer keeps "
        f"them for 60 s), or let the client retry.{_behaves_like(one)}"
    )


def _request_or_raise(one: Conclusion) -> str | None:
    n = one.known
    if one.limit is not None and one.limit.by == "originator":
        return None
    every = n.get("value_s", n.get("high_s", 0)) * 2 / 3
    what = "a request (heartbeats do not count)" if one.limit and one.limit.clock == "no-heartbeat" else "a request"
    return (
        f"If such connections are to stay open, send {what} every {_at_least(every)} s, or raise the timeout of "
        f"{_to(one)}.{_behaves_like(one)}"
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
        longer = _rounded_up(one.known["back_s"])
        return f"To live through the like, let probing last for more than {longer} s (time + probes × interval)."
    if not one.known["unnoticed"]:
        return None
    return f"Switch SO_KEEPALIVE on at the end that waits, for example 60/10/5 (time/intvl/probes): {LINES}."


def _look_at_path(one: Conclusion) -> str:
    if _is_network(one):
        return "Look at the link to that network, and at its router."
    return "Look for a filter, a NAT or a broken link on the way."


def _beat_sooner(one: Conclusion) -> str:
    n = one.known
    every = n.get("value_s", n.get("high_s", n["period_s"])) / 3
    return f"Let it come every {_at_least(every)} s: of a heartbeat one may be lost."


FIXES: dict[ConclusionCode, str | Callable[[Conclusion], str | None]] = {
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
