"""The kernel that writes the JSON of flows straight from columns: no object of a flow is made for it.

Names and order of members are the contract of `ka-analyze-2.schema.json`; codes and sentences come from `flow_strings`,
numbers are written by `numbers`.
"""

from array import array
from typing import Any

from analyzer.engine.dispatch import not_inlined
from analyzer.keepalive.catalogue.profiles import UNBOUNDED, Bounds, known_pairs, matching
from analyzer.keepalive.findings import Found
from analyzer.keepalive.settings.infer import CLOCK_BITS
from analyzer.keepalive.story.heartbeats import period_ns, stopped_ns
from analyzer.keepalive.story.resends import (
    earliest_give_up_ns,
    latest_give_up_ns,
    stuck_end,
    tries_of,
    unacknowledged_octets,
)
from analyzer.keepalive.story.values import BY_ACK, BY_DATA, BY_MIDDLEBOX
from analyzer.keepalive.verdict import values
from analyzer.report.json import flow_members as member
from analyzer.report.json.flow_strings import Words
from analyzer.report.json.members import put, put_duration, put_instant, put_number, put_string, write_frames
from analyzer.report.json.numbers import (
    write_address,
    write_count,
    write_hundredths,
    write_integer,
    write_seconds,
    write_thousandths,
)
from analyzer.report.json.string_pool import BETWEEN_RATES, COMMA, NULL, QUOTE, JsonBuffer
from analyzer.report.words.setting_sentences import (
    ALL_WHEELS,
    MOST_VARIANTS,
    PLACES,
    has_user_timeout,
    is_duration,
    is_timed,
    variant,
    which_timers,
)
from analyzer.schema import ABSENT
from analyzer.tcp.flows import end_ns, start_ns

AT_N, AT_SHORTEST, AT_LONGEST, AT_LOW, AT_HIGH, AT_OTHER_LOW, AT_OTHER_HIGH, AT_RATES = range(len(PLACES))
LONGEST_LINE = 1 << 15
"""Without the tunnel's name; frames that are named, sentences and names of profiles are limited in number."""
MILLISECOND = 1_000_000
CLOCK = (1 << CLOCK_BITS) - 1
"""One in INFERRED.clocks: its row in CLOCKS plus one; Linux's are the first rows."""


def idle_times(found: Found) -> set[int]:
    """Return the values of tcp_keepalive_time, for the profiles that have them; ABSENT for those of any."""
    time, intvl, probes = (found.settings.value[one : 8 * found.flow_count : 4] for one in range(3))
    is_any = not known_pairs().isdisjoint(zip(intvl, probes, strict=True))
    return set(time) - {ABSENT} | ({ABSENT} if is_any else set())


def write_flows(found: Found, reached: "array[int]", words: Words, buffer: JsonBuffer, full: int) -> int:
    """Write a line for each flow from row reached[0] on, after a comma and a line feed.

    No line begins beyond `full`; `reached` has the first row that is left. Returns the octets written.
    """
    at, flow_row = 0, reached[0]
    while flow_row < found.flow_count and at <= full:
        at = write_flow(found, flow_row, words, buffer, at)
        flow_row += 1
    reached[0] = flow_row
    return at


def write_flow(found: Found, flow_row: int, words: Words, buffer: JsonBuffer, at: int) -> int:
    f, flow = found.rows.flows, found.stories.flows.flow[flow_row]
    first, last = found.stories.flows.first_probe[flow_row], found.stories.flows.first_probe[flow_row + 1]
    octets = 0  # of both ends: the garbage octets of probes are no payload
    for probe in range(first, last):
        octets += found.rows.candidates.payload_len[found.stories.probes.row[probe]]
    at = put_number(buffer, at, member.ID, flow)
    at = put_string(buffer, at, member.TUNNEL, words.tunnels + f.tunnel[flow])
    at = put_string(buffer, at, member.OPENED, words.openings + f.opened[flow])
    at = put_instant(buffer, at, member.START, start_ns(f, flow))
    at = put_instant(buffer, at, member.STOP, end_ns(f, flow))
    at = put_number(buffer, at, member.PACKETS, f.packets[flow])
    at = write_integer(buffer.out, put(buffer, at, member.OCTETS), f.octets[flow] - octets)
    at = put_duration(buffer, at, member.MAX_IDLE, f.max_idle_ns[flow])
    at = put_number(buffer, at, member.CONTINUES, found.continues[flow])
    at = put_duration(buffer, at, member.SILENT, silent_ns(found, flow_row))
    at = write_unacknowledged(found, flow_row, buffer, at)
    at = write_ending(found, flow_row, words, buffer, at)
    at = put(buffer, at, member.ENDS)
    for end in range(2):
        at = put(buffer, at, COMMA) if end else at
        at = write_end(found, flow_row, end, words, buffer, at)
    return write_verdict(found.verdicts, found.evidence, flow_row, words, buffer, at)


def silent_ns(found: Found, flow_row: int) -> int:
    """Return how long an open connection has been silent when the capture ends, in ns; ABSENT for one that ended."""
    outcome = found.verdicts.outcome[flow_row]
    if outcome in (values.CLOSED, values.RESET, values.TIMED_OUT, values.UNREACHABLE):
        return ABSENT
    return int(
        found.stories.flows.capture_end_ns[flow_row] - found.rows.flows.last_ns[found.stories.flows.flow[flow_row]]
    )


def write_unacknowledged(found: Found, flow_row: int, buffer: JsonBuffer, at: int) -> int:
    rows, stories = found.rows, found.stories
    end = stuck_end(rows, stories, flow_row)
    if end == ABSENT:
        return put(buffer, at, member.NO_UNACKNOWLEDGED)
    c, flow, sender = rows.candidates, stories.flows.flow[flow_row], stories.ends[2 * flow_row + end]
    since_ns, first, resends = tries_of(rows, flow, sender)
    at = put_number(buffer, at, member.UNACKNOWLEDGED, end)
    at = put_number(buffer, at, member.UNACKNOWLEDGED_OCTETS, unacknowledged_octets(rows.ends[2 * flow + end]))
    at = put_duration(buffer, at, member.SINCE, stories.flows.capture_end_ns[flow_row] - since_ns)
    at = put_number(buffer, at, member.RESENDS, resends)
    if found.verdicts.outcome[flow_row] != values.UNDETECTED:
        return put(buffer, put(buffer, at, member.NO_GIVE_UP), member.END_OF_UNACKNOWLEDGED)
    last = sender.resend_row
    at = write_seconds(
        buffer.out, put(buffer, at, member.GIVES_UP), earliest_give_up_ns(c, since_ns, first, last, resends)
    )
    at = write_seconds(buffer.out, put(buffer, at, COMMA), latest_give_up_ns(c, since_ns, first, last))
    return put(buffer, put(buffer, at, member.END_OF_GIVE_UP), member.END_OF_UNACKNOWLEDGED)


def write_ending(found: Found, flow_row: int, words: Words, buffer: JsonBuffer, at: int) -> int:
    e = found.endings
    if e.how[flow_row] == ABSENT:
        return put(buffer, at, member.NO_ENDING)
    first, crossed = e.first_lost[flow_row], e.crossed[flow_row]
    at = put_string(buffer, at, member.BY, words.enders + 1 + e.by[flow_row])
    at = put_string(buffer, at, member.HOW, words.hows + e.how[flow_row])
    at = put_number(buffer, at, member.FRAME, e.frame[flow_row] or ABSENT)
    at = put_instant(buffer, at, member.AT, e.at_ns[flow_row])
    at = put_duration(buffer, at, member.DATA, e.data_ns[flow_row])
    at = put_duration(buffer, at, member.PEER_DATA, e.peer_data_ns[flow_row])
    at = put_duration(buffer, at, member.NO_HEARTBEAT, e.no_heartbeat_ns[flow_row])
    at = write_frames(found.evidence, first, crossed, buffer, put(buffer, at, member.CROSSED))
    at = write_frames(found.evidence, first + crossed, e.reused[flow_row], buffer, put(buffer, at, member.REUSED))
    return put(buffer, at, member.END_OF_ENDING)


def write_end(found: Found, flow_row: int, end: int, words: Words, buffer: JsonBuffer, at: int) -> int:
    f, p, flow, end_row = found.rows.flows, found.stories.probes, found.stories.flows.flow[flow_row], 2 * flow_row + end
    answered, payload_len = 0, ABSENT
    for probe in range(found.stories.flows.first_probe[flow_row], found.stories.flows.first_probe[flow_row + 1]):
        if p.end[probe] == end:
            answered += p.answer[probe] == BY_ACK or p.answer[probe] == BY_DATA
            payload_len = max(payload_len, found.rows.candidates.payload_len[p.row[probe]])
    hi, lo, port = f.a_hi[flow], f.a_lo[flow], f.ports[flow] >> 16
    if end == 1:
        hi, lo, port = f.b_hi[flow], f.b_lo[flow], f.ports[flow] & 0xFFFF
    at = write_address(buffer.out, put(buffer, at, member.ADDRESS), hi, lo)
    at = put_number(buffer, at, member.PORT, port)
    at = put_string(buffer, at, member.ROLE, words.roles + 2 * f.opened[flow] + end)
    by = found.stories.ends.probed_by[end_row]
    at = put_string(buffer, at, member.KEEPALIVE, words.keepalive + (payload_len != ABSENT and by != BY_MIDDLEBOX))
    at = put_string(buffer, at, member.PROBED_BY, words.probers + 1 + by)
    at = put_number(buffer, at, member.PROBES, found.stories.ends.probes[end_row])
    at = put_number(buffer, at, member.ANSWERED, answered)
    at = put_number(buffer, at, member.PAYLOAD_LEN, payload_len)
    for which in range(4):
        at = put(buffer, at, member.TIME + which)
        at = write_setting(found, end_row, which, words, buffer, at)
    at = put(buffer, at, member.MATCHES)
    if payload_len != ABSENT and by != BY_MIDDLEBOX:
        at = write_matches(found.settings, 4 * end_row, payload_len, f.ports[flow], words, buffer, at)
    return write_heartbeat(found, flow_row, end_row, buffer, at)


def write_heartbeat(found: Found, flow_row: int, end_row: int, buffer: JsonBuffer, at: int) -> int:
    c, e, period = found.rows.candidates, found.stories.ends, period_ns(found.stories.ends[end_row])
    if period == ABSENT:
        return put(buffer, at, member.NO_BEATS)
    at = put_duration(buffer, at, member.PERIOD, period)
    at = write_integer(buffer.out, put(buffer, at, member.BEAT_OCTETS), e.least_beat[end_row])
    at = write_integer(buffer.out, put(buffer, at, COMMA), e.most_beat[end_row])
    at = put_number(buffer, at, member.BEATS, e.beats[end_row])
    at = put_number(buffer, at, member.ANSWERED_BEATS, e.answered_beats[end_row])
    at = put_number(buffer, at, member.FIRST_BEAT, c.frame[e.first_beat[end_row]])
    at = put_number(buffer, at, member.LAST_BEAT, c.frame[e.last_beat[end_row]])
    stopped = stopped_ns(found.rows, found.stories, flow_row, end_row & 1)
    at = put_duration(buffer, at, member.STOPPED, stopped)
    return put(buffer, at, member.END_OF_BEATS)


def write_setting(found: Found, end_row: int, which: int, words: Words, buffer: JsonBuffer, at: int) -> int:
    s, row, user_timeout = found.settings, 4 * end_row + which, 4 * end_row + 3
    basis, low, high = s.basis[row], s.low_ms[row], s.high_ms[row]
    if basis == ABSENT:
        return put(buffer, at, NULL)
    at = put_number(buffer, at, member.VALUE, s.value[row])
    at = put_bound(buffer, at, member.LOW, low, row == user_timeout)
    at = put_bound(buffer, at, member.HIGH, high, row == user_timeout)
    at = put_number(buffer, at, member.N, s.n[row])
    at = write_basis(found, end_row, row, words, buffer, at)
    at = write_frames(found.proofs, s.first_proof[row], s.proofs[row], buffer, put(buffer, at, member.FRAMES))
    return put(buffer, at, member.END_OF_SETTING)


def write_basis(found: Found, end_row: int, row: int, words: Words, buffer: JsonBuffer, at: int) -> int:
    """Write what determined the setting in `row`: its code, its sentence, and the numbers that the setting lacks."""
    s, user_timeout, clocks = found.settings, 4 * end_row + 3, found.inferred.clocks[end_row]
    basis, other_high = s.basis[row], s.high_ms[user_timeout] if s.basis[user_timeout] != ABSENT else ABSENT
    which = variant(basis, s.n[row], s.low_ms[row], s.high_ms[row], s.shortest_ns[row], s.longest_ns[row], other_high)
    at = put(buffer, put_string(buffer, at, member.BASIS, words.bases + basis), member.TEXT)
    at = write_sentence(found, row, words.observed + MOST_VARIANTS * basis + which, words, buffer, at)
    if is_timed(basis):
        at = write_sentence(found, row, words.timers + timers(clocks), words, buffer, at)
    at = put(buffer, at, QUOTE)
    if is_duration(basis):
        at = put_duration(buffer, at, member.SHORTEST, s.shortest_ns[row])
        at = put_duration(buffer, at, member.LONGEST, s.longest_ns[row])
    if has_user_timeout(basis, other_high):
        at = put_duration(buffer, at, member.USER_TIMEOUT_LOW, s.low_ms[user_timeout] * MILLISECOND)
        at = put_duration(buffer, at, member.USER_TIMEOUT_HIGH, other_high * MILLISECOND)
    if is_timed(basis):
        at = write_clocks(clocks, words.clock_names, ALL_WHEELS + 1, COMMA, buffer, put(buffer, at, member.CLOCKS))
        at = put(buffer, at, member.END_OF_CLOCKS)
    return at


def put_bound(buffer: JsonBuffer, at: int, member: int, bound: int, is_fine: bool) -> int:
    """Put a bound in seconds, or a count; `bound` is in thousandths, shown if there are any, or always if `is_fine`."""
    if is_fine or bound % 1000:
        return put_duration(buffer, at, member, bound * MILLISECOND)
    return put_number(buffer, at, member, bound // 1000)


def timers(clocks: int) -> int:
    """Return which sentence is about these timers, as INFERRED has them."""
    count = wheels = 0
    while clocks:
        count, wheels = count + 1, wheels + ((clocks & CLOCK) <= ALL_WHEELS)
        clocks >>= CLOCK_BITS
    return which_timers(count, wheels)


@not_inlined
def write_sentence(found: Found, row: int, sentence: int, words: Words, buffer: JsonBuffer, at: int) -> int:
    """Write a sentence with the numbers of a setting, and of the user timeout beside it, in their places."""
    s, user_timeout = found.settings, row | 3
    string, place = words.sentences.first_phrase[sentence], AT_N
    while place != ABSENT:
        at = put(buffer, at, string)
        place = buffer.string_pool.place[string]
        string += 1
        if place == AT_N:
            at = write_count(buffer.out, at, s.n[row])
        elif place == AT_SHORTEST or place == AT_LONGEST:
            at = write_hundredths(buffer.out, at, s.shortest_ns[row] if place == AT_SHORTEST else s.longest_ns[row])
        elif place == AT_LOW or place == AT_HIGH:
            at = write_thousandths(buffer.out, at, s.low_ms[row] if place == AT_LOW else s.high_ms[row])
        elif place == AT_OTHER_LOW or place == AT_OTHER_HIGH:
            bound = s.low_ms[user_timeout] if place == AT_OTHER_LOW else s.high_ms[user_timeout]
            at = write_thousandths(buffer.out, at, bound)
        elif place == AT_RATES:
            at = write_clocks(found.inferred.clocks[row // 4], words.rates, ALL_WHEELS, BETWEEN_RATES, buffer, at)
    return at


def write_clocks(clocks: int, first: int, count: int, between: int, buffer: JsonBuffer, at: int) -> int:
    """Write the string of each clock that has one among `count` from `first` on, and once what several share."""
    written = 0
    while clocks:
        string = min((clocks & CLOCK) - 1, ALL_WHEELS)  # behind Linux's all are called alike
        if string < count and not written >> string & 1:
            at = put(buffer, at, between) if written else at
            at = put(buffer, at, first + string)
            written |= 1 << string
        clocks >>= CLOCK_BITS
    return at


def write_matches(s: Any, time: int, payload_len: int, ports: int, words: Words, buffer: JsonBuffer, at: int) -> int:
    """Names of the profiles that fit; `time` is the row of the end's first setting."""
    intvl, probes = bounds(s, time + 1), bounds(s, time + 2)
    fitting, time_s = words.fitting, s.value[time] if s.basis[time] != ABSENT else ABSENT
    count = matching(words.profiles, words.profile_rows, time_s, intvl, probes, payload_len, ports, fitting)
    for place in range(count):
        at = put(buffer, at, COMMA) if place else at
        at = put(buffer, at, words.profile_names + fitting[place])
    return at


def bounds(s: Any, row: int) -> Bounds:
    if s.basis[row] == ABSENT:
        return UNBOUNDED
    value = s.value[row]
    return 1000 * value if value != ABSENT else ABSENT, s.low_ms[row], s.high_ms[row]


def write_verdict(v: Any, evidence: Any, flow_row: int, words: Words, buffer: JsonBuffer, at: int) -> int:
    at = put_string(buffer, at, member.OUTCOME, words.outcomes + v.outcome[flow_row])
    at = put_string(buffer, at, member.CAUSE, words.causes + 1 + v.cause[flow_row])
    at = put_number(buffer, at, member.PROBER, v.prober[flow_row])
    at = put_string(buffer, at, member.ERRNO, words.errnos + 1 + v.errno[flow_row])
    at = put_number(buffer, at, member.EPOLL, v.epoll[flow_row])
    at = put_duration(buffer, at, member.DELAY, v.detection_delay_ns[flow_row])
    at = put_string(buffer, at, member.CONFIDENCE, words.confidences + v.confidence[flow_row])
    at = write_frames(
        evidence, v.first_evidence[flow_row], v.evidence[flow_row], buffer, put(buffer, at, member.EVIDENCE)
    )
    at = put(buffer, at, member.REASONS)
    reasons = v.reasons[flow_row]
    while reasons:
        at = put(buffer, at, words.reasons + (reasons & 0xFF) - 1)
        reasons >>= 8
        at = put(buffer, at, COMMA) if reasons else at
    return put(buffer, at, member.END_OF_FLOW)
