"""Kernels that write a member of a JSON object: its name, which is a phrase, and a value.

Each takes a sheet and a place in it, and returns the place behind what it wrote.
"""

from typing import Any

from analyzer.engine.dispatch import not_inlined
from analyzer.engine.octets import copy
from analyzer.report.json.numbers import write_instant, write_integer, write_seconds
from analyzer.report.json.string_pool import COMMA, NULL, QUOTE, JsonBuffer
from analyzer.schema import ABSENT


def put(buffer: JsonBuffer, at: int, string: int) -> int:
    return copy(buffer.out, at, buffer.text, buffer.string_pool.first[string], buffer.string_pool.length[string])


@not_inlined
def put_string(buffer: JsonBuffer, at: int, member: int, string: int) -> int:
    return put(buffer, put(buffer, at, member), string)


@not_inlined
def put_number(buffer: JsonBuffer, at: int, member: int, value: int) -> int:
    """`null` for ABSENT."""
    at = put(buffer, at, member)
    return put(buffer, at, NULL) if value == ABSENT else write_integer(buffer.out, at, value)


@not_inlined
def put_duration(buffer: JsonBuffer, at: int, member: int, duration_ns: int) -> int:
    """Put a duration in seconds, `null` for a negative one."""
    at = put(buffer, at, member)
    return put(buffer, at, NULL) if duration_ns < 0 else write_seconds(buffer.out, at, duration_ns)


@not_inlined
def put_instant(buffer: JsonBuffer, at: int, member: int, time_ns: int) -> int:
    """`null` for the instant that there is not."""
    at = put(buffer, at, member)
    if time_ns < 0:
        return put(buffer, at, NULL)
    return put(buffer, write_instant(buffer.out, put(buffer, at, QUOTE), time_ns), QUOTE)


@not_inlined
def write_frames(proofs: Any, first: int, count: int, buffer: JsonBuffer, at: int) -> int:
    """Their numbers, with commas in between."""
    for row in range(first, first + count):
        at = put(buffer, at, COMMA) if row > first else at
        at = write_integer(buffer.out, at, proofs.frame[row])
    return at
