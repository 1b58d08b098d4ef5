"""Sentences: places that were not filled, numbers that no sentence may have."""

import re

from tests.invariants.reading import Document, Faults, leaves

UNITS_S = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400}
UNFILLED = re.compile(r"\b(?:nan|NaN|None|inf|Infinity|Traceback|undefined)\b|[{}]")
TOO_MUCH = re.compile(r"\b(?:[2-9]\d\d|1\d[1-9]|1[1-9]0|\d{4,})(?:\.\d+)? ?%")
NUMBER, UNIT = r"(?<![\w.:-])([\d.,]*\d)", r"([nµm]?s|min|h|d)\b"
RANGES = tuple(
    re.compile(f"{between}{NUMBER}(?: {UNIT})?{to}([\\d.,]*\\d) {UNIT}")
    for between, to in (("between ", " and "), ("", "(?:\N{EN DASH}| to )"))
)
NEVER = re.compile(r"(?<![\d.,])0 times")
SENTENCES = ("text", "fix", "message")


def sentences_are_filled(document: Document) -> Faults:
    """No place of a sentence is left empty, or holds a program's word for nothing."""
    yield from (
        f"{where}: {text}" for where, text in _sentences(document) if where != "message" and UNFILLED.search(text)
    )


def ranges_rise(document: Document) -> Faults:
    """What is said to lie between two numbers finds the smaller one first."""
    for where, text in _sentences(document):
        for low, low_unit, high, high_unit in (found for one in RANGES for found in one.findall(text)):
            low_s = float(low.replace(",", "")) * UNITS_S[low_unit or high_unit]
            if low_s > float(high.replace(",", "")) * UNITS_S[high_unit] * (1 + 1e-9):
                yield f"{where}: {text}"


def shares_are_shares(document: Document) -> Faults:
    """Nothing is more than all, and nothing is told that was seen 0 times."""
    for where, text in _sentences(document):
        if TOO_MUCH.search(text) or NEVER.search(text):
            yield f"{where}: {text}"


def _sentences(document: Document) -> list[tuple[str, str]]:
    return [(where, value) for where, value in leaves(document) if where in SENTENCES and isinstance(value, str)]


INVARIANTS = (sentences_are_filled, ranges_rise, shares_are_shares)
