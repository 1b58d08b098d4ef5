"""The wording of an event in a line for a person. Verdicts are worded by `report/words/sentences.py`."""

from collections.abc import Mapping
from typing import Any

from analyzer.keepalive.story.values import ProbedBy
from analyzer.keepalive.verdict.values import Cause, Outcome
from analyzer.monitor.events import Event, Name
from analyzer.monitor.forecast import Forecast
from analyzer.report.units import SECOND, iso, plain, short
from analyzer.report.words.sentences import CAUSES, OUTCOMES

SETTINGS = ("tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes")


def line(event: Event) -> str:
    """Format an event: time, connection, what happened."""
    time = (iso(event.time_ns) or "")[11:23]
    who = "" if event.flow is None else f"#{event.flow} {event.ends[0]} ↔ {event.ends[1]}  "
    return f"{time}  {who}{_what(event)}"


def _what(event: Event) -> str:
    f = event.fields
    end = event.ends[event.end] if event.end is not None and event.ends else ""
    other = event.ends[1 - event.end] if event.end is not None and event.ends else ""
    match event.name:
        case Name.FLOW_OPEN:
            return "opened" if f["opened"] == "syn" else "was open already"
        case Name.KEEPALIVE_PROBE:
            again = f", {_ordinal(f['unanswered'])} in a row" if f["unanswered"] > 1 else ""
            return f"{end} probes{again}"
        case Name.KEEPALIVE_ANSWER:
            return f"{end} answers after {short(round(f['delay_s'] * SECOND))}"
        case Name.PROBE_UNANSWERED:
            return f"{other} does not answer: {_unanswered(f)}"
        case Name.GIVE_UP:
            how = "resets the connection" if f["basis"] == "rst" else "has given up in silence"
            late = (
                f", {short(round(f['detection_delay_s'] * SECOND))} after the peer was last heard"
                if f["detection_delay_s"]
                else ""
            )
            return f"{end or 'one end'} {how}: its application gets {f['errno']}{late}"
        case Name.RESET:
            why = f": {CAUSES[Cause(f['cause'])]}" if f["cause"] else ""
            return f"{end} resets{' the probed connection' if f['answers'] else ''}{why}"
        case Name.UNREACHABLE:
            return f"{end} is told by ICMP that {other} is unreachable ({f['icmp_type']}/{f['icmp_code']})"
        case Name.FLOW_CLOSED:
            return f"{end or 'somebody'} closed it{_after(f)}"
        case Name.HEARTBEAT_STOPPED:
            return (
                f"{end} has been silent for {clock(round(f['silent_s'] * SECOND))}: its heartbeat came every "
                f"{short(round(f['period_s'] * SECOND))}"
            )
        case Name.SETTINGS:
            return _settings(end, f)
        case Name.VERDICT:
            cause = f", {CAUSES[Cause(f['cause'])]}" if f["cause"] else ""
            return f"{OUTCOMES[Outcome(f['outcome'])]}{cause}"
        case Name.DROPS:
            return _drops(f)
        case Name.CLOCK_SET:
            way = "back" if f["by_s"] < 0 else "forward (or this machine slept)"
            return f"the clock was set {way} by {abs(f['by_s']):,} s; what is known is moved along"
        case Name.CONCLUSION:
            return f"{f['text']}{' → ' + f['fix'] if f['fix'] else ''}"


def _after(f: Mapping[str, Any]) -> str:
    """Say how long after data a connection was closed, where the wire shows it."""
    return f" {short(round(f['data_s'] * SECOND))} after the last data" if f.get("data_s") is not None else ""


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _unanswered(f: Mapping[str, Any]) -> str:
    ahead = f["forecast"]
    number = f"{f['unanswered']:,}"
    if not ahead or not ahead["probes"]:
        return f"unanswered {number}"
    return f"unanswered {number} of {ahead['probes']} ({ahead['probes_basis']})"


def _settings(end: str, f: Mapping[str, Any]) -> str:
    if "disagreement" in f:
        return f"{end}: the kernel disagrees ({f['disagreement']['code']})"
    words = [f"{name.removeprefix('tcp_keepalive_')} {_bounds(f['settings'][name])}" for name in SETTINGS]
    who = f"a middlebox before {end}" if f["probed_by"] == ProbedBy.MIDDLEBOX.value else end
    return f"{who} has {', '.join(words)}"


def _bounds(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return "?"
    if one["value"] is not None:
        return str(one["value"])
    return f"{plain(one['low'])}–{plain(one['high'])}" if one["high"] is not None else f"≥ {plain(one['low'])}"


def _drops(f: Mapping[str, Any]) -> str:
    name = f["interface"]
    match f["reason"]:
        case "no-room":
            return f"{name}: the kernel dropped {f['dropped']:,} frames; a missing answer may be one of them"
        case "interface-down":
            return f"{name} went down; waiting for it"
        case "interface-up":
            return f"{name} is up again, after {f['blind_s']} s"
        case "interface-renamed":
            return f"{name} is the new name of {f['before']}; capturing goes on"
        case _:
            return f"{name} was created again and cannot be opened: {f['why']}"


def ahead(forecast: Forecast, now_ns: int) -> str:
    """Say what is expected next, and what that rests on: "unanswered 3 of 9, will be reset in 5 m 3 s"."""
    if not forecast.unanswered:
        return f"next probe {_within(forecast.next_probe, now_ns)}" if forecast.next_probe else ""
    words = f"unanswered {forecast.unanswered}"
    if forecast.count is not None:
        sure = "" if forecast.count.basis == "inferred" else f" ({forecast.count.basis})"
        words += f" of {forecast.count.value}{sure}"
    if forecast.give_up is not None:
        return f"{words}, will be reset {_within(forecast.give_up, now_ns)}"
    return f"{words}, next probe {_within(forecast.next_probe, now_ns)}" if forecast.next_probe else words


def _within(span: Any, now_ns: int) -> str:
    """Format a span as "in 5 m 3 s", by the later of two bounds where they differ by little."""
    earliest_ns, latest_ns = span.earliest_ns - now_ns, None if span.latest_ns is None else span.latest_ns - now_ns
    if latest_ns is None:
        return f"in {clock(earliest_ns)} or later" if earliest_ns > 0 else "any time"
    if latest_ns <= 0:
        return f"overdue by {clock(-latest_ns)}"
    if earliest_ns <= 0:
        return f"within {clock(latest_ns)}"
    first, last = clock(earliest_ns), clock(latest_ns)
    return f"in {first}" if first == last else f"in {first} to {last}"


def clock(duration_ns: int) -> str:
    """Format a duration as one reads it off a clock."""
    seconds = round(duration_ns / SECOND)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} m"
    return f"{minutes} m {seconds} s" if minutes else f"{seconds} s"
