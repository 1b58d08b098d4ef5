"""Lines of `--tags` beside the document: the same probes, the same answers, in order."""

from collections import Counter, defaultdict
from itertools import pairwise

from tests.invariants.reading import Document, Faults, Tag, codes

GIVEN_UP = "segments-given-up"
"""Segments that were dropped within `--max-memory` have no line."""


def tags_are_in_order(document: Document, tags: list[Tag]) -> Faults:
    """Lines come in order of frames, of this capture, in its time."""
    capture = document["capture"]
    yield from (f"frame {b['frame']} after {a['frame']}" for a, b in pairwise(tags) if b["frame"] < a["frame"])
    for tag in tags:
        if not 1 <= tag["frame"] <= capture["packets"] or not capture["first"] <= tag["time"] <= capture["last"]:
            yield f"frame {tag['frame']} at {tag['time']}"


def tags_are_of_connections(document: Document, tags: list[Tag]) -> Faults:
    """Each is of an end of a connection, and what it answers came before it."""
    for tag in tags:
        if not 0 <= tag["flow"] < len(document["flows"]) or tag["end"] not in (0, 1):
            yield f"frame {tag['frame']} of flow {tag['flow']}, end {tag['end']}"
        if tag["of"] is not None and not 1 <= tag["of"] < tag["frame"]:
            yield f"{tag['tag']} frame {tag['frame']} of {tag['of']}"


def probes_are_counted_alike(document: Document, tags: list[Tag]) -> Faults:
    """The document counts the probes that have lines, and no answer that has none."""
    if GIVEN_UP in codes(document):
        return
    probes, answered = Counter(), defaultdict(set)
    for tag in tags:
        if tag["tag"] == "keepalive-probe":
            probes[tag["flow"], tag["end"]] += 1
        if tag["tag"] == "keepalive-answer":
            answered[tag["flow"], 1 - tag["end"]].add(tag["of"])
    for flow in document["flows"]:
        for number, end in enumerate(flow["ends"]):
            who = flow["id"], number
            if probes[who] != end["probes"]:
                yield f"flow {who[0]} end {number}: {probes[who]} probes of {end['probes']}"
            if len(answered[who]) > end["answered"]:
                yield f"flow {who[0]} end {number}: {len(answered[who])} answered of {end['answered']}"


INVARIANTS = (tags_are_in_order, tags_are_of_connections, probes_are_counted_alike)
