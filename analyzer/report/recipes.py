"""Settings as people write them down: what to set where (recipes.toml), and what hosts have, as sysctl.conf.

The only place that knows the syntax of other programs.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from string import Template
from textwrap import wrap
from typing import Literal

from analyzer.analysis import Analysis
from analyzer.errors import OptionError
from analyzer.keepalive.settings.values import Setting, Settings
from analyzer.keepalive.summary.advice import recommended
from analyzer.keepalive.summary.hosts import LINUX, Host
from analyzer.keepalive.summary.paths import PathLimit
from analyzer.report.units import count, short
from analyzer.report.words import sentences, setting_sentences

EVERYTHING = "all"
WIDTH = 100
"""Of notes; lines are as long as their syntax wants them."""
DEFAULT_LIMIT_S = 350
"""Idle limit of an AWS Network Load Balancer."""
DEFAULT_MINUTES = 4
"""Idle limit of an Azure Load Balancer."""
NAMES = ("tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One table of recipes.toml."""

    name: str
    title: str
    lines: str
    source: str
    verified: Literal["run", "read", "no"]
    comment: str = "#"
    note: str = ""

    def filled(self, time: int, intvl: int, probes: int) -> Iterator[str]:
        """Yield the lines with these settings; title and note are comments in the target's own syntax."""
        limit_s = max(DEFAULT_LIMIT_S, time + 2 * intvl)
        values = {
            "time": time,
            "intvl": intvl,
            "probes": probes,
            "time_ms": 1000 * time,
            "intvl_ms": 1000 * intvl,
            "third": max(1, time // 3),  # anet.c anetKeepAlive
            "window": 1000 * (time + probes * intvl),
            "rest_ms": 1000 * probes * intvl,
            "half_ms": 500 * time,
            "idle_ms": 3000 * time,
            "limit": limit_s,
            "minutes": max(DEFAULT_MINUTES, -(-(time + 2 * intvl) // 60)),
        }
        yield f"{self.comment} {self.name}: {self.title}"
        yield from Template(self.lines).substitute(values).strip("\n").split("\n")
        sign = f"{self.comment} "
        note = Template(self.note).substitute(values)
        yield from wrap(note, WIDTH, initial_indent=sign, subsequent_indent=sign, break_on_hyphens=False)


@cache
def recipes() -> tuple[Recipe, ...]:
    text = resources.files("analyzer.report").joinpath("recipes.toml").read_text(encoding="utf-8")
    return tuple(Recipe(**table) for table in tomllib.loads(text)["recipe"])


def chosen(name: str) -> tuple[Recipe, ...]:
    """Return the recipe of this name, or all. Raises OptionError for an unknown name."""
    found = tuple(recipe for recipe in recipes() if name in {recipe.name, EVERYTHING})
    if not found:
        names = ", ".join(recipe.name for recipe in recipes())
        raise OptionError(f"--advice {name}: nothing is known by this name; there are {names}, and all")
    return found


def names() -> list[str]:
    """Return what --advice takes."""
    return [*(recipe.name for recipe in recipes()), EVERYTHING]


def advice_lines(name: str, analysis: Analysis) -> Iterator[str]:
    """Yield the lines that say what to set, under the tightest limit of the capture's paths."""
    found = chosen(name)
    limit = tightest(analysis)
    time, intvl, probes = recommended(limit)
    sign = found[0].comment if len(found) == 1 else "#"
    yield f"{sign} {time}/{intvl}/{probes}: probe after {time} s idle, every {intvl} s, {probes} times;"
    noticed_s = time + probes * intvl
    yield f"{sign} a dead peer is noticed within {noticed_s} s and what Linux timers add, an eighth at most."
    if limit is not None and limit.failed_ns is not None:
        survived = f", having survived {short(limit.survived_ns)}" if limit.survived_ns is not None else ""
        once = "; seen on one connection only" if limit.failed == 1 else ""
        yield f"{sign} The path to {limit.path} forgot a connection after {short(limit.failed_ns)}{survived}{once}."
    else:
        yield f"{sign} No path in this capture forgot a connection; many known ones do so after 300 to 350 s."
    for recipe in found:
        yield ""
        yield from recipe.filled(time, intvl, probes)


def tightest(analysis: Analysis) -> PathLimit | None:
    limits = [limit for limit in analysis.path_limits if limit.failed_ns is not None and not limit.half_closed]
    return min(limits, key=lambda limit: limit.failed_ns or 0, default=None)


def sysctl_lines(analysis: Analysis) -> Iterator[str]:
    """Yield the settings of the probing hosts as sysctl.conf; what is not determined is a comment."""
    if not analysis.hosts:
        yield "# No end of any connection sends keepalive probes."
    for number, host in enumerate(analysis.hosts):
        if number:
            yield ""
        yield from _host_lines(host)


def _host_lines(host: Host) -> Iterator[str]:
    if host.addr is None:
        yield from _middlebox_lines(host)
        return
    hz = f", {host.hz} Hz" if host.hz is not None else ""
    yield f"# {host.addr}: {host.stack}{hz}; {count(host.flows, 'connection')} in the capture"
    if host.stack != LINUX:
        yield "# The names are Linux's; the capture does not show whether it runs Linux."
    if host.sysctl is None:
        yield "# Its connections contradict each other, and none of their settings is the most common."
    else:
        yield "# As seen on its connections; a program may have set it on its sockets."
        for name in NAMES:
            yield from _setting_lines(name, getattr(host.sysctl, name), host.sysctl)
    for one in host.overrides:
        triple = _in_short(one.settings)
        yield f"# Connections to port {one.port} have their own: {triple}, seen {one.flows:,} times."


def _middlebox_lines(host: Host) -> Iterator[str]:
    """Yield comments only: the middlebox's settings are those of no host."""
    yield f"# {sentences.host_name(host)}: something on the path that probes in their names; their own do not show."
    if host.sysctl is not None:
        yield f"# Its own are {_in_short(host.sysctl)}, in {count(host.flows, 'connection')}."


def _in_short(settings: Settings) -> str:
    return "/".join(_short(getattr(settings, name)) for name in NAMES) + " (time/intvl/probes)"


def _setting_lines(name: str, setting: Setting | None, settings: Settings) -> Iterator[str]:
    if setting is None:
        yield f"# net.ipv4.{name}: the capture does not show it"
        return
    yield f"# {setting_sentences.bounds_in_words(setting)}: {setting_sentences.observed(setting, settings)}"
    yield f"net.ipv4.{name} = {setting.value}" if setting.value is not None else f"# net.ipv4.{name} is not determined"


def _short(setting: Setting | None) -> str:
    if setting is None:
        return "?"
    return str(setting.value) if setting.value is not None else setting_sentences.bounds_in_words(setting)
