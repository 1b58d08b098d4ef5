"""`--expect` and `--fail-on`: what a person demands of a capture, and what does not meet it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from analyzer.analysis import Analysis
from analyzer.errors import OptionError
from analyzer.keepalive.findings import End, Flow, Flows
from analyzer.keepalive.settings.values import Basis, Setting
from analyzer.keepalive.story.values import LONG_NS, GapKind
from analyzer.keepalive.summary.conclusions import ConclusionCode
from analyzer.keepalive.verdict.values import Outcome
from analyzer.report.units import SECOND, short
from analyzer.report.words import conclusion_sentences, sentences, setting_sentences

TIME = "tcp_keepalive_time"
NAMES = {"time": TIME, "intvl": "tcp_keepalive_intvl", "probes": "tcp_keepalive_probes"}
WHERE = re.compile(r"(?:\[(?P<bracketed>[^]]*)\]|(?P<bare>[0-9.]+))?(?::(?P<port>[0-9]+))?")
"""The place of an expectation: 10.0.0.5, [2001:db8::5], :443, or an address and a port."""

Unwanted = frozenset[Outcome | ConclusionCode]
"""What should not be found: how connections ended, and what is concluded of all of them. No word names both."""


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


def parse_unwanted(words: str) -> Unwanted:
    """Parse outcomes and codes of conclusions, with commas between them. Raises OptionError."""
    known: dict[str, Outcome | ConclusionCode] = {one.value: one for one in (*Outcome, *ConclusionCode)}
    unknown = [word for word in words.split(",") if word not in known]
    if unknown:
        outcomes, codes = (", ".join(one.value for one in names) for names in (Outcome, ConclusionCode))
        raise OptionError(
            f"--fail-on {words}: no outcome or conclusion is called '{unknown[0]}'; "
            f"there are the outcomes {outcomes}, and the conclusions {codes}"
        )
    return frozenset(known[word] for word in words.split(","))


def unmet(expectations: Sequence[Expectation], analysis: Analysis, is_strict: bool = False) -> Iterator[str]:
    """Yield a line for each setting of a probing end whose bounds exclude the expected value, and for each end that
    should have probed in a silence.

    If `is_strict`, also for each setting of a probing end that the wire does not determine to be as expected, and for
    an expectation that concerns no such end.
    """
    concerned: set[int] = set()
    for flow in examined(expectations, analysis):
        for end in flow.ends:
            lines = list(unmet_by(end, flow, expectations, is_strict))
            if end.has_keepalive or lines:
                concerned |= {number for number, one in enumerate(expectations) if one.concerns(flow, end)}
            yield from lines
    for number, one in enumerate(expectations if is_strict else ()):
        if number not in concerned:
            yield (
                f"no probing end is concerned by --expect {one}"
                if str(one)
                else "no end probes, so --expect is not met"
            )


def examined(expectations: Sequence[Expectation], analysis: Analysis) -> Flows:
    """Return the connections that may not be as expected: all, if a silence that is not notable may exclude a time."""
    times_s = [one.settings[TIME] for one in expectations if TIME in one.settings and any(one.particularity)]
    return analysis.flows if any(time_s * SECOND < LONG_NS for time_s in times_s) else analysis.notable


def unmet_by(end: End, flow: Flow, expectations: Sequence[Expectation], is_strict: bool) -> Iterator[str]:
    """Yield a line for each setting of one end that is not as expected."""
    for one in most_particular(expectations, flow, end):
        for name, value in one.settings.items():
            setting, wrong = getattr(end.settings, name), None
            if end.has_keepalive:
                wrong = contradiction(setting, value, is_strict)
            elif name == TIME and is_expected_to_probe(end, flow, one):
                wrong = missed(setting, value, flow)
            if wrong is not None:
                yield f"expected {name} = {value}, but #{flow.id} {sentences.end_label(end)} {wrong}"


def is_expected_to_probe(end: End, flow: Flow, expectation: Expectation) -> bool:
    """Tell whether an end without probes is held to an expected idle time.

    It is if its address is named. If only a port is, some end of the connection should probe: neither did, although
    both were idle for longer. Without a place the expectation is for ends that probe.
    """
    if end.is_probed_for:
        return False
    if expectation.address is not None:
        return True
    is_due = not flow.probers and all(was_idle(one, expectation.settings[TIME]) for one in flow.ends)
    return expectation.port is not None and is_due


def was_idle(end: End, time_s: int) -> bool:
    """Tell whether nothing kept the end's idle timer from running for longer than this."""
    return any(gap.kind is GapKind.SURVIVED and gap.heard_ns > time_s * SECOND for gap in end.story.gaps)


def missed(setting: Setting | None, time_s: int, flow: Flow) -> str | None:
    """Say in which silence an end would have probed with this idle time, as the end of a sentence; None if none was
    long enough to show it."""
    if setting is None or setting.basis is not Basis.SURVIVED_GAPS or time_s >= setting.low:
        return None
    _, silence_ns = setting.seen_ns
    [frame] = setting.frames
    is_last = silence_ns == flow.story.capture_end_ns - flow.story.last_ns
    until = f"the capture's end after frame {frame}" if is_last else f"frame {frame}"
    return f"shows otherwise: {short(silence_ns)} went by without a probe, up to {until}, so {time_s} s is not in force"


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


def found(unwanted: Unwanted, analysis: Analysis) -> Iterator[str]:
    """Yield a line for each connection that ended as it should not, and for each conclusion that should not be drawn,
    whether it is among those that are shown or not."""
    outcomes = frozenset(one for one in unwanted if isinstance(one, Outcome))
    for flow in analysis.flows.that_ended(outcomes) if outcomes else ():
        yield f"#{flow.id} {flow.ends[0]} and {flow.ends[1]}: {sentences.headline(flow)}"
    if len(outcomes) == len(unwanted):
        return
    for conclusion in analysis.conclusions:
        if conclusion.code in unwanted:
            yield f"{conclusion.code.value}: {conclusion_sentences.text(conclusion)}"
