"""The texts that kernels copy, one after the other in a buffer; a phrase is a row of PHRASES."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from analyzer.engine.table import Table
from analyzer.report.words.setting_sentences import OR
from analyzer.schema import ABSENT
from analyzer.schema.json import STRINGS

COMMON = ("null", '"', ", ", OR)
NULL, QUOTE, COMMA, BETWEEN_RATES = range(len(COMMON))
FIRST_MEMBER = len(COMMON)


class JsonBuffer(NamedTuple):
    """What is written to, and where phrases are copied from."""

    out: bytearray
    text: bytearray
    string_pool: Any


class StringPool:
    """Grows as phrases are added; rows stay what they are."""

    def __init__(self, members: Sequence[str]) -> None:
        """`members` are copied as they are, and begin with row FIRST_MEMBER."""
        self._text = bytearray()
        self._table = Table(STRINGS)
        for one in (*COMMON, *members):
            self.add(one)

    @property
    def rows(self) -> int:
        return self._table.rows

    def buffer(self, out: bytearray) -> JsonBuffer:
        """Return what kernels write with; not to be kept when strings are added."""
        return JsonBuffer(out, self._text, self._table.view)

    def add(self, text: str, place: int = ABSENT) -> None:
        """Add octets as they are; `place` says which number of a sentence follows them."""
        octets = text.encode("ascii")
        self._table.append(len(self._text), len(octets), place)
        self._text += octets

    def add_all(self, values: Iterable[Any]) -> int:
        """Add texts as JSON; return the row of the first."""
        first = self.rows
        for one in values:
            self.add(json.dumps(one))
        return first
