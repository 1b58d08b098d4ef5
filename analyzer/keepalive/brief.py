"""A connection in brief: what is asked of each where many are summed up.

It is made here of a connection that is known in full; of those that nothing happened to `untroubled.py` makes the same
from columns, as values of them would take most of the time of a report on thousands.
"""

from typing import NamedTuple

from analyzer.keepalive.failures import OnExpiry, failure, fatal_silence_ns, looks_native, lost_requests, on_expiry
from analyzer.keepalive.findings import OVER, End, Flow, Role
from analyzer.keepalive.settings.fingerprint import Stack
from analyzer.keepalive.settings.values import Settings
from analyzer.keepalive.story.values import IDLE_KINDS, Silence, UnansweredData
from analyzer.keepalive.verdict.values import BY_PATH, Cause, Confidence, How, Outcome
from analyzer.schema import ABSENT


class Prober(NamedTuple):
    """An end that probes, or in whose name something on the path does."""

    address: str
    settings: Settings
    stack: Stack
    ttl: int
    """TTL of its ordinary segments, 0 if it is not known."""
    sent: int
    answered: int
    has_keepalive: bool
    """False where something on the path probes in its name: then the settings are not its own."""
    probe_ttl: int
    """Least TTL of its probes as captured, -1 if not known."""
    found_it_broken: bool = False
    """Its idle timer ended the silence that the connection did not survive."""


class Trouble(NamedTuple):
    """What happened to a connection that did not fare well."""

    broken: Silence | None = None
    """The silence that it did not survive, if the path may be to blame."""
    way: OnExpiry | None = None
    """What the path then did."""
    is_native: bool = False
    """The other end's own RST would look the same."""
    lost_requests: int = 0
    fatal_silence_ns: int | None = None
    """How long it had been silent when the other end was not heard any more."""
    data: UnansweredData | None = None
    """What is sent again and again without an answer."""


NO_TROUBLE = Trouble()


class Brief(NamedTuple):
    """A connection in brief. Times in ns since 1970."""

    id: int
    outcome: Outcome
    cause: Cause | None
    confidence: Confidence
    evidence_frames: tuple[int, ...]
    how: How | None
    """How it was closed; None for what was not."""
    closed_by: Role | None
    """Who closed it; None for what was not, or by both at once."""
    service: str
    """Address and port of the end that offers it."""
    service_port: int
    client: str
    """Address of the other end."""
    tunnel: str | None
    start_ns: int
    end_ns: int
    last_ns: int
    """Its last segment, which is not its latest where the clock was set back."""
    capture_end_ns: int
    """When it ceased to be watched."""
    max_idle_ns: int
    idle_ns: int
    """Without data when it was closed; of others the longest silence, up to the capture's end where it is open."""
    heard_ns: int
    """When the end that offers the service was last heard, -1 for never."""
    bridged_ns: int
    """Longest time without data that an answered probe bridged."""
    first_fin: int
    """Frame of the first FIN, 0 without one."""
    is_within_lan: bool
    is_beating: bool
    """The application of an end sends a heartbeat."""
    probers: tuple[Prober, ...]
    silences: tuple[Silence, ...]
    trouble: Trouble = NO_TROUBLE

    @property
    def silent_ns(self) -> int | None:
        """Return how long an open connection has been silent when the capture ends, in ns; None for one that ended."""
        return self.capture_end_ns - self.last_ns if self.outcome not in OVER else None

    @property
    def is_answered(self) -> bool:
        """Tell whether every probe was answered by an ACK or data."""
        return all(one.answered == one.sent for one in self.probers)


def brief_of(flow: Flow) -> Brief:
    """Return a connection in brief."""
    story, verdict, broken = flow.story, flow.verdict, failure(flow)
    service, (how, closed_by) = flow.ends[flow.service_end], _close(flow)
    data_ns = flow.ending.data_ns if how is not None and flow.ending is not None else None
    return Brief(
        id=flow.id,
        outcome=verdict.outcome,
        cause=verdict.cause,
        confidence=verdict.confidence,
        evidence_frames=verdict.evidence_frames,
        how=how,
        closed_by=closed_by,
        service=flow.service,
        service_port=service.port,
        client=flow.ends[1 - flow.service_end].address,
        tunnel=flow.tunnel,
        start_ns=flow.start_ns,
        end_ns=flow.end_ns,
        last_ns=story.last_ns,
        capture_end_ns=story.capture_end_ns,
        max_idle_ns=flow.max_idle_ns,
        idle_ns=data_ns if data_ns is not None else max(flow.max_idle_ns, flow.silent_ns or 0),
        heard_ns=story.heard_ns[flow.service_end],
        bridged_ns=story.bridged_ns,
        first_fin=min((end.fin_frame for end in story.ends if end.fin_frame), default=0),
        is_within_lan=flow.is_within_lan,
        is_beating=bool(flow.beating),
        probers=tuple(_prober(flow.ends[end], broken) for end in flow.probers),
        silences=story.silences,
        trouble=Trouble(
            broken=broken,
            way=on_expiry(flow),
            is_native=looks_native(flow),
            lost_requests=lost_requests(flow),
            fatal_silence_ns=fatal_silence_ns(flow),
            data=story.unanswered_data if verdict.outcome is Outcome.UNDETECTED else None,
        ),
    )


def _prober(end: End, broken: Silence | None) -> Prober:
    story = end.story
    return Prober(
        address=end.address,
        settings=end.settings,
        stack=end.stack,
        ttl=end.ttl or 0,
        sent=story.sent,
        answered=end.answered,
        has_keepalive=end.has_keepalive,
        probe_ttl=story.probe_look.ttl[0] if story.probe_look is not None else ABSENT,
        found_it_broken=broken is not None
        and any(gap.frame == broken.frame and gap.kind in IDLE_KINDS for gap in story.gaps),
    )


def _close(flow: Flow) -> tuple[How | None, Role | None]:
    """Tell how a connection was closed, and by whom, where it was."""
    ending = flow.ending
    if ending is None or flow.verdict.outcome is not Outcome.CLOSED:
        return None, None
    by_end = ending.by is not None and ending.by != BY_PATH
    return ending.how, flow.ends[ending.by].role if by_end else None  # type: ignore[index]  # `by_end` says so
