"""Errno tables of the kernel, by a few of their lines."""

from analyzer.keepalive.verdict.os_errors import EPOLL_DEAD, ERRNOS, icmp_errno, link_errno, reset_errno


def test_what_epoll_says() -> None:
    assert EPOLL_DEAD == 25


def test_icmp_codes() -> None:
    assert ERRNOS[icmp_errno(3 << 8 | 0)] == "ENETUNREACH"
    assert ERRNOS[icmp_errno(3 << 8 | 13)] == "EHOSTUNREACH"
    assert ERRNOS[icmp_errno(65 << 8 | 1)] == "EACCES"


def test_a_neighbour_that_is_gone_is_an_error_only_once_it_was_asked_for_again() -> None:
    """Recorded: three solicitations of the old entry, and data still sent, ended in ETIMEDOUT; more in EHOSTUNREACH."""
    assert ERRNOS[link_errno(3)] == "ETIMEDOUT"
    assert ERRNOS[link_errno(4)] == "EHOSTUNREACH"


def test_resets() -> None:
    assert ERRNOS[reset_errno(is_half_closed=False)] == "ECONNRESET"
    assert ERRNOS[reset_errno(is_half_closed=True)] == "EPIPE"
