"""Numbers, durations, instants and addresses as JSON writes them, into a buffer of octets.

Kernels: each takes a buffer and a place in it, and returns the place behind what it wrote. What they write is what
json.dumps makes of Python's ints and floats, `units.iso` of instants, and inet_ntop of addresses.
"""

from typing import Any

SECOND = 1_000_000_000
HUNDREDTH_NS = 10_000_000
DAY_S = 86_400
ZERO, DOT, COMMA, COLON, DASH, LETTER_A, LETTER_E = map(ord, "0.,:-ae")
AFTER_THE_DATE, AFTER_THE_TIME = map(ord, "TZ")
SHORTEST_POSITIONAL_NS = 100_000
"""Below 1e-4 s a float's text has an exponent."""
FINE_BITS = 23
"""Of fewer than 2^23 s no two multiples of a nanosecond are the same double (52 bits below the first)."""
MANTISSA_BITS = 52
DECIMALS = 9
FIVES = 1_953_125
"""5^9: a second has 2^9 times so many ns."""
DAYS_OF_AN_ERA = 146_097
"""400 years."""
DAYS_BEFORE_1970 = 719_468
"""From 1 March of the year 0."""
GROUPS = 8
"""Of an IPv6 address, 16 bits each."""


def write_integer(out: Any, at: int, value: int) -> int:
    if value < 0:
        out[at] = DASH
        at, value = at + 1, -value
    return write_digits(out, at, value, digits_of(value))


def write_count(out: Any, at: int, value: int) -> int:
    """Write a count as `units.count` does, with commas between thousands."""
    unit = 1
    while unit <= value // 1000:
        unit *= 1000
    at = write_integer(out, at, value // unit)
    while unit > 1:
        unit //= 1000
        out[at] = COMMA
        at = write_digits(out, at + 1, value // unit % 1000, 3)
    return at


def digits_of(value: int) -> int:
    digits = 1
    while value >= 10:
        value, digits = value // 10, digits + 1
    return digits


def write_digits(out: Any, at: int, value: int, digits: int) -> int:
    """Write the last so many digits, with zeros in front."""
    for place in range(at + digits - 1, at - 1, -1):
        out[place] = ZERO + value % 10
        value //= 10
    return at + digits


def write_fraction(out: Any, at: int, whole: int, part: int, digits: int) -> int:
    """`part` of 10^digits behind the point, without the zeros at its end."""
    at = write_integer(out, at, whole)
    while digits > 0 and part % 10 == 0:
        part, digits = part // 10, digits - 1
    if digits > 0:
        out[at] = DOT
        at = write_digits(out, at + 1, part, digits)
    return at


def write_thousandths(out: Any, at: int, value: int) -> int:
    """Write thousandths as `units.plain` does."""
    return write_fraction(out, at, value // 1000, value % 1000, 3)


def hundredths(duration_ns: int) -> int:
    """Return hundredths of a second, rounded half up."""
    return (duration_ns + HUNDREDTH_NS // 2) // HUNDREDTH_NS


def write_hundredths(out: Any, at: int, duration_ns: int) -> int:
    """Seconds with two decimals."""
    value = hundredths(duration_ns)
    at = write_integer(out, at, value // 100)
    out[at] = DOT
    return write_digits(out, at + 1, value % 100, 2)


def write_seconds(out: Any, at: int, duration_ns: int) -> int:
    """Write seconds as repr writes the nearest float; no duration here is long enough for an exponent."""
    if 0 < duration_ns < SHORTEST_POSITIONAL_NS:
        return _write_with_exponent(out, at, duration_ns)
    whole, part = duration_ns // SECOND, duration_ns % SECOND
    if whole >> FINE_BITS:
        whole, part = shortest(duration_ns)
    at = write_fraction(out, at, whole, part, DECIMALS)
    if part == 0:
        out[at], out[at + 1] = DOT, ZERO
        at += 2
    return at


def _write_with_exponent(out: Any, at: int, duration_ns: int) -> int:
    digits, unit = 1, 1
    while unit <= duration_ns // 10:
        digits, unit = digits + 1, 10 * unit
    at = write_fraction(out, at, duration_ns // unit, duration_ns % unit, digits - 1)
    out[at], out[at + 1], out[at + 2] = LETTER_E, DASH, ZERO
    return write_integer(out, at + 3, DECIMALS + 1 - digits)


def shortest(duration_ns: int) -> tuple[int, int]:
    """Seconds and ns with the fewest decimals of all that read as the same double, in a range where several do.

    The double is m / 2^bits s. All is counted in 2^-(bits - 8) ns, of which it is half of 5^9 away from the next one.
    """
    bits = MANTISSA_BITS - FINE_BITS
    while duration_ns >> MANTISSA_BITS - bits + 1 >= SECOND:
        bits -= 1
    rest = (duration_ns % FIVES) << bits - DECIMALS
    m = (duration_ns // FIVES << bits - DECIMALS) + (2 * rest + FIVES) // (2 * FIVES)
    fraction = 2 * FIVES * (m & (1 << bits) - 1)
    unit_ns = SECOND
    while True:
        unit = unit_ns << bits - DECIMALS + 1
        near = fraction // unit
        off = fraction - near * unit
        if 2 * off > unit or (2 * off == unit and near % 2):
            near, off = near + 1, unit - off
        if off < FIVES or (off == FIVES and m % 2 == 0) or unit_ns == 1:
            return (m >> bits) + near * unit_ns // SECOND, near * unit_ns % SECOND
        unit_ns //= 10


def write_instant(out: Any, at: int, time_ns: int) -> int:
    """ISO 8601 in UTC to the nanosecond."""
    second = time_ns // SECOND
    at = _write_date(out, at, second // DAY_S)
    out[at] = AFTER_THE_DATE
    at = write_digits(out, at + 1, second % DAY_S // 3600, 2)
    out[at] = COLON
    at = write_digits(out, at + 1, second % 3600 // 60, 2)
    out[at] = COLON
    at = write_digits(out, at + 1, second % 60, 2)
    out[at] = DOT
    at = write_digits(out, at + 1, time_ns % SECOND, DECIMALS)
    out[at] = AFTER_THE_TIME
    return at + 1


def _write_date(out: Any, at: int, day: int) -> int:
    """Write the Gregorian date of days since 1970; years are counted from March, so that a leap day is their last."""
    day += DAYS_BEFORE_1970
    era, day = day // DAYS_OF_AN_ERA, day % DAYS_OF_AN_ERA
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5
    is_next = month >= 10  # January and February
    at = write_digits(out, at, 400 * era + year + is_next, 4)
    out[at] = DASH
    at = write_digits(out, at + 1, month - 9 if is_next else month + 3, 2)
    out[at] = DASH
    return write_digits(out, at + 1, day + 1, 2)


def write_address(out: Any, at: int, hi: int, lo: int) -> int:
    """Two signed halves, as `capture.packets.address` has them; IPv4 is held as ::ffff:a.b.c.d."""
    if hi == 0 and lo >> 32 == 0xFFFF:
        return _write_dotted(out, at, lo)
    first, last = _zeros(hi, lo)
    place = 0
    while place < GROUPS:
        if place == first:
            out[at] = COLON
            at, place = at + 1, last
            if place == GROUPS:
                out[at] = COLON
                return at + 1
        else:
            if place > 0:
                out[at] = COLON
                at += 1
            if place == 6 and first == 0 and last == 6:  # inet_ntop writes ::a.b.c.d (RFC 4291 §2.5.5.1) so
                return _write_dotted(out, at, lo)
            at = _write_hexadecimal(out, at, _group(hi, lo, place))
            place += 1
    return at


def _zeros(hi: int, lo: int) -> tuple[int, int]:
    """Return the first longest run of two or more zero groups (RFC 5952 §4.2); without one, beyond the last group."""
    first, last, begin = GROUPS + 1, GROUPS + 1, 0
    for place in range(GROUPS):
        if _group(hi, lo, place) != 0:
            begin = place + 1
        elif place + 1 - begin > max(last - first, 1):
            first, last = begin, place + 1
    return first, last


def _group(hi: int, lo: int, place: int) -> int:
    return (hi if place < 4 else lo) >> 48 - 16 * (place % 4) & 0xFFFF


def _write_dotted(out: Any, at: int, lo: int) -> int:
    at = write_integer(out, at, lo >> 24 & 0xFF)
    for shift in (16, 8, 0):
        out[at] = DOT
        at = write_integer(out, at + 1, lo >> shift & 0xFF)
    return at


def _write_hexadecimal(out: Any, at: int, group: int) -> int:
    shift = 12
    while shift > 0 and group >> shift == 0:
        shift -= 4
    while shift >= 0:
        digit = group >> shift & 15
        out[at] = digit + ZERO if digit < 10 else digit - 10 + LETTER_A
        at, shift = at + 1, shift - 4
    return at
