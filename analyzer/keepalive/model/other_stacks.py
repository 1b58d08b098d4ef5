"""The forward model of TCP stacks other than Linux: when they probe and give up.

Linux's timer keeps running when the peer is heard, and compares times only when it fires (`linux.simulate`). Everywhere
else each segment that is heard restarts the timer, so the silence since then alone says what is due: `due`. The source
files are named with each stack.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from analyzer.keepalive.model.linux import SECOND, Event, Keepalive, What

MILLISECOND = 1_000_000
LINUX_TTL, WINDOWS_TTL = 64, 128
"""Highest TTL of packets from these: what they send, less the routers on the way. lwIP and routers send 255."""


class Restarting(NamedTuple):
    """How a stack times its probes by the silence since it last heard anything."""

    name: str
    tick_ns: int = 0
    """Period at which its timer compares times; a time has passed only once it is exceeded. 0 for an exact timer."""
    is_doubling: bool = False
    """Whether the retransmission timeout, which doubles, spaces the probes instead of the interval."""
    resets: bool = True
    """Whether it gives up with a RST."""


EXACT = Restarting("exact")
"""FreeBSD tcp_timer_keep, XNU TCPT_KEEP, Windows, gVisor keepaliveTimerExpired, Zephyr."""
LWIP = Restarting("lwip", tick_ns=500 * MILLISECOND)
"""core/tcp.c tcp_slowtmr: idle + k * intvl since the last segment, on a grid that does not drift."""
SILENT = Restarting("silent", resets=False)
"""illumos tcp_timers.c tcp_keepalive_timer, where TCP_KEEPINTVL and TCP_KEEPCNT are set; gVisor. No RST."""
ILLUMOS = Restarting("illumos", is_doubling=True, resets=False)
"""The same where neither is set, and Solaris 10, which does not have them."""

RTO_NS, RTO_MAX_NS = SECOND, 60 * SECOND
ABORT_S = 480
"""illumos' tcp_keepalive_abort_interval, counted from the end of the idle time."""


def due(stack: Restarting, keepalive: Keepalive) -> Iterator[tuple[int, What]]:
    """Yield what the stack does, and how many ns after it last heard anything, if it hears nothing more."""
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
    """Yield the events at one end in order of time; arguments are those of `linux.simulate`."""
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
    """Return when a timer that is due at `at_ns` runs, in ns: at the first tick at which that time is exceeded."""
    return at_ns if not stack.tick_ns else (at_ns // stack.tick_ns + 1) * stack.tick_ns
