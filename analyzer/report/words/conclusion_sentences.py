"""Conclusions in words: a sentence or two with numbers; `fix_sentences.py` says what to do about them.

Beside `sentences.py` the only prose about findings.
"""

from collections.abc import Callable, Iterator

from analyzer.keepalive.summary.conclusions import Conclusion, ConclusionCode
from analyzer.report.units import plain
from analyzer.report.words.conclusion_parts import Numbers, about, is_network, num, sec, span, them, to
from analyzer.report.words.fix_sentences import fix
from analyzer.report.words.service_sentences import ONLY_ONE, SINCE, doubt


def text(one: Conclusion) -> str:
    """Say what is concluded, with its numbers."""
    return TEXTS[one.code](one)


def in_full(one: Conclusion) -> tuple[str, ...]:
    """Say what is concluded, and on another line what to do about it, as plain text."""
    what_to_do = fix(one)
    return (text(one), f"→ {what_to_do}") if what_to_do else (text(one),)


def _who(one: Conclusion) -> str:
    """Name the end that is concerned: the service, the one client's host, or how many there are."""
    if len(one.hosts) != 1:
        return f"Each of {len(one.hosts):,} hosts" if one.hosts else "One end"
    [host] = one.hosts
    return one.service if one.service and one.service.rpartition(":")[0].strip("[]") == host else host


def _on(one: Conclusion) -> str:
    """Say on which connections: to the service, unless the service itself is the end that is named."""
    words = num(len(one.flows))
    return words if _who(one) == one.service else f"{words} to {to(one)}"


def _one_way_path(one: Conclusion) -> str:
    return (
        f"Only one direction of the path to {to(one)} works: on {num(len(one.flows))} both ends still send, and one "
        "does not hear the other."
    )


def _nat_rebinding(one: Conclusion) -> str:
    n = one.known
    known = f" ({sec(n['survived_s'])} was survived)" if "survived_s" in n else ""
    after = f" within {sec(n['failed_s'])} of silence{known}" if "failed_s" in n else ""
    what = "a connection" if n["moved"] == 1 else num(n["moved"])
    return (
        f"A NAT on the way to {to(one)} forgot {what}{after}, and let what came later out by another port: that "
        "belongs to no connection that the other end knows."
    )


def _path(one: Conclusion) -> str:
    n = one.known
    if "failed_s" not in n:
        return (
            f"Something on the path to {to(one)} ended {num(len(one.flows))} with RST. No idle limit explains "
            f"{them(len(one.flows))}."
        )
    unknown = one.limit is not None and one.limit.by == "unknown"
    who = f"{to(one)}, or a load balancer in its name," if unknown else f"The path to {to(one)}"
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
        words += f": their keepalive time of {span(n, 'earliest_s', 'latest_s')} is too long"
    return words + "."


def _after(one: Conclusion) -> str:
    """Say after which silence a path forgets: the known limit between what was survived and what was not, or these."""
    n = one.known
    if one.limit is not None and one.limit.value_ns is not None and "survived_s" in n:
        bracket = f"{sec(n['survived_s'])} was survived, {sec(n['failed_s'])} was not"
        return f"after {sec(one.limit.value_ns / 1e9)} of silence ({bracket})"
    if "survived_s" in n:
        return f"after {span(n, 'survived_s', 'failed_s')} of silence"
    return f"within {sec(n['failed_s'])} of silence"


def _of(count: float, total: float, what: str = "connection") -> str:
    """Write a part of all connections."""
    if count == total:
        return f"All {num(total, what)}" if total > 1 else f"The only {what}"
    return f"{count:,.0f} of {num(total, what)}"


def _half_closed(one: Conclusion) -> str:
    n = one.known
    return (
        f"The path to {to(one)} forgot {num(n['died'], 'half-closed connection')} {_after(one)}: what came later "
        f"was lost.{ONLY_ONE if n['died'] == 1 else ''}"
    )


def _limit(n: Numbers) -> str:
    if "value_s" in n:
        return f"{sec(n['value_s'])}"
    if "survived_s" in n and "high_s" in n:
        is_between = n["survived_s"] < n["high_s"]  # else one close was later than another by what timers are late
        return span(n, "survived_s", "high_s") if is_between else sec(n["high_s"])
    return f"at most {sec(n['high_s'])}"


def _since(one: Conclusion) -> str:
    return SINCE[one.limit.clock] if one.limit is not None else "without data"


def _race(one: Conclusion) -> str:
    n = one.known
    hit, closed = n["hit"], n["closed"]
    where = "" if closed == 1 else f"on all {num(closed)} " if hit == closed else f"on {hit:,.0f} of {num(closed)} "
    return (
        f"{to(one)} closes a connection after {_limit(n)} {_since(one)}, just when the client may use it again: "
        f"{where}a request met the close, and was lost. TCP keepalive has nothing to do with it."
        f"{doubt(one.limit) if one.limit is not None else ''}"
    )


def _reused(one: Conclusion) -> str:
    those = them(len(one.flows))
    return (
        f"{to(one)} closed {num(len(one.flows))} just as the client used {those}, or before: what the client sent "
        "was lost. TCP keepalive has nothing to do with it."
    )


def _too_often(one: Conclusion) -> str:
    n = one.known
    only = ONLY_ONE if len(one.flows) == 1 else ""
    return (
        f"{to(one)} closed {num(len(one.flows))} right after a heartbeat, which came every {sec(n['period_s'])}: "
        f"perhaps more often than it allows.{only}"
    )


def _unacknowledged(one: Conclusion) -> str:
    n = one.known
    most = "up to " if len(one.flows) > 1 else ""
    return (
        f"Data on {num(len(one.flows))} to or from {to(one)} has been unacknowledged for {most}"
        f"{about(n['longest_s'])}, though sent again {most}{num(n['resends'], 'time')}. The kernel may go on so for up "
        f"to {about(n['gives_up_s'])}, and sends no keepalive probe meanwhile."
    )


def _unreachable(one: Conclusion) -> str:
    who = one.hosts[0] if len(one.hosts) == 1 else to(one)
    return f"ICMP errors say that {who} is unreachable: {num(len(one.flows))} ended so{_noticed(one.known)}."


def _restarted(one: Conclusion) -> str:
    n, it = one.known, them(len(one.flows))
    most = "up to " if len(one.flows) > 1 else ""
    idle = f", after {most}{about(n['idle_s'])} of silence" if "idle_s" in n else ""
    why = f"it was restarted, or had forgotten {it}"
    if "unheard" in n:
        why = f"it was restarted, or had forgotten or closed {it} before the capture began"
    return f"{_who(one)}, or something in its name, no longer knew {_on(one)}{idle}: {why}."


def _drops(one: Conclusion) -> str:
    if is_network(one):
        network, on = one.hosts[0], num(len(one.flows))
        return f"The whole network {network} fell silent, on {on}{_noticed(one.known)}{_now(one)}."
    heard = ", while the host is heard elsewhere" if "heard" in one.known else ""
    return (
        f"The path to {to(one)}, or a filter at its end, drops what is sent on {num(len(one.flows))}{heard}"
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
        those = "a connection" if n["lived"] == 1 else num(n["lived"])
        return f"{words} It answered again within {sec(n['back_s'])}: {those} with more patience lived on."
    if "idle_s" in n and len(one.flows) == 1:
        words += f" A path that forgets a connection within {sec(n['idle_s'])} of silence looks the same."
    return words


def _noticed(n: Numbers) -> str:
    return f", noticed within {span(n, 'soonest_s', 'latest_s')}" if "soonest_s" in n else ""


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
        f"A heartbeat every {sec(n['period_s'])} on {num(count)} to or from {to(one)} stopped {most}"
        f"{about(n['stopped_s'])} before the capture ends, and nobody has closed {them(count)}."
    )


def _too_rare(one: Conclusion) -> str:
    n, count = one.known, len(one.flows)
    return (
        f"A heartbeat every {sec(n['period_s'])} does not keep {num(count)} to {to(one)} open: "
        f"{'it is' if count == 1 else 'they are'} ended after {_limit(n)} {_since(one)}."
    )


def _closes_idle(one: Conclusion) -> str:
    n = one.known
    if one.service is None:
        like = f" Behaves like {', '.join(one.matches)}." if one.matches else ""
        return (
            f"Clients at {one.hosts[0]} close a connection after {_limit(n)} {_since(one)}, whatever the service: "
            f"{num(n['closed'])} to {num(n['services'], 'service')} ended so; TCP keepalive does not prevent that."
            f"{like}"
        )
    by_client = one.limit is not None and one.limit.by == "originator"
    who = f"The client of {to(one)}" if by_client else f"{to(one)}"
    words = f"{who} closes a connection after {_limit(n)} {_since(one)}. {_of(n['closed'], n['of'])} ended so; TCP "
    return f"{words}keepalive does not prevent that.{doubt(one.limit) if one.limit is not None else ''}"


def _left_open(one: Conclusion) -> str:
    n, count = one.known, len(one.flows)
    shortest, longest = about(n["shortest_s"]), about(n["longest_s"])
    times = longest if shortest == longest else f"{shortest} to {longest}"
    words = (
        f"{num(count)} to {to(one)} {'has' if count == 1 else 'have'} been silent for {times}, and nobody probes: "
        "whether the other end is still there, nobody knows."
    )
    if "reopened" not in n:
        return words
    those = them(count).replace("them", "they") if n["reopened"] == count else f"{n['reopened']:,.0f} of them"
    clients = "The client has" if count == 1 else "The same clients have"
    return f"{words} {clients} opened others since: {those} may have been abandoned."


def _works(one: Conclusion) -> str:
    n = one.known
    after = f", the first after {span(n, 'earliest_s', 'latest_s')} of silence" if "earliest_s" in n else ""
    answered = "was answered" if n["probes"] == 1 else "were all answered"
    return f"Keepalive works on {num(len(one.flows))}: {num(n['probes'], 'probe')} {answered}{after}."


def _nothing(one: Conclusion) -> str:
    n = one.known
    longest = f"{sec(n['longest_s'])} at the most" if n["longest_s"] >= 1 else "less than 1 s"
    if n["connections"] == 1:
        return f"The only connection was never silent for long enough to matter: {longest}."
    return f"No connection was silent for long enough to matter: {longest}, on {num(n['connections'])}."


def _not_in_force(one: Conclusion) -> str:
    n, count = one.known, len(one.flows)
    where = ""
    if "of_hosts" in n:
        where = f" at {one.hosts[0] if len(one.hosts) == 1 else _some(len(one.hosts), n['of_hosts'], 'host')}"
    found = [*_others_in_force(n, count), *_silence(n, count)]
    on = f"On {_some(count, n['of'], 'connection')} to {to(one)}"
    which = " the expected settings" if count == n["of"] else " that show their settings the expected ones"
    return f"{on}{which} are not in force{where}: {'; '.join(found)}."


def _some(count: float, total: float, what: str) -> str:
    """Write a part of all, or all, within a sentence."""
    if count == total:
        return num(count, what) if count == 1 else f"all {num(count, what)}"
    return f"{count:,.0f} of {num(total, what)}"


def _others_in_force(n: Numbers, count: int) -> Iterator[str]:
    """Say for each setting what is in force instead: the value and the bounds."""
    for name, unit in (("time", "_s"), ("intvl", "_s"), ("probes", "")):
        if f"{name}_on" in n:
            value, low, high = n.get(name + unit), n[f"{name}_low{unit}"], n.get(f"{name}_high{unit}")
            bounds = f"{plain(low)} or more" if high is None else f"{plain(low)} to {plain(high)}"
            has = plain(low) if low == high else bounds if value is None else f"{plain(value)} (bounds: {bounds})"
            where, expected = _on_some(n[f"{name}_on"], count), plain(n[f"{name}_expected{unit}"])
            yield f"{where}tcp_keepalive_{name} is {has}, not {expected}"


def _silence(n: Numbers, count: int) -> Iterator[str]:
    if "silent_s" in n:
        most = "up to " if n["silent_on"] > 1 else ""
        gone = f"{most}{sec(n['silent_s'])} went by without a probe"
        yield f"{_on_some(n['silent_on'], count)}{gone}, though one was due after {sec(n['due_s'])}"


def _on_some(some: float, count: int) -> str:
    return "" if some == count else f"on {some:,.0f} of them "


TEXTS: dict[ConclusionCode, Callable[[Conclusion], str]] = {
    ConclusionCode.SETTINGS_NOT_IN_FORCE: _not_in_force,
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
