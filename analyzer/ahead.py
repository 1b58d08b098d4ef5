"""Which kernels there are: those that run on as good as nothing; and how they are made before they are needed.

`python -m analyzer.ahead` compiles all, the one that is needed last first: the process that needs them has begun with
the first, and waits for none that this one has not nearly done.
"""

from collections.abc import Callable
from typing import Any

from analyzer import machine_code
from analyzer.analysis import Analyzer
from analyzer.capture.encapsulation import unwrap
from analyzer.capture.link import LINK_ETHERNET
from analyzer.capture.ring import walk_block
from analyzer.columns import Table
from analyzer.diagnostics import Diagnostics
from analyzer.jit import Engine
from analyzer.keepalive.inference import heard
from analyzer.keepalive.inference.infer import infer, room
from analyzer.schema.packets import LAYERS, PACKETS, RECORDS
from analyzer.tcp.eviction import Limits

SYN = bytes.fromhex(
    "000000000000 000000000000 0800 45000028000000004006 0000 00000000 00000000"  # Ethernet, IPv4
    "0001 0002 00000000 00000000 5002 0000 0000 0000"
)
"""A frame that makes a flow."""


class Noting(Engine):
    """Interprets, and notes which kernels run, with what they are compiled for."""

    def __init__(self) -> None:
        super().__init__()
        self.compiled = False
        self.noted: list[tuple[Callable[..., int], machine_code.Types]] = []

    def run(self, kernel: Callable[..., int], *arguments: Any) -> int:
        self.noted.append((kernel, machine_code.types_of(arguments)))
        return super().run(kernel, *arguments)


def load(engine: Engine) -> None:
    """Run each kernel on as good as nothing, what few captures need first; what is in no cache is compiled."""
    records, packets, layers = Table(RECORDS), Table(PACKETS), Table(LAYERS)
    records.append(0, 0, len(SYN), len(SYN), LINK_ETHERNET)
    packets.reserve(1)
    layers.reserve(1)
    engine.run(unwrap, bytearray(1), packets.view, 0, layers.view, Diagnostics().counts)
    engine.run(walk_block, bytearray(64), 0, 0, 0, LINK_ETHERNET, Table(RECORDS).view, 0)
    given_up, kept = Analyzer(engine), Analyzer(engine)
    given_up.feed(bytearray(SYN), records)
    given_up.stay_within(Limits(flows=0, candidates=0, keeps_idle=False))
    kept.feed(bytearray(SYN), records)
    _ = list(kept.analysis_of(kept.tracker, 0).flows)  # they are drawn when looked at
    engine.run(infer, heard.room(0, 0), 0, *room(0, 0, 0))  # so few ends would be interpreted


def make_all() -> None:
    """From the last to the first; those that another process was at are waited for in the end."""
    noting = Noting()
    load(noting)
    kernels = dict.fromkeys(noting.noted)
    for kernel, types in reversed(kernels):
        machine_code.make(kernel, types)
    for kernel, types in kernels:
        machine_code.stored(kernel, types)


if __name__ == "__main__":
    make_all()
