"""The pipeline: captures in, an `Analysis` out; the one place that knows the way of the data.

`Analyzer.feed` takes one batch of records, `finish` draws the findings. A file is many
calls of `feed`; what they are cut into changes nothing.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from analyzer.capture.coverage import Coverage
from analyzer.capture.link import LINK_NAMES
from analyzer.capture.packets import Decoder, address, count_of
from analyzer.capture.reader import CHUNK_OCTETS, CaptureReader
from analyzer.capture.source import open_source
from analyzer.columns import Table
from analyzer.diagnostics import TIME_JUMP, UNKNOWN_LINK_TYPE, UNREADABLE_FILE, Diagnostic, Diagnostics, Severity
from analyzer.errors import CaptureError
from analyzer.jit import Engine
from analyzer.keepalive import advice, hosts, path
from analyzer.keepalive.decide import tag_segments
from analyzer.keepalive.findings import End, Flow, Role
from analyzer.keepalive.gaps import Rows
from analyzer.keepalive.judge import judge
from analyzer.keepalive.neighbourhood import Neighbourhood, solicitations
from analyzer.keepalive.profiles import matching_profiles
from analyzer.keepalive.settings import infer
from analyzer.keepalive.stories import Stories
from analyzer.keepalive.timeline import Solicitation, Story
from analyzer.keepalive.timer import Keepalive
from analyzer.keepalive.what_if import Idle, WhatIf, idle_times, what_if
from analyzer.schema import KIND_TCP, NEVER, OPENED_MIDSTREAM, OPENED_SYN, OPENED_SYN_ACK
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

    @property
    def is_damaged(self) -> bool:
        """Part of the input could not be read, so that something may be missing."""
        return any(one.code.severity is Severity.DAMAGE for one in self.diagnostics)

    @property
    def candidates(self) -> Table:
        return self._tracker.candidates

    @cached_property
    def flows(self) -> tuple[Flow, ...]:
        return tuple(self._flow(flow, story) for flow, story in enumerate(self._stories))

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
    def hosts(self) -> tuple[hosts.Host, ...]:
        return hosts.pool(self.flows)

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

    def _flow(self, flow: int, story: Story) -> Flow:
        f = self._tracker.table.flows.view
        addresses = (address(f.a_hi[flow], f.a_lo[flow]), address(f.b_hi[flow], f.b_lo[flow]))
        ports = (f.ports[flow] >> 16, f.ports[flow] & 0xFFFF)
        around = self._neighbourhood.around(flow, story)
        ends = []
        for end in (0, 1):
            told = story.ends[end]
            # Without a neighbour probes are not sent: then what the capture's end left open says nothing.
            gaps = [
                gap for gap in self._neighbourhood.whole_gaps(flow, end, told) if not (around.asked and gap.is_open)
            ]
            payload_len = max((probe.payload_len for probe in told.probes), default=None)
            settings = infer(gaps, is_whole=self._is_whole(flow), may_be_linux=payload_len != 1)
            matches = matching_profiles(settings, payload_len) if told.probes else ()
            ends.append(End(addresses[end], ports[end], ROLES[f.opened[flow]][end], told, settings, matches))
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
            verdict=judge(story, around),
            first_frame=f.first_frame[flow],
        )


class Analyzer:
    """Takes captures batch by batch; one for each analysis."""

    def __init__(self, engine: Engine | None = None) -> None:
        self.engine = engine or Engine()
        self.diagnostics = Diagnostics()
        self.decoder = Decoder()
        self.tracker = Tracker()
        self.frames = 0
        self._tcp_packets = 0
        self.coverage = Coverage()
        self._span_ns = array("q", [NEVER, NEVER])

    def feed(self, buffer: bytearray, records: Table) -> None:
        """One batch of records whose frames lie in `buffer`; both may be reused afterwards."""
        packets = self.decoder.decode(buffer, records, self.frames + 1, self.engine, self.diagnostics.counts)
        self.coverage.note(records.view, records.rows, self.engine, self._span_ns)
        self.frames += records.rows
        self._tcp_packets += self.engine.run(count_of, packets.view, packets.rows, KIND_TCP)
        self.tracker.feed(packets, self.engine, self.diagnostics.counts)

    def finish(self, files: Sequence[str], formats: Sequence[str], link_types: Sequence[int]) -> Analysis:
        """Draw the findings; `link_types` are the numbers that the capture declares."""
        for link_type in link_types:
            if link_type not in LINK_NAMES and self.diagnostics.counts[2 * UNKNOWN_LINK_TYPE]:
                self.diagnostics.detail(UNKNOWN_LINK_TYPE, f"LINKTYPE {link_type}")
        self._note_holes()
        names = dict.fromkeys(LINK_NAMES.get(number, f"LINKTYPE {number}") for number in link_types)
        capture = Capture(
            files=tuple(files),
            formats=tuple(dict.fromkeys(formats)),
            packets=self.frames,
            tcp_packets=self._tcp_packets,
            first_ns=self.coverage.first_ns,
            last_ns=self.coverage.last_ns,
            link_types=tuple(names),
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


def analyze(
    *paths: str, chunk_octets: int = CHUNK_OCTETS, on_progress: Callable[[int], None] | None = None
) -> Analysis:
    """Analyse captures as one timeline, in the order given; '-' is standard input.

    `on_progress` is called with the octets of capture walked since its last call.
    Raises CaptureError if nothing can be used; one bad file among several is a diagnostic.
    """
    analyzer = Analyzer()
    formats: list[str] = []
    link_types: list[int] = []
    for name in paths:
        try:
            with open_source(name) as source:
                analyzer.engine.expect(source.size)
                reader = CaptureReader(source, analyzer.diagnostics, chunk_octets, analyzer.frames)
                for buffer, records, _ in reader.chunks(analyzer.engine):
                    analyzer.feed(buffer, records)
                    if on_progress is not None:
                        on_progress(sum(records.view.captured_len[: records.rows]))
                formats.append(reader.format)
                link_types.extend(sorted(reader.link_types))
        except CaptureError as error:
            if len(paths) == 1:
                raise
            analyzer.diagnostics.add(UNREADABLE_FILE, 0, str(error))
    if not formats:
        raise CaptureError(f"none of the {len(paths)} inputs can be used: {next(iter(analyzer.diagnostics)).detail}")
    return analyzer.finish(paths, formats, list(dict.fromkeys(link_types)))
