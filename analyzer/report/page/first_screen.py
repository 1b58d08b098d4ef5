"""The first screen of the page: what the capture says, what to do about it, and one chart that shows why.

The chart is chosen by the first conclusion: the silences of a path that forgets, the idle times at a service that
closes, and of all else the timeline of a connection that it is true of.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup, escape

from analyzer.keepalive.summary.conclusions import MOST_SHOWN, Conclusion, ConclusionCode
from analyzer.keepalive.summary.services import IdleLimit
from analyzer.keepalive.verdict.values import Confidence
from analyzer.report.ranking import ordered
from analyzer.report.words import chart_sentences, conclusion_sentences, fix_sentences, group_sentences

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analyzer.report.library import Analysis

OF_A_PATH = frozenset(
    {
        ConclusionCode.PATH_FORGETS,
        ConclusionCode.PATH_RESETS,
        ConclusionCode.NAT_REBINDING,
    }
)
"""Conclusions that the silences of a path show; those of half-closed connections do not differ from others there."""
OF_A_SERVICE = frozenset(
    {ConclusionCode.SERVICE_CLOSES_IDLE, ConclusionCode.KEEPALIVE_RACE, ConclusionCode.HEARTBEAT_TOO_RARE}
)
"""Conclusions that the idle times at a service show."""
FEWEST_SILENCES = 3
"""Fewer silences show no limit."""
SURENESS = {Confidence.LIKELY: "likely", Confidence.GUESS: "a guess"}


class Why(NamedTuple):
    """The chart that shows why the first conclusion holds."""

    draw: Callable[[], "Axes"]
    wide: "Axes"
    """The same, drawn as wide as a page."""
    caption: str
    flow: int | None = None
    """The connection that it is the timeline of, if it is one."""
    path: str | None = None
    """The path whose silences it shows, if it does."""
    limit: IdleLimit | None = None
    """The idle limit of a service that it shows, if it does."""


def conclusions(analysis: "Analysis") -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the conclusions that stand on the first screen, and those that do not."""
    said = [_said(one) for one in analysis.findings.conclusions]
    return said[:MOST_SHOWN], said[MOST_SHOWN:]


def _said(one: Conclusion) -> dict[str, Any]:
    fix = fix_sentences.fix(one)
    return {
        "code": one.code.value,
        "text": with_code(conclusion_sentences.text(one)),
        "fix": with_code(fix) if fix else "",
        "sureness": SURENESS.get(one.confidence, ""),
        "flows": one.flows,
    }


def with_code(words: str) -> Markup:
    """Escape words, mark what stands between backquotes as something to type, and keep units with their numbers."""
    marked = re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(words)))
    return Markup(re.sub(r"(?<=\d) (?=(s|min|h)\b)", "\N{NO-BREAK SPACE}", marked))  # noqa: S704  # escaped


def groups(analysis: "Analysis") -> list[dict[str, Any]]:
    """Return a line for each group of connections that fared alike, the most urgent first."""
    return [
        {
            "count": len(one.flows),
            "outcome": one.outcome.value,
            "fate": group_sentences.fate(one),
            "service": group_sentences.service(one),
            "settings": group_sentences.settings(one),
            "idle": group_sentences.idle(one),
            "examples": one.flows[: group_sentences.EXAMPLES],
        }
        for one in ordered(analysis.findings.groups)
    ]


def why(analysis: "Analysis") -> Why | None:
    """Draw the chart for the first conclusion; None where there is nothing to draw."""
    first = next(iter(analysis.findings.conclusions), None)
    if first is None or not first.flows:
        return None
    return _of_many(analysis, first) or _of_one(analysis, first)


def _of_many(analysis: "Analysis", one: Conclusion) -> Why | None:
    """Draw what all connections to a service show together, if that shows the conclusion."""
    from analyzer.report.charts.style import is_nothing

    if one.service is None:
        return None
    is_of_path = one.limit is not None and one.limit.by in ("path", "unknown")
    if one.code in OF_A_PATH or (one.code in OF_A_SERVICE and is_of_path):
        if not _tells(analysis, one.service):
            return None
        draw = partial(analysis.plot.silences, one.service)
        return Why(draw, draw(), chart_sentences.silences(one.service), path=one.service)
    if one.code in OF_A_SERVICE and one.limit is not None:
        draw = partial(analysis.plot.services, one.service, one.limit)
        words, wide = chart_sentences.services(one.service, one.limit), draw()
        return None if is_nothing(wide) else Why(draw, wide, words, limit=one.limit)
    return None


def _tells(analysis: "Analysis", path: str) -> bool:
    """Tell whether silences of a path failed, and there are so many that a chart of them says more than a timeline."""
    from analyzer.report.charts.silences import told

    survived = [one.survived for one in told(analysis, path)]
    return len(survived) >= FEWEST_SILENCES and not all(survived)


def _of_one(analysis: "Analysis", one: Conclusion) -> Why | None:
    """Draw the timeline of the first connection that a conclusion is true of."""
    from analyzer.report.charts.style import is_nothing

    flow = one.flows[0]
    draw = partial(analysis.plot.timeline, flow)
    words, wide = chart_sentences.timeline(flow, len(one.flows)), draw()
    return None if is_nothing(wide) else Why(draw, wide, words, flow=flow)
