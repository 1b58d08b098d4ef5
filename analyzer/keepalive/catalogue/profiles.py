"""Well-known settings and well-known idle limits, and which of them fit what was found.

The facts are in profiles.toml, middleboxes.toml and idle_limits.toml; this file decides what fits. A profile fits if
nothing that was found contradicts it, its idle time was found exactly, and enough else was found to rule out chance.
"""

from array import array
from collections.abc import Set
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from analyzer.engine.table import Table
from analyzer.keepalive.settings.values import Setting, Settings
from analyzer.schema import ABSENT
from analyzer.schema.json import PROFILES

MAX_MATCHES = 5
"""Most names that are given; more tell a reader nothing."""
MOST_PORTS = 3
"""Most ports of one profile."""
WEB_PORTS = (80, 443, 8080)
"""Ports on which anything is served, so that they do not distinguish programs."""
FACTS = 3
"""How many facts beside the idle time a profile may have in common with an end: interval, count, port."""


class Profile(NamedTuple):
    """One table of profiles.toml; a number that is None is left to the system."""

    name: str
    applies_to: str
    enabled: Literal["always", "default", "option", "off"]
    os: str
    source: str
    verified: bool
    idle_s: int | None = None
    intvl_s: int | None = None
    probes: int | None = None
    user_timeout_ms: int | None = None
    payload_len: int | None = None
    ports: tuple[int, ...] = ()

    @property
    def effective_probes(self) -> int | None:
        """Return how many probes the wire shows before the give-up, None if the system decides.

        A user timeout replaces the count: the timer gives up at the first tick at or after it, and never before one
        probe has gone out (tcp_timer.c tcp_keepalive_timer).
        """
        if self.user_timeout_ms is None or self.intvl_s is None or self.idle_s is None:
            return self.probes
        return max(1, -((self.idle_s * 1000 - self.user_timeout_ms) // (self.intvl_s * 1000)))


class Middlebox(NamedTuple):
    """One table of middleboxes.toml."""

    name: str
    idle_s: int
    on_expiry: Literal["silent", "rst", "unknown"]
    source: str
    verified: bool
    range: str | None = None
    keepalive_refreshes: bool | None = None


class IdleLimit(NamedTuple):
    """One table of idle_limits.toml, which explains the fields."""

    name: str
    idle_s: int
    setting: str
    range: str
    clock: Literal["data", "peer-data", "heartbeat"]
    closes: Literal["fin", "rst", "unknown"]
    side: Literal["server", "client"]
    ports: tuple[int, ...]
    source: str
    verified: bool


@cache
def profiles() -> tuple[Profile, ...]:
    """Return all well-known settings, in file order."""
    return tuple(map(_profile, _tables("profiles.toml", "profile")))


@cache
def profiles_with(idle_s: int | None) -> tuple[Profile, ...]:
    """Return those of `profiles` with this idle time in seconds; with None those that leave it to others."""
    line, without = (f"idle_s = {idle_s}\n", "\0") if idle_s is not None else ("", "idle_s = ")
    return tuple(map(_profile, _tables("profiles.toml", "profile", line, without)))


def _profile(table: dict[str, Any]) -> Profile:
    """Return one table of profiles.toml as a Profile."""
    return Profile(**table | {"ports": tuple(table.get("ports", ()))})


@cache
def middleboxes() -> tuple[Middlebox, ...]:
    """Return all well-known idle limits of boxes on the path, in file order."""
    return tuple(Middlebox(**table) for table in _tables("middleboxes.toml", "middlebox"))


@cache
def idle_limits() -> tuple[IdleLimit, ...]:
    """Return all well-known idle limits of programs, in file order."""
    return tuple(IdleLimit(**one | {"ports": tuple(one["ports"])}) for one in _tables("idle_limits.toml", "idle_limit"))


def _tables(file: str, kind: str, line: str = "", without: str = "\0") -> list[dict[str, Any]]:
    """Return the file's tables, or only those that contain `line`, and no line that begins as `without`.

    Parsing all of them takes 6 ms, a tenth of what a small capture takes.
    """
    head = f"[[{kind}]]\n"
    _, *texts = _text(file).split(head)
    wanted = [head + text for text in texts if f"\n{line}" in f"\n{text}" and f"\n{without}" not in text]
    if not wanted:
        return []
    import tomllib

    tables: list[dict[str, Any]] = tomllib.loads("".join(wanted))[kind]
    return tables


@cache
def known_idle_times() -> frozenset[int]:
    """Return the idle times of all profiles in seconds, without parsing the profiles."""
    key = "idle_s = "
    lines = _text("profiles.toml").splitlines()
    return frozenset(int(line.removeprefix(key)) for line in lines if line.startswith(key))


@cache
def known_pairs() -> frozenset[tuple[int, int]]:
    """Return intervals in seconds and counts of the profiles without an idle time, without parsing them."""
    _, *texts = _text("profiles.toml").split("[[profile]]\n")
    tables = [dict(line.split(" = ", 1) for line in text.splitlines() if " = " in line) for text in texts]
    return frozenset((int(one["intvl_s"]), int(one["probes"])) for one in tables if "idle_s" not in one)


def _text(file: str) -> str:
    """Return the text of one of the data files."""
    return Path(__file__).with_name(file).read_text(encoding="utf-8")


KERNEL = "kernel"
"""What profiles.toml has under applies_to for settings of every socket of a system."""


Bounds = tuple[int, int, int]
"""What is known of a setting, in thousandths: its value (ABSENT if the wire does not determine it), its lower bound,
its upper bound (ABSENT if there is none)."""
UNBOUNDED: Bounds = (ABSENT, 0, ABSENT)


class Columns:
    """Profiles as compiled functions read them; those of an idle time are added when it is first needed."""

    def __init__(self) -> None:
        self.table = Table(PROFILES)
        self.names: list[str] = []
        """Names of the profiles, by row."""
        self._added: set[int] = set()

    def meet(self, idle_times: Set[int]) -> None:
        """Add the profiles with these idle times, ABSENT for those of any, unless they are there already."""
        for idle_s in sorted(idle_times & (known_idle_times() | {ABSENT}) - self._added):
            self._added.add(idle_s)
            for one in profiles_with(None if idle_s == ABSENT else idle_s):
                numbers = (one.idle_s, one.intvl_s, one.effective_probes, one.payload_len)
                ports = (*one.ports, *(ABSENT,) * (MOST_PORTS - len(one.ports)))
                self.table.append(*(ABSENT if n is None else n for n in numbers), one.applies_to == KERNEL, *ports)
                self.names.append(one.name)


def matching_profiles(settings: Settings, payload_len: int | None, ports: int) -> tuple[str, ...]:
    """Return the names of the profiles that fit an end's settings, by the rules of `matching`; `ports` as in FLOWS."""
    time = settings.tcp_keepalive_time
    idle_s = ABSENT if time is None or time.value is None else time.value
    one, other = settings.tcp_keepalive_intvl, settings.tcp_keepalive_probes
    is_any = one is not None and other is not None and (one.value, other.value) in known_pairs()
    times = known_idle_times() & {idle_s} | (frozenset((ABSENT,)) if is_any else frozenset())
    if not times:
        return ()
    known, found = _columns_of(times), array("q", [0] * MAX_MATCHES)
    intvl, probes = _bounds(one), _bounds(other)
    octets = ABSENT if payload_len is None else payload_len
    count = matching(known.table.view, known.table.rows, idle_s, intvl, probes, octets, ports, found)
    return tuple(known.names[row] for row in found[:count])


def shared(name: str, settings: Settings, ports: tuple[int, int]) -> tuple[tuple[str, int], ...]:
    """Return the numbers that an end has in common with the fitting profile of this name, each with its name.

    `ports` are those of the end's connection.
    """
    time, intvl, probes = settings.tcp_keepalive_time, settings.tcp_keepalive_intvl, settings.tcp_keepalive_probes
    found: dict[str, int | None] = {}
    timed = profiles_with(time.value) if time is not None and time.value is not None else ()
    for profile in (*timed, *profiles_with(None)):
        if profile.name == name:
            found["time"] = profile.idle_s
            found["intvl"] = profile.intvl_s if intvl is not None and intvl.value is not None else None
            found["probes"] = profile.effective_probes if probes is not None and probes.value is not None else None
            found["port"] = next((port for port in ports if port in profile.ports), None)
    return tuple((what, number) for what, number in found.items() if number is not None)


@cache
def _columns_of(idle_times: frozenset[int]) -> Columns:
    """Return the profiles with these idle times, in seconds, as columns."""
    columns = Columns()
    columns.meet(idle_times)
    return columns


def _bounds(setting: Setting | None) -> Bounds:
    """Return what is known of a setting in thousandths."""
    if setting is None:
        return UNBOUNDED
    value, high = setting.value, setting.high
    low = round(1000 * setting.low)
    return ABSENT if value is None else 1000 * value, low, ABSENT if high is None else round(1000 * high)


def matching(
    p: Any, rows: int, idle_s: int, intvl: Bounds, probes: Bounds, payload_len: int, ports: int, found: "array[int]"
) -> int:
    """Write the rows of the profiles that fit to `found`, those with the most facts first; return how many.

    For a system's defaults the idle time is enough. Programs often use the same numbers, so they must share one more
    fact, and two more if the idle time is one that everybody sets. One that leaves it to others shows by interval and
    count alone, and so must share both.
    """
    count = 0
    for wanted in range(FACTS, ABSENT, -1):
        for row in range(rows):
            is_any = p.idle_s[row] == ABSENT
            is_timed = is_any or p.idle_s[row] == idle_s
            if count < MAX_MATCHES and is_timed and fits(p, row, intvl, probes, payload_len, ports):
                numbers = is_determined(p.intvl_s[row], intvl) + is_determined(p.probes[row], probes)
                facts = numbers + tells_port(p, row, ports)
                is_enough = numbers == 2 if is_any else p.is_kernel[row] or facts > is_common(idle_s)
                if facts == wanted and is_enough:
                    found[count] = row
                    count += 1
    return count


def is_common(idle_s: int) -> bool:
    """Tell whether people set this idle time, in seconds, by hand for any program."""
    return idle_s == 10 or idle_s == 30 or idle_s == 60


def tells_port(p: Any, row: int, ports: int) -> bool:
    """Tell whether a fitting profile has ports, and neither port of the connection is one that everybody uses."""
    if p.port[row] == ABSENT:
        return False
    return not (is_web(ports >> 16) or is_web(ports & 0xFFFF))


def is_web(port: int) -> bool:
    """Tell whether anything may be served on the port."""
    return port == WEB_PORTS[0] or port == WEB_PORTS[1] or port == WEB_PORTS[2]


def fits(p: Any, row: int, intvl: Bounds, probes: Bounds, payload_len: int, ports: int) -> bool:
    """Tell whether nothing that was found, beside the idle time, contradicts the profile."""
    may_send = p.payload_len[row] == ABSENT or payload_len == ABSENT or p.payload_len[row] == payload_len
    may_serve = p.port[row] == ABSENT or has_port(p, row, ports >> 16) or has_port(p, row, ports & 0xFFFF)
    return bool(may_send and may_serve and may_be(p.intvl_s[row], intvl) and may_be(p.probes[row], probes))


def has_port(p: Any, row: int, port: int) -> bool:
    """Tell whether the profile in this row has the port."""
    return bool(p.port[row] == port or p.second_port[row] == port or p.third_port[row] == port)


def may_be(number: int, known: Bounds) -> bool:
    """Tell whether nothing known of the setting contradicts the number; ABSENT, left to the system, always fits."""
    value, low, high = known
    if number == ABSENT:
        return True
    if value != ABSENT:
        return 1000 * number == value
    return low <= 1000 * number and (high == ABSENT or 1000 * number <= high)


def is_determined(number: int, known: Bounds) -> bool:
    """Tell whether the wire determined the number of a fitting profile."""
    return number != ABSENT and known[0] != ABSENT


def matching_middleboxes(low_s: float, high_s: float) -> tuple[Middlebox, ...]:
    """Return the boxes whose limit lies in (low_s, high_s]: a silence of low_s survived, one of high_s did not."""
    return tuple(box for box in middleboxes() if low_s < box.idle_s <= high_s)
