"""Errno tables of the kernel, by a few of their lines."""

from analyzer.keepalive.application import EPOLL_DEAD, icmp_errno


def test_what_epoll_says() -> None:
    assert EPOLL_DEAD == 25


def test_icmp_codes() -> None:
    assert icmp_errno(3, 0) == "ENETUNREACH"
    assert icmp_errno(3, 13) == "EHOSTUNREACH"
    assert icmp_errno(65, 1) == "EACCES"
