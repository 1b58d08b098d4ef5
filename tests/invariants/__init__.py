"""What no `--json` document and no `--tags` line may say, whatever the capture: predicates that yield what contradicts.

They know the outputs and nothing of how findings come about. `values.py` is about numbers, times, frames;
`connections.py` about ends, settings, verdicts; `summaries.py` about hosts, paths, advice; `words.py` about sentences;
`tag_lines.py` about tags beside the document.
"""

import json
from collections.abc import Callable

from tests.invariants import connections, summaries, tag_lines, values, words
from tests.invariants.reading import Document, Faults, Tag

INVARIANTS: tuple[Callable[[Document], Faults], ...] = (
    *values.INVARIANTS,
    *connections.INVARIANTS,
    *summaries.INVARIANTS,
    *words.INVARIANTS,
)
TAG_INVARIANTS: tuple[Callable[[Document, list[Tag]], Faults], ...] = tag_lines.INVARIANTS


def broken(document: Document, tags: str | None = None) -> list[str]:
    """Return all that is wrong with a document and with lines of `--tags`, each with the predicate that says so."""
    found = [f"{holds.__name__}: {fault}" for holds in INVARIANTS for fault in holds(document)]
    if tags is not None:
        lines = [json.loads(line) for line in tags.splitlines()]
        found += [f"{holds.__name__}: {fault}" for holds in TAG_INVARIANTS for fault in holds(document, lines)]
    return found
