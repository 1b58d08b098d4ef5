"""Well-known settings and well-known idle limits, and which of them fit what was found.

The facts are in profiles.toml and middleboxes.toml; this file knows what a fit is: nothing that
was found contradicts the profile, its idle time was found exactly, and enough else beside it to tell it from chance.
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
"""More names than these tell a reader nothing."""
MOST_PORTS = 3
"""Of a profile."""
WEB_PORTS = (80, 443, 8080)
"""Everything is served there, so that they tell no program from another."""
FACTS = 3
"""What may be found of a profile beside its idle time: interval, count, port."""


class Profile(NamedTuple):
    """One table of profiles.toml; a number that is None is left to the system."""

    name: str
    applies_to: str
    enabled: Literal["always", "default", "option", "off"]
    os: str
    source: str
    verified: bool
    idle_s: int
    intvl_s: int | None = None
    probes: int | None = None
    user_timeout_ms: int | None = None
    payload_len: int | None = None
    ports: tuple[int, ...] = ()

    @property
    def effective_probes(self) -> int | None:
        """The probes that the wire shows before the give-up.

        A user timeout replaces the count: the timer gives up at the first tick at or after it,
        and not before one probe has gone out (tcp_timer.c tcp_keepalive_timer).
        """
        if self.user_timeout_ms is None or self.intvl_s is None:
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


@cache
def profiles() -> tuple[Profile, ...]:
    """All well-known settings, in file order."""
    return tuple(map(_profile, _tables("profiles.toml", "profile")))


@cache
def profiles_with(idle_s: int) -> tuple[Profile, ...]:
    """Those of `profiles` with this idle time."""
    return tuple(map(_profile, _tables("profiles.toml", "profile", f"idle_s = {idle_s}\n")))


def _profile(table: dict[str, Any]) -> Profile:
    return Profile(**table | {"ports": tuple(table.get("ports", ()))})


@cache
def middleboxes() -> tuple[Middlebox, ...]:
    """All well-known idle limits, in file order."""
    return tuple(Middlebox(**table) for table in _tables("middleboxes.toml", "middlebox"))


def _tables(file: str, kind: str, line: str = "") -> list[dict[str, Any]]:
    """The file's tables, or those with this line: parsing all takes 6 ms, a tenth of what a small capture takes."""
    head = f"[[{kind}]]\n"
    _, *texts = _text(file).split(head)
    wanted = [head + text for text in texts if f"\n{line}" in text]
    if not wanted:
        return []
    import tomllib

    tables: list[dict[str, Any]] = tomllib.loads("".join(wanted))[kind]
    return tables


@cache
def known_idle_times() -> frozenset[int]:
    """The idle times of all profiles, without parsing them."""
    key = "idle_s = "
    lines = _text("profiles.toml").splitlines()
    return frozenset(int(line.removeprefix(key)) for line in lines if line.startswith(key))


def _text(file: str) -> str:
    return Path(__file__).with_name(file).read_text(encoding="utf-8")


KERNEL = "kernel"
"""What applies to every socket of a system, as profiles.toml says it."""


Bounds = tuple[int, int, int]
"""What is known of a setting, in thousandths: its value, NEVER if the wire does not determine it, its lower bound,
its upper bound, NEVER without."""
UNBOUNDED: Bounds = (ABSENT, 0, ABSENT)


class Columns:
    """Profiles as kernels see them; those of an idle time are there once it has been met."""

    def __init__(self) -> None:
        self.table = Table(PROFILES)
        self.names: list[str] = []
        """By row."""
        self._met: set[int] = set()

    def meet(self, idle_times: Set[int]) -> None:
        """Take in the profiles with these."""
        for idle_s in sorted(idle_times & known_idle_times() - self._met):
            self._met.add(idle_s)
            for one in profiles_with(idle_s):
                numbers = (idle_s, one.intvl_s, one.effective_probes, one.payload_len)
                ports = (*one.ports, *(ABSENT,) * (MOST_PORTS - len(one.ports)))
                self.table.append(*(ABSENT if n is None else n for n in numbers), one.applies_to == KERNEL, *ports)
                self.names.append(one.name)


def matching_profiles(settings: Settings, payload_len: int | None, ports: int) -> tuple[str, ...]:
    """Names of the profiles that fit an end's settings, as `matching` has them; `ports` as FLOWS has them."""
    time = settings.tcp_keepalive_time
    if time is None or time.value is None or time.value not in known_idle_times():
        return ()
    known, found = _columns_of(time.value), array("q", [0] * MAX_MATCHES)
    intvl, probes = _bounds(settings.tcp_keepalive_intvl), _bounds(settings.tcp_keepalive_probes)
    octets = ABSENT if payload_len is None else payload_len
    count = matching(known.table.view, known.table.rows, time.value, intvl, probes, octets, ports, found)
    return tuple(known.names[row] for row in found[:count])


def shared(name: str, settings: Settings, ports: tuple[int, int]) -> tuple[tuple[str, int], ...]:
    """By name the numbers that an end was found to have in common with the profile of this name, one of those that fit;
    `ports` are those of its connection."""
    time, intvl, probes = settings.tcp_keepalive_time, settings.tcp_keepalive_intvl, settings.tcp_keepalive_probes
    if time is None or time.value is None:
        return ()
    found: dict[str, int | None] = {}
    for profile in profiles_with(time.value):
        if profile.name == name:
            found["time"] = profile.idle_s
            found["intvl"] = profile.intvl_s if intvl is not None and intvl.value is not None else None
            found["probes"] = profile.effective_probes if probes is not None and probes.value is not None else None
            found["port"] = next((port for port in ports if port in profile.ports), None)
    return tuple((what, number) for what, number in found.items() if number is not None)


@cache
def _columns_of(idle_s: int) -> Columns:
    columns = Columns()
    columns.meet({idle_s})
    return columns


def _bounds(setting: Setting | None) -> Bounds:
    if setting is None:
        return UNBOUNDED
    value, high = setting.value, setting.high
    low = round(1000 * setting.low)
    return ABSENT if value is None else 1000 * value, low, ABSENT if high is None else round(1000 * high)


def matching(
    p: Any, rows: int, idle_s: int, intvl: Bounds, probes: Bounds, payload_len: int, ports: int, found: "array[int]"
) -> int:
    """Rows of the profiles that fit, into `found`, those with the most facts first; how many.

    Of a system's defaults the idle time is enough. Programs share lone numbers, so one fact more must be found, and two
    more beside a time that everybody sets.
    """
    count = 0
    for wanted in range(FACTS, ABSENT, -1):
        for row in range(rows):
            if count < MAX_MATCHES and p.idle_s[row] == idle_s and fits(p, row, intvl, probes, payload_len, ports):
                facts = is_determined(p.intvl_s[row], intvl) + is_determined(p.probes[row], probes)
                facts += tells_port(p, row, ports)
                if facts == wanted and (p.is_kernel[row] or facts > is_common(idle_s)):
                    found[count] = row
                    count += 1
    return count


def is_common(idle_s: int) -> bool:
    """People set these by hand, for whatever program."""
    return idle_s == 10 or idle_s == 30 or idle_s == 60


def tells_port(p: Any, row: int, ports: int) -> bool:
    """A fitting profile has ports, and the one that was found is not everybody's."""
    if p.port[row] == ABSENT:
        return False
    return not (is_web(ports >> 16) or is_web(ports & 0xFFFF))


def is_web(port: int) -> bool:
    return port == WEB_PORTS[0] or port == WEB_PORTS[1] or port == WEB_PORTS[2]


def fits(p: Any, row: int, intvl: Bounds, probes: Bounds, payload_len: int, ports: int) -> bool:
    """Nothing that was found, beside the idle time, speaks against the profile."""
    may_send = p.payload_len[row] == ABSENT or payload_len == ABSENT or p.payload_len[row] == payload_len
    may_serve = p.port[row] == ABSENT or has_port(p, row, ports >> 16) or has_port(p, row, ports & 0xFFFF)
    return bool(may_send and may_serve and may_be(p.intvl_s[row], intvl) and may_be(p.probes[row], probes))


def has_port(p: Any, row: int, port: int) -> bool:
    return bool(p.port[row] == port or p.second_port[row] == port or p.third_port[row] == port)


def may_be(number: int, known: Bounds) -> bool:
    """Nothing that is known of the setting speaks against the number; NEVER is left to the system."""
    value, low, high = known
    if number == ABSENT:
        return True
    if value != ABSENT:
        return 1000 * number == value
    return low <= 1000 * number and (high == ABSENT or 1000 * number <= high)


def is_determined(number: int, known: Bounds) -> bool:
    """The wire determined the number of a fitting profile."""
    return number != ABSENT and known[0] != ABSENT


def matching_middleboxes(low_s: float, high_s: float) -> tuple[Middlebox, ...]:
    """Those whose limit lies in (low_s, high_s]: a silence of low_s survived, one of high_s did not."""
    return tuple(box for box in middleboxes() if low_s < box.idle_s <= high_s)
