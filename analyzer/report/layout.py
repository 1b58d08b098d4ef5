"""How the parts of the terminal report are laid out: prose to a width that reads well, tables without rules."""

import re
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.containers import Lines
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

PROSE_WIDTH = 100
BLANK = Text("")
TIED = re.compile(
    r"(?<=\d) (?=(?:s|ms|min|h|times?|octets?)\b)"  # a number and its unit
    r"|(?<=[─▶]) |(?<=s) (?=─▶)|(?<=idle) (?=\d)|(?<=▶ probe) |(?<=▶ data) "  # a step of the course of events
    r"|(?<=▶ end) |(?<=▶ end of) "
    r"| (?=×)|(?<=×) "  # a product
)
"""Spaces at which no line is broken."""
COMMAND = re.compile("`[^`]+`")
TIE = "\ue000"
"""Stands for such a space while lines are broken: any no-break space is one to rich, too."""


class Prose(Text):
    """A text whose lines are not broken between a number and its unit, or within a command to type."""

    def wrap(self, *arguments: Any, **options: Any) -> Lines:
        """Break it into lines, as `Text` does."""
        tied = self.copy()
        commands = COMMAND.sub(lambda found: found[0].replace(" ", TIE), self.plain)
        tied.plain = TIED.sub(TIE, commands)
        broken = Text.wrap(tied, *arguments, **options)
        for line in broken:
            line.plain = line.plain.replace(TIE, " ")
        return broken


class SideBySide:
    """Two texts on one line if that is wide enough, else below each other."""

    def __init__(self, left: Text, right: Text, between: str) -> None:
        self.left, self.right, self.between = left, right, between

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if len(self.left) + len(self.between) + len(self.right) <= options.max_width:
            yield Text.assemble(self.left, self.between, self.right)
        else:
            yield self.left
            yield indented(self.right)


def prose(sentence: str) -> Padding:
    """Lay out a sentence about what stands above it."""
    return indented(Prose(sentence))


def indented(content: Text | Table, above: int = 0) -> Padding:
    """Move text or a table to the right, `above` it so many empty lines."""
    narrow = Constrain(content, PROSE_WIDTH - 4) if isinstance(content, Text) else content
    return Padding(narrow, (above, 0, 0, 4), expand=False)


def marked(items: list[tuple[str, str]], style: str = "") -> Constrain:
    """Lay out paragraphs behind their marks."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    for mark, words in items:
        grid.add_row(mark, Prose(words, style))
    return Constrain(grid, PROSE_WIDTH)


def table(*headings: str) -> Table:
    """Make an empty table."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


def headed(heading: str, content: RenderableType) -> tuple[RenderableType, ...]:
    """Put a heading above a table."""
    return BLANK, Text(heading, "bold"), content
