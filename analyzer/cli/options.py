"""Every flag once: its name, its one help text, the heading under which `--help` shows it."""

import re
import shlex
from dataclasses import dataclass

import click

from analyzer.cli import completion
from analyzer.cli.process import without_stdout
from analyzer.errors import OptionError
from analyzer.report.units import TIMES, printable
from analyzer.version import __version__

PATH = click.Path(readable=False, allow_dash=True)
DIR = click.Path(readable=False, file_okay=False)
"""Type of a folder, for completion; whoever opens the path checks whether it can be used."""


class Octets(click.ParamType[int]):
    """A number of octets, with K, M, G or T for binary multiples."""

    name = "size"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"(\d{1,9})([KMGT]?)(i?B)?", value.strip(), re.IGNORECASE)
        if found is None:
            self.fail(f"{value!r} is no size; write for example 800M or 4G", param, ctx)
        octets = int(found[1]) << 10 * " KMGT".index(found[2].upper() or " ")
        if octets < LEAST_OCTETS:
            self.fail(f"{value} is too little; 128M is the least", param, ctx)
        return octets


class Duration(click.ParamType[int]):
    """A duration in ns, given as a number of seconds, or with s, m, h or d."""

    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"(\d{1,9})([smhd]?)", value.strip())
        if found is None or not int(found[1]):
            self.fail(f"{value!r} is no duration; write for example 90s, 10m, 1h or 2d", param, ctx)
        return int(found[1]) * SECONDS[found[2] or "s"] * 1_000_000_000


SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

LEAST_OCTETS = 128 << 20
"""tcp.eviction.LEAST_MEMORY, which takes too long to import for --help; a test compares them."""

INPUT = (
    click.Option(["-r", "--read"], type=PATH, multiple=True, metavar="FILE", help="Read this capture too."),
    click.Option(
        ["-f", "--filter"],
        metavar="EXPRESSION",
        help="Use only packets that match: host, net, port, portrange, src, dst, tcp, ip, ip6, icmp, and, or, not. "
        "With --iface whatever libpcap knows; the kernel then lets through TCP, ICMP, ARP and tunnels without it, and "
        "everything with ''.",
    ),
    click.Option(
        ["--hosts"],
        type=PATH,
        metavar="FILE",
        help="Names for addresses, as in /etc/hosts; those in a pcapng file are shown without it.",
    ),
    click.Option(["-n", "--numeric", "numeric"], is_flag=True, help="Numbers only: no names of hosts or services."),
    click.Option(
        ["--until"],
        metavar="TIME",
        help="Capturing went on until TIME: ISO 8601, seconds since 1970, or +SECONDS after the last frame.",
    ),
    click.Option(
        ["--max-memory"],
        type=Octets(),
        metavar="SIZE",
        help="Drop what says least beyond this, with a diagnostic (4G, or half of the machine's if that is less).",
    ),
    click.Option(
        ["--point"],
        multiple=True,
        metavar="NAME=FILES",
        help="Captures of one of two points of the same traffic: analysed side by side, to say where probes were lost.",
    ),
    click.Option(
        ["--each"],
        is_flag=True,
        help="The captures are not one timeline: print a line about each by itself; with --json a JSON object a line.",
    ),
    click.Option(
        ["--diff"],
        nargs=2,
        type=PATH,
        metavar="BEFORE AFTER",
        help="Print what changed from one capture to a later one: settings in force, outcomes, limits.",
    ),
    click.Option(
        ["-j", "--jobs"],
        type=click.IntRange(1),
        metavar="N",
        help="Read N files at once, each in a process of its own (1), where that is faster: if they are remote, or "
        "compressed and there are more than two processors.",
    ),
    click.Option(
        ["--cluster"], metavar="ADDRESS", help="Read and analyse on a dask cluster, tcp://scheduler:8786 or the like."
    ),
    click.Option(
        ["--keep-shards"], type=DIR, metavar="DIR", help="Store the analysis of each file by itself in DIR, as Parquet."
    ),
    click.Option(["--resume"], is_flag=True, help="With --keep-shards: read only files that are new or have changed."),
)

FACES = (
    click.Option(
        ["--flow"],
        metavar="N|ADDR:PORT",
        help="Show connection N in full, with its timeline; or those with an end at ADDR:PORT, ADDR, or :PORT.",
    ),
    click.Option(
        ["--time"],
        type=click.Choice(TIMES),
        default="rel",
        help="Times in --flow: from the first frame, as dates, since 1970, or from the line above (rel).",
    ),
    click.Option(["--utc/--local"], default=True, help="Zone of --time abs (UTC)."),
    click.Option(["--top"], type=click.IntRange(0), default=5, metavar="N", help="Connections shown in full (5)."),
    click.Option(
        ["--only"],
        shell_complete=completion.outcomes,
        metavar="OUTCOME[,…]",
        help="Print only connections with these outcomes: timed-out,reset,…; counts, hosts and advice cover all.",
    ),
    click.Option(["--json"], is_flag=True, help="Print one JSON document (schema ka-analyze/2)."),
    click.Option(["--flows"], is_flag=True, help="Print a JSON line for each connection, as the document has it."),
    click.Option(["--tags"], is_flag=True, help="Print a JSON line for each segment that is not plain."),
    click.Option(["--sysctl"], is_flag=True, help="Print what the probing hosts have set, as sysctl.conf."),
    click.Option(
        ["--advice"],
        shell_complete=completion.systems,
        metavar="SYSTEM",
        help="Print what to set, and how: linux, kubernetes, go, nginx, … or all.",
    ),
    click.Option(
        ["--what-if"],
        metavar="SPEC",
        help="Print what time=60,intvl=10,probes=5 would have cost, noticed and prevented; with --json add it there.",
    ),
)
"""Formats for stdout: at most one of them."""

FORGE = (
    click.Option(
        ["--forge"],
        metavar="SPEC",
        help="Read nothing, but write to -w OUT (pcap or pcapng, by its name) the capture that settings like "
        "time=60,intvl=10,probes=5,peer=silent,stack=linux-250 would make.",
    ),
)

OUTPUT = (
    click.Option(
        ["--annotate"],
        type=PATH,
        metavar="OUT",
        help="Also write the capture to OUT (pcapng), with findings as comments on it and on its frames.",
    ),
    click.Option(
        ["--html"], type=PATH, metavar="FILE", help="Also write the report to FILE, one page that needs nothing else."
    ),
    click.Option(["--csv"], type=DIR, metavar="DIR", help="Also write all tables to DIR as CSV."),
    click.Option(
        ["--parquet"], type=DIR, metavar="DIR", help="Also write all tables to DIR as Parquet, with units and meanings."
    ),
    click.Option(
        ["--duckdb"],
        type=PATH,
        metavar="FILE",
        help="Also write all tables into FILE, a database of DuckDB; its other tables stay.",
    ),
    click.Option(["--plots"], type=DIR, metavar="DIR", help="Also write the charts to DIR as SVG."),
    click.Option(["--png"], is_flag=True, help="With --plots: write each chart as PNG, too."),
    click.Option(["-o", "--output"], type=PATH, default="-", metavar="FILE", help="Write to FILE instead of stdout."),
    click.Option(
        ["--color"], type=click.Choice(["auto", "always", "never"]), default="auto", help="When to use colour."
    ),
    click.Option(["-q", "--quiet"], is_flag=True, help="No diagnostics and no progress on stderr."),
)

CHECKS = (
    click.Option(
        ["--expect"],
        multiple=True,
        metavar="[WHERE:]SPEC",
        help="Exit 1 if a prober's bounds, or at WHERE a silence without a probe, exclude time=60,intvl=10,probes=3. "
        "WHERE: address, :port or both.",
    ),
    click.Option(["--strict"], is_flag=True, help="With --expect: exit 1 also if the capture does not confirm it."),
    click.Option(
        ["--fail-on"],
        shell_complete=completion.unwanted,
        metavar="WORD[,…]",
        help="Exit 1 if a connection has one of these outcomes (timed-out,reset,…), or the capture leads to one of "
        "these conclusions (path-forgets,keepalive-race,…).",
    ),
)

LIVE = (
    click.Option(
        ["-i", "--iface", "--interface", "iface"],
        shell_complete=completion.interfaces,
        multiple=True,
        metavar="NAME",
        help="Capture from this interface, or from 'any'; may be repeated.",
    ),
    click.Option(["-D", "--list-ifaces"], is_flag=True, help="List the interfaces, and exit."),
    click.Option(
        ["-s", "--snaplen"], type=click.IntRange(64, 65535), default=256, metavar="N", help="Octets of a frame (256)."
    ),
    click.Option(["-p", "no_promiscuous"], is_flag=True, help="Do not put the interface into promiscuous mode."),
    click.Option(["--duration"], type=click.FloatRange(0, min_open=True), metavar="S", help="Stop after S seconds."),
    click.Option(["-c", "--count"], type=click.IntRange(1), metavar="N", help="Stop after N frames."),
    click.Option(
        ["--keep"],
        type=Duration(),
        metavar="DURATION",
        help="Let go of connections so long after they ended (1h; for complete files never).",
    ),
    click.Option(["-w", "--write"], metavar="OUT", help="Also write the frames to OUT (pcapng) as they come."),
    click.Option(
        ["--ndjson"], is_flag=True, help="Print events as they happen, a JSON object a line; also for '-' or files."
    ),
    click.Option(
        ["--metrics"], metavar="ADDR:PORT", help="Serve counters to Prometheus; ADDR is 127.0.0.1 if left out."
    ),
    click.Option(
        ["--on-event"], metavar="COMMAND", help="Run this when something is wrong, with the event as JSON on its stdin."
    ),
    click.Option(["--user"], metavar="NAME", help="Become this user as soon as the interface is open."),
)

GROUPS = {
    "Input": INPUT,
    "Live": LIVE,
    "What to print": FACES,
    "Output": OUTPUT,
    "Checks": CHECKS,
    "Forge": FORGE,
}
"""Option groups in the order of `--help`."""


@dataclass(frozen=True, slots=True)
class Options:
    """The values of the options; a field for each flag."""

    files: tuple[str, ...]
    read: tuple[str, ...]
    filter: str | None
    until: str | None
    max_memory: int | None
    point: tuple[str, ...]
    each: bool
    diff: tuple[str, str] | None
    jobs: int | None
    cluster: str | None
    keep_shards: str | None
    resume: bool
    json: bool
    flows: bool
    tags: bool
    flow: str | None
    time: str
    utc: bool
    top: int
    only: str | None
    annotate: str | None
    html: str | None
    csv: str | None
    parquet: str | None
    duckdb: str | None
    plots: str | None
    png: bool
    sysctl: bool
    advice: str | None
    what_if: str | None
    iface: tuple[str, ...]
    list_ifaces: bool
    snaplen: int
    no_promiscuous: bool
    duration: float | None
    count: int | None
    keep: int | None
    write: str | None
    ndjson: bool
    metrics: str | None
    on_event: str | None
    user: str | None
    expect: tuple[str, ...]
    strict: bool
    fail_on: str | None
    forge: str | None
    output: str
    color: str
    quiet: bool
    hosts: str | None
    numeric: bool

    @property
    def paths(self) -> tuple[str, ...]:
        return (*self.files, *self.read)

    @property
    def is_live(self) -> bool:
        """Tell whether findings are reported while frames come."""
        return bool(self.iface) or self.ndjson or self.metrics is not None or self.on_event is not None

    @property
    def points(self) -> dict[str, tuple[str, ...]]:
        """Return the files of each --point by name; repeated names add files. OptionError without name or files."""
        named: dict[str, tuple[str, ...]] = {}
        for one in self.point:
            name, _, files = one.partition("=")
            if not name or not files:
                raise OptionError(f"--point {one}: write NAME=FILES, for example --point client=client.pcap")
            name = printable(name)
            named[name] = (*named.get(name, ()), files)
        return named

    @property
    def outputs(self) -> dict[str, str]:
        """Return every file that is written, by its flag; '-' is standard output."""
        named = {
            "-o": self.output,
            "--annotate": self.annotate,
            "--html": self.html,
            "--duckdb": self.duckdb,
            "-w": self.write,
        }
        return {flag: path for flag, path in named.items() if path is not None}

    @property
    def folders(self) -> dict[str, str]:
        """Return every folder that is written to, by its flag."""
        named = {"--csv": self.csv, "--parquet": self.parquet, "--plots": self.plots}
        return {flag: path for flag, path in named.items() if path is not None}


ARGUMENTS = "ka-analyze.arguments"


def command_line() -> str:
    """Return the line that the running command was called with, as a shell takes it; empty outside of a run."""
    context = click.get_current_context(silent=True)
    arguments = context.meta.get(ARGUMENTS, ()) if context is not None else ()
    return shlex.join(("ka-analyze", *arguments)) if arguments else ""


class GroupedCommand(click.Command):
    """Shows its flags under headings, and remembers its arguments."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[ARGUMENTS] = tuple(args)
        try:
            return super().parse_args(ctx, args)
        except BrokenPipeError as error:  # of --help and --version, of which click makes a 1
            ctx.exit(without_stdout(error))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rest = [
            one
            for one in self.get_params(ctx)
            if isinstance(one, click.Option) and not any(one in group for group in GROUPS.values())
        ]
        for heading, group in (*GROUPS.items(), ("Help", rest)):
            records = [record for one in group if (record := one.get_help_record(ctx)) is not None]
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


PARAMETERS: list[click.Parameter] = [
    click.Argument(["files"], type=PATH, nargs=-1, metavar="FILE..."),
    *(option for group in GROUPS.values() for option in group),
]


def show_version(context: click.Context, _: click.Parameter, is_asked: bool) -> None:
    """Print the version and what runs the inner loops, and exit."""
    if not is_asked or context.resilient_parsing:
        return
    from analyzer.engine import dispatch, native

    library = None if dispatch.is_interpreter_forced() else native.installed()
    why = f"{dispatch.SWITCH}={dispatch.INTERPRETER}" if dispatch.is_interpreter_forced() else native.why_none()
    click.echo(f"ka-analyze {__version__} ({f'machine code, {library.level}' if library else f'interpreter: {why}'})")
    context.exit()


VERSION = click.Option(
    ["-V", "--version"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=show_version,
    help="Show the version and whether machine code serves, and exit.",
)
"""Without a group: it stands beside --help."""
PARAMETERS.append(VERSION)
