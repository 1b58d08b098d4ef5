"""Arithmetic modulo 2^32, the one place that knows that sequence numbers wrap (RFC 9293 §3.4)."""


def seq_diff(a: int, b: int) -> int:
    """Return the signed distance from `b` to `a` for u32 values held in wider integers: positive if `a` is later."""
    return ((a - b + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def seq_add(a: int, octets: int) -> int:
    """Return the sequence number `octets` after `a`; `octets` may be negative."""
    return (a + octets) & 0xFFFFFFFF
