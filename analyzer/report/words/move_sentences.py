"""Sentences about connections that a box on the way has forgotten, as other packets than their own show."""

from analyzer.keepalive.context.rebinding import Rebinding
from analyzer.keepalive.findings import Flow
from analyzer.keepalive.verdict.values import Reason
from analyzer.report.units import short


def where_it_goes_on(flow: Flow) -> list[str]:
    """Say which connection has the same sequence numbers from another port, before or after this one."""
    said = []
    if flow.rebound_from is not None:
        older, where = flow.rebound_from.flow, _another(flow.rebound_from)
        said.append(f"It goes on with the sequence numbers of #{older} from another {where}")
    if flow.rebound_to is not None:
        newer, late, where = flow.rebound_to.flow, short(flow.rebound_to.silent_ns), _another(flow.rebound_to)
        said.append(f"#{newer} goes on with its sequence numbers {late} later from another {where}")
    return [f"{words}: a NAT on the way has rebound it." for words in said]


def _another(rebinding: Rebinding) -> str:
    return "address" if rebinding.has_other_address else "port"


def what_goes_astray(flow: Flow) -> list[str]:
    """Say that an end no longer sends to the other one, where ARP shows it."""
    silence = flow.forgotten_after
    if silence is None or Reason.ASKS_FOR_ANOTHER not in flow.verdict.reasons:
        return []
    who, peer = flow.ends[silence.sender].address, flow.ends[1 - silence.sender].address
    words = (
        f"After {short(silence.ns)} idle, {who} asked again and again, in vain, who has an address other than {peer}"
    )
    return [f"{words}, as if what it sends on this connection went there."]
