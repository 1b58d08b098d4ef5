"""`python -m samples.record`: which scenarios, on which kernel, into which folder."""

import argparse
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from types import FrameType

from samples.record import engine_uml
from samples.record.network import sweep
from samples.record.recorder import RecordingError, record
from samples.record.scenarios import FILE, Scenario, load
from samples.record.stacks.catalogue import MissingPackageError
from samples.record.truth import UnexpectedTruthError

SAMPLES = Path(__file__).parents[1]
SIDE_BY_SIDE = 60
"""Recordings at a time; each is a few sleeping processes."""


def main() -> int:
    options = _parser().parse_args()
    scenarios = load(options.scenarios)
    if options.list:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `--list | head` is no error
        for one in scenarios.values():
            sys.stdout.write(f"{one.name:24} {one.kernel:5} {one.seconds:7g} s  {one.what}\n")
        return 0
    unknown = [name for name in options.names if name not in scenarios]
    if unknown or not options.names:
        sys.stderr.write(f"no such scenario: {', '.join(unknown) or '(none named)'}; --list has them\n")
        return 2
    chosen = [scenarios[name] for name in options.names]
    if options.kernel == "uml":
        return engine_uml.record(chosen, options.hz, options.out, options.scenarios)
    if os.geteuid() != 0:
        sys.stderr.write("network namespaces need root\n")
        return 2
    return _record_here(chosen, options.out)


def _record_here(chosen: list[Scenario], out: Path) -> int:
    sweep()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    failures = 0
    pool = ThreadPoolExecutor(SIDE_BY_SIDE)
    try:
        jobs = {pool.submit(record, one, number, out): one for number, one in enumerate(chosen)}
        for job in as_completed(jobs):
            try:
                sys.stdout.writelines(f"{folder}\n" for folder in job.result())
            except (RecordingError, UnexpectedTruthError, MissingPackageError) as error:
                failures += 1
                sys.stderr.write(f"{jobs[job].name}: {error}\n")
            sys.stdout.flush()
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        sweep(everything_of=os.getpid())
        os._exit(130)  # the threads still wait for processes that are gone
    return 1 if failures else 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m samples.record", description="Record real TCP keepalive.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios, as --list has them")
    parser.add_argument("--scenarios", type=Path, default=FILE, metavar="TOML", help="declared elsewhere than in ours")
    parser.add_argument("--list", action="store_true", help="list the scenarios and stop")
    parser.add_argument("--kernel", choices=["host", "uml"], default="host", help="this kernel, or user-mode Linux")
    parser.add_argument("--hz", type=int, choices=engine_uml.CLOCK_RATES, help="one clock rate of user-mode Linux")
    parser.add_argument("--out", type=Path, default=SAMPLES, help="a folder for each case goes here (samples/)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
