"""What a host's connections show together: its sysctl, the ports that override it, its kind of timer.

Probing ends of one address whose bounds allow the same settings are taken to have them from one source. What most ends
share is the sysctl; ends that contradict it have settings of their own. Where no group is the largest, nothing shows
which is the host's sysctl, and none is given. What a middlebox sends in the names of many hosts belongs to no host: the
middlebox gets an entry of its own.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from math import inf
from typing import NamedTuple, Self

from analyzer.keepalive.brief import Brief, Prober
from analyzer.keepalive.findings import NAMELESS, Presence
from analyzer.keepalive.model.other_stacks import LINUX_TTL, WINDOWS_TTL
from analyzer.keepalive.settings.bounds import MAX_FRAMES
from analyzer.keepalive.settings.fingerprint import Stack
from analyzer.keepalive.settings.shared_clock import HostClock
from analyzer.keepalive.settings.values import Setting, Settings

LINUX_MODEL = "linux-"
LINUX, EXACT, UNKNOWN = Stack.LINUX.value, Stack.EXACT.value, Stack.UNKNOWN.value
MORE_OF = {
    Stack.EXACT: (Stack.BSD, Stack.BSD_OR_APPLE, Stack.OLD_LINUX, Stack.LWIP),
    Stack.BSD: (Stack.BSD_OR_APPLE,),
    Stack.ONE_OCTET: (Stack.WINDOWS, Stack.ILLUMOS),
}
"""Stacks that give way to more precise ones: a rough finding at one end yields to a precise finding at another."""


MOST_APART = 3
"""So many settings of one service are rows of their own; more become ranges."""


class Override(NamedTuple):
    """Settings of the ends of one service that differ from those of the host's other ends."""

    port: int
    settings: Settings
    flows: int


class Host(NamedTuple):
    """An address, in one tunnel or in none, with at least one probing end; or a middlebox that probes for others."""

    addr: str | None
    """None for a middlebox, whose own address the capture does not show."""
    flows: int
    """Number of all its flows, probing or not."""
    probing: int
    """Number of flows that it probes."""
    sysctl: Settings | None
    """The three settings that its ends share, without a user timeout, which each socket has for itself."""
    overrides: tuple[Override, ...]
    stack: str
    hz: int | None
    host_clocks: int = 0
    """Number of Linux kernels that the boundaries of its probes show: more than one behind a NAT; 0 if none shows."""
    same_kernel: tuple[str, ...] = ()
    """Other addresses whose probes lie on the boundaries of the same Linux kernel."""
    before: tuple[str, ...] = ()
    """For a middlebox, the addresses in whose names it probes."""


class HostRow(NamedTuple):
    """Connections of a host whose settings are told together."""

    host: Host
    port: int | None
    """The service that they lead to; None for what most connections of the host have."""
    settings: tuple[Settings, ...]
    """One, or all that the connections to the service have where these are many."""
    flows: int


def rows(hosts: Iterable[Host]) -> Iterator[HostRow]:
    """Yield a row for what most connections of a host have, then those for each port that differs: one for each of a
    few settings, together for many."""
    for host in hosts:
        if host.sysctl is not None:
            yield HostRow(host, None, (host.sysctl,), host.probing)
        ports: dict[int, list[Override]] = defaultdict(list)
        for one in host.overrides:
            ports[one.port].append(one)
        for port, several in ports.items():
            if len(several) <= MOST_APART:
                yield from (HostRow(host, port, (one.settings,), one.flows) for one in several)
            else:
                settings = tuple(one.settings for one in several)
                yield HostRow(host, port, settings, sum(one.flows for one in several))


class _Bounds(NamedTuple):
    """The range of a setting; without any knowledge it is unbounded."""

    low: float = 0
    high: float = inf

    @classmethod
    def of(cls, setting: Setting | None) -> Self:
        """Return the bounds of a setting."""
        if setting is None:
            return cls()
        return cls(setting.low, inf if setting.high is None else setting.high)

    @property
    def is_empty(self) -> bool:
        """Tell whether no value lies within."""
        return self.low > self.high

    def __and__(self, other: "_Bounds") -> "_Bounds":
        """Return the bounds that both allow."""
        return _Bounds(max(self.low, other.low), min(self.high, other.high))


class _Witness(NamedTuple):
    """A probing end, which shows settings of its host, and the service that it uses."""

    flow: int
    port: int
    settings: Settings
    stack: Stack
    ttl: int

    @property
    def bounds(self) -> tuple[_Bounds, ...]:
        """Return the bounds of time, interval and count."""
        return tuple(map(_Bounds.of, self.settings.triple))

    @property
    def vagueness(self) -> tuple[int, float]:
        """Return a sort key: how many settings are undetermined, then how wide their bounds are."""
        undetermined = sum(setting is None or setting.value is None for setting in self.settings.triple)
        return undetermined, sum(bounds.high - bounds.low for bounds in self.bounds)


def pool(
    flows: Iterable[Brief], presence: Mapping[str, Presence], host_clocks: Sequence[HostClock] = (), fewest: int = 1
) -> tuple[Host, ...]:
    """Return the hosts that probe, in order of appearance, and after them the middleboxes.

    Hosts with fewer than `fewest` probing connections are left out, unless their clock is known.
    """
    behind: dict[str, list[HostClock]] = defaultdict(list)
    for host_clock in host_clocks:
        for address in host_clock.addresses:
            behind[address].append(host_clock)
    probers: dict[str, list[_Witness]] = defaultdict(list)
    # by the TTL with which their probes arrive: the same whatever end they probe for
    boxes: dict[tuple[str | None, int], list[tuple[Prober, _Witness]]] = defaultdict(list)
    for flow in flows:
        for end in flow.probers:
            prober = _Witness(flow.id, flow.service_port, end.settings, end.stack, end.ttl)
            if end.has_keepalive:
                probers[f"{flow.tunnel or ''} {end.address}".strip()].append(prober)
            else:
                boxes[flow.tunnel, end.probe_ttl].append((end, prober))
    chosen = [one for one in probers if presence[one].probing >= fewest or one in behind]
    hosts = [_host(one, presence[one], probers[one], behind[one]) for one in chosen]
    return (*hosts, *map(_middlebox, boxes.values()))


def plain(address: str) -> str:
    """Return an address without the tunnel that it is in."""
    return address.rpartition(" ")[2]


def _host(address: str, presence: Presence, probers: Sequence[_Witness], host_clocks: Sequence[HostClock]) -> Host:
    """Return the host with this address from its probing ends."""
    groups = _groups(probers)
    has_biggest = len(groups) == 1 or len(groups[0]) > len(groups[1])
    sysctl = _common_settings(groups[0]) if has_biggest else None
    overrides = [override for group in groups[has_biggest:] for override in _overrides(group)]
    overrides.sort(key=lambda override: override.port)
    models = _common_models(probers)
    same = {
        plain(other) for host_clock in host_clocks for other in host_clock.addresses if other not in (address, NAMELESS)
    }
    stacks = frozenset(prober.stack for prober in probers)
    stack, hz = _stack(stacks, models, max(prober.ttl for prober in probers)), _hz(models)
    return Host(plain(address), *presence, sysctl, tuple(overrides), stack, hz, len(host_clocks), tuple(sorted(same)))


def _middlebox(probed: Sequence[tuple[Prober, _Witness]]) -> Host:
    """Return one entry for a middlebox, whose settings are its own, and whose stack is unknown.

    The hosts in whose names it probes say nothing about its stack.
    """
    probers = [prober for _, prober in probed]
    flows = len({prober.flow for prober in probers})
    before = tuple(dict.fromkeys(end.address for end, _ in probed))
    host = _host(NAMELESS, Presence(flows, flows), probers, ())
    return host._replace(addr=None, stack=UNKNOWN, hz=None, before=before)


def _groups(probers: Sequence[_Witness]) -> list[list[_Witness]]:
    """Return groups of ends that allow common settings, the largest first.

    The best known ends open the groups; every other end joins the largest group that it fits.
    """
    if len(probers) == 1:
        return [list(probers)]
    alike: dict[tuple[_Bounds, ...], list[_Witness]] = defaultdict(list)
    for prober in sorted(probers, key=lambda one: one.vagueness):
        alike[prober.bounds].append(prober)
    groups: list[list[_Witness]] = []
    common: list[tuple[_Bounds, ...]] = []
    for bounds, members in alike.items():
        joined = [tuple(map(_Bounds.__and__, one, bounds)) for one in common]
        fitting = [index for index, one in enumerate(joined) if not any(part.is_empty for part in one)]
        if fitting:
            biggest = max(fitting, key=lambda index: len(groups[index]))
            groups[biggest] += members
            common[biggest] = joined[biggest]
        else:
            groups.append(members)
            common.append(bounds)
    return sorted(groups, key=len, reverse=True)


def _overrides(group: Sequence[_Witness]) -> list[Override]:
    """Return the settings of a group of ends that contradict the sysctl, port by port."""
    by_port: dict[int, list[_Witness]] = defaultdict(list)
    for prober in group:
        by_port[prober.port].append(prober)
    return [Override(port, _common_settings(ends), len({end.flow for end in ends})) for port, ends in by_port.items()]


def _common_settings(group: Sequence[_Witness]) -> Settings:
    """Return the settings that all ends of a group allow."""
    time, intvl, probes = (
        _intersection(settings) for settings in zip(*(one.settings.triple for one in group), strict=True)
    )
    return Settings(time, intvl, probes, None, _common_models(group))


def _intersection(settings: Sequence[Setting | None]) -> Setting | None:
    """Return what all these settings allow, with the basis of the most precise one; None without any."""
    known = [setting for setting in settings if setting is not None]
    if not known:
        return None
    if len(known) == 1:
        frames = tuple(sorted(set(known[0].frames)))
        return known[0] if frames == known[0].frames else known[0]._replace(frames=frames)
    bounds = _Bounds()
    for setting in known:
        bounds &= _Bounds.of(setting)
    values = Counter(
        setting.value for setting in known if setting.value is not None and bounds.low <= setting.value <= bounds.high
    )
    strongest = min(known, key=_weakness)
    seen = [setting.seen_ns for setting in known if setting.basis is strongest.basis]
    return Setting(
        value=values.most_common(1)[0][0] if values else None,
        low=bounds.low,
        high=None if bounds.high == inf else bounds.high,
        n=sum(setting.n for setting in known),
        basis=strongest.basis,
        seen_ns=(min(low for low, _ in seen), max(high for _, high in seen)),
        frames=tuple(sorted({frame for setting in known for frame in setting.frames}))[:MAX_FRAMES],
        ends=len(known),
    )


def _weakness(setting: Setting) -> tuple[bool, float, int]:
    """Return a sort key: settings without a value last, then wide bounds, then few observations."""
    bounds = _Bounds.of(setting)
    return setting.value is None, bounds.high - bounds.low, -setting.n


def _common_models(probers: Sequence[_Witness]) -> tuple[str, ...]:
    """Return the timers that explain every end, leaving out ends that no timer explains."""
    first, *others = dict.fromkeys(prober.settings.models for prober in probers if prober.settings.models) or [()]
    return tuple(model for model in first if all(model in models for models in others)) if others else first


@cache
def _stack(stacks: frozenset[Stack], models: tuple[str, ...], ttl: int) -> str:
    """Return the name of the stack that its ends show; several behind a NAT are all named."""
    seen = stacks - {Stack.UNKNOWN}
    seen -= {rough for rough, precise in MORE_OF.items() if seen.intersection(precise)}
    if seen:
        return " and ".join(sorted(stack.value for stack in seen))
    are_linux = {model.startswith(LINUX_MODEL) for model in models}
    if len(are_linux) != 1 or ttl > (LINUX_TTL if True in are_linux else WINDOWS_TTL):
        return UNKNOWN
    return LINUX if True in are_linux else EXACT


@cache
def _hz(models: tuple[str, ...]) -> int | None:
    """Return the kernel's ticks per second if exactly one rate explains every end and no timer without a wheel does."""
    rates = [int(model.removeprefix(LINUX_MODEL)) for model in models if model.startswith(LINUX_MODEL)]
    return rates[0] if len(rates) == len(models) == 1 else None
