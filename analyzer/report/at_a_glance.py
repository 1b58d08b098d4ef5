"""The first lines of the report: what the whole capture says, what to do, and which connections fared alike."""

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.text import Text

from analyzer.analysis import Analysis
from analyzer.keepalive.summary.conclusions import MOST_SHOWN, Conclusion
from analyzer.keepalive.summary.groups import Group
from analyzer.keepalive.verdict.values import Outcome
from analyzer.report.layout import BLANK, PROSE_WIDTH, Prose, marked, table
from analyzer.report.ranking import MOST_GROUPS, ordered
from analyzer.report.words import conclusion_sentences, fix_sentences, group_sentences
from analyzer.report.words.group_sentences import counted

STYLES = {
    Outcome.TIMED_OUT: "bold red",
    Outcome.UNREACHABLE: "bold red",
    Outcome.RESET: "bold red",
    Outcome.UNDETECTED: "bold red",
    Outcome.PROBING: "bold yellow",
    Outcome.ALIVE: "green",
    Outcome.OPEN: "yellow",
    Outcome.CLOSED: "green",
    Outcome.UNKNOWN: "dim",
}


def conclusions(analysis: Analysis) -> Iterator[RenderableType]:
    """Yield the conclusions that matter most, under each what to do."""
    for one in analysis.conclusions[:MOST_SHOWN]:
        yield from conclusion(one)
    more = len(analysis.conclusions) - MOST_SHOWN
    if more > 0:
        yield BLANK
        yield Text(f"and {more:,} more; --json has all of them")


def conclusion(one: Conclusion) -> Iterator[RenderableType]:
    """Yield a conclusion, and under it what to do."""
    yield BLANK
    yield Constrain(Prose(conclusion_sentences.text(one), "bold"), PROSE_WIDTH)
    yield from fix(one)


def fix(one: Conclusion) -> Iterator[RenderableType]:
    """Yield what to do, if anything is to be done."""
    words = fix_sentences.fix(one)
    if words is not None:
        yield marked([("→", words)])


def groups(analysis: Analysis, only: frozenset[Outcome] | None) -> Iterator[RenderableType]:
    """Yield a line for each group of connections, the most urgent first, and how many there are of each outcome."""
    found = [one for one in ordered(analysis.groups) if only is None or one.outcome in only]
    counts = ", ".join(f"{number:,} {words}" for _, words, number in counted(analysis.flows))
    flows = len(analysis.flows)
    yield BLANK
    yield Text(f"{f'All {flows:,} connections' if flows > 1 else 'One connection'}: {counts}.", "bold")
    if not found:
        return
    if which := group_sentences.chosen(analysis):
        yield Text(which)
    yield _Lines(found[:MOST_GROUPS])
    if len(found) > MOST_GROUPS:
        yield Text(f"and {len(found) - MOST_GROUPS:,} more groups; --html has all of them")


def names(analysis: Analysis) -> Iterator[RenderableType]:
    """Yield what the addresses of conclusions and groups are called, where somebody says so."""
    found = analysis.conclusions[:MOST_SHOWN]
    services = [*(one.service for one in found), *(service for one in analysis.groups for service in one.services)]
    addresses = [one.rpartition(":")[0].strip("[]") for one in services if one]
    addresses += [host for one in found for host in one.hosts]
    named = [one for one in dict.fromkeys(addresses) if one in analysis.names]
    if named:
        said = ", ".join(f"{one} is {analysis.names[one]}" for one in named[:MOST_GROUPS])
        yield Constrain(Prose(f"{said}{' …' if len(named) > MOST_GROUPS else '.'}"), PROSE_WIDTH)


class _Lines:
    """A row for each group where that is wide enough, else what happened, and the rest below it."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self.groups = groups

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        probed = ["time/intvl/probes"] if any(one.has_keepalive for one in self.groups) else []
        rows = table("", "what happened", "service", *probed, "idle for", "connections")
        narrow = table("", "")
        narrow.show_header = False
        for lines in (rows, narrow):
            lines.columns[0].justify = "right"
        for one in self.groups:
            fate = Text(group_sentences.fate(one), STYLES[one.outcome])
            service, settings = group_sentences.service(one), group_sentences.settings(one)
            idle, examples = group_sentences.idle(one), group_sentences.examples(one)
            rows.add_row(f"{len(one.flows):,}", fate, service, *([settings] if probed else []), idle, examples)
            below = " · ".join(filter(None, (service, settings, f"idle {idle}", examples)))
            narrow.add_row(f"{len(one.flows):,}", Text.assemble(fate, "\n", below))
        yield rows if console.measure(rows, options=options.update(width=1000)).maximum <= options.max_width else narrow
