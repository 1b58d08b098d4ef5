"""Numbers, times and frames: in order, within the capture, and none below zero."""

import re
from itertools import pairwise
from math import ceil

from analyzer.capture.decode.headers import MAX_OFFLOADED
from tests.invariants.reading import (
    ROUNDING_S,
    Document,
    Faults,
    captured_s,
    leaves,
    pooled_settings,
    seconds_between,
    settings,
    settings_of_ends,
)

FOREIGN = ("files", "message")
"""Members that carry names and messages of others: zlib numbers its errors below zero."""
WHOLE_S = 1
"""Advice has whole seconds."""
NEGATIVE = re.compile(r"(?:^|[\s(\[])[-\N{MINUS SIGN}]\d")


def nothing_is_negative(document: Document) -> Faults:
    """No time, delay, bound or count is negative, as a number or in words."""
    for where, value in leaves(document):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if (is_number and value < 0) or (isinstance(value, str) and where not in FOREIGN and NEGATIVE.search(value)):
            yield f"{where} {value}"


def bounds_are_in_order(document: Document) -> Faults:
    """The lower bound is not above the upper one, and the value lies between them."""
    for where, setting in settings(document):
        low, high, value = setting["low"], setting["high"], setting["value"]
        if high is not None and low > high:
            yield f"{where} {low} to {high}"
        if value is not None and not (low <= value <= (high if high is not None else value)):
            yield f"{where} {value} within {low} to {high}"


def settings_rest_on_something(document: Document) -> Faults:
    """What is claimed of a setting was observed once at least, and no more often than there are frames."""
    for where, setting in settings(document):
        if not 1 <= setting["n"] <= document["capture"]["packets"]:
            yield f"{where} n {setting['n']}"


def settings_are_more_than_nothing(document: Document) -> Faults:
    """Who probes sends one probe at least before giving up, and none in part; no timer is set to 0."""
    for where, setting in settings(document):
        for one in (setting["low"], setting["value"], setting["high"]):
            if one is not None and where.endswith("probes") and (one < 1 or one != int(one)):
                yield f"{where} {one}"
        if setting["high"] == 0 or setting["value"] == 0:
            yield f"{where} is 0"


def pooled_counts_say_so(document: Document) -> Faults:
    """Where the observations of several ends are counted together, their number is said, and elsewhere none."""
    for where, setting in pooled_settings(document):
        if (setting.get("ends", 1) > 1) != ("together" in setting["basis"]["text"]):
            yield f"{where} of {setting.get('ends')} ends: {setting['basis']['text']}"
    yield from (
        f"{where} of {setting['ends']} ends" for where, setting in settings_of_ends(document) if "ends" in setting
    )


def instants_are_in_order(document: Document) -> Faults:
    """The first frame is not after the last, and that not after the end of capturing; without frames there is none."""
    capture = document["capture"]
    instants = [capture[name] for name in ("first", "last", "until")]
    if (capture["packets"] > 0) != all(instants) or (capture["packets"] == 0) != (not any(instants)):
        yield f"{capture['packets']} frames, {instants}"
    elif all(instants):
        between_s = seconds_between(capture["first"], capture["last"])
        if instants != sorted(instants) or abs(between_s - capture["duration_s"]) > 2 * ROUNDING_S:
            yield f"{instants}, {capture['duration_s']} s"


def nothing_takes_longer_than_the_capture(document: Document) -> Faults:
    """No silence, idle time or delay is longer than the capturing, nor is one that an advice is drawn from.

    Settings are whole seconds: what is longer than 1.99 s is 2 s or more.
    """
    duration_s = captured_s(document)
    for flow in document["flows"]:
        verdict = flow["verdict"]
        for name, length_s in (("silent", flow["silent_s"]), ("delay", verdict["detection_delay_s"])):
            if length_s is not None and length_s > duration_s:
                yield f"flow {flow['id']} {name} {length_s} of {duration_s}"
    for where, setting in settings(document):
        if setting["low"] > ceil(duration_s) and not where.endswith("probes"):
            yield f"{where} {setting['low']} or more of {duration_s}"
    for limit in document["path_limits"]:
        for name in ("survived_s", "failed_s"):
            if limit[name] is not None and limit[name] > duration_s:
                yield f"{limit['path']} {name} {limit[name]} of {duration_s}"
    for advice in document["advice"]:
        for name in ("longest_idle_s", "failed_s", "survived_s"):
            if advice["numbers"].get(name, 0) > duration_s + WHOLE_S:
                yield f"{advice['code']} {name} {advice['numbers'][name]} of {duration_s}"


def nothing_takes_longer_than_its_connection(document: Document) -> Faults:
    """No idle time is longer than its connection, nor is the time since data by its close."""
    for flow in document["flows"]:
        lasted_s = seconds_between(flow["start"], flow["stop"]) + 2 * ROUNDING_S
        times = {"idle": flow["max_idle_s"]}
        times |= {name: value for name, value in (flow["ending"] or {}).items() if name.endswith("_s")}
        for name, length_s in times.items():
            if length_s is not None and length_s > lasted_s:
                yield f"flow {flow['id']} {name} {length_s} of {lasted_s}"


def connections_lie_within_the_capture(document: Document) -> Faults:
    """Each begins before it ends, neither before the first frame nor after the last, and was closed in between."""
    first, last = document["capture"]["first"], document["capture"]["last"]
    for flow in document["flows"]:
        if not first <= flow["start"] <= flow["stop"] <= last:
            yield f"flow {flow['id']} {flow['start']} to {flow['stop']}"
        closed = (flow["ending"] or {}).get("at")
        if closed is not None and not flow["start"] <= closed <= flow["stop"]:
            yield f"flow {flow['id']} closed {closed}"


def frames_exist(document: Document) -> Faults:
    """What is named as evidence is a frame of the capture; damage may be behind the last one."""
    packets = document["capture"]["packets"]
    for where, frames in _named_frames(document):
        yield from (f"{where} frame {frame} of {packets}" for frame in frames if not 1 <= frame <= packets)
    for one in document["diagnostics"]:
        if one["first_frame"] is not None and one["first_frame"] > packets + 1:
            yield f"{one['code']} frame {one['first_frame']} of {packets}"


def frames_are_in_order(document: Document) -> Faults:
    """Evidence is in order of capture, each frame once; that of paths begins with the most telling."""
    for where, frames in _named_frames(document):
        is_ranked = where.endswith("_frames") and "evidence" not in where
        if len(set(frames)) != len(frames) or (not is_ranked and any(a > b for a, b in pairwise(frames))):
            yield f"{where} {frames}"


def connections_have_no_more_frames_than_the_capture(document: Document) -> Faults:
    """A frame belongs to one connection at most, and has no more octets than a card makes segments of."""
    flows, capture = document["flows"], document["capture"]
    in_flows, tcp = sum(flow["packets"] for flow in flows), capture["tcp_packets"]
    if not in_flows <= tcp <= capture["packets"]:
        yield f"{in_flows} in connections, {tcp} TCP, {capture['packets']} in all"
    for flow in flows:
        if flow["bytes"] > MAX_OFFLOADED * flow["packets"]:
            yield f"flow {flow['id']} {flow['bytes']} octets in {flow['packets']} frames"


def diagnostics_are_told_once(document: Document) -> Faults:
    """Each kind of damage has one entry."""
    told = [one["code"] for one in document["diagnostics"]]
    if len(set(told)) != len(told):
        yield f"{told}"


def _named_frames(document: Document) -> list[tuple[str, list[int]]]:
    """Return all lists of frames, each with where it stands."""
    named = [(where, setting["frames"]) for where, setting in settings(document)]
    for flow in document["flows"]:
        named.append((f"flow {flow['id']} evidence_frames", flow["verdict"]["evidence_frames"]))
        ending = flow["ending"] or {"frame": None, "crossed": [], "reused": []}
        named.append((f"flow {flow['id']} closed", [] if ending["frame"] is None else [ending["frame"]]))
        named += [(f"flow {flow['id']} {name}", ending[name]) for name in ("crossed", "reused")]
    for limit in document["path_limits"]:
        named += [(f"{limit['path']} {name}", limit[name]) for name in ("survived_frames", "failed_frames")]
    named += [(f"{one['code']} conclusion_frames", one["frames"]) for one in document["conclusions"]]
    return named


INVARIANTS = (
    nothing_is_negative,
    bounds_are_in_order,
    settings_rest_on_something,
    settings_are_more_than_nothing,
    pooled_counts_say_so,
    instants_are_in_order,
    nothing_takes_longer_than_the_capture,
    nothing_takes_longer_than_its_connection,
    connections_lie_within_the_capture,
    frames_exist,
    frames_are_in_order,
    connections_have_no_more_frames_than_the_capture,
    diagnostics_are_told_once,
)
