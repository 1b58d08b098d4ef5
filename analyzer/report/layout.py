"""How the parts of the terminal report are laid out: prose to a width that reads well, tables without rules."""

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

PROSE_WIDTH = 100
BLANK = Text("")


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
    return indented(Text(sentence))


def indented(content: Text | Table, above: int = 0) -> Padding:
    """Move text or a table to the right, `above` it so many empty lines."""
    narrow = Constrain(content, PROSE_WIDTH - 4) if isinstance(content, Text) else content
    return Padding(narrow, (above, 0, 0, 4), expand=False)


def marked(items: list[tuple[str, str]], style: str = "") -> Constrain:
    """Lay out paragraphs behind their marks."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    for mark, words in items:
        grid.add_row(mark, Text(words, style))
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
