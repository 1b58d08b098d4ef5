"""The rules for connections that a box on the way has forgotten while neither end knows, as other packets show.

A NAT gives the end behind it another port (`context/rebinding.py`); a virtual service no longer rewrites the address
that an end sends to (`context/stray_requests.py`).
"""

from analyzer.keepalive.verdict import values
from analyzer.keepalive.verdict.batch import Batch, conclude, prove
from analyzer.keepalive.verdict.resets import errno_of_reset, rst_of
from analyzer.keepalive.verdict.values import because
from analyzer.schema import ABSENT


def was_rebound(batch: Batch, flow_row: int) -> bool:
    """Conclude RESET where a flow continues another one from a port or address that the service does not know.

    See RFC 9293 §3.10.7.1, on a segment for a connection that does not exist.
    """
    story, verdict = batch.stories.flows[flow_row], batch.verdicts[flow_row]
    if not batch.context[flow_row].goes_on or story.reset_row == ABSENT or not rst_of(batch, flow_row).end:
        return False
    conclude(batch, flow_row, values.RESET, values.CERTAIN, because(values.GOES_ON_ELSEWHERE, 0))
    verdict.cause, verdict.errno = values.PATH_DROPPED, errno_of_reset(batch, flow_row)
    prove(batch, flow_row, batch.rows.flows[story.flow].first_frame)
    prove(batch, flow_row, rst_of(batch, flow_row).frame)
    return True


def goes_on_elsewhere(batch: Batch, flow_row: int) -> bool:
    """Conclude UNDETECTED where an end of an open connection goes on from another port, and the other cannot know."""
    context = batch.context[flow_row]
    if not context.moved_frame:
        return False
    conclude(batch, flow_row, values.UNDETECTED, values.CERTAIN, because(values.REBOUND, 0))
    batch.verdicts[flow_row].cause = values.PATH_DROPPED
    prove(batch, flow_row, context.moved_frame)
    return True


def is_sent_astray(batch: Batch, flow_row: int) -> bool:
    """Conclude UNDETECTED where an end's host asks again and again for an address of nobody instead of sending.

    Each resend causes a solicitation (net/ipv4/tcp_timer.c tcp_retransmit_timer, net/core/neighbour.c
    __neigh_event_send).
    """
    context = batch.context[flow_row]
    if not context.strays:
        return False
    conclude(batch, flow_row, values.UNDETECTED, values.GUESS, because(values.ASKS_FOR_ANOTHER, 0))
    batch.verdicts[flow_row].cause = values.PATH_DROPPED
    for row in range(context.first_stray, context.first_stray + context.strays):
        if not prove(batch, flow_row, batch.asked[row].frame):
            break
    return True
