"""The run: from flags to an exit code; 143 and 129 where SIGTERM and SIGHUP ended it."""

import gc
import signal
import sys
from dataclasses import replace
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, NoReturn

import click

from analyzer.cli import faces
from analyzer.cli.options import PARAMETERS, GroupedCommand, Options
from analyzer.cli.process import (
    ANALYSED,
    DAMAGED,
    INTERRUPTED,
    NOT_AS_EXPECTED,
    UNUSABLE,
    complain,
    hold_standard_streams,
    leave_homes_of_others,
    reader_may_leave,
    whether_heard_or_not,
    without_stdout,
)
from analyzer.cli.progress import analyse, naming, reading
from analyzer.errors import KeepaliveAnalyzerError, OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analyzer.analysis import Analysis
    from analyzer.cli.live import Ending
    from analyzer.keepalive.summary.expectations import Expectation
    from analyzer.many.remote import Held
    from analyzer.report.expectations import Unwanted
    from analyzer.report.places import Place

ENDING = [number for number in signal.Signals if number.name in ("SIGTERM", "SIGHUP")]
"""Signals that end the command; its exit code is then 128 more, as a shell reports it of a program without a
handler."""


NEW_OBJECTS = 100_000
"""Objects after which Python searches for cyclic garbage, instead of 700: findings are many, and without cycles. It
saves 6 to 17 % of the processor time of 5,000 to 20,000 connections."""


class Ended(BaseException):
    """Raised when one of ENDING came: half-written files are removed on the way out, as after ^C."""


def run() -> NoReturn:
    """Run the command, and turn what click reports by exceptions into an exit code: the process's entry point."""
    gc.set_threshold(NEW_OBJECTS)
    hold_standard_streams()
    leave_homes_of_others()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # "?" for an arrow where the terminal's encoding has none
    for number in ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup's choice stays
            signal.signal(number, _end)
    try:
        sys.exit(main.main(prog_name="ka-analyze", standalone_mode=False) or ANALYSED)
    except click.ClickException as error:
        with whether_heard_or_not():
            error.show()
        sys.exit(UNUSABLE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except OSError as error:  # of stdout, for --help
        sys.exit(without_stdout(error))
    except Ended as ended:
        [number] = ended.args
        complain(f"ended by {signal.Signals(number).name}")
        sys.exit(128 + number)
    finally:
        gc.freeze()  # the exit need not search for cycles in what it frees: a tenth of a small capture


def _end(number: int, _: object) -> NoReturn:
    raise Ended(number)


@click.command(
    cls=GroupedCommand,
    params=PARAMETERS,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "KA", "max_content_width": 100},
)
@click.pass_context
def main(context: click.Context, /, **given: Any) -> None:
    """Say for every TCP connection of a capture whether keepalive is on, on which side, with which
    settings really in force, what happened when a peer went away, and who noticed.

    FILE is a pcap or pcapng capture, also compressed (gzip, zstd, xz, bzip2); '-' is standard
    input. A directory, a glob or a URL may name several; they are one capture, in the order of time.
    Every option can also be set in the environment: KA_JSON=1 is --json.
    """
    options = Options(**given)
    if options.forge is not None:
        _check_forge(options)
    else:
        _check_live(options)
    if options.point:
        _check_points(options)
    elif not any((options.paths, options.iface, options.list_ifaces, options.forge, options.diff)):
        raise click.UsageError("no capture given; name a file, '-' for standard input, or an interface with -i")
    if options.resume and options.keep_shards is None:
        raise click.UsageError("--resume goes with --keep-shards DIR, where the shards are")
    if options.cluster is not None and options.jobs is not None:
        raise click.UsageError("--jobs and --cluster exclude each other: a cluster has as many workers as it has")
    faces_asked_for = (options.json, options.flows, options.tags, options.flow is not None, options.sysctl)
    if sum((*faces_asked_for, options.advice is not None)) > 1:
        raise click.UsageError("--json, --flows, --tags, --flow, --sysctl and --advice exclude each other")
    if options.what_if is not None and any(
        (options.flows, options.tags, options.flow is not None, options.sysctl, options.advice)
    ):
        raise click.UsageError("--what-if goes with --json, or alone")
    to_stdout = [flag for flag, path in (options.outputs | options.folders).items() if path == "-" and flag != "-o"]
    if to_stdout:
        raise click.UsageError(f"standard output has the report; give {to_stdout[0]} a name")
    if options.png and options.plots is None:
        raise click.UsageError("--png goes with --plots DIR, where the charts are")
    others = (options.flow is not None, options.sysctl, options.advice, options.what_if and not options.json)
    if options.only is not None and any((*others, options.point, options.is_live)):
        raise click.UsageError("--only goes with the report, --json, --flows and --tags")
    if options.each:
        _check_each(options)
    if options.diff is not None:
        _check_diff(options)
    if options.strict and not options.expect:
        raise click.UsageError("--strict goes with --expect")
    try:
        if options.forge is None:
            _check_stdout(options)
        context.exit(_choose(options)(options))
    except KeepaliveAnalyzerError as error:
        complain(str(error))
        context.exit(UNUSABLE)
    except KeyboardInterrupt:
        complain("interrupted")
        context.exit(INTERRUPTED)
    except MemoryError:
        complain("there is not enough memory for this capture; analyse a part of it")
        context.exit(UNUSABLE)
    except OSError as error:  # of stdout: all others are one of ours by now; of a closed pipe click would make a 1
        context.exit(without_stdout(error))


def _check_stdout(options: Options) -> None:
    """Raise OptionError before anything is read if what is asked for goes to a standard output that is closed."""
    if sys.stdout is None and options.ndjson:
        raise OptionError("--ndjson prints to standard output, which is closed")
    if sys.stdout is None and options.output == "-":
        raise OptionError("standard output is closed; give -o FILE")


def _check_forge(options: Options) -> None:
    if options.paths or options.point or options.is_live:
        raise click.UsageError("--forge makes a capture; it excludes FILE, --point and --iface")
    if options.write is None:
        raise click.UsageError("--forge goes with -w OUT, the capture to be written")


def _forge(options: Options) -> int:
    from analyzer.report.interchange.capture_files import write
    from analyzer.report.interchange.captures_in_memory import raw_packet
    from analyzer.report.interchange.forging import forge, parse

    packets = forge(**parse(options.forge or ""))
    write(map(raw_packet, packets), options.write or "", "-w")
    return ANALYSED


def _run(options: Options) -> int:
    from analyzer.capture.files.locations import expanded
    from analyzer.reading import ask
    from analyzer.report.output_file import check_outputs

    outputs = options.outputs
    if options.folders:
        from analyzer.report.tables import files

        outputs |= files.outputs(options.folders, options.png)  # complains, too, where a package is missing
    if options.duckdb is not None:
        from analyzer.report.tables import database

        database.check()
    named = tuple(one for path in options.paths for one in expanded(path))
    check_outputs(outputs, named)
    if options.list_ifaces:
        from analyzer.cli.live import list_interfaces

        list_interfaces()
        return ANALYSED
    expected, unwanted = _demands(options)
    wanted = _wanted_flow(options)
    if options.annotate is not None:
        from analyzer.report.wireshark.annotate import check

        check(options.annotate, named)
    if options.advice is not None:
        from analyzer.report import recipes

        recipes.chosen(options.advice)
    if options.what_if is not None:
        from analyzer.report import what_if

        what_if.parse(options.what_if)
    analysis: Held
    if options.is_live or _is_watched(options):
        from analyzer.cli.live import watch

        analysis, ending = watch(options, expected)
        ended = _code_of(ending)
    else:
        analysis, ended = analyse(options, reading(options)), ANALYSED
        analysis.expected = tuple(expected)
    flows = faces.flows_asked_for(analysis, wanted) if wanted is not None else ()
    if options.annotate is not None:
        from analyzer.report.wireshark.annotate import annotate

        annotate(analysis, analysis.capture.files, options.annotate)
    faces.write_files(analysis, options)
    if not options.ndjson or options.output != "-":
        with reader_may_leave():
            faces.write(analysis, options, flows)
    _print_diagnostics(analysis, options)
    failures = ask(analysis, _failures, expected, options.strict, unwanted) if expected or unwanted else []
    for failure in failures:
        complain(failure)
    if failures:
        return NOT_AS_EXPECTED
    return ended or (DAMAGED if analysis.is_damaged else ANALYSED)


def _code_of(ending: "Ending") -> int:
    """Return the exit code for what ended a capture: a signal, a stdout or a recording that cannot be written."""
    if isinstance(ending, OSError):
        return without_stdout(ending)
    if isinstance(ending, OptionError):
        complain(str(ending))
        return UNUSABLE
    return 128 + ending if ending in ENDING else ANALYSED


def _demands(options: Options) -> "tuple[list[Expectation], Unwanted]":
    """Return what --expect and --fail-on demand; a wrong word, also of --only, is reported before anything is read."""
    if not options.expect and options.fail_on is None and options.only is None:
        return [], frozenset()
    from analyzer.keepalive.summary.conclusions import ConclusionCode
    from analyzer.report import expectations

    expected = [expectations.parse(words) for words in options.expect]
    unwanted = expectations.parse_unwanted(options.fail_on) if options.fail_on is not None else frozenset()
    if ConclusionCode.SETTINGS_NOT_IN_FORCE in unwanted and not expected:
        raise click.UsageError("--fail-on settings-not-in-force goes with --expect, which says what should be")
    if options.only is not None:
        expectations.parse_outcomes(options.only, "--only")
    return expected, unwanted


def _wanted_flow(options: Options) -> "int | Place | None":
    """Return the number or the place that --flow names; click.UsageError for what is neither."""
    if options.flow is None or options.flow.isdecimal():
        return int(options.flow) if options.flow else None
    from analyzer.report import places

    try:
        return places.parse(options.flow, naming(options).addresses)
    except IndexError as error:
        raise click.UsageError(f"--flow: {error}, or the number of a connection") from None


def _failures(
    analysis: "Analysis", expected: "Sequence[Expectation]", is_strict: bool, unwanted: "Unwanted"
) -> list[str]:
    from analyzer.report import expectations

    return [*expectations.unmet(expected, analysis, is_strict), *expectations.found(unwanted, analysis)]


def _is_watched(options: Options) -> bool:
    """Tell whether a pipe is read, in a terminal, and nothing else is asked for: what is written into it is then shown
    as it comes."""
    is_report = not (
        options.json
        or options.flows
        or options.tags
        or options.sysctl
        or options.advice
        or options.what_if
        or options.only
    )
    is_complete = options.jobs or options.cluster or options.keep_shards or options.until is not None
    return options.paths == ("-",) and is_report and options.flow is None and not is_complete and _is_terminal(options)


def _is_terminal(options: Options) -> bool:
    return options.output == "-" and not options.quiet and sys.stdout is not None and sys.stdout.isatty()


def _check_live(options: Options) -> None:
    """Check that the options for live capture go together; click.UsageError if not."""
    if options.iface and options.paths:
        raise click.UsageError("--iface and files exclude each other")
    if options.iface and options.annotate is not None:
        raise click.UsageError("--annotate reads the capture twice: record it with -w, and annotate that file")
    needs_iface: dict[str, object] = {"--user": options.user, "-p": options.no_promiscuous}
    needs_live: dict[str, object] = {
        "-w": options.write,
        "--duration": options.duration,
        "-c": options.count,
        "--keep": options.keep,
    }
    for flag, value in needs_iface.items():
        if value and not options.iface:
            raise click.UsageError(f"{flag} is for --iface")
    for flag, value in needs_live.items():
        if value is not None and not options.is_live:
            raise click.UsageError(f"{flag} is for --iface, or with --ndjson for captures that are still written")
    if options.filter and options.write is not None and not options.iface:
        raise click.UsageError("-w writes all frames of files, whatever -f says; leave one of them out")
    if options.is_live and options.until is not None:
        raise click.UsageError("--until is for captures that are complete; live, the clock says when capturing ended")
    others_asked_for = options.json or options.flows or options.tags or options.sysctl or options.advice
    if options.ndjson and options.output == "-" and others_asked_for:
        raise click.UsageError("--ndjson takes standard output; give the report another place with -o")


def _print_diagnostics(analysis: "Held", options: Options, of: str = "") -> None:
    from analyzer.reading import ask

    for words in () if options.quiet else ask(analysis, _diagnostics, options.tags):
        complain(of + words)


def _diagnostics(analysis: "Analysis", of_reading: bool) -> list[str]:
    lines = []
    for one in analysis.of_reading if of_reading else analysis.diagnostics:
        where = f", first at frame {one.first_frame}" if one.first_frame else ""
        file = analysis.file_of(one)
        where += f" in {file}" if file else ""
        lines.append(f"{one.code.name} ({one.count:,}×{where}): {one.message}")
    return lines


def _choose(options: Options) -> "Callable[[Options], int]":
    """Return what is to be done, a function with an exit code."""
    if options.forge is not None:
        return _forge
    if options.each:
        return _each
    if options.diff is not None:
        return _diff
    return _compare if options.point else _run


def _is_of_one_capture(options: Options) -> bool:
    """Tell whether something is asked for that is of one timeline alone."""
    faces_of_one = (options.flow, options.flows, options.tags, options.only, options.sysctl, options.advice)
    files_of_one = (options.annotate, options.html, options.duckdb, options.folders, options.keep_shards)
    others = (options.what_if, options.until, options.point, options.is_live, options.write)
    return any(faces_of_one) or any(files_of_one) or any(others)


def _check_each(options: Options) -> None:
    if _is_of_one_capture(options) or options.cluster or options.diff:
        raise click.UsageError("--each goes with files, -f, --jobs, --json, --expect and --fail-on")


def _each(options: Options) -> int:
    """Analyse captures each by itself; return the exit code."""
    from analyzer.capture.files.locations import expanded
    from analyzer.cli.each import examine_all
    from analyzer.report.output_file import check_outputs

    expected, unwanted = _demands(options)
    names = [one for path in options.paths for one in expanded(path)]
    check_outputs(options.outputs, names)
    found = list(examine_all(names, options, expected, unwanted))
    faces.write_each([one.line for one in found if one.line is not None], options)
    for one in found:
        for words in (*one.failures, *([one.error] if one.error else ())):
            complain(words)
    if any(one.failures for one in found):
        return NOT_AS_EXPECTED
    if not any(one.line for one in found):
        return UNUSABLE
    is_damaged = any(one.line.is_damaged if one.line is not None else not one.is_skipped for one in found)
    return DAMAGED if is_damaged else ANALYSED


def _check_diff(options: Options) -> None:
    checks = (options.expect, options.fail_on)
    if _is_of_one_capture(options) or options.paths or options.json or any(checks):
        raise click.UsageError("--diff BEFORE AFTER names both captures; it prints for people, with -f and --jobs")


def _diff(options: Options) -> int:
    """Compare an earlier and a later capture; return the exit code."""
    from analyzer.capture.files.locations import expanded
    from analyzer.report.output_file import check_outputs

    assert options.diff is not None
    check_outputs(options.outputs, [one for path in options.diff for one in expanded(path)])
    how = reading(options)
    before, after = (analyse(replace(options, files=(path,)), how) for path in options.diff)
    faces.write_diff(before, after, options)
    _print_diagnostics(before, options, "before: ")
    _print_diagnostics(after, options, "after: ")
    return DAMAGED if before.is_damaged or after.is_damaged else ANALYSED


def _check_points(options: Options) -> None:
    if options.paths or options.is_live or options.keep_shards is not None:
        raise click.UsageError("--point names all captures; it excludes FILE, --iface and --keep-shards")
    others = (
        options.flows,
        options.tags,
        options.flow,
        options.sysctl,
        options.advice,
        options.what_if,
        options.folders,
    )
    checks = (options.expect, options.fail_on, options.annotate, options.html, options.duckdb)
    if any(others) or any(checks):
        raise click.UsageError(
            "--point goes with the report and with --json; for all else analyse each point by itself"
        )


def _compare(options: Options) -> int:
    """Compare two capture points side by side; return the exit code."""
    from analyzer.capture.files.locations import expanded
    from analyzer.report.output_file import check_outputs

    if len(options.points) != 2:
        raise click.UsageError(f"--point names {len(options.points)} capture points; two can be compared")
    named = [path for paths in options.points.values() for path in paths]
    check_outputs(options.outputs, [one for path in named for one in expanded(path)])
    how = reading(options)
    points = {name: analyse(replace(options, files=paths), how) for name, paths in options.points.items()}
    faces.write_points(points, options)
    for name, analysis in points.items():
        _print_diagnostics(analysis, options, f"{name}: ")
    return DAMAGED if any(analysis.is_damaged for analysis in points.values()) else ANALYSED
