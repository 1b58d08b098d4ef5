"""The rules for connections that a box on the way has forgotten while neither end knows, as other packets show.

A NAT gives the end behind it another port (`context/rebinding.py`); a virtual service no longer rewrites the address
that an end sends to (`context/stray_requests.py`).
"""

from analyzer.keepalive.verdict import values
from analyzer.keepalive.verdict.batch import Batch, conclude, prove
from analyzer.keepalive.verdict.resets import errno_of_reset
from analyzer.keepalive.verdict.values import because
from analyzer.schema import ABSENT


def was_rebound(batch: Batch, flow_row: int) -> bool:
    """Conclude RESET where a flow continues another one from a port or address that the service does not know.

    See RFC 9293 §3.10.7.1, on a segment for a connection that does not exist.
    """
    c, t, v = batch.rows.candidates, batch.stories.flows, batch.verdicts
    row, flow = t.reset_row[flow_row], t.flow[flow_row]
    if not batch.context.goes_on[flow_row] or row == ABSENT or not c.end[row]:
        return False
    conclude(batch, flow_row, values.RESET, values.CERTAIN, because(values.GOES_ON_ELSEWHERE, 0))
    v.cause[flow_row], v.errno[flow_row] = values.PATH_DROPPED, errno_of_reset(batch, flow_row)
    prove(batch, flow_row, batch.rows.flows.first_frame[flow])
    prove(batch, flow_row, c.frame[row])
    return True


def goes_on_elsewhere(batch: Batch, flow_row: int) -> bool:
    """Conclude UNDETECTED where an end of an open connection goes on from another port, and the other cannot know."""
    if not batch.context.moved_frame[flow_row]:
        return False
    conclude(batch, flow_row, values.UNDETECTED, values.CERTAIN, because(values.REBOUND, 0))
    batch.verdicts.cause[flow_row] = values.PATH_DROPPED
    prove(batch, flow_row, batch.context.moved_frame[flow_row])
    return True


def is_sent_astray(batch: Batch, flow_row: int) -> bool:
    """Conclude UNDETECTED where an end's host asks again and again for an address of nobody instead of sending.

    Each resend causes a solicitation (net/ipv4/tcp_timer.c tcp_retransmit_timer, net/core/neighbour.c
    __neigh_event_send).
    """
    if not batch.context.strays[flow_row]:
        return False
    conclude(batch, flow_row, values.UNDETECTED, values.GUESS, because(values.ASKS_FOR_ANOTHER, 0))
    batch.verdicts.cause[flow_row] = values.PATH_DROPPED
    first = batch.context.first_stray[flow_row]
    for row in range(first, first + batch.context.strays[flow_row]):
        if not prove(batch, flow_row, batch.asked.frame[row]):
            break
    return True
