"""The pipeline: captures in, an `Analysis` out; the one place that knows the way of the data.

`Analyzer.feed` takes one batch of records, `finish` draws the findings. A file is many
calls of `feed`; what they are cut into changes nothing.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from analyzer.capture.coverage import Coverage
from analyzer.capture.link import LINK_NAMES
from analyzer.capture.locations import captures
from analyzer.capture.packets import Decoder, address, count_of
from analyzer.capture.reader import CHUNK_OCTETS, CaptureReader, first_frame_ns
from analyzer.capture.source import open_source
from analyzer.columns import Table
from analyzer.diagnostics import (
    CAPTURED_TWICE,
    CODES,
    FLOWS_GIVEN_UP,
    NAME_THEIR_FILE,
    NEIGHBOURS_GIVEN_UP,
    SEGMENTS_GIVEN_UP,
    TIME_BACKWARDS,
    TIME_JUMP,
    TRUNCATED_FILE,
    UNKNOWN_LINK_TYPE,
    UNREADABLE_FILE,
    Diagnostic,
    Diagnostics,
    Severity,
)
from analyzer.errors import CaptureError
from analyzer.jit import Engine
from analyzer.keepalive import advice, hosts, path
from analyzer.keepalive.decide import tag_segments
from analyzer.keepalive.findings import End, Flow, Role
from analyzer.keepalive.gaps import Rows
from analyzer.keepalive.judge import judge
from analyzer.keepalive.kernels import Kernel, Observed, Together, infer_together
from analyzer.keepalive.losses import of_one_side
from analyzer.keepalive.neighbourhood import Neighbourhood, solicitations
from analyzer.keepalive.profiles import matching_profiles
from analyzer.keepalive.restart import address_of
from analyzer.keepalive.settings import UNTOLD
from analyzer.keepalive.stacks import Stack, look_of, stack_of
from analyzer.keepalive.stories import Stories
from analyzer.keepalive.tags import DUPLICATE_FRAME, ICMP_UNREACHABLE, PROBE
from analyzer.keepalive.timeline import Solicitation, Story
from analyzer.keepalive.timer import Keepalive
from analyzer.keepalive.what_if import Idle, WhatIf, idle_times, what_if
from analyzer.schema import KIND_TCP, NEVER, OPENED_MIDSTREAM, OPENED_SYN, OPENED_SYN_ACK, RST
from analyzer.tcp.eviction import Forgotten, Limits, forget_neighbours, limits_within, shrink, usual_memory
from analyzer.tcp.tracker import Tracker

ROLES = {
    OPENED_SYN: (Role.ORIGINATOR, Role.RESPONDER),
    OPENED_SYN_ACK: (Role.RESPONDER, Role.ORIGINATOR),
    OPENED_MIDSTREAM: (Role.UNKNOWN, Role.UNKNOWN),
}


@dataclass(frozen=True, slots=True)
class Capture:
    """What was read. Times in ns since 1970; both -1 for a capture without frames."""

    files: tuple[str, ...]
    formats: tuple[str, ...]
    packets: int
    tcp_packets: int
    first_ns: int
    last_ns: int
    link_types: tuple[str, ...]
    frames: tuple[int, ...] = ()
    """Of each file, in the order of `files`; frames are numbered on from one to the next."""

    def file_of(self, frame: int) -> str | None:
        """The file that a frame is in."""
        ends = list(accumulate(self.frames))
        return self.files[bisect_left(ends, frame)] if ends and 0 < frame <= ends[-1] else None


@dataclass(frozen=True, slots=True)
class Part:
    """One of the inputs; its `format` is empty if it could not be used."""

    name: str
    format: str
    link_types: tuple[int, ...]
    frames: int


class Analysis:
    """Everything that was found; findings of flows, hosts, paths are drawn when asked for."""

    def __init__(
        self,
        capture: Capture,
        diagnostics: Sequence[Diagnostic],
        tracker: Tracker,
        engine: Engine,
        tunnels: Sequence[str],
    ) -> None:
        """`tunnels` are the names by number, as FLOWS has them."""
        self.capture = capture
        self.diagnostics = tuple(diagnostics)
        self._tracker = tracker
        self._tunnels = tunnels
        self._engine = engine
        flow_count = tracker.table.flows.rows
        self.segments, self._order, self._starts = tag_segments(tracker.candidates, flow_count, engine)

    def file_of(self, note: Diagnostic) -> str | None:
        """Of several files the one where this was first met; None if the note names it or no frame is concerned."""
        is_named = note.code in [CODES[code] for code in NAME_THEIR_FILE]
        return None if is_named or len(self.capture.files) < 2 else self.capture.file_of(note.first_frame)

    @property
    def is_damaged(self) -> bool:
        """Part of the input could not be read, so that something may be missing."""
        return any(one.code.severity is Severity.DAMAGE for one in self.diagnostics)

    @property
    def candidates(self) -> Table:
        return self._tracker.candidates

    @cached_property
    def flows(self) -> tuple[Flow, ...]:
        return tuple(self._flow(flow, story, self._together) for flow, story in enumerate(self._stories))

    def flow_alone(self, flow: int) -> Flow:
        """One flow with its settings from its own probes, not from all that its kernel ticks: faster than `flows`."""
        return self._flow(flow, self._stories[flow], infer_together(list(self._observed(flow))))

    @cached_property
    def _stories(self) -> tuple[Story, ...]:
        table = self._tracker.table
        rows = Rows(
            self.candidates.view, self.segments.view, self._order, self._starts, table.flows.view, table.ends.view
        )
        return tuple(Stories(rows, table.flows.rows, (self.capture.packets, self.capture.last_ns), self._engine))

    @cached_property
    def _neighbourhood(self) -> Neighbourhood:
        return Neighbourhood(self._tracker.table, self._tracker.neighbours, self._stories)

    @cached_property
    def solicitations(self) -> tuple[tuple[int, Solicitation], ...]:
        """What nobody on the link answered, with the flow that it concerns, in capture order."""
        if not self._tracker.neighbours.rows:
            return ()
        found = [
            (flow, one)
            for flow, story in enumerate(self._stories)
            for one in solicitations(story, self._neighbourhood.around(flow, story))
        ]
        return tuple(sorted(found, key=lambda pair: (pair[1].frame, pair[0])))

    @cached_property
    def _together(self) -> Together:
        """Settings of all ends, and the kernels that ticked them."""
        return infer_together([one for flow in range(len(self._stories)) for one in self._observed(flow)])

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        return self._together.kernels

    @cached_property
    def hosts(self) -> tuple[hosts.Host, ...]:
        return hosts.pool(self.flows, self.kernels)

    @cached_property
    def path_limits(self) -> tuple[path.PathLimit, ...]:
        return path.limits(self.flows)

    @cached_property
    def advice(self) -> tuple[advice.Advice, ...]:
        return advice.advise(self.flows, self.path_limits)

    def what_if(self, keepalive: Keepalive) -> WhatIf:
        """The same capture with these settings at the ends that probe, or that opened the connections."""
        idle = (tuple(self._idle_times(flow)) for flow in self.flows)
        duration_ns = self.capture.last_ns - self.capture.first_ns
        return what_if(keepalive, self.flows, idle, self.path_limits, duration_ns)

    def _idle_times(self, flow: Flow) -> Iterator[Idle]:
        is_closed = all(end.story.fin_frame for end in flow.ends)
        end_ns = flow.story.reset.ts_ns if flow.story.reset else flow.end_ns if is_closed else self.capture.last_ns
        last_data_ns = self._tracker.table.flows.view.data_ns[flow.id]
        return idle_times(self.candidates.view, self.rows(flow.id), last_data_ns, end_ns)

    def rows(self, flow: int) -> "array[int]":
        """Numbers of the flow's rows in `candidates` and `segments`, in capture order."""
        return self._order[self._starts[flow] : self._starts[flow + 1]]

    def _is_whole(self, flow: int) -> bool:
        """The flow was seen to open, and no candidate since has been given up (`tcp/eviction.py`)."""
        f, rows = self._tracker.table.flows.view, self.rows(flow)
        is_first_there = len(rows) > 0 and self.candidates.view.frame[rows[0]] == f.first_frame[flow]
        return bool(is_first_there and f.opened[flow] == OPENED_SYN)

    def _observed(self, flow: int) -> Iterator[Observed]:
        """Both ends of a flow as inference takes them; those whose gaps say nothing are left out."""
        f, story = self._tracker.table.flows.view, self._stories[flow]
        is_asked = self._neighbourhood.around(flow, story).asked
        for end, told in enumerate(story.ends):
            if not told.gaps or story.is_riddled:
                continue
            # Without a neighbour probes are not sent: then what the capture's end left open says nothing.
            gaps = [gap for gap in self._neighbourhood.whole_gaps(flow, end, told) if not (is_asked and gap.is_open)]
            if story.heard_ns[1 - end] == NEVER:
                gaps = of_one_side(gaps)
            instants = {probe.frame: probe.ts_ns for probe in told.probes}
            if story.reset is not None and story.reset.is_give_up and story.reset.end == end:
                instants[story.reset.frame] = story.reset.ts_ns
            yield Observed(
                (flow, end),
                f"{self._tunnels[f.tunnel[flow]]} {self._address(flow, end)}".strip(),
                gaps,
                is_whole=self._is_whole(flow),
                may_be_linux=all(probe.payload_len == 0 for probe in told.probes),
                instants=instants,
            )

    def _address(self, flow: int, end: int) -> str:
        return address(*address_of(self._tracker.table, flow, end)[1:])

    def _has_bare_probes(self, flow: int, end: int) -> bool:
        """The end's probes carry no timestamp, although its other segments do."""
        c, tags = self.candidates.view, self.segments.view.tag
        own = [
            row for row in self.rows(flow) if c.end[row] == end and tags[row] not in (DUPLICATE_FRAME, ICMP_UNREACHABLE)
        ]
        with_timestamp = [tags[row] == PROBE for row in own if c.tsval[row] != NEVER and not c.flags[row] & RST]
        return bool(with_timestamp) and not any(with_timestamp) and any(tags[row] == PROBE for row in own)

    def _flow(self, flow: int, story: Story, together: Together) -> Flow:
        f = self._tracker.table.flows.view
        ports = (f.ports[flow] >> 16, f.ports[flow] & 0xFFFF)
        ends = []
        for end in (0, 1):
            told, matches, stack = story.ends[end], tuple[str, ...](), Stack.UNKNOWN
            settings = together.settings.get((flow, end), UNTOLD)
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
            verdict=judge(story, self._neighbourhood.around(flow, story)),
            first_frame=f.first_frame[flow],
        )


class Analyzer:
    """Takes captures batch by batch; one for each analysis."""

    def __init__(self, engine: Engine | None = None, limits: Limits | None = None) -> None:
        """Without `limits` everything is kept."""
        self._limits = limits
        self.engine = engine or Engine()
        self.diagnostics = Diagnostics()
        self.decoder = Decoder()
        self.tracker = Tracker()
        self.frames = 0
        self.tcp_packets = 0
        self.coverage = Coverage()
        self._span_ns = array("q", [NEVER, NEVER])

    def feed(self, buffer: bytearray, records: Table) -> Table:
        """One batch of records whose frames lie in `buffer`; both may be reused afterwards.

        Returns its packets with their flows; the table is used again for the next batch.
        """
        packets = self.decoder.decode(buffer, records, self.frames + 1, self.engine, self.diagnostics.counts)
        self.coverage.note(records.view, records.rows, self.engine, self._span_ns)
        self.frames += records.rows
        self.tcp_packets += self.engine.run(count_of, packets.view, packets.rows, KIND_TCP)
        self.tracker.feed(packets, self.engine)
        if self._limits is not None:
            self.stay_within(self._limits)
        return packets

    def analysis_of(self, part: Tracker, until_ns: int) -> Analysis:
        """The findings of an excerpt of the tracker, as if the capture ended at `until_ns`."""
        capture = Capture((), (), self.frames, self.tcp_packets, self.coverage.first_ns, until_ns, ())
        return Analysis(capture, (), part, self.engine, self.decoder.tunnels.names)

    def stay_within(self, limits: Limits, now_ns: int | None = None) -> Forgotten | None:
        """Give up what says least when there is too much at `now_ns`, and count it; flows get other numbers then."""
        forgotten = shrink(self.tracker, self.engine, self._span_ns[1] if now_ns is None else now_ns, limits)
        neighbours = forget_neighbours(self.tracker, limits)
        given_up = {FLOWS_GIVEN_UP: 0, SEGMENTS_GIVEN_UP: 0, NEIGHBOURS_GIVEN_UP: neighbours}
        if forgotten is not None:
            given_up[FLOWS_GIVEN_UP], given_up[SEGMENTS_GIVEN_UP] = forgotten.flows, forgotten.cut
        for code, times in given_up.items():
            if times:
                self.diagnostics.add(code, times=times)
        return forgotten

    def _sum_up(self) -> None:
        """What is counted for each flow, so that shards can be joined; the diagnostics are of all of them."""
        flows, f = self.tracker.table.flows.rows, self.tracker.table.flows.view
        counts = self.diagnostics.counts
        for code, number, frame in (
            (TIME_BACKWARDS, f.steps_back, f.step_back_frame),
            (CAPTURED_TWICE, f.copies, f.copy_frame),
        ):
            counts[2 * code] = sum(number[:flows])
            counts[2 * code + 1] = min(filter(None, frame[:flows]), default=0)

    def left_out(self, name: str, error: CaptureError) -> Part:
        """One of several inputs cannot be used."""
        self.diagnostics.add(UNREADABLE_FILE, 0, str(error))
        return Part(name, "", (), 0)

    def conclude(self, parts: Sequence[Part]) -> Analysis:
        """Draw the findings of these inputs. Raises CaptureError if none of them could be used."""
        formats = [part.format for part in parts if part.format]
        if not formats:
            details = next(iter(self.diagnostics)).detail
            raise CaptureError(f"none of the {len(parts)} inputs can be used: {details}")
        link_types = dict.fromkeys(number for part in parts for number in part.link_types)
        return self.finish([part.name for part in parts], formats, list(link_types), [part.frames for part in parts])

    def finish(
        self, files: Sequence[str], formats: Sequence[str], link_types: Sequence[int], frames: Sequence[int] = ()
    ) -> Analysis:
        """Draw the findings. `link_types` are the declared numbers, `frames` the count of each file."""
        self._sum_up()
        self._note_holes()
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
            link_types=tuple(names),
            frames=tuple(frames),
        )
        return Analysis(capture, tuple(self.diagnostics), self.tracker, self.engine, self.decoder.tunnels.names)

    def _note_holes(self) -> None:
        """Where the capture's clock jumps by years, a flow was watched until the jump and not until the end."""
        if not self.coverage.holes:
            return
        self.diagnostics.add(TIME_JUMP, times=self.coverage.holes)
        f = self.tracker.table.flows.view
        for flow in range(self.tracker.table.flows.rows):
            f.watched_ns[flow] = self.coverage.end_after(f.last_ns[flow])


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
    before, told = analyzer.frames, 0
    with open_source(name) as source:
        analyzer.engine.expect(source.size)
        reader = CaptureReader(source, analyzer.diagnostics, chunk_octets, before)
        try:
            for buffer, records, _ in reader.chunks(analyzer.engine):
                packets = analyzer.feed(buffer, records)
                if on_batch is not None:
                    on_batch(records, packets)
                if on_progress is not None:
                    on_progress(source.position - told)
                    told = source.position
        except CaptureError as error:
            if analyzer.frames == before:
                raise
            analyzer.diagnostics.add(TRUNCATED_FILE, analyzer.frames + 1, str(error))
    return Part(name, reader.format, tuple(sorted(reader.link_types)), analyzer.frames - before)


def analyze(
    *paths: str,
    chunk_octets: int = CHUNK_OCTETS,
    on_progress: Callable[[int], None] | None = None,
    max_memory: int | None = None,
) -> Analysis:
    """Analyse captures as one timeline; '-' is standard input, a directory, glob or URL may name several.

    `on_progress` is called with the octets of the files read since its last call. Beyond `max_memory` octets, by
    default `usual_memory`, what says least is given up, and a diagnostic says so.
    Raises CaptureError if nothing can be used; one bad file among several is a diagnostic.
    """
    analyzer = Analyzer(limits=limits_within(max_memory or usual_memory()))
    names = captures(paths, first_frame_ns)
    parts: list[Part] = []
    for name in names:
        try:
            parts.append(read_capture(name, analyzer, chunk_octets, on_progress=on_progress))
        except CaptureError as error:
            if len(names) == 1:
                raise
            parts.append(analyzer.left_out(name, error))
    return analyzer.conclude(parts)
