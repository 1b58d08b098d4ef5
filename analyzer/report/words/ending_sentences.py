"""How a connection was ended, in words: by whom, after how long, and what it cost; and heartbeats.

Beside `sentences.py` the only prose about findings.
"""

from analyzer.keepalive.findings import Flow, Role
from analyzer.keepalive.story.values import Heartbeat
from analyzer.keepalive.verdict.os_errors import EPOLLERR, EPOLLHUP, EPOLLIN
from analyzer.keepalive.verdict.values import BY_PATH, Ending, How, Outcome, Reason
from analyzer.report.units import SECOND, count, short

AT_ONCE_NS = 100_000_000
"""A close so soon after data belongs to it: the exchange was over."""
SOON_NS = SECOND
"""A close so soon after a heartbeat may well answer it."""
EVENTS = {EPOLLIN: "IN", EPOLLERR: "ERR", EPOLLHUP: "HUP"}


def name(flow: Flow, index: int) -> str:
    """Name an end by its role, or by its address where that is not known."""
    end = flow.ends[index]
    return f"the {end.role.value}" if end.role is not Role.UNKNOWN else str(end)


def headline(flow: Flow, ending: Ending) -> str:
    """Say who closed a connection and how, in a few words."""
    lost = ", and data was lost" if ending.lost else ""
    if ending.by is None or ending.by == BY_PATH:
        return "closed" + lost
    how = "closed by" if ending.how is How.FIN else "closed by RST of"
    return f"{how} {name(flow, ending.by)}{lost}"


def ending(flow: Flow) -> str:
    """Say who ended a connection, after how long, and what that cost; empty while it goes on, and where the verdict
    says all."""
    found = flow.ending
    if found is None:
        return _half_closed(flow)
    if found.how not in (How.FIN, How.RST) or found.data_ns is None:
        return ""
    if found.how is How.RST and flow.verdict.outcome is not Outcome.CLOSED:
        return _forgotten(found)
    if found.by is None or found.by == BY_PATH:
        return ""
    verb = "closed it" if found.how is How.FIN else "reset it"
    return _sentence(f"{name(flow, found.by)} {verb} {_after(flow, found)}{_cost(flow, found)}")


def _half_closed(flow: Flow) -> str:
    """Say that one end has closed, and the other one has not."""
    fins = [bool(end.fin_frame) for end in flow.story.ends]
    if sum(fins) != 1:
        return ""
    return _sentence(f"{name(flow, fins.index(True))} has closed its half, and {name(flow, fins.index(False))} has not")


def _after(flow: Flow, found: Ending) -> str:
    """Say after how long, on the clock that tells most."""
    data_ns, peer_ns, other_ns = found.data_ns, found.peer_data_ns, found.no_heartbeat_ns
    assert data_ns is not None
    beating = [index for index in flow.beating if (beat := flow.ends[index].story.heartbeat) and _counts(beat, found)]
    if beating and other_ns is not None and other_ns > data_ns + SOON_NS:
        since = _since_heartbeat(flow, found, beating)
        return f"{short(other_ns)} after the last data that was no heartbeat{since}"
    probed = ", whatever keepalive probes were answered in between" if _was_probed(flow, found) else ""
    if data_ns < AT_ONCE_NS:
        return "right after its last data" if data_ns != peer_ns else "right after the other end's data"
    if peer_ns == data_ns:
        return f"{short(data_ns)} after the other end's last data{probed}"
    return f"{short(data_ns)} after its last data{probed}"


def _counts(beat: Heartbeat, found: Ending) -> bool:
    """Tell whether a heartbeat had begun before the end."""
    return found.at_ns is not None and beat.last_ns - (beat.sent - 1) * beat.period_ns < found.at_ns


def _since_heartbeat(flow: Flow, found: Ending, beating: list[int]) -> str:
    """Say how long after the last heartbeat, and whose that was."""
    beats = {index: beat.last_ns for index in beating if (beat := flow.ends[index].story.heartbeat) is not None}
    last = max(beats, key=beats.__getitem__)
    since_ns = (found.at_ns or 0) - beats[last]
    if since_ns < 0:
        return ""
    return f", and {short(since_ns)} after a heartbeat of {name(flow, last)}"


def _was_probed(flow: Flow, found: Ending) -> bool:
    """Tell whether probes were answered in the idle time that the end closed after."""
    began_ns = (found.at_ns or 0) - (found.data_ns or 0)
    return any(began_ns < probe.answer_ns < (found.at_ns or 0) for end in flow.ends for probe in end.story.probes)


def _cost(flow: Flow, found: Ending) -> str:
    """Say which data was lost."""
    closer = found.by if found.by in (0, 1) else None
    is_request = closer is not None and flow.ends[closer].role is Role.RESPONDER
    what = "a request" if is_request else "data"
    said = []
    if found.crossed_frames:
        said.append(f"{_several(what, found.crossed_frames)} that crossed its FIN")
    if found.reused_frames:
        said.append(f"{_several(what, found.reused_frames)} that came after its FIN had arrived")
    if not said:
        return ""
    verb = "was" if found.lost == 1 or what == "data" else "were"
    return f"; {' and '.join(said)} {verb} lost (frame{'s' * (found.lost != 1)} {_frames(found)})"


def _several(what: str, frames: tuple[int, ...]) -> str:
    return what if len(frames) == 1 or what == "data" else f"{len(frames):,} requests"


def _frames(found: Ending) -> str:
    return ", ".join(map(str, (*found.crossed_frames, *found.reused_frames)))


def _forgotten(found: Ending) -> str:
    """Say what was sent on a connection that was gone."""
    if not found.reused_frames or found.data_ns is None:
        return ""
    return f"What was sent after {short(found.data_ns)} without data was lost (frame {_frames(found)})."


def unacknowledged(flow: Flow) -> str:
    """Say which data nothing acknowledges, since when, and when its sender gives up; empty without any."""
    data = flow.story.unanswered_data
    if data is None or not data.octets:
        return ""
    since_ns = flow.story.capture_end_ns - data.since_ns
    what = f"{count(data.octets, 'octet')} of {name(flow, data.end)}"
    verb = "were" if data.octets != 1 else "was"
    times = count(data.resends, "time")
    if flow.verdict.outcome is not Outcome.UNDETECTED:
        return _sentence(f"{what} {verb} never acknowledged, though sent again {times}")
    earliest, latest = data.gives_up_ns
    have = "have" if data.octets != 1 else "has"
    return _sentence(
        f"{what} {have} been unacknowledged for {short(since_ns)}, and {verb} sent again {times}, after ever longer "
        f"waits; its kernel gives up {short(earliest)} to {short(latest)} after it first sent them, unless a "
        "TCP_USER_TIMEOUT ends it sooner. Keepalive is suspended all the while"
    )


def events(epoll: int) -> str:
    """Spell out a mask of epoll, without EPOLL before each bit: IN|ERR|HUP."""
    return "|".join(event for bit, event in EVENTS.items() if epoll & bit)


def seen_by_application(flow: Flow) -> str:
    """Say which error the application saw, and how long after the peer was last heard; empty without an error."""
    verdict = flow.verdict
    if verdict.errno is None or (verdict.prober is not None and flow.ends[verdict.prober].is_probed_for):
        return ""  # a middlebox has no application that saw anything
    most = "at most " if Reason.SILENT_GIVE_UP in verdict.reasons else ""
    delay_ns = verdict.detection_delay_ns
    late = f", {most}{short(delay_ns)} after the peer was last heard" if delay_ns else ""
    epoll = f" (epoll {events(verdict.epoll)})" if verdict.epoll is not None else " (its system is not Linux: no epoll)"
    return f"{_whose_application(flow)} saw {verdict.errno}{epoll}{late}."


def _whose_application(flow: Flow) -> str:
    """Name the application by its end: "its" only after a sentence about this end alone."""
    verdict, story = flow.verdict, flow.story
    if verdict.outcome is Outcome.CLOSED and story.reset is not None:
        return f"The application at {name(flow, 1 - story.reset.end)}"
    if verdict.prober is not None:
        is_clear = flow.probers == (verdict.prober,) and not flow.beating
        return "Its application" if is_clear else f"The application at {name(flow, verdict.prober)}"
    if story.resending_end >= 0 and Reason.ACKS_UNHEARD in verdict.reasons:
        return f"The application at {name(flow, story.resending_end)} probably"
    return "The application"


def closed_window(flow: Flow) -> str:
    """Say whose application does not read, and for how long its window has been closed; empty where none is, or where
    nothing answers any more."""
    if flow.silent_ns is None or flow.story.unanswered_data is not None:
        return ""
    for index, end in enumerate(flow.story.ends):
        if end.window_closed_ns:
            words = f"the window of {name(flow, 1 - index)} has been closed for {short(end.window_closed_ns)}"
            return _sentence(f"{words}: its application does not read, and {name(flow, index)} waits to send")
    return ""


def heartbeat(flow: Flow, index: int) -> str:
    """Describe an end's heartbeat: how much, how often, whether answered, since when it has stopped."""
    beat = flow.ends[index].story.heartbeat
    assert beat is not None
    least, most = beat.octets
    size = count(most, "octet") if least == most else f"{least} to {most} octets"
    words = f"the application at {name(flow, index)} itself sends {size} every {short(beat.period_ns)}"
    words += f", {beat.sent:,} times, {_answered(beat)}"
    if beat.stopped_ns >= 0:
        return _sentence(f"{words}; the next has been missing: it stopped {short(beat.stopped_ns)} before the end")
    due = "" if flow.probers else ", which it keeps from becoming due"
    return _sentence(f"{words}: an alternative to keepalive{due}")


def _answered(beat: Heartbeat) -> str:
    if beat.answered == beat.sent:
        return "each answered"
    return f"{beat.answered} of them answered" if beat.answered else "without an answer from the other application"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "."
