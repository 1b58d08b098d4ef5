"""The only prose about findings: headlines, sentences, why a value, why a verdict, which rule.

Everything else carries codes and numbers. Sentences are for a person with a dead connection.
"""

from collections.abc import Sequence
from itertools import groupby

from analyzer.keepalive.catalogue.profiles import shared
from analyzer.keepalive.findings import End, Flow, Role
from analyzer.keepalive.settings.values import Basis, Settings
from analyzer.keepalive.story.holes import MANY_MISSING
from analyzer.keepalive.story.values import Answer, ledger
from analyzer.keepalive.summary.advice import Advice, AdviceCode
from analyzer.keepalive.summary.hosts import Host
from analyzer.keepalive.summary.paths import PathLimit
from analyzer.keepalive.tags.tag import Rule
from analyzer.keepalive.verdict.values import Cause, Outcome, Reason, Verdict
from analyzer.report.units import count, plain, short
from analyzer.report.words import ending_sentences
from analyzer.report.words.ending_sentences import name
from analyzer.report.words.move_sentences import what_goes_astray, where_it_goes_on
from analyzer.report.words.reason_sentences import REASONS
from analyzer.schema import ABSENT

OUTCOMES = {
    Outcome.ALIVE: "alive",
    Outcome.OPEN: "open, and silent",
    Outcome.CLOSED: "closed in order",
    Outcome.TIMED_OUT: "timed out",
    Outcome.UNREACHABLE: "unreachable",
    Outcome.RESET: "reset",
    Outcome.PROBING: "being probed",
    Outcome.UNDETECTED: "dead and not noticed",
    Outcome.UNKNOWN: "not known",
}

CAUSES = {
    Cause.APPLICATION: "by the application",
    Cause.PEER_SILENT: "the peer fell silent",
    Cause.PATH_DROPPED: "the path or the peer forgot this connection",
    Cause.LINK_DEAD: "nobody answers for the peer's address on the link",
    Cause.PATH_UNREACHABLE: "routers report the peer unreachable",
    Cause.PEER_LOST_STATE: "the peer no longer knows the connection",
    Cause.PATH_RESET: "something on the path answered for the peer",
}

RULES = {
    Rule.CONTROL_BIT: "its control bits say so (RFC 9293 §3.1)",
    Rule.PLAIN: "nothing about it is special",
    Rule.BELOW_SND_NXT: "at most one octet at SND.NXT-1, already acknowledged, on an idle connection (RFC 9293 §3.8.4)",
    Rule.BELOW_SND_UNA: "at most one octet at SND.UNA-1 while FIN or data is in flight (RFC 9293 §3.8.4)",
    Rule.REVEALED_BY_ANSWER: "the answer shows that it lay one below SND.NXT, which the capture had not shown before",
    Rule.REVEALED_BY_RST: "the RST one octet later shows that it lay one below SND.NXT",
    Rule.REPEATED_UNSOLICITED: "the same empty segment again and again, with nothing to acknowledge",
    Rule.REPEATS_ONE_OCTET: "the same single octet again, a second or more later, though acknowledged",
    Rule.ANSWERS_PROBE: "acknowledges the octet at the probe's SEG.SEQ (RFC 9293 §3.8.4)",
    Rule.WINDOW_CLOSED: "the other end's window is 0: it probes the window, not the peer (RFC 9293 §3.8.6.1)",
    Rule.ANSWERS_WINDOW_PROBE: "answers a zero-window probe (RFC 9293 §3.8.6.1)",
    Rule.OCTETS_SENT_BEFORE: "all of its octets were sent before (RFC 9293 §3.8.1)",
    Rule.SAME_ACK_IN_FLIGHT: "same ACK and window while the other end has data in flight (RFC 5681 §2)",
    Rule.SAME_ACK_NEW_WINDOW: "same ACK with another window (RFC 9293 §3.8.6)",
    Rule.AFTER_UNANSWERED_PROBES: "SEG.SEQ is SND.NXT, an interval after a probe that nothing answered "
    "(tcp_keepalive_timer)",
    Rule.CAPTURED_TWICE: "equal to the same end's last frame, IP ID or timestamp included, milliseconds later",
    Rule.QUOTES_SEGMENT: "quotes a segment of this connection (RFC 792, RFC 4443)",
    Rule.TOO_SOON: "one below SND.NXT right after data: an ACK that left late, no probe",
    Rule.BEHIND_OWN_FIN: "one below SND.NXT right after the own FIN: an ACK that left late, no probe",
    Rule.BEHIND_OWN_SYN: "at the octet of the own SYN right after the handshake: no idle time can have run out",
    Rule.OUTSIDE_WINDOW: "a RST outside of the receive window, which changes nothing (RFC 9293 §3.5.3)",
    Rule.CHALLENGED: "a RST not at RCV.NXT, which was answered and not obeyed (RFC 5961 §3.2)",
    Rule.REFUSES_CONTROL: "answers a RST or SYN that it does not obey with where the connection stands (RFC 5961 §3.2, "
    "§4.2)",
    Rule.STEADY_PERIOD: "a little data, again and again after the same time on an otherwise idle connection",
    Rule.REVEALED_BY_DATA: "the next data of its sender shows that it lay one below SND.NXT",
    Rule.BOTH_CLOSED: "one below SND.NXT after both FINs were acknowledged: no keepalive timer runs any more (RFC 9293 "
    "§3.6)",
    Rule.UNACCEPTABLE_ACK: "SEG.ACK of something never sent, or of long ago, which was answered and not believed (RFC "
    "5961 §5.2)",
    Rule.OLDER_CONNECTION: "resets the older connection that the ACK before it showed, not this one (RFC 9293 §3.5.1)",
    Rule.GOES_ON_PROBING: "a RST that was lost on its way, or forged: an end still probes long after it",
    Rule.AFTER_RESET: "was on its way when a RST ended the connection",
    Rule.NOBODY_ANSWERS: "asks for the link address of the end that fell silent; nobody answers (RFC 826, RFC 4861 "
    "§7.2.5)",
}

ANSWERS = {
    Answer.NOTHING: "nothing",
    Answer.ACK: "an ACK",
    Answer.DATA: "data",
    Answer.RST: "a RST",
    Answer.ICMP: "an ICMP error",
}

ADVICE = {
    AdviceCode.KEEPALIVE_OFF: "Neither end probes, although connections idle for up to {longest_idle_s} s{beyond}. "
    "Switch SO_KEEPALIVE on at one end, with TCP_KEEPIDLE below every idle limit on the path (many are 300 to 350 s).",
    AdviceCode.TIME_EXCEEDS_PATH_LIMIT: "The first probe comes after {times} s{latest}, but this path forgot a "
    "connection that was silent for {failed_s} s{seen}.",
    AdviceCode.INTVL_EXCEEDS_TIME: "tcp_keepalive_intvl ({tcp_keepalive_intvl} s) is longer than tcp_keepalive_time "
    "({tcp_keepalive_time} s): {on_linux} the probes of a live peer then follow the interval. Make it the shorter one.",
    AdviceCode.SINGLE_PROBE: "One unanswered probe ends the connection, so a single lost packet does it (RFC 1122 "
    "§4.2.3.6). Set tcp_keepalive_probes (TCP_KEEPCNT) to 3 or more{user_timeout}.",
    AdviceCode.COUNT_REPLACED: "With {tcp_keepalive_time} s and {tcp_keepalive_intvl} s each, connections of one host "
    "gave up after {fewest} to {most} probes: a TCP_USER_TIMEOUT decides in place of tcp_keepalive_probes, or programs "
    "set counts of their own. Set one of the two, knowing that the user timeout wins.",
    AdviceCode.SLOW_DETECTION: "A dead peer is noticed only after {detection_s} s ({tcp_keepalive_time} s and "
    "{tcp_keepalive_probes} probes {tcp_keepalive_intvl} s apart){latest}. Shorten the three if that is too late.",
    AdviceCode.DATA_UNACKNOWLEDGED: "Data has been unacknowledged for up to {longest_s} s. Keepalive is suspended "
    "while data is in flight, so no keepalive setting notices that; the kernel itself gives up after up to "
    "{gives_up_s} s. Set TCP_USER_TIMEOUT on the socket, or let the application give up after a time of its own.",
    AdviceCode.FREQUENT_PROBES: "Probes every {period_s} s keep nothing open that probes every minute would not: "
    "on {connections} idle connections of this host they and their answers are {probes_a_day:,} round trips and up to "
    "{octets_a_day:,} octets a day, instead of {cheaper_probes_a_day:,}. Only the wish to notice a dead peer at once "
    "justifies that.",
}
USER_TIMEOUT = "; a TCP_USER_TIMEOUT, where there is one, decides instead of the count, and must be longer than the "
USER_TIMEOUT += "idle time and two intervals"
ONCE = "seen on one connection only"
PROPOSAL = " Set for example {set_time}/{set_intvl}/{set_probes} (time/intvl/probes): so a dead peer is noticed within "
PROPOSAL += "{set_detection_s} s."


NEAR = 1.5
"""Bounds of two ends up to this ratio are given as one, the lower."""
INITIAL_TTLS = (64, 128, 255)
"""What systems send with: the next one above tells how many routers a segment has passed."""
ONE_WAY = frozenset({Reason.PEER_STILL_SENDS, Reason.ANSWERS_UNHEARD, Reason.ACKS_UNHEARD})
"""The peer is heard, or hears; so it lives, and has the connection."""


def headline(flow: Flow) -> str:
    """Outcome and cause in a few words."""
    outcome, cause = OUTCOMES[flow.verdict.outcome], flow.verdict.cause
    if Reason.NETWORK_SILENT in flow.verdict.reasons and cause is not None:
        return f"{outcome}: the peer's whole network fell silent"
    if cause is Cause.PATH_DROPPED and ONE_WAY.intersection(flow.verdict.reasons):
        return f"{outcome}: one way of the path is broken"
    if flow.verdict.outcome is Outcome.CLOSED and flow.ending is not None:
        return ending_sentences.headline(flow, flow.ending)
    if Reason.NEVER_OPENED in flow.verdict.reasons:
        return "never opened"
    if Reason.RST_UNDECIDED in flow.verdict.reasons:
        return f"{outcome} by the other end, or something in its name"
    return outcome if cause in (None, Cause.APPLICATION) else f"{outcome}: {CAUSES[cause]}"


def sentences(flow: Flow) -> list[str]:
    """Yield who probes, with which settings, and what happened; at most two sentences each."""
    ended = ending_sentences.ending(flow)
    said = [words for index in flow.probers for words in (_who_probes(flow, index), *_who_it_is(flow, index))]
    if not said:
        said.append(_no_probe(flow))
    if flow.story.is_too_incomplete:
        said.append("Of this connection the capture lacks a third or more: nothing is said of settings.")
    elif flow.probers and flow.story.lacks >= MANY_MISSING:
        said.append(
            f"Of its hosts' segments the capture lacks some {flow.story.lacks / 1000:.0%}: its settings are no longer "
            "than what was seen, and how much shorter is not known."
        )
    said += [ending_sentences.heartbeat(flow, index) for index in flow.beating]
    held = (ending_sentences.unacknowledged(flow), ending_sentences.closed_window(flow))
    first = (ended, *held, *where_it_goes_on(flow), *what_goes_astray(flow))
    return list(filter(None, (*first, *said, ending_sentences.seen_by_application(flow))))


def prober(flow: Flow, index: int) -> str:
    """Name the sender of the probes that have this end as their source."""
    return f"a middlebox before {name(flow, index)}" if flow.ends[index].is_probed_for else name(flow, index)


def _who_probes(flow: Flow, index: int) -> str:
    """Say after how long an end probes, and what became of its probes."""
    end, run = flow.ends[index], flow.story.run
    settings, sent, answered = end.settings, len(end.story.probes), end.answered
    lost = len(run.frames) if run is not None and run.end == index else 0
    in_its_name = f"something on the path probed in the name of {name(flow, index)}"
    words = f"{in_its_name if end.is_probed_for else f'{name(flow, index)} probed'}{_after(settings)}: "
    if end.story.probes[0].answer is Answer.UNSEEN:
        words += count(sent, "probe") + ", and what came back is not in the capture"
    elif lost == sent:
        words += count(sent, "probe") + " without an answer"
    elif answered == sent:
        words += count(sent, "probe") + (", each answered" if sent > 1 else ", answered")
    elif lost and answered == sent - lost:
        words += f"{answered:,} answered, then {lost:,} not"
    else:
        words += f"{answered:,} of {count(sent, 'probe')} answered"
    intvl = settings.tcp_keepalive_intvl
    if lost > 1 and intvl is not None and intvl.value is not None:
        words += f", {intvl.value} s apart"
    if flow.story.reset is not None and flow.story.reset.is_give_up and flow.story.reset.end == index:
        words += "; then it reset the connection"
    return words[:1].upper() + words[1:] + "."


def _who_it_is(flow: Flow, index: int) -> list[str]:
    """Say what shows that the probes of an end are not its own."""
    end, look = flow.ends[index], flow.ends[index].story.probe_look
    if not end.is_probed_for or look is None:
        return []
    hops = min(initial for initial in INITIAL_TTLS if initial >= look.ttl[1]) - look.ttl[1]
    away = f" ({count(hops, 'hop')} away)" if hops else ""
    others = [("window", look.has_other_window), ("timestamp option", look.has_other_timestamps)]
    differing = [what for what, differs in [*others, ("acknowledgement", look.acknowledges_less)] if differs]
    more = f", and they differ in {' and '.join(differing)}, too" if differing else ""
    own = "as that of what it sends in other names at the same moment"
    if look.own_ttl is not None:
        own = f"that of what {name(flow, index)} itself sends {_span(look.own_ttl)}"
    return [f"A middlebox sends them: their TTL is {_span(look.ttl)}{away}, {own}{more}."]


def _span(bounds: tuple[int, int]) -> str:
    low, high = bounds
    return str(low) if low == high else f"{low} to {high}"


def _after(settings: Settings) -> str:
    time = settings.tcp_keepalive_time
    if time is None:
        return ""
    if time.value is not None:
        return f" after {time.value} s idle"
    return f" about every {short(time.seen_ns[1])}" if time.basis is Basis.ANSWERED_ONLY else ""


def matches(flow: Flow, index: int) -> str:
    """Say whose settings an end's are like, and what they share; empty without any."""
    end = flow.ends[index]
    ports = (flow.ends[0].port, flow.ends[1].port)
    alike = groupby(end.matches, lambda name: shared(name, end.settings, ports))
    said = [", ".join(names) + _in_brackets(numbers) for numbers, names in alike]
    return f"Like {', '.join(said)}." if said else ""


def _in_brackets(numbers: Sequence[tuple[str, int]]) -> str:
    return f" ({', '.join(f'{what} {number}' for what, number in numbers)})" if numbers else ""


def probe_ledger(flow: Flow, index: int) -> str:
    """Account for one end's probes, with the delay of answers and the rate of loss."""
    found, who = ledger(flow.ends[index].story.probes), prober(flow, index)
    if dict(found.answers).get(Answer.UNSEEN):
        words = f"{who} sent {count(found.sent, 'probe')}; what came back is not in the capture."
        return words[:1].upper() + words[1:]
    answered = [
        f"{number:,} answered by {ANSWERS[kind]}" for kind, number in found.answers if kind is not Answer.NOTHING
    ]
    words = f"{who} sent {count(found.sent, 'probe')}: {', '.join(answered) or 'none answered'}"
    if found.fastest_ns is not None and found.slowest_ns is not None:
        fastest, slowest = short(found.fastest_ns), short(found.slowest_ns)
        words += f", after {fastest}" + (f" to {slowest}" if fastest != slowest else "")
    if found.excused:
        words += f"; {found.excused:,} so soon after an answer that none was due"
    if found.lost:
        words += f"; {found.lost:,} not ({found.loss_rate:.0%})"
    return words[:1].upper() + words[1:] + "."


def _no_probe(flow: Flow) -> str:
    """Give a bound in place of silence: what a timer would have had to be set to."""
    known = [(index, time) for index in (0, 1) if (time := flow.ends[index].settings.tcp_keepalive_time) is not None]
    unheard = [name(flow, index) for index in (0, 1) if flow.story.heard_ns[index] == ABSENT]
    if unheard:
        return f"Nothing that {unheard[0]} sent is in the capture: whether either end probes cannot be told."
    silent = f"No keepalive probe from either end in {short(longest_idle_ns(flow))} idle"
    if not known:
        return f"{silent}."
    if len(known) == 2 and not _is_near(known[0][1].low, known[1][1].low):
        bounds = [f"at {name(flow, index)} tcp_keepalive_time is {plain(time.low)} s or more" for index, time in known]
        return f"{silent}: it is off, or {' and '.join(bounds)}."
    whose = "at both" if len(known) == 2 else f"at {name(flow, known[0][0])}"
    bound = f"{whose} it is off, or tcp_keepalive_time is {plain(min(time.low for _, time in known))} s or more"
    if any(time.basis is Basis.SURVIVED_EITHER for _, time in known):
        bound = f"{whose} it is off, or the longer of its time and interval is no shorter than about that"
    return f"{silent}: {bound}."


def _is_near(low: float, other: float) -> bool:
    return max(low, other) <= NEAR * min(low, other)


def longest_idle_ns(flow: Flow) -> int:
    """Return the longest time without any segment, that up to the capture's end included, in ns."""
    return max(flow.max_idle_ns, flow.silent_ns or 0)


def host_name(host: Host) -> str:
    """Name a host by its address; a middlebox has none that the capture shows."""
    if host.addr is not None:
        return host.addr
    more = f" and {len(host.before) - 1:,} more" if len(host.before) > 1 else ""
    return f"a middlebox before {host.before[0]}{more}"


def host_clocks(host: Host) -> list[str]:
    """Say what timer boundaries tell about who is behind an address."""
    said = []
    if host.host_clocks > 1:
        said.append(
            f"{host.addr}: its probes lie on the timer boundaries of {host.host_clocks} kernels, "
            "so several hosts share it."
        )
    if host.same_kernel:
        others = ", ".join(host.same_kernel)
        said.append(f"{host.addr} is one host with {others}: their probes lie on the timer boundaries of one kernel.")
    return said


def reasons(verdict: Verdict) -> list[str]:
    return [REASONS[reason] for reason in verdict.reasons]


def rule(one: Rule) -> str:
    return RULES[one]


def path_name(limit: PathLimit) -> str:
    """Name a path, and the state of the connections that its limit is for."""
    return f"{limit.path}, half-closed" if limit.half_closed else limit.path


def path(limit: PathLimit) -> list[str]:
    """Say what the bracket of a path that forgot a connection means, and what no bracket explains."""
    said = []
    if limit.on_expiry is not None:
        how = "drops what comes later" if limit.on_expiry == "silent" else "answers what comes later with RST"
        once = f"; {ONCE}" if limit.failed == 1 else ""
        said.append(f"{path_name(limit)}: having forgotten a connection, the path {how}{once}.")
    if limit.unexplained:
        was = "connection was" if limit.unexplained == 1 else "connections were"
        said.append(
            f"{path_name(limit)}: {limit.unexplained} {was} lost after silences that others survived, or nearly; no "
            "idle limit explains that."
        )
    if limit.probes_kept_open and limit.failed_ns is not None:
        said.append(
            f"{path_name(limit)}: keepalive probes kept connections open that went without data for longer than "
            f"{short(limit.failed_ns)}."
        )
    return said


def advice(one: Advice) -> str:
    """Word an advice with its numbers, and what to set instead if that can be said."""
    numbers = dict(one.numbers)
    words: dict[str, object] = {"beyond": "", "latest": "", "times": "", **numbers}
    if "longest_time" in numbers:
        shortest, longest = numbers["tcp_keepalive_time"], numbers["longest_time"]
        words["times"] = str(shortest) if shortest == longest else f"{shortest} to {longest}"
    seen = [f"it survived {numbers['survived_s']} s"] if "survived_s" in numbers else []
    seen += [ONCE] if numbers.get("failed_flows") == 1 else []
    words["seen"] = f" ({'; '.join(seen)})" if seen else ""
    if one.code is AdviceCode.KEEPALIVE_OFF and "failed_s" in numbers:
        words["beyond"] = f" and this path forgets them within {numbers['failed_s']} s{words['seen']}"
    if "latest_s" in numbers:
        on_linux = "" if one.is_linux else "if it runs Linux, "
        words["latest"] = f", {on_linux}with the timer's lateness after up to {numbers['latest_s']} s"
    words["on_linux"] = "on Linux" if one.is_linux else "if it runs Linux,"
    words["user_timeout"] = USER_TIMEOUT if one.is_linux is not None else ""
    template = ADVICE[one.code] + (PROPOSAL if "set_time" in numbers else "")
    return template.format(**words)


def prober_label(end: End) -> str:
    """Name whoever sends the probes of an end and has their settings."""
    return f"a middlebox before {end_label(end)}" if end.is_probed_for else end_label(end)


def end_label(end: End) -> str:
    """Name the end with its role, if that is known."""
    return f"{end} ({end.role.value})" if end.role is not Role.UNKNOWN else str(end)
