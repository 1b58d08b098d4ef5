"""Settings with parts of a second: timers other than Linux's may be set in milliseconds.

The search knows whole seconds only. This file compares an end's gaps with tenths of a second on an exact timer. If they
explain all observations, the bounds must hold them too, whatever else explains these.

Plain functions over columns: they read CORRECTED_GAPS and change INFERRED_SETTINGS.
"""

from typing import Any

from analyzer.engine.dispatch import not_inlined
from analyzer.keepalive.model.linux import SECOND, TICK_NS
from analyzer.keepalive.settings.bounds import INTVL, MILLI, MILLISECOND, TIME
from analyzer.keepalive.settings.constraints import DRIFT_SHIFT, HOST_DELAY_NS
from analyzer.keepalive.settings.observations import is_idle, is_intvl
from analyzer.keepalive.story.values import SURVIVED
from analyzer.schema import ABSENT

TENTH_NS = 100_000_000
SHORT_NS, TWENTIETH_NS = 10_000_000_000, 50_000_000
"""What is shorter is also set to twentieths of a second, such as 2.25 s."""
FEWEST = 3
"""Fewest gaps that do not come at one tenth by chance: of what explains them nothing shows which it is."""


@not_inlined
def allow_tenths(corrected: Any, rows: int, has_wheel: bool, is_lossy: bool, settings: Any, row: int) -> bool:
    """Tell whether an exact timer set to tenths of a second explains an end's gaps; if so, make the bounds hold them.

    A value of whole seconds that several gaps show is then only one of two readings, and is dropped. That of an
    interval stays if a wheel explains it, which leaves no choice. `row` is the first of the end's settings.
    """
    time_ns, intvl_ns = tenth_of(corrected, rows, False, is_lossy), tenth_of(corrected, rows, True, is_lossy)
    is_whole = time_ns % SECOND == 0 and (intvl_ns == ABSENT or intvl_ns % SECOND == 0)
    if time_ns <= 0 or intvl_ns == 0 or is_whole or survived_longer(corrected, rows, time_ns):
        return False
    times = widen_bounds(corrected, rows, time_ns, False, settings, row + TIME)
    if time_ns % SECOND and times >= FEWEST:
        settings.value[row + TIME] = ABSENT
    if intvl_ns == ABSENT and settings.basis[row + INTVL] != ABSENT and settings.low_ms[row + INTVL] == MILLI:
        settings.low_ms[row + INTVL] = 0  # nothing measures it: it may be below a second as well
    if intvl_ns > 0:
        intvls = widen_bounds(corrected, rows, intvl_ns, True, settings, row + INTVL)
        if intvl_ns % SECOND and intvls >= FEWEST and not has_wheel:
            settings.value[row + INTVL] = ABSENT
    return True


@not_inlined
def tenth_of(corrected: Any, rows: int, is_spacing: bool, is_lossy: bool) -> int:
    """Return the tenths of a second, in ns, to which all idle times, or all intervals, are near.

    0 if there are none, -1 without any gap. One gap at least must be on time: no host makes all of them late alike, as
    the boundaries of a wheel do. Where frames are missing, one that is longer by half lacks a probe.
    """
    least_ns = most_ns = ABSENT
    for gap in range(rows):
        if measures(corrected, gap, is_spacing):
            shown_ns = shown_ns_of(corrected, gap, is_spacing)
            least_ns = shown_ns if least_ns == ABSENT else min(least_ns, shown_ns)
    if least_ns == ABSENT:
        return ABSENT
    for gap in range(rows):
        shown_ns = shown_ns_of(corrected, gap, is_spacing)
        if measures(corrected, gap, is_spacing) and not (is_lossy and 2 * shown_ns > 3 * least_ns):
            most_ns = max(most_ns, shown_ns)
    step_ns = TWENTIETH_NS if least_ns < SHORT_NS else TENTH_NS
    tenth_ns = (least_ns + step_ns // 2) // step_ns * step_ns
    is_on_time = abs(least_ns - tenth_ns) <= off_ns(tenth_ns)
    return tenth_ns if is_on_time and most_ns - tenth_ns <= TICK_NS + off_ns(tenth_ns) else 0


def measures(corrected: Any, gap: int, is_spacing: bool) -> bool:
    """Tell whether the gap measures the idle time, or the interval, undisturbed."""
    if (
        corrected.slack_ns[gap] > 0
        or corrected.capture_rtt_ns[gap] > HOST_DELAY_NS
        or shown_ns_of(corrected, gap, is_spacing) < 0
    ):
        return False
    return is_intvl(corrected.kind[gap]) if is_spacing else is_idle(corrected.kind[gap])


def shown_ns_of(corrected: Any, gap: int, is_spacing: bool) -> int:
    """Return the duration in ns that the gap shows; every segment restarts the idle clock of such timers."""
    shown_ns: int = corrected.probe_ns[gap] if is_spacing else corrected.any_ns[gap]
    return shown_ns


def off_ns(duration_ns: int) -> int:
    """Return by how much a duration may be off, in ns: the host's delay, and the drift of two clocks."""
    return HOST_DELAY_NS + (duration_ns >> DRIFT_SHIFT)


def survived_longer(corrected: Any, rows: int, time_ns: int) -> bool:
    """Tell whether a longer idle time than this was survived."""
    for gap in range(rows):
        if corrected.kind[gap] == SURVIVED and corrected.any_ns[gap] > time_ns + TICK_NS + off_ns(time_ns):
            return True
    return False


@not_inlined
def widen_bounds(corrected: Any, rows: int, tenth_ns: int, is_spacing: bool, settings: Any, row: int) -> int:
    """Make the bounds of a setting hold the tenth; return how many gaps show it."""
    off_ms = off_ns(tenth_ns) // MILLISECOND + 1 if tenth_ns % SECOND else 0
    if settings.basis[row] != ABSENT:
        settings.low_ms[row] = min(settings.low_ms[row], tenth_ns // MILLISECOND - off_ms)
        if settings.high_ms[row] != ABSENT:
            settings.high_ms[row] = max(settings.high_ms[row], tenth_ns // MILLISECOND + off_ms)
    shown = 0
    for gap in range(rows):
        shown += measures(corrected, gap, is_spacing)
    return shown
