"""The options and output of `--what-if`: other settings, and what they would have done, as lines and as an object."""

from collections.abc import Iterator
from re import sub
from textwrap import wrap
from typing import Any

from analyzer.analysis import Analysis
from analyzer.errors import OptionError
from analyzer.keepalive.model.linux import Keepalive
from analyzer.keepalive.summary.what_if import WhatIf
from analyzer.report.units import seconds
from analyzer.report.words import sentences, what_if_sentences
from analyzer.report.words.one_line import who

NAMES = {"time": "time_s", "intvl": "intvl_s", "probes": "probes", "user_timeout_ms": "user_timeout_ms"}
DEFAULTS = {"time": 7200, "intvl": 75, "probes": 9}
"""Linux's defaults (include/net/tcp.h)."""
MOST = {"time_s": 32767, "intvl_s": 32767, "probes": 127, "user_timeout_ms": 2**31 - 1}
"""Largest values that setsockopt accepts (MAX_TCP_KEEPIDLE and so on)."""
PROSE_WIDTH = 100
INDENT = 4 * " "
TIE = "\N{NO-BREAK SPACE}"


class Supposed:
    """What other settings would have done, as the library gives it; its text is that of `--what-if`."""

    def __init__(self, findings: WhatIf, text: str) -> None:
        self.findings = findings
        """All of it, as dataclasses."""
        self._text = text

    def as_object(self) -> dict[str, Any]:
        """Return the part `what_if` of the JSON document."""
        return as_object(self.findings)

    def __repr__(self) -> str:
        return self._text


def suppose(analysis: Analysis, keepalive: Keepalive, top: int) -> Supposed:
    """Replay a capture with these settings, and describe `top` of the connections that were lost."""
    found = analysis.what_if(keepalive)
    return Supposed(found, "\n".join(lines(found, analysis, top, PROSE_WIDTH)))


def parse(words: str) -> Keepalive:
    """Parse settings like time=60,intvl=10,probes=5, and optionally user_timeout_ms=30000. Raises OptionError."""
    given = {NAMES[name]: value for name, value in DEFAULTS.items()}
    for part in words.split(","):
        name, _, number = part.strip().partition("=")
        if name not in NAMES or not number.isdecimal():
            raise OptionError(f"--what-if {words}: '{part}' is not understood; give time=60,intvl=10,probes=5")
        given[NAMES[name]] = int(number)
        if not 1 <= int(number) <= MOST[NAMES[name]]:
            raise OptionError(f"--what-if {words}: {name} is from 1 to {MOST[NAMES[name]]}")
    return Keepalive(**given)


def lines(supposed: WhatIf, analysis: Analysis, top: int, width: int) -> Iterator[str]:
    """Yield what all connections come to, and `top` of those that were lost, as lines no longer than `width`."""
    settings, flows = supposed.keepalive, analysis.flows
    lost = [
        one for one in supposed.replays if one.noticed_ns is not None or one.was_noticed_ns is not None or one.prevented
    ]
    yield what_if_sentences.title(settings)
    for sentence in what_if_sentences.overall(supposed, lost):
        yield from _wrapped(sentence, width)
    for one in lost[:top]:
        flow = flows[one.flow]
        yield ""
        yield from wrap(f"#{flow.id}  {who(flow)}      {sentences.headline(flow)}", width, subsequent_indent=INDENT)
        for sentence in what_if_sentences.replayed(one, flow, settings):
            yield from _wrapped(sentence, width)
    if len(lost) > top:
        yield ""
        yield f"and {len(lost) - top:,} more; --top N shows N, --json all"


def _wrapped(sentence: str, width: int) -> Iterator[str]:
    """Yield the lines of a sentence; a number stays with its unit."""
    tied = sub(r"(?<=\d) (?=m?s\b)", TIE, sentence)
    for line in wrap(tied, min(width, PROSE_WIDTH), initial_indent=INDENT, subsequent_indent=INDENT):
        yield line.replace(TIE, " ")


def as_object(supposed: WhatIf) -> dict[str, Any]:
    """Return the part `what_if` of the document."""
    settings = supposed.keepalive
    return {
        "settings": {
            "tcp_keepalive_time": settings.time_s,
            "tcp_keepalive_intvl": settings.intvl_s,
            "tcp_keepalive_probes": settings.probes,
            "tcp_user_timeout": settings.user_timeout_ms / 1000 if settings.user_timeout_ms else None,
        },
        "duration_s": seconds(supposed.capture_ns),
        "probes_now": supposed.probes_now,
        "probes": supposed.probes,
        "packets": supposed.packets,
        "bytes": supposed.octets,
        "packets_a_day": supposed.a_day(supposed.packets),
        "bytes_a_day": supposed.a_day(supposed.octets),
        "flows": [
            {
                "id": one.flow,
                "prober": one.prober,
                "probes": one.probes,
                "answered": one.answered,
                "gave_up": one.gave_up,
                "noticed_s": [seconds(ns) for ns in one.noticed_ns] if one.noticed_ns is not None else None,
                "was_noticed_s": seconds(one.was_noticed_ns),
                "prevented": one.prevented.value if one.prevented is not None else None,
            }
            for one in supposed.replays
        ],
    }
