"""What reading many files at once may take."""

import pytest

from analyzer.errors import OptionError
from analyzer.many.budget import LEAST_SHARD_OCTETS, PROCESS_OCTETS, most_jobs, shard_octets

GIB = 1 << 30
FOR_ONE = GIB // 2
"""Room for one process beside what the join keeps."""


@pytest.mark.parametrize("memory", [FOR_ONE, GIB, 4 * GIB, 64 * GIB])
def test_what_is_chosen_fits_into_half(memory: int) -> None:
    for wanted in (1, 2, 8, 64):
        jobs = most_jobs(memory, wanted)
        assert 1 <= jobs <= wanted
        octets = shard_octets(memory, jobs)
        assert octets >= LEAST_SHARD_OCTETS
        assert jobs * PROCESS_OCTETS + (4 * jobs + 3) * octets <= memory // 2


def test_as_many_as_fit() -> None:
    assert most_jobs(FOR_ONE, 8) == 1
    assert most_jobs(64 * GIB, 8) == 8


def test_what_does_not_fit_is_told_with_what_does() -> None:
    with pytest.raises(OptionError, match="--jobs 2 needs more memory than 512 MiB; give --jobs 1, or a larger"):
        shard_octets(FOR_ONE, 2)
