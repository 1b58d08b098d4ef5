"""The meeting of a shard with what came before it: is the rest the same, and what the flow's beginning adds to it.

Each column of a flow's state has a role. Sums go on from both sides; what only a SYN of an earlier file tells (initial
sequence numbers, window scale) may be unknown to the shard, and is filled in afterwards where it matters; everything
else must be equal, also a column that is new here. Arrays have a row a flow, with an end a column where an end is
concerned, ends as the shard numbers them.
"""

from functools import cached_property
from typing import Any

import numpy as np

from analyzer.engine.table import Table
from analyzer.many.tables import column, put, records
from analyzer.schema import ABSENT, KIND_TCP, RST, SYN
from analyzer.schema.flows import ENDS, FLOWS
from analyzer.tcp import segment_facts
from analyzer.tcp.flows import FlowTable

WHO = {"a_hi", "a_lo", "b_hi", "b_lo", "ports", "tunnel", "first_frame", "first_seq", "first_ack"}
"""Columns of FLOWS that say which connection it is and where it began; the join knows them."""
OPENING = {"opened", "syn_seq"}
"""Columns of FLOWS that say how it began. Only a SYN needs them."""
FIRSTS = (("steps_back", "step_back_frame"), ("duplicates", "duplicate_frame"))
"""Columns of FLOWS in pairs: how often something was seen, and in which frame first."""
SUMS = {"packets", "octets", "far_below", *(number for number, _ in FIRSTS)}
LARGEST = ("max_idle_ns", "latest_ns")
"""Columns of FLOWS that only grow."""
EXTREMES = {"first_ns", *LARGEST, *(frame for _, frame in FIRSTS)}
HANDSHAKE = {"isn", "window_shift"}
"""Columns of ENDS that only a SYN sets."""
MAY_BE_OLDER = HANDSHAKE | {"data_ns"}
"""Columns of ENDS that may have been set before the shard, and not in it."""
OWN_RULE = MAY_BE_OLDER | {"window", "reply_ns"}
"""Columns of ENDS that are not simply equal."""
FLOW_STATE = [name for name in FLOWS._fields if name not in WHO | OPENING | SUMS | EXTREMES]
END_STATE = [name for name in ENDS._fields if name not in OWN_RULE]


class State:
    """Flows with both of their ends, a row a flow."""

    def __init__(self, flows: Table, ends: Table, rows: Any, is_turned: Any = False) -> None:
        """Select the rows of flows; `is_turned` where end 0 of the shard is end 1 here."""
        self._flows, self._ends, self.rows = records(flows), records(ends), rows
        first = 2 * rows + is_turned
        self._places = np.stack((first, first ^ 1), axis=1)

    def flow(self, name: str) -> Any:
        return column(self._flows, name, self.rows)

    def ends(self, name: str) -> Any:
        return column(self._ends, name, self._places)

    def set_flow(self, name: str, values: Any) -> None:
        put(self._flows, name, self.rows, values)

    def set_ends(self, name: str, values: Any) -> None:
        put(self._ends, name, self._places, values)

    def scale(self) -> Any:
        """Return by how many bits each end's windows are scaled (`tracker.scaled_window`)."""
        mine = self.ends("window_shift")
        return np.where((mine > 0) & (mine[:, ::-1] != ABSENT), mine, 0)


class Meeting:
    """Flows at the end of their prefix: as the shard had them (`alone`), as they are (`known`), and the shard's end."""

    def __init__(self, alone: State, known: State, end: State) -> None:
        self._alone, self._known, self._end = alone, known, end
        differs = (alone.flow("opened") != known.flow("opened")) | (alone.flow("syn_seq") != known.flow("syn_seq"))
        for name in HANDSHAKE:
            differs |= (alone.ends(name) != known.ends(name)).any(axis=1)
        self.began_before: Any = differs
        """Flows whose beginning the shard does not know."""

    @cached_property
    def _shift(self) -> Any:
        """Return by how many bits the shard's windows must be scaled, for each end."""
        return np.where(self._alone.scale() == 0, self._known.scale(), 0)

    def is_alike(self) -> Any:
        """Tell for each flow whether its state is the same, so that all that follows is the same but for what `amend`
        fills in."""
        alone, known = self._alone, self._known
        alike = np.ones(len(alone.rows), dtype=bool)
        for name in FLOW_STATE:
            alike &= alone.flow(name) == known.flow(name)
        for name in END_STATE:
            alike &= (alone.ends(name) == known.ends(name)).all(axis=1)
        for name in MAY_BE_OLDER:
            mine = alone.ends(name)
            alike &= ((mine == ABSENT) | (mine == known.ends(name))).all(axis=1)
        alike &= (scaled(alone.ends("window"), self._shift) == known.ends("window")).all(axis=1)
        alike &= (alone.scale() + self._shift == known.scale()).all(axis=1)
        alike &= ~self.began_before | (alone.ends("snd_nxt") != ABSENT).all(axis=1)  # an ACK may yet refuse its SYN
        return alike & self._are_extremes_known()

    def _are_extremes_known(self) -> Any:
        """Tell for each flow whether its extremes are known in spite of the shard's prefix, whose own may hide those of
        what follows."""
        alone, known, end = self._alone, self._known, self._end
        shortest, known_shortest = alone.ends("reply_ns"), known.ends("reply_ns")
        is_reply_known = (
            (end.ends("reply_ns") != shortest)
            | (shortest == ABSENT)
            | ((known_shortest != ABSENT) & (known_shortest <= shortest))
        )
        is_known = is_reply_known.all(axis=1)
        for name in LARGEST:
            is_known &= (end.flow(name) > alone.flow(name)) | (alone.flow(name) <= known.flow(name))
        for number, _ in FIRSTS:
            is_known &= (alone.flow(number) == 0) | (known.flow(number) > 0)
        return is_known

    def is_surely_amended(self, candidates: Any, at: Any) -> Any:
        """Tell for each flow whether `amend` knows what to fill in; `at` are the rows of the flows, one for each of
        these candidates.

        A SYN may belong to the beginning that the shard does not know; a RST beyond SND.NXT, or an ACK far below
        SND.UNA, lies within a window that may be scaled, or not.
        """
        flags, facts = candidates.flags, candidates.facts
        is_beyond = (candidates.relation == segment_facts.REL_BEYOND) & (facts & segment_facts.OUTSIDE == 0)
        is_open_question = (flags & SYN != 0) | ((flags & RST != 0) & is_beyond)
        is_open_question &= candidates.kind == KIND_TCP
        sure = np.ones(len(self._alone.rows), dtype=bool)
        sure[at[is_open_question]] = False
        sure &= self._end.flow("far_below") == self._alone.flow("far_below")
        return sure | ~self.began_before

    def amend(self, candidates: Any, at: Any) -> None:
        """Fill in what the flow's beginning says of candidates after the prefix; `at` as above."""
        c, end = candidates, candidates.end
        is_tcp = c.kind == KIND_TCP
        c.window[:] = np.where(is_tcp, scaled(c.window, self._shift[at, end]), c.window)
        c.peer_window[:] = np.where(is_tcp, scaled(c.peer_window, self._shift[at, 1 - end]), c.peer_window)
        for name, of in (("own_data_ns", end), ("peer_data_ns", 1 - end)):
            data_ns = getattr(c, name)
            data_ns[:] = np.where(is_tcp & (data_ns == ABSENT), self._known.ends("data_ns")[at, of], data_ns)
        isn = np.where(self._alone.ends("isn") == ABSENT, self._known.ends("isn"), ABSENT)[at, end]
        c.facts[is_tcp & (isn != ABSENT) & (c.seq == isn)] |= segment_facts.AT_SYN

    def move_on(self, chosen: Any) -> None:
        """Bring the known state of the chosen flows to the shard's end."""
        alone, known, end = self._alone, self._known, self._end

        def flow(name: str, values: Any) -> None:
            known.set_flow(name, np.where(chosen, values, known.flow(name)))

        def ends(name: str, values: Any) -> None:
            known.set_ends(name, np.where(chosen[:, None], values, known.ends(name)))

        for number, frame in FIRSTS:
            is_first = (known.flow(number) == 0) & (end.flow(number) > alone.flow(number))
            flow(frame, np.where(is_first, end.flow(frame), known.flow(frame)))
        for name in LARGEST:
            larger = np.where(end.flow(name) > alone.flow(name), end.flow(name), 0)
            flow(name, np.maximum(known.flow(name), larger))
        earlier = np.where(end.flow("first_ns") < alone.flow("first_ns"), end.flow("first_ns"), known.flow("first_ns"))
        flow("first_ns", np.minimum(known.flow("first_ns"), earlier))
        for name in SUMS:
            flow(name, known.flow(name) + end.flow(name) - alone.flow(name))
        for name in FLOW_STATE:
            flow(name, end.flow(name))
        reply, shorter = known.ends("reply_ns"), end.ends("reply_ns")
        is_shorter = (shorter != alone.ends("reply_ns")) & ((reply == ABSENT) | (shorter < reply))
        ends("reply_ns", np.where(is_shorter, shorter, reply))
        ends("window", scaled(end.ends("window"), self._shift))
        for name in HANDSHAKE:
            ends(name, np.where(alone.ends(name) == known.ends(name), end.ends(name), known.ends(name)))
        ends("data_ns", np.where(end.ends("data_ns") == ABSENT, known.ends("data_ns"), end.ends("data_ns")))
        for name in END_STATE:
            ends(name, end.ends(name))


def scaled(windows: Any, shift: Any) -> Any:
    return np.where(windows == ABSENT, ABSENT, windows << shift)


def state_of(table: FlowTable, rows: Any, is_turned: Any = False) -> State:
    return State(table.flows, table.ends, rows, is_turned)
