"""Mutated captures, one after the other, through the reader, the findings and every face.

Holds for each: no exception but the one that says the input cannot be used; done within 5 s and within the memory
limit; JSON that is JSON and says nothing impossible (`tests/invariants.py`); nothing that a terminal would obey; a copy
by --annotate that has the frames that were analysed; the same findings however the input is cut into chunks, and
interpreted and as machine code. `python -m tests.fuzz`.
"""

import io
import json
import os
import re
import resource
import signal
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from rich.console import Console

from analyzer.analysis import Analysis, analyze
from analyzer.diagnostics import Severity
from analyzer.engine.dispatch import INTERPRETER, SWITCH
from analyzer.errors import CaptureError
from analyzer.report import library, recipes, terminal
from analyzer.report.json import document
from analyzer.report.wireshark.annotate import annotate
from tests.fuzz.corpus import pick
from tests.fuzz.mutations import mutate
from tests.fuzz.pieces import Frames
from tests.invariants import broken
from tests.keepalive.made import in_brief
from tests.test_samples import VALIDATOR

LIMIT_S = 5
"""Of processor time, so that a busy machine makes no finds."""
ON_TERMINAL, IN_CHUNKS, COPIED, AS_TABLES, AS_PAGE, INTERPRETED, BY_SCHEMA = 0.1, 0.2, 0.2, 0.01, 0.002, 0.2, 0.1
"""Shares of the captures for which the dear checks are made; rich takes nine tenths of the time otherwise."""
MOST_IN_FULL = 64
"""Connections of a capture that are looked at in full, to compare."""
BELOW_ZERO = re.compile(r"(?:^|[\s(\N{BOX DRAWINGS LIGHT HORIZONTAL}])-\d")


class Hang(BaseException):
    """Past all handlers for Exception."""


@dataclass
class Tally:
    """What was tried and what came of it."""

    captures: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    mutations: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0

    @property
    def peak_mib(self) -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def campaign(seed: int, captures: int, seconds: float, folder: Path, more: Sequence[Frames] = ()) -> Iterator[Tally]:
    """Yields the tally after each capture; what fails is kept in `folder`, with the traceback.

    Half of the captures are made of `more`, where there are any.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tally, started = Tally(), time.monotonic()
    while tally.captures < captures and time.monotonic() - started < seconds:
        name = f"{seed}-{tally.captures}"
        random = Random(name)
        origin, pieces = pick(random, more)
        octets, done = mutate(random, pieces)
        tally.captures += 1
        tally.mutations.update(done)
        began = time.process_time()
        try:
            with deadline(LIMIT_S):
                tally.outcomes[examine(octets, folder / "mutated", random)] += 1
        except (Exception, Hang) as error:  # noqa: BLE001  # whatever it is, it is a find
            where = traceback.extract_tb(error.__traceback__)[-1]
            tally.failures[f"{type(error).__name__} {Path(where.filename).name}:{where.lineno}"] += 1
            (folder / f"{name}.pcap").write_bytes(octets)
            story = f"{origin}: {', '.join(done)}\n{traceback.format_exc()}"
            (folder / f"{name}.txt").write_text(story, errors="replace")
        tally.slowest_s = max(tally.slowest_s, time.process_time() - began)
        yield tally


@contextmanager
def deadline(limit_s: float) -> Iterator[None]:
    def late(*_: object) -> None:
        raise Hang

    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def examine(octets: bytes, path: Path, random: Random) -> str:
    """All that must hold for one capture; what became of it."""
    path.write_bytes(octets)
    os.environ.pop(SWITCH, None)
    try:
        analysis = analyze(str(path))
    except CaptureError as error:
        return "refused" if str(error).isprintable() else "refused in more than a line"
    told = machine_faces(analysis)
    if len(analysis.flows) <= MOST_IN_FULL:
        assert analysis._assembler.all_in_brief() == in_brief(analysis.flows), "other findings in brief than in full"
    if random.random() < BY_SCHEMA:
        VALIDATOR.validate(json.loads(told[0]))
    if random.random() < ON_TERMINAL:
        terminal_faces(analysis)
    if random.random() < IN_CHUNKS:
        cut = random.choice((16, 100, 4096))
        again = analyze(str(path), chunk_octets=cut)
        assert told == machine_faces(again), f"other findings in chunks of {cut}"
    if random.random() < COPIED:
        check_copy(analysis, path)
    if random.random() < AS_TABLES:
        library.Analysis(analysis).write_csv(str(path.with_name("tables")))
    if random.random() < AS_PAGE:
        check_page(analysis, path.with_name("page.html"))
    if random.random() < INTERPRETED:
        os.environ[SWITCH] = INTERPRETER
        assert told == machine_faces(analyze(str(path))), "other findings when interpreted"
    return "damaged" if analysis.is_damaged else "analysed"


def machine_faces(analysis: Analysis) -> tuple[str, str]:
    """The document and the tags, each line of them JSON as RFC 8259 has it; they say nothing impossible."""
    whole, tags = "".join(document.document(analysis)), "".join(document.tag_lines(analysis))
    for line in tags.splitlines():
        json.loads(line, parse_constant=refuse)
    faults = broken(json.loads(whole, parse_constant=refuse), tags)
    assert not faults, "; ".join(faults)
    return whole, tags


def terminal_faces(analysis: Analysis) -> None:
    """Nothing in them is more than text and line feeds, and no time is below zero."""
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    with console.capture() as captured:
        console.print(terminal.report(analysis, 2))
        for flow in analysis.flows[:1]:
            console.print(terminal.timelines(analysis, analysis.flows[flow.id : flow.id + 1], 1))
    lines = captured.get().split("\n")
    below_zero = [line for line in lines if BELOW_ZERO.search(line)]
    assert not below_zero, below_zero[0]
    lines += recipes.sysctl_lines(analysis)
    lines += recipes.advice_lines("all", analysis)
    lines += [one.message for one in analysis.diagnostics]
    assert all(line.isprintable() for line in lines), "control characters"


def check_page(analysis: Analysis, path: Path) -> None:
    """It can be drawn, and holds two scripts, its data and ours."""
    library.Analysis(analysis).write_html(str(path), 2)
    assert path.read_text().count("<script") == 2


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def damages(analysis: Analysis) -> set[str]:
    return {one.code.name for one in analysis.diagnostics if one.code.severity is Severity.DAMAGE}


def check_copy(analysis: Analysis, path: Path) -> None:
    """A commented copy holds the frames that were analysed; nothing in it is damaged."""
    copy = path.with_name("copy")
    annotate(analysis, [str(path)], str(copy))
    if analysis.capture.packets:
        again = analyze(str(copy))
        assert again.capture.packets == analysis.capture.packets
        assert again.capture.first_ns == analysis.capture.first_ns
        assert damages(again) <= damages(analysis), "the copy is damaged in other ways"
        assert [flow.verdict for flow in again.flows] == [flow.verdict for flow in analysis.flows]
