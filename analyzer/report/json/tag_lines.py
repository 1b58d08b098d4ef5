"""The kernel that writes a line of NDJSON for each segment that is not plain, straight from columns."""

import json
from array import array
from typing import Any

from analyzer.engine.octets import copy
from analyzer.keepalive.tags.tag import DATA, PURE_ACK, Rule, Tag
from analyzer.report.json.members import put, put_number
from analyzer.report.json.numbers import DECIMALS, SECOND, write_digits, write_instant
from analyzer.report.json.string_pool import FIRST_MEMBER, JsonBuffer, StringPool
from analyzer.schema import ABSENT

MEMBERS = (
    '{"frame": ',
    ', "time": "',
    '", "flow": ',
    ', "end": ',
    ', "of": ',
    "}\n",
    *(f', "tag": {json.dumps(tag)}' for tag in Tag),
    *(f', "rule": {json.dumps(rule)}' for rule in Rule),
)
FRAME, TIME, FLOW, END, OF, LINE_END, TAGS = range(FIRST_MEMBER, FIRST_MEMBER + 7)
RULES = TAGS + len(Tag)
UNTIL_FRACTION = len("2026-11-20T00:00:00.")
INSTANT = len("2026-11-20T00:00:00.000000000Z")
LONGEST_LINE = 256


def string_pool() -> StringPool:
    return StringPool(MEMBERS)


def write_tags(c: Any, s: Any, reached: "array[int]", last: int, is_wanted: Any, buffer: JsonBuffer, full: int) -> int:
    """Write a line for each row of `c` and `s` from reached[0] to last-1, without plain ones and unwanted flows.

    No line begins beyond `full`; `reached` has the first row that is left. Returns the octets written.
    """
    at, row = 0, reached[0]
    known_s, known_at = ABSENT, 0
    while row < last and at <= full:
        tag, ts_ns, of = s.tag[row], c.ts_ns[row], s.of[row]
        if tag != DATA and tag != PURE_ACK and is_wanted[c.flow[row]]:
            begin = at = put(buffer, put_number(buffer, at, FRAME, c.frame[row]), TIME)
            if ts_ns // SECOND == known_s:  # most lines are of the second of the line before
                at = copy(buffer.out, at, buffer.out, known_at, INSTANT)
                write_digits(buffer.out, begin + UNTIL_FRACTION, ts_ns % SECOND, DECIMALS)
            else:
                at = write_instant(buffer.out, at, ts_ns)
            known_s, known_at = ts_ns // SECOND, begin
            at = put_number(buffer, at, FLOW, c.flow[row])
            at = put_number(buffer, at, END, c.end[row])
            at = put(buffer, put(buffer, at, TAGS + tag), RULES + s.rule[row])
            at = put(buffer, put_number(buffer, at, OF, c.frame[of] if of != ABSENT else ABSENT), LINE_END)
        row += 1
    reached[0] = row
    return at
