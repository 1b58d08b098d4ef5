"""The kernel that writes the JSON of flows straight from columns: no object of a flow is made for it.

Names and order of members are the contract of `ka-analyze-1.schema.json`; texts come from `phrases`, numbers are
written by `numbers`.
"""

from array import array
from typing import Any

from analyzer.engine.dispatch import apart
from analyzer.keepalive.catalogue.profiles import UNBOUNDED, Bounds, matching
from analyzer.keepalive.findings import Found
from analyzer.keepalive.settings.infer import CLOCK_BITS
from analyzer.keepalive.story.values import BY_ACK, BY_DATA, BY_MIDDLEBOX
from analyzer.report.json.members import say, say_duration, say_instant, say_number, say_phrase, write_frames
from analyzer.report.json.numbers import write_address, write_hundredths, write_integer, write_thousandths
from analyzer.report.json.string_pool import BETWEEN_RATES, COMMA, FIRST_MEMBER, NULL, Sheet
from analyzer.report.json.vocabulary import Words
from analyzer.report.words.setting_sentences import ALL_WHEELS, MOST_VARIANTS, PLACES, is_timed, variant, which_timers
from analyzer.schema import NEVER
from analyzer.tcp.flows import end_ns, start_ns

BEFORE = ",\n"
"""A line."""
MEMBERS = (
    BEFORE + '{"id": ',
    ', "tunnel": ',
    ', "opened": ',
    ', "start": ',
    ', "end": ',
    ', "packets": ',
    ', "bytes": ',
    ', "max_idle_s": ',
    ', "ends": [',
    '{"addr": "',
    '", "port": ',
    ', "role": ',
    ', "keepalive": ',
    ', "probed_by": ',
    ', "probes": ',
    ', "answered": ',
    ', "payload_len": ',
    ', "settings": {"tcp_keepalive_time": ',
    ', "tcp_keepalive_intvl": ',
    ', "tcp_keepalive_probes": ',
    ', "tcp_user_timeout": ',
    '{"value": ',
    ', "low": ',
    ', "high": ',
    ', "n": ',
    ', "basis": "',
    '", "frames": [',
    "]}",
    '}, "matches": [',
    '], "verdict": {"outcome": ',
    ', "cause": ',
    ', "prober": ',
    ', "errno": ',
    ', "epoll": ',
    ', "detection_delay_s": ',
    ', "confidence": ',
    ', "evidence_frames": [',
    '], "reasons": [',
    "]}}",
)
(
    ID,
    TUNNEL,
    OPENED,
    START,
    END,
    PACKETS,
    OCTETS,
    MAX_IDLE,
    ENDS,
    ADDRESS,
    PORT,
    ROLE,
    KEEPALIVE,
    PROBED_BY,
    PROBES,
    ANSWERED,
    PAYLOAD_LEN,
    TIME,
    INTVL,
    COUNT,
    USER_TIMEOUT,
    VALUE,
    LOW,
    HIGH,
    N,
    BASIS,
    FRAMES,
    END_OF_SETTING,
    MATCHES,
    OUTCOME,
    CAUSE,
    PROBER,
    ERRNO,
    EPOLL,
    DELAY,
    CONFIDENCE,
    EVIDENCE,
    REASONS,
    END_OF_FLOW,
) = range(FIRST_MEMBER, FIRST_MEMBER + len(MEMBERS))
"""Rows in PHRASES."""
AT_N, AT_SHORTEST, AT_LONGEST, AT_LOW, AT_HIGH, AT_OTHER_LOW, AT_OTHER_HIGH, AT_RATES = range(len(PLACES))
LONGEST_LINE = 1 << 14
"""Without the tunnel's name; frames that are named, sentences and names of profiles are limited in number."""
MILLISECOND = 1_000_000
CLOCK = (1 << CLOCK_BITS) - 1
"""One in INFERRED.clocks: its row in CLOCKS plus one; Linux's are the first rows."""


def idle_times(found: Found) -> set[int]:
    """The values of tcp_keepalive_time, for the profiles that have them."""
    return set(found.settings.value[: 8 * found.flow_count : 4])


def write_flows(found: Found, reached: "array[int]", words: Words, sheet: Sheet, full: int) -> int:
    """A line for each of the flows from row reached[0] on, after a comma and a line's end.

    No line begins beyond `full`; `reached` has the first row that is left. Returns the octets written.
    """
    at, it = 0, reached[0]
    while it < found.flow_count and at <= full:
        at = write_flow(found, it, words, sheet, at)
        it += 1
    reached[0] = it
    return at


def write_flow(found: Found, it: int, words: Words, sheet: Sheet, at: int) -> int:
    f, flow = found.flows, found.told.flow[it]
    first, last = found.told.first_probe[it], found.told.first_probe[it + 1]
    octets = 0  # of both ends: the garbage octets of probes are no payload
    for probe in range(first, last):
        octets += found.candidates.payload_len[found.probes.row[probe]]
    at = say_number(sheet, at, ID, flow)
    at = say_phrase(sheet, at, TUNNEL, words.tunnels + f.tunnel[flow])
    at = say_phrase(sheet, at, OPENED, words.openings + f.opened[flow])
    at = say_instant(sheet, at, START, start_ns(f, flow))
    at = say_instant(sheet, at, END, end_ns(f, flow))
    at = say_number(sheet, at, PACKETS, f.packets[flow])
    at = write_integer(sheet.out, say(sheet, at, OCTETS), f.octets[flow] - octets)
    at = say_duration(sheet, at, MAX_IDLE, f.max_idle_ns[flow])
    at = say(sheet, at, ENDS)
    for end in range(2):
        at = say(sheet, at, COMMA) if end else at
        at = write_end(found, it, end, words, sheet, at)
    return write_verdict(found.verdicts, found.evidence, it, words, sheet, at)


def write_end(found: Found, it: int, end: int, words: Words, sheet: Sheet, at: int) -> int:
    f, p, flow, me = found.flows, found.probes, found.told.flow[it], 2 * it + end
    answered, payload_len = 0, NEVER
    for probe in range(found.told.first_probe[it], found.told.first_probe[it + 1]):
        if p.end[probe] == end:
            answered += p.answer[probe] == BY_ACK or p.answer[probe] == BY_DATA
            payload_len = max(payload_len, found.candidates.payload_len[p.row[probe]])
    hi, lo, port = f.a_hi[flow], f.a_lo[flow], f.ports[flow] >> 16
    if end == 1:
        hi, lo, port = f.b_hi[flow], f.b_lo[flow], f.ports[flow] & 0xFFFF
    at = write_address(sheet.out, say(sheet, at, ADDRESS), hi, lo)
    at = say_number(sheet, at, PORT, port)
    at = say_phrase(sheet, at, ROLE, words.roles + 2 * f.opened[flow] + end)
    by = found.told_ends.probed_by[me]
    at = say_phrase(sheet, at, KEEPALIVE, words.keepalive + (payload_len != NEVER and by != BY_MIDDLEBOX))
    at = say_phrase(sheet, at, PROBED_BY, words.probers + 1 + by)
    at = say_number(sheet, at, PROBES, found.told_ends.probes[me])
    at = say_number(sheet, at, ANSWERED, answered)
    at = say_number(sheet, at, PAYLOAD_LEN, payload_len)
    for which in range(4):
        at = say(sheet, at, TIME + which)
        at = write_setting(found, me, which, words, sheet, at)
    at = say(sheet, at, MATCHES)
    if payload_len != NEVER and by != BY_MIDDLEBOX:
        at = write_matches(found.settings, 4 * me, payload_len, f.ports[flow], words, sheet, at)
    return say(sheet, at, END_OF_SETTING)


def write_setting(found: Found, me: int, which: int, words: Words, sheet: Sheet, at: int) -> int:
    s, row, user_timeout = found.settings, 4 * me + which, 4 * me + 3
    basis, low, high = s.basis[row], s.low_ms[row], s.high_ms[row]
    if basis == NEVER:
        return say(sheet, at, NULL)
    at = say_number(sheet, at, VALUE, s.value[row])
    at = say_bound(sheet, at, LOW, low, row == user_timeout)
    at = say_bound(sheet, at, HIGH, high, row == user_timeout)
    at = say(sheet, say_number(sheet, at, N, s.n[row]), BASIS)
    other_high = s.high_ms[user_timeout] if s.basis[user_timeout] != NEVER else NEVER
    sentence = variant(basis, s.n[row], low, high, s.shortest_ns[row], s.longest_ns[row], other_high)
    at = write_sentence(found, row, words.observed + MOST_VARIANTS * basis + sentence, words, sheet, at)
    if is_timed(basis):
        at = write_sentence(found, row, words.timers + timers(found.inferred.clocks[me]), words, sheet, at)
    at = write_frames(found.proofs, s.first_proof[row], s.proofs[row], sheet, say(sheet, at, FRAMES))
    return say(sheet, at, END_OF_SETTING)


def say_bound(sheet: Sheet, at: int, member: int, bound: int, is_fine: bool) -> int:
    """In seconds, or a count; `bound` is in thousandths, which show where there are any, or always if `is_fine`."""
    if is_fine or bound % 1000:
        return say_duration(sheet, at, member, bound * MILLISECOND)
    return say_number(sheet, at, member, bound // 1000)


def timers(clocks: int) -> int:
    """Which sentence is about these, as INFERRED has them."""
    count = wheels = 0
    while clocks:
        count, wheels = count + 1, wheels + ((clocks & CLOCK) <= ALL_WHEELS)
        clocks >>= CLOCK_BITS
    return which_timers(count, wheels)


@apart
def write_sentence(found: Found, row: int, sentence: int, words: Words, sheet: Sheet, at: int) -> int:
    """With the numbers of a setting, and those of the user timeout beside it, in their places."""
    s, user_timeout = found.settings, row | 3
    phrase, place = words.sentences.first_phrase[sentence], AT_N
    while place != NEVER:
        at = say(sheet, at, phrase)
        place = sheet.phrases.place[phrase]
        phrase += 1
        if place == AT_N:
            at = write_integer(sheet.out, at, s.n[row])
        elif place == AT_SHORTEST or place == AT_LONGEST:
            at = write_hundredths(sheet.out, at, s.shortest_ns[row] if place == AT_SHORTEST else s.longest_ns[row])
        elif place == AT_LOW or place == AT_HIGH:
            at = write_thousandths(sheet.out, at, s.low_ms[row] if place == AT_LOW else s.high_ms[row])
        elif place == AT_OTHER_LOW or place == AT_OTHER_HIGH:
            bound = s.low_ms[user_timeout] if place == AT_OTHER_LOW else s.high_ms[user_timeout]
            at = write_thousandths(sheet.out, at, bound)
        elif place == AT_RATES:
            at = write_rates(found.inferred.clocks[row // 4], words, sheet, at)
    return at


def write_rates(clocks: int, words: Words, sheet: Sheet, at: int) -> int:
    """Of Linux's clocks among these."""
    is_first = True
    while clocks:
        if (clocks & CLOCK) <= ALL_WHEELS:
            at = at if is_first else say(sheet, at, BETWEEN_RATES)
            at = say(sheet, at, words.rates + (clocks & CLOCK) - 1)
            is_first = False
        clocks >>= CLOCK_BITS
    return at


def write_matches(s: Any, time: int, payload_len: int, ports: int, words: Words, sheet: Sheet, at: int) -> int:
    """Names of the profiles that fit; `time` is the row of the end's first setting."""
    if s.basis[time] == NEVER or s.value[time] == NEVER:
        return at
    intvl, probes = bounds(s, time + 1), bounds(s, time + 2)
    fitting, time_s = words.fitting, s.value[time]
    count = matching(words.profiles, words.profile_rows, time_s, intvl, probes, payload_len, ports, fitting)
    for place in range(count):
        at = say(sheet, at, COMMA) if place else at
        at = say(sheet, at, words.profile_names + fitting[place])
    return at


def bounds(s: Any, row: int) -> Bounds:
    if s.basis[row] == NEVER:
        return UNBOUNDED
    value = s.value[row]
    return 1000 * value if value != NEVER else NEVER, s.low_ms[row], s.high_ms[row]


def write_verdict(v: Any, evidence: Any, it: int, words: Words, sheet: Sheet, at: int) -> int:
    at = say_phrase(sheet, at, OUTCOME, words.outcomes + v.outcome[it])
    at = say_phrase(sheet, at, CAUSE, words.causes + 1 + v.cause[it])
    at = say_number(sheet, at, PROBER, v.prober[it])
    at = say_phrase(sheet, at, ERRNO, words.errnos + 1 + v.errno[it])
    at = say_number(sheet, at, EPOLL, v.epoll[it])
    at = say_duration(sheet, at, DELAY, v.detection_delay_ns[it])
    at = say_phrase(sheet, at, CONFIDENCE, words.confidences + v.confidence[it])
    at = write_frames(evidence, v.first_evidence[it], v.evidence[it], sheet, say(sheet, at, EVIDENCE))
    at = say(sheet, at, REASONS)
    reasons = v.reasons[it]
    while reasons:
        at = say(sheet, at, words.reasons + (reasons & 0xFF) - 1)
        reasons >>= 8
        at = say(sheet, at, COMMA) if reasons else at
    return say(sheet, at, END_OF_FLOW)
