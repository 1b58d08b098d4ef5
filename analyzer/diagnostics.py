"""Counted notes on an imperfect capture: a code, how often, where first, what it means.

Kernels count into a flat array (`note`), so a damaged capture costs no objects; `Severity`
says whether the result may be incomplete, which the command turns into exit 3.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple


class Severity(StrEnum):
    DAMAGE = "damage"
    """Something that was captured could not be read."""
    LIMIT = "limit"
    """The capture or this program shows less than there was; nothing is broken."""


class Code(NamedTuple):
    name: str
    severity: Severity
    message: str


CODES = (
    Code(
        "truncated-file",
        Severity.DAMAGE,
        "the file ends in the middle of a record; everything before it is analysed",
    ),
    Code(
        "damaged-record",
        Severity.DAMAGE,
        "octets that are no record are skipped; reading continues at the next credible record",
    ),
    Code("damaged-block", Severity.DAMAGE, "a pcapng block contradicts itself and is skipped"),
    Code("damaged-compression", Severity.DAMAGE, "the compressed data is broken; everything before that is analysed"),
    Code("unreadable-file", Severity.DAMAGE, "a file could not be used at all and is left out"),
    Code("unknown-interface", Severity.DAMAGE, "a packet names an interface that the section does not describe"),
    Code("absurd-timestamp", Severity.DAMAGE, "a time stamp is not between 1970 and 2116 and is taken as 0"),
    Code(
        "appended-capture",
        Severity.LIMIT,
        "the header of another capture stands in the middle of the file; both are read",
    ),
    Code("unknown-block", Severity.LIMIT, "pcapng blocks of unknown types are skipped"),
    Code("header-cut", Severity.LIMIT, "the snapshot length cuts the TCP or IP header; the segment is not used"),
    Code("malformed-header", Severity.LIMIT, "an IP or TCP header contradicts itself; the packet is not used"),
    Code("unknown-link-type", Severity.LIMIT, "frames of a link type that is not decoded"),
    Code("encrypted", Severity.LIMIT, "encrypted packets (IPsec, WireGuard, 802.11, MACsec) are not decrypted"),
    Code("later-fragment", Severity.LIMIT, "IP fragments after the first carry no TCP header and are not used"),
    Code("captured-twice", Severity.LIMIT, "frames were captured more than once; each packet is used once"),
    Code("time-backwards", Severity.LIMIT, "frames are out of time order; gaps next to them are not used"),
    Code(
        "interface-drops",
        Severity.LIMIT,
        "the capturing interface reported dropped packets; a missing answer may be a drop",
    ),
    Code("time-jump", Severity.LIMIT, "the time stamps jump by more than 30 days; no silence is counted across a jump"),
    Code(
        "flows-given-up",
        Severity.LIMIT,
        "connections are left out to stay within --max-memory: mere SYNs first, ended ones, then the longest silent",
    ),
    Code(
        "segments-given-up",
        Severity.LIMIT,
        "the earlier probes and gaps of the longest connections are left out to stay within --max-memory; live, all "
        "but the latest 256 segments of each",
    ),
    Code("neighbours-given-up", Severity.LIMIT, "only the latest ARP and neighbour discovery packets are kept"),
    Code("tunnels-given-up", Severity.LIMIT, "packets in tunnels beyond the first 262,144 are not used"),
    Code(
        "file-gone",
        Severity.DAMAGE,
        "a file had to be read again, but is gone or has changed; how its connections continue is uncertain",
    ),
    Code(
        "findings-sampled",
        Severity.LIMIT,
        "conclusions, groups, hosts, path limits and advice leave out so many of the connections, evenly chosen; "
        "each still has its verdict",
    ),
    Code("skipped-file", Severity.LIMIT, "files of a directory that are no captures are skipped"),
    Code("filtered-out", Severity.LIMIT, "packets that do not match the filter are not used"),
    Code(
        "damaged-shard",
        Severity.DAMAGE,
        "a kept shard is not what was written and is not used; its file is read again if it is there",
    ),
    Code("unreadable-line", Severity.DAMAGE, "lines of text that cannot be read are skipped"),
    Code("text-lacks", Severity.LIMIT, "the text does not say everything, and nothing is claimed from what it lacks"),
    Code(
        "number-not-in-text",
        Severity.LIMIT,
        "empty segments without a number (tcpdump prints it with -vv): what they are is told by silence and answers",
    ),
    Code(
        "undecided-in-text",
        Severity.LIMIT,
        "packets whose connection or place the text does not tell; nothing is claimed from them",
    ),
    Code(
        "flows-let-go",
        Severity.LIMIT,
        "connections that had ended are left out, some time after that (--keep); events have told of them",
    ),
    Code(
        "clock-set",
        Severity.LIMIT,
        "the capturing machine's clock was set, or it slept; times before that are given on the clock as it was set",
    ),
)

(
    TRUNCATED_FILE,
    DAMAGED_RECORD,
    DAMAGED_BLOCK,
    DAMAGED_COMPRESSION,
    UNREADABLE_FILE,
    UNKNOWN_INTERFACE,
    ABSURD_TIMESTAMP,
    APPENDED_CAPTURE,
    UNKNOWN_BLOCK,
    HEADER_CUT,
    MALFORMED_HEADER,
    UNKNOWN_LINK_TYPE,
    ENCRYPTED,
    LATER_FRAGMENT,
    CAPTURED_TWICE,
    TIME_BACKWARDS,
    INTERFACE_DROPS,
    TIME_JUMP,
    FLOWS_GIVEN_UP,
    SEGMENTS_GIVEN_UP,
    NEIGHBOURS_GIVEN_UP,
    TUNNELS_GIVEN_UP,
    FILE_GONE,
    FINDINGS_SAMPLED,
    SKIPPED_FILE,
    FILTERED_OUT,
    DAMAGED_SHARD,
    UNREADABLE_LINE,
    TEXT_LACKS,
    NUMBER_NOT_IN_TEXT,
    UNDECIDED_IN_TEXT,
    FLOWS_LET_GO,
    CLOCK_SET,
) = range(len(CODES))


NAME_THEIR_FILE = (
    SKIPPED_FILE,
    TRUNCATED_FILE,
    DAMAGED_RECORD,
    DAMAGED_COMPRESSION,
    UNREADABLE_FILE,
    APPENDED_CAPTURE,
    FILE_GONE,
)
"""Codes whose details name the file; the frame may be the one after its last."""


def note(counts: Any, code: int, frame: int) -> None:
    """Count one occurrence at `frame` (from 1; 0 when no frame is concerned). Kernel helper."""
    if counts[2 * code] == 0 or 0 < frame < counts[2 * code + 1]:  # layers are unwrapped later, in rounds
        counts[2 * code + 1] = frame
    counts[2 * code] += 1


MOST_DETAILS = 5


@dataclass(frozen=True)
class Diagnostic:
    code: Code
    count: int
    first_frame: int
    detail: str

    @property
    def message(self) -> str:
        return f"{self.code.message} ({self.detail})" if self.detail else self.code.message


class Diagnostics:
    """The counts of one analysis, with a few words of detail where a code has some."""

    def __init__(
        self,
        counts: Sequence[int] = (0,) * (2 * len(CODES)),
        details: Sequence[Sequence[str]] = (),
        more: Sequence[int] = (0,) * len(CODES),
    ) -> None:
        """Start empty, or from the parts that `as_dict` returns."""
        self.counts = array("q", counts)
        self._details = {code: dict.fromkeys(words) for code, words in enumerate(details) if words}
        self._more = array("q", more)

    def as_dict(self) -> dict[str, list[Any]]:
        """Return the counts and details as a dictionary for JSON."""
        details = [list(self._details.get(code, ())) for code in range(len(CODES))]
        return {"counts": list(self.counts), "details": details, "more": list(self._more)}

    def add(self, code: int, frame: int = 0, detail: str = "", times: int = 1) -> None:
        note(self.counts, code, frame)
        self.counts[2 * code] += times - 1
        if detail:
            self.detail(code, detail)

    def detail(self, code: int, words: str) -> None:
        """Add a detail to a code whose occurrences are counted elsewhere; the first few are kept, others counted."""
        kept = self._details.setdefault(code, {})
        if len(kept) < MOST_DETAILS:
            kept[words] = None
        elif words not in kept:
            self._more[code] += 1

    def absorb(self, other: "Diagnostics", frames_before: int) -> None:
        """Add the notes on a capture that begins `frames` frames after this one."""
        for code in range(len(CODES)):
            count, frame = other.counts[2 * code], other.counts[2 * code + 1]
            if count and not self.counts[2 * code]:
                self.counts[2 * code + 1] = frame + frames_before if frame else 0
            self.counts[2 * code] += count
            for words in other._details.get(code, ()):
                self.detail(code, words)
            self._more[code] += other._more[code]

    def __iter__(self) -> Iterator[Diagnostic]:
        for index, code in enumerate(CODES):
            count = self.counts[2 * index]
            if count:
                more = self._more[index]
                shown = ", ".join(self._details.get(index, {})) + (f" and {more:,} more" if more else "")
                yield Diagnostic(code, count, self.counts[2 * index + 1], shown)
