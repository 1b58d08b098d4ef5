"""Settings that ends should have, and in which respects they have others: what `--expect` demands."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from analyzer.keepalive.findings import End, Flow
from analyzer.keepalive.model.linux import SECOND
from analyzer.keepalive.settings.values import Basis, Setting
from analyzer.keepalive.story.values import LONG_NS, GapKind
from analyzer.keepalive.verdict.values import Confidence

TIME, INTVL, PROBES = "tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes"
ALTERNATIVES = frozenset({Basis.GIVE_UP_COUNT, Basis.CONTRADICTORY, Basis.SURVIVED_GAPS})
"""What determines a setting less than surely: a user timeout, settings that were changed, and probes that the capture
misses look the same."""


class Expectation(NamedTuple):
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


class Unmet(NamedTuple):
    """A setting of an end that is not as expected, or of which the wire does not show that it is."""

    flow: Flow
    end: End
    expectation: Expectation
    name: str
    setting: Setting | None
    """What the end shows of it."""
    is_excluded: bool
    """The wire excludes the expected value; otherwise it only does not confirm it."""

    @property
    def expected(self) -> int:
        return self.expectation.settings[self.name]

    @property
    def is_silence(self) -> bool:
        """Tell whether the end did not probe at all, though it was silent for long enough."""
        return not self.end.has_keepalive


class Compared(NamedTuple):
    """An end that an expectation concerns, with what it does not meet of it."""

    flow: Flow
    end: End
    expectations: tuple[Expectation, ...]
    """Those that it is held to."""
    concerning: tuple[Expectation, ...]
    """These, and those that they replace."""
    unmet: tuple[Unmet, ...]


def needs_all(expectations: Iterable[Expectation]) -> bool:
    """Tell whether a silence that is not notable may exclude an expected idle time, so that all connections count."""
    times_s = [one.settings[TIME] for one in expectations if TIME in one.settings and any(one.particularity)]
    return any(time_s * SECOND < LONG_NS for time_s in times_s)


def compared(expectations: Sequence[Expectation], flows: Iterable[Flow], is_strict: bool = False) -> Iterator[Compared]:
    """Yield the ends that expectations concern, if they show any settings: those that probe, and those that should
    have.

    If `is_strict`, a setting that the wire does not determine to be as expected is not met, either.
    """
    for flow in flows:
        for end in flow.ends:
            concerning = tuple(one for one in expectations if one.concerns(flow, end))
            held_to = most_particular(concerning)
            unmet = tuple(one for expectation in held_to for one in unmet_by(end, flow, expectation, is_strict))
            if concerning and (end.has_keepalive or unmet):
                yield Compared(flow, end, held_to, concerning, unmet)


def most_particular(concerning: Sequence[Expectation]) -> tuple[Expectation, ...]:
    """Return the expectations that an end must meet of those that concern it: an address counts for more than a port,
    and either for more than none."""
    most = max((one.particularity for one in concerning), default=None)
    return tuple(one for one in concerning if one.particularity == most)


def unmet_by(end: End, flow: Flow, expectation: Expectation, is_strict: bool) -> Iterator[Unmet]:
    """Yield the settings of an end that are not as expected."""
    for name, value in expectation.settings.items():
        setting: Setting | None = getattr(end.settings, name)
        is_excluded = setting is not None and not includes(setting, value)
        if end.has_keepalive:
            is_open = is_strict and (setting is None or setting.value != value)
            if is_excluded or is_open:
                yield Unmet(flow, end, expectation, name, setting, is_excluded)
        elif (
            is_excluded
            and name == TIME
            and setting is not None
            and setting.basis is Basis.SURVIVED_GAPS
            and is_expected_to_probe(end, flow, expectation)
        ):
            yield Unmet(flow, end, expectation, name, setting, is_excluded)


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


def includes(setting: Setting, number: int) -> bool:
    return setting.low <= number and (setting.high is None or number <= setting.high)


def confidence_of(unmet: Iterable[Unmet]) -> Confidence:
    """Return how sure it is that these settings are not in force: as the surest of them."""
    bases = {one.setting.basis for one in unmet if one.setting is not None}
    return Confidence.CERTAIN if bases - ALTERNATIVES else Confidence.LIKELY


def numbers_of(unmet: Sequence[Unmet]) -> dict[str, float]:
    """Return what is in force instead: for each setting what was expected, its value if all ends have the same, the
    bounds, and on how many connections; and the longest silence in which nobody probed, though somebody should have."""
    numbers: dict[str, float] = {}
    for name in (TIME, INTVL, PROBES):
        differing = [(one, one.setting) for one in unmet if one.name == name and not one.is_silence and one.setting]
        if not differing:
            continue
        short, unit = name.removeprefix("tcp_keepalive_"), "" if name == PROBES else "_s"
        found = [setting for _, setting in differing]
        values, highs = {one.value for one in found}, [one.high for one in found]
        numbers[f"{short}_expected{unit}"] = differing[0][0].expected
        numbers[f"{short}_on"] = len({one.flow.id for one, _ in differing})
        numbers |= {f"{short}{unit}": value for value in values if value is not None and len(values) == 1}
        numbers[f"{short}_low{unit}"] = min(one.low for one in found)
        numbers |= {f"{short}_high{unit}": max(high for high in highs if high is not None)} if None not in highs else {}
    silent = [(one, one.setting) for one in unmet if one.is_silence and one.setting]
    if silent:
        numbers["due_s"] = silent[0][0].expected
        numbers["silent_on"] = len({one.flow.id for one, _ in silent})
        numbers["silent_s"] = max(setting.seen_ns[1] for _, setting in silent) / SECOND
    return numbers
