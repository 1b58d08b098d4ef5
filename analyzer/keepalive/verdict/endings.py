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
        begin(batch, endings, flow_row)
        outcome = batch.verdicts.outcome[flow_row]
        if outcome == values.CLOSED or outcome == values.RESET or is_known_closer(batch, flow_row):
            note_closing(batch, endings, flow_row)
        elif outcome == values.TIMED_OUT or outcome == values.UNREACHABLE:
            note_give_up(batch, endings, flow_row)
        elif outcome == values.UNDETECTED:
            note_silence(batch, endings, flow_row)
    return flows


def begin(batch: Batch, endings: Any, flow_row: int) -> None:
    """Clear the flow's row: it goes on."""
    endings.how[flow_row] = endings.by[flow_row] = endings.at_ns[flow_row] = ABSENT
    endings.frame[flow_row] = 0
    endings.data_ns[flow_row] = endings.peer_data_ns[flow_row] = ABSENT
    endings.own_data_ns[flow_row] = endings.no_heartbeat_ns[flow_row] = ABSENT
    endings.crossed[flow_row] = endings.reused[flow_row] = 0
    endings.first_lost[flow_row] = batch.counts[0]


def is_known_closer(batch: Batch, flow_row: int) -> bool:
    """Tell whether a FIN was captured of a connection of which else nothing is known."""
    row = batch.stories.flows.closing_row[flow_row]
    is_fin = row != ABSENT and batch.rows.candidates.flags[row] & FIN_BIT != 0
    return bool(is_fin and batch.verdicts.outcome[flow_row] == values.UNKNOWN)


def closing_place(batch: Batch, flow_row: int) -> int:
    """Return the place of the segment that ended the connection: a RST that no application sent ends what a FIN had
    closed by half."""
    t = batch.stories.flows
    place: int = t.closing_place[flow_row]
    if batch.verdicts.outcome[flow_row] == values.RESET:
        while batch.rows.order[place] != t.reset_row[flow_row]:
            place += 1
    return place


def note_closing(batch: Batch, endings: Any, flow_row: int) -> None:
    """Note the first FIN or RST: whose it is, and the three clocks then."""
    c, place = batch.rows.candidates, closing_place(batch, flow_row)
    row = batch.rows.order[place]
    is_fin = c.flags[row] & FIN_BIT != 0
    endings.how[flow_row] = BY_FIN if is_fin else BY_RST
    is_by_path = not is_fin and batch.verdicts.cause[flow_row] == values.PATH_RESET
    endings.by[flow_row] = BY_PATH if is_by_path else c.end[row]
    if not is_fin and has_reason(batch.verdicts.reasons[flow_row], values.RST_UNDECIDED):
        endings.by[flow_row] = ABSENT
    unseen = first_unseen(batch, flow_row, place)
    note_instant(batch, endings, flow_row, row, unseen)
    if unseen == ABSENT:
        leave_out_farewell(batch, endings, flow_row, place)
    if is_fin:
        note_lost_to_fin(batch, endings, flow_row, place, unseen)
    elif batch.stories.flows.reset_follows_data[flow_row]:
        note_lost_to_rst(batch, endings, flow_row, place, unseen)


def note_instant(batch: Batch, endings: Any, flow_row: int, row: int, unseen: int) -> None:
    """Note the closing segment's frame and time, and how long before it data moved.

    Data in a FIN moved with it. Data that the closer had not seen is none to its clocks, which run from the data
    before; for a RST, which answers it, they stop when it was sent. `unseen` is the row of the first of it, or ABSENT.
    """
    c, busy_ns = batch.rows.candidates, batch.stories.flows.busy_ns[flow_row]
    ts_ns, mine, theirs = c.ts_ns[row], c.own_data_ns[row], c.peer_data_ns[row]
    endings.frame[flow_row], endings.at_ns[flow_row] = c.frame[row], ts_ns
    if unseen != ABSENT:
        mine, theirs = c.peer_data_ns[unseen], c.own_data_ns[unseen]
        busy_ns = min(busy_ns, max(mine, theirs))
        ts_ns = c.ts_ns[unseen] if endings.how[flow_row] == BY_RST else ts_ns
    if c.payload_len[row] > 0:
        mine = busy_ns = ts_ns
    note_clocks(endings, flow_row, ts_ns, mine, theirs, busy_ns)


def note_clocks(endings: Any, flow_row: int, ts_ns: int, mine: int, theirs: int, busy_ns: int) -> None:
    """Write how long ago data moved at `ts_ns`: the closer's own, the other end's, and data that is no heartbeat."""
    last_ns = max(mine, theirs)
    endings.data_ns[flow_row] = ts_ns - last_ns if last_ns != ABSENT else ABSENT
    endings.peer_data_ns[flow_row] = ts_ns - theirs if theirs != ABSENT else ABSENT
    endings.own_data_ns[flow_row] = ts_ns - mine if mine != ABSENT else ABSENT
    endings.no_heartbeat_ns[flow_row] = ts_ns - busy_ns if busy_ns != ABSENT else ABSENT


def leave_out_farewell(batch: Batch, endings: Any, flow_row: int, place: int) -> None:
    """Run the clocks from before what the closer said last, if that came after a silence and right before its close.

    What it said before the other end's last data is none: that was a conversation, which the close followed.
    """
    c, row = batch.rows.candidates, batch.rows.order[place]
    said_ns, heard_ns = c.own_data_ns[row], c.peer_data_ns[row]
    is_last_word = said_ns != ABSENT and said_ns > heard_ns and c.ts_ns[row] - said_ns <= FAREWELL_NS
    if not is_last_word or c.payload_len[row] > 0:
        return
    for before in range(
        place - 1, max(batch.rows.starts[batch.stories.flows.flow[flow_row]], place - LOOKBACK) - 1, -1
    ):
        said = batch.rows.order[before]
        if c.ts_ns[said] <= heard_ns:
            return
        if is_new_data_of(batch, said, c.end[row]) and c.ts_ns[row] - c.ts_ns[said] <= FAREWELL_NS:
            mine, theirs = c.own_data_ns[said], c.peer_data_ns[said]
            busy_ns = min(batch.stories.flows.busy_ns[flow_row], max(mine, theirs))
            note_clocks(endings, flow_row, c.ts_ns[row], mine, theirs, busy_ns)
            return


def first_unseen(batch: Batch, flow_row: int, place: int) -> int:
    """Return the row of the first new data before the closing segment that its sender had not received; or ABSENT.

    Its ACK shows that, and where it has none, as a host without state sends, that it answers the data. Only data after
    a second of silence is a candidate, and only such data changes the clocks.
    """
    c, t = batch.rows.candidates, batch.stories.flows
    closing, found = batch.rows.order[place], ABSENT
    has_ack = c.flags[closing] & ACK != 0
    if not has_ack and not t.reset_follows_data[flow_row]:
        return ABSENT
    heard_ns = c.ts_ns[closing] - c.own_ns[closing] if c.own_ns[closing] != ABSENT else ABSENT
    for before in range(place - 1, max(batch.rows.starts[t.flow[flow_row]], place - LOOKBACK) - 1, -1):
        row = batch.rows.order[before]
        if c.ts_ns[row] <= heard_ns:
            break
        is_unseen = not has_ack or seq_diff(c.seq[row], c.ack[closing]) >= 0
        if is_new_data_of(batch, row, 1 - c.end[closing]) and is_unseen:
            found = row
    return found


def is_new_data_of(batch: Batch, row: int, end: int) -> bool:
    """Tell whether a row is data that this end had not sent before."""
    of = batch.rows.segments.tag[row]
    is_new = of == tag.DATA or of == tag.HEARTBEAT or of == tag.FIN_TAG
    return bool(is_new and batch.rows.candidates.end[row] == end and batch.rows.candidates.payload_len[row] > 0)


def note_lost_to_fin(batch: Batch, endings: Any, flow_row: int, place: int, unseen: int) -> None:
    """Note the data that the closer had not received, where a RST answered it: first what crossed its FIN, then what
    came after that had arrived."""
    c, flow = batch.rows.candidates, batch.stories.flows.flow[flow_row]
    closing, first = batch.rows.order[place], max(batch.rows.starts[flow], place - LOOKBACK)
    if not batch.stories.ends.has_reset[2 * flow_row + c.end[closing]]:
        return
    after = seq_add(c.seq[closing], c.payload_len[closing] + 1)
    for is_crossed in (True, False):
        for at in range(first, batch.rows.starts[flow + 1]):
            row = batch.rows.order[at]
            is_late = at > place or (unseen != ABSENT and row >= unseen)
            has_crossed = not c.flags[row] & ACK or seq_diff(c.ack[row], after) < 0
            if not is_late or has_crossed != is_crossed or not is_new_data_of(batch, row, 1 - c.end[closing]):
                continue
            if is_crossed:
                is_reply = is_reply_to_farewell(batch, closing, row)
            else:
                is_reply = is_reply_to_close(batch, flow, closing, at)
            if not is_reply:
                note_lost(batch, endings, flow_row, row, is_crossed)


def is_reply_to_farewell(batch: Batch, closing: int, row: int) -> bool:
    """Tell whether data that crossed a FIN answers the farewell that the closer had said right before: a few octets
    that acknowledge it (close_notify for close_notify, SMTP 221 for QUIT). A request that crosses a close follows a
    silence."""
    c = batch.rows.candidates
    said_ns = c.own_data_ns[closing]
    has_farewell = said_ns != ABSENT and c.ts_ns[closing] - said_ns <= FAREWELL_NS
    is_short = c.payload_len[row] <= HEARTBEAT_OCTETS and c.payload_len[closing] == 0
    return bool(has_farewell and is_short and c.flags[row] & ACK and c.ack[row] == c.seq[closing])


def is_reply_to_close(batch: Batch, flow: int, closing: int, place: int) -> bool:
    """Tell whether data that came after a FIN is the other end's own farewell: a few octets, and either its FIN or RST
    comes right after or it comes right after the FIN (TLS close_notify, RFC 8446 §6.1; SSH_MSG_DISCONNECT)."""
    c, row = batch.rows.candidates, batch.rows.order[place]
    if c.payload_len[row] > HEARTBEAT_OCTETS:
        return False
    if c.flags[row] & FIN_BIT or c.ts_ns[row] - c.ts_ns[closing] <= FAREWELL_NS:
        return True
    for at in range(place + 1, batch.rows.starts[flow + 1]):
        later = batch.rows.order[at]
        if c.end[later] == c.end[row]:
            return bool(c.flags[later] & (FIN_BIT | RST) and c.ts_ns[later] - c.ts_ns[row] <= FAREWELL_NS)
    return False


def note_lost_to_rst(batch: Batch, endings: Any, flow_row: int, place: int, unseen: int) -> None:
    """Note the data for which a RST came back: it was sent on a connection that was gone."""
    if unseen == ABSENT:
        return
    end, first = batch.rows.candidates.end[unseen], batch.rows.starts[batch.stories.flows.flow[flow_row]]
    for at in range(max(first, place - LOOKBACK), place):
        row = batch.rows.order[at]
        if row >= unseen and is_new_data_of(batch, row, end):
            note_lost(batch, endings, flow_row, row, False)


def note_lost(batch: Batch, endings: Any, flow_row: int, row: int, is_crossed: bool) -> None:
    """Add a frame to those that were lost, if there is room."""
    if endings.crossed[flow_row] + endings.reused[flow_row] == LOST:
        return
    prove_more(batch, batch.rows.candidates.frame[row])
    endings.crossed[flow_row] += is_crossed
    endings.reused[flow_row] += not is_crossed


def note_give_up(batch: Batch, endings: Any, flow_row: int) -> None:
    """Note the end that gave up: with a RST, or in silence."""
    t = batch.stories.flows
    end = t.run_end[flow_row]
    if end == ABSENT:
        end = t.unresponsive_end[flow_row] if t.unresponsive_end[flow_row] != ABSENT else t.persisting_end[flow_row]
    row = t.reset_row[flow_row]
    endings.how[flow_row] = BY_GIVE_UP
    endings.by[flow_row] = batch.rows.candidates.end[row] if row != ABSENT else end
    if row != ABSENT:
        note_instant(batch, endings, flow_row, row, ABSENT)


def note_silence(batch: Batch, endings: Any, flow_row: int) -> None:
    """Note that it hangs: what broke it is known at most to be the path."""
    cause = batch.verdicts.cause[flow_row]
    endings.how[flow_row] = BY_SILENCE
    endings.by[flow_row] = BY_PATH if cause == values.PATH_DROPPED else ABSENT
