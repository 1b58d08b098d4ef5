"""Captures that are not one timeline, each analysed by itself, in this process or in several."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from analyzer.capture.files.locations import InFolder
from analyzer.capture.names import Naming
from analyzer.cli.options import Options
from analyzer.cli.progress import naming, reading
from analyzer.errors import CaptureError, NoCaptureError
from analyzer.report.each import Line, line_of

if TYPE_CHECKING:
    from analyzer.keepalive.summary.expectations import Expectation
    from analyzer.reading import Reading
    from analyzer.report.expectations import Unwanted


class Examined(NamedTuple):
    """What is said of one capture."""

    line: Line | None
    """None if it could not be used."""
    failures: tuple[str, ...] = ()
    """What is not as --expect and --fail-on demand."""
    error: str = ""
    is_skipped: bool = False
    """It is no capture, and nobody said that it is."""


def examine_all(
    names: Sequence[str], options: Options, expected: "Sequence[Expectation]", unwanted: "Unwanted"
) -> Iterable[Examined]:
    """Yield what is said of each capture, in their order. Raises FilterError, OptionError."""
    how = replace(reading(options), jobs=None)
    task = partial(
        examine, how=how, named=naming(options), expected=expected, is_strict=options.strict, unwanted=unwanted
    )
    if (options.jobs or 1) == 1:
        return map(task, names)
    from analyzer.many.processes import in_processes

    return in_processes(options.jobs or 1, task, names)


def examine(
    name: str,
    how: "Reading",
    named: Naming,
    expected: "Sequence[Expectation]",
    is_strict: bool,
    unwanted: "Unwanted",
) -> Examined:
    """Analyse one capture by itself."""
    from analyzer.analysis import analyze

    try:
        analysis = analyze(name, limits=how.limits, packet_filter=how.packet_filter)
    except CaptureError as error:
        is_skipped = isinstance(error, NoCaptureError) and isinstance(name, InFolder) and not name.is_called_capture
        return Examined(None, error=f"{name}: no capture, skipped" if is_skipped else str(error), is_skipped=is_skipped)
    analysis.naming, analysis.expected = named, tuple(expected)
    failures: list[str] = []
    if expected or unwanted:
        from analyzer.report import expectations

        failures += expectations.unmet(expected, analysis, is_strict)
        failures += expectations.found(unwanted, analysis)
    return Examined(line_of(analysis, name), tuple(f"{name}: {words}" for words in failures))
