"""The benchmark: ka-analyze and other programs in turn on the same captures.

    python -m tests.benchmarks [--share 0.02] [--rounds 3] [--only data,idle] [--tools libpcap,cat] [--keep FOLDER]

Programs take turns (A B C A B C …), so that a busy neighbour is busy for all of them; a ratio is the median of the
rounds' ratios. It prints and never fails: numbers are for people to judge.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter

HERE = Path(__file__).parent
OURS = "ka-analyze"
SIZES = (1 / 16, 1 / 4, 1)


@dataclass(frozen=True)
class Run:
    """One run of one program; seconds, and megabytes at the most."""

    wall_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Tool:
    name: str
    command: Callable[[Path], Sequence[str]]
    is_slow: bool = False
    """One round will do."""


def tools(folder: Path) -> list[Tool]:
    """Those that are installed; the loop over libpcap is compiled if that is possible."""
    found = [Tool(OURS, lambda path: (sys.executable, "-m", "analyzer", str(path)))]
    if shutil.which("cat"):
        found.append(Tool("cat", lambda path: ("cat", str(path))))
    loop = folder / "count"
    if _compiles(HERE / "count.c", loop):
        found.append(Tool("libpcap", lambda path: (str(loop), str(path))))
    if shutil.which("tcptrace"):
        found.append(Tool("tcptrace", lambda path: ("tcptrace", "-n", "-q", str(path))))
    if shutil.which("tshark"):
        found.append(Tool("tshark", _tshark, is_slow=True))
    return found


def _tshark(path: Path) -> Sequence[str]:
    return ("tshark", "-r", str(path), "-Y", "tcp.analysis.keep_alive", "-T", "fields", "-e", "frame.number")


def _compiles(source: Path, program: Path) -> bool:
    command = ("cc", "-O2", "-o", str(program), str(source), "-lpcap")
    return shutil.which("cc") is not None and subprocess.run(command, check=False, capture_output=True).returncode == 0


def run(command: Sequence[str]) -> Run:
    begin = perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    while process.stdout.read1():  # a pipe, as a person would use: some programs do nothing for /dev/null
        pass
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return Run(perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def alternated(path: Path, those: Sequence[Tool], rounds: int) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {tool.name: [] for tool in those}
    for turn in range(rounds):
        for tool in those:
            if turn == 0 or not tool.is_slow:
                runs[tool.name].append(run(tool.command(path)))
    return runs


def table(packets: int, runs: dict[str, list[Run]]) -> Iterable[str]:
    """How much longer each takes than ka-analyze, round by round."""
    yield "| program | s | CPU s | peak MB | million packets a second | of ka-analyze's time |"
    yield "|---|---|---|---|---|---|"
    for name, these in runs.items():
        wall_s = median(one.wall_s for one in these)
        ratio = median(one.wall_s / ours.wall_s for one, ours in zip(these, runs[OURS], strict=False))
        cpu_s, peak_mb = median(one.cpu_s for one in these), max(one.peak_mb for one in these)
        yield f"| {name} | {wall_s:.2f} | {cpu_s:.2f} | {peak_mb:.0f} | {packets / wall_s / 1e6:.2f} | {ratio:.2f} |"


def machine() -> str:
    names = ("numpy", "numba", "llvmlite")
    processor = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
    load = "/".join(f"{one:.1f}" for one in os.getloadavg())
    parts = [
        f"{os.cpu_count()} × {processor}",
        f"load {load}",
        platform.platform(),
        f"Python {platform.python_version()}",
    ]
    parts += [f"{name} {version(name)}" for name in names]
    if shutil.which("tshark"):
        parts.append(
            subprocess.run(("tshark", "--version"), check=True, capture_output=True, text=True).stdout.split(".\n")[0]
        )
    return ", ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of each capture's flows")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="data,data-ng,frames,idle", help="of data, data-ng, frames, idle, long")
    parser.add_argument("--tools", default="", help="besides ka-analyze; all that are installed")
    parser.add_argument("--keep", metavar="FOLDER", help="make captures here, and leave them there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        chosen = [one for one in tools(folder) if not options.tools or one.name in (OURS, *options.tools.split(","))]
        _print(f"{machine()}\n")
        for name in options.only.split(","):
            sizes = [options.share * size for size in SIZES]
            made = [capture_made(folder, name, size) for size in sizes]
            path, packets = made[-1]
            run(chosen[0].command(path))  # compiles; and the file is in memory for all
            _print(f"\n### {name}: {packets:,} packets, {path.stat().st_size / 1e6:,.0f} MB\n")
            for line in table(packets, alternated(path, chosen, options.rounds)):
                _print(line)
            grown = [run(chosen[0].command(smaller)) for smaller, _ in made]
            words = ", ".join(f"{one.wall_s:.2f} s and {one.peak_mb:.0f} MB" for one in grown)
            _print(f"\nGrowth at 1, 4 and 16 times the size: {words}.")


def capture_made(folder: Path, name: str, share: float) -> tuple[Path, int]:
    """The capture and its packets. Another process makes it: what this one once needed would count for its children."""
    path = folder / f"{name}-{share:g}"
    packets = folder / f"{path.name}.packets"
    if not packets.exists():
        command = (sys.executable, "-m", "tests.benchmarks.captures", name, str(share), str(path))
        packets.write_text(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return path, int(packets.read_text())


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
