"""Who ended a connection, how, after how long without data, and what it cost.

Theory of operation. A connection is ended by whoever closes first: the first FIN, a RST that nothing asked for, or a
RST that answers a segment for which there is no connection any more (RFC 9293 §3.10.7.1); else by the timer that gives
up. An ending that nobody has noticed goes on as silence. Which of these it was, the verdict says; here is by whom, and
when.

Applications count their idle time in different ways, so three clocks are read: since new data moved in either
direction; since new data of the other end, as a server counts that waits for a request; and since data that is no
heartbeat. Retransmissions, window updates and keepalive are not data.

  What is lost   Looks for
  -------------  -----------------------------------------------------------------------------------------------
  crossed        new data that does not acknowledge the FIN: it was sent before the FIN arrived, and a RST came
  reused         new data on a connection that had been closed, or forgotten, before it was sent, and a RST came
"""

from typing import Any

from analyzer.keepalive.tags import tag
from analyzer.keepalive.tags.rules import LOOKBACK
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
from analyzer.schema import ABSENT, ACK
from analyzer.schema import FIN as FIN_BIT
from analyzer.sequence import seq_add, seq_diff


def find_endings(batch: Batch, endings: Any, flows: int) -> int:
    """Kernel: write the ENDINGS of the first `flows` rows of a judged batch. Returns how many these are."""
    for flow_row in range(flows):
        begin(batch, endings, flow_row)
        closing, outcome = batch.stories.flows.closing_row[flow_row], batch.verdicts.outcome[flow_row]
        if outcome == values.UNKNOWN and not is_closing_known(batch, flow_row):
            continue
        if closing != ABSENT and not is_give_up(batch, flow_row):
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
    endings.data_ns[flow_row] = endings.peer_data_ns[flow_row] = endings.no_heartbeat_ns[flow_row] = ABSENT
    endings.crossed[flow_row] = endings.reused[flow_row] = 0
    endings.first_lost[flow_row] = batch.counts[0]


def is_closing_known(batch: Batch, flow_row: int) -> bool:
    """Tell whether a FIN closed it, which says who closed it also where all else is unknown."""
    row = batch.stories.flows.closing_row[flow_row]
    return bool(row != ABSENT and batch.rows.candidates.flags[row] & FIN_BIT)


def is_give_up(batch: Batch, flow_row: int) -> bool:
    """Tell whether what closed it is the RST of a timer's give-up."""
    outcome, row = batch.verdicts.outcome[flow_row], batch.stories.flows.closing_row[flow_row]
    has_given_up = outcome == values.TIMED_OUT or outcome == values.UNREACHABLE
    return bool(has_given_up and not batch.rows.candidates.flags[row] & FIN_BIT)


def note_closing(batch: Batch, endings: Any, flow_row: int) -> None:
    """Note the first FIN or RST: whose it is, and the three clocks then."""
    c, row = batch.rows.candidates, batch.stories.flows.closing_row[flow_row]
    is_fin = c.flags[row] & FIN_BIT != 0
    endings.how[flow_row] = BY_FIN if is_fin else BY_RST
    is_by_path = not is_fin and batch.verdicts.cause[flow_row] == values.PATH_RESET
    endings.by[flow_row] = BY_PATH if is_by_path else c.end[row]
    if not is_fin and has_reason(batch.verdicts.reasons[flow_row], values.RST_UNDECIDED):
        endings.by[flow_row] = ABSENT
    unseen = first_unseen(batch, flow_row)
    note_instant(batch, endings, flow_row, row, unseen)
    if is_fin:
        note_lost_to_fin(batch, endings, flow_row, unseen)
    elif batch.stories.flows.reset_follows_data[flow_row]:
        note_lost_to_rst(batch, endings, flow_row, unseen)


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
    last_ns = max(mine, theirs)
    endings.data_ns[flow_row] = ts_ns - last_ns if last_ns != ABSENT else ABSENT
    endings.peer_data_ns[flow_row] = ts_ns - theirs if theirs != ABSENT else ABSENT
    endings.no_heartbeat_ns[flow_row] = ts_ns - busy_ns if busy_ns != ABSENT else ABSENT


def first_unseen(batch: Batch, flow_row: int) -> int:
    """Return the row of the first new data before the closing segment that its sender had not received; or ABSENT.

    Its ACK shows that, and where it has none, as a host without state sends, that it answers the data. Only data after
    a second of silence is a candidate, and only such data changes the clocks.
    """
    c, t = batch.rows.candidates, batch.stories.flows
    closing, found = t.closing_row[flow_row], ABSENT
    has_ack = c.flags[closing] & ACK != 0
    if not has_ack and not t.reset_follows_data[flow_row]:
        return ABSENT
    heard_ns = c.ts_ns[closing] - c.own_ns[closing] if c.own_ns[closing] != ABSENT else ABSENT
    first = max(batch.rows.starts[t.flow[flow_row]], t.closing_place[flow_row] - LOOKBACK)
    for place in range(t.closing_place[flow_row] - 1, first - 1, -1):
        row = batch.rows.order[place]
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


def note_lost_to_fin(batch: Batch, endings: Any, flow_row: int, unseen: int) -> None:
    """Note the data that the closer had not received, where a RST answered it: first what crossed its FIN, then what
    came after that had arrived."""
    c, t = batch.rows.candidates, batch.stories.flows
    closing = t.closing_row[flow_row]
    if not batch.stories.ends.has_reset[2 * flow_row + c.end[closing]]:
        return
    after = seq_add(c.seq[closing], c.payload_len[closing] + 1)
    for is_crossed in (True, False):
        for place in range(t.closing_place[flow_row] - LOOKBACK, batch.rows.starts[t.flow[flow_row] + 1]):
            if place < batch.rows.starts[t.flow[flow_row]]:
                continue
            row = batch.rows.order[place]
            is_late = place > t.closing_place[flow_row] or (unseen != ABSENT and row >= unseen)
            has_crossed = not c.flags[row] & ACK or seq_diff(c.ack[row], after) < 0
            if is_late and has_crossed == is_crossed and is_new_data_of(batch, row, 1 - c.end[closing]):
                note_lost(batch, endings, flow_row, row, is_crossed)


def note_lost_to_rst(batch: Batch, endings: Any, flow_row: int, unseen: int) -> None:
    """Note the data for which a RST came back: it was sent on a connection that was gone."""
    t = batch.stories.flows
    if unseen == ABSENT:
        return
    end, first = batch.rows.candidates.end[unseen], batch.rows.starts[t.flow[flow_row]]
    for place in range(max(first, t.closing_place[flow_row] - LOOKBACK), t.closing_place[flow_row]):
        row = batch.rows.order[place]
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
