"""The settings of an end, inferred from its gaps: the inverse of `timer.simulate`.

Bounds hold for every kind of clock that explains the gaps; the value is the likeliest of what is
left (`prior`). Where gaps contradict each other the weakest are dropped first (`evidence`); where
even the strong ones do, the settings were changed or the capture is incomplete, and the bounds cover
all that was seen. Never a value that the gaps do not determine.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from itertools import compress
from typing import NamedTuple

from analyzer.jit import Engine
from analyzer.keepalive import counted
from analyzer.keepalive.constraints import (
    ALL_CLOCKS,
    CLOCKS,
    HOST_DELAY_NS,
    TELLS_NOTHING,
    UNHINDERED,
    Seen,
    Ticks,
    latest_ns,
    least_s,
)
from analyzer.keepalive.counted import Mended, Run, runs
from analyzer.keepalive.losses import (
    INTVL_KINDS,
    doubts,
    has_sign_of_loss,
    is_distant,
    is_unsure,
    may_hide_one,
    mend,
    usual_of,
    without_doubts,
)
from analyzer.keepalive.search import (
    UNANSWERED,
    Answer,
    Asking,
    Question,
    converse,
    idle_span,
    spacing_span,
)
from analyzer.keepalive.timeline import Echo, Gap, GapKind
from analyzer.keepalive.timer import COARSE, EXACT, LINUX, SECOND, Clock

MILLISECOND = 1_000_000
SHORTEST_NS = 900 * MILLISECOND
"""The shortest setting is 1 s; no clock is so wrong."""
SLOW_TICK_NS = 500 * MILLISECOND
"""lwIP's TCP_SLOW_INTERVAL."""
FEWEST_COMPILED = 256
"""Fewer ends are explained by the interpreter, before the machine code would have been loaded or made."""
MAX_FRAMES = 8
"""So many frames are named as proof."""

IDLE_KINDS = counted.IDLE_KINDS
"""Gaps that a timer of the idle time may have ended."""


class Basis(Enum):
    """What determined a setting, or its bounds."""

    FIRST_GAP = "first gap"
    """Probes after traffic: the idle time itself, late by what the clock allows."""
    ANSWERED_CYCLE = "answered cycle"
    """Probes after answered probes, where the other setting is known not to explain them."""
    ANSWERED_ONLY = "answered only"
    """Probes after answered probes show the longer of time and intvl, and not which it is."""
    SPACING = "spacing"
    """Probes after unanswered probes: the interval itself."""
    GIVE_UP_COUNT = "give-up count"
    """Unanswered probes before the RST; a user timeout could have ended them as well."""
    RUN_LENGTH = "run length"
    """Unanswered probes without a give-up that was seen whole: there may be more."""
    SURVIVED_GAPS = "survived gaps"
    """Idle times without a probe: the setting is longer."""
    SURVIVED_EITHER = "survived by either"
    """The same of a connection older than the capture: a probe before that may have armed the interval's timer."""
    PENDING = "pending"
    """The capture ends before the next probe: the interval is longer."""
    USER_TIMEOUT_ALTERNATIVE = "user timeout alternative"
    """After the last probe and by the RST: a user timeout in between would have looked the same."""
    CONTRADICTORY = "contradictory"
    """No one value explains all that was seen; the bounds cover it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of one setting."""

    value: int | None
    """The best single answer; None where the wire does not determine it."""
    low: float
    """Inclusive, in whole seconds or a count; only a user timeout has parts of a second."""
    high: float | None
    """Inclusive; None where nothing bounds it from above."""
    n: int
    """Observations that speak for it."""
    basis: Basis
    seen_ns: tuple[int, int]
    """Shortest and longest observed duration behind it; 0, 0 for counts."""
    frames: tuple[int, ...]
    """Frames that prove it, some of many."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is known of an end's settings; None where nothing is."""

    tcp_keepalive_time: Setting | None
    tcp_keepalive_intvl: Setting | None
    tcp_keepalive_probes: Setting | None
    tcp_user_timeout: Setting | None
    models: tuple[str, ...]
    """The kinds of timer that explain the gaps: linux-100, linux-250, linux-300, linux-1000, exact."""
    timers: tuple[str, ...] = ()
    """The same as `timer.Clock.kind` has them."""


class Inference(NamedTuple):
    """Settings, and what explains the gaps that they come from."""

    settings: Settings
    answer: Answer = UNANSWERED


UNTOLD = Settings(None, None, None, None, ())
"""Of an end that shows nothing."""


class Heard(NamedTuple):
    """What is known of one end, to be explained."""

    gaps: Sequence[Gap]
    """In the order in which they ended."""
    is_whole: bool = False
    """The capture saw the connection open, so that there is no earlier probe."""
    may_be_linux: bool = True
    """Linux sends empty probes only (tcp_output.c tcp_xmit_probe_skb): others are not on its wheel."""
    ticks: Ticks | None = None
    """What is known of the kernel that ticks its timers."""

    @property
    def clocks(self) -> tuple[Clock, ...]:
        if self.ticks is not None:
            return tuple(compress(LINUX, self.ticks.rates))
        return LINUX + EXACT if self.may_be_linux else EXACT


def infer(gaps: Sequence[Gap], is_whole: bool = False, may_be_linux: bool = True) -> Settings:
    """The settings that explain one end's gaps; the arguments are those of `Heard`."""
    [inference] = explain([Heard(gaps, is_whole, may_be_linux)], Engine())
    return inference.settings


def explain(ends: Sequence[Heard], engine: Engine) -> list[Inference]:
    """As `infer`, for many ends at once, with what explains their gaps."""
    return converse(map(explained, ends), engine if len(ends) >= FEWEST_COMPILED else Engine())


def explained(end: Heard) -> Asking[Inference]:
    gaps = list(timed(end.gaps))
    if all(gap.kind is GapKind.SURVIVED for gap in gaps):
        return Inference(unprobed(gaps, end.is_whole))
    is_far, gaps = is_distant(gaps), without_doubts(gaps)
    usual = usual_of(gaps)
    lived = mend(gaps, usual, is_far)
    mended = [
        one if is_far or has_sign_of_loss(gap) else Mended(Seen(gap)) for one, gap in zip(lived, gaps, strict=True)
    ]
    is_lossy = is_far or any(has_sign_of_loss(one.seen.gap) or one.missing.most > 0 for one in lived)
    if end.ticks is not None:
        ceilings = end.ticks.ceilings
        mended = [one.under(ceilings.get(one.seen.gap.frame, UNHINDERED)) for one in mended]
    seen = [one.seen for one in mended]
    answer, *rare = yield from agreement(end, seen, *(doubts(mended, usual) if is_lossy else ()))
    for one in rare:
        answer = answer.with_rare(one)
    telling = [one.gap for one in seen if one.slack_ns != TELLS_NOTHING]
    measures = [gap for gap in telling if gap.echo is not Echo.UNSEEN] or telling
    time, intvl = time_setting(answer, measures), intvl_setting(answer, measures)
    if not answer.clocks:
        time, intvl = yield from contradictory(end, seen)
    if time is not None and is_lossy and is_unsure(mended):
        time = replace(time, value=None)
    if not answer.clocks and not is_far:
        lived = [one.perhaps() for one in mend(gaps, usual, is_far=True)]
    told, may_hide = runs(lived), is_lossy and may_hide_one(lived, usual)
    settings = Settings(
        tcp_keepalive_time=time,
        tcp_keepalive_intvl=intvl,
        tcp_keepalive_probes=probes_setting(told, may_hide),
        tcp_user_timeout=user_timeout_setting(told),
        models=names(answer.clocks),
        timers=kinds(answer.clocks),
    )
    return Inference(settings, answer)


@cache
def names(clocks: tuple[Clock, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(clock.name for clock in clocks))


@cache
def kinds(clocks: tuple[Clock, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(clock.kind for clock in clocks))


def timed(gaps: Iterable[Gap]) -> Iterator[Gap]:
    """The gaps, without what is shorter than any timer, or not known to have run since what was captured."""
    for gap in gaps:
        if has_crossed(gap):
            yield replace(gap, kind=GapKind.FIRST, heard_ns=-1, any_ns=-1)
        elif not is_sub_second(gap):
            yield gap


def has_crossed(gap: Gap) -> bool:
    """What passed the capture point so shortly before the probe met it on its way: the prober had not heard it."""
    return gap.kind in IDLE_KINDS and 0 <= gap.heard_ns <= gap.lag_ns and gap.probe_ns >= SHORTEST_NS


def is_sub_second(gap: Gap) -> bool:
    """Shorter than any keepalive timer of whole seconds: macOS asks so soon whether a read stalls."""
    if gap.kind in INTVL_KINDS:
        return 0 <= gap.probe_ns < SHORTEST_NS
    return gap.kind in IDLE_KINDS and 0 <= max(gap.heard_ns, gap.speech_ns) < SHORTEST_NS


def unprobed(gaps: Sequence[Gap], is_whole: bool) -> Settings:
    """No probe at all: keepalive is off, or its time longer than every idle time that was survived.

    After a probe that was answered before the capture's begin the timer first runs for the interval, and no traffic
    re-arms it (tcp_timer.c tcp_keepalive_timer): then it is one of the two that is longer.
    """
    if not gaps:
        return UNTOLD
    telling = [one.seen for one in mend(gaps, usual_of(gaps), is_distant(gaps)) if not one.is_spoilt]
    longest = max(telling, key=lambda one: one.gap.heard_ns, default=None)
    if longest is None:
        return UNTOLD
    low = min(least_s(CLOCKS, clock, idle_span(longest, clock).least_ns) for clock in range(len(LINUX + EXACT)))
    if low <= 1:
        return UNTOLD
    gap = longest.gap
    basis = Basis.SURVIVED_GAPS if is_whole else Basis.SURVIVED_EITHER
    time = setting(None, low if is_whole else 1, None, basis, [gap], [gap.heard_ns])
    return Settings(time, None, None, None, ())


def agreement(end: Heard, seen: Sequence[Seen], *doubted: Sequence[Seen]) -> Asking[list[Answer]]:
    """What explains the gaps, for each of these readings of them, with what else may if it is a slow timer."""
    asked = [Question(seen, end.clocks, end.is_whole)]
    asked += [Question(one, end.clocks, end.is_whole, is_rare=True) for one in doubted]
    answers = yield asked
    slow = [place for place, one in enumerate(asked) if EXACT[0] in end.clocks and may_be_slow(one.seen)]
    if not slow:
        return list(answers)
    others = yield [Question(asked[place].seen, COARSE, end.is_whole, is_strict=True) for place in slow]
    by_place = dict(zip(slow, others, strict=True))
    return [one.with_rare_intvls(by_place.get(place, UNANSWERED)) for place, one in enumerate(answers)]


def may_be_slow(seen: Sequence[Seen]) -> bool:
    """Its ticks show in every distance of probes (lwIP tcp.c tcp_slowtmr), and no shorter interval is measured."""
    idle = [one.gap.probe_ns for one in seen if one.gap.kind in IDLE_KINDS and one.gap.probe_ns >= 0]
    spacings = [one.gap.probe_ns for one in seen if one.gap.kind in INTVL_KINDS and one.gap.probe_ns >= 0]
    return (
        bool(idle) and max(spacings, default=TELLS_NOTHING) > min(idle) and all(map(is_on_slow_tick, idle + spacings))
    )


def is_on_slow_tick(duration_ns: int) -> bool:
    return min(duration_ns % SLOW_TICK_NS, -duration_ns % SLOW_TICK_NS) <= HOST_DELAY_NS


def time_setting(answer: Answer, gaps: Sequence[Gap]) -> Setting | None:
    low, high = answer.time_low, answer.time_high
    if not answer.clocks or (low <= 1 and high is None):
        return None
    seen = [gap for gap in gaps if gap.kind in IDLE_KINDS and gap.heard_ns >= 0]
    basis = Basis.ANSWERED_ONLY
    if high is None or not seen:
        basis, seen = Basis.SURVIVED_GAPS, [gap for gap in gaps if gap.kind is GapKind.SURVIVED]
    elif answer.is_time_known and answer.time is not None:
        longest_ns = latest_ns(CLOCKS, answer.row, answer.time)
        seen = [gap for gap in seen if idle_span(Seen(gap), answer.row).least_ns <= longest_ns] or seen
        has_first = any(gap.kind is GapKind.FIRST for gap in seen)
        basis = Basis.FIRST_GAP if has_first else Basis.ANSWERED_CYCLE
    value = answer.time if answer.is_time_known else None
    return setting(value, low, high, basis, seen, [idle_span(Seen(gap), answer.row).seen_ns for gap in seen])


def intvl_setting(answer: Answer, gaps: Sequence[Gap]) -> Setting | None:
    low, high = answer.intvl_low, answer.intvl_high
    if not answer.clocks or (low <= 1 and high is None):
        return None
    seen = [gap for gap in gaps if gap.kind in INTVL_KINDS and gap.probe_ns >= 0]
    basis = Basis.SPACING
    if not seen:
        basis = Basis.ANSWERED_CYCLE if answer.is_intvl_known else Basis.ANSWERED_ONLY
        seen = [gap for gap in gaps if gap.kind in IDLE_KINDS and gap.probe_ns >= 0]
    if high is None:
        basis, seen = Basis.PENDING, [gap for gap in gaps if gap.kind is GapKind.PENDING]
    value = answer.intvl if answer.is_intvl_known else None
    return setting(value, low, high, basis, seen, [gap.probe_ns for gap in seen])


def setting(
    value: int | None,
    low: float,
    high: float | None,
    basis: Basis,
    seen: Sequence[Gap],
    durations: Sequence[int] = (),
) -> Setting:
    span = (min(durations), max(durations)) if durations else (0, 0)
    return Setting(value, low, high, len(seen), basis, span, tuple(gap.frame for gap in seen[:MAX_FRAMES]))


def contradictory(end: Heard, seen: Sequence[Seen]) -> Asking[tuple[Setting | None, Setting | None]]:
    """Each setting from its own gaps alone; where they do not determine it, bounds around all of them.

    An interval other than that of the unanswered probes explains no idle time: they are of one socket.
    """
    own = [one for one in seen if one.gap.kind in INTVL_KINDS]
    others = [one for one in seen if one.gap.kind not in INTVL_KINDS]
    [times] = yield from agreement(end, others)
    [intvls] = yield from agreement(end, own)
    own_gaps, other_gaps = [one.gap for one in own], [one.gap for one in others]
    time = time_setting(times if allows(times, intvls) else UNANSWERED, other_gaps)
    intvl = intvl_setting(intvls, own_gaps)
    return (
        time if time is not None and time.value is not None else spread(other_gaps, is_intvl=False),
        intvl if intvl is not None and intvl.value is not None else spread(own_gaps, is_intvl=True),
    )


def allows(times: Answer, intvls: Answer) -> bool:
    """The intervals with which idle times are explained are not other ones."""
    low, high = max(times.intvl_low, intvls.intvl_low), (times.intvl_high, intvls.intvl_high)
    return not intvls.clocks or all(one is None or low <= one for one in high)


def spread(gaps: Sequence[Gap], is_intvl: bool) -> Setting | None:
    """Bounds around everything that any clock could have made of the gaps."""
    kinds = INTVL_KINDS if is_intvl else IDLE_KINDS
    seen = [gap for gap in gaps if gap.kind in kinds and (gap.probe_ns if is_intvl else gap.heard_ns) >= 0]
    if not seen:
        return None
    durations = [gap.probe_ns if is_intvl else gap.heard_ns for gap in seen]
    lows, highs = [], []
    for clock in range(len(ALL_CLOCKS)):
        for gap in seen:
            span = spacing_span(Seen(gap), clock) if is_intvl else idle_span(Seen(gap), clock)
            lows.append(least_s(CLOCKS, clock, span.least_ns))
            highs.append(max(1, span.most_ns // SECOND))
    return setting(None, min(lows), max(highs), Basis.CONTRADICTORY, seen, durations)


def probes_setting(told: Sequence[Run], may_hide: bool) -> Setting | None:
    """The count of unanswered probes at which the end gives up; `may_hide` that one more may be missing.

    A timer that sends a probe after n unanswered ones has a count above n (tcp_keepalive_timer).
    Probes that are missing count as well; at the prober itself only their being missing shows.
    """
    if not told:
        return None
    give_ups = [run for run in told if run.gap.kind is GapKind.GIVE_UP and run.gap.heard_ns >= 0]
    longest = max(run.unanswered.fewest + is_probe(run.gap) for run in told)
    if not give_ups:
        ends = [run.gap for run in told if run.unanswered.fewest + is_probe(run.gap) == longest]
        return setting(None, longest, None, Basis.RUN_LENGTH, ends)
    whole = [run.gap for run in give_ups]
    low, high = min(run.unanswered.fewest for run in give_ups), max(run.unanswered.most for run in give_ups)
    if longest > high:
        return setting(None, low, longest, Basis.CONTRADICTORY, whole)
    if low < high:
        return setting(None, low, high, Basis.GIVE_UP_COUNT, whole)
    return setting(low, low, low + may_hide, Basis.GIVE_UP_COUNT, whole)


def is_probe(gap: Gap) -> bool:
    return gap.kind in (*IDLE_KINDS, GapKind.SPACING)


def user_timeout_setting(told: Sequence[Run]) -> Setting | None:
    """The user timeouts that would have ended every run as it ended: not before its last probe, but by its RST.

    The timer looks at the user timeout only when it fires, and never before the first probe
    (tcp_timer.c tcp_keepalive_timer).
    """
    told = [run for run in told if run.gap.kind is GapKind.GIVE_UP and run.gap.heard_ns >= 0]
    whole = [run.gap for run in told]
    if not whole:
        return None
    lows = [gap.heard_ns - gap.probe_ns - gap.lag_ns if gap.unanswered > 1 else 0 for gap in whole]
    low, high = max(0, *lows), min(run.gap.heard_ns + run.unheard_ns for run in told)
    if low >= high:
        return None
    spans = [gap.heard_ns for gap in whole]
    return setting(None, rounded_s(low), rounded_s(high), Basis.USER_TIMEOUT_ALTERNATIVE, whole, spans)


def rounded_s(duration_ns: int) -> float:
    """Seconds to the millisecond, the unit of TCP_USER_TIMEOUT."""
    return (duration_ns + MILLISECOND // 2) // MILLISECOND / 1000
