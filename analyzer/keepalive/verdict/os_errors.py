"""What the application of an end sees when its connection has died: errno and epoll mask."""

EPOLLIN, EPOLLERR, EPOLLHUP = 0x001, 0x008, 0x010
EPOLL_DEAD = EPOLLIN | EPOLLERR | EPOLLHUP
"""What epoll reports for a socket with a pending error (net/ipv4/tcp.c tcp_poll)."""

ERRNOS = (
    "ETIMEDOUT",
    "ECONNRESET",
    "EPIPE",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ENOPROTOOPT",
    "ECONNREFUSED",
    "EOPNOTSUPP",
    "EHOSTDOWN",
    "ENONET",
    "EPROTO",
    "EACCES",
)
(
    ETIMEDOUT,
    ECONNRESET,
    EPIPE,
    EHOSTUNREACH,
    ENETUNREACH,
    ENOPROTOOPT,
    ECONNREFUSED,
    EOPNOTSUPP,
    EHOSTDOWN,
    ENONET,
    EPROTO,
    EACCES,
) = range(12)
"""Places in `ERRNOS`."""

ICMP_ERRNOS = (
    (3, 0, ENETUNREACH),
    (3, 1, EHOSTUNREACH),
    (3, 2, ENOPROTOOPT),
    (3, 3, ECONNREFUSED),
    (3, 5, EOPNOTSUPP),
    (3, 6, ENETUNREACH),
    (3, 7, EHOSTDOWN),
    (3, 8, ENONET),
    (3, 9, ENETUNREACH),
    (3, 11, ENETUNREACH),
    (12, 0, EPROTO),
    (65, 0, ENETUNREACH),
    (65, 1, EACCES),
    (65, 4, ECONNREFUSED),
    (65, 5, EACCES),
    (65, 6, EACCES),
    (68, 0, EPROTO),
    (68, 1, EPROTO),
    (68, 2, EPROTO),
)
"""Type, code, and what Linux reports once data is given up (icmp.c icmp_err_convert, icmp6 tab_unreach);
ICMPv6 types count from 64 (capture/decode/headers.py). Only errors that quote data in flight count
(tcp_ipv4.c tcp_v4_err): a keepalive probe's sequence number is not in flight."""


def icmp_errno(error: int) -> int:
    """Return the errno for an ICMP error, given as type * 256 + code: EHOSTUNREACH unless ICMP_ERRNOS lists it."""
    for kind, code, errno in ICMP_ERRNOS:
        if error == kind << 8 | code:
            return errno
    return EHOSTUNREACH


SOLICITATIONS = 3
"""Tries of one solicitation (neighbour.c ucast_solicit, mcast_solicit)."""


def link_errno(asked: int) -> int:
    """Return the errno of data that waits for a neighbour in vain, given how many solicitations there were.

    What is sent after the entry had failed is thrown away with a host-unreachable error of the host's own (neighbour.c
    neigh_invalidate, arp.c arp_error_report). Before that it was sent all the same, and ends in ETIMEDOUT.
    """
    return EHOSTUNREACH if asked > SOLICITATIONS else ETIMEDOUT


def reset_errno(is_half_closed: bool) -> int:
    """Return the errno of a RST: EPIPE at an end in CLOSE_WAIT, which only sends any more (tcp_input.c tcp_reset)."""
    return EPIPE if is_half_closed else ECONNRESET
