"""Well-known settings and well-known idle limits, and which of them fit what was found.

The facts are in profiles.toml and middleboxes.toml; this file knows what a fit is: nothing that
was found contradicts the profile, and its idle time was found exactly.
"""

from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from analyzer.keepalive.settings import Setting, Settings

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
    _, *texts = Path(__file__).with_name(file).read_text(encoding="utf-8").split(head)
    wanted = [head + text for text in texts if f"\n{line}" in text]
    if not wanted:
        return []
    import tomllib

    tables: list[dict[str, Any]] = tomllib.loads("".join(wanted))[kind]
    return tables


KERNEL = "kernel"
"""What applies to every socket of a system, as profiles.toml says it."""


def matching_profiles(settings: Settings, payload_len: int | None) -> tuple[str, ...]:
    """Names of the profiles that fit an end's settings, those with the most numbers found first.

    Of a system's defaults the idle time is enough; programs share lone numbers, so one more must be found.
    """
    time = settings.tcp_keepalive_time
    if time is None or time.value is None:
        return ()
    fitting = [
        profile
        for profile in profiles_with(time.value)
        if (profile.applies_to == KERNEL or _found(profile, settings))
        and _fits(profile.intvl_s, settings.tcp_keepalive_intvl)
        and _fits(profile.effective_probes, settings.tcp_keepalive_probes)
        and (profile.payload_len is None or payload_len is None or profile.payload_len == payload_len)
    ]
    fitting.sort(key=lambda profile: _found(profile, settings), reverse=True)
    return tuple(profile.name for profile in fitting[:MAX_MATCHES])


def _fits(number: int | None, setting: Setting | None) -> bool:
    """Nothing that is known of the setting speaks against the number."""
    if number is None or setting is None:
        return True
    if setting.value is not None:
        return number == setting.value
    return setting.low <= number and (setting.high is None or number <= setting.high)


def _found(profile: Profile, settings: Settings) -> int:
    """How many of a fitting profile's numbers the wire determined, beside the idle time."""
    pairs = (
        (profile.intvl_s, settings.tcp_keepalive_intvl),
        (profile.effective_probes, settings.tcp_keepalive_probes),
    )
    return sum(number is not None and setting is not None and setting.value is not None for number, setting in pairs)


def matching_middleboxes(low_s: float, high_s: float) -> tuple[Middlebox, ...]:
    """Those whose limit lies in (low_s, high_s]: a silence of low_s survived, one of high_s did not."""
    return tuple(box for box in middleboxes() if low_s < box.idle_s <= high_s)
