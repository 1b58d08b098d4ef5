"""What the rest of a capture says about an end that fell silent: its host lives, or its link is dead.

Where the end's other connections, or all of its network, fell silent too, more than this connection is lost.
An end of an idle connection that has been started anew shows that elsewhere, too.
Other flows of the same address show that the host lives. ARP requests and neighbour
solicitations for the address that nothing answers show that it is gone from the link; the
probes themselves are then no longer sent (net/core/neighbour.c neigh_invalidate).
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import pairwise

from analyzer.columns import Table
from analyzer.keepalive.brief import NOTABLE
from analyzer.keepalive.restart import Address, Restarts, address_of
from analyzer.keepalive.stories import Stories
from analyzer.keepalive.timeline import Answer, Gap, GapKind, Solicitation, Story
from analyzer.keepalive.verdict import Surroundings
from analyzer.schema import NEVER
from analyzer.tcp.flows import FlowTable

ANSWER_WAIT_NS = 3_000_000_000
"""A solicitation may be answered so late: three tries a second apart (mcast_solicit, retrans_time_ms)."""
ASKING_NS = 11_000_000_000
"""A probe can make a host ask so long: after 5 s, three times directly and three times everybody, a second apart
(delay_first_probe_time, ucast_solicit, mcast_solicit, retrans_time_ms)."""
MOST_LOOKED_AT = 64
"""Connections of one host in which it was heard before and after a time: so many show whether also within it."""
GONE_NS = 1_900_000_000
"""From the first of three tries to the last."""
FEWEST_ASKED = 2
"""One unanswered solicitation may have been lost."""


class Waits:
    """Spans of time in which addresses, or networks, were asked in vain by probes or by data."""

    def __init__(self, spans: Iterable[tuple[Address, int, int]]) -> None:
        self._since: dict[Address, list[int]] = defaultdict(list)
        self._until: dict[Address, list[int]] = defaultdict(list)
        for key, since_ns, until_ns in spans:
            self._since[key].append(since_ns)
            self._until[key].append(until_ns)
        for times in (*self._since.values(), *self._until.values()):
            times.sort()

    @property
    def keys(self) -> Collection[Address]:
        return self._since.keys()

    def meanwhile(self, key: Address, since_ns: int, until_ns: int) -> int:
        """How many spans overlap this one: all that began before its end, without those that ended before its begin."""
        if key not in self._since:
            return 0
        return bisect_left(self._since[key], until_ns) - bisect_right(self._until[key], since_ns)


def network(who: Address) -> Address:
    """The /24 or /64 of an address."""
    tunnel, hi, lo = who
    return (tunnel, hi, lo >> 8) if hi == 0 and lo >> 32 == 0xFFFF else (tunnel, hi, 0)


class Neighbourhood:
    """Flows and solicitations by address; made once for a capture."""

    def __init__(self, table: FlowTable, neighbours: Table, stories: Stories) -> None:
        self._table = table
        self._stories = stories
        self._ends: dict[Address, list[int]] | None = None
        self._networks: dict[Address, list[int]] | None = None
        waits = [(address_of(table, flow, end), since, until) for flow, end, since, until in stories.waits]
        self._of_address = Waits(waits)
        self._of_network = Waits((network(who), since, until) for who, since, until in waits)
        self._restarts = Restarts(table, stories.forgotten)
        n = neighbours.view
        self._heard: dict[Address, list[tuple[int, bool, int]]] = defaultdict(list)
        for row in range(neighbours.rows):
            self._heard[n.tunnel[row], n.addr_hi[row], n.addr_lo[row]].append(
                (n.ts_ns[row], bool(n.is_answer[row]), n.frame[row])
            )
        self._missed = {
            who for who, heard in self._heard.items() if any(not (one[1] or other[1]) for one, other in pairwise(heard))
        }

    def around(self, flow: int, story: Story) -> Surroundings:
        """For the end that stopped answering, or the one that is looked for on the link."""
        until_ns = self._until_ns(story)
        for end, since_ns in _silent_ends(story):
            who = address_of(self._table, flow, end)
            asked = self._unanswered(who, since_ns, until_ns)
            if story.run is not None or story.deafness is not None or asked:
                lives = self._sent_elsewhere(who, flow, max(since_ns, asked[-1][0] if asked else NEVER), until_ns)
                if lives:
                    return Surroundings(end, answers_elsewhere=True, asked=())
                waits = self._of_address.meanwhile(who, since_ns, until_ns)  # its own is one of them
                is_alone = self._of_network.meanwhile(network(who), since_ns, until_ns) <= waits
                is_network_silent = not is_alone and self._is_network_silent(flow, end, since_ns, until_ns)
                silent_flows = max(waits - 1, 0)
                return Surroundings(end, False, asked, self._is_only(who), silent_flows, is_network_silent)
        reasons, frames = self._restarts.signs(flow, story)
        return Surroundings(None, False, (), restart=reasons, restart_frames=frames)

    def may_be_lost(self, flow: int) -> bool:
        """Of a connection that is open: an end of it may be gone from the link, or started anew."""
        return self.is_looked_for(flow) or self._restarts.may_be(flow)

    def is_looked_for(self, flow: int) -> bool:
        """Somebody asked twice for an end of it on the link, with no answer in between."""
        return bool(self._missed) and any(address_of(self._table, flow, end) in self._missed for end in (0, 1))

    def whole_gaps(self, flow: int, end: int, story: Story) -> tuple[Gap, ...]:
        """The end's gaps without those in which its host asked for the other one in vain: what was due was not sent."""
        vain, told = self._vain(address_of(self._table, flow, 1 - end)), story.ends[end]
        is_cut_off = self._is_cut_off(flow, end, story)
        gaps = told.gaps if not is_cut_off else tuple(gap for gap in told.gaps if not gap.is_open)
        if not vain:
            return gaps
        at_ns = {probe.frame: probe.ts_ns for probe in told.probes}
        return tuple(gap for gap in gaps if not _contains(gap, at_ns.get(gap.frame, NEVER), vain))

    def _is_cut_off(self, flow: int, end: int, story: Story) -> bool:
        """Its host left others waiting since this flow was last heard: then its own probes need not come through."""
        who = address_of(self._table, flow, end)
        return self._of_address.meanwhile(who, story.last_ns, story.capture_end_ns) > 0

    def _vain(self, who: Address) -> list[int]:
        """When it was asked for the first time of those, one after the other, that nothing answered for so long that it
        counts as gone (neighbour.c neigh_timer_handler): what had waited for it was thrown away."""
        found, first_ns = [], NEVER
        for ts_ns, is_answer, _ in self._heard.get(who, []):
            if is_answer:
                first_ns = NEVER
            elif first_ns == NEVER:
                first_ns = ts_ns
            elif ts_ns - first_ns >= GONE_NS:
                found.append(first_ns)
                first_ns = NEVER
        return found

    def _until_ns(self, story: Story) -> int:
        return story.reset.ts_ns if story.reset else story.capture_end_ns

    def _by_last_sign(self, key: Callable[[Address], Address]) -> dict[Address, list[int]]:
        """The ends of each address, or network, that somebody waited for; the one that was heard last first."""
        grouped: dict[Address, list[int]] = {key(who): [] for who in (*self._of_address.keys, *self._missed)}
        f, flows, last_ns = self._table.flows.view, self._table.flows.rows, self._table.ends.view.last_ns
        columns = (one[:flows] for one in (f.tunnel, f.a_hi, f.a_lo, f.b_hi, f.b_lo))
        for flow, (tunnel, a_hi, a_lo, b_hi, b_lo) in enumerate(zip(*columns, strict=True)):
            for end, who in ((2 * flow, (tunnel, a_hi, a_lo)), (2 * flow + 1, (tunnel, b_hi, b_lo))):
                ends = grouped.get(key(who))
                if ends is not None:
                    ends.append(end)
        for ends in grouped.values():
            ends.sort(key=lambda end: -last_ns[end])
        return grouped

    def _is_only(self, who: Address) -> bool:
        return self._ends is not None and len(self._ends[who]) == 1

    def _sent_elsewhere(self, who: Address, flow: int, since_ns: int, until_ns: int) -> bool:
        """The address sent a segment of another flow in this time."""
        if self._ends is None:
            self._ends = self._by_last_sign(lambda address: address)
        return any(end // 2 != flow for end in self._heard_meanwhile(self._ends[who], since_ns, until_ns))

    def _is_network_silent(self, flow: int, silent_end: int, since_ns: int, until_ns: int) -> bool:
        """No address there but the asking one sent anything meanwhile."""
        if self._networks is None:
            self._networks = self._by_last_sign(network)
        asking = address_of(self._table, flow, 1 - silent_end)
        ends = self._networks[network(address_of(self._table, flow, silent_end))]
        heard = self._heard_meanwhile(ends, since_ns, until_ns)
        return all(end // 2 == flow or address_of(self._table, end // 2, end % 2) == asking for end in heard)

    def _heard_meanwhile(self, ends: Sequence[int], since_ns: int, until_ns: int) -> Iterator[int]:
        """Of these ends, the last one heard first, those that sent something in this time."""
        first_ns, last_ns = self._table.flows.view.first_ns, self._table.ends.view.last_ns
        looked_at = 0
        for end in ends:
            if last_ns[end] <= since_ns:
                return
            if first_ns[end // 2] >= until_ns:
                continue
            if last_ns[end] <= until_ns:
                yield end
            elif looked_at < MOST_LOOKED_AT:
                looked_at += 1
                if self._spoke(end, since_ns, until_ns):
                    yield end

    def _spoke(self, end: int, since_ns: int, until_ns: int) -> bool:
        """The end was heard in this time too, not only before and after it: its host may have been away."""
        flow = end // 2
        was_never_silent: bool = self._table.flows.view.max_idle_ns[flow] < until_ns - since_ns
        if not self._stories.briefs[flow] & NOTABLE:
            return was_never_silent
        story = self._stories[flow]
        own, other = story.ends[end % 2], story.ends[1 - end % 2]
        sent = [probe.ts_ns for probe in own.probes]
        sent += [probe.answer_ns for probe in other.probes if probe.answer in (Answer.ACK, Answer.DATA)]
        sent += [silence.ts_ns for silence in story.silences if silence.sender == end % 2]
        if any(since_ns < ts_ns <= until_ns for ts_ns in sent):
            return True
        is_asked = any(since_ns < probe.ts_ns <= until_ns for probe in other.probes)
        return not is_asked and was_never_silent

    def _unanswered(self, who: Address, since_ns: int, until_ns: int) -> tuple[tuple[int, int], ...]:
        """Time and frame of the solicitations since when nothing answered for the address."""
        asked: list[tuple[int, int]] = []
        heard = self._heard.get(who, [])
        for ts_ns, is_answer, frame in heard[bisect_left(heard, (since_ns,)) :]:
            if ts_ns > until_ns + ANSWER_WAIT_NS:
                break
            if is_answer and asked and ts_ns > asked[-1][0] + ANSWER_WAIT_NS:
                break  # nobody answered these: it came back later
            if is_answer:
                asked.clear()
            elif ts_ns <= until_ns:
                asked.append((ts_ns, frame))
        return tuple(asked) if len(asked) >= FEWEST_ASKED else ()


def _contains(gap: Gap, end_ns: int, vain: Sequence[int]) -> bool:
    """Whether any of these lies in the gap; one that the capture's end or traffic ended says what it says."""
    if end_ns == NEVER or gap.is_open or gap.kind is GapKind.SURVIVED:
        return False
    start_ns = end_ns - (gap.any_ns if gap.kind is GapKind.FIRST else gap.probe_ns)
    return any(start_ns < ts_ns < end_ns for ts_ns in vain)


def solicitations(story: Story, around: Surroundings) -> tuple[Solicitation, ...]:
    """What nobody answered, with the probe that made the host ask, where one was captured."""
    if around.silent_end is None:
        return ()
    asker = 1 - around.silent_end
    unanswered = [probe for probe in story.ends[asker].probes if not probe.answer_frame]
    found = []
    for ts_ns, frame in around.asked:
        causes = [probe.frame for probe in unanswered if 0 <= ts_ns - probe.ts_ns <= ASKING_NS]
        found.append(Solicitation(frame, ts_ns, asker, causes[-1] if causes else 0))
    return tuple(found)


def _silent_ends(story: Story) -> list[tuple[int, int]]:
    """Which end stopped answering, and since when; of an idle connection it may be either."""
    if story.run is not None:
        return [(1 - story.run.end, story.run.first_ns)]
    if story.deafness is not None:
        return [(1 - story.deafness.end, max(story.deafness.heard_ns, 0))]
    if story.reset is not None or all(end.fin_frame for end in story.ends):
        return []
    return [(end, story.last_ns) for end in (0, 1)]
