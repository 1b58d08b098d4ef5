"""What stacks are taken for, from what shows of them."""

import pytest

from analyzer.keepalive.model.linux import SECOND, Keepalive
from analyzer.keepalive.model.other_stacks import EXACT, ILLUMOS, LWIP, Restarting
from analyzer.keepalive.settings.fingerprint import Fingerprint, Stack, fingerprint_of, is_doubling, stack_of
from analyzer.keepalive.settings.values import Settings
from analyzer.keepalive.story.values import Gap, GapKind
from tests.keepalive.columns import infer
from tests.keepalive.model.test_other_stacks import END_NS, life
from tests.keepalive.simulated import observe

FIRST, CYCLE, SPACING, GIVE_UP, SURVIVED, PENDING = GapKind


def fingerprint(payload_len: int = 0, models: tuple[str, ...] = ("exact",), **features: object) -> Fingerprint:
    typical: dict[str, object] = {"has_bare_probes": False, "may_be_linux": True, "timers": (), "intvl_s": None}
    typical |= {"may_tick": False, "probes": None, "late_ns": 0, "is_doubling": False, "is_on_slow_grid": False}
    return Fingerprint(payload_len, models=models, **{**typical, **features})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "stack"),
    [
        (fingerprint(models=("linux-250",)), Stack.LINUX),
        (fingerprint(models=("linux-250", "exact")), Stack.UNKNOWN),
        (fingerprint(models=()), Stack.UNKNOWN),
        (fingerprint(has_bare_probes=True), Stack.BSD_OR_APPLE),
        (fingerprint(models=("linux-250", "exact"), has_bare_probes=True), Stack.BSD_OR_APPLE),
        (fingerprint(models=("linux-250",), has_bare_probes=True), Stack.UNKNOWN),  # a box in the name of a Linux
        (fingerprint(timers=("slow", "hears all"), is_on_slow_grid=True), Stack.EXACT),
        (fingerprint(1, intvl_s=1, probes=10), Stack.WINDOWS),
        (fingerprint(1, is_doubling=True), Stack.ILLUMOS),
        (fingerprint(1, intvl_s=75), Stack.ONE_OCTET),
        (fingerprint(), Stack.EXACT),
        (fingerprint(probes=8), Stack.BSD),
        (fingerprint(timers=("hears all",)), Stack.BSD),
        (fingerprint(models=("linux-250", "exact"), timers=("wheel", "slow"), is_on_slow_grid=True), Stack.LWIP),
        (fingerprint(timers=("slack",), late_ns=SECOND), Stack.OLD_LINUX),
        (fingerprint(timers=("slack",), late_ns=30_000_000), Stack.EXACT),
    ],
)
def test_what_a_stack_is_known_by(seen: Fingerprint, stack: Stack) -> None:
    assert stack_of(seen) is stack


def spacings_ns(*durations_s: float) -> list[int]:
    return [round(duration_s * SECOND) for duration_s in durations_s]


def test_doubling_is_no_jitter() -> None:
    assert is_doubling(spacings_ns(1, 2, 4, 8))
    assert not is_doubling(spacings_ns(10, 10.2, 20.1, 10))


def stack_seen(gaps: list[Gap], octets: int) -> Stack:
    found: Settings = infer(gaps, is_whole=True, may_be_linux=not octets)
    between_ns = [gap.probe_ns for gap in gaps if gap.kind is SPACING]
    return stack_of(fingerprint_of(found, octets, between_ns, has_timestamps=False, has_bare_probes=False, ttl=64))


def test_stacks_by_their_whole_life() -> None:
    def gaps(stack: Restarting, keepalive: Keepalive) -> list[Gap]:
        return observe(life(stack, keepalive, heard_s=0.65), 0, END_NS)

    assert stack_seen(gaps(EXACT, Keepalive(7200, 1, 10)), 1) is Stack.WINDOWS
    assert stack_seen(gaps(EXACT, Keepalive(7200, 75, 8)), 0) is Stack.BSD
    assert stack_seen(gaps(ILLUMOS, Keepalive(7200, 75, 8)), 1) is Stack.ILLUMOS
    assert stack_seen(gaps(LWIP, Keepalive(60, 75, 9)), 0) is Stack.LWIP
