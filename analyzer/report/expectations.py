"""`--expect` and `--fail-on`: what a person demands of a capture, and what does not meet it."""

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from analyzer.analysis import Analysis
from analyzer.errors import OptionError
from analyzer.keepalive.summary.conclusions import ConclusionCode
from analyzer.keepalive.summary.expectations import INTVL, PROBES, TIME, Expectation, Unmet, compared, needs_all
from analyzer.keepalive.verdict.values import Outcome
from analyzer.report.units import short
from analyzer.report.words import conclusion_sentences, sentences, setting_sentences

NAMES = {"time": TIME, "intvl": INTVL, "probes": PROBES}
WHERE = re.compile(r"(?:\[(?P<bracketed>[^]]*)\]|(?P<bare>[0-9.]+))?(?::(?P<port>[0-9]+))?")
"""The place of an expectation: 10.0.0.5, [2001:db8::5], :443, or an address and a port."""

Unwanted = frozenset[Outcome | ConclusionCode]
"""What should not be found: how connections ended, and what is concluded of all of them. No word names both."""


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
    concerned: list[Expectation] = []
    flows = analysis.flows if needs_all(expectations) else analysis.notable
    for end in compared(expectations, flows, is_strict):
        concerned += [one for one in end.concerning if one not in concerned]
        yield from map(line, end.unmet)
    for one in expectations if is_strict else ():
        if one not in concerned:
            yield (
                f"no probing end is concerned by --expect {one}"
                if str(one)
                else "no end probes, so --expect is not met"
            )


def line(one: Unmet) -> str:
    """Say which setting of an end is not as expected, and what it has instead."""
    shown = missed(one) if one.is_silence else has(one)
    return f"expected {one.name} = {one.expected}, but #{one.flow.id} {sentences.end_label(one.end)} {shown}"


def missed(one: Unmet) -> str:
    """Say in which silence an end would have probed with the expected idle time, as the end of a sentence."""
    assert one.setting is not None
    story, (_, silence_ns), [frame] = one.flow.story, one.setting.seen_ns, one.setting.frames
    is_last = silence_ns == story.capture_end_ns - story.last_ns
    until = f"the capture's end after frame {frame}" if is_last else f"frame {frame}"
    went_by = f"{short(silence_ns)} went by without a probe, up to {until}"
    return f"shows otherwise: {went_by}, so {one.expected} s is not in force"


def has(one: Unmet) -> str:
    """Say what a probing end has instead, as the end of a sentence."""
    if one.setting is None:
        return "does not show it"
    if one.is_excluded:
        return f"has {setting_sentences.bounds_in_words(one.setting)}"
    likeliest = f", most likely {one.setting.value}" if one.setting.value is not None else ""
    return f"shows only {setting_sentences.bounds_in_words(one.setting)}{likeliest}"


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
