"""The settings of an end, inferred from its gaps: the inverse of `linux.simulate`.

Bounds hold for every kind of clock that explains the gaps; the value is the likeliest of what is left (`prior`). Where
gaps contradict each other the weakest are dropped first (`evidence`). Where even the strong ones do, the settings were
changed or the capture is incomplete, and the bounds cover all observations. There is never a value that the gaps do not
determine.

Values, read from the columns that `infer.infer` writes.
"""

from enum import StrEnum
from functools import cache
from typing import NamedTuple

from analyzer.keepalive.model.linux import Clock
from analyzer.keepalive.settings.bounds import MILLI, USER_TIMEOUT, Inferred
from analyzer.keepalive.settings.constraints import ALL_CLOCKS
from analyzer.keepalive.settings.infer import CLOCK_BITS, SETTINGS
from analyzer.schema import ABSENT


class Basis(StrEnum):
    """What determined a setting, or its bounds; `report/words/setting_sentences.py` says each in a sentence."""

    FIRST_GAP = "first-gap"
    """Probes after traffic: the idle time itself, late by what the clock allows."""
    ANSWERED_CYCLE = "answered-cycle"
    """Probes after answered probes, where the other setting is known not to explain them."""
    ANSWERED_ONLY = "answered-only"
    """Probes after answered probes show the longer of time and interval, and not which it is."""
    SPACING = "spacing"
    """Probes after unanswered probes: the interval itself."""
    GIVE_UP_COUNT = "give-up-count"
    """Unanswered probes before the RST; a user timeout could have ended them as well."""
    RUN_LENGTH = "run-length"
    """Unanswered probes without a give-up whose run was captured whole: there may be more."""
    SURVIVED_GAPS = "survived-gaps"
    """Idle times without a probe: the setting is longer."""
    SURVIVED_EITHER = "survived-either"
    """The same for a connection older than the capture: an earlier probe may have armed the interval's timer."""
    USER_TIMEOUT_ALTERNATIVE = "user-timeout-alternative"
    """After the last probe and by the RST: a user timeout in between would have looked the same."""
    CONTRADICTORY = "contradictory"
    """No single value explains all observations; the bounds cover them."""
    CEASED = "ceased"
    """Unanswered probes of a stack other than Linux, and then none for twice their interval: it gave up in silence."""
    CHANGED = "changed"
    """Idle times of one length, and then of another: it was changed; the bounds are of what is in force at the end."""


class Setting(NamedTuple):
    """What is known of one setting."""

    value: int | None
    """The best single answer; None if the wire does not determine it."""
    low: float
    """Inclusive lower bound, in seconds or a count; a user timeout, and settings of other systems than Linux, may have
    parts of a second."""
    high: float | None
    """Inclusive upper bound; None if there is none."""
    n: int
    """Number of observations that support it."""
    basis: Basis
    seen_ns: tuple[int, int]
    """Shortest and longest observed duration behind it; 0, 0 for counts."""
    frames: tuple[int, ...]
    """Frames that prove it, some of many."""
    ends: int = 1
    """Number of ends whose observations are pooled in it: of a host, more than one."""


class Settings(NamedTuple):
    """What is known of an end's settings; None for a setting of which nothing is known."""

    tcp_keepalive_time: Setting | None
    tcp_keepalive_intvl: Setting | None
    tcp_keepalive_probes: Setting | None
    tcp_user_timeout: Setting | None
    models: tuple[str, ...]
    """The kinds of timer that explain the gaps: linux-100, linux-250, linux-300, linux-1000, exact."""
    timers: tuple[str, ...] = ()
    """Kinds of these timers, as `linux.Clock.kind` names them."""

    @property
    def triple(self) -> tuple[Setting | None, Setting | None, Setting | None]:
        """Return time, interval and count."""
        return self[:3]


NOTHING_KNOWN = Settings(None, None, None, None, ())
"""The settings of an end that shows nothing."""

BASES = tuple(Basis)
NO_BASIS = SETTINGS * [ABSENT]


def settings_of(found: Inferred, end: int) -> Settings:
    """Return what was found of an end, as values."""
    first, packed = SETTINGS * end, found.ends.clocks[end]
    if not packed and found.settings.basis[first : first + SETTINGS].tolist() == NO_BASIS:
        return NOTHING_KNOWN
    time, intvl, probes, user_timeout = [setting_of(found, row) for row in range(first, first + SETTINGS)]
    return Settings(time, intvl, probes, user_timeout, *models_of(packed))


def setting_of(found: Inferred, row: int) -> Setting | None:
    """Return a row of INFERRED_SETTINGS as a value, None if nothing is known."""
    t = found.settings
    if t.basis[row] == ABSENT:
        return None
    low, high, value, first = t.low_ms[row], t.high_ms[row], t.value[row], t.first_proof[row]
    is_fine = row % SETTINGS == USER_TIMEOUT
    return Setting(
        value=value if value != ABSENT else None,
        low=low / MILLI if is_fine or low % MILLI else low // MILLI,
        high=None if high == ABSENT else high / MILLI if is_fine or high % MILLI else high // MILLI,
        n=t.n[row],
        basis=BASES[t.basis[row]],
        seen_ns=(t.shortest_ns[row], t.longest_ns[row]),
        frames=tuple(found.proofs.frame[first : first + t.proofs[row]]),
    )


@cache
def models_of(packed: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names and kinds of the clocks in INFERRED.clocks."""
    clocks = clocks_of(packed)
    return tuple(dict.fromkeys(one.name for one in clocks)), tuple(dict.fromkeys(one.kind for one in clocks))


@cache
def clocks_of(packed: int) -> tuple[Clock, ...]:
    """Return the clocks in INFERRED.clocks."""
    rows = range(0, packed.bit_length(), CLOCK_BITS)
    return tuple(ALL_CLOCKS[(packed >> shift & (1 << CLOCK_BITS) - 1) - 1] for shift in rows)
