"""What the prober had counted: its unanswered probes in a row, some of which the capture may lack.

The timer counts what it sends (tcp_timer.c icsk_probes_out), a capture what passes it. Each gap of an end comes with
the probes that are missing within it (`losses.mend`), as well as that is known; `count_runs` adds them up.
"""

from typing import Any

from analyzer.keepalive.story.values import CYCLE, FIRST, GIVE_UP, SPACING, SURVIVED


def count_runs(corrected: Any, rows: int, run_counts: Any) -> None:
    """What the prober had counted by the end of each gap, if no losses but the visible ones happened.

    A gap may have been left out, so that the next one counts more than one probe more, or belongs to another run.
    """
    fewest = best = most = unheard_ns = captured = runs = 0
    for gap in range(rows):
        kind, unanswered = corrected.kind[gap], corrected.unanswered[gap]
        if kind == SURVIVED:
            continue
        left_out = unanswered - captured
        captured = 1 if is_unheard(corrected, gap) else unanswered + 1
        if kind == FIRST or kind == CYCLE or corrected.is_restart[gap]:
            fewest = best = most = unheard_ns = 0
        elif left_out < 0:
            fewest = best = most = unanswered
            unheard_ns = 0
        elif fewest == 0 and best == 0 and most == 0:
            fewest = best = most = unanswered
        elif is_unheard(corrected, gap):
            unheard_ns += corrected.probe_ns[gap]
        if left_out > 0 and runs and most < unanswered:
            fewest, best, most = fewest + left_out, best + left_out, most + left_out
        fewest, best, most = (
            max(0, fewest + corrected.fewest[gap]),
            best + corrected.best[gap],
            most + corrected.most[gap],
        )
        run_counts.fewest[gap], run_counts.best[gap], run_counts.most[gap] = fewest, best, most
        run_counts.unheard_ns[gap] = unheard_ns
        runs += 1
        if kind == GIVE_UP:
            fewest = best = most = 0
        else:
            fewest, best, most = fewest + 1, best + 1, most + 1


def is_unheard(corrected: Any, gap: int) -> bool:
    """An answer was captured before it: the prober's clock began with an earlier one."""
    return bool(corrected.kind[gap] == SPACING and 0 <= corrected.heard_ns[gap] <= corrected.probe_ns[gap])
