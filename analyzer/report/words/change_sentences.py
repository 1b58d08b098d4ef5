"""What changed from one capture to a later one, in words."""

from analyzer.keepalive.summary.changes import Change, Place, Standing
from analyzer.keepalive.summary.paths import PathLimit
from analyzer.keepalive.summary.services import IdleLimit
from analyzer.report.units import SECOND, count, plain, short
from analyzer.report.words.group_sentences import number

MOST_NAMED = 5
"""Connections that are named; more are counted."""


def place(one: Place) -> str:
    """Name the ends whose settings are compared."""
    return one.service if one.is_server else f"clients of {one.service}"


def settings(change: Change, index: int) -> str:
    """Give time/intvl/probes before (0) or after (1): what most ends have, else the range."""
    if not change.connections[index]:
        return "no probes"
    usual = (change.before, change.after)[index]
    known = zip(usual, change.ranges[index], strict=True)
    return "/".join(str(value) if value is not None else number(of) for value, of in known)


def in_force(change: Change) -> list[str]:
    """Say on how many connections the new settings are in force, and which have others."""
    found = change.standings
    if not found:
        return []
    new, of = len(found.get(Standing.NEW, ())), change.connections[1]
    said = [f"The new settings are in force on {new:,} of {count(of, 'connection')}."]
    words = {
        Standing.OLD: "still {has} the old ones",
        Standing.OTHER: "{has} others",
        Standing.EITHER: "{does} not show which",
    }
    for one, form in words.items():
        if flows := found.get(one):
            is_one = len(flows) == 1
            verb = form.format(has="has" if is_one else "have", does="does" if is_one else "do")
            more = " …" if len(flows) > MOST_NAMED else "."
            said.append(f"{len(flows):,} {verb}: {' '.join(f'#{flow}' for flow in flows[:MOST_NAMED])}{more}")
    return said


def path_limit(limit: PathLimit | None) -> str:
    """Say for how long a path may be silent, or what it survived."""
    if limit is None:
        return "not seen"
    survived = short(limit.survived_ns) if limit.survived_ns is not None else None
    if limit.failed_ns is None:
        return f"survived {survived}" if survived else "no silence"
    return f"forgets after {survived} to {short(limit.failed_ns)}" if survived else f"forgets {short(limit.failed_ns)}"


def idle_limit(limit: IdleLimit | None) -> str:
    """Say after how long somebody ends idle connections."""
    if limit is None:
        return "not seen"
    if limit.value_ns is not None:
        return f"closes after {plain(limit.value_ns / SECOND)} s"
    high = short(limit.high_ns) if limit.high_ns is not None else "?"
    return f"closes after {short(limit.low_ns)} to {high}" if limit.low_ns else f"closes after at most {high}"
