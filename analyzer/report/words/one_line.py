"""The prober's events in one line: gaps as durations, probes with a mark, repetitions folded."""

from collections.abc import Iterable

from analyzer.keepalive.findings import Flow, Role
from analyzer.keepalive.story.values import Answer, GapKind, Probe
from analyzer.report.units import short

ALIKE = 0.03
"""Neighbours are folded whose spacing differs by less."""
FIRST, LAST = 5, 4
"""Of a long course so many parts are shown."""
MARKS = {
    Answer.NOTHING: "✗",
    Answer.ACK: "✓",
    Answer.DATA: "✓",
    Answer.RST: "↯",
    Answer.ICMP: "ICMP",
    Answer.UNSEEN: "?",
}
ARROWS = {Role.ORIGINATOR: "→", Role.RESPONDER: "←", Role.UNKNOWN: "↔"}


def who(flow: Flow) -> str:
    """Name both ends, each with what it is called, the arrow from the originator, and the tunnel."""
    first, second = (f"{end} ({end.name})" if end.name else str(end) for end in flow.ends)
    return f"{first} {ARROWS[flow.ends[0].role]} {second}" + (f" in {flow.tunnel}" if flow.tunnel else "")


def course(flow: Flow) -> str:
    """Tell the course of a flow with a prober in one line, from its handshake to its end."""
    prober = flow.verdict.prober if flow.verdict.prober in flow.probers else flow.probers[0]
    story = flow.ends[prober].story
    idle_ns = {gap.frame: gap.any_ns for gap in story.gaps if gap.kind is GapKind.FIRST}
    parts = ["handshake" if not flow.is_midstream else "mid-stream"]
    folded = _folded(story.probes, flow.start_ns)
    left_out = folded[FIRST:-LAST] if len(folded) > FIRST + LAST + 1 else []
    for place, (probe, count, gap_ns) in enumerate(folded):
        if FIRST <= place < FIRST + len(left_out):
            if place == FIRST:
                parts.append(f"─ … {sum(count for _, count, _ in left_out):,} more probes …")
            continue
        idle = idle_ns.get(probe.frame)
        after = _after(gap_ns) if idle is None else _after(idle, "idle ")
        parts.append(f"─{after}▶ probe {MARKS[probe.answer]}" + (f" ×{count:,}" if count > 1 else ""))
    data = flow.story.unanswered_data
    if data is not None and data.octets:
        parts.append(f"─▶ data ✗ ×{data.resends + 1:,}")
    parts.append(_ending(flow, story.probes[-1].ts_ns))
    return " ".join(parts)


def _after(gap_ns: int, kind: str = "") -> str:
    """Return a gap before a mark; nothing where it is not known, or the capture's clock was set back in it."""
    return f" {kind}{short(gap_ns)} ─" if gap_ns >= 0 else ""


def _ending(flow: Flow, last_probe_ns: int) -> str:
    reset = flow.story.reset
    if reset is not None:
        return f"─{_after(reset.ts_ns - last_probe_ns) if reset.is_give_up else ''}▶ RST"
    if all(end.fin_frame for end in flow.story.ends):
        return "─▶ FIN"
    return f"─ {short(flow.silent_ns)} ─▶ end of capture" if flow.silent_ns else "─▶ end of capture"


def _folded(probes: Iterable[Probe], before_ns: int) -> list[tuple[Probe, int, int]]:
    """Probes with the time before them; neighbours alike in answer and spacing become one."""
    folded: list[tuple[Probe, int, int]] = []
    for probe in probes:
        gap_ns, before_ns = probe.ts_ns - before_ns, probe.ts_ns
        if folded:
            last, count, last_gap_ns = folded[-1]
            if last.answer is probe.answer and abs(last_gap_ns - gap_ns) <= ALIKE * gap_ns:
                folded[-1] = (last, count + 1, last_gap_ns)
                continue
        folded.append((probe, 1, gap_ns))
    return folded
