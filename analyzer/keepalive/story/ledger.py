"""An account of one end's probes, and of the little messages that an application sends in their place.

Knows which missing answers mean a loss. Refuses to know what a loss means for the connection.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from analyzer.keepalive.story.values import Answer, Heartbeat, Probe
from analyzer.keepalive.tags.rules import STEADY
from analyzer.schema import ABSENT


class Ledger(NamedTuple):
    """The probes of one end by what answered them; delays in ns, None without an answer."""

    answers: tuple[tuple[Answer, int], ...]
    """Kinds of answer with their numbers, the commonest first."""
    excused: int
    """Unanswered, but so soon after an answer that the peer need not have answered."""
    fastest_ns: int | None
    slowest_ns: int | None

    @property
    def sent(self) -> int:
        return sum(count for _, count in self.answers)

    @property
    def lost(self) -> int:
        """Nothing came back for them, or for what answered them, and nothing excuses that."""
        return dict(self.answers).get(Answer.NOTHING, 0) - self.excused

    @property
    def loss_rate(self) -> float:
        """Of the probes that should have been answered; 0 without any."""
        due = self.sent - self.excused
        return self.lost / due if due else 0.0


def ledger(probes: Iterable[Probe]) -> Ledger:
    probes = tuple(probes)
    delays = [probe.delay_ns for probe in probes if probe.delay_ns != ABSENT]
    return Ledger(
        answers=tuple(Counter(probe.answer for probe in probes).most_common()),
        excused=sum(probe.answer is Answer.NOTHING and probe.may_go_unanswered for probe in probes),
        fastest_ns=min(delays, default=None),
        slowest_ns=max(delays, default=None),
    )


def heartbeat(beats: Sequence[tuple[int, int, int]]) -> Heartbeat | None:
    """The mean time from beat to beat, pauses left out; `beats` are frames, capture times and octets, in order."""
    if len(beats) < 2:
        return None
    from statistics import median_low

    frames, times, octets = zip(*beats, strict=True)
    spacings = [later - earlier for earlier, later in pairwise(times)]
    usual_ns = median_low(spacings)
    steady = [one for one in spacings if abs(one - usual_ns) * STEADY <= usual_ns]
    return Heartbeat(sum(steady) // len(steady), max(octets), frames)
