"""Well-known settings and well-known idle limits, and which of them fit what was found.

The facts are in profiles.toml and middleboxes.toml; this file knows what a fit is: nothing that
was found contradicts the profile, and its idle time was found exactly.
"""

from array import array
from collections.abc import Set
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from analyzer.columns import Table
from analyzer.keepalive.inference.settings import Setting, Settings
from analyzer.schema import NEVER
from analyzer.schema.written import PROFILES

MAX_MATCHES = 5
"""More names than these tell a reader nothing."""


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
        """The probes that the wire shows before the give-up.

        A user timeout replaces the count: the timer gives up at the first tick at or after it,
        and not before one probe has gone out (tcp_timer.c tcp_keepalive_timer).
        """
        if self.user_timeout_ms is None or self.idle_s is None or self.intvl_s is None:
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
UNBOUNDED: Bounds = (NEVER, 0, NEVER)


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
                self.table.append(*(NEVER if n is None else n for n in numbers), one.applies_to == KERNEL)
                self.names.append(one.name)


def matching_profiles(settings: Settings, payload_len: int | None) -> tuple[str, ...]:
    """Names of the profiles that fit an end's settings, as `matching` has them."""
    time = settings.tcp_keepalive_time
    if time is None or time.value is None or time.value not in known_idle_times():
        return ()
    known, found = _columns_of(time.value), array("q", [0] * MAX_MATCHES)
    intvl, probes = _bounds(settings.tcp_keepalive_intvl), _bounds(settings.tcp_keepalive_probes)
    octets = NEVER if payload_len is None else payload_len
    count = matching(known.table.view, known.table.rows, time.value, intvl, probes, octets, found)
    return tuple(known.names[row] for row in found[:count])


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
    return NEVER if value is None else 1000 * value, low, NEVER if high is None else round(1000 * high)


def matching(
    p: Any, rows: int, idle_s: int, intvl: Bounds, probes: Bounds, payload_len: int, found: "array[int]"
) -> int:
    """Rows of the profiles that fit, into `found`, those with the most numbers first; how many.

    Of a system's defaults the idle time is enough; programs share lone numbers, so one more must be found.
    """
    count = 0
    for numbers in range(2, NEVER, -1):
        for row in range(rows):
            if count < MAX_MATCHES and p.idle_s[row] == idle_s and fits(p, row, intvl, probes, payload_len):
                determined = is_determined(p.intvl_s[row], intvl) + is_determined(p.probes[row], probes)
                if determined == numbers and (determined or p.is_kernel[row]):
                    found[count] = row
                    count += 1
    return count


def fits(p: Any, row: int, intvl: Bounds, probes: Bounds, payload_len: int) -> bool:
    """Nothing that was found, beside the idle time, speaks against the profile."""
    may_send = p.payload_len[row] == NEVER or payload_len == NEVER or p.payload_len[row] == payload_len
    return bool(may_send and may_be(p.intvl_s[row], intvl) and may_be(p.probes[row], probes))


def may_be(number: int, known: Bounds) -> bool:
    """Nothing that is known of the setting speaks against the number; NEVER is left to the system."""
    value, low, high = known
    if number == NEVER:
        return True
    if value != NEVER:
        return 1000 * number == value
    return low <= 1000 * number and (high == NEVER or 1000 * number <= high)


def is_determined(number: int, known: Bounds) -> bool:
    """The wire determined the number of a fitting profile."""
    return number != NEVER and known[0] != NEVER


def matching_middleboxes(low_s: float, high_s: float) -> tuple[Middlebox, ...]:
    """Those whose limit lies in (low_s, high_s]: a silence of low_s survived, one of high_s did not."""
    return tuple(box for box in middleboxes() if low_s < box.idle_s <= high_s)
