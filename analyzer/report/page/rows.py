"""The page's table of all connections as compact JSON: words that repeat stand once, and rows refer to them.

The script of the page (page/page.js) reads it; the names of the parts are agreed between the two.
"""

import json
from typing import Any

from markupsafe import Markup

from analyzer.keepalive.findings import Flow, Flows
from analyzer.report.ranking import URGENCY, by_urgency, is_eventful
from analyzer.report.units import SECOND
from analyzer.report.words import sentences, setting_sentences
from analyzer.report.words.one_line import course, who
from analyzer.schema.export import SETTINGS

MOST_ROWS = 20_000
"""Most rows: beyond that a browser is no longer the right reader."""


class _Words:
    """Strings by number, each different one once."""

    def __init__(self) -> None:
        self.index: dict[str, int] = {}

    def __call__(self, word: str) -> int:
        return self.index.setdefault(word, len(self.index))


def table(flows: Flows, signs: dict[str, str]) -> Markup:
    """Return JSON that can stand in a page: `outcomes`, `words`, and `rows` with the most urgent first."""
    words = _Words()
    rows = [_row(flow, words) for flow in by_urgency(flows)[:MOST_ROWS]]
    outcomes = [[one.value, sentences.OUTCOMES[one], signs[one.value]] for one in URGENCY]
    value = {"outcomes": outcomes, "words": list(words.index), "rows": rows}
    dumped = json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    for one in "<>&\u2028\u2029":  # nothing in it may end the script element
        dumped = dumped.replace(one, f"\\u{ord(one):04x}")
    return Markup(dumped)  # noqa: S704  # escaped above


def _row(flow: Flow, words: _Words) -> list[Any]:
    """Return number, ends, outcome, headline, settings, probes, answered, longest silence, start, length, and more of
    it."""
    return [
        flow.id,
        who(flow),
        URGENCY.index(flow.verdict.outcome),
        words(sentences.headline(flow)),
        words(" · ".join(_triple(flow, index) for index in flow.probers)),
        sum(len(end.story.probes) for end in flow.ends),
        sum(end.answered for end in flow.ends),
        _seconds(sentences.longest_idle_ns(flow)),
        _seconds(flow.start_ns),
        _seconds(flow.end_ns - flow.start_ns),
        flow.packets,
        *([_more(flow, words)] if is_eventful(flow) else []),
    ]


def _more(flow: Flow, words: _Words) -> list[Any]:
    """Return what is shown when the row is opened: sentences, settings with their basis, the course, reasons,
    frames."""
    settings = [
        [
            words(sentences.prober_label(flow.ends[index])),
            *(_setting(flow, index, name, words) for name in SETTINGS[:3]),
        ]
        for index in flow.probers
    ]
    return [
        [words(one) for one in sentences.sentences(flow)],
        settings,
        words(course(flow)) if flow.probers else -1,
        [words(one) for one in sentences.reasons(flow.verdict)],
        list(flow.verdict.evidence_frames),
    ]


def _setting(flow: Flow, index: int, name: str, words: _Words) -> list[int]:
    settings = flow.ends[index].settings
    setting = getattr(settings, name)
    if setting is None:
        return [words(name), words("?"), words(""), words("the capture does not show it")]
    value = str(setting.value) if setting.value is not None else "?"
    return [
        words(one)
        for one in (name, value, setting_sentences.bounds(setting), setting_sentences.observed(setting, settings))
    ]


def _triple(flow: Flow, index: int) -> str:
    parts = []
    for name in SETTINGS[:3]:
        setting = getattr(flow.ends[index].settings, name)
        parts.append(
            "?"
            if setting is None
            else str(setting.value)
            if setting.value is not None
            else setting_sentences.bounds(setting)
        )
    return "/".join(parts)


def _seconds(ns: int) -> float:
    return round(ns / SECOND, 3)
