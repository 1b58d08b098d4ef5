"""The forward model of data that nothing acknowledges: when it is sent again, and when its sender gives up.

Each wait is twice the one before, up to TCP_RTO_MAX (RFC 6298 §5.5). Linux gives up when a retransmission is due and
tcp_retries2 of them, counted in time and not in number, have passed since the first (tcp_timer.c
retransmits_timed_out, tcp_model_timeout); Windows after TcpMaxDataRetransmissions.
"""

RTO_MIN_NS, RTO_MAX_NS = 200_000_000, 120_000_000_000
"""TCP_RTO_MIN and TCP_RTO_MAX of Linux."""
RETRIES2 = 15
"""net.ipv4.tcp_retries2 as shipped."""
LINEAR_FROM = 9
"""Doublings from TCP_RTO_MIN that stay below TCP_RTO_MAX."""
WINDOWS_RETRIES = 5
"""TcpMaxDataRetransmissions as shipped."""
LATE = 8
"""A Linux timer of this length fires up to one part in so many later (timer_wheel LVL_GRAN)."""


def model_timeout_ns(retries: int) -> int:
    """Return how long Linux goes on for so many retries, in ns: 924.6 s for 15 (tcp_timer.c tcp_model_timeout)."""
    if retries <= LINEAR_FROM:
        return ((2 << retries) - 1) * RTO_MIN_NS
    return ((2 << LINEAR_FROM) - 1) * RTO_MIN_NS + (retries - LINEAR_FROM) * RTO_MAX_NS


def linux_gives_up_ns(since_first_ns: int, wait_ns: int) -> int:
    """Return how long after the first retransmission Linux gives up, in ns.

    The last one so far came `since_first_ns` after the first, and `wait_ns` after what its sender sent before.
    """
    timeout_ns, at_ns = model_timeout_ns(RETRIES2), since_first_ns
    while at_ns < timeout_ns:
        wait_ns = min(2 * wait_ns, RTO_MAX_NS)
        at_ns += wait_ns
    return at_ns


def windows_gives_up_ns(since_first_ns: int, wait_ns: int, retries: int) -> int:
    """Return the same for Windows, in ns; -1 where it would have given up before."""
    if retries > WINDOWS_RETRIES:
        return -1
    at_ns = since_first_ns
    for _ in range(WINDOWS_RETRIES - retries + 1):
        wait_ns = min(2 * wait_ns, RTO_MAX_NS)
        at_ns += wait_ns
    return at_ns
