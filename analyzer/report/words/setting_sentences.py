"""The prose about settings: what determined a value, its bounds, what was seen, which kind of timer explains it.

Sentences have places for numbers; both Python and the kernel that writes JSON (`report/json/flow_lines.py`) fill them.
"""

from analyzer.keepalive.model.linux import LINUX
from analyzer.keepalive.settings.values import Basis, Setting, Settings
from analyzer.report.json.numbers import hundredths
from analyzer.report.units import plain
from analyzer.schema import ABSENT

BASES = tuple(Basis)
FIRST_GAP, ANSWERED_CYCLE, SPACING, GIVE_UP_COUNT, RUN_LENGTH, USER_TIMEOUT_ALTERNATIVE, CEASED, CHANGED = map(
    BASES.index,
    (
        Basis.FIRST_GAP,
        Basis.ANSWERED_CYCLE,
        Basis.SPACING,
        Basis.GIVE_UP_COUNT,
        Basis.RUN_LENGTH,
        Basis.USER_TIMEOUT_ALTERNATIVE,
        Basis.CEASED,
        Basis.CHANGED,
    ),
)
MILLISECOND = 1_000_000
PLACES = ("n", "shortest", "longest", "low", "high", "other_low", "other_high", "rates")
"""For numbers in sentences: how often, seconds to the hundredth, bounds, those of the user timeout, clock rates."""
SEEN_ONCE, SEEN_OFTEN, SEEN_FROM_TO = range(3)
SEEN = ("{longest} s", "{longest} s, {n} times", "{shortest} to {longest} s, {n} times")
UNFINISHED = "no give-up was seen from its beginning"


def _with_times(sentence: str) -> tuple[str, ...]:
    return tuple(sentence.replace("{seen}", seen) for seen in SEEN)


OBSERVED = {
    Basis.FIRST_GAP: _with_times("{seen} idle before a probe"),
    Basis.ANSWERED_CYCLE: _with_times("{seen} from an answer to the next probe"),
    Basis.ANSWERED_ONLY: _with_times(
        "only answered probes, every {seen}: the longer of time and interval is about that, not which"
    ),
    Basis.SPACING: _with_times("{seen} between unanswered probes"),
    Basis.GIVE_UP_COUNT: (
        "{low} unanswered, then RST",
        "{low} unanswered, then RST (or a user timeout between {other_low} and {other_high} s)",
    ),
    Basis.RUN_LENGTH: (UNFINISHED, f"{{low}} sent with no answer in between, and {UNFINISHED}"),
    Basis.CEASED: (
        "{low} unanswered, and then no more",
        "{low} unanswered, and then no more (or a user timeout between {other_low} and {other_high} s)",
    ),
    Basis.SURVIVED_GAPS: _with_times("no probe in an idle time of {seen}: off, or longer than that"),
    Basis.SURVIVED_EITHER: _with_times(
        "no probe in an idle time of {seen}: off, or the longer of time and interval is longer than that"
    ),
    Basis.USER_TIMEOUT_ALTERNATIVE: (
        "the give-up fits a user timeout above {low} and up to any number of s as well as a count",
        "the give-up fits a user timeout above {low} and up to {high} s as well as a count",
    ),
    Basis.CONTRADICTORY: _with_times(
        "{seen} seen: no one setting explains them all; it was changed, or the capture misses frames"
    ),
    Basis.CHANGED: (
        "first {longest} s idle before a probe, then {shortest} s, {n} times in all: it was changed",
        "first {shortest} s idle before a probe, then {longest} s, {n} times in all: it was changed",
    ),
}
"""By `variant`."""
MOST_VARIANTS = max(map(len, OBSERVED.values()))
NO_TIMER, EXACT_TIMER, ANY_TIMER, ANY_WHEEL, SOME_WHEELS = range(5)
TIMERS = (
    "no one kind of timer fits all that was seen",
    "no Linux timer wheel fits, an exact timer does",
    "a Linux timer fits, and so does an exact or a slow one",
    "a Linux timer at any HZ fits; it fires late, never early",
    "a Linux timer at {rates} Hz fits; it fires late, never early",
)
ALL_WHEELS = len(LINUX)
LINUX_MODEL = "linux-"
OR = " or "
"""Between clock rates."""


def basis(setting: Setting, settings: Settings) -> str:
    """Say what determined a setting; `settings` are all of that end."""
    seen = observed(setting, settings)
    return f"{seen}; {clock(settings)}" if is_timed(BASES.index(setting.basis)) else seen


def bounds(setting: Setting) -> str:
    low, high = plain(setting.low), plain(setting.high) if setting.high is not None else None
    return low if low == high else f"{low}–{high}" if high is not None else f"≥ {low}"


def bounds_in_words(setting: Setting) -> str:
    """For where letters only are safe: a CI's log, a configuration file."""
    low = plain(setting.low)
    if setting.high is None:
        return f"{low} or more"
    return low if setting.low == setting.high else f"{low} to {plain(setting.high)}"


def observed(setting: Setting, settings: Settings) -> str:
    """Say what was seen on the wire, without the kind of timer that explains it."""
    other, (shortest_ns, longest_ns) = settings.tcp_user_timeout, setting.seen_ns
    low, high = _thousandths(setting.low), _thousandths(setting.high)
    other_high = _thousandths(other.high) if other is not None else ABSENT
    row = BASES.index(setting.basis)
    sentence = OBSERVED[setting.basis][variant(row, setting.n, low, high, shortest_ns, longest_ns, other_high)]
    return sentence.format(
        n=f"{setting.n:,}",
        shortest=_in_hundredths(shortest_ns),
        longest=_in_hundredths(longest_ns),
        low=plain(setting.low),
        high=plain(setting.high or 0),
        other_low=plain(other.low if other is not None else 0),
        other_high=plain(other_high / 1000),
    )


def is_timed(basis: int) -> bool:
    """Durations determined it, which some clock explains."""
    return basis == FIRST_GAP or basis == ANSWERED_CYCLE or basis == SPACING


def is_duration(basis: int) -> bool:
    """Tell whether times that were seen determined it, rather than a count."""
    is_count = basis == GIVE_UP_COUNT or basis == RUN_LENGTH or basis == CEASED
    return not is_count and basis != USER_TIMEOUT_ALTERNATIVE


def has_user_timeout(basis: int, user_timeout_high: int) -> bool:
    """Tell whether a user timeout would explain the give-up as well."""
    return (basis == GIVE_UP_COUNT or basis == CEASED) and user_timeout_high != ABSENT


def variant(basis: int, n: int, low: int, high: int, shortest_ns: int, longest_ns: int, user_timeout_high: int) -> int:
    """Return which sentence of a basis applies; bounds are in thousandths, ABSENT where there is none."""
    if basis == GIVE_UP_COUNT or basis == CEASED:
        return int(has_user_timeout(basis, user_timeout_high))
    if basis == RUN_LENGTH:
        return int(low > 1000)
    if basis == USER_TIMEOUT_ALTERNATIVE:
        return int(high != ABSENT)
    if basis == CHANGED:
        return int(high + 1000 > longest_ns // MILLISECOND)  # the bounds are of the later ones
    if hundredths(shortest_ns) != hundredths(longest_ns):
        return SEEN_FROM_TO
    return SEEN_OFTEN if n > 1 else SEEN_ONCE


def _thousandths(bound: float | None) -> int:
    return ABSENT if bound is None else round(1000 * bound)


def _in_hundredths(duration_ns: int) -> str:
    whole, part = divmod(hundredths(duration_ns), 100)
    return f"{whole}.{part:02d}"


def clock(settings: Settings) -> str:
    """Say which kind of timer explains the durations."""
    rates = [model.removeprefix(LINUX_MODEL) for model in settings.models if model.startswith(LINUX_MODEL)]
    return TIMERS[which_timers(len(settings.models), len(rates))].format(rates=OR.join(rates))


def which_timers(clocks: int, wheels: int) -> int:
    """Return which sentence about timers applies: how many fit, and how many of them are Linux's."""
    if clocks == 0:
        return NO_TIMER
    if wheels == 0:
        return EXACT_TIMER
    if clocks > wheels:
        return ANY_TIMER
    return ANY_WHEEL if wheels == ALL_WHEELS else SOME_WHEELS
