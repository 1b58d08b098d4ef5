"""Batches from network interfaces, for as long as somebody takes them.

What happens to an interface itself (it drops frames, goes down, comes back) is noted as events.
"""

import time
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from analyzer.analysis import Analyzer
from analyzer.capture.files.writer import Described
from analyzer.capture.live.interface import HAND_OVER_MS, Interface, LiveInterface, interfaces, name_of, wait
from analyzer.capture.live.merge import Frames, Merger
from analyzer.capture.live.wall_clock import WallClock
from analyzer.diagnostics import INTERFACE_DROPS
from analyzer.engine.table import Table
from analyzer.errors import KeepaliveAnalyzerError
from analyzer.monitor.events import Event, Name
from analyzer.schema.packets import RECORDS

WAIT_MS = 100
"""Time without a frame after which there is an empty batch: time passes also on a silent network."""
LOOK_NS = 500_000_000
"""Interval at which drops are read, and lost interfaces are searched."""
BLOCKS_AT_ONCE = 16
"""Most blocks of an interface after which drops are read, others have their turn, and time is looked at: under load
there is always another block."""
ANY = "any"


def expand(names: Sequence[str]) -> tuple[str, ...]:
    """Return the interfaces by name; `any` stands for all that are up, except those below another one, which would show
    frames twice."""
    if ANY not in names:
        return tuple(dict.fromkeys(names))
    return tuple(one.name for one in interfaces() if one.is_up and not _has_upper(one))


def _has_upper(one: Interface) -> bool:
    """Tell whether a bridge, bond or VLAN lies on the interface."""
    return any(Path("/sys/class/net", one.name).glob("upper_*"))


class Interfaces:
    """One interface or several; one that goes away is waited for."""

    is_live = True
    formats: tuple[str, ...] = ("live",)

    def __init__(
        self, names: Sequence[str], expression: str, analyzer: Analyzer, *, snaplen: int, is_promiscuous: bool
    ) -> None:
        """Open all interfaces, or raise what LiveInterface does."""
        self.names = tuple(names)
        self._analyzer = analyzer
        self._snaplen, self._is_promiscuous = snaplen, is_promiscuous
        self._expression = expression
        self._links = [Link(self._open(name)) for name in expand(names)]
        self._notices: list[Event] = []
        self._merger = Merger()
        self._looked_ns = 0
        self._wall_clock = WallClock()
        self._stepped_ns = 0

    def _open(self, name: str) -> LiveInterface:
        return LiveInterface(name, self._expression, snaplen=self._snaplen, is_promiscuous=self._is_promiscuous)

    def batches(self) -> Iterator[Frames | None]:
        while True:
            wait([one.live for one in self._links], WAIT_MS)
            self._look_after(time.monotonic_ns())
            self._look_at_the_clock()
            had_any = False
            for batch in self._single() if len(self._links) == 1 else self._merged():
                had_any = True
                yield batch
            if not had_any:
                yield None

    def _single(self) -> Iterator[Frames]:
        """Yield the frames of the only interface where they lie, without a copy."""
        live = self._links[0].live
        records = Table(RECORDS)
        for _ in range(BLOCKS_AT_ONCE):
            if not live.next_block(self._analyzer.engine, records):
                return
            if records.rows:
                self._wall_clock.correct(records.view, records.rows)
                yield Frames(live.memory, records, array("i", bytes(4 * records.rows)))
            records.rows = 0
            live.release()

    def _merged(self) -> Iterator[Frames]:
        """Yield the frames of all interfaces that nothing earlier can follow any more."""
        records = Table(RECORDS)
        for number, one in enumerate(self._links):
            for _ in range(BLOCKS_AT_ONCE):
                if not one.live.next_block(self._analyzer.engine, records):
                    break
                self._wall_clock.correct(records.view, records.rows)
                self._merger.add(one.live.memory, records, number)
                records.rows = 0
                one.live.release()
        batch = self._merger.take(time.time_ns() - 3 * HAND_OVER_MS * 1_000_000)
        if batch.records.rows:
            yield batch

    def _look_at_the_clock(self) -> None:
        by_ns = self._wall_clock.step_ns()
        if by_ns:
            self._stepped_ns += by_ns
            self._merger.move(self._wall_clock.corrected)
            self._notices.append(Event(time.time_ns(), Name.CLOCK_SET, None, None, (), {"by_s": round(by_ns / 1e9, 3)}))

    def clock_step_ns(self) -> int:
        by_ns, self._stepped_ns = self._stepped_ns, 0
        return by_ns

    def _look_after(self, monotonic_ns: int) -> None:
        """Note drops, and interfaces that went down or came back."""
        if monotonic_ns - self._looked_ns < LOOK_NS:
            return
        self._looked_ns = monotonic_ns
        for one in self._links:
            now_ns = time.time_ns()
            dropped = one.live.new_drops()
            if dropped:
                self._note(now_ns, one, "no-room", dropped=dropped)
            name = name_of(one.live.index)
            if name not in ("", one.live.name):
                before, one.live.name = one.live.name, name
                self._note(now_ns, one, "interface-renamed", before=before)
            if (one.live.takes_error() or not name) and one.down_ns is None:
                one.down_ns = now_ns
                self._note(now_ns, one, "interface-down")
            if one.down_ns is not None and self._is_back(one):
                self._note(now_ns, one, "interface-up", blind_s=round((now_ns - one.down_ns) / 1e9, 3))
                one.down_ns = None

    def _is_back(self, one: "Link") -> bool:
        """Tell whether the interface is back. The kernel goes on with the same one by itself; one that was made anew is
        opened anew."""
        if one.live.is_up:
            return True
        anew_of = {found.name: found.index for found in interfaces() if found.is_up}
        name = one.live.name if one.live.name in anew_of else one.name
        index = anew_of.get(name, 0)
        if index in (0, one.refused_index):
            return False
        try:
            anew = self._open(name)
        except KeepaliveAnalyzerError as error:
            one.refused_index = index
            self._note(time.time_ns(), one, "interface-lost", why=str(error))
            return False
        anew.dropped = one.live.dropped
        one.live.close()
        one.live = anew
        return True

    def _note(self, now_ns: int, one: "Link", reason: str, **fields: Any) -> None:
        known = {"interface": one.live.name, "reason": reason, "dropped": None}
        self._notices.append(Event(now_ns, Name.DROPS, None, None, (), {**known, **fields}))

    def described(self) -> Sequence[Described]:
        return [Described(one.live.name, one.live.link_type, one.live.snaplen) for one in self._links]

    @property
    def dropped(self) -> list[int]:
        return [one.live.dropped for one in self._links]

    def notices(self) -> list[Event]:
        notices, self._notices = self._notices, []
        return notices

    def finish(self) -> None:
        for number, one in enumerate(self._links):
            one.live.new_drops()
            if one.live.dropped:
                words = f"interface {number}: {one.live.dropped:,} by the system"
                self._analyzer.diagnostics.add(INTERFACE_DROPS, self._analyzer.frames, words)
            one.live.close()


class Link:
    """An interface that is captured from, and the time since which it is down."""

    def __init__(self, live: LiveInterface) -> None:
        self.live = live
        self.name = live.name
        """Name by which it was asked for: one of that name is taken up where it is gone."""
        self.down_ns: int | None = None
        self.refused_index = 0
        """Index of an interface of the same name that could not be opened."""
