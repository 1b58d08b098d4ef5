"""The prose about settings: what determined a value, its bounds, what was seen, which kind of timer explains it."""

from analyzer.keepalive.settings import Basis, Setting, Settings
from analyzer.keepalive.timer import LINUX
from analyzer.report.units import SECOND, plain


def basis(setting: Setting, settings: Settings) -> str:
    """What determined a setting, in words; `settings` are all of that end's."""
    is_timed = setting.basis in (Basis.FIRST_GAP, Basis.ANSWERED_CYCLE, Basis.SPACING)
    return f"{observed(setting, settings)}; {clock(settings)}" if is_timed else observed(setting, settings)


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
    """What was seen on the wire, without what kind of timer explains it."""
    seen, low = _seen(setting), plain(setting.low)
    match setting.basis:
        case Basis.FIRST_GAP:
            return f"{seen} idle before a probe"
        case Basis.ANSWERED_CYCLE:
            return f"{seen} from an answer to the next probe"
        case Basis.ANSWERED_ONLY:
            return f"only answered probes, every {seen}: the longer of time and interval is about that, not which"
        case Basis.SPACING:
            return f"{seen} between unanswered probes"
        case Basis.GIVE_UP_COUNT:
            return f"{low} unanswered, then RST" + _or_user_timeout(settings)
        case Basis.RUN_LENGTH:
            unfinished = "no give-up was seen from its beginning"
            return unfinished if setting.low <= 1 else f"{low} went unanswered, and {unfinished}"
        case Basis.SURVIVED_GAPS:
            return f"no probe in an idle time of {seen}: off, or longer than that"
        case Basis.SURVIVED_EITHER:
            return f"no probe in an idle time of {seen}: off, or the longer of time and interval is longer than that"
        case Basis.PENDING:
            return f"no further probe for {seen} up to the end of the capture"
        case Basis.USER_TIMEOUT_ALTERNATIVE:
            high = plain(setting.high) if setting.high is not None else "any number of"
            return f"the give-up fits a user timeout above {low} and up to {high} s as well as a count"
        case Basis.CONTRADICTORY:
            return f"{seen} seen: no one setting explains them all; it was changed, or the capture misses frames"


def clock(settings: Settings) -> str:
    """Which kind of timer explains the durations."""
    wheels = [model.removeprefix("linux-") for model in settings.models if model.startswith("linux-")]
    if not settings.models:
        return "no one kind of timer fits all that was seen"
    if not wheels:
        return "no Linux timer wheel fits, an exact timer does"
    if len(wheels) == len(LINUX):
        return "a Linux timer at any HZ fits; it fires late, never early"
    return f"a Linux timer at {' or '.join(wheels)} Hz fits; it fires late, never early"


def _seen(setting: Setting) -> str:
    shortest, longest = (value / SECOND for value in setting.seen_ns)
    if f"{shortest:.2f}" == f"{longest:.2f}":
        times = f", {setting.n} times" if setting.n > 1 else ""
        return f"{longest:.2f} s{times}"
    return f"{shortest:.2f} to {longest:.2f} s, {setting.n} times"


def _or_user_timeout(settings: Settings) -> str:
    other = settings.tcp_user_timeout
    if other is None or other.high is None:
        return ""
    return f" (or a user timeout between {plain(other.low)} and {plain(other.high)} s)"
