"""What a scenario is: scenarios.toml read, checked, and its short forms written out.

It knows the declaration and nothing of how it is carried out.
"""

import random
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from samples.record.stacks.catalogue import STACKS

FILE = Path(__file__).with_name("scenarios.toml")
HOSTS = ("originator", "responder")
MIDDLES = ("router", "switch", "nat", "pasta")
FAULTS = ("silence", "net", "host", "prohibited", "forge")
"""What the path can do to a connection: drop it, report it unreachable, or answer it with RST."""
WAYS = ("there", "back")
"""A fault may concern one way only, from the originator or to it: its word stands behind the fault."""
VERBS = {
    "originator": ("send", "flood", "set", "read", "shutdown", "close", "abort", "forget", "pause"),
    "responder": ("send", "flood", "set", "read", "shutdown", "close", "abort", "forget", "pause"),
    "path": (*FAULTS, "restore", "unplug", "plug", "announce", "rebind", "calm", "beacon"),
    "sysctl": (*HOSTS, "middle"),
}
SETTINGS = ("time", "intvl", "probes")
IPV4 = {1: "192.0.2", 2: "198.51.100", 3: "203.0.113"}
"""Subnets by number, from RFC 5737; those of IPv6 are from RFC 3849."""
FIRST_PORT = 40000
"""The originator's port of a scenario's first connection."""
REBOUND_PORT = 50000
"""The port behind which a connection goes on once the path has given it another."""


class ScenarioError(Exception):
    """A declaration that makes no sense."""


@dataclass(frozen=True)
class Host:
    """One end: how its sockets are set, what it does with what it reads, and what its kernel's settings are."""

    reads: str = "sink"
    """"sink", "echo", "deaf" (reads nothing); "client" and "server" are sink and echo that close if the peer does."""
    stack: str = ""
    """A TCP stack other than the kernel's, as stacks/catalogue.py names it, with an application of ours."""
    sysctl: dict[str, int | str] = field(default_factory=dict)
    options: dict[str, float] = field(default_factory=dict)
    listener: dict[str, int] = field(default_factory=dict)
    """Set before listen(): what must be known before the first segment, or is inherited by every connection."""
    program: tuple[str, ...] = ()
    """A real program in place of the recorder's own application; $peer, $address, $port and $place are filled in."""
    preload: bool = False
    """The program runs with a library that switches keepalive on (preload.c)."""
    closes: bool = False
    """The program closes by itself, so its sockets are looked at and not kept: a second reference would hold them."""


@dataclass(frozen=True)
class Connection:
    """One connection of a scenario, where it has several; empty options mean the host's.

    Short forms: `settings` are those of the originator's socket, whose keepalive is on; a `script` of its own is about
    this connection only.
    """

    port: int
    to: int = 9000
    host: int = 2
    """The last part of the responder's address; it has as many as are named."""
    opens: float = 0.0
    verdict: str = ""
    """Where it differs from the scenario's."""
    ending: str = ""
    """Where it differs from the scenario's."""
    reads: str = ""
    """What the originator does with what it reads, where that differs."""
    options: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Limit:
    """How long a service leaves a connection idle, as its program or its path was configured."""

    by: str
    """Who ends it: "originator", "responder" or "path"; "none" for a service that has no limit, or none so short."""
    s: float = 0.0
    late_s: float = 0.0
    """It looks only so often, and may be so much later."""
    clock: str = "data"
    """What restarts the timer: "data" either way, "peer-data" (of the end that does not close), "no-heartbeat"."""
    to: int = 9000
    farewell: bool = False
    """Before it closes, the end that does says something, which counts for nothing."""
    half_closed: bool = False
    """It holds for half-closed connections only."""


@dataclass(frozen=True)
class Scenario:
    """One recording as declared; times are seconds after the first connection opens."""

    name: str
    what: str
    why: str
    seconds: float
    script: tuple[tuple[Any, ...], ...]
    """(at, who, verb, argument…); a last argument "#n" means connection n only."""
    verdict: str = "alive"
    """What the wire shows where the prober noticed; derived where it did not (truth.py).

    outcome/cause, and behind them the errno that a program was told which closes by itself, and so is not watched.
    """
    ending: str = ""
    """by/how, where what the applications saw does not tell who ended it (truth.py); then whose deed it looks like."""
    limits: tuple[Limit, ...] = ()
    concludes: tuple[str, ...] = ()
    """What a colleague says first of such a capture: codes of conclusions, with "/port" where it is not 9000."""
    look: tuple[str, ...] = ()
    middle: str = "router"
    ip: int = 4
    link: str = ""
    """An overlay between the hosts: "vlan" or "vxlan"."""
    netem: str = ""
    delay_ms: float = 0.0
    """Each way, on a switch: what netem does where the kernel has none."""
    forgets_s: int = 0
    """A middle that tracks connections forgets idle ones after so long, and …"""
    forgotten: str = "drop"
    """… drops what comes later, answers with RST ("reset"), or translates it to another port ("rebind")."""
    originator: Host = Host()
    responder: Host = Host()
    connections: tuple[Connection, ...] = (Connection(FIRST_PORT),)
    capture: tuple[str, ...] = ("originator",)
    """Where tcpdump listens; several points are merged into one file."""
    also_at: str = ""
    """A second capture point, whose recording becomes a folder of its own."""
    snaplen: int = 0
    missing: tuple[tuple[float, float], ...] = ()
    """Spans that the recording lacks."""
    never_due: tuple[str, ...] = ()
    """Ends whose keepalive is on and has no occasion to probe, where the kernel's counters do not tell that."""
    undetermined: dict[str, str] = field(default_factory=dict)
    """Settings that this capture does not pin down although the general rule says so, each with the reason."""
    lead_s: float = 3.0
    """From a host's start to its first connection: what a busy machine needs to start Python, or a database."""
    kernel: str = "host"
    hz: tuple[int, ...] = ()

    def host(self, role: str) -> Host:
        return self.originator if role == "originator" else self.responder

    def address(self, role: str, host: int = 0) -> str:
        """One subnet behind a switch, two around a router."""
        subnet = 3 if self.link else 1 if self.middle == "switch" or role == "originator" else 2
        host = host or HOSTS.index(role) + 1
        return f"2001:db8:{subnet}::{host}" if self.ip == 6 else f"{IPV4[subnet]}.{host}"

    def steps_for(self, connection: Connection) -> list[tuple[Any, ...]]:
        """The steps of the script that are about one connection, without the "#n" that says so."""
        name = f"#{self.connections.index(connection)}"
        return [
            tuple(word for word in step if word != name)
            for step in self.script
            if not str(step[-1]).startswith("#") or step[-1] == name
        ]

    def options(self, role: str, connection: Connection) -> dict[str, float]:
        return connection.options.get(role, self.host(role).options)


def load(file: Path = FILE) -> dict[str, Scenario]:
    tables = tomllib.loads(file.read_text())
    return {name: _scenario(name, table) for name, table in tables.items()}


def _scenario(name: str, table: dict[str, Any]) -> Scenario:
    table = dict(table)
    for role in HOSTS:
        given = table.pop(role, {})
        table[role] = Host(**{**given, "program": tuple(given.get("program", ()))})
    grid = table.pop("grid", None)
    connections, script = [], [step for line in table.pop("script", []) for step in _steps(line)]
    for n, one in enumerate(table.pop("connection", [{}])):
        script += [(*step, f"#{n}") for line in one.pop("script", []) for step in _steps(line)]
        if settings := one.pop("settings", None):
            one["options"] = {"originator": {"keepalive": 1, **dict(zip(SETTINGS, settings, strict=True))}}
        connections.append(Connection(FIRST_PORT + n, **one))
    for key in ("look", "capture", "hz", "never_due", "concludes"):
        table[key] = tuple(table.get(key, Scenario.__dataclass_fields__[key].default))
    table["limits"] = tuple(Limit(**one) for one in table.get("limits", ()))
    table["missing"] = tuple(tuple(span) for span in table.get("missing", ()))
    try:
        scenario = Scenario(name=name, script=tuple(script), connections=tuple(connections), **table)
    except TypeError as error:
        raise ScenarioError(f"{name}: {error}") from error
    scenario = _with_grid(scenario, **grid) if grid else scenario
    _check(scenario)
    return scenario


def _steps(line: list[Any]) -> list[tuple[Any, ...]]:
    """A line of a script; a list of times stands for the same step at each of them."""
    at, *step = line
    return [(float(one), *step) for one in (at if isinstance(at, list) else [at])]


def _with_grid(
    scenario: Scenario, count: int, seed: int, realistic: list[list[int]], keeper: list[int], **limits: list[int]
) -> Scenario:
    """`count` connections, every other one with realistic settings; cut off at random times, if any are given.

    The first is the keeper: it is not cut off and shows throughout that the peer's host lives.
    """
    dice = random.Random(seed)  # noqa: S311  the same grid each time, nothing secret
    connections, script = [], []
    for n in range(count):
        values = dice.choice(realistic) if n % 2 else [dice.randint(*limits[key]) for key in SETTINGS]
        options = {"keepalive": 1, **dict(zip(SETTINGS, values if n else keeper, strict=True))}
        opens = round(dice.uniform(0, limits["opens_s"][1]), 1)
        connections.append(Connection(FIRST_PORT + n, opens=opens, options={"originator": options}))
        script.append((opens + 1.0, "originator", "send", 12, f"#{n}"))
        if n and "cut_s" in limits:
            script.append((round(dice.uniform(*limits["cut_s"]), 1), "path", "silence", f"#{n}"))
    return replace(scenario, connections=tuple(connections), script=(*scenario.script, *script))


def _check(scenario: Scenario) -> None:
    known = len(scenario.connections)
    services = {connection.to for connection in scenario.connections}
    stacks = {scenario.host(role).stack for role in HOSTS} - {""}
    needs_uml = bool(scenario.netem) or scenario.link == "vlan"
    problems = [
        problem
        for problem, is_so in (
            (f"middle {scenario.middle}", scenario.middle not in MIDDLES),
            (f"kernel {scenario.kernel}", scenario.kernel not in {"host", "uml"}),
            ("an overlay needs a switch", scenario.link and scenario.middle != "switch"),
            ("pasta: over IPv4", scenario.middle == "pasta" and scenario.ip == 6),
            ("a delay needs a switch", scenario.delay_ms and (scenario.middle != "switch" or scenario.link)),
            ("a limit of no service", not {limit.to for limit in scenario.limits} <= services),
            (f"stack {', '.join(stacks)}", not stacks <= set(STACKS)),
            ("a stack of its own: over IPv4", stacks and scenario.ip == 6),
            ("netem and VLANs: user-mode Linux only", scenario.kernel == "host" and needs_uml),
        )
        if is_so
    ]
    for at, who, verb, *arguments in scenario.script:
        if verb not in VERBS.get(who, ()) or not 0 <= at <= scenario.seconds:
            problems.append(f"step {at:g} {who} {verb}")
        if arguments and str(arguments[-1]).startswith("#") and int(arguments[-1][1:]) >= known:
            problems.append(f"step {at:g} is about connection {arguments[-1]}")
    if problems:
        raise ScenarioError(f"{scenario.name}: " + "; ".join(problems))
