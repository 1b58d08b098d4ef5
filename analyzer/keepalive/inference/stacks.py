"""TCP stacks other than Linux: when they probe, and by what a stack is known.

Linux's timer keeps running when the peer is heard and looks at the clock only when it fires (`timer.simulate`).
Everywhere else each segment that is heard starts it anew, so that the silence since then alone says what is due:
`due`. The facts are those of the sources named with each stack.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from analyzer.keepalive.inference.constraints import HOST_DELAY_NS
from analyzer.keepalive.inference.settings import Settings
from analyzer.keepalive.timer import SECOND, Event, Keepalive, What

MILLISECOND = 1_000_000


class Stack(Enum):
    """The kinds of TCP that can be told apart; the value is what the machine face calls them."""

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
    """One octet, and nothing that tells which."""
    BSD = "BSD, macOS or another exact timer"
    """Every segment restarts its idle clock, the other end's probes too (t_rcvtime), or it gives up after eight."""
    LWIP = "lwIP or another slow timer"
    """500 ms ticks (tcp.c tcp_slowtmr)."""
    EXACT = "exact timer (not Linux >= 4.8)"
    UNKNOWN = "unknown"


class Restarting(NamedTuple):
    """How a stack times its probes by the silence since it last heard anything."""

    name: str
    tick_ns: int = 0
    """Its timer looks at the clock so often, and sees a time as passed only when it is exceeded; 0 for exact."""
    is_doubling: bool = False
    """Probes are spaced by the retransmission timeout, which doubles, instead of the interval."""
    resets: bool = True
    """It gives up with a RST."""


EXACT = Restarting("exact")
"""FreeBSD tcp_timer_keep, XNU TCPT_KEEP, Windows, gVisor keepaliveTimerExpired, Zephyr."""
LWIP = Restarting("lwip", tick_ns=500 * MILLISECOND)
"""core/tcp.c tcp_slowtmr: idle + k * intvl since the last segment, on a grid that does not drift."""
ILLUMOS = Restarting("illumos", is_doubling=True, resets=False)
"""tcp_timers.c tcp_keepalive_timer, tcp.c tcp_clean_death: no RST."""

RTO_NS, RTO_MAX_NS = SECOND, 60 * SECOND
ABORT_S = 480
"""illumos: tcp_keepalive_abort_interval, beyond the idle time."""


def due(stack: Restarting, keepalive: Keepalive) -> Iterator[tuple[int, What]]:
    """What the stack does how long after it last heard anything, if it hears nothing more."""
    time_ns, intvl_ns = keepalive.time_s * SECOND, keepalive.intvl_s * SECOND
    if stack.is_doubling:
        at_ns, spacing_ns = time_ns, RTO_NS
        while at_ns <= time_ns + ABORT_S * SECOND:
            yield at_ns, What.PROBE
            at_ns, spacing_ns = at_ns + spacing_ns, min(2 * spacing_ns, RTO_MAX_NS, max(time_ns - SECOND, SECOND))
        return
    for number in range(keepalive.probes):
        yield time_ns + number * intvl_ns, What.PROBE
    if stack.resets:
        yield time_ns + keepalive.probes * intvl_ns, What.GIVE_UP


def simulate(
    stack: Restarting,
    keepalive: Keepalive,
    start_ns: int,
    end_ns: int,
    heard_ns: Iterable[int] = (),
    rtt_ns: int = 0,
    alive_until_ns: int = 0,
) -> Iterator[Event]:
    """The life of one end as `timer.simulate` tells it."""
    arrivals = sorted(heard_ns)
    heard = start_ns
    while True:
        answer_ns = None
        for after_ns, what in due(stack, keepalive):
            at_ns = tick_after(stack, heard + after_ns)
            if at_ns > end_ns or (arrivals and arrivals[0] <= at_ns):
                break
            yield Event(at_ns, what)
            if what is What.GIVE_UP:
                return
            if at_ns < alive_until_ns:
                answer_ns = at_ns + rtt_ns
                break
        if answer_ns is not None and (not arrivals or answer_ns <= arrivals[0]):
            heard = answer_ns
            yield Event(heard, What.ANSWER)
        elif arrivals and arrivals[0] <= end_ns:
            heard = arrivals.pop(0)
            yield Event(heard, What.HEARD)
        else:
            return


def tick_after(stack: Restarting, at_ns: int) -> int:
    """When a timer that is due at an instant runs: at a tick, the first one by which the time is exceeded."""
    return at_ns if not stack.tick_ns else (at_ns // stack.tick_ns + 1) * stack.tick_ns


# ---- by what a stack is known

WINDOWS_PROBES = (10, 5)
"""Since Vista; before, TcpMaxDataRetransmissions."""
BSD_PROBES = 8
HOST_LATE_NS = 100 * MILLISECOND
"""A busy host is seldom later than this, whatever its timer."""
FINE = frozenset(("hears all", "ignores echoes"))
"""Timers that are set to whole milliseconds explain ticks of 500 ms as well."""
GROWTH = 1.6
"""Doubling, with what a retransmission timer rounds."""
FEWEST = 2
"""So many spacings show what they have in common."""


class Look(NamedTuple):
    """What shows of an end's stack."""

    payload_len: int
    has_bare_probes: bool
    """They carry no timestamp, although it was agreed on."""
    models: tuple[str, ...]
    """`settings.Settings.models`."""
    timers: tuple[str, ...]
    """`settings.Settings.timers`."""
    intvl_s: int | None
    probes: int | None
    late_ns: int
    """The most that one of its timers was late."""
    is_doubling: bool
    is_on_slow_grid: bool


def stack_of(look: Look) -> Stack:
    """The first rule that holds."""
    are_linux = {model.startswith("linux-") for model in look.models}
    if look.payload_len == 1:
        if look.is_doubling:
            return Stack.ILLUMOS
        is_windows = look.intvl_s == 1 and look.probes in WINDOWS_PROBES
        return Stack.WINDOWS if is_windows else Stack.ONE_OCTET
    if look.has_bare_probes:
        return Stack.UNKNOWN if are_linux == {True} else Stack.BSD_OR_APPLE
    if "slow" in look.timers and look.is_on_slow_grid and not FINE.intersection(look.timers):
        return Stack.LWIP
    if are_linux == {True}:
        return Stack.LINUX
    if are_linux == {False}:
        if look.timers == ("slack",) and look.late_ns > HOST_LATE_NS:
            return Stack.OLD_LINUX
        return Stack.BSD if look.timers == ("hears all",) or look.probes == BSD_PROBES else Stack.EXACT
    return Stack.UNKNOWN


def look_of(settings: Settings, payload_len: int, spacings_ns: Sequence[int], has_bare_probes: bool) -> Look:
    """`spacings_ns` are those between probes that nothing answered."""
    time, intvl, count = settings.tcp_keepalive_time, settings.tcp_keepalive_intvl, settings.tcp_keepalive_probes
    timed = [one for one in (time, intvl) if one is not None and one.value is not None]
    return Look(
        payload_len=payload_len,
        has_bare_probes=has_bare_probes,
        models=settings.models,
        timers=settings.timers,
        intvl_s=intvl.value if intvl is not None else None,
        probes=count.value if count is not None else None,
        late_ns=max((one.seen_ns[1] - (one.value or 0) * SECOND for one in timed), default=0),
        is_doubling=is_doubling(spacings_ns),
        is_on_slow_grid=is_on_slow_grid(spacings_ns),
    )


def is_doubling(spacings_ns: Sequence[int]) -> bool:
    """Unanswered probes of one run come ever later: no keepalive interval does that."""
    return sum(later > GROWTH * earlier for earlier, later in pairwise(spacings_ns)) >= FEWEST


def is_on_slow_grid(spacings_ns: Sequence[int]) -> bool:
    """Unanswered probes come whole ticks of lwIP's slow timer apart."""
    off = [abs((ns + LWIP.tick_ns // 2) % LWIP.tick_ns - LWIP.tick_ns // 2) for ns in spacings_ns]
    return len(off) >= FEWEST and max(off) <= HOST_DELAY_NS
