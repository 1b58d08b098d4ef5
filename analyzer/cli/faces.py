"""What was asked for, written to where it was asked for: stdout or one file, pages, tables, charts."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from analyzer.cli.options import Options
from analyzer.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console, Group

    from analyzer.analysis import Analysis
    from analyzer.points import Match


def write_files(analysis: "Analysis", options: Options) -> None:
    """The page, the tables and the charts; what goes to stdout is not affected."""
    if options.html is None and not options.folders:
        return
    import logging

    from analyzer.report.library import Analysis

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # of its caches nobody who asks for a report wants to hear
    public = Analysis(analysis)
    if options.html is not None:
        public.write_html(options.html, options.top)
    if options.csv is not None:
        public.write_csv(options.csv)
    if options.parquet is not None:
        public.write_parquet(options.parquet)
    if options.plots is not None:
        public.write_plots(options.plots, options.top)


def write(analysis: "Analysis", options: Options) -> None:
    """The one face that goes to stdout, or to the file of `-o`."""
    with _opened(options.output) as file:
        _write(analysis, options, file)


def write_points(points: "Mapping[str, Analysis]", matches: "Sequence[Match]", options: Options) -> None:
    """Two capture points side by side."""
    from analyzer.report import between

    with _opened(options.output) as file:
        if options.json:
            file.writelines(between.points_document(points, matches))
        else:
            _print(between.side_by_side(points, matches, options.top), options, file)


def _write(analysis: "Analysis", options: Options, file: TextIO) -> None:
    supposed, only = None, None
    if options.only is not None:
        from analyzer.report.expectations import parse_outcomes

        only = parse_outcomes(options.only, "--only")
    if options.what_if is not None:
        from analyzer.report import what_if

        supposed = analysis.what_if(what_if.parse(options.what_if))
    if options.json or options.tags:
        from analyzer.report import document

        pieces = document.document(analysis, supposed, only) if options.json else document.tag_lines(analysis, only)
        file.writelines(pieces)
        return
    if supposed is not None:
        file.writelines(line + "\n" for line in what_if.lines(supposed, analysis, options.top))
        return
    if options.sysctl or options.advice is not None:
        from analyzer.report import recipes

        lines = recipes.advice_lines(options.advice, analysis) if options.advice else recipes.sysctl_lines(analysis)
        file.writelines(line + "\n" for line in lines)
        return
    from analyzer.report import text

    if options.flow is None:
        _print(text.report(analysis, options.top, only), options, file)
    else:
        _print(text.timeline(analysis, analysis.flows[options.flow]), options, file)


def _print(shown: "Group", options: Options, file: TextIO) -> None:
    terminal = console(file, options.color)
    with terminal.capture() as captured:
        terminal.print(shown)
    file.writelines(line.rstrip(" ") + "\n" for line in captured.get().removesuffix("\n").split("\n"))


@contextmanager
def _opened(path: str) -> Iterator[TextIO]:
    from analyzer.report.output_file import text_output

    if path == "-":
        if sys.stdout is None:
            raise OptionError("standard output is closed; give -o FILE")
        yield sys.stdout
        sys.stdout.flush()
        return
    with text_output(path, "-o") as file:
        yield file


def console(file: TextIO, color: str) -> "Console":
    """The flag beats NO_COLOR and FORCE_COLOR, which rich honours."""
    from rich.console import Console

    forced = {"auto": None, "always": True, "never": False}[color]
    no_color = None if forced is None else not forced
    return Console(file=file, highlight=False, emoji=False, markup=False, force_terminal=forced, no_color=no_color)
