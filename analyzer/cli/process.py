"""The process around a run: its exit codes, standard streams that may be closed, full or left, homes of other users."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper

import click

from analyzer.folders import is_of_others
from analyzer.report.units import printable

ANALYSED, NOT_AS_EXPECTED, UNUSABLE, DAMAGED, INTERRUPTED = 0, 1, 2, 3, 130
EXIT_CODES = {
    ANALYSED: "analysed, whatever was found",
    NOT_AS_EXPECTED: "only with --expect or --fail-on: something is not as it should be",
    UNUSABLE: "wrong usage, or no input that can be analysed",
    DAMAGED: "analysed, but part of the input was damaged; the diagnostics say where",
    INTERRUPTED: "interrupted by ^C, which live is the usual end of a capture: 0",
}
"""Exit codes with their meanings, for the manual."""


def hold_standard_streams() -> None:
    """Let no file that is opened later get the number of a standard stream that is closed: what others write there
    would get into it. What is said on a closed stderr goes nowhere."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free
    if sys.stderr is None:
        sys.stderr = TextIOWrapper(os.fdopen(2, "wb", closefd=False), write_through=True)


def leave_homes_of_others() -> None:
    """Forget where settings and caches are if that is another user's, as sudo may keep it: libraries would load theirs,
    and scapy's are pickles. Those of this user are found without being named."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "MPLCONFIGDIR"):
        if name in os.environ and is_of_others(os.environ[name]):
            del os.environ[name]


def without_stdout(error: OSError) -> int:
    """Let what is still buffered go nowhere, since stdout cannot be written; return the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):  # its reader has seen enough
        return ANALYSED
    complain(f"standard output cannot be written: {error.strerror}")
    return UNUSABLE


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Go on where whoever reads standard output has seen enough: the exit code is still to be found."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError as error:
        without_stdout(error)


def complain(words: str) -> None:
    """Print one line on stderr, without characters that a terminal would obey."""
    with whether_heard_or_not():
        click.echo(f"ka-analyze: {printable(words)}", err=True)


@contextmanager
def whether_heard_or_not() -> Iterator[None]:
    """Go on where stderr cannot be written: its reader is gone, or its disk is full. What it still has goes nowhere."""
    try:
        yield
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
