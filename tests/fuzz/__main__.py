"""`python -m tests.fuzz --seed 1 --seconds 60`: a campaign, with a line of progress and a table at the end."""

import argparse
import json
import os
import resource
import sys
import tempfile
from pathlib import Path

import click

from tests.fuzz.campaign import Tally, campaign
from tests.fuzz.corpus import grown

EVERY = 1000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"), help="random without it")
    parser.add_argument("--captures", type=int, default=10**12, help="stop after so many")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument(
        "--memory", type=int, default=1024, metavar="MIB", help="address space beyond that at the start"
    )
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "ka-fuzz", metavar="FOLDER")
    parser.add_argument(
        "more", type=Path, nargs="*", metavar="PATH", help="captures, or folders of them, to break, too"
    )
    given = parser.parse_args()
    limit_memory(given.memory << 20)
    click.echo(f"seed {given.seed}, what fails is kept in {given.keep}")
    tally, more = Tally(), tuple(grown(given.more))
    if given.more:
        click.echo(f"{len(more)} captures besides those of samples/")
    try:
        for tally in campaign(given.seed, given.captures, given.seconds, given.keep / str(given.seed), more):
            if tally.captures % EVERY == 0:
                click.echo(summary(tally))
    except KeyboardInterrupt:
        click.echo("stopped")
    click.echo(summary(tally))
    click.echo(json.dumps(dict(sorted(tally.mutations.items()))))
    for failure, count in tally.failures.most_common():
        click.echo(f"{count} × {failure}")
    return 1 if tally.failures else 0


def summary(tally: Tally) -> str:
    outcomes = ", ".join(f"{count} {name}" for name, count in sorted(tally.outcomes.items()))
    failed = sum(tally.failures.values())
    cost = f"slowest {tally.slowest_s:.2f} s, peak {tally.peak_mib} MiB"
    return f"{tally.captures} captures: {outcomes}; {failed} failed; {cost}"


def limit_memory(extra: int) -> None:
    """The address space that is in use now, and so much more: beyond it is MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    if pages:
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + extra, resource.RLIM_INFINITY))


if __name__ == "__main__":
    sys.exit(main())
