"""`--expect` and `--fail-on`: what a person demands of a capture, and what does not meet it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from analyzer.analysis import Analysis
from analyzer.errors import OptionError
from analyzer.keepalive.findings import End, Flow
from analyzer.keepalive.settings.values import Setting
from analyzer.keepalive.verdict.values import Outcome
from analyzer.report.words import sentences, setting_sentences

NAMES = {"time": "tcp_keepalive_time", "intvl": "tcp_keepalive_intvl", "probes": "tcp_keepalive_probes"}
WHERE = re.compile(r"(?:\[(?P<bracketed>[^]]*)\]|(?P<bare>[0-9.]+))?(?::(?P<port>[0-9]+))?")
"""The place of an expectation: 10.0.0.5, [2001:db8::5], :443, or an address and a port."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """The settings that the probing ends at an address, or of connections with a port, should have."""

    settings: dict[str, int]
    address: str | None = None
    """Address of the prober."""
    port: int | None = None
    """Port of either end: a service has it at one, its clients at the other."""

    @property
    def particularity(self) -> tuple[bool, bool]:
        return self.address is not None, self.port is not None

    def concerns(self, flow: Flow, end: End) -> bool:
        is_there = self.address is None or self.address == end.address
        return is_there and (self.port is None or self.port in {one.port for one in flow.ends})

    def __str__(self) -> str:
        address = "" if self.address is None else f"[{self.address}]" if ":" in self.address else self.address
        return address + (f":{self.port}" if self.port is not None else "")


def parse(words: str) -> Expectation:
    """Parse time=60,intvl=10,probes=3, or part of it; an address, a port or both may stand before it, with a colon.
    Raises OptionError."""
    where, colon, settings = words.rpartition(":")
    expected = {}
    for part in settings.split(","):
        name, _, number = part.strip().partition("=")
        if name not in NAMES or not number.isdecimal():
            raise OptionError(
                f"--expect {words}: '{part}' is not understood; give time=60,intvl=10,probes=3 or some of it"
            )
        expected[NAMES[name]] = int(number)
    place = WHERE.fullmatch(where.strip())
    if place is None or (colon and not place[0]):
        raise OptionError(_no_place(words, where))
    address = place["bracketed"] if place["bracketed"] is not None else place["bare"]
    try:
        known = str(ip_address(address)) if address is not None else None
    except ValueError:
        raise OptionError(_no_place(words, where)) from None
    return Expectation(expected, known, int(place["port"]) if place["port"] else None)


def _no_place(words: str, where: str) -> str:
    return f"--expect {words}: '{where}' is no place; 10.0.0.5:time=60, [2001:db8::5]:443:time=60 and :443:time=60 are"


def parse_outcomes(words: str, flag: str) -> frozenset[Outcome]:
    known = {outcome.value: outcome for outcome in Outcome}
    unknown = [word for word in words.split(",") if word not in known]
    if unknown:
        raise OptionError(f"{flag} {words}: no outcome is called '{unknown[0]}'; there are {', '.join(known)}")
    return frozenset(known[word] for word in words.split(","))


def unmet(expectations: Sequence[Expectation], analysis: Analysis, is_strict: bool = False) -> Iterator[str]:
    """Yield a line for each setting of a probing end whose bounds exclude the expected value.

    If `is_strict`, also for each setting that the wire does not determine to be as expected, and for an expectation
    that concerns no probing end.
    """
    concerned: set[int] = set()
    for flow in analysis.notable:
        for end in flow.ends:
            if not end.has_keepalive:
                continue
            concerned |= {number for number, one in enumerate(expectations) if one.concerns(flow, end)}
            for one in most_particular(expectations, flow, end):
                for name, value in one.settings.items():
                    wrong = contradiction(getattr(end.settings, name), value, is_strict)
                    if wrong is not None:
                        yield f"expected {name} = {value}, but #{flow.id} {sentences.end_label(end)} {wrong}"
    for number, one in enumerate(expectations if is_strict else ()):
        if number not in concerned:
            yield (
                f"no probing end is concerned by --expect {one}"
                if str(one)
                else "no end probes, so --expect is not met"
            )


def most_particular(expectations: Sequence[Expectation], flow: Flow, end: End) -> tuple[Expectation, ...]:
    """Return the expectations that an end must meet: an address counts for more than a port, and either for more than
    none."""
    concerned = [one for one in expectations if one.concerns(flow, end)]
    most = max((one.particularity for one in concerned), default=None)
    return tuple(one for one in concerned if one.particularity == most)


def contradiction(setting: Setting | None, number: int, is_strict: bool) -> str | None:
    """Say what an end has instead, as the end of a sentence; None where it meets the expectation."""
    if setting is None:
        return "does not show it" if is_strict else None
    if not includes(setting, number):
        return f"has {setting_sentences.bounds_in_words(setting)}"
    if is_strict and setting.value != number:
        likeliest = f", most likely {setting.value}" if setting.value is not None else ""
        return f"shows only {setting_sentences.bounds_in_words(setting)}{likeliest}"
    return None


def includes(setting: Setting, number: int) -> bool:
    return setting.low <= number and (setting.high is None or number <= setting.high)


def found(unwanted: Iterable[Outcome], analysis: Analysis) -> Iterator[str]:
    """Yield a line for each connection that ended as it should not."""
    for flow in analysis.flows.that_ended(frozenset(unwanted)):
        yield f"#{flow.id} {flow.ends[0]} and {flow.ends[1]}: {sentences.headline(flow)}"
