"""What other settings would have done, in words: what they prevent, when a loss is noticed, what they cost.

Beside `sentences.py` the only prose about findings.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from analyzer.keepalive.failures import failure
from analyzer.keepalive.findings import Flow
from analyzer.keepalive.model.linux import Keepalive
from analyzer.keepalive.summary.what_if import Prevented, Replay, WhatIf
from analyzer.report.units import count, rough, short

KEPT, PERHAPS_KEPT = "would have been kept open", "might have been kept open"
AT_LAST, UNCHANGED = "would not have gone unnoticed", "would have fared no differently"
SOONER, LATER = "would have been noticed sooner", "would have been noticed later"
PERHAPS_SOONER, ALIKE = "might have been noticed sooner", "would have been noticed at about the same time"
FATES = (KEPT, PERHAPS_KEPT, AT_LAST, SOONER, PERHAPS_SOONER, ALIKE, LATER, UNCHANGED)
"""What becomes of a connection that was lost, the best first."""
LATE = 8
"""A timer is late by an eighth at most; what differs by less is about the same."""


def title(settings: Keepalive) -> str:
    """Name the settings."""
    until = f" and a user timeout of {settings.user_timeout_ms / 1000:g} s" if settings.user_timeout_ms else ""
    return f"With {settings.time_s}/{settings.intvl_s}/{settings.probes} (time/intvl/probes){until}:"


def overall(supposed: WhatIf, lost: Sequence[Replay]) -> Iterator[str]:
    """Say what becomes of all connections that were lost, and then the cost."""
    fates = Counter(map(fate, lost))
    if not lost:
        yield "No connection of this capture was lost."
    elif len(lost) == 1:
        yield f"The one connection that was lost {fate(lost[0])}."
    elif len(fates) == 1:
        yield f"All {count(len(lost), 'connection')} that were lost {fate(lost[0])}."
    else:
        parts = [f"{fates[one]:,} {one}" for one in FATES if fates[one]]
        yield f"Of {count(len(lost), 'connection')} that were lost, {', '.join(parts[:-1])}, and {parts[-1]}."
    yield _cost(supposed)


def _cost(supposed: WhatIf) -> str:
    captured, now = rough(supposed.capture_ns), supposed.probes_now
    if not supposed.probes:
        return f"No probe would have been sent in {captured}{f', instead of {now:,}' if now else ' either'}."
    instead = f" instead of {now:,}" if now else ", and there was none,"
    words = f"The cost: {count(supposed.probes, 'probe')}{instead} in {captured}, with the answers "
    words += f"{count(supposed.packets, 'packet')} and {count(supposed.octets, 'octet')}"
    packets, octets = supposed.a_day(supposed.packets), supposed.a_day(supposed.octets)
    if packets is None or octets is None:
        return words + "."
    return f"{words}; at that rate {count(packets, 'packet')} and {count(octets, 'octet')} a day."


def fate(one: Replay) -> str:
    """Return one of FATES."""
    was_ns = one.was_noticed_ns
    if one.prevented is Prevented.YES:
        return KEPT
    if one.prevented is Prevented.UNKNOWN:
        return PERHAPS_KEPT
    if one.noticed_ns is None:
        return UNCHANGED
    if was_ns is None:
        return AT_LAST
    soonest_ns, latest_ns = one.noticed_ns
    if max(abs(soonest_ns - was_ns), abs(latest_ns - was_ns)) <= was_ns // LATE:
        return ALIKE
    return SOONER if latest_ns <= was_ns else LATER if soonest_ns >= was_ns else PERHAPS_SOONER


def replayed(one: Replay, flow: Flow, settings: Keepalive) -> Iterator[str]:
    """Say what would have become of a connection that was lost."""
    broken, was_ns = failure(flow), one.was_noticed_ns
    if one.prevented is not None and broken is not None:
        yield _prevention(one.prevented, short(broken.ns), max(settings.time_s, settings.intvl_s))
    if one.noticed_ns is not None and one.prevented is not Prevented.YES:
        yield _notice(fate(replace(one, prevented=None)), one.noticed_ns, was_ns, one.prevented is Prevented.UNKNOWN)
        return
    why = "As it was, "
    if one.prevented is not Prevented.YES:
        why = "Data was in flight before the probes could have decided, so nothing changes: "
    yield f"{why}the loss was noticed {_when(was_ns)}." if was_ns is not None else f"{why}nobody noticed."


def _prevention(prevented: Prevented, silence: str, left_s: int) -> str:
    if prevented is Prevented.YES:
        return (
            f"It would have been kept open: the path forgot it after {silence} of silence, and survived longer "
            "silences than these probes leave."
        )
    if prevented is Prevented.NO:
        return (
            f"It would have been lost all the same: these settings leave silences of {left_s} s, and the path forgot "
            f"it after {silence}."
        )
    return (
        f"It might have been kept open: the path forgot it after {silence} of silence; whether it survives the "
        f"{left_s} s that these settings leave, the capture does not show."
    )


def _when(delay_ns: int) -> str:
    return f"{short(delay_ns)} after the peer was last heard"


def _notice(fate: str, noticed_ns: tuple[int, int], was_ns: int | None, is_doubtful: bool) -> str:
    """Say when a loss would have been noticed instead of when it was."""
    (soonest_ns, latest_ns), who = noticed_ns, "If not, the loss" if is_doubtful else "The loss"
    instead = f", instead of {short(was_ns)}" if was_ns is not None else "; as it was, nobody noticed"
    words = f"{who} {'would have been noticed' if fate == AT_LAST else f'{fate}:'} {_when(soonest_ns)}"
    if short(soonest_ns) != short(latest_ns):
        words += f" if it was lost right then, and up to {short(latest_ns)} if it was lost later"
    return f"{words}{instead}."
