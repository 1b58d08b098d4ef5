"""The command: flags, where output goes, exit codes. Everything else is elsewhere.

Exit codes: 0 analysed; 1 an expectation failed; 2 usage, or input that cannot be used;
3 analysed, but the input was damaged; 130 interrupted.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import click

from analyzer.errors import KeepaliveAnalyzerError, OptionError
from analyzer.version import __version__

if TYPE_CHECKING:
    from rich.console import Console

    from analyzer.analysis import Analysis

ANALYSED, NOT_AS_EXPECTED, UNUSABLE, DAMAGED, INTERRUPTED = 0, 1, 2, 3, 130
PROGRESS_FROM_OCTETS = 64 << 20
"""Smaller captures are done before a progress bar could be read."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for; a field for each flag."""

    files: tuple[str, ...]
    read: tuple[str, ...]
    json: bool
    tags: bool
    flow: int | None
    top: int
    annotate: str | None
    sysctl: bool
    advice: str | None
    expect: str | None
    fail_on: str | None
    output: str
    color: str
    quiet: bool
    numeric: bool

    @property
    def paths(self) -> tuple[str, ...]:
        return (*self.files, *self.read)


def run() -> NoReturn:
    """Entry point of the process: what click reports by exceptions becomes an exit code."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # "?" for an arrow where the terminal's encoding has none
    try:
        sys.exit(main.main(prog_name="ka-analyze", standalone_mode=False) or ANALYSED)
    except click.ClickException as error:
        error.show()
        sys.exit(UNUSABLE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "KA", "max_content_width": 100}
)
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option("-r", "--read", multiple=True, metavar="FILE", help="Read this capture too, after the others.")
@click.option("--json", is_flag=True, help="Print one JSON document (schema ka-analyze/1).")
@click.option("--tags", is_flag=True, help="Print a JSON line for each segment that is not plain.")
@click.option("--flow", type=click.IntRange(0), metavar="N", help="Tell connection N in full, with its timeline.")
@click.option("--top", type=click.IntRange(0), default=10, metavar="N", help="Connections told in full (10).")
@click.option(
    "--annotate", metavar="OUT", help="Also write the capture to OUT (pcapng), with findings as comments on frames."
)
@click.option("--sysctl", is_flag=True, help="Print what the probing hosts have set, as sysctl.conf.")
@click.option("--advice", metavar="SYSTEM", help="Print what to set, and how: linux, windows, go, nginx, … or all.")
@click.option("--expect", metavar="SPEC", help="Exit 1 if a prober's bounds exclude time=60,intvl=10,probes=3.")
@click.option("--fail-on", metavar="OUTCOME[,…]", help="Exit 1 if a connection ended so: timed-out,reset,…")
@click.option("-o", "--output", default="-", metavar="FILE", help="Write to FILE instead of stdout.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="When to use colour.")
@click.option("-q", "--quiet", is_flag=True, help="No diagnostics and no progress on stderr.")
@click.option("-n", "numeric", is_flag=True, hidden=True, help="Accepted for habit: names are never resolved.")
@click.version_option(__version__, "-V", "--version", message="ka-analyze %(version)s")
@click.pass_context
def main(context: click.Context, /, **given: Any) -> None:
    """Say for every TCP connection of a capture whether keepalive is on, on which side, with which
    settings really in force, what happened when a peer went away, and who noticed.

    FILE is a pcap or pcapng capture, also compressed (gzip, zstd, xz, bzip2); '-' is standard
    input. Several files are analysed as one capture, in the order given.
    Every option can also be set in the environment: KA_JSON=1 is --json.
    """
    options = Options(**given)
    if not options.paths:
        raise click.UsageError("no capture given; name a file, or '-' for standard input")
    if options.output != "-" and any(_is_same(options.output, path) for path in options.paths):
        raise click.UsageError(f"-o {options.output} is the capture itself; give another FILE")
    if sum((options.json, options.tags, options.flow is not None, options.sysctl, options.advice is not None)) > 1:
        raise click.UsageError("--json, --tags, --flow, --sysctl and --advice exclude each other")
    try:
        context.exit(_run(options))
    except KeepaliveAnalyzerError as error:
        _complain(str(error))
        context.exit(UNUSABLE)
    except OSError as error:  # of stdout: all others are one of ours by now
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered goes nowhere
        if isinstance(error, BrokenPipeError):  # its reader has seen enough; click would exit with 1
            context.exit(ANALYSED)
        _complain(f"standard output cannot be written: {error.strerror}")
        context.exit(UNUSABLE)


def _run(options: Options) -> int:
    from analyzer.report import expectations

    expected = expectations.parse(options.expect) if options.expect is not None else {}
    unwanted = expectations.parse_outcomes(options.fail_on) if options.fail_on is not None else frozenset()
    if options.annotate is not None:
        _check_annotate(options.annotate, options)
    if options.advice is not None:
        from analyzer.report import recipes

        recipes.chosen(options.advice)  # a wrong name is told before anything is read
    analysis = _analyse(options)
    if options.flow is not None and options.flow >= len(analysis.flows):
        raise click.UsageError(f"there is no connection {options.flow}; the capture has {len(analysis.flows)}, from 0")
    if options.annotate is not None:
        from analyzer.report.annotate import annotate

        annotate(analysis, options.paths, options.annotate)
    with _output(options.output) as file:
        _write(analysis, options, file)
    if not options.quiet:
        for one in analysis.diagnostics:
            where = f", first at frame {one.first_frame}" if one.first_frame else ""
            _complain(f"{one.code.name} ({one.count}×{where}): {one.message}")
    failures = [*expectations.unmet(expected, analysis), *expectations.found(unwanted, analysis)]
    for failure in failures:
        _complain(failure)
    if failures:
        return NOT_AS_EXPECTED
    return DAMAGED if analysis.is_damaged else ANALYSED


def _check_annotate(out: str, options: Options) -> None:
    """Before anything is read, which may take long."""
    from analyzer.report.annotate import check

    check(out, options.paths)
    if options.output != "-" and Path(out).resolve() == Path(options.output).resolve():
        raise click.UsageError(f"--annotate and -o both name {out}")


def _analyse(options: Options) -> "Analysis":
    from analyzer.analysis import analyze

    octets = sum(map(_size, options.paths))
    if options.quiet or octets < PROGRESS_FROM_OCTETS or not sys.stderr.isatty():
        return analyze(*options.paths)
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=octets)
        return analyze(*options.paths, on_progress=lambda walked: progress.advance(task, walked))


def _size(path: str) -> int:
    """For the progress; what cannot be opened is for the reader to complain about."""
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _is_same(output: str, path: str) -> bool:
    try:
        return Path(output).samefile(path)
    except OSError:
        return False


def _write(analysis: "Analysis", options: Options, file: TextIO) -> None:
    if options.json or options.tags:
        from analyzer.report import document

        file.writelines(document.document(analysis) if options.json else document.tag_lines(analysis))
        return
    if options.sysctl or options.advice is not None:
        from analyzer.report import recipes

        lines = recipes.advice_lines(options.advice, analysis) if options.advice else recipes.sysctl_lines(analysis)
        file.writelines(line + "\n" for line in lines)
        return
    from analyzer.report import text

    console = _console(file, options.color)
    with console.capture() as captured:
        if options.flow is None:
            text.report(analysis, console, options.top)
        else:
            text.timeline(analysis, analysis.flows[options.flow], console)
    file.writelines(line.rstrip(" ") + "\n" for line in captured.get().removesuffix("\n").split("\n"))


@contextmanager
def _output(path: str) -> Iterator[TextIO]:
    if path == "-":
        if sys.stdout is None:
            raise OptionError("standard output is closed; give -o FILE")
        yield sys.stdout
        sys.stdout.flush()
        return
    try:
        with Path(path).open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise OptionError(f"{path} cannot be written: {error.strerror}; give -o another FILE") from error


def _console(file: TextIO, color: str) -> "Console":
    """The flag beats NO_COLOR and FORCE_COLOR, which rich honours."""
    from rich.console import Console

    forced = {"auto": None, "always": True, "never": False}[color]
    no_color = None if forced is None else not forced
    return Console(file=file, highlight=False, emoji=False, markup=False, force_terminal=forced, no_color=no_color)


def _complain(words: str) -> None:
    """One line on stderr, with nothing in it that a terminal would obey."""
    line = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in words)
    click.echo(f"ka-analyze: {line}", err=True)
