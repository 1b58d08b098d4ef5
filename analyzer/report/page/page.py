"""The report as one HTML page that needs nothing else: `--html`, and what shows itself in a notebook.

Knows what stands on the page, in which order. Templates escape all they are given; what the
script shows comes as JSON and is put in as text. No address on the network is ever named.
"""

import os
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from hashlib import sha256
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analyzer.keepalive.findings import End, Flow, Flows
from analyzer.keepalive.settings.values import Setting
from analyzer.keepalive.summary import hosts
from analyzer.keepalive.summary.advice import Advice, recommended
from analyzer.keepalive.summary.conclusions import MOST_SHOWN, Conclusion, named, unsaid
from analyzer.keepalive.summary.services import IdleLimit
from analyzer.report import recipes
from analyzer.report.output_file import text_output
from analyzer.report.page import first_screen
from analyzer.report.page.rows import MOST_ROWS, table
from analyzer.report.ranking import MOST_GROUPS, to_describe
from analyzer.report.terminal import title
from analyzer.report.units import short
from analyzer.report.wireshark.filters import display_filter
from analyzer.report.words import (
    fix_sentences,
    group_sentences,
    plain_words,
    sentences,
    service_sentences,
    setting_sentences,
)
from analyzer.report.words.one_line import course, who
from analyzer.schema.export import SETTINGS
from analyzer.version import __version__

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analyzer.report.connection import Connection
    from analyzer.report.library import Analysis

MOST_PATHS = 6
"""Most paths, and services, with charts."""
BY_APPLICATION = ("responder", "originator")
USERINFO = re.compile(r"://[^/@\s]+@")
"""What a URL may have before the host: a name and a password, which are nobody's business."""
MOST_ALIKE = 3
"""Most pieces of advice of one kind."""
SIGNS = {
    "timed-out": "✕",
    "unreachable": "⊘",
    "reset": "↯",
    "undetected": "!",
    "probing": "?",
    "open": "○",
    "alive": "✓",
    "closed": "■",
    "unknown": "·",
}
"""Signs that tell outcomes apart without their colour."""


def _shown(value: object) -> object:
    """Replace control characters, which file names may hold; what is HTML already stays as it is."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in value)


@cache
def _environment() -> Environment:
    from analyzer.report.charts.style import LOOKS

    made = Environment(
        loader=PackageLoader("analyzer.report", "page"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_shown,
    )  # fmt: skip
    made.filters["short"], made.filters["thousands"] = short, "{:,}".format
    made.globals["signs"], made.globals["colors"] = SIGNS, {name: look.color for name, look in LOOKS.items()}
    return made


def write(analysis: "Analysis", path: str, shown: int, command: str = "") -> None:
    """Write the page to a file; OptionError if it cannot be written. `command` is the line that asked for it."""
    words = analysis.ask(page, shown, colophon(command))
    with text_output(path, "--html") as file:
        file.write(words)


def colophon(command: str = "") -> dict[str, str]:
    """Return what the foot of the page says: version, date (SOURCE_DATE_EPOCH if that is set) and command line."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    at = datetime.fromtimestamp(int(epoch), UTC) if epoch.isdecimal() else datetime.now(UTC)
    return {"version": __version__, "date": f"{at:%Y-%m-%d %H:%M} UTC", "command": USERINFO.sub("://…@", command)}


def page(analysis: "Analysis", shown: int, foot: dict[str, str]) -> str:
    """Return the whole page, with charts for the `shown` connections that matter most; `foot` is of `colophon`."""
    from analyzer.report.charts.vectors import dark_css

    findings = analysis.findings
    names, what = title(findings)
    conclusions, further = first_screen.conclusions(analysis)
    in_full, alike = _examples(findings.flows, shown, named(findings.conclusions[:MOST_SHOWN]))
    groups = first_screen.groups(analysis) if len(findings.flows) > 1 else []
    script = _part("page.js")
    why = first_screen.why(analysis)
    return _environment().get_template("report.html.j2").render(
        title=plain_words.overall(findings.flows),
        names=names,
        what=what,
        conclusions=conclusions,
        further=further,
        chosen=group_sentences.chosen(findings) if groups else "",
        groups=groups[: MOST_GROUPS],
        more_groups=groups[MOST_GROUPS :],
        why=_why(why) if why is not None else None,
        cards=[
            _card(analysis, flow, alike[sentences.headline(flow)], is_drawn=why is not None and why.flow == flow.id)
            for flow in in_full
        ],
        counts=[(outcome.value, words, count) for outcome, words, count in group_sentences.counted(findings.flows)],
        advice=_advice(analysis),
        recipes=_recipes(analysis) if findings.advice or _names_lines(findings.conclusions) else None,
        overview=_chart(analysis.plot.overview, "overview") if len(findings.flows) > 1 else "",
        paths=_paths(analysis, why.path if why is not None else None),
        services=_services(analysis, why.limit if why is not None else None),
        hosts=_hosts(analysis),
        foot=foot,
        diagnostics=findings.diagnostics,
        table=table(findings.flows, SIGNS),
        left_out=max(0, len(findings.flows) - MOST_ROWS),
        css=Markup(_part("page.css") + "@media screen and (prefers-color-scheme: dark) { " + dark_css() + " }"),  # noqa: S704  # our own
        script=Markup(script),  # noqa: S704  # our own
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
    )  # fmt: skip


def notebook_summary(analysis: "Analysis") -> str:
    """Return a summary of the analysis, for the output of a cell."""
    in_full, _ = to_describe(analysis.findings.flows, 3)
    names, what = title(analysis.findings)
    words = plain_words.overall(analysis.findings.flows)
    cards = [_description(flow) for flow in in_full]
    conclusions, _ = first_screen.conclusions(analysis)
    template = _environment().get_template("notebook.html.j2")
    return template.render(title=words, names=names, what=what, conclusions=conclusions, cards=cards)


def notebook_connection(connection: "Connection") -> str:
    card = _description(connection.findings)
    template = _environment().get_template("notebook.html.j2")
    return template.render(title=None, names="", what="", conclusions=[], cards=[card])


@cache
def _part(name: str) -> str:
    return resources.files("analyzer.report").joinpath("page", name).read_text(encoding="utf-8")


def _chart(draw: Callable[[], "Axes"], name: str, wide: "Axes | None" = None) -> Markup:
    """Return a chart as SVG, once as wide as a page, where it may have been drawn already, and once as a telephone;
    matplotlib escapes its words."""
    from analyzer.report.charts.style import narrow
    from analyzer.report.charts.vectors import svg

    roomy = svg(wide if wide is not None else draw(), name, is_dark_too=False)
    with narrow():
        tight = svg(draw(), f"{name}-narrow", is_dark_too=False)
    return Markup(f'<div class="roomy">{roomy}</div><div class="tight">{tight}</div>')  # noqa: S704  # as above


def _why(why: first_screen.Why) -> dict[str, Any]:
    """Return the chart of the first screen, what it shows, and the connection that it is of."""
    return {"chart": _chart(why.draw, "why", why.wide), "caption": why.caption, "flow": why.flow}


def _names_lines(conclusions: Sequence[Conclusion]) -> bool:
    """Tell whether what is said to do names lines to set, which then stand on the page."""
    return any("--advice" in (fix_sentences.fix(one) or "") for one in conclusions)


def _examples(flows: Flows, shown: int, first: Sequence[int]) -> tuple[Sequence[Flow], Counter[str]]:
    """Choose the connections with a chart: all that matter, or one of each kind if they are too many, those that come
    `first` before others. Return them, and how many of each kind there are."""
    in_full: Sequence[Flow]
    in_full, rest = to_describe(flows, shown, named=first)
    alike: Counter[str] = Counter()
    if rest:
        alike.update(sentences.headline(flow) for flow in (*in_full, *rest))
        kinds: dict[str, Flow] = {}
        for flow in (*in_full, *rest):
            kinds.setdefault(sentences.headline(flow), flow)
        in_full = list(kinds.values())[:shown]
    return in_full, alike


def _card(analysis: "Analysis", flow: Flow, alike: int, *, is_drawn: bool) -> dict[str, Any]:
    """Return all about a connection; its timeline unless that `is_drawn` on the first screen."""
    card = _description(flow)
    card["alike"] = max(0, alike - 1)
    card["timeline"] = "" if is_drawn else _chart(partial(analysis.plot.timeline, flow.id), f"timeline-{flow.id}")
    card["filter"] = display_filter(flow)
    card["candidates"] = [
        _chart(partial(analysis.plot.candidates, flow.id, name, index), f"candidates-{flow.id}-{index}-{name}")
        for index in flow.probers
        for name in SETTINGS[:2]
        if _is_measured(getattr(flow.ends[index].settings, name))
    ]
    card["advice"] = [sentences.advice(one) for one in _unsaid(analysis) if flow.id in one.flows]
    return card


def _is_measured(setting: Setting | None) -> bool:
    return setting is not None and setting.value is not None


def _description(flow: Flow) -> dict[str, Any]:
    """Return the description of a connection, without charts."""
    return {
        "id": flow.id,
        "who": who(flow),
        "outcome": flow.verdict.outcome.value,
        "confidence": flow.verdict.confidence.value,
        "headline": sentences.headline(flow),
        "sentences": sentences.sentences(flow),
        "meaning": plain_words.meaning(flow),
        "reasons": sentences.reasons(flow.verdict),
        "frames": flow.verdict.evidence_frames,
        "ledger": [sentences.probe_ledger(flow, index) for index in flow.probers],
        "ends": [_end(flow, index) for index in flow.probers],
        "course": course(flow) if flow.probers else "",
    }


def _end(flow: Flow, index: int) -> dict[str, Any]:
    end = flow.ends[index]
    return {
        "name": sentences.prober_label(end),
        "settings": [_setting(end, name) for name in SETTINGS[:3]],
        "clock": setting_sentences.clock(end.settings) if end.settings.models else "",
        "matches": sentences.matches(flow, index),
    }


def _setting(end: End, name: str) -> tuple[str, str, str, str]:
    setting: Setting | None = getattr(end.settings, name)
    if setting is None:
        return name, "?", "", "the capture does not show it"
    value = str(setting.value) if setting.value is not None else "?"
    return name, value, setting_sentences.bounds(setting), setting_sentences.observed(setting, end.settings)


def _unsaid(analysis: "Analysis") -> list[Advice]:
    """Return the advice that the conclusions do not give already."""
    return unsaid(analysis.findings.advice, analysis.findings.conclusions)


def _advice(analysis: "Analysis") -> list[dict[str, Any]]:
    """Return some advice of each kind, and how many more there are."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for one in _unsaid(analysis):
        kinds.setdefault(one.code.value, []).append({"text": sentences.advice(one), "flows": one.flows, "more": 0})
    for alike in kinds.values():
        alike[min(len(alike), MOST_ALIKE) - 1]["more"] = max(0, len(alike) - MOST_ALIKE)
    return [one for alike in kinds.values() for one in alike[:MOST_ALIKE]]


def _recipes(analysis: "Analysis") -> dict[str, Any]:
    """Return what to set, in every syntax known, under the tightest path's limit."""
    triple = recommended(recipes.tightest(analysis.findings))
    how = [(recipe.title, "\n".join(list(recipe.filled(*triple))[1:])) for recipe in recipes.recipes()]
    intro = [line.removeprefix("# ") for line in recipes.advice_lines("linux", analysis.findings) if line][:3]
    return {"triple": "/".join(map(str, triple)), "intro": " ".join(intro), "how": how}


def _paths(analysis: "Analysis", drawn: str | None) -> list[dict[str, Any]]:
    """Return the paths that forgot a connection, with a chart each but for the one that is `drawn` on the first screen;
    without one, what all of them survived."""
    limits = analysis.findings.path_limits
    broken = [limit for limit in limits if limit.failed_ns is not None][:MOST_PATHS]
    shown: Sequence[Any] = broken or [limit for limit in limits if len(limits) == 1 or limit.path == "all"]
    return [
        {
            "limit": limit,
            "sentences": sentences.path(limit),
            "name": sentences.path_name(limit),
            "is_above": limit.path == drawn and not limit.half_closed,
            "chart": ""
            if limit.half_closed or limit.path == drawn
            else _chart(partial(analysis.plot.silences, limit.path), f"silences-{number}"),
        }
        for number, limit in enumerate(shown)
    ]


def _services(analysis: "Analysis", drawn: IdleLimit | None) -> list[dict[str, Any]]:
    """Return the services of which an application ends idle connections, and its limits in words, with a chart each but
    for the one that is `drawn` on the first screen."""
    found: list[dict[str, Any]] = []
    words = service_sentences.idle_limit
    for one in analysis.findings.services:
        limits = [limit for limit in one.idle_limits if limit.by in BY_APPLICATION]
        if not limits or len(found) == MOST_PATHS:
            continue
        said = []
        for number, limit in enumerate(limits):
            is_above = limit == drawn
            name = f"service-{len(found)}-{number}"
            has_chart = not is_above and not limit.half_closed
            chart = _chart(partial(analysis.plot.services, one.service, limit), name) if has_chart else ""
            said.append({"text": words(limit), "is_above": is_above, "chart": chart})
            words = service_sentences.in_brief
        found.append({"name": service_sentences.service(one), "limits": said})
    return found


def _hosts(analysis: "Analysis") -> dict[str, Any] | None:
    if not analysis.findings.hosts:
        return None
    from analyzer.report.charts.hosts import MOST

    found = sorted(hosts.rows(analysis.findings.hosts), key=lambda row: -row.flows)
    return {
        "rows": [_host(row) for row in found[:MOST]],
        "more": max(0, len(found) - MOST),
        "settings": _chart(analysis.plot.hosts, "hosts"),
        "cost": _chart(analysis.plot.cost, "cost"),
    }


def _host(row: hosts.HostRow) -> dict[str, Any]:
    """Return a row of the hosts' table: a host's connections to one service, with the range of their settings."""
    return {
        "name": sentences.host_name(row.host),
        "port": row.port,
        "flows": row.flows,
        "kinds": len(row.settings),
        "settings": group_sentences.triple(row.settings),
        "system": row.host.stack,
        "hz": row.host.hz,
    }
