"""Connections, their ends, and what became of them: the parts of one say the same."""

from analyzer.keepalive.verdict.values import Reason
from tests.invariants.reading import SETTINGS, Document, Faults

ASKED = {Reason.NEIGHBOUR_SILENT.value, Reason.ASKED_BY_TIMER.value}
"""Probes that a host could not send, since nobody on the link answered for the peer."""
SILENT = {"peer-silent", "path-dropped", "link-dead"}
CAUSES = {
    "alive": {None},
    "open": {None},
    "closed": {"application"},
    "timed-out": SILENT | {None},
    "unreachable": {"path-unreachable"},
    "reset": {"peer-lost-state", "path-reset", "path-dropped", None},
    "probing": SILENT | {"path-unreachable"},
    "undetected": SILENT | {"path-unreachable", None},
    "unknown": {None},
}
"""What may have been the matter with a connection that fared so. One that goes on from another port is reset since the
path dropped it."""
GOES_ON = ("alive", "open", "probing")
UNTOLD = (*GOES_ON, "unknown")
"""Outcomes of which no application was told."""


def connections_are_numbered(document: Document) -> Faults:
    """The id is the place in the list."""
    ids = [flow["id"] for flow in document["flows"]]
    if ids != list(range(len(ids))):
        yield f"{ids}"


def probes_are_keepalive(document: Document) -> Faults:
    """Keepalive is on where an end probes, and nowhere else; the probes that a middlebox sends are not its own."""
    for who, end in _ends(document):
        is_own = end["probes"] > 0 and end["probed_by"] != "middlebox"
        if (end["keepalive"] == "on") != is_own or (end["payload_len"] is None) != (end["probes"] == 0):
            yield f"{who} {end['keepalive']}, {end['probes']} probes of {end['payload_len']} octets"


def who_never_probed_has_no_value(document: Document) -> Faults:
    """Without a probe there is a bound of the idle time at most."""
    for who, end in _ends(document):
        if end["probes"]:
            continue
        for name in SETTINGS:
            setting = end["settings"][name]
            if setting is not None and (name != SETTINGS[0] or setting["value"] is not None):
                yield f"{who} {name} {setting['value']}, {setting['low']} to {setting['high']}"


def answers_are_not_more_than_probes(document: Document) -> Faults:
    """A probe is a frame, and answered once."""
    for flow in document["flows"]:
        if sum(end["probes"] for end in flow["ends"]) > flow["packets"]:
            yield f"flow {flow['id']} {flow['packets']} frames"
    for who, end in _ends(document):
        if end["answered"] > end["probes"]:
            yield f"{who}: {end['answered']} of {end['probes']}"


def outcomes_have_their_causes(document: Document) -> Faults:
    """What ended a connection can have ended it so."""
    for who, verdict in _verdicts(document):
        if verdict["cause"] not in CAUSES[verdict["outcome"]]:
            yield f"{who} {verdict['outcome']} by {verdict['cause']}"


def what_goes_on_has_no_ending(document: Document) -> Faults:
    """What goes on was not closed; what has ended is not silent at the end of the capture."""
    for flow in document["flows"]:
        outcome = flow["verdict"]["outcome"]
        has_ended = outcome not in (*UNTOLD, "undetected")
        if (outcome in GOES_ON and flow["ending"] is not None) or (has_ended and flow["ending"] is None):
            yield f"flow {flow['id']} {outcome}, {flow['ending']}"
        if has_ended != (flow["silent_s"] is None):
            yield f"flow {flow['id']} {outcome}, silent {flow['silent_s']}"


def who_does_not_know_is_not_certain(document: Document) -> Faults:
    """Of an outcome that is not known nothing is certain."""
    for who, verdict in _verdicts(document):
        if verdict["outcome"] == "unknown" and verdict["confidence"] == "certain":
            yield who


def what_the_application_saw_is_whole(document: Document) -> Faults:
    """What epoll says comes with an errno, and an errno where there is something to tell.

    An errno comes alone where the stack has no epoll, or nobody knows.
    """
    for who, verdict in _verdicts(document):
        if verdict["errno"] is None and verdict["epoll"] is not None:
            yield f"{who} {verdict['errno']}, {verdict['epoll']}"
        if verdict["errno"] is not None and verdict["outcome"] in UNTOLD:
            yield f"{who} {verdict['outcome']} {verdict['errno']}"


def a_prober_probed(document: Document) -> Faults:
    """The end that noticed by its probes has sent some, or would have, had the link let it."""
    for flow in document["flows"]:
        prober, reasons = flow["verdict"]["prober"], {reason["code"] for reason in flow["verdict"]["reasons"]}
        if prober is not None and not flow["ends"][prober]["probes"] and not ASKED & reasons:
            yield f"flow {flow['id']} end {prober}"


def reasons_are_given_once(document: Document) -> Faults:
    """A verdict has one reason at least, and none twice."""
    for who, verdict in _verdicts(document):
        given = [reason["code"] for reason in verdict["reasons"]]
        if not given or len(set(given)) != len(given):
            yield f"{who} {given}"


def _ends(document: Document) -> list[tuple[str, Document]]:
    """Return the ends of all connections, each with its place."""
    flows = document["flows"]
    return [(f"flow {flow['id']} end {number}", end) for flow in flows for number, end in enumerate(flow["ends"])]


def _verdicts(document: Document) -> list[tuple[str, Document]]:
    """Return all verdicts, each with whose it is."""
    return [(f"flow {flow['id']}", flow["verdict"]) for flow in document["flows"]]


INVARIANTS = (
    connections_are_numbered,
    probes_are_keepalive,
    who_never_probed_has_no_value,
    answers_are_not_more_than_probes,
    outcomes_have_their_causes,
    what_goes_on_has_no_ending,
    who_does_not_know_is_not_certain,
    what_the_application_saw_is_whole,
    a_prober_probed,
    reasons_are_given_once,
)
