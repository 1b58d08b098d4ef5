"""The search for the next credible record after damage: where records chain, or where a block agrees with itself.

Kernels. They only search: the reader reports what was lost. A place is believed on evidence that random octets do not
show by chance, since a packet made up from garbage would be worse than one that is missing.
"""

from typing import Any

from analyzer.capture.files.pcap import (
    BROKEN,
    HEADER_OCTETS,
    IS_BIG,
    LAST_NS,
    LENGTHS,
    LONGER_HEADERS,
    LONGEST,
    LONGEST_ON_WIRE,
    MORE,
    NEAR_NS,
    NS_PER_TICK,
    SNAPLEN,
    STATUS,
    record_lengths,
)
from analyzer.capture.files.pcapng import PACKET, SECTION, SMALLEST_BLOCK
from analyzer.engine.octets import word
from analyzer.schema import ABSENT

LONGEST_FOUND = 1 << 18
"""Longest record that is believed in the midst of garbage: libpcap's MAXIMUM_SNAPLEN. Longer ones are read in order."""
LONGEST_BLOCK_FOUND = LONGEST_FOUND + (1 << 17)
"""Longest block that is believed in the midst of garbage: the frame and two full options."""

LINKS, LINKS_WITHOUT_TIME = 2, 4
"""Number of records that must follow each other; more where no time of a record before the damage vouches for them. A
random place passes for one header in less than 1 of 2**60 cases: length, length on the wire, fraction, seconds."""
EARLIEST_S = 1_000_000_000
"""Earliest plausible time without such a record: 2001. A header that is read from its second field on has the fraction
as its seconds, which are fewer, and it would chain for the rest of the capture."""

NO, YES, PERHAPS = range(3)
"""PERHAPS: what would decide has not been read yet."""

KNOWN_BLOCKS = 10
"""Last type of block that is believed in the midst of garbage. Types 1 to 10 are those of captures
(draft-ietf-opsawg-pcapng §11.1); others are only believed in their order."""


def find_record(buffer: Any, start: int, stop: int, is_end: bool, state: Any) -> int:
    """Kernel: find where in buffer[start:stop] records of pcap go on; return the offset.

    STATUS is MORE there; else BROKEN, and nothing before the returned offset begins a record.
    """
    header, top = state[HEADER_OCTETS], 8 if state[IS_BIG] else 11
    at = start
    while at + header <= stop:
        if buffer[at + top] == 0:  # most of what is no length ends here
            verdict = is_record(buffer, at, stop, is_end, state)
            if verdict == YES:
                state[STATUS] = MORE
                return at
            if verdict == PERHAPS:
                break
        at += 1
    state[STATUS] = BROKEN
    return stop if is_end else at


def is_record(buffer: Any, at: int, stop: int, is_end: bool, state: Any) -> int:
    """Tell whether plausible records chain from `at`, the last of them perhaps up to the very end of the capture: YES,
    NO or PERHAPS."""
    header, last_ns = state[HEADER_OCTETS], state[LAST_NS]
    wanted = LINKS
    links = 0
    while links < wanted:
        if at == stop and is_end:
            return YES if links else NO
        if at + header > stop:
            return NO if is_end else PERHAPS
        captured = length_of_record(buffer, at, state)
        if captured == ABSENT:
            return NO
        ts_ns = word(buffer, at, state[IS_BIG]) * 1000000000
        if last_ns == ABSENT or abs(ts_ns - last_ns) > NEAR_NS:
            if links or ts_ns < EARLIEST_S * 1000000000:
                return NO
            wanted = LINKS_WITHOUT_TIME
        last_ns = ts_ns
        links += 1
        at += header + captured
        if at > stop:
            if not is_end:
                return PERHAPS
            return YES if links >= LINKS else NO  # the end of the capture is missing, too
    return YES


def header_octets(buffer: Any, start: int, stop: int, state: Any) -> int:
    """Return the length in octets of the record headers of a file whose first record begins at `start`.

    It is what the magic says, unless two records or more chain only with a longer one.
    """
    usual: int = state[HEADER_OCTETS]
    for octets in (usual, *LONGER_HEADERS.get(usual, ())):
        if start + octets > stop:
            break
        first = state[:]
        first[HEADER_OCTETS] = octets
        first[LAST_NS] = word(buffer, start, state[IS_BIG]) * 1000000000  # the same in all of them
        captured = length_of_record(buffer, start, first)
        if captured != ABSENT and is_record(buffer, start + octets + captured, stop, True, first) == YES:
            return octets
    return usual


def length_of_record(buffer: Any, at: int, state: Any) -> int:
    """Return the octets captured if all that the header says can be true; ABSENT otherwise."""
    is_big = state[IS_BIG]
    captured, original = record_lengths(buffer, at, is_big, state[LENGTHS])
    if captured == 0 or captured > min(state[LONGEST], LONGEST_FOUND):
        return ABSENT
    is_cut = captured == state[SNAPLEN] and captured < original <= LONGEST_ON_WIRE
    if captured != original and not is_cut:
        return ABSENT
    return captured if word(buffer, at + 4, is_big) * state[NS_PER_TICK] < 1000000000 else ABSENT


def find_block(buffer: Any, start: int, stop: int, is_end: bool, state: Any) -> int:
    """Kernel: find the next block of pcapng, as `find_record` does: the same length must stand in front and behind."""
    at = start
    while at + SMALLEST_BLOCK <= stop:
        verdict = is_block(buffer, at, stop, is_end, state[IS_BIG])
        if verdict == YES:
            state[STATUS] = MORE
            return at
        if verdict == PERHAPS:
            break
        at += 1
    state[STATUS] = BROKEN
    return stop if is_end else at


def is_block(buffer: Any, at: int, stop: int, is_end: bool, is_big: int) -> int:
    """Tell whether a whole block of a type that occurs in captures begins at `at`: YES, NO or PERHAPS. A section header
    has its own byte order."""
    kind = word(buffer, at, is_big)
    if kind == SECTION:
        magic = word(buffer, at + 8, 1)
        if magic != 0x1A2B3C4D and magic != 0x4D3C2B1A:
            return NO
        is_big = 1 if magic == 0x1A2B3C4D else 0
    elif kind == 0 or kind > KNOWN_BLOCKS:
        return NO
    total = word(buffer, at + 4, is_big)
    if total < SMALLEST_BLOCK + 4 or total > LONGEST_BLOCK_FOUND or total % 4 or (kind == PACKET and total < 32):
        return NO
    if at + total > stop:
        return NO if is_end else PERHAPS
    return YES if word(buffer, at + total - 4, is_big) == total else NO
