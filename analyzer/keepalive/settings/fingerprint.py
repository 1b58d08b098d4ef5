"""What a stack is recognized by: its probes, and the timers that explain them."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from analyzer.keepalive.model.linux import SECOND
from analyzer.keepalive.model.other_stacks import LINUX_TTL, LWIP, MILLISECOND, WINDOWS_TTL
from analyzer.keepalive.settings.constraints import HOST_DELAY_NS
from analyzer.keepalive.settings.values import Settings
from analyzer.schema import UNKNOWN_TTL


class Stack(StrEnum):
    """The kinds of TCP that can be told apart; the value is their name in machine-readable output."""

    LINUX = "Linux >= 4.8"
    OLD_LINUX = "Linux < 4.8"
    """Its timers are late by up to 1/256 (2.6.36 to 4.7, timer.c apply_slack)."""
    BSD_OR_APPLE = "BSD, macOS or iOS"
    """Probes without options even where timestamps were agreed upon: XNU, FreeBSD 9 (tcp_subr.c tcp_respond)."""
    WINDOWS = "Windows"
    """One octet, ten times a second apart."""
    ILLUMOS = "illumos or Solaris"
    """One octet, spaced by the retransmission timer, which doubles (tcp_timers.c tcp_keepalive_timer)."""
    ONE_OCTET = "Windows, illumos or smoltcp"
    """One octet, and nothing that shows which of these it is."""
    BSD = "BSD, macOS or another exact timer"
    """Every segment restarts its idle clock, also the other end's probes (t_rcvtime), or it gives up after eight."""
    LWIP = "lwIP or another slow timer"
    """500 ms ticks (tcp.c tcp_slowtmr)."""
    EXACT = "exact timer (not Linux >= 4.8)"
    UNKNOWN = "unknown"


WINDOWS_PROBES = (10, 5)
"""Ten since Vista; before it, TcpMaxDataRetransmissions."""
BSD_PROBES = 8
HOST_LATE_NS = 100 * MILLISECOND
"""The most that a busy host is usually late, whatever its timer."""
FINE = frozenset(("hears all", "ignores echoes"))
"""Kinds of timer that are set to whole milliseconds: they explain ticks of 500 ms as well."""
GROWTH = 1.6
"""Ratio of two spacings that shows doubling, less what a retransmission timer rounds."""
FEWEST = 2
"""Fewest spacings that show what they have in common."""


class Fingerprint(NamedTuple):
    """What shows an end's stack."""

    payload_len: int
    has_bare_probes: bool
    """Whether its probes carry no timestamp although it was agreed on."""
    may_be_linux: bool
    """Whether its packets have the TTL with which Linux sends them."""
    may_tick: bool
    """Whether they have that of lwIP, or an unknown one and no timestamps: then the timer may be a slow one, however
    exact it looks."""
    models: tuple[str, ...]
    """As in `values.Settings.models`."""
    timers: tuple[str, ...]
    """As in `values.Settings.timers`."""
    intvl_s: int | None
    probes: int | None
    late_ns: int
    """The most that one of its timers was late."""
    is_doubling: bool
    is_on_slow_grid: bool


def stack_of(fingerprint: Fingerprint) -> Stack:
    """Return the stack by the first rule that holds."""
    are_linux = {model.startswith("linux-") for model in fingerprint.models}
    if fingerprint.payload_len == 1:
        if fingerprint.is_doubling:
            return Stack.ILLUMOS
        is_windows = fingerprint.intvl_s == 1 and fingerprint.probes in WINDOWS_PROBES
        return Stack.WINDOWS if is_windows else Stack.ONE_OCTET
    if fingerprint.has_bare_probes:
        return Stack.UNKNOWN if are_linux == {True} or fingerprint.may_tick else Stack.BSD_OR_APPLE
    if "slow" in fingerprint.timers and fingerprint.is_on_slow_grid and not FINE.intersection(fingerprint.timers):
        return Stack.LWIP
    if fingerprint.may_tick:
        return Stack.UNKNOWN
    if are_linux == {True}:
        return Stack.LINUX if fingerprint.may_be_linux else Stack.UNKNOWN
    if are_linux == {False}:
        if fingerprint.may_be_linux and fingerprint.timers == ("slack",) and fingerprint.late_ns > HOST_LATE_NS:
            return Stack.OLD_LINUX
        return Stack.BSD if fingerprint.timers == ("hears all",) or fingerprint.probes == BSD_PROBES else Stack.EXACT
    return Stack.UNKNOWN


def fingerprint_of(
    settings: Settings,
    payload_len: int,
    spacings_ns: Sequence[int],
    has_timestamps: bool,
    has_bare_probes: bool,
    ttl: int,
) -> Fingerprint:
    """Return an end's fingerprint; `spacings_ns` are those between probes that nothing answered, `ttl` is -1 if not
    known."""
    time, intvl, count = settings.tcp_keepalive_time, settings.tcp_keepalive_intvl, settings.tcp_keepalive_probes
    timed = [one for one in (time, intvl) if one is not None and one.value is not None]
    return Fingerprint(
        payload_len=payload_len,
        has_bare_probes=has_bare_probes,
        may_be_linux=ttl <= LINUX_TTL,
        may_tick=ttl > WINDOWS_TTL or (ttl == UNKNOWN_TTL and not has_timestamps),
        models=settings.models,
        timers=settings.timers,
        intvl_s=intvl.value if intvl is not None else None,
        probes=count.value if count is not None else None,
        late_ns=max((one.seen_ns[1] - (one.value or 0) * SECOND for one in timed), default=0),
        is_doubling=is_doubling(spacings_ns),
        is_on_slow_grid=is_on_slow_grid(spacings_ns),
    )


def is_doubling(spacings_ns: Sequence[int]) -> bool:
    """Tell whether unanswered probes of one run come ever later, as no keepalive interval makes them."""
    return sum(later > GROWTH * earlier for earlier, later in pairwise(spacings_ns)) >= FEWEST


def is_on_slow_grid(spacings_ns: Sequence[int]) -> bool:
    """Tell whether unanswered probes come whole ticks of lwIP's slow timer apart."""
    off = [abs((ns + LWIP.tick_ns // 2) % LWIP.tick_ns - LWIP.tick_ns // 2) for ns in spacings_ns]
    return len(off) >= FEWEST and max(off) <= HOST_DELAY_NS
