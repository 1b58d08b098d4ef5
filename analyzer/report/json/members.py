"""Kernels that write a member of a JSON object: its name, which is a phrase, and a value.

Each takes a sheet and a place in it, and returns the place behind what it wrote.
"""

from typing import Any

from analyzer.engine.dispatch import apart
from analyzer.engine.octets import copy
from analyzer.report.json.numbers import write_instant, write_integer, write_seconds
from analyzer.report.json.string_pool import COMMA, NULL, QUOTE, Sheet
from analyzer.schema import NEVER


def say(sheet: Sheet, at: int, phrase: int) -> int:
    return copy(sheet.out, at, sheet.text, sheet.phrases.first[phrase], sheet.phrases.length[phrase])


@apart
def say_phrase(sheet: Sheet, at: int, member: int, phrase: int) -> int:
    return say(sheet, say(sheet, at, member), phrase)


@apart
def say_number(sheet: Sheet, at: int, member: int, value: int) -> int:
    """`null` for NEVER."""
    at = say(sheet, at, member)
    return say(sheet, at, NULL) if value == NEVER else write_integer(sheet.out, at, value)


@apart
def say_duration(sheet: Sheet, at: int, member: int, duration_ns: int) -> int:
    """In seconds; `null` for a negative one."""
    at = say(sheet, at, member)
    return say(sheet, at, NULL) if duration_ns < 0 else write_seconds(sheet.out, at, duration_ns)


@apart
def say_instant(sheet: Sheet, at: int, member: int, time_ns: int) -> int:
    """`null` for the instant that there is not."""
    at = say(sheet, at, member)
    if time_ns < 0:
        return say(sheet, at, NULL)
    return say(sheet, write_instant(sheet.out, say(sheet, at, QUOTE), time_ns), QUOTE)


@apart
def write_frames(proofs: Any, first: int, count: int, sheet: Sheet, at: int) -> int:
    """Their numbers, with commas in between."""
    for row in range(first, first + count):
        at = say(sheet, at, COMMA) if row > first else at
        at = write_integer(sheet.out, at, proofs.frame[row])
    return at
