"""The pipeline: captures in, an `Analysis` out; the one place that knows the way of the data.

`Analyzer.feed` takes one batch of records, `finish` draws the findings. A file is many
calls of `feed`; what they are cut into changes nothing.
"""

from array import array
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer.capture.coverage import Coverage
from analyzer.capture.decode.link import LINK_NAMES
from analyzer.capture.decode.packets import Decoder
from analyzer.capture.decode.selection import PacketFilter
from analyzer.capture.described import Capture, Part
from analyzer.capture.files.locations import InFolder, captures
from analyzer.capture.files.reader import CHUNK_OCTETS, CaptureReader, first_frame_ns
from analyzer.capture.files.source import open_source
from analyzer.capture.names import Naming
from analyzer.capture.until import Until
from analyzer.diagnostics import (
    CODES,
    FINDINGS_SAMPLED,
    FLOWS_GIVEN_UP,
    NAME_THEIR_FILE,
    NEIGHBOURS_GIVEN_UP,
    SEGMENTS_GIVEN_UP,
    SKIPPED_FILE,
    TIME_JUMP,
    TRUNCATED_FILE,
    UNKNOWN_LINK_TYPE,
    UNREADABLE_FILE,
    Diagnostic,
    Diagnostics,
    Severity,
)
from analyzer.engine.dispatch import Engine, new_engine
from analyzer.engine.prefetch import AHEAD, made_ahead, pays_to_decode_ahead
from analyzer.engine.table import Table
from analyzer.errors import CaptureError, NoCaptureError
from analyzer.keepalive.assembler import Alone, Assembler
from analyzer.keepalive.brief import Brief
from analyzer.keepalive.context.idle_trials import IdleTime
from analyzer.keepalive.findings import Flows
from analyzer.keepalive.model.linux import Keepalive
from analyzer.keepalive.settings.shared_clock import HostClock
from analyzer.keepalive.story.values import Solicitation
from analyzer.keepalive.summary import advice, conclusion_rules, conclusions, groups, hosts, paths, services
from analyzer.keepalive.summary.expectations import Expectation, needs_all
from analyzer.keepalive.summary.services import ClientLimit
from analyzer.schema import ABSENT
from analyzer.tcp.eviction import Forgotten, Limits, forget_neighbours, limits_within, shrink, usual_memory
from analyzer.tcp.flows import longest_idle, sum_up
from analyzer.tcp.tracker import Tracker

if TYPE_CHECKING:
    from analyzer.keepalive.summary.what_if import WhatIf
from analyzer.keepalive.verdict.values import Outcome


class Analysis:
    """The findings of a capture; those on flows, hosts and paths are made when they are accessed."""

    def __init__(
        self,
        capture: Capture,
        diagnostics: Sequence[Diagnostic],
        tracker: Tracker,
        engine: Engine,
        tunnels: Sequence[str],
    ) -> None:
        """Hold what a finished tracker knows; `tunnels` are the tunnels' names by number, as FLOWS refers to them."""
        self.capture = capture
        self.of_reading = tuple(diagnostics)
        """Diagnostics that are known without assembling connections."""
        self.expected: tuple[Expectation, ...] = ()
        """Settings that should be in force; they are given before conclusions are drawn."""
        self.engine, self.tunnels = engine, tunnels
        self._tracker = tracker
        self._assembler = Assembler(tracker, tunnels, (capture.packets, capture.until_ns), engine)
        self.naming = Naming()

    def __reduce__(self) -> Any:
        """Pickle what the findings are made from, however many have been made."""
        made_from = self.capture, self.of_reading, self._tracker, self.engine, self.tunnels
        return Analysis, made_from, {"expected": self.expected, "naming": self._naming}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.expected, self.naming = state["expected"], state["naming"]

    @property
    def naming(self) -> Naming:
        """Return what a person wants to be called by name; it is given before connections are assembled."""
        return self._naming

    @naming.setter
    def naming(self, naming: Naming) -> None:
        self._naming = self._assembler.naming = naming
        self._assembler.names = self.names

    @property
    def names(self) -> Mapping[str, str]:
        """Return the names by address that are shown."""
        return self._naming.all_of(self.capture.names)

    def file_of(self, note: Diagnostic) -> str | None:
        """Return the file where a diagnostic first occurred; None if it names its file or concerns none of several."""
        is_named = note.code in [CODES[code] for code in NAME_THEIR_FILE]
        return None if is_named or len(self.capture.files) < 2 else self.capture.file_of(note.first_frame)

    @property
    def is_damaged(self) -> bool:
        """Tell whether part of the input could not be read, so that something may be missing."""
        return any(one.code.severity is Severity.DAMAGE for one in self.of_reading)

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Return what is imperfect about the capture, and about the findings made from it."""
        left_out = len(self.notable) - len(self._assembler.sampled)
        sampling = (Diagnostic(CODES[FINDINGS_SAMPLED], left_out, 0, ""),) if left_out else ()
        return (*self.of_reading, *sampling)

    @property
    def candidates(self) -> Table:
        return self._tracker.candidates

    @property
    def endpoints(self) -> Any:
        """Return the view of FLOWS: who talks to whom, by number, without assembling anything."""
        return self._tracker.table.flows.view

    @property
    def segments(self) -> Table:
        return self._assembler.segments

    @property
    def flows(self) -> Flows:
        """Return all connections by number; each is assembled when it is accessed."""
        return self._assembler.flows

    @property
    def notable(self) -> Flows:
        """Return the connections that findings rest on. Others show no keepalive, and nothing happened to them."""
        return self._assembler.notable

    def keep_assembled(self) -> None:
        """Cache each assembled flow from now on: tables of everything access the same flows again and again."""
        self._assembler.keeps_assembled = True

    def alone(self, flows: Sequence[int]) -> Alone:
        """Return these flows with settings inferred from their own probes only, not from all flows of a host's clock.
        Faster than `flows`."""
        return self._assembler.alone(flows)

    def rows(self, flow: int) -> "array[int]":
        """Return the numbers of the flow's rows in `candidates` and `segments`, in capture order."""
        return self._assembler.rows(flow)

    @property
    def solicitations(self) -> tuple[tuple[int, Solicitation], ...]:
        """Return the solicitations that nobody on the link answered, with the flow that each concerns, in order."""
        return self._assembler.solicitations

    @property
    def host_clocks(self) -> tuple[HostClock, ...]:
        return self._assembler.host_clocks

    @cached_property
    def hosts_of_several(self) -> tuple[hosts.Host, ...]:
        """Return those of `hosts` that several connections tell of; of thousands they are few."""
        return hosts.pool(self._briefs, self._assembler.presence, self.host_clocks, fewest=2)

    @cached_property
    def hosts(self) -> tuple[hosts.Host, ...]:
        return hosts.pool(self._briefs, self._assembler.presence, self.host_clocks)

    @property
    def _briefs(self) -> Iterable[Brief]:
        """Return in brief the connections that findings rest on, or a choice of them."""
        return self._assembler.in_brief[0].values()

    @cached_property
    def path_limits(self) -> tuple[paths.PathLimit, ...]:
        return paths.limits(self._briefs)

    @cached_property
    def services(self) -> tuple[services.ServiceLimits, ...]:
        """Return the services whose connections show an idle limit, of either end or of the path."""
        to_services = [one for one in self.path_limits if one.path != paths.ALL and "/" not in one.path]
        found = services.services(self._assembler.services, to_services, self._assembler.flows_like)
        return services.supported(found, self._client_limits)

    @cached_property
    def _client_limits(self) -> tuple[ClientLimit, ...]:
        return services.client_limits(self._assembler.clients(services.FEWEST_SERVICES))

    def idle_times_like(self, flow: int) -> Sequence[IdleTime]:
        """Return how long each connection to the same service as this one was idle, on four clocks."""
        return self._assembler.idle_times_like(flow)

    @cached_property
    def conclusions(self) -> tuple[conclusions.Conclusion, ...]:
        """Return what the whole capture says, the most important first."""
        (briefs, troubled), sampled = self._assembler.in_brief, self._assembler.sampled
        needs_every = needs_all(self.expected) and len(self.flows) <= groups.MOST_GROUPED
        known = conclusions.Known(
            briefs=briefs,
            troubled=troubled,
            services=self.services,
            path_limits=self.path_limits,
            connections=len(self.flows) - self.flows.attempts(),
            longest_idle_ns=self._longest_idle_ns(),
            is_sampled=len(sampled) < len(self.notable),
            client_limits=self._client_limits,
            expected=self.expected,
            examined=self.flows if needs_every else sampled,
        )
        return conclusion_rules.conclude(known)

    def _longest_idle_ns(self) -> int:
        """Return for how long any connection was silent, those that are open also up to the capture's end."""
        table, open_flows = self._tracker.table.flows, self.flows.that_ended((Outcome.ALIVE, Outcome.OPEN))
        last_ns = min(map(table.view.last_ns.__getitem__, open_flows.numbers), default=self.capture.until_ns)
        return max(self.engine.run(longest_idle, table.view, table.rows), self.capture.until_ns - last_ns)

    @cached_property
    def groups(self) -> tuple[groups.Group, ...]:
        """Return the connections that fared alike, the largest groups first; of many only those that are notable."""
        are_few = len(self.flows) <= groups.MOST_GROUPED
        return groups.groups(self._assembler.all_in_brief() if are_few else self._briefs)

    @cached_property
    def advice(self) -> tuple[advice.Advice, ...]:
        return advice.advise(self._briefs, self.path_limits, self.capture.packets)

    def what_if(self, keepalive: Keepalive) -> "WhatIf":
        """Replay the capture with these settings at the ends that probe, or at those that opened the connections."""
        from analyzer.keepalive.summary.what_if import idle_times, what_if

        c, last_data_ns = self.candidates.view, self._tracker.table.flows.view.data_ns
        idle = (tuple(idle_times(flow, c, self.rows(flow.id), last_data_ns[flow.id])) for flow in self.flows)
        return what_if(keepalive, self.flows, idle, self.path_limits, self.capture.until_ns - self.capture.first_ns)


class Batch(NamedTuple):
    """The decoded packets of some records, before they are assigned to flows."""

    packets: Table
    last_ns: int
    """The latest time of the records."""


class Analyzer:
    """Analyses captures batch by batch; one for each analysis."""

    def __init__(
        self, engine: Engine | None = None, limits: Limits | None = None, packet_filter: PacketFilter | None = None
    ) -> None:
        """Start without data; without `limits` everything is kept, and without a filter all packets are used."""
        self._limits = limits
        self.engine = engine or new_engine()
        self.diagnostics = Diagnostics()
        self.decoder = Decoder(packet_filter)
        self.tracker = Tracker()
        self.frames = 0
        self.tcp_packets = 0
        self.names: dict[str, str] = {}
        """Names of addresses, from the files."""
        self.coverage = Coverage()
        self._span_ns = array("q", [ABSENT, ABSENT])
        self._now_ns = ABSENT

    def feed(self, buffer: bytearray, records: Table) -> Table:
        """Analyse one batch of records whose frames lie in `buffer`; both may be reused afterwards.

        Returns its packets with their flows; the table is used again for the next batch.
        """
        batch = self.decode(buffer, records)
        self.follow(batch)
        return batch.packets

    def decode(self, buffer: bytearray, records: Table) -> Batch:
        """Decode a batch: the half of `feed` that depends on the frames alone. It may run some batches ahead of
        `follow`, on another thread: the two share no state."""
        packets = self.decoder.decode(buffer, records, self.frames + 1, self.engine, self.diagnostics.counts)
        self.coverage.note(records.view, records.rows, self.engine, self._span_ns)
        self.frames += records.rows
        self.tcp_packets += self.tracker.recent.recognise(packets, self.engine)
        return Batch(packets, self._span_ns[1])

    def follow(self, batch: Batch) -> None:
        """Assign a decoded batch to flows, and keep what matters of it: the other half of `feed`. Batches come in the
        order in which they were decoded."""
        self._now_ns = batch.last_ns
        self.tracker.follow(batch.packets, self.engine)
        if self._limits is not None:
            self.stay_within(self._limits)

    def analysis_of(self, part: Tracker, until_ns: int) -> Analysis:
        """Return the findings of an excerpt of the tracker, as if the capture ended at `until_ns`."""
        first_ns, last_ns = self.coverage.first_ns, self.coverage.last_ns
        capture = Capture((), (), self.frames, self.tcp_packets, first_ns, last_ns, until_ns, ())
        return Analysis(capture, (), part, self.engine, self.decoder.tunnels.names)

    def stay_within(self, limits: Limits, now_ns: int | None = None) -> Forgotten | None:
        """Give up the least informative flows and candidates if there are too many at `now_ns`, and count them; flows
        get other numbers then. Return what was given up, None without."""
        forgotten = shrink(self.tracker, self.engine, self._now_ns if now_ns is None else now_ns, limits)
        neighbours = forget_neighbours(self.tracker, limits)
        given_up = {FLOWS_GIVEN_UP: 0, SEGMENTS_GIVEN_UP: 0, NEIGHBOURS_GIVEN_UP: neighbours}
        if forgotten is not None:
            given_up[FLOWS_GIVEN_UP], given_up[SEGMENTS_GIVEN_UP] = forgotten.flows, forgotten.cut
        for code, times in given_up.items():
            if times:
                self.diagnostics.add(code, times=times)
        return forgotten

    def _sum_up(self) -> None:
        """Add up the diagnostics that each flow counts for itself. They are counted by flow so that shards can be
        joined."""
        flows = self.tracker.table.flows
        self.engine.run(sum_up, flows.view, flows.rows, self.diagnostics.counts)

    def left_out(self, name: str, error: CaptureError) -> Part:
        """Note that one of several inputs cannot be used; return the part that stands for it, with ABSENT frames if it
        is none of the captures that were asked for."""
        is_skipped = isinstance(error, NoCaptureError) and isinstance(name, InFolder) and not name.is_called_capture
        self.diagnostics.add(SKIPPED_FILE if is_skipped else UNREADABLE_FILE, 0, name if is_skipped else str(error))
        return Part(name, "", (), ABSENT if is_skipped else 0)

    def conclude(self, parts: Sequence[Part], until: Until | None = None) -> Analysis:
        """Make the findings from these inputs, captured until a time that somebody knows. Raises CaptureError if none
        of them could be used, OptionError if their capturing cannot have ended then."""
        formats = [part.format for part in parts if part.format]
        if not formats:
            details = next(iter(self.diagnostics)).detail
            raise CaptureError(f"none of the {len(parts)} inputs can be used: {details}")
        if until is not None and self.frames:
            self.coverage.end_at(until.after(self.coverage.last_ns))
        parts = [part for part in parts if part.frames != ABSENT]
        for part in parts:
            self.names |= dict(part.names)
        link_types = dict.fromkeys(number for part in parts for number in part.link_types)
        return self.finish([part.name for part in parts], formats, list(link_types), [part.frames for part in parts])

    def finish(
        self, files: Sequence[str], formats: Sequence[str], link_types: Sequence[int], frames: Sequence[int] = ()
    ) -> Analysis:
        """Make the findings. `link_types` are the declared numbers, `frames` the count of each file."""
        self._sum_up()
        self._note_holes()
        self.tracker.table.drop_index()
        for link_type in link_types:
            if link_type not in LINK_NAMES and self.diagnostics.counts[2 * UNKNOWN_LINK_TYPE]:
                self.diagnostics.detail(UNKNOWN_LINK_TYPE, f"LINKTYPE {link_type}")
        names = dict.fromkeys(LINK_NAMES.get(number, f"LINKTYPE {number}") for number in link_types)
        capture = Capture(
            files=tuple(files),
            formats=tuple(dict.fromkeys(formats)),
            packets=self.frames,
            tcp_packets=self.tcp_packets,
            first_ns=self.coverage.first_ns,
            last_ns=self.coverage.last_ns,
            until_ns=self.coverage.until_ns,
            link_types=tuple(names),
            frames=tuple(frames),
            names=self.names,
            packet_filter=self.decoder.expression,
        )
        return Analysis(capture, tuple(self.diagnostics), self.tracker, self.engine, self.decoder.tunnels.names)

    def _note_holes(self) -> None:
        """Set the end of each flow's observation to the hole after it, where the capture's clock jumps by years."""
        if not self.coverage.holes:
            return
        self.diagnostics.add(TIME_JUMP, times=self.coverage.holes)
        f = self.tracker.table.flows.view
        for flow in range(self.tracker.table.flows.rows):
            f.watched_ns[flow] = self.coverage.end_after(f.last_ns[flow]) + 1


def read_capture(
    name: str,
    analyzer: Analyzer,
    chunk_octets: int,
    on_batch: Callable[[Table, Table], None] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Part:
    """Feed one capture to the analyzer. Raises CaptureError if nothing of it can be used.

    `on_batch` gets the records and the packets of each batch; both tables are used again for the next one.
    `on_progress` gets the octets of the file that were read since its last call.
    """
    before, reported = analyzer.frames, 0
    with open_source(name) as source:
        reader = CaptureReader(source, analyzer.diagnostics, chunk_octets, before)

        def batches() -> Generator[tuple[Table, Batch, int]]:
            for buffer, records, _ in reader.chunks(analyzer.engine):
                yield records, analyzer.decode(buffer, records), source.position

        has_thread = on_batch is None and pays_to_decode_ahead(analyzer.engine, source.size)
        analyzer.decoder.hold(AHEAD if has_thread else 1)
        try:
            with closing(made_ahead(batches(), AHEAD, has_thread)) as decoded:
                for records, batch, position in decoded:
                    analyzer.follow(batch)
                    if on_batch is not None:
                        on_batch(records, batch.packets)
                    if on_progress is not None:
                        on_progress(position - reported)
                        reported = position
        except CaptureError as error:
            if analyzer.frames == before:
                raise
            analyzer.diagnostics.add(TRUNCATED_FILE, analyzer.frames + 1, str(error))
    analyzer.coverage.went_on(*reader.ended)
    return Part(
        name, reader.format, tuple(sorted(reader.link_types)), analyzer.frames - before, tuple(reader.names.items())
    )


def analyze(
    *paths: str,
    chunk_octets: int = CHUNK_OCTETS,
    on_progress: Callable[[int], None] | None = None,
    limits: Limits | None = None,
    until: Until | None = None,
    packet_filter: PacketFilter | None = None,
) -> Analysis:
    """Analyse captures as one timeline; '-' is standard input, and a directory, glob or URL may name several.

    `on_progress` is called with the octets of the files read since its last call. Beyond `limits`, by default those of
    `usual_memory`, the least informative flows and candidates are given up, and a diagnostic says so. `until` says
    when capturing ended, where the files do not. Packets that do not match `packet_filter` are left out. Raises
    CaptureError if nothing can be used; one bad file among several is a diagnostic.
    """
    analyzer = Analyzer(None, limits or limits_within(usual_memory()), packet_filter)
    names = captures(paths, first_frame_ns)
    parts: list[Part] = []
    for name in names:
        try:
            parts.append(read_capture(name, analyzer, chunk_octets, on_progress=on_progress))
        except CaptureError as error:
            if len(names) == 1:
                raise
            parts.append(analyzer.left_out(name, error))
    return analyzer.conclude(parts, until)
