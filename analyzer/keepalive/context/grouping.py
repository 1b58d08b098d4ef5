"""Groups the rows of a table by a number that each has, and sorts them by a key: sorts by digits and by counts.

It knows nothing of what the rows mean. Both sorts are stable: rows with equal keys stay in order.
"""

from array import array
from typing import Any, NamedTuple

from analyzer.engine.dispatch import Engine

FEWEST_BITS, MOST_BITS = 4, 11
"""Bits of a digit: about as many values as there are rows, but no more than counts that stay in the first cache."""
KEY_BITS = 63


class Group(NamedTuple):
    """Rows by number: those of number n are rows[starts[n]:starts[n + 1]]."""

    starts: "array[int]"
    rows: "array[int]"


def by_key(rows: "array[int]", count: int, keys: "array[int]", engine: Engine) -> None:
    """Sort the first `count` of these rows by their keys, keys[row], ascending."""
    bits = min(max(FEWEST_BITS, count.bit_length()), MOST_BITS)
    engine.run(sort_rows, rows, count, keys, array("i", [0]) * count, array("q", [0]) * (1 << bits), bits)


def grouped(rows: "array[int]", count: int, numbers: "array[int]", groups: int, engine: Engine) -> Group:
    """Group the first `count` of these rows by numbers[row], which is below `groups`. Within a group they keep their
    order."""
    group = Group(array("i", [0]) * (groups + 2), array("i", [0]) * count)
    engine.run(group_rows, rows, count, numbers, groups, group)
    return group


def sort_rows(rows: Any, count: int, keys: Any, room: Any, counts: Any, bits: int) -> int:
    """Kernel: sort rows by one pass for each digit of the keys that differs, from the lowest on. Returns how many
    passes."""
    if count == 0:
        return 0
    least = most = keys[rows[0]]
    for place in range(count):
        least, most = min(least, keys[rows[place]]), max(most, keys[rows[place]])
    passes = 0
    for shift in range(0, KEY_BITS, bits):
        if (most - least) >> shift == 0:
            break
        sort_by_digit(rows, count, keys, room, counts, least, shift)
        passes += 1
    return passes


def sort_by_digit(rows: Any, count: int, keys: Any, room: Any, counts: Any, least: int, shift: int) -> None:
    """Sort rows by one digit of their keys, which begins at bit `shift`; a counting sort."""
    mask, place = len(counts) - 1, 0
    for digit in range(len(counts)):
        counts[digit] = 0
    for at in range(count):
        room[at] = rows[at]
        counts[(keys[rows[at]] - least) >> shift & mask] += 1
    for digit in range(len(counts)):
        place += counts[digit]
        counts[digit] = place - counts[digit]
    for at in range(count):
        digit = (keys[room[at]] - least) >> shift & mask
        rows[counts[digit]] = room[at]
        counts[digit] += 1


def group_rows(rows: Any, count: int, numbers: Any, groups: int, group: Group) -> int:
    """Kernel: group rows by a counting sort. Returns how many groups there are.

    `starts` has one place more than it needs, where each group's end is counted up.
    """
    starts = group.starts
    for at in range(count):
        starts[numbers[rows[at]] + 2] += 1
    for number in range(groups):
        starts[number + 2] += starts[number + 1]
    for at in range(count):
        number = numbers[rows[at]]
        group.rows[starts[number + 1]] = rows[at]
        starts[number + 1] += 1
    return groups
