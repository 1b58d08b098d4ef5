"""What the inputs are: a line about each, and about all of them together."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Capture:
    """Describes the input. Times are in ns since 1970; all are -1 for a capture without frames."""

    files: tuple[str, ...]
    formats: tuple[str, ...]
    packets: int
    tcp_packets: int
    first_ns: int
    last_ns: int
    until_ns: int
    """When capturing ended: with the last frame, if nothing says more."""
    link_types: tuple[str, ...]
    frames: tuple[int, ...] = ()
    """Number of frames in each file, in the order of `files`; frame numbers continue from one file to the next."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Names of addresses, as the files have them: nobody vouches for them."""
    packet_filter: str = ""
    """What packets had to match to be used, as it was written; empty if all were."""

    def file_of(self, frame: int) -> str | None:
        """Return the name of the file that holds a frame; None if no file does."""
        ends = list(accumulate(self.frames))
        return self.files[bisect_left(ends, frame)] if ends and 0 < frame <= ends[-1] else None


class Part(NamedTuple):
    """One of the inputs; its `format` is empty if it could not be used."""

    name: str
    format: str
    link_types: tuple[int, ...]
    frames: int
    names: tuple[tuple[str, str], ...] = ()
    """Addresses with the names that the file has for them."""
