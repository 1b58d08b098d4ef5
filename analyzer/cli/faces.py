"""The output formats, each written to its place: stdout or one file, pages, tables, charts."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

from analyzer.cli.options import Options, command_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console, Group, RenderableType

    from analyzer.analysis import Analysis
    from analyzer.keepalive.model.linux import Keepalive
    from analyzer.keepalive.verdict.values import Outcome
    from analyzer.many.remote import Held
    from analyzer.report.each import Line
    from analyzer.report.places import Place
    from analyzer.report.units import Clock

UNLIMITED = 100_000
"""Columns of what is no terminal, where a line is a record."""


def write_files(analysis: "Held", options: Options) -> None:
    """Write the page, the tables and the charts; stdout is not affected."""
    if options.html is None and options.duckdb is None and not options.folders:
        return
    from analyzer.report import library

    if options.html is not None or options.plots is not None:
        from analyzer.report.charts.style import use_no_settings

        use_no_settings()
    public = library.Analysis(analysis)
    if options.html is not None:
        public.write_html(options.html, options.top, command_line())
    if options.csv is not None:
        public.write_csv(options.csv)
    if options.parquet is not None:
        public.write_parquet(options.parquet)
    if options.duckdb is not None:
        public.write_duckdb(options.duckdb)
    if options.plots is not None:
        public.write_plots(options.plots, options.top, options.png)


def flows_asked_for(analysis: "Held", wanted: "int | Place") -> "list[int]":
    """Return the numbers of the connections that --flow names, the most urgent first; click.UsageError if there are
    none."""
    from analyzer.reading import ask

    found = [wanted] if isinstance(wanted, int) else ask(analysis, _numbers_at, wanted)
    if not found or found[0] >= len(analysis.flows):
        which = wanted if isinstance(wanted, int) else f"at {wanted}"
        raise click.UsageError(f"there is no connection {which}; the capture has {len(analysis.flows):,}, from 0")
    return found


def write(analysis: "Held", options: Options, flows: "Sequence[int]" = ()) -> None:
    """Write the one format that goes to stdout, or to the file of `-o`; `flows` are those of --flow."""
    with _opened(options.output) as file:
        _write(analysis, options, flows, file)


def write_points(points: "Mapping[str, Held]", options: Options) -> None:
    """Write the comparison of two capture points."""
    from analyzer.reading import ask, pieces

    names = tuple(points)
    first, second = points.values()
    with _opened(options.output) as file:
        if options.json:
            file.writelines(pieces(first, _points_document, second, names))
        else:
            _print(ask(first, _side_by_side, second, names, options.top), options, file)


def write_diff(before: "Held", after: "Held", options: Options) -> None:
    """Write what changed from one capture to a later one."""
    from analyzer.reading import ask

    with _opened(options.output) as file:
        _print(ask(before, _changed, after), options, file)


def write_each(lines: "Sequence[Line]", options: Options) -> None:
    """Write a line about each capture: in a terminal cut to its width, elsewhere whole."""
    from analyzer.report import each

    with _opened(options.output) as file:
        if options.json:
            file.writelines(each.ndjson(lines))
            return
        terminal = console(file, options.color)
        if not terminal.is_terminal:
            terminal.width = UNLIMITED
        _print_on(terminal, each.rows(lines), file)


def _write(analysis: "Held", options: Options, flows: "Sequence[int]", file: TextIO) -> None:
    from analyzer.reading import ask, pieces

    only, supposed = None, None
    if options.only is not None:
        from analyzer.report.expectations import parse_outcomes

        only = parse_outcomes(options.only, "--only")
    if options.what_if is not None:
        from analyzer.report import what_if

        supposed = what_if.parse(options.what_if)
    if options.json:
        file.writelines(pieces(analysis, _document, supposed, only))
    elif options.flows:
        from analyzer.report.json.document import flow_objects

        file.writelines(pieces(analysis, flow_objects, only))
    elif options.tags:
        from analyzer.report.json.document import tag_lines

        file.writelines(pieces(analysis, tag_lines, only))
    elif supposed is not None:
        width = console(file, options.color).width
        file.writelines(pieces(analysis, _what_if_lines, supposed, options.top, width))
    elif options.sysctl or options.advice is not None:
        file.writelines(pieces(analysis, _recipe_lines, options.advice))
    elif flows:
        from analyzer.report.units import Clock, local_offsets

        capture = analysis.capture
        offsets = () if options.utc else local_offsets(capture.first_ns, capture.until_ns)
        _print(ask(analysis, _timelines, flows, options.top, Clock(options.time, offsets)), options, file)
    else:
        from analyzer.report.terminal import report

        _print(ask(analysis, report, options.top, only), options, file)


# Questions: functions of an analysis, called where that is.


def _document(
    analysis: "Analysis", keepalive: "Keepalive | None", only: "frozenset[Outcome] | None"
) -> "Iterable[str]":
    from analyzer.report.json.document import document

    return document(analysis, analysis.what_if(keepalive) if keepalive is not None else None, only)


def _what_if_lines(analysis: "Analysis", keepalive: "Keepalive", top: int, width: int) -> "Iterable[str]":
    from analyzer.report import what_if

    return (line + "\n" for line in what_if.lines(analysis.what_if(keepalive), analysis, top, width))


def _recipe_lines(analysis: "Analysis", system: str | None) -> "Iterable[str]":
    from analyzer.report import recipes

    lines = recipes.advice_lines(system, analysis) if system else recipes.sysctl_lines(analysis)
    return (line + "\n" for line in lines)


def _numbers_at(analysis: "Analysis", place: "Place") -> "list[int]":
    from analyzer.report.places import flows_at
    from analyzer.report.ranking import by_urgency

    return list(by_urgency(flows_at(analysis, place)).numbers)


def _timelines(analysis: "Analysis", numbers: "Sequence[int]", top: int, clock: "Clock") -> "Group":
    from analyzer.keepalive.findings import Flows
    from analyzer.report.terminal import timelines

    return timelines(analysis, Flows(numbers, analysis.flows.by), max(top, 1), clock)


def _changed(before: "Analysis", after: "Analysis") -> "Group":
    from analyzer.report.diff import diff

    return diff(before, after)


def _points_document(first: "Analysis", second: "Analysis", names: "Sequence[str]") -> "Iterable[str]":
    from analyzer.many.two_points import compare
    from analyzer.report.two_points import points_document

    return points_document(dict(zip(names, (first, second), strict=True)), compare(first, second))


def _side_by_side(first: "Analysis", second: "Analysis", names: "Sequence[str]", top: int) -> "Group":
    from analyzer.many.two_points import compare
    from analyzer.report.two_points import side_by_side

    return side_by_side(dict(zip(names, (first, second), strict=True)), compare(first, second), top)


def _print(shown: "Group", options: Options, file: TextIO) -> None:
    _print_on(console(file, options.color), shown, file)


def _print_on(terminal: "Console", shown: "RenderableType", file: TextIO) -> None:
    with terminal.capture() as captured:
        terminal.print(shown)
    file.writelines(line.rstrip(" ") + "\n" for line in captured.get().removesuffix("\n").split("\n"))


@contextmanager
def _opened(path: str) -> Iterator[TextIO]:
    from analyzer.report.output_file import text_output

    if path == "-":
        yield sys.stdout
        sys.stdout.flush()
        return
    with text_output(path, "-o") as file:
        yield file


def console(file: TextIO, color: str) -> "Console":
    """Make a console; the flag takes precedence over NO_COLOR and FORCE_COLOR, which rich honours."""
    from rich.console import Console

    forced = {"auto": None, "always": True, "never": False}[color]
    no_color = None if forced is None else not forced
    return Console(file=file, highlight=False, emoji=False, markup=False, force_terminal=forced, no_color=no_color)
