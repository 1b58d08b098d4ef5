"""One scenario carried out: the network is built, both ends run, the path's faults happen on time.

It knows the order of things and leaves each of them to its own file.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from samples.record import truth
from samples.record.capture import Tcpdump, assemble
from samples.record.network import INTERFACES, PREFIX, Network
from samples.record.scenarios import HOSTS, WAYS, Scenario
from samples.record.stacks.catalogue import STACKS, pasta_version
from samples.record.stacks.plan import lines_of

ROOT = Path(__file__).parents[2]
one_at_a_time = threading.Lock()
"""Building is work for the processor; recording is mostly waiting, so many can do it side by side."""


class RecordingError(Exception):
    """What happened is not what the scenario declares."""


def record(scenario: Scenario, number: int, out: Path) -> list[Path]:
    """Record into a folder for each capture point below `out`; the folders."""
    name = f"{scenario.name}-hz{truth.kernel_hz()}" if len(scenario.hz) > 1 else scenario.name
    points = {name: scenario.capture}
    if scenario.also_at:
        points[f"{name}-{scenario.also_at}"] = (scenario.also_at,)
    with temporary_folder() as place, Network(scenario, number) as network:
        with one_at_a_time:
            if scenario.middle == "pasta":
                pasta_version()
            for role in HOSTS:
                if stack := scenario.host(role).stack:
                    STACKS[stack].build(Path(place))
            dumps = {
                Path(place) / f"{name}-{index}.pcap": point
                for name, several in points.items()
                for index, point in enumerate(several)
            }
            tcpdumps = [Tcpdump(network, point, file, scenario.snaplen) for file, point in dumps.items()]
            start = time.monotonic() + scenario.lead_s
            start_of_day = time.time() + scenario.lead_s
            hosts = {role: _start(scenario, network, role, start, place) for role in reversed(HOSTS)}
        with ThreadPoolExecutor(len(hosts)) as pool:  # nobody may wait for somebody to read what it writes
            reading = {role: pool.submit(_log_of, host) for role, host in hosts.items()}
            _run_path(scenario, network, start)
            logs = {role: log.result() for role, log in reading.items()}
        if dropped := sum(tcpdump.stop() for tcpdump in tcpdumps):
            raise RecordingError(f"{scenario.name}: the capture lacks {dropped} frames")
        for host in hosts.values():
            host.communicate()
        folders = []
        for name, here in points.items():
            folder = out / name
            folder.mkdir(parents=True, exist_ok=True)
            parts = [file for file in dumps if file.name.rpartition("-")[0] == name]
            assemble(parts, start_of_day, scenario.missing, folder)
            truth.write(scenario, here, logs, folder)
            folders.append(folder)
    return folders


def temporary_folder() -> "tempfile.TemporaryDirectory[str]":
    """Named so that sweep() finds it if nobody is left to remove it."""
    return tempfile.TemporaryDirectory(prefix=f"{PREFIX}-{os.getpid()}-", ignore_cleanup_errors=True)


def _start(scenario: Scenario, network: Network, role: str, start: float, shared: str) -> subprocess.Popen[str]:
    """The application of one end, ready."""
    host = scenario.host(role)
    plan = {
        "role": role,
        "address": network.address(role),
        "peer": network.address("responder"),
        "start": start,
        "seconds": scenario.seconds,
        "listener": host.listener,
        "program": host.program,
        "interface": INTERFACES[role],
        "prefix": network.prefix,
        "gateway": network.gateway(role),
        "preload": host.preload,
        "closes": host.closes,
        "shared": str(shared),
        "connections": {
            connection.port: {
                "peer": network.address("responder", connection.host),
                "to": connection.to,
                "opens": connection.opens,
                "reads": (connection.reads if role == "originator" else "") or host.reads,
                "options": scenario.options(role, connection),
                "script": [[at, *step] for at, who, *step in scenario.steps_for(connection) if who == role],
            }
            for connection in scenario.connections
        },
    }
    text = json.dumps(plan) + "\n"
    if host.stack and STACKS[host.stack].is_compiled:
        command, text = (
            [str(STACKS[host.stack].program_in(Path(shared)))],
            "".join(f"{line}\n" for line in lines_of(plan)),
        )
    elif host.stack:
        command = [STACKS[host.stack].python, "-m", f"samples.record.stacks.{host.stack}"]
    else:
        command = [sys.executable, "-m", f"samples.record.{'programs' if host.program else 'hosts'}"]
    process = subprocess.Popen(
        network.inside(role, *command),
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(text)
    process.stdin.flush()
    if "ready" not in process.stdout.readline():
        raise RecordingError(f"{scenario.name}: the {role} did not start")
    return process


def _run_path(scenario: Scenario, network: Network, start: float) -> None:
    for at, who, verb, *arguments in sorted(scenario.script, key=lambda step: step[0]):
        if who == "path":
            _sleep_until(start + at)
            network.perform(verb, _ports(scenario, arguments), _ways(verb, arguments))
        elif who == "sysctl":
            _sleep_until(start + at)
            network.set_sysctl(verb, **{arguments[0]: arguments[1]})


def _log_of(host: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """All entries up to "done"; the application stays as it is until its input ends."""
    assert host.stdout is not None
    log: list[dict[str, Any]] = []
    for line in host.stdout:
        log.append(json.loads(line))
        if log[-1]["event"] == "done":
            return log
    raise RecordingError("an application ended before its time")


def _ports(scenario: Scenario, arguments: list[Any]) -> list[int]:
    """The connections that a step is about: the one that "#n" names, or all."""
    if arguments and str(arguments[-1]).startswith("#"):
        return [scenario.connections[int(arguments[-1][1:])].port]
    return [connection.port for connection in scenario.connections]


def _ways(verb: str, arguments: list[Any]) -> tuple[str, ...]:
    """Which segments a fault concerns, if nothing is said: silence all of them, any other those of the originator."""
    said = tuple(way for way in WAYS if way in arguments)
    return said or (WAYS if verb == "silence" else WAYS[:1])


def _sleep_until(instant: float) -> None:
    time.sleep(max(0.0, instant - time.monotonic()))
