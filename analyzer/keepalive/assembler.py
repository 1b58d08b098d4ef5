"""The per-flow stage: each flow's story, context, verdict and settings, assembled when somebody asks.

`survey` runs over all flows once, batch by batch, and keeps only what they must know of each other; `Assembler._batch`
then assembles whichever flows are asked for. Most flows of a big capture are plain (`flow_flags.py`): they are counted
and not assembled, as long as nobody names them.
"""

from array import array
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property, partial
from typing import NamedTuple

from analyzer.capture.decode.packets import address, endpoint
from analyzer.capture.names import Naming
from analyzer.engine.dispatch import Engine
from analyzer.engine.prefetch import made_ahead
from analyzer.keepalive.brief import Brief, brief_of
from analyzer.keepalive.catalogue.profiles import matching_profiles
from analyzer.keepalive.context.addresses import Addresses, address_text
from analyzer.keepalive.context.idle_trials import IdleTime, IdleTrials, Service
from analyzer.keepalive.context.middleboxes import Middleboxes
from analyzer.keepalive.context.neighbours import ContextTables, Neighbourhood
from analyzer.keepalive.context.peer_silences import Notes
from analyzer.keepalive.context.rebinding import moved_end, rebound_from, rebound_to
from analyzer.keepalive.context.stray_requests import stray_end
from analyzer.keepalive.findings import NAMELESS, ROLES, End, Flow, Flows, Found, Presence, Role
from analyzer.keepalive.settings.bounds import Inferred
from analyzer.keepalive.settings.fingerprint import Stack, fingerprint_of, stack_of
from analyzer.keepalive.settings.infer import inferred, replace_end
from analyzer.keepalive.settings.observations import Observations, allocate, observe_gaps
from analyzer.keepalive.settings.shared_clock import HostClock, Together, infer_together
from analyzer.keepalive.settings.values import settings_of
from analyzer.keepalive.story.batches import BATCH, BATCHES_HELD, Stories, pays_to_assemble_ahead
from analyzer.keepalive.story.gaps import GAPS, Rows, StoryTables
from analyzer.keepalive.story.values import BY_MIDDLEBOX, ProbedBy, Silence, Solicitation
from analyzer.keepalive.story_reader import Story, solicitations
from analyzer.keepalive.tags.tagger import tag_segments
from analyzer.keepalive.untroubled import Source, untroubled
from analyzer.keepalive.verdict.flow_flags import FIRST_PROBES, HOW_IT_ENDED, NEVER_OPENED, NOTABLE, SECOND_PROBES
from analyzer.keepalive.verdict.judge import Court, Judged
from analyzer.keepalive.verdict.values import Outcome, ending_of, verdict_of
from analyzer.schema import ABSENT, OPENED_MIDSTREAM, UNKNOWN_TTL
from analyzer.tcp.flows import end_ns, start_ns
from analyzer.tcp.tracker import Tracker

MOST_SAMPLED = 1 << 12
"""Flows from which hosts, paths and advice are found; of more flows an even sample is taken."""
MOST_ASSEMBLED = 1 << 14
"""Flows kept once they are assembled; others are assembled again."""
ASSEMBLED_AT_ONCE = 1 << 9
"""Flows assembled together where one after the other is asked for."""
PROBES_OF = (FIRST_PROBES, SECOND_PROBES)
FARED_WELL = frozenset([Outcome.ALIVE, Outcome.OPEN, Outcome.CLOSED, Outcome.UNKNOWN])
FARED_ILL = frozenset(Outcome) - FARED_WELL


class Batch(NamedTuple):
    """Some flows, a row each in these columns."""

    numbers: Sequence[int]
    stories: StoryTables
    context: ContextTables
    judged: Judged


class Alone(NamedTuple):
    """Some flows by themselves: as columns, and each as a value where somebody asks for it."""

    columns: Found
    assemble: Callable[[int], Flow]
    """Assembles the flow at a row of the columns."""


class Survey(NamedTuple):
    """What all flows of a capture have told of each other."""

    rows: Rows
    addresses: Addresses
    stories: Stories
    court: Court
    notes: Notes
    middleboxes: Middleboxes
    neighbourhood: Neighbourhood
    trials: IdleTrials


def survey(rows: Rows, tracker: Tracker, last_frame: tuple[int, int], engine: Engine) -> Survey:
    """Run the stages that look at all flows, in their order.

    Stories are told and judged alone, note what other flows must know of them, and are forgotten; from the notes follow
    which ends a middlebox probes for, and who fell silent, was started anew or looked for when.
    """
    flows, addresses = tracker.table.flows.rows, Addresses(tracker.table, tracker.neighbours, engine)
    stories, court = Stories(rows, addresses.of_end, len(addresses), last_frame, engine), Court(rows, engine)
    notes = Notes(flows, addresses)
    trials = IdleTrials(addresses)
    pays = pays_to_assemble_ahead(engine, flows)
    with closing(made_ahead(stories.tell_all(flows), BATCHES_HELD, pays)) as batches:
        for told, count in batches:
            judged = court.judge_alone(told, count)
            notes.note(rows, told, judged.verdicts, count, engine)
            trials.note(rows, told, judged, count, engine)
    middleboxes, neighbourhood = Middleboxes(rows, notes, engine), Neighbourhood(rows, flows, notes, engine)
    return Survey(rows, addresses, stories, court, notes, middleboxes, neighbourhood, trials)


class Assembler:
    """Assembles the flows of a tracker: sampled ones once, others anew where more than MOST_ASSEMBLED are asked for."""

    def __init__(self, tracker: Tracker, tunnels: Sequence[str], last_frame: tuple[int, int], engine: Engine) -> None:
        """`tunnels` are the names by number, as FLOWS has them; `last_frame` the capture's last number and time."""
        self._tracker = tracker
        self._tunnels = tunnels
        self._last_frame = last_frame
        self._engine = engine
        flow_count = tracker.table.flows.rows
        self.segments, self._order, self._starts = tag_segments(tracker.candidates, flow_count, engine)
        segments, table = self.segments.view, tracker.table
        self._rows = Rows(
            tracker.candidates.view, segments, self._order, self._starts, table.flows.view, table.ends.view
        )
        self._assembled: dict[int, Flow] = {}
        self._of_sample: dict[int, Flow] = {}
        self.naming = Naming()
        self.names: Mapping[str, str] = {}
        """Names by address."""
        self.keeps_assembled = False
        """Keep every assembled flow: tables ask for each again and again."""

    @cached_property
    def flows(self) -> Flows:
        return Flows(range(self._tracker.table.flows.rows), self)

    @cached_property
    def notable(self) -> Flows:
        """Return the flows that findings rest on: the others say nothing of keepalive, and nothing happened to them."""
        return self.flows.notable()

    @cached_property
    def sampled(self) -> Flows:
        """Return the notable flows for findings about many: all, or MOST_SAMPLED of them, half of those in trouble."""
        if len(self.notable) <= MOST_SAMPLED:
            return self.notable
        well = self.notable.that_ended(FARED_WELL).numbers
        ill = self.notable.that_ended(FARED_ILL).numbers
        from_ill = min(len(ill), max(MOST_SAMPLED // 2, MOST_SAMPLED - len(well)))
        return Flows(sorted([*_spread(ill, from_ill), *_spread(well, MOST_SAMPLED - from_ill)]), self)

    def assemble(self, number: int) -> Flow:
        """Assemble one flow."""
        return next(self.assemble_all([number]))

    def assemble_all(self, numbers: Sequence[int]) -> Iterator[Flow]:
        """Yield everything about many flows, one after the other."""
        for first in range(0, len(numbers), ASSEMBLED_AT_ONCE):
            block = numbers[first : first + ASSEMBLED_AT_ONCE]
            wanted = [number for number in block if number not in self._sampled_at and number not in self._assembled]
            assembled = {flow.id: flow for flow in self._each(wanted)} if wanted else {}
            if self.keeps_assembled or len(self._assembled) < MOST_ASSEMBLED:
                for flow in assembled.values():
                    flow.story.settle()
                self._assembled.update(assembled)
            for number in block:
                yield assembled[number] if number in assembled else self._known(number)

    def columns(self, numbers: Sequence[int]) -> Iterator[Found]:
        """Yield flows as columns, batch by batch; with many, one batch is used while another thread makes the next."""
        pays = pays_to_assemble_ahead(self._engine, len(numbers))
        with closing(made_ahead(self._columns(numbers), BATCHES_HELD, pays)) as batches:
            yield from batches

    def _columns(self, numbers: Sequence[int]) -> Generator[Found]:
        together, _ = self._together
        for first in range(0, len(numbers), BATCH):
            batch = self._batch(numbers[first : first + BATCH])
            found = self._inferred(batch)
            for flow_row, flow in enumerate(batch.numbers):
                for end in (0, 1) if flow in self._sampled_at else ():
                    known = 2 * self._sampled_at[flow] + end
                    if known in together.narrowed:
                        replace_end(found, 2 * flow_row + end, together.found, known)
            yield self._found(batch, found)

    def _found(self, batch: Batch, inferred: Inferred) -> Found:
        return Found(
            flow_count=len(batch.numbers),
            rows=self._rows,
            stories=batch.stories,
            inferred=inferred.ends,
            settings=inferred.settings,
            proofs=inferred.proofs,
            verdicts=batch.judged.verdicts,
            endings=batch.judged.endings,
            evidence=batch.context.proofs,
            continues=self._survey.neighbourhood.context.rebindings.continues,
        )

    def _known(self, number: int) -> Flow:
        """Return a flow that is assembled already, or a sampled one, which is when it is first asked for."""
        flow = self._assembled.get(number) or self._of_sample.get(number)
        if flow is None:
            together, batch = self._together
            flow = self._of_sample[number] = self._flow(batch, self._sampled_at[number], together.found)
        return flow

    def _each(self, numbers: Sequence[int]) -> list[Flow]:
        batch = self._batch(numbers)
        found = self._inferred(batch)
        return [self._flow(batch, flow_row, found) for flow_row in range(len(numbers))]

    def alone(self, numbers: Sequence[int]) -> Alone:
        """Assemble flows, each with settings from its own probes only: faster than from all on its host clock."""
        batch = self._batch(numbers)
        inferred = self._inferred(batch)
        return Alone(self._found(batch, inferred), lambda flow_row: self._flow(batch, flow_row, inferred))

    def _batch(self, numbers: Sequence[int]) -> Batch:
        stories = self._survey.stories.tell(numbers)
        self._survey.middleboxes.recognise(stories, len(numbers))
        found = self._survey.neighbourhood.describe_context(stories, len(numbers))
        asked_for = self._survey.neighbourhood.context.asked_for
        judged = self._survey.court.judge(stories, len(numbers), found.flows, asked_for, found.proofs, found.counts)
        return Batch(numbers, stories, found, judged)

    def _observed(self, batch: Batch) -> Observations:
        flows, stories, context = len(batch.numbers), batch.stories, batch.context
        observed, failed_arp = allocate(flows, stories.counts[GAPS]), self._survey.neighbourhood.context.failed_arp
        self._engine.run(observe_gaps, self._rows, stories, flows, context.flows, context.ends, failed_arp, observed)
        return observed

    def _inferred(self, batch: Batch) -> Inferred:
        """Infer the settings of both ends of each flow, each end from its own gaps only, with room for other ends."""
        ends = 2 * len(batch.numbers)
        return inferred(self._observed(batch), ends, self._engine, more=ends)

    @cached_property
    def flow_flags(self) -> bytearray:
        """Return a status byte for each flow (`flow_flags.py`); its context has been looked at where that matters."""
        flow_flags = self._survey.notes.flow_flags
        unsettled = self._survey.neighbourhood.unsettled(flow_flags)
        for first in range(0, len(unsettled), BATCH):
            numbers = unsettled[first : first + BATCH]
            outcomes = self._batch(numbers).judged.verdicts.outcome
            for flow_row, flow in enumerate(numbers):
                how = flow_flags[flow] & HOW_IT_ENDED
                how = how if how == NEVER_OPENED else outcomes[flow_row]
                flow_flags[flow] = flow_flags[flow] & ~HOW_IT_ENDED | how | NOTABLE
        return flow_flags

    @cached_property
    def _sampled_at(self) -> dict[int, int]:
        """Return the place of each sampled flow among the sampled."""
        return {flow: place for place, flow in enumerate(self.sampled.numbers)}

    @cached_property
    def _survey(self) -> Survey:
        return survey(self._rows, self._tracker, self._last_frame, self._engine)

    @cached_property
    def solicitations(self) -> tuple[tuple[int, Solicitation], ...]:
        """Return the questions on the link that nobody answered, each with the flow it concerns, in capture order."""
        if not self._tracker.neighbours.rows:
            return ()
        notable = array(
            "i", [flow for flow in self._survey.neighbourhood.looked_for() if self.flow_flags[flow] & NOTABLE]
        )
        found = []
        for first in range(0, len(notable), BATCH):
            batch = self._batch(notable[first : first + BATCH])
            for flow_row, flow in enumerate(batch.numbers):
                story = Story(self._rows, batch.stories, flow_row)
                asked = solicitations(story, self._survey.neighbourhood.read(batch.context, flow_row))
                found += [(flow, one) for one in asked]
        return tuple(sorted(found, key=lambda pair: (pair[1].frame, pair[0])))

    @property
    def host_clocks(self) -> tuple[HostClock, ...]:
        """Return the host clocks that time the sampled ends."""
        return self._together[0].host_clocks

    @cached_property
    def _together(self) -> tuple[Together, Batch]:
        """Return the sampled flows, with settings that use what the ends on one host clock have in common."""
        numbers = self.sampled.numbers
        batch = self._batch(numbers)
        observed, names = self._observed(batch), partial(self._name_of, batch)
        return infer_together(observed, 2 * len(numbers), names, self._engine), batch

    @cached_property
    def in_brief(self) -> tuple[dict[int, Brief], list[Flow]]:
        """Return the sampled flows in brief, by number, and in full those of them that something happened to."""
        together, batch = self._together
        briefs = self._untroubled(batch, together.found)
        troubled = [self._known(flow) for flow in batch.numbers if flow not in briefs]
        briefs |= {flow.id: brief_of(flow) for flow in troubled}
        return {flow: briefs[flow] for flow in batch.numbers}, troubled

    def all_in_brief(self) -> list[Brief]:
        """Return all flows in brief, in order."""
        batch = self._batch([flow for flow in self.flows.numbers if flow not in self._sampled_at])
        found = self.in_brief[0] | self._untroubled(batch, self._inferred(batch))
        troubled = [flow for flow in batch.numbers if flow not in found]
        found |= {flow.id: brief_of(flow) for flow in self.assemble_all(troubled)}
        return [found[flow] for flow in self.flows.numbers]

    def _untroubled(self, batch: Batch, found: Inferred) -> dict[int, Brief]:
        """Return those of a batch that nothing happened to in brief, by number."""
        rebindings, judged, proofs = self._survey.neighbourhood.context.rebindings, batch.judged, batch.context.proofs
        source = Source(batch.numbers, self._rows, batch.stories, judged, proofs, found, rebindings, self._tunnels)
        return {brief.id: brief for brief in untroubled(source, self._engine)}

    @cached_property
    def presence(self) -> dict[str, Presence]:
        """Count the flows of each address that probes in a sampled flow, by tunnel."""
        who, numbers = self._survey.addresses, self.sampled.numbers
        probing = [(flow, end) for flow in numbers for end in (0, 1) if self.flow_flags[flow] & PROBES_OF[end]]
        found = dict.fromkeys(who.of_end[2 * flow + end] for flow, end in probing)
        a = who.table.view
        return {
            f"{self._tunnels[a.tunnel[one]]} {address(a.hi[one], a.lo[one])}".strip(): Presence(
                a.flows[one], a.probing[one]
            )
            for one in found
        }

    @cached_property
    def services(self) -> list[tuple[str, int, Service]]:
        """Return the services of which an end closed connections after an idle time: names, ports and trials."""
        found = self._survey.trials.services(self._tracker.table.flows, self._engine)
        ports = self._rows.flows.ports
        return [
            (self._end_name(one.end >> 1, one.end & 1), ports[one.end >> 1] >> 16 * (1 - (one.end & 1)) & 0xFFFF, one)
            for one in found
        ]

    def clients(self, fewest: int) -> list[tuple[str, Service]]:
        """Return the clients with at least so many connections that an end closed after an idle time: addresses and
        trials."""
        found = self._survey.trials.clients(fewest, self._tracker.table.flows, self._engine)
        return [(address_text(self._rows.flows, one.end >> 1, one.end & 1), one) for one in found]

    def flows_like(self, some: Sequence[int]) -> list[int]:
        """Return for each of some flows how many lead to the same service."""
        return self._survey.trials.flows_like(self._tracker.table.flows, some, self._engine)

    def idle_times_like(self, flow: int) -> list[IdleTime]:
        """Return the idle times of all connections that lead to the same service as this one."""
        return self._survey.trials.like(self._tracker.table.flows, flow)

    def rows(self, flow: int) -> "array[int]":
        """Return the flow's rows in `candidates` and `segments`, in capture order."""
        return self._order[self._starts[flow] : self._starts[flow + 1]]

    def _name_of(self, batch: Batch, end: int) -> str:
        """Return the address of whoever sends the probes of an end, with its tunnel."""
        if batch.stories.ends.probed_by[end] == BY_MIDDLEBOX:
            return NAMELESS
        flow = batch.numbers[end >> 1]
        return f"{self._tunnels[self._rows.flows.tunnel[flow]]} {address_text(self._rows.flows, flow, end & 1)}".strip()

    def _end_name(self, flow: int, end: int) -> str:
        """Return address and port of an end, as a flow's `End` shows them."""
        return endpoint(
            address_text(self._rows.flows, flow, end), self._rows.flows.ports[flow] >> 16 * (1 - end) & 0xFFFF
        )

    def _flow(self, batch: Batch, flow_row: int, found: Inferred) -> Flow:
        f, flow, story = self._rows.flows, batch.numbers[flow_row], Story(self._rows, batch.stories, flow_row)
        context = self._survey.neighbourhood.context
        moves = self._rows, context.of_end, context.rebindings, flow
        ports = (f.ports[flow] >> 16, f.ports[flow] & 0xFFFF)
        ends = []
        for end in (0, 1):
            end_story, settings = story.ends[end], settings_of(found, 2 * flow_row + end)
            role, ttl = ROLES[f.opened[flow]][end], self._rows.ends.ttl[2 * flow + end]
            matches: tuple[str, ...] = ()
            stack = Stack.UNKNOWN
            if end_story.sent and end_story.probed_by is not ProbedBy.MIDDLEBOX:
                matches = matching_profiles(settings, end_story.payload_len, f.ports[flow])
                timestamps = end_story.has_timestamps, end_story.has_bare_probes
                look = end_story.payload_len, end_story.spacings_ns, *timestamps, ttl
                stack = stack_of(fingerprint_of(settings, *look))
            address = address_text(self._rows.flows, flow, end)
            known_ttl = ttl if ttl not in (ABSENT, UNKNOWN_TTL) else None
            name = self._name(address, ports[end], role)
            ends.append(End(address, ports[end], role, end_story, settings, matches, stack, known_ttl, name))
        return Flow(
            id=flow,
            tunnel=self._tunnels[f.tunnel[flow]] or None,
            is_midstream=f.opened[flow] == OPENED_MIDSTREAM,
            start_ns=start_ns(f, flow),
            end_ns=end_ns(f, flow),
            packets=f.packets[flow],
            octets=f.octets[flow] - sum(end.probe_octets for end in story.ends if end.sent),
            max_idle_ns=f.max_idle_ns[flow],
            ends=(ends[0], ends[1]),
            story=story,
            verdict=verdict_of(batch.judged.verdicts, batch.context.proofs, flow_row),
            ending=ending_of(batch.judged.endings, batch.context.proofs, flow_row),
            first_frame=f.first_frame[flow],
            rebound_from=rebound_from(*moves),
            rebound_to=rebound_to(*moves),
            forgotten_after=self._forgotten_after(batch, flow_row),
        )

    def _name(self, address: str, port: int, role: Role) -> str:
        """Return what an end is called; a port is a service's unless the end opened the connection from it."""
        service = self.naming.service(port) if role is not Role.ORIGINATOR else ""
        host = self.names.get(address, "")
        return f"{host}, {service}" if host and service else host or service

    def _forgotten_after(self, batch: Batch, flow_row: int) -> Silence | None:
        """Return the silence after which only other packets show that a flow was forgotten, None without."""
        f, s, flow = self._rows.flows, batch.context.flows, batch.numbers[flow_row]
        context = self._survey.neighbourhood.context
        if s.strays[flow_row]:
            asked, first = context.asked_for, s.first_stray[flow_row]
            sender = stray_end(self._rows, flow, context.of_end, context.addresses, asked)
            return Silence(asked.frame[first], asked.ts_ns[first], asked.ts_ns[first] - f.last_ns[flow], sender, False)
        move = rebound_to(self._rows, context.of_end, context.rebindings, flow)
        if move is None:
            return None
        sender = moved_end(self._rows, context.of_end, flow, move.flow) & 1
        return Silence(f.first_frame[move.flow], f.first_ns[move.flow], move.silent_ns, sender, False)


def _spread(numbers: Sequence[int], count: int) -> list[int]:
    """Return so many of the numbers, evenly chosen."""
    return [numbers[place * len(numbers) // count] for place in range(count)]
