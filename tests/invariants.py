"""What no document of `--json` may say, whatever capture it is of: each predicate yields what contradicts its sentence.

They know the document and nothing of how findings come about.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from math import ceil
from typing import Any

from analyzer.keepalive.verdict.values import Reason

Document = dict[str, Any]
Faults = Iterator[str]

FOREIGN = ("files", "message")
"""Members that carry names and messages of others: zlib numbers its errors below zero."""
ROUNDING_S = 1
"""Advice has whole seconds."""
ROUNDING_US = 1e-6
"""Instants are read to the microsecond."""
NEGATIVE = re.compile(r"(?:^|[\s(\[])[-\N{MINUS SIGN}]\d")
ASKED = {Reason.NEIGHBOUR_SILENT.value, Reason.ASKED_BY_TIMER.value}
"""Probes that a host could not send, since nobody on the link answered for the peer."""
SETTINGS = ("tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes", "tcp_user_timeout")


def broken(document: Document) -> list[str]:
    """All that is wrong with a document, each with the predicate that says so."""
    return [f"{holds.__name__}: {fault}" for holds in INVARIANTS for fault in holds(document)]


# ---- numbers


def nothing_is_negative(document: Document) -> Faults:
    """No time, delay, bound or count is negative, as a number or in words."""
    for where, value in _leaves(document):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if (is_number and value < 0) or (isinstance(value, str) and where not in FOREIGN and NEGATIVE.search(value)):
            yield f"{where} {value}"


def bounds_are_in_order(document: Document) -> Faults:
    """The lower bound is not above the upper one, and the value lies between them."""
    for where, setting in _settings(document):
        low, high, value = setting["low"], setting["high"], setting["value"]
        if high is not None and low > high:
            yield f"{where} {low} to {high}"
        if value is not None and not (low <= value <= (high if high is not None else value)):
            yield f"{where} {value} within {low} to {high}"


def settings_rest_on_something(document: Document) -> Faults:
    """What is claimed of a setting was observed at least once."""
    yield from (f"{where} n {setting['n']}" for where, setting in _settings(document) if setting["n"] < 1)


def counts_are_one_or_more(document: Document) -> Faults:
    """Who probes sends one probe at least before giving up, and none in part."""
    for where, setting in _settings(document):
        numbers = [one for one in (setting["value"], setting["high"]) if one is not None]
        if where.endswith("probes") and any(one < 1 or one != int(one) for one in numbers):
            yield f"{where} {setting['value']} within {setting['low']} to {setting['high']}"


def who_never_probed_has_no_value(document: Document) -> Faults:
    """Without a probe there are bounds at most."""
    for flow in document["flows"]:
        for number, end in enumerate(flow["ends"]):
            values = [one for one in end["settings"].values() if one is not None and one["value"] is not None]
            if not end["probes"] and values:
                yield f"flow {flow['id']} end {number}"


def answers_are_not_more_than_probes(document: Document) -> Faults:
    """A probe is answered once."""
    for flow in document["flows"]:
        for number, end in enumerate(flow["ends"]):
            if end["answered"] > end["probes"]:
                yield f"flow {flow['id']} end {number}: {end['answered']} of {end['probes']}"


# ---- time


def nothing_takes_longer_than_the_capture(document: Document) -> Faults:
    """No silence, idle time or delay is longer than the capturing, nor is one that an advice is drawn from.

    Settings are whole seconds: what is longer than 1.99 s is 2 s or more.
    """
    duration_s = _captured_s(document)
    for flow in document["flows"]:
        for name, length_s in (("idle", flow["max_idle_s"]), ("delay", flow["verdict"]["detection_delay_s"])):
            if length_s is not None and length_s > duration_s:
                yield f"flow {flow['id']} {name} {length_s} of {duration_s}"
    for where, setting in _settings(document):
        if setting["low"] > ceil(duration_s) and not where.endswith("probes"):
            yield f"{where} {setting['low']} or more of {duration_s}"
    for limit in document["path_limits"]:
        for name in ("survived_s", "failed_s"):
            if limit[name] is not None and limit[name] > duration_s:
                yield f"{limit['path']} {name} {limit[name]} of {duration_s}"
    for advice in document["advice"]:
        for name in ("longest_idle_s", "failed_s", "survived_s"):
            if advice["numbers"].get(name, 0) > duration_s + ROUNDING_S:
                yield f"{advice['code']} {name} {advice['numbers'][name]} of {duration_s}"


def connections_lie_within_the_capture(document: Document) -> Faults:
    """Each begins before it ends, neither before the first frame nor after the last."""
    first, last = document["capture"]["first"], document["capture"]["last"]
    for flow in document["flows"]:
        if not first <= flow["start"] <= flow["stop"] <= last:
            yield f"flow {flow['id']} {flow['start']} to {flow['stop']}"


# ---- frames


def frames_exist(document: Document) -> Faults:
    """What is named as evidence is a frame of the capture."""
    packets = document["capture"]["packets"]
    named = [(f"flow {flow['id']} evidence", flow["verdict"]["evidence_frames"]) for flow in document["flows"]]
    named += [(where, setting["frames"]) for where, setting in _settings(document)]
    for limit in document["path_limits"]:
        named += [(f"{limit['path']} {name}", limit[name]) for name in ("survived_frames", "failed_frames")]
    for where, frames in named:
        yield from (f"{where} frame {frame} of {packets}" for frame in frames if not 1 <= frame <= packets)


def connections_have_no_more_frames_than_the_capture(document: Document) -> Faults:
    """A frame belongs to one connection at most."""
    in_flows, tcp = sum(flow["packets"] for flow in document["flows"]), document["capture"]["tcp_packets"]
    if not in_flows <= tcp <= document["capture"]["packets"]:
        yield f"{in_flows} in connections, {tcp} TCP, {document['capture']['packets']} in all"


# ---- verdicts


def who_does_not_know_is_not_certain(document: Document) -> Faults:
    """Of an outcome that is not known nothing is certain."""
    for flow in document["flows"]:
        if flow["verdict"]["outcome"] == "unknown" and flow["verdict"]["confidence"] == "certain":
            yield f"flow {flow['id']}"


def what_the_application_saw_is_whole(document: Document) -> Faults:
    """What epoll says comes with an errno; an errno comes alone where the stack has no epoll, or nobody knows."""
    for flow in document["flows"]:
        if flow["verdict"]["errno"] is None and flow["verdict"]["epoll"] is not None:
            yield f"flow {flow['id']} {flow['verdict']['errno']}, {flow['verdict']['epoll']}"


def a_prober_probed(document: Document) -> Faults:
    """The end that noticed by its probes has sent some, or would have, had the link let it."""
    for flow in document["flows"]:
        prober, reasons = flow["verdict"]["prober"], {reason["code"] for reason in flow["verdict"]["reasons"]}
        if prober is not None and not flow["ends"][prober]["probes"] and not ASKED & reasons:
            yield f"flow {flow['id']} end {prober}"


# ---- paths and advice


def what_failed_was_longer_than_what_survived(document: Document) -> Faults:
    """An idle limit explains no silence that was survived."""
    for limit in document["path_limits"]:
        if None not in (limit["survived_s"], limit["failed_s"]) and limit["failed_s"] <= limit["survived_s"]:
            yield f"{limit['path']} survived {limit['survived_s']}, failed {limit['failed_s']}"


def limits_are_counted(document: Document) -> Faults:
    """A limit has connections that failed and frames that show it; without one nothing is named for it."""
    for limit in document["path_limits"]:
        is_limit = limit["failed_s"] is not None
        if not is_limit == bool(limit["failed"]) == bool(limit["failed_flows"]) == bool(limit["failed_frames"]):
            yield f"{limit['path']} failed {limit['failed']}"
        if not is_limit and (limit["matches"] or limit["on_expiry"] or limit["probes_kept_open"]):
            yield f"{limit['path']} has no limit"
        if limit["survived"] < limit["survived_flows"]:
            yield f"{limit['path']} survived {limit['survived']} on {limit['survived_flows']}"


def curves_fall(document: Document) -> Faults:
    """The longer the silence, the fewer survive it."""
    for limit in document["path_limits"]:
        lengths, shares = [one for one, _ in limit["curve"]], [one for _, one in limit["curve"]]
        if lengths != sorted(set(lengths)) or shares != sorted(shares, reverse=True):
            yield f"{limit['path']} {limit['curve']}"


def advice_is_about_connections(document: Document) -> Faults:
    """Each names connections of the document."""
    known = {flow["id"] for flow in document["flows"]}
    yield from (f"{one['code']} {one['flows']}" for one in document["advice"] if not set(one["flows"]) <= known)


def advice_does_not_contradict_itself(document: Document) -> Faults:
    """What is proposed is sooner than what is in force, and than what failed, with two probes to lose."""
    for advice in document["advice"]:
        numbers = advice["numbers"]
        if "failed_s" in numbers and numbers.get("survived_s", -1) >= numbers["failed_s"]:
            yield f"{advice['code']} survived {numbers['survived_s']}, failed {numbers['failed_s']}"
        if "failed_s" in numbers and numbers.get("longest_idle_s", numbers["failed_s"]) < numbers["failed_s"]:
            yield f"{advice['code']} idle {numbers['longest_idle_s']}, failed {numbers['failed_s']}"
        if "set_time" not in numbers:
            continue
        proposed_s = numbers["set_time"] + 2 * numbers["set_intvl"]
        for name in ("failed_s", "survived_s"):
            if name in numbers and proposed_s > numbers[name]:
                yield f"{advice['code']} proposes {proposed_s}, {name} {numbers[name]}"
        if numbers["set_time"] > numbers.get("tcp_keepalive_time", numbers["set_time"]):
            yield f"{advice['code']} proposes {numbers['set_time']} instead of {numbers['tcp_keepalive_time']}"


INVARIANTS: tuple[Callable[[Document], Faults], ...] = (
    nothing_is_negative,
    bounds_are_in_order,
    settings_rest_on_something,
    counts_are_one_or_more,
    who_never_probed_has_no_value,
    answers_are_not_more_than_probes,
    nothing_takes_longer_than_the_capture,
    connections_lie_within_the_capture,
    frames_exist,
    connections_have_no_more_frames_than_the_capture,
    who_does_not_know_is_not_certain,
    what_the_application_saw_is_whole,
    a_prober_probed,
    what_failed_was_longer_than_what_survived,
    limits_are_counted,
    curves_fall,
    advice_is_about_connections,
    advice_does_not_contradict_itself,
)


def _captured_s(document: Document) -> float:
    """How long capturing went on: from the first frame, and not only up to the last."""
    first, until = document["capture"]["first"], document["capture"]["until"]
    if first is None or until is None:
        return 0
    begin, end = (datetime.fromisoformat(time[:26]) for time in (first, until))
    return max((end - begin).total_seconds() + ROUNDING_US, document["capture"]["duration_s"] or 0)


def _leaves(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """All numbers and words, with the name of the member that has them."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _leaves(member, name)
    elif isinstance(value, list):
        for member in value:
            yield from _leaves(member, where)
    else:
        yield where, value


def _settings(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each that is claimed, of ends and of hosts, with whose it is."""
    whose = [
        (f"flow {flow['id']} end {number}", end["settings"])
        for flow in document["flows"]
        for number, end in enumerate(flow["ends"])
    ]
    for host in document["hosts"]:
        whose += [(host["addr"], host["sysctl"] or {})]
        whose += [(f"{host['addr']} port {one['port']}", one["settings"]) for one in host["overrides"]]
    for who, settings in whose:
        for name in SETTINGS:
            if settings.get(name) is not None:
                yield f"{who} {name}", settings[name]
