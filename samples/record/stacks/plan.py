"""The plan of an end whose stack is not the kernel's, in lines: what a small program in any language can read.

    network INTERFACE ADDRESS PREFIX GATEWAY          the gateway is "-" where there is none
    open PORT AT PEER TO KEEPALIVE TIME INTVL PROBES USER_TIMEOUT          0 means the stack's default
    step PORT AT VERB ARGUMENT
    run START SECONDS                                 the last line; START is on CLOCK_MONOTONIC

Settings and times are in seconds and may be fractions. The program takes the interface's frames from a packet socket,
since the namespace's kernel has no address and stays out of it. Its standard output is a log as that of hosts.py, and
after "done" it waits until its input ends.
"""

from collections.abc import Iterator
from typing import Any

OPTIONS = ("keepalive", "time", "intvl", "probes")


def lines_of(plan: dict[str, Any]) -> Iterator[str]:
    yield f"network {plan['interface']} {plan['address']} {plan['prefix']} {plan['gateway'] or '-'}"
    for port, connection in plan["connections"].items():
        options = connection["options"]
        settings = [options.get(name, 0) for name in OPTIONS] + [options.get("user_timeout_ms", 0) / 1000]
        where = f"{connection['peer']} {connection['to']}"
        yield f"open {port} {connection['opens']} {where} {' '.join(str(value) for value in settings)}"
        for at, verb, *arguments in connection["script"]:
            yield " ".join(["step", str(port), str(at), verb, *(str(word) for word in arguments)])
    yield f"run {plan['start']} {plan['seconds']}"
