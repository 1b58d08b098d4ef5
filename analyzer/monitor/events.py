"""The events of a live analysis: their names, which are a contract, and each event as a JSON object.

{"time", "event", "flow", "end", "ends", …}: `flow` is the number of the connection since the start, `end` the
end that the event is about, `ends` are both, as address and port. What follows depends on the name:

    flow-open           frame, opened ("syn", "midstream")
    keepalive-probe     frame, payload_len, unanswered (probes in a row, this one included, not answered so far)
    keepalive-answer    frame, of (the probe's frame), delay_s, answer ("ack", "data")
    probe-unanswered    frame (the probe's), waited_s, unanswered, forecast
    give-up             frame (null if it gave up in silence), basis ("rst", "silence"), errno, detection_delay_s
    reset               frame, answers (the probe's frame, or null), cause
    unreachable         frame, of, icmp_type, icmp_code; ICMPv6 types as they are, with "icmp_version" 6
    flow-closed         frames, and by, how, data_s, peer_data_s, no_heartbeat_s, crossed, reused as in the document
    heartbeat-stopped   frame (the last one's), period_s, silent_s
    settings            probed_by, settings (as in the document), matches, forecast; with "kernel" where it knows better
    verdict             as in the document
    drops               interface, reason ("no-room", "interface-down", "interface-up", "interface-renamed",
                        "interface-lost"), dropped (frames, or null)
    clock-set           by_s (negative: back; also for how long this machine slept)
    conclusion          as in the document, but for the numbers of `flows`: last, and the most important first
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from analyzer.report.units import iso


class Name(StrEnum):
    FLOW_OPEN = "flow-open"
    KEEPALIVE_PROBE = "keepalive-probe"
    KEEPALIVE_ANSWER = "keepalive-answer"
    PROBE_UNANSWERED = "probe-unanswered"
    GIVE_UP = "give-up"
    RESET = "reset"
    UNREACHABLE = "unreachable"
    FLOW_CLOSED = "flow-closed"
    HEARTBEAT_STOPPED = "heartbeat-stopped"
    SETTINGS = "settings"
    VERDICT = "verdict"
    DROPS = "drops"
    CLOCK_SET = "clock-set"
    CONCLUSION = "conclusion"


TROUBLE = frozenset(
    {Name.PROBE_UNANSWERED, Name.GIVE_UP, Name.RESET, Name.UNREACHABLE, Name.HEARTBEAT_STOPPED, Name.DROPS}
)
"""Events that somebody may want to be woken for; a verdict is one, too, unless all is well."""
WELL = frozenset({"alive", "open", "closed", "unknown"})


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, when it did; `flow` and `end` are None for what concerns the capture."""

    time_ns: int
    name: Name
    flow: int | None
    end: int | None
    ends: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_trouble(self) -> bool:
        return self.name in TROUBLE or (self.name is Name.VERDICT and self.fields["outcome"] not in WELL)

    def to_object(self) -> dict[str, Any]:
        known = {"time": iso(self.time_ns), "event": self.name.value, "flow": self.flow, "end": self.end}
        return {**known, "ends": list(self.ends), **self.fields}

    def to_json(self) -> str:
        """Return the event as one line of JSON, without a line end."""
        return json.dumps(self.to_object(), allow_nan=False)
