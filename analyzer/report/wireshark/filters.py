"""The display filter that shows one connection in Wireshark."""

from analyzer.keepalive.findings import Flow


def display_filter(flow: Flow) -> str:
    """Return a filter that fits any capture with the connection's packets; `tcp.stream` counts anew in each.

    It also shows other connections between the same ports.
    """
    addresses = [f"ip{'v6' if ':' in end.address else ''}.addr=={end.address}" for end in flow.ends]
    ports = [f"tcp.port=={end.port}" for end in flow.ends]
    return " && ".join(dict.fromkeys([*addresses, *ports]))
