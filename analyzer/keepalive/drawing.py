"""The per-flow stage: of each flow its story, settings, surroundings and verdict, drawn when somebody asks.

Most flows of a big capture are plain (`brief.py`): they are counted and not drawn, as long as nobody names them.
"""

from array import array
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from analyzer.capture.packets import address
from analyzer.jit import Engine
from analyzer.keepalive.addresses import Addresses, address_of
from analyzer.keepalive.bounds import Inferred
from analyzer.keepalive.brief import FIRST_PROBES, HOW_IT_ENDED, NOTABLE, SECOND_PROBES
from analyzer.keepalive.decide import tag_segments
from analyzer.keepalive.findings import End, Flow, Flows, Found, Role
from analyzer.keepalive.gaps import Rows, Told
from analyzer.keepalive.heard import HeardEnd, is_whole
from analyzer.keepalive.hosts import Presence
from analyzer.keepalive.inference import infer_told, replace_end
from analyzer.keepalive.kernels import Kernel, Observed, Together, infer_each, infer_together
from analyzer.keepalive.neighbourhood import Neighbourhood, Surrounded
from analyzer.keepalive.profiles import matching_profiles
from analyzer.keepalive.solicited import solicitations, whole_gaps
from analyzer.keepalive.stacks import Stack, look_of, stack_of
from analyzer.keepalive.stories import BATCH, Stories
from analyzer.keepalive.tags import DUPLICATE_FRAME, ICMP_UNREACHABLE, PROBE
from analyzer.keepalive.timeline import Solicitation, Story
from analyzer.keepalive.verdict import Outcome, Surroundings, Verdict, verdict_of
from analyzer.schema import NEVER, OPENED_MIDSTREAM, OPENED_SYN, OPENED_SYN_ACK, RST
from analyzer.tcp.tracker import Tracker

ROLES = {
    OPENED_SYN: (Role.ORIGINATOR, Role.RESPONDER),
    OPENED_SYN_ACK: (Role.RESPONDER, Role.ORIGINATOR),
    OPENED_MIDSTREAM: (Role.UNKNOWN, Role.UNKNOWN),
}
MOST_POOLED = 1 << 12
"""Hosts, paths and advice are drawn from so many flows; of more from some of them, evenly chosen."""
MOST_DRAWN = 1 << 14
"""So many flows are kept once they are drawn; others are drawn again."""
DRAWN_AT_ONCE = 1 << 9
"""So many are drawn together where one after the other is asked for."""
PROBES_OF = (FIRST_PROBES, SECOND_PROBES)
FARED_WELL = frozenset([Outcome.ALIVE, Outcome.CLOSED, Outcome.UNKNOWN])
FARED_ILL = frozenset(Outcome) - FARED_WELL


class Hearing(NamedTuple):
    """What bears on what an end's gaps say."""

    has_company: bool
    """Its address has other connections in the capture."""
    is_cut_off: bool
    """Its host left others waiting since the flow was last heard: then its own probes need not come through."""
    vain_ns: list[int]
    """When its host asked for the other end in vain: what had waited for that was thrown away."""


class Look(NamedTuple):
    """What a flow is drawn from."""

    flow: int
    story: Story
    around: Surroundings
    hearing: tuple[Hearing, Hearing]
    verdict: Verdict


class Drawer:
    """Draws the flows of a tracker; the pooled ones once, others again where more than MOST_DRAWN are asked for."""

    def __init__(self, tracker: Tracker, tunnels: Sequence[str], last_frame: tuple[int, int], engine: Engine) -> None:
        """`tunnels` are the names by number, as FLOWS has them; `last_frame` the capture's last number and time."""
        self._tracker = tracker
        self._tunnels = tunnels
        self._last_frame = last_frame
        self._engine = engine
        flow_count = tracker.table.flows.rows
        self.segments, self._order, self._starts = tag_segments(tracker.candidates, flow_count, engine)
        self._drawn: dict[int, Flow] = {}
        self.keeps_drawn = False
        """Whoever makes tables asks for each flow again and again."""

    @property
    def flows(self) -> Flows:
        return Flows(range(self._tracker.table.flows.rows), self)

    @cached_property
    def notable(self) -> Flows:
        """The flows that findings draw on: all others say nothing of keepalive, and nothing happened to them."""
        return self.flows.notable()

    @cached_property
    def pooled(self) -> Flows:
        """The notable flows that findings about many are drawn from: all, or MOST_POOLED, half of them in trouble."""
        if len(self.notable) <= MOST_POOLED:
            return self.notable
        well = self.notable.that_ended(FARED_WELL).numbers
        ill = self.notable.that_ended(FARED_ILL).numbers
        from_ill = min(len(ill), max(MOST_POOLED // 2, MOST_POOLED - len(well)))
        return Flows(sorted([*_spread(ill, from_ill), *_spread(well, MOST_POOLED - from_ill)]), self)

    def draw(self, number: int) -> Flow:
        """Everything about one flow."""
        return next(self.draw_all([number]))

    def draw_all(self, numbers: Sequence[int]) -> Iterator[Flow]:
        """The same of many, one after the other."""
        for first in range(0, len(numbers), DRAWN_AT_ONCE):
            block = numbers[first : first + DRAWN_AT_ONCE]
            wanted = [number for number in block if number not in self._is_pooled and number not in self._drawn]
            drawn = {flow.id: flow for flow in self._each(wanted)}
            if self.keeps_drawn or len(self._drawn) < MOST_DRAWN:
                self._drawn.update(drawn)
            for number in block:
                yield drawn[number] if number in drawn else self._known(number)

    def columns(self, numbers: Sequence[int]) -> Iterator[Found]:
        """The same, drawn as columns, batch by batch; each is good until the next one, or anything else, is drawn."""
        for first in range(0, len(numbers), BATCH):
            block = numbers[first : first + BATCH]
            others = [*self._other_settings(block)]
            told, around, verdicts = self._judged(block)
            inferred = infer_told(self._rows, told, len(block), around, self._engine, more=len(others))
            for end, by, row in others:
                replace_end(inferred, end, by, row)
            yield Found(
                flow_count=len(block),
                flows=self._rows.flows,
                candidates=self._rows.candidates,
                told=told.flows,
                told_ends=told.ends,
                probes=told.probes,
                inferred=inferred.ends,
                settings=inferred.settings,
                proofs=inferred.proofs,
                verdicts=verdicts,
                evidence=around.proofs,
            )

    def _other_settings(self, block: Sequence[int]) -> Iterator[tuple[int, Inferred, int]]:
        """Place of each end of these flows of which its gaps do not tell all, and where its settings are.

        These are narrowed by what the kernel's other ends show, or `hear` does not know which gaps are void.
        """
        together, _ = self._together
        in_vain = self._neighbourhood.asked_in_vain(block)
        alone = [flow for flow in in_vain if flow not in self._is_pooled]
        looks = self._looks(alone) if alone else []
        apart = infer_each([one for look in looks for one in self._observed(look)], self._engine) if alone else together
        concerned = together.narrowed.union(in_vain)
        for it, flow in enumerate(block):
            if flow in concerned:
                known = together if flow in self._is_pooled else apart
                for end in (0, 1):
                    if (flow, end) in known.rows:
                        yield 2 * it + end, known.found, known.rows[flow, end]

    def _known(self, number: int) -> Flow:
        return self._together[1][number] if number in self._is_pooled else self._drawn[number]

    def _each(self, numbers: Sequence[int]) -> Iterator[Flow]:
        looks = self._looks(numbers)
        inferred = infer_each([one for look in looks for one in self._observed(look)], self._engine)
        return (self._flow(look, inferred) for look in looks)

    def alone(self, flow: int) -> Flow:
        """One flow with its settings from its own probes, not from all that its kernel ticks: faster than `draw`."""
        return next(self._each([flow]))

    def _looks(self, numbers: Sequence[int]) -> list[Look]:
        told, found, verdicts = self._judged(numbers)
        return [
            Look(
                flow,
                self._stories.read(told, it),
                self._neighbourhood.read(found, it),
                self._hearing(found, it),
                verdict_of(verdicts, found.proofs, it),
            )
            for it, flow in enumerate(numbers)
        ]

    def _judged(self, numbers: Sequence[int]) -> tuple[Told, Surrounded, Any]:
        """What is told of these flows, what is around them, and VERDICTS; good until others are asked for."""
        told = self._stories.tell(numbers)
        found = self._neighbourhood.surround(told, len(numbers))
        asked_for = self._neighbourhood.around.asked_for
        verdicts = self._stories.court.judge(told, len(numbers), found.flows, asked_for, found.proofs, found.counts)
        return told, found, verdicts

    def _hearing(self, found: Surrounded, it: int) -> tuple[Hearing, Hearing]:
        ends = found.ends
        first, second = (
            Hearing(bool(ends.has_company[me]), bool(ends.is_cut_off[me]), self._neighbourhood.vain(found, me))
            for me in (2 * it, 2 * it + 1)
        )
        return first, second

    @cached_property
    def briefs(self) -> bytearray:
        """Of each flow an octet (`brief.py`), for which surroundings have been asked where they matter."""
        briefs = self._stories.notes.briefs
        unsettled = self._neighbourhood.unsettled(briefs)
        for first in range(0, len(unsettled), BATCH):
            numbers = unsettled[first : first + BATCH]
            _, _, verdicts = self._judged(numbers)
            for it, flow in enumerate(numbers):
                briefs[flow] = briefs[flow] & ~HOW_IT_ENDED | verdicts.outcome[it] | NOTABLE
        return briefs

    @cached_property
    def _is_pooled(self) -> frozenset[int]:
        return frozenset(self.pooled.numbers)

    @cached_property
    def _rows(self) -> Rows:
        table, tagged = self._tracker.table, (self._tracker.candidates.view, self.segments.view)
        return Rows(*tagged, self._order, self._starts, table.flows.view, table.ends.view)

    @cached_property
    def _addresses(self) -> Addresses:
        return Addresses(self._tracker.table, self._tracker.neighbours, self._engine)

    @cached_property
    def _stories(self) -> Stories:
        flows = self._tracker.table.flows.rows
        return Stories(self._rows, flows, self._addresses, self._last_frame, self._engine)

    @cached_property
    def _neighbourhood(self) -> Neighbourhood:
        return Neighbourhood(self._rows, self._tracker.table.flows.rows, self._stories.notes, self._engine)

    @cached_property
    def solicitations(self) -> tuple[tuple[int, Solicitation], ...]:
        """What nobody on the link answered, with the flow that it concerns, in capture order."""
        if not self._tracker.neighbours.rows:
            return ()
        notable = array("i", [flow for flow in self._neighbourhood.looked_for() if self.briefs[flow] & NOTABLE])
        found = [
            (look.flow, one)
            for first in range(0, len(notable), BATCH)
            for look in self._looks(notable[first : first + BATCH])
            for one in solicitations(look.story, look.around)
        ]
        return tuple(sorted(found, key=lambda pair: (pair[1].frame, pair[0])))

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """The kernels that tick the pooled ends."""
        return self._together[0].kernels

    @cached_property
    def _together(self) -> tuple[Together, dict[int, Flow]]:
        """The pooled flows, with settings that take in what the ends of one kernel have in common."""
        looks = self._looks(self.pooled.numbers)
        together = infer_together([one for look in looks for one in self._observed(look)], self._engine)
        return together, {look.flow: self._flow(look, together) for look in looks}

    @cached_property
    def presence(self) -> dict[str, Presence]:
        """Of each address that probes in a pooled flow, in one tunnel or in none: how many flows it has in all."""
        who, numbers = self._addresses, self.pooled.numbers
        probing = [(flow, end) for flow in numbers for end in (0, 1) if self.briefs[flow] & PROBES_OF[end]]
        found = dict.fromkeys(who.of_end[2 * flow + end] for flow, end in probing)
        a = who.table.view
        return {
            f"{self._tunnels[a.tunnel[one]]} {address(a.hi[one], a.lo[one])}".strip(): Presence(
                a.flows[one], a.probing[one]
            )
            for one in found
        }

    def rows(self, flow: int) -> "array[int]":
        """Numbers of the flow's rows in `candidates` and `segments`, in capture order."""
        return self._order[self._starts[flow] : self._starts[flow + 1]]

    def _observed(self, look: Look) -> Iterator[Observed]:
        """Both ends of a flow as inference takes them; those whose gaps say nothing are left out."""
        f, (flow, story, around, hearing, _) = self._tracker.table.flows.view, look
        for end, told in enumerate(story.ends):
            if not told.gaps or story.is_riddled:
                continue
            # Without a neighbour probes are not sent: then what the capture's end left open says nothing.
            heard = HeardEnd(
                whole_gaps(told, hearing[end].vain_ns),
                is_whole=is_whole(self._rows, flow),
                may_be_linux=all(probe.payload_len == 0 for probe in told.probes),
                is_one_sided=story.heard_ns[1 - end] == NEVER,
                has_company=hearing[end].has_company,
                is_cut_off=hearing[end].is_cut_off or bool(around.asked),
            )
            instants = {probe.frame: probe.ts_ns for probe in told.probes}
            if story.reset is not None and story.reset.is_give_up and story.reset.end == end:
                instants[story.reset.frame] = story.reset.ts_ns
            yield Observed(
                (flow, end),
                f"{self._tunnels[f.tunnel[flow]]} {self._address(flow, end)}".strip(),
                heard,
                instants,
            )

    def _address(self, flow: int, end: int) -> str:
        return address(*address_of(self._tracker.table, flow, end)[1:])

    def _has_bare_probes(self, flow: int, end: int) -> bool:
        """The end's probes carry no timestamp, although its other segments do."""
        c, tags = self._tracker.candidates.view, self.segments.view.tag
        own = [
            row for row in self.rows(flow) if c.end[row] == end and tags[row] not in (DUPLICATE_FRAME, ICMP_UNREACHABLE)
        ]
        with_timestamp = [tags[row] == PROBE for row in own if c.tsval[row] != NEVER and not c.flags[row] & RST]
        return bool(with_timestamp) and not any(with_timestamp) and any(tags[row] == PROBE for row in own)

    def _flow(self, look: Look, inferred: Together) -> Flow:
        f, (flow, story, _, _, verdict) = self._tracker.table.flows.view, look
        ports = (f.ports[flow] >> 16, f.ports[flow] & 0xFFFF)
        ends = []
        for end in (0, 1):
            told, matches, stack = story.ends[end], tuple[str, ...](), Stack.UNKNOWN
            settings = inferred.settings((flow, end))
            if told.probes:
                matches = matching_profiles(settings, max(probe.payload_len for probe in told.probes))
                stack = stack_of(look_of(settings, told.gaps, told.probes, self._has_bare_probes(flow, end)))
            role = ROLES[f.opened[flow]][end]
            ends.append(End(self._address(flow, end), ports[end], role, told, settings, matches, stack))
        return Flow(
            id=flow,
            tunnel=self._tunnels[f.tunnel[flow]] or None,
            is_midstream=f.opened[flow] == OPENED_MIDSTREAM,
            start_ns=f.first_ns[flow],
            end_ns=f.last_ns[flow],
            packets=f.packets[flow],
            octets=f.octets[flow] - sum(probe.payload_len for end in story.ends for probe in end.probes),
            max_idle_ns=f.max_idle_ns[flow],
            ends=(ends[0], ends[1]),
            story=story,
            verdict=verdict,
            first_frame=f.first_frame[flow],
        )


def _spread(numbers: Sequence[int], count: int) -> list[int]:
    """So many of them, evenly chosen."""
    return [numbers[place * len(numbers) // count] for place in range(count)]
