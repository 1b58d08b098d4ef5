"""The Python interface: what `import analyzer` gives. Tables, connections, charts, and what shows itself in a notebook.

    a = analyzer.analyze("capture.pcap")
    a.conclusions               # what all of it says, and what to do about it
    a.flows                     # a pandas DataFrame, as are probes, gaps, segments, hosts, path_limits, …
    a.flow(12)                  # one connection in full
    a.verdict                   # of the connection that matters most
    a.plot.timeline(flow=12)    # a matplotlib Axes

Nothing is printed and nothing is global. The columns are those of schema.export.FRAMES.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from importlib import resources
from operator import index
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from analyzer import analysis
from analyzer.capture.decode.link import LINK_ETHERNET
from analyzer.capture.described import Capture
from analyzer.capture.files.locations import InMemory, octets_of
from analyzer.capture.filter import packet_filter
from analyzer.capture.until import Until
from analyzer.errors import OptionError
from analyzer.keepalive.summary.conclusions import MOST_SHOWN
from analyzer.keepalive.verdict.values import Verdict
from analyzer.reading import Reading, read_all
from analyzer.report.connection import Connection
from analyzer.report.interchange.captures_in_memory import TAKEN, captures_in
from analyzer.report.places import Place, flows_at, parse
from analyzer.report.plot import Plot
from analyzer.report.ranking import SHOWN, by_urgency
from analyzer.report.words import conclusion_sentences
from analyzer.schema.export import FRAMES

if TYPE_CHECKING:
    from datetime import datetime
    from os import PathLike

    import pandas as pd
    from rich.console import Group

    from analyzer.keepalive.model.linux import Keepalive
    from analyzer.keepalive.summary.expectations import Expectation
    from analyzer.many.remote import Held
    from analyzer.report.what_if import Supposed

Answer = TypeVar("Answer")

MOST_LINK_TYPE = 0xFFFF
"""Largest number of a link type (draft-ietf-opsawg-pcapng §4.2)."""


def analyze(
    *captures: "str | PathLike[str] | bytes | BinaryIO | Iterable[Any]",
    link_type: int = LINK_ETHERNET,
    on_progress: Callable[[int], None] | None = None,
    max_memory: int | None = None,
    until: "str | float | datetime | None" = None,
    filter: str | None = None,  # noqa: A002  # the flag's name
    jobs: int | None = None,
    cluster: str | None = None,
    keep_shards: "str | PathLike[str] | None" = None,
    resume: bool = False,
) -> "Analysis":
    """Analyse captures as one timeline: files, what is in memory, packets of scapy or dpkt, or any of them together.

    A capture is a path, where '-' is standard input, and a directory, glob or URL may name several; the octets of a
    file (bytes), or a file that is open for reading them; packets of scapy (a PacketList, a PcapReader, what `sniff`
    returns); a Reader of dpkt; any other iterable of (time, octets); a DataFrame with the columns `time` and `data`;
    or an iterable of captures. Times are seconds since 1970, or instants of datetime, numpy or pandas. `link_type` is
    what frames begin with where they do not say so themselves: a number of LINKTYPE_*, 1 for Ethernet.

    `on_progress` is called with the octets of the files read since its last call. Beyond `max_memory` octets, by
    default a share of what the machine has, the least informative flows and candidates are given up, and a diagnostic
    says so.

    `until` says when capturing ended, for files that do not: an ISO 8601 time or a datetime, in UTC without a zone,
    seconds since 1970, or "+170" for 170 s after the last frame.

    `filter` is an expression as tcpdump takes it ("host 10.0.0.5 and port 5432"): packets that do not match are left
    out, and a diagnostic counts them.

    `jobs` files are read at once, each in a process of its own, where that is faster (docs/many-captures.md). With
    `cluster`, the address of a dask scheduler (`tcp://host:8786`), its workers read the files and assemble the
    findings, and what is asked for travels from there; `close` ends the connection. The analysis of each file by itself
    is stored in the folder `keep_shards`, and with `resume` only files that are not there are read. The result is the
    same, whoever reads.

    Raises analyzer.errors.CaptureError if nothing can be used, FilterError for a filter that cannot be understood, and
    OptionError where arguments exclude each other or cannot be obeyed, TypeError for what is no capture; what is
    imperfect is in `diagnostics`.
    """
    if not captures:
        raise TypeError(f"analyze() needs a capture: {TAKEN}")
    if not 0 <= index(link_type) <= MOST_LINK_TYPE:
        raise OptionError(f"link_type is a number of LINKTYPE_*, from 0 to {MOST_LINK_TYPE}, not {link_type}")
    names = tuple(name for one in captures for name in captures_in(one, index(link_type)))
    folder = str(keep_shards) if keep_shards is not None else None
    how = Reading(
        jobs=jobs,
        cluster=cluster,
        keep_shards=folder,
        resume=resume,
        until=Until.parse(str(until)) if until is not None else None,
        max_memory=max_memory,
        packet_filter=packet_filter(filter) if filter is not None else None,
    )

    def on_file(name: str) -> None:
        if on_progress is not None:
            on_progress(octets_of(name))

    return Analysis(read_all(names, how, on_progress, on_file))


def load_example() -> "Analysis":
    """Analyse a recording that comes with the package: two connections through a NAT that forgets what is silent for
    10 s. One of them probes in time (samples/nat-forgets-one-of-two)."""
    octets = resources.files("analyzer.report.interchange").joinpath("example.pcap").read_bytes()
    return analyze(InMemory("example.pcap", octets))


class Analysis:
    """The findings of a capture. Tables are made when first asked for."""

    def __init__(self, findings: "Held") -> None:
        self._held = findings
        if isinstance(findings, analysis.Analysis):
            findings.keep_assembled()

    @property
    def findings(self) -> analysis.Analysis:
        """Return the findings as sequences of dataclasses: flows, hosts, path_limits, advice; fetched if they are on a
        cluster."""
        return cast("analysis.Analysis", self._held)

    def ask(self, question: Callable[..., Answer], *arguments: Any) -> Answer:
        """Call a function with the `Analysis` and return its result; if that lies on a cluster, the function is called
        there."""
        if isinstance(self._held, analysis.Analysis):
            return question(self, *arguments)
        answer: Answer = self._held.ask(_asked, question, *arguments)
        return answer

    def close(self) -> None:
        """Release what a cluster holds of this analysis; here nothing needs to be closed."""
        if not isinstance(self._held, analysis.Analysis):
            self._held.close()

    @property
    def capture(self) -> Capture:
        """Return the description of the input."""
        return self.findings.capture

    @cached_property
    def conclusions(self) -> "pd.DataFrame":
        """Return what the whole capture says, the most important first, and what to do about it."""
        return self.frame("conclusions")

    @cached_property
    def flows(self) -> "pd.DataFrame":
        """Return the connections, by number."""
        return self.frame("flows").set_index("flow")

    @cached_property
    def ends(self) -> "pd.DataFrame":
        """Return both ends of each connection with their settings, bounds, and what those rest on."""
        return self.frame("ends")

    @cached_property
    def probes(self) -> "pd.DataFrame":
        """Return the keepalive probes and what answered them."""
        return self.frame("probes")

    @cached_property
    def gaps(self) -> "pd.DataFrame":
        """Return the observations of keepalive timers, from which the settings are inferred."""
        return self.frame("gaps")

    @cached_property
    def segments(self) -> "pd.DataFrame":
        """Return the segments that may matter, each with its tag and rule; a run of plain data is not among them."""
        return self.frame("segments")

    @cached_property
    def silences(self) -> "pd.DataFrame":
        """Return every silence of 10 s and more, and whether the path survived it, and the longest of those connections
        that survived only shorter ones."""
        return self.frame("silences")

    @cached_property
    def hosts(self) -> "pd.DataFrame":
        """Return the settings by probing host, and by port where connections differ."""
        return self.frame("hosts")

    @cached_property
    def path_limits(self) -> "pd.DataFrame":
        """Return how long each path may be silent."""
        return self.frame("path_limits")

    @cached_property
    def services(self) -> "pd.DataFrame":
        """Return after how long without use somebody ends the connections to each service, where they show it."""
        return self.frame("services")

    @cached_property
    def survival(self) -> "pd.DataFrame":
        """Return the likeliest share of silences that a path survives, by length."""
        return self.frame("survival")

    @cached_property
    def advice(self) -> "pd.DataFrame":
        """Return the advice: what should be set otherwise."""
        return self.frame("advice")

    @cached_property
    def diagnostics(self) -> "pd.DataFrame":
        """Return what is imperfect about the capture."""
        return self.frame("diagnostics")

    def frame(self, name: str) -> "pd.DataFrame":
        """Make a table of schema.export.FRAMES, by name; OptionError if there is none."""
        if name not in FRAMES:
            raise OptionError(f"there is no table {name!r}; there are {', '.join(FRAMES)}")
        return self.ask(_frame, name)

    def flow(self, which: int | str) -> Connection:
        """Return one connection: by its number, or the one that matters most of those with an end at an address and
        port: "10.0.0.5:5432", "10.0.0.5", ":5432", "[2001:db8::5]:5432". IndexError if there is none."""
        if not isinstance(which, str) and not hasattr(which, "__index__"):
            raise TypeError(f"a connection is a number, or an address and port, not {type(which).__name__}")
        number = self._at(which) if isinstance(which, str) else index(which)
        if not 0 <= number < len(self.findings.flows):
            raise IndexError(f"there is no connection {which}; the capture has {len(self.findings.flows):,}, from 0")
        return Connection(self, self.findings.flows[number])

    def _at(self, words: str) -> int:
        """Return the number of the most urgent connection with an end at a place, -1 without one."""
        return next(iter(self.ask(_at, parse(words))), -1)

    def packets(self, flow: int | str | None = None, *, frames: Iterable[int] | None = None, as_: str = "scapy") -> Any:
        """Return the packets of a connection, those with these frame numbers, or all, read from the captures again.

        As a PacketList of scapy, whose `frames` are their numbers; with `as_="dpkt"` or "raw" as a list of tuples with
        frame number, time, and dpkt's packet or the octets.
        """
        from analyzer.report.interchange import packets

        if as_ not in packets.KINDS:
            raise OptionError(f"as_={as_!r} is not known; there are {', '.join(packets.KINDS)}")
        wanted = frozenset(map(index, frames)) if frames is not None else None
        for one in wanted or ():
            if not 1 <= one <= self.capture.packets:
                raise IndexError(f"there is no frame {one}; the capture has {self.capture.packets:,}, from 1")
        if flow is None:
            return packets.KINDS[as_](packets.chosen(self.capture, wanted))
        chosen = packets.of_flow(self.capture, self.flow(flow).findings.first_frame)
        return packets.KINDS[as_](one for one in chosen if wanted is None or one.frame in wanted)

    def probes_of(self, flow: int | str, *, as_: str = "scapy") -> Any:
        """Return the keepalive probes of both ends of a connection, as `packets` does."""
        story = self.flow(flow).findings.story
        return self.packets(frames=[probe.frame for end in story.ends for probe in end.probes], as_=as_)

    def __iter__(self) -> Iterator[Connection]:
        return (Connection(self, flow) for flow in self.findings.flows)

    def __len__(self) -> int:
        return len(self.findings.flows)

    @property
    def verdict(self) -> Verdict | None:
        """Return the verdict on the connection that matters most; None for a capture without connections."""
        return self.ask(_verdict)

    @property
    def plot(self) -> "Plot":
        """Return the charts."""
        return Plot(self)

    def to_json(self) -> str:
        """Return the document of `--json` (schema ka-analyze/2)."""
        return "".join(self.ask(_document))

    def tags(self) -> list[dict[str, Any]]:
        """Return an object for each segment that is not plain, in capture order, as `--tags` prints them."""
        return self.ask(_tags)

    def what_if(self, settings: str = "", **values: int) -> "Supposed":
        """Return what other settings would have done, which shows itself as text: "time=60,intvl=10,probes=5", or the
        same as keywords; `user_timeout_ms` is the fourth. What is not named is Linux's default."""
        from analyzer.report import what_if

        named = _named(settings, values) or _named("", what_if.DEFAULTS)
        return self.ask(_supposed, what_if.parse(named))

    def expect(self, *settings: str, strict: bool = False, **values: int) -> list[str]:
        """Return a line for each setting that is not as expected, none if all are: "time=60,intvl=10",
        "10.0.0.5:5432:time=60", as --expect takes them, or keywords; with `strict` also for what the capture does not
        confirm."""
        from analyzer.report import expectations

        expected = [*settings, _named("", values)] if values else settings
        if not expected:
            raise TypeError("expect() needs settings, like time=60, intvl=10, probes=5")
        return self.ask(_unmet, [expectations.parse(one) for one in expected], strict)

    def annotate(self, path: "str | PathLike[str]") -> None:
        """Write the captures once more as pcapng, with the findings as comments for Wireshark."""
        from analyzer.report.wireshark.annotate import annotate, check

        check(str(path), self.capture.files)
        annotate(self._held, self.capture.files, str(path))

    def write_html(self, path: "str | PathLike[str]", shown: int = SHOWN, command: str = "") -> None:
        """Write the report as one page that needs nothing else, with charts of the `shown` connections that matter
        most. Its foot names the date (SOURCE_DATE_EPOCH if that is set), and the `command` line if there was one."""
        from analyzer.report.page.page import write

        write(self, str(path), shown, command)

    def write_csv(self, folder: "str | PathLike[str]") -> None:
        """Write every table as CSV."""
        from analyzer.report.tables.files import write_csv

        write_csv(self, str(folder))

    def write_parquet(self, folder: "str | PathLike[str]") -> None:
        """Write every table as Parquet, with units and meanings; needs pyarrow."""
        from analyzer.report.tables.files import write_parquet

        write_parquet(self, str(folder))

    def write_duckdb(self, path: "str | PathLike[str]") -> None:
        """Write every table into a database of DuckDB, whose other tables stay; needs duckdb."""
        from analyzer.report.tables.database import write_duckdb

        write_duckdb(self, str(path))

    def write_plots(self, folder: "str | PathLike[str]", shown: int = SHOWN, png: bool = False) -> None:
        """Write the charts as SVG, with `png` also as PNG, those of one connection for the `shown` that matter most."""
        from analyzer.report.tables.files import write_plots

        write_plots(self, str(folder), shown, has_png=png)

    def __reduce__(self) -> Any:
        return Analysis, (self._held,)

    def __rich__(self) -> "Group":
        return self.ask(_report)

    def __repr__(self) -> str:
        return self.ask(_title)

    def _repr_html_(self) -> str:
        from analyzer.report.page.page import notebook_summary

        return self.ask(notebook_summary)


def _named(settings: str, values: Mapping[str, int]) -> str:
    """Return settings as the flags of the command take them."""
    return ",".join([settings] * bool(settings) + [f"{name}={value}" for name, value in values.items()])


def _asked(findings: "Held", question: Callable[..., Any], *arguments: Any) -> Any:
    return question(Analysis(findings), *arguments)


def _frame(analysis: Analysis, name: str) -> "pd.DataFrame":
    from analyzer.report.tables.frames import frame

    return frame(name, analysis.findings)


def _verdict(analysis: Analysis) -> Verdict | None:
    first = next(iter(by_urgency(analysis.findings.flows)), None)
    return first.verdict if first is not None else None


def _document(analysis: Analysis) -> list[str]:
    from analyzer.report.json.document import document

    return list(document(analysis.findings))


def _tags(analysis: Analysis) -> list[dict[str, Any]]:
    from analyzer.report.json.document import tag_lines

    return [json.loads(line) for piece in tag_lines(analysis.findings) for line in piece.splitlines()]


def _at(analysis: Analysis, place: Place) -> list[int]:
    return list(by_urgency(flows_at(analysis.findings, place)).numbers)


def _supposed(analysis: Analysis, keepalive: "Keepalive") -> "Supposed":
    from analyzer.report.what_if import suppose

    return suppose(analysis.findings, keepalive, SHOWN)


def _unmet(analysis: Analysis, expectations: "list[Expectation]", is_strict: bool) -> list[str]:
    from analyzer.report.expectations import unmet

    return list(unmet(expectations, analysis.findings, is_strict))


def _report(analysis: Analysis) -> "Group":
    from analyzer.report.terminal import report

    return report(analysis.findings)


def _title(analysis: Analysis) -> str:
    from analyzer.report.terminal import title

    said = [line for one in analysis.findings.conclusions[:MOST_SHOWN] for line in conclusion_sentences.in_full(one)]
    return "\n".join((f"<Analysis of {' · '.join(title(analysis.findings))}>", *said))
