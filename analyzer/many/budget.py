"""The share of `--max-memory` for reading many files at once: how large a shard may be, how many processes fit.

The join keeps what a single pass keeps, under the same limits (`eviction.limits_within`). Those are for the moment when
findings are assembled: until then a flow takes 400 octets of the 768 at least that are reckoned for it, a candidate 128
of 768, and twice that while they are sorted. So half of the memory is free for processes and shards, which are gone by
then.
"""

from analyzer.errors import OptionError
from analyzer.tcp.eviction import usual_memory

PROCESS_OCTETS = 160 << 20
"""Memory of a process that reads, without its shard: Python, numpy, the machine code, and the buffers."""
LEAST_SHARD_OCTETS = 8 << 20
"""Least octets of a shard: the table of fingerprints, and some ten thousand connections."""
AHEAD = 2
"""Number of files begun for each process before the join has taken in the first of them."""


def shard_octets(max_memory: int | None, jobs: int) -> int:
    """Return the octets that each shard may have. Raises OptionError if `jobs` processes do not fit.

    At the same time there are the shards that were read ahead, one more in each process and one on its way, and copies
    in the join.
    """
    memory = max_memory or usual_memory()
    octets = _share(memory, jobs)
    if octets < LEAST_SHARD_OCTETS:
        fits = most_jobs(memory, jobs)
        raise OptionError(
            f"--jobs {jobs} needs more memory than {memory >> 20} MiB; give --jobs {fits}, or a larger --max-memory"
        )
    return octets


def most_jobs(max_memory: int | None, wanted: int) -> int:
    """Return how many of the wanted processes fit, at least one."""
    memory = max_memory or usual_memory()
    return max((jobs for jobs in range(1, wanted + 1) if _share(memory, jobs) >= LEAST_SHARD_OCTETS), default=1)


def _share(memory: int, jobs: int) -> int:
    return (memory // 2 - jobs * PROCESS_OCTETS) // ((AHEAD + 2) * jobs + 3)
