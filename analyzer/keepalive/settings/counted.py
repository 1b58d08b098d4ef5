"""What the prober had counted: its unanswered probes in a row, some of which the capture may lack.

The timer counts what it sends (tcp_timer.c icsk_probes_out), a capture what passes it. Each gap of an end comes with
the probes that are missing within it (`losses.mend`), as well as that is known; `count_runs` adds them up.
"""

from typing import Any

from analyzer.keepalive.story.values import CYCLE, FIRST, GIVE_UP, SPACING, SURVIVED


def count_runs(seen: Any, rows: int, counted: Any) -> None:
    """What the prober had counted by the end of each gap, if no losses but the visible ones happened.

    A gap may have been left out, so that the next one counts more than one probe more, or belongs to another run.
    """
    fewest = best = most = unheard_ns = captured = runs = 0
    for it in range(rows):
        kind, unanswered = seen.kind[it], seen.unanswered[it]
        if kind == SURVIVED:
            continue
        left_out = unanswered - captured
        captured = 1 if is_unheard(seen, it) else unanswered + 1
        if kind == FIRST or kind == CYCLE or seen.is_restart[it]:
            fewest = best = most = unheard_ns = 0
        elif left_out < 0:
            fewest = best = most = unanswered
            unheard_ns = 0
        elif fewest == 0 and best == 0 and most == 0:
            fewest = best = most = unanswered
        elif is_unheard(seen, it):
            unheard_ns += seen.probe_ns[it]
        if left_out > 0 and runs and most < unanswered:
            fewest, best, most = fewest + left_out, best + left_out, most + left_out
        fewest, best, most = max(0, fewest + seen.fewest[it]), best + seen.best[it], most + seen.most[it]
        counted.fewest[it], counted.best[it], counted.most[it] = fewest, best, most
        counted.unheard_ns[it] = unheard_ns
        runs += 1
        if kind == GIVE_UP:
            fewest = best = most = 0
        else:
            fewest, best, most = fewest + 1, best + 1, most + 1


def is_unheard(seen: Any, it: int) -> bool:
    """An answer was captured before it: the prober's clock began with an earlier one."""
    return bool(seen.kind[it] == SPACING and 0 <= seen.heard_ns[it] <= seen.probe_ns[it])
