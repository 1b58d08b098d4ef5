"""What can be of a file: the shards of all short recordings can; what says impossible things cannot."""

from typing import Any

import pytest

from analyzer.diagnostics import CODES, Diagnostics
from analyzer.many import sound
from analyzer.many.shard import read_shard
from tests.recordings import SHORT

ABOUT: dict[str, Any] = {
    "name": "x.pcap",
    "identity": "1 2",
    "fingerprint": "f",
    "format": "pcap",
    "first_frame_ns": 5,
    "frames": 9,
    "tcp_packets": 9,
    "link_types": [1],
    "coverage": [[5, 9, 9]],
    "diagnostics": Diagnostics().as_dict(),
    "tunnels": [[0, 1, 42]],
    "names": [["10.0.0.1", "db"]],
    "sha256": {},
}


@pytest.mark.parametrize("recording", SHORT)
def test_shards_of_recordings_are_sound(recording: str) -> None:
    sound.check(read_shard(str(recording)))


def test_what_a_file_says_of_itself_is_sound() -> None:
    sound.check_about(ABOUT)


@pytest.mark.parametrize(
    "other",
    [
        [],
        {"name": 5},
        {"format": "pc\x1bap"},
        {"frames": -1},
        {"frames": True},
        {"frames": 2**70},
        {"tcp_packets": 10},
        {"first_frame_ns": 2**63},
        {"link_types": 1},
        {"coverage": [[5, 9]]},
        {"coverage": [[9, 5, 9]]},
        {"coverage": [[5, 9, 9], [1, 2, 2]]},
        {"tunnels": [[1, 1, 42]]},
        {"tunnels": [[0, 99, 42]]},
        {"tunnels": [[0, 1, 42], [0, 1, 42]]},
        {"diagnostics": {"counts": [0], "details": [], "more": []}},
        {"diagnostics": Diagnostics().as_dict() | {"more": [2**64] * len(CODES)}},
        {"diagnostics": Diagnostics().as_dict() | {"details": [[5]] * len(CODES)}},
        {"names": [["10.0.0.1"]]},
        {"names": [["10.0.0.1", "d\x1bb"]]},
        {"sha256": None},
    ],
)
def test_what_cannot_be_is_refused(other: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        sound.check_about(ABOUT | other if isinstance(other, dict) else other)
