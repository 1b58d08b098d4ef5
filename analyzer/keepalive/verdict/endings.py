"""Who ended a connection, how, after how long without data, and what it cost.

Theory of operation. A connection is ended by whoever closes first: the first FIN, a RST that nothing asked for, or a
RST that answers a segment for which there is no connection any more (RFC 9293 §3.10.7.1); else by the timer that gives
up. An ending that nobody has noticed goes on as silence. Which of these it was, the verdict says; here is by whom, and
when.

Applications count their idle time in different ways, so three clocks are read: since new data moved in either
direction; since new data of the other end, as a server counts that waits for a request; and since data that is no
heartbeat. Retransmissions, window updates and keepalive are not data, and a farewell that the closer says just before
its FIN (TLS close_notify, an error message) is part of the close. So is one that the other end says in return.

  What is lost   Looks for
  -------------  -----------------------------------------------------------------------------------------------
  crossed        new data that does not acknowledge the FIN: it was sent before the FIN arrived, and a RST came
  reused         new data on a connection that had been closed, or forgotten, before it was sent, and a RST came
"""

from typing import Any

from analyzer.keepalive.tags import tag
from analyzer.keepalive.tags.rules import HEARTBEAT_OCTETS, LOOKBACK
from analyzer.keepalive.verdict import values
from analyzer.keepalive.verdict.batch import LOST, Batch, prove_more
from analyzer.keepalive.verdict.values import (
    BY_FIN,
    BY_GIVE_UP,
    BY_PATH,
    BY_RST,
    BY_SILENCE,
    has_reason,
)
from analyzer.schema import ABSENT, ACK, RST
from analyzer.schema import FIN as FIN_BIT
from analyzer.sequence import seq_add, seq_diff

FAREWELL_NS = 100_000_000
"""Longest time from a farewell to the close that it belongs to."""


def find_endings(batch: Batch, endings: Any, flows: int) -> int:
    """Kernel: write the ENDINGS of the first `flows` rows of a judged batch. Returns how many these are."""
    for flow_row in range(flows):
        ending, outcome = endings[flow_row], batch.verdicts[flow_row].outcome
        begin(batch, ending)
        if outcome == values.CLOSED or outcome == values.RESET or is_known_closer(batch, flow_row):
            note_closing(batch, flow_row, ending)
        elif outcome == values.TIMED_OUT or outcome == values.UNREACHABLE:
            note_give_up(batch, flow_row, ending)
        elif outcome == values.UNDETECTED:
            note_silence(batch, flow_row, ending)
    return flows


def begin(batch: Batch, ending: Any) -> None:
    """Clear a row of ENDINGS: the flow goes on."""
    ending.how = ending.by = ending.at_ns = ABSENT
    ending.frame = 0
    ending.data_ns = ending.peer_data_ns = ending.own_data_ns = ending.no_heartbeat_ns = ABSENT
    ending.crossed = ending.reused = 0
    ending.first_lost = batch.counts[0]


def is_known_closer(batch: Batch, flow_row: int) -> bool:
    """Tell whether a FIN was captured of a connection of which else nothing is known."""
    row = batch.stories.flows[flow_row].closing_row
    is_fin = row != ABSENT and batch.rows.candidates[row].flags & FIN_BIT != 0
    return bool(is_fin and batch.verdicts[flow_row].outcome == values.UNKNOWN)


def closing_place(batch: Batch, flow_row: int) -> int:
    """Return the place of the segment that ended the connection: a RST that no application sent ends what a FIN had
    closed by half."""
    story = batch.stories.flows[flow_row]
    place: int = story.closing_place
    if batch.verdicts[flow_row].outcome == values.RESET:
        while batch.rows.order[place] != story.reset_row:
            place += 1
    return place


def segment_at(batch: Batch, place: int) -> Any:
    """Return the candidate at this place in the flow's rows."""
    return batch.rows.candidates[batch.rows.order[place]]


def note_closing(batch: Batch, flow_row: int, ending: Any) -> None:
    """Note the first FIN or RST: whose it is, and the three clocks then."""
    verdict, place = batch.verdicts[flow_row], closing_place(batch, flow_row)
    closing = segment_at(batch, place)
    is_fin = closing.flags & FIN_BIT != 0
    ending.how = BY_FIN if is_fin else BY_RST
    ending.by = BY_PATH if not is_fin and verdict.cause == values.PATH_RESET else closing.end
    if not is_fin and has_reason(verdict.reasons, values.RST_UNDECIDED):
        ending.by = ABSENT
    unseen = first_unseen(batch, flow_row, place)
    note_instant(batch, flow_row, ending, closing, unseen)
    if unseen == ABSENT:
        leave_out_farewell(batch, flow_row, ending, place)
    if is_fin:
        note_lost_to_fin(batch, flow_row, ending, place, unseen)
    elif batch.stories.flows[flow_row].reset_follows_data:
        note_lost_to_rst(batch, flow_row, ending, place, unseen)


def note_instant(batch: Batch, flow_row: int, ending: Any, closing: Any, unseen: int) -> None:
    """Note the closing segment's frame and time, and how long before it data moved.

    Data in a FIN moved with it. Data that the closer had not seen is none to its clocks, which run from the data
    before; for a RST, which answers it, they stop when it was sent. `unseen` is the row of the first of it, or ABSENT.
    """
    busy_ns = batch.stories.flows[flow_row].busy_ns
    ts_ns, mine, theirs = closing.ts_ns, closing.own_data_ns, closing.peer_data_ns
    ending.frame, ending.at_ns = closing.frame, ts_ns
    if unseen != ABSENT:
        data = batch.rows.candidates[unseen]
        mine, theirs = data.peer_data_ns, data.own_data_ns
        busy_ns = min(busy_ns, max(mine, theirs))
        ts_ns = data.ts_ns if ending.how == BY_RST else ts_ns
    if closing.payload_len > 0:
        mine = busy_ns = ts_ns
    note_clocks(ending, ts_ns, mine, theirs, busy_ns)


def note_clocks(ending: Any, ts_ns: int, mine: int, theirs: int, busy_ns: int) -> None:
    """Write how long ago data moved at `ts_ns`: the closer's own, the other end's, and data that is no heartbeat."""
    ending.data_ns = since(max(mine, theirs), ts_ns)
    ending.peer_data_ns, ending.own_data_ns = since(theirs, ts_ns), since(mine, ts_ns)
    ending.no_heartbeat_ns = since(busy_ns, ts_ns)


def since(then_ns: int, now_ns: int) -> int:
    """Return how long ago something was, ABSENT if it never was; 0 where frames are out of order, or the clock was set
    back."""
    return max(now_ns - then_ns, 0) if then_ns != ABSENT else ABSENT


def leave_out_farewell(batch: Batch, flow_row: int, ending: Any, place: int) -> None:
    """Run the clocks from before what the closer said last, if that came after a silence and right before its close.

    What it said before the other end's last data is none: that was a conversation, which the close followed.
    """
    story, closing = batch.stories.flows[flow_row], segment_at(batch, place)
    said_ns, heard_ns = closing.own_data_ns, closing.peer_data_ns
    is_last_word = said_ns != ABSENT and said_ns > heard_ns and closing.ts_ns - said_ns <= FAREWELL_NS
    if not is_last_word or closing.payload_len > 0:
        return
    for before in range(place - 1, max(batch.rows.starts[story.flow], place - LOOKBACK) - 1, -1):
        said = segment_at(batch, before)
        if said.ts_ns <= heard_ns:
            return
        if is_new_data_of(batch, batch.rows.order[before], closing.end) and closing.ts_ns - said.ts_ns <= FAREWELL_NS:
            mine, theirs = said.own_data_ns, said.peer_data_ns
            note_clocks(ending, closing.ts_ns, mine, theirs, min(story.busy_ns, max(mine, theirs)))
            return


def first_unseen(batch: Batch, flow_row: int, place: int) -> int:
    """Return the row of the first new data before the closing segment that its sender had not received; or ABSENT.

    Its ACK shows that, and where it has none, as a host without state sends, that it answers the data. Only data after
    a second of silence is a candidate, and only such data changes the clocks.
    """
    story, closing, found = batch.stories.flows[flow_row], segment_at(batch, place), ABSENT
    has_ack = closing.flags & ACK != 0
    if not has_ack and not story.reset_follows_data:
        return ABSENT
    heard_ns = closing.ts_ns - closing.own_ns if closing.own_ns != ABSENT else ABSENT
    for before in range(place - 1, max(batch.rows.starts[story.flow], place - LOOKBACK) - 1, -1):
        row, segment = batch.rows.order[before], segment_at(batch, before)
        if segment.ts_ns <= heard_ns:
            break
        is_unseen = not has_ack or seq_diff(segment.seq, closing.ack) >= 0
        if is_new_data_of(batch, row, 1 - closing.end) and is_unseen:
            found = row
    return found


def is_new_data_of(batch: Batch, row: int, end: int) -> bool:
    """Tell whether a row is data that this end had not sent before."""
    segment, of = batch.rows.candidates[row], batch.rows.segments[row].tag
    is_new = of == tag.DATA or of == tag.HEARTBEAT or of == tag.FIN_TAG
    return bool(is_new and segment.end == end and segment.payload_len > 0)


def note_lost_to_fin(batch: Batch, flow_row: int, ending: Any, place: int, unseen: int) -> None:
    """Note the data that the closer had not received, where a RST answered it: first what crossed its FIN, then what
    came after that had arrived."""
    flow, closing = batch.stories.flows[flow_row].flow, segment_at(batch, place)
    if not batch.stories.ends[2 * flow_row + closing.end].has_reset:
        return
    first, after = max(batch.rows.starts[flow], place - LOOKBACK), seq_add(closing.seq, closing.payload_len + 1)
    for is_crossed in (True, False):
        for at in range(first, batch.rows.starts[flow + 1]):
            row, segment = batch.rows.order[at], segment_at(batch, at)
            is_late = at > place or (unseen != ABSENT and row >= unseen)
            has_crossed = not segment.flags & ACK or seq_diff(segment.ack, after) < 0
            if not is_late or has_crossed != is_crossed or not is_new_data_of(batch, row, 1 - closing.end):
                continue
            if is_crossed:
                is_reply = is_reply_to_farewell(closing, segment)
            else:
                is_reply = is_reply_to_close(batch, flow, closing, at)
            if not is_reply:
                note_lost(batch, ending, segment, is_crossed)


def is_reply_to_farewell(closing: Any, data: Any) -> bool:
    """Tell whether data that crossed a FIN answers the farewell that the closer had said right before: a few octets
    that acknowledge it (close_notify for close_notify, SMTP 221 for QUIT). A request that crosses a close follows a
    silence."""
    said_ns = closing.own_data_ns
    has_farewell = said_ns != ABSENT and closing.ts_ns - said_ns <= FAREWELL_NS
    is_short = data.payload_len <= HEARTBEAT_OCTETS and closing.payload_len == 0
    return bool(has_farewell and is_short and data.flags & ACK and data.ack == closing.seq)


def is_reply_to_close(batch: Batch, flow: int, closing: Any, place: int) -> bool:
    """Tell whether data that came after a FIN is the other end's own farewell: a few octets, and either its FIN or RST
    comes right after or it comes right after the FIN (TLS close_notify, RFC 8446 §6.1; SSH_MSG_DISCONNECT)."""
    data = segment_at(batch, place)
    if data.payload_len > HEARTBEAT_OCTETS:
        return False
    if data.flags & FIN_BIT or data.ts_ns - closing.ts_ns <= FAREWELL_NS:
        return True
    for at in range(place + 1, batch.rows.starts[flow + 1]):
        later = segment_at(batch, at)
        if later.end == data.end:
            return bool(later.flags & (FIN_BIT | RST) and later.ts_ns - data.ts_ns <= FAREWELL_NS)
    return False


def note_lost_to_rst(batch: Batch, flow_row: int, ending: Any, place: int, unseen: int) -> None:
    """Note the data for which a RST came back: it was sent on a connection that was gone."""
    if unseen == ABSENT:
        return
    end, first = batch.rows.candidates[unseen].end, batch.rows.starts[batch.stories.flows[flow_row].flow]
    for at in range(max(first, place - LOOKBACK), place):
        row = batch.rows.order[at]
        if row >= unseen and is_new_data_of(batch, row, end):
            note_lost(batch, ending, batch.rows.candidates[row], False)


def note_lost(batch: Batch, ending: Any, data: Any, is_crossed: bool) -> None:
    """Add a frame to those that were lost, if there is room."""
    if ending.crossed + ending.reused == LOST:
        return
    prove_more(batch, data.frame)
    ending.crossed += is_crossed
    ending.reused += not is_crossed


def note_give_up(batch: Batch, flow_row: int, ending: Any) -> None:
    """Note the end that gave up: with a RST, or in silence."""
    story = batch.stories.flows[flow_row]
    ending.how = BY_GIVE_UP
    if story.reset_row != ABSENT:
        reset = batch.rows.candidates[story.reset_row]
        ending.by = reset.end
        note_instant(batch, flow_row, ending, reset, ABSENT)
    elif story.run_end != ABSENT:
        ending.by = story.run_end
    else:
        ending.by = story.unresponsive_end if story.unresponsive_end != ABSENT else story.persisting_end


def note_silence(batch: Batch, flow_row: int, ending: Any) -> None:
    """Note that it hangs: what broke it is known at most to be the path."""
    ending.how = BY_SILENCE
    ending.by = BY_PATH if batch.verdicts[flow_row].cause == values.PATH_DROPPED else ABSENT
