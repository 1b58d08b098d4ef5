"""When a sender of unacknowledged data gives up: Linux's own numbers, and a kernel that was recorded."""

import pytest

from analyzer.keepalive.model.retransmission import (
    RTO_MIN_NS,
    linux_gives_up_ns,
    model_timeout_ns,
    windows_gives_up_ns,
)

SECOND = 10**9


@pytest.mark.parametrize(("retries", "timeout_s"), [(15, 924.6), (8, 102.2), (3, 3.0)])
def test_linux_counts_in_time(retries: int, timeout_s: float) -> None:
    """Documentation/networking/ip-sysctl.rst: 924.6 seconds for 15, 100 seconds at least for 8, 3 for 3."""
    assert model_timeout_ns(retries) == round(timeout_s * SECOND)


def test_linux_gives_up_when_the_next_retransmission_is_due_after_that() -> None:
    """With the shortest RTO: 0.2, 0.6, …, 204.6 s, and then every 120 s; 924.6 s after the first, which came at 0.2."""
    assert linux_gives_up_ns(0, RTO_MIN_NS) == round((0.4 * (2**9 - 1) + 7 * 120) * SECOND)


def test_what_has_passed_makes_no_difference() -> None:
    from_the_first = linux_gives_up_ns(0, SECOND)
    assert linux_gives_up_ns(2 * SECOND, 2 * SECOND) == from_the_first
    assert linux_gives_up_ns(6 * SECOND, 4 * SECOND) == from_the_first


def test_windows_counts_retransmissions() -> None:
    assert windows_gives_up_ns(0, SECOND, 1) == (2 + 4 + 8 + 16 + 32) * SECOND
    assert windows_gives_up_ns(30 * SECOND, 16 * SECOND, 5) == 62 * SECOND
    assert windows_gives_up_ns(30 * SECOND, 32 * SECOND, 6) == -1
