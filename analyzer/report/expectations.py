"""`--expect` and `--fail-on`: what a person demands of a capture, and what does not meet it."""

from collections.abc import Iterator

from analyzer.analysis import Analysis
from analyzer.errors import OptionError
from analyzer.keepalive.settings import Setting
from analyzer.keepalive.verdict import Outcome
from analyzer.report import explain
from analyzer.report.units import plain

NAMES = {"time": "tcp_keepalive_time", "intvl": "tcp_keepalive_intvl", "probes": "tcp_keepalive_probes"}


def parse(words: str) -> dict[str, int]:
    """Settings by name from time=60,intvl=10,probes=3; any of the three may be left out."""
    expected = {}
    for part in words.split(","):
        name, _, number = part.strip().partition("=")
        if name not in NAMES or not number.isdecimal():
            raise OptionError(
                f"--expect {words}: '{part}' is not understood; give time=60,intvl=10,probes=3 or some of it"
            )
        expected[NAMES[name]] = int(number)
    return expected


def parse_outcomes(words: str) -> frozenset[Outcome]:
    known = {outcome.value: outcome for outcome in Outcome}
    unknown = [word for word in words.split(",") if word not in known]
    if unknown:
        raise OptionError(f"--fail-on {words}: no outcome is called '{unknown[0]}'; there are {', '.join(known)}")
    return frozenset(known[word] for word in words.split(","))


def unmet(expected: dict[str, int], analysis: Analysis) -> Iterator[str]:
    """A line for each probing end whose bounds exclude an expected setting."""
    for flow in analysis.flows:
        for index in flow.probers:
            end = flow.ends[index]
            for name, number in expected.items():
                setting: Setting | None = getattr(end.settings, name)
                if setting is not None and not includes(setting, number):
                    high = plain(setting.high) if setting.high is not None else "…"
                    where = f"#{flow.id} {explain.end_label(end)}"
                    yield f"expected {name} = {number}, but {where} has {plain(setting.low)} to {high}"


def includes(setting: Setting, number: int) -> bool:
    return setting.low <= number and (setting.high is None or number <= setting.high)


def found(unwanted: frozenset[Outcome], analysis: Analysis) -> Iterator[str]:
    """A line for each connection that ended as it should not."""
    for flow in analysis.flows:
        if flow.verdict.outcome in unwanted:
            yield f"#{flow.id} {flow.ends[0]} and {flow.ends[1]}: {explain.headline(flow)}"
