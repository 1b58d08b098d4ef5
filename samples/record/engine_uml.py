"""User-mode Linux with time travel: a kernel that runs the recorder, and hours pass in seconds.

The host's files are the guest's through hostfs, so nothing is copied. `make kernels` builds the kernels.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from samples.record.recorder import temporary_folder
from samples.record.scenarios import Scenario

CLOCK_RATES = (100, 250, 300, 1000)
KERNELS = Path(__file__).with_name("kernels")
ROOT = Path(__file__).parents[2]
LIMIT_S = 1800
"""Real seconds after which a guest that hangs is ended."""
MEMORY = "1500M"
LAST_WORDS = 2000
"""Octets of its console that are shown when a guest fails."""
DAY = 1_767_225_600_000_000_000
"""The guest's clock begins at 2026-01-01, so a recording made again has the same times."""

INIT = """#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root PYTHONDONTWRITEBYTECODE=1 TMPDIR=/run
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
ip link set lo up
cd {root}
{python} -m samples.record --scenarios {declared} --out {out} {names} >{log} 2>&1
echo $? >{status}
sync
echo o >/proc/sysrq-trigger
sleep 1000
"""


def kernel_for(hz: int) -> Path:
    return KERNELS / f"linux-hz{hz}"


def record(chosen: list[Scenario], only_hz: int | None, out: Path, declared: Path) -> int:
    """Each scenario at each of its clock rates (or at one); a folder says which where there are several."""
    worst = 0
    for hz in CLOCK_RATES:
        if only_hz not in {None, hz}:
            continue
        names = [one.name for one in chosen if only_hz or hz in (one.hz or (250,))]
        if names and not kernel_for(hz).exists():
            sys.stderr.write(f"{kernel_for(hz)} is missing: make kernels\n")
            return 2
        if names:
            worst = max(worst, _boot(hz, names, out.resolve(), declared.resolve()))
    return worst


def _boot(hz: int, names: list[str], out: Path, declared: Path) -> int:
    with temporary_folder() as folder:
        place = Path(folder)
        log, status, init = place / "log", place / "status", place / "init"
        words = {"root": ROOT, "python": sys.executable, "out": out, "declared": declared, "names": " ".join(names)}
        init.write_text(INIT.format(log=log, status=status, **words))
        init.chmod(0o755)
        command = [str(kernel_for(hz)), f"mem={MEMORY}", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw"]
        command += [f"init={init}", f"uml_dir={place}/uml/", "con=null", "con0=null,fd:1"]
        command += ["time-travel=inf-cpu", f"time-travel-start={DAY}"]
        console_to = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        guest = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **console_to)
        try:
            console, _ = guest.communicate(timeout=LIMIT_S)
        finally:
            if guest.poll() is None:
                os.killpg(guest.pid, signal.SIGKILL)
        if log.exists():
            sys.stdout.write(log.read_text())
        if not status.exists():
            sys.stderr.write(f"the guest at {hz} Hz did not finish; its last words:\n")
            sys.stderr.write(console[-LAST_WORDS:].decode(errors="replace"))
            return 1
        return int(status.read_text())
