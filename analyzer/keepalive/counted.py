"""What the prober had counted: its unanswered probes in a row, some of which the capture may lack.

The timer counts what it sends (tcp_timer.c icsk_probes_out), a capture what passes it. Each gap of an end comes with
the probes that are missing within it (`losses.mend`), as well as that is known; `runs` adds them up.
"""

from collections.abc import Sequence
from typing import NamedTuple

from analyzer.keepalive.constraints import TELLS_NOTHING, Ceilings, Seen
from analyzer.keepalive.timeline import Gap, GapKind

IDLE_KINDS = (GapKind.FIRST, GapKind.CYCLE)


class Count(NamedTuple):
    """A number of probes, as well as it is known."""

    fewest: int
    best: int
    most: int

    def more(self, other: "Count") -> "Count":
        return Count(self.fewest + other.fewest, self.best + other.best, self.most + other.most)


NONE, ONE = Count(0, 0, 0), Count(1, 1, 1)


class Mended(NamedTuple):
    """A gap, and the probes within it that were not captured."""

    seen: Seen
    """With the kind that it has for the prober."""
    missing: Count = NONE
    is_restart: bool = False
    """An answer before it was not captured: the run of unanswered probes began anew."""

    def under(self, ceilings: Ceilings) -> "Mended":
        return self._replace(seen=self.seen._replace(ceilings=ceilings))

    def perhaps(self) -> "Mended":
        """The same, if the gaps do not differ for another reason."""
        return self._replace(missing=self.missing._replace(fewest=min(0, self.missing.fewest)))

    @property
    def is_spoilt(self) -> bool:
        return self.seen.slack_ns == TELLS_NOTHING


class Run(NamedTuple):
    """A gap within a run of unanswered probes, and what the prober had counted by its end."""

    gap: Gap
    unanswered: Count
    unheard_ns: int
    """Since how much longer the prober had heard nothing than it seems."""


def runs(mended: Sequence[Mended]) -> list[Run]:
    """What the prober had counted by the end of each gap, if no losses but the visible ones happened.

    A gap may have been left out, so that the next one counts more than one probe more, or belongs to another run.
    """
    found: list[Run] = []
    sent, unheard_ns, captured = NONE, 0, 0
    for one in mended:
        gap = one.seen.gap
        if gap.kind is GapKind.SURVIVED:
            continue
        left_out = gap.unanswered - captured
        captured = 1 if is_unheard(one) else gap.unanswered + 1
        if gap.kind in IDLE_KINDS or one.is_restart:
            sent, unheard_ns = NONE, 0
        elif left_out < 0:
            sent, unheard_ns = Count(gap.unanswered, gap.unanswered, gap.unanswered), 0
        elif sent == NONE:
            sent = Count(gap.unanswered, gap.unanswered, gap.unanswered)
        elif is_unheard(one):
            unheard_ns += gap.probe_ns
        if left_out > 0 and found and sent.most < gap.unanswered:
            sent = sent.more(Count(left_out, left_out, left_out))
        before = sent.more(one.missing)
        before = before._replace(fewest=max(0, before.fewest))
        found.append(Run(gap, before, unheard_ns))
        sent = NONE if gap.kind is GapKind.GIVE_UP else before.more(ONE)
    return found


def is_unheard(one: Mended) -> bool:
    """An answer was captured before it: the prober's clock began with an earlier one."""
    gap = one.seen.gap
    return gap.kind is GapKind.SPACING and 0 <= gap.heard_ns <= gap.probe_ns
