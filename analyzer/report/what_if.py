"""The options and output of `--what-if`: other settings, and what they would have done, as lines and as an object."""

from collections.abc import Iterator
from typing import Any

from analyzer.analysis import Analysis
from analyzer.errors import OptionError
from analyzer.keepalive.findings import Flow
from analyzer.keepalive.model.linux import Keepalive
from analyzer.keepalive.summary.paths import failure
from analyzer.keepalive.summary.what_if import Prevented, Replay, WhatIf
from analyzer.report.units import seconds, short
from analyzer.report.words import sentences

NAMES = {"time": "time_s", "intvl": "intvl_s", "probes": "probes", "user_timeout_ms": "user_timeout_ms"}
DEFAULTS = {"time_s": 7200, "intvl_s": 75, "probes": 9}
"""Linux's defaults (include/net/tcp.h)."""
MOST = {"time_s": 32767, "intvl_s": 32767, "probes": 127, "user_timeout_ms": 2**31 - 1}
"""Largest values that setsockopt accepts (MAX_TCP_KEEPIDLE and so on)."""


def parse(words: str) -> Keepalive:
    """Parse settings like time=60,intvl=10,probes=5, and optionally user_timeout_ms=30000. Raises OptionError."""
    given = dict(DEFAULTS)
    for part in words.split(","):
        name, _, number = part.strip().partition("=")
        if name not in NAMES or not number.isdecimal():
            raise OptionError(f"--what-if {words}: '{part}' is not understood; give time=60,intvl=10,probes=5")
        given[NAMES[name]] = int(number)
        if not 1 <= int(number) <= MOST[NAMES[name]]:
            raise OptionError(f"--what-if {words}: {name} is from 1 to {MOST[NAMES[name]]}")
    return Keepalive(**given)


def lines(supposed: WhatIf, analysis: Analysis, top: int) -> Iterator[str]:
    """Yield the cost, and for `top` of the connections that were lost what would have become of them."""
    settings, flows = supposed.keepalive, analysis.flows
    numbers = f"{settings.time_s}/{settings.intvl_s}/{settings.probes}"
    yield f"What if the settings were {numbers} (time/intvl/probes){_until(settings)}?"
    yield ""
    yield f"In {short(supposed.capture_ns)}, {len(flows)} connection{_s(len(flows))}: {_cost(supposed)}"
    yield f"The capture has {supposed.probes_now} probe{_s(supposed.probes_now)}."
    shown = [
        one for one in supposed.replays if one.noticed_ns is not None or one.was_noticed_ns is not None or one.prevented
    ]
    for one in shown[:top]:
        flow = flows[one.flow]
        yield ""
        yield f"#{flow.id}  {flow.ends[0]} → {flow.ends[1]}  {sentences.headline(flow)}"
        yield from (f"    {sentence}" for sentence in replay_sentences(one, flow))
    if len(shown) > top:
        yield f"… and {len(shown) - top} more; --top N shows N, --json all"


def _until(settings: Keepalive) -> str:
    return f" with a user timeout of {settings.user_timeout_ms / 1000:g} s" if settings.user_timeout_ms else ""


def _s(count: int) -> str:
    return "s" * (count != 1)


def _cost(supposed: WhatIf) -> str:
    said = f"{supposed.probes:,} probe{_s(supposed.probes)}, {supposed.packets:,} packets with their answers, "
    said += f"{supposed.octets:,} octets"
    packets, octets = supposed.a_day(supposed.packets), supposed.a_day(supposed.octets)
    return said + (f"; at that rate {packets:,} packets and {octets:,} octets a day." if packets is not None else ".")


def replay_sentences(one: Replay, flow: Flow) -> Iterator[str]:
    """Say what would have become of a connection that was lost."""
    broken = failure(flow)
    if one.prevented is not None and broken is not None:
        yield f"The path forgot it after {short(broken.ns)} of silence. {PREVENTED[one.prevented]}"
    was = f"after {short(one.was_noticed_ns)}" if one.was_noticed_ns is not None else "not at all"
    if one.noticed_ns is not None:
        soonest, latest = (short(ns) for ns in one.noticed_ns)
        when = soonest if soonest == latest else f"between {soonest} and {latest}"
        yield f"Noticed {when} after the other end was last heard; in the capture, {was}."
    else:
        yield f"Data was in flight before the probes could have decided, so nothing changes: noticed {was}."


PREVENTED = {
    Prevented.YES: "These probes would have kept it open: the path survived longer silences than they leave.",
    Prevented.NO: "These probes would have come too late, too.",
    Prevented.UNKNOWN: "Nothing in the capture shows whether these probes would have kept it open.",
}


def as_object(supposed: WhatIf) -> dict[str, Any]:
    """Return the part `what_if` of the document."""
    settings = supposed.keepalive
    return {
        "settings": {
            "tcp_keepalive_time": settings.time_s,
            "tcp_keepalive_intvl": settings.intvl_s,
            "tcp_keepalive_probes": settings.probes,
            "tcp_user_timeout": settings.user_timeout_ms / 1000 if settings.user_timeout_ms else None,
        },
        "duration_s": seconds(supposed.capture_ns),
        "probes_now": supposed.probes_now,
        "probes": supposed.probes,
        "packets": supposed.packets,
        "bytes": supposed.octets,
        "packets_a_day": supposed.a_day(supposed.packets),
        "bytes_a_day": supposed.a_day(supposed.octets),
        "flows": [
            {
                "id": one.flow,
                "prober": one.prober,
                "probes": one.probes,
                "answered": one.answered,
                "gave_up": one.gave_up,
                "noticed_s": [seconds(ns) for ns in one.noticed_ns] if one.noticed_ns is not None else None,
                "was_noticed_s": seconds(one.was_noticed_ns),
                "prevented": one.prevented.value if one.prevented is not None else None,
            }
            for one in supposed.replays
        ],
    }
