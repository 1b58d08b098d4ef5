"""What ARP requests and neighbour solicitations that nobody answers tell of the timer that made a host ask.

As long as nothing answers, probes and resends are not sent; each makes its host ask instead (net/core/neighbour.c
__neigh_event_send). So the questions come when the probes would have come.
"""

from collections.abc import Sequence
from itertools import pairwise

from analyzer.keepalive.brief import SHORTEST_INTERVAL_NS
from analyzer.keepalive.timeline import EndStory, Gap, GapKind, Solicitation, Story
from analyzer.keepalive.timer import LINUX, SECOND, spacing_ns
from analyzer.keepalive.verdict import Surroundings
from analyzer.schema import NEVER

FEWEST_ASKED = 4
"""So many solicitations show the grid of a timer: the first interval is shorter by what the first of them was late."""
ON_WHEEL_NS = 10_000_000
"""A tick of the slowest clock: so evenly does a timer run out."""
MARKED_NS = 20_000_000
"""A wheel that makes an interval later by less cannot be told from a program that waits whole seconds."""
LONGEST_NS = 119_000_000_000
"""Resends come evenly, too, once they have backed off to their limit (tcp.h TCP_RTO_MAX)."""


ASKING_NS = 11_000_000_000
"""A probe can make a host ask so long: after 5 s, three times directly and three times everybody, a second apart
(delay_first_probe_time, ucast_solicit, mcast_solicit, retrans_time_ms)."""


def solicitations(story: Story, around: Surroundings) -> tuple[Solicitation, ...]:
    """What nobody answered, with the probe that made the host ask, where one was captured."""
    if around.silent_end is None:
        return ()
    asker = 1 - around.silent_end
    unanswered = [probe for probe in story.ends[asker].probes if not probe.answer_frame]
    found = []
    for ts_ns, frame in around.asked:
        causes = [probe.frame for probe in unanswered if 0 <= ts_ns - probe.ts_ns <= ASKING_NS]
        found.append(Solicitation(frame, ts_ns, asker, causes[-1] if causes else 0))
    return tuple(found)


def whole_gaps(told: EndStory, vain_ns: Sequence[int]) -> tuple[Gap, ...]:
    """The end's gaps without those in which its host asked for the other one in vain: what was due was not sent."""
    if not vain_ns:
        return told.gaps
    at_ns = {probe.frame: probe.ts_ns for probe in told.probes}
    return tuple(gap for gap in told.gaps if not _contains(gap, at_ns.get(gap.frame, NEVER), vain_ns))


def _contains(gap: Gap, end_ns: int, vain_ns: Sequence[int]) -> bool:
    """Whether any of these lies in the gap; one that the capture's end or traffic ended says what it says."""
    if end_ns == NEVER or gap.is_open or gap.kind is GapKind.SURVIVED:
        return False
    start_ns = end_ns - (gap.any_ns if gap.kind is GapKind.FIRST else gap.probe_ns)
    return any(start_ns < ts_ns < end_ns for ts_ns in vain_ns)


def first_tries(around: Surroundings) -> list[int]:
    """When the first try of each solicitation was made."""
    asked = ((NEVER - SHORTEST_INTERVAL_NS, 0), *around.asked)
    return [ts_ns for (before_ns, _), (ts_ns, _) in pairwise(asked) if ts_ns - before_ns >= SHORTEST_INTERVAL_NS]


def stand_for_probes(story: Story, around: Surroundings) -> bool:
    """A prober's host asks; or somebody asks as evenly as nothing but a timer of Linux runs out, for one connection."""
    if around.silent_end is None or not around.asked:
        return False
    is_prober = bool(story.ends[1 - around.silent_end].probes)
    return is_prober or (around.is_only and are_on_wheel(first_tries(around)))


def are_on_wheel(asked: list[int]) -> bool:
    """One interval of Linux's wheel apart each time; resends wait twice as long each time, programs whole seconds."""
    if len(asked) < FEWEST_ASKED:
        return False
    from statistics import median_low

    first, *spacings = [later - earlier for earlier, later in pairwise(asked)]
    usual_ns = median_low(spacings)
    is_even = all(abs(one - usual_ns) <= ON_WHEEL_NS for one in spacings) and first <= usual_ns + ON_WHEEL_NS
    if not is_even or usual_ns > LONGEST_NS:
        return False
    intervals = range(max(1, usual_ns * 7 // 8 // SECOND), usual_ns // SECOND + 1)
    wheel = [spacing_ns(clock, interval_s) for clock in LINUX for interval_s in intervals]
    return any(abs(one - usual_ns) <= ON_WHEEL_NS and one % SECOND > MARKED_NS for one in wheel)
