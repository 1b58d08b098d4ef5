"""How invariants read a document: its numbers and words, its settings, its instants."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

Document = dict[str, Any]
Tag = dict[str, Any]
Faults = Iterator[str]

SETTINGS = ("tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes", "tcp_user_timeout")
ROUNDING_S = 1e-6
"""Durations are floats of seconds, made of whole ns."""


def leaves(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Yield all numbers and words, with the name of the member that has them."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from leaves(member, name)
    elif isinstance(value, list):
        for member in value:
            yield from leaves(member, where)
    else:
        yield where, value


def settings_of_ends(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each setting that is claimed of an end, with whose it is."""
    for flow in document["flows"]:
        for number, end in enumerate(flow["ends"]):
            yield from _named(f"flow {flow['id']} end {number}", end["settings"])


def pooled_settings(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each setting that is claimed of a host or of a middlebox, with whose it is."""
    for host in document["hosts"]:
        yield from _named(host["addr"], host["sysctl"] or {})
    for box in document["middleboxes"]:
        yield from _named("middlebox", box["settings"] or {})
    for one in (*document["hosts"], *document["middleboxes"]):
        for override in one["overrides"]:
            yield from _named(f"{one.get('addr', 'middlebox')} port {override['port']}", override["settings"])


def settings(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each setting that is claimed."""
    yield from settings_of_ends(document)
    yield from pooled_settings(document)


def seconds_between(begin: str, end: str) -> float:
    """Return the time from one instant to another, to the microsecond."""
    return (datetime.fromisoformat(end[:26]) - datetime.fromisoformat(begin[:26])).total_seconds()


def captured_s(document: Document) -> float:
    """Return how long capturing went on: from the first frame, and not only up to the last."""
    first, until = document["capture"]["first"], document["capture"]["until"]
    if first is None or until is None:
        return 0
    return max(seconds_between(first, until) + ROUNDING_S, document["capture"]["duration_s"])


def codes(document: Document) -> set[str]:
    """Return the codes of the document's diagnostics."""
    return {one["code"] for one in document["diagnostics"]}


def _named(whose: str, claimed: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in SETTINGS:
        if claimed.get(name) is not None:
            yield f"{whose} {name}", claimed[name]
