"""Recordings under damage, and which claims about them are false: what `test_losses.py` holds and a campaign counts.

    python -m tests.fuzz.damage                     # a table: claims, false ones, by kind of damage
    python -m tests.fuzz.damage --seeds 4 grid-hz250

A claim is a bound of a setting, an outcome, or an errno. It is false if the kernel that was recorded had, or told,
something else; a captured moment's truth is what the connection was at the last captured frame. Saying nothing is never
false.
"""

import argparse
import lzma
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from analyzer.analysis import Analysis, analyze
from analyzer.keepalive.findings import End, Flow
from analyzer.keepalive.verdict.values import Outcome
from tests.fuzz.pieces import Frames, as_pcap, frames_of_pcap
from tests.recordings import SAMPLES
from tests.test_samples import true_settings

SECOND = 10**9
RECORDINGS = [path for path in SAMPLES if path.suffix != ".pcapng"]


class Truth(NamedTuple):
    """What is known of one connection, in ns since 1970."""

    settings: dict[str, dict[str, float]]
    """By address and port of the end."""
    outcome: str
    errno: str | None
    told_ns: int | None
    """When an application was told that it is over."""
    silent_ns: int | None
    """From when on the path or the peer swallowed something."""
    due_s: float
    """Within which a probe falls due, or the next one."""
    before: int | None
    """A tcp_keepalive_time that was in force at first."""


# ---- what is true


@cache
def whole(path: Path) -> Analysis:
    return analyze(str(path))


@cache
def truths(path: Path) -> dict[frozenset[str], Truth]:
    """By the two ends' addresses and ports, which stay when roles get lost."""
    document = tomllib.loads(path.with_name("truth.toml").read_text())
    flows = {end.port: flow for flow in whole(path).flows for end in flow.ends if end.role.value != "responder"}
    found = {}
    for truth in document.get("flow", [document]):
        flow = flows[truth["port"]] if "port" in truth else whole(path).flows[0]
        found[frozenset(map(str, flow.ends))] = truth_of(path.parent.name, truth, flow, whole(path).capture.first_ns)
    return found


LATE = {"started-late-8-2-4"}
"""The first SYN, from which times in a truth file count, is not in the capture."""
BEFORE = {"changed-while-idle": 20, "changed-in-mid-life": 12}
"""A truth file has the settings in force at the end."""


def truth_of(sample: str, truth: dict[str, Any], flow: Flow, start_ns: int) -> Truth:
    by_role = {end.role.value: str(end) for end in flow.ends}
    ends = {by_role.get(end["role"], str(flow.ends[at])): end for at, end in enumerate(truth["end"])}
    told = [end["saw"]["at_s"] for end in ends.values() if "at_s" in end.get("saw", {})]
    if sample in LATE:
        told = []
    due = [end.get("tcp_keepalive_time", 0) + end.get("tcp_keepalive_intvl", 0) for end in ends.values()]
    return Truth(
        {name: true_settings(end) if end["keepalive"] else {} for name, end in ends.items()},
        truth["verdict"]["outcome"],
        truth["verdict"].get("errno"),
        start_ns + int(min(told) * SECOND) if told else None,
        start_ns + int(truth["fault"]["at_s"] * SECOND) if truth.get("fault") else None,
        max(due) or float("inf"),
        BEFORE.get(sample),
    )


# ---- what is claimed


def claims(flow: Flow, truth: Truth, stop_ns: int) -> Iterator[tuple[str, bool, str]]:
    """Each claim: its kind, whether it is true, and the words for one that is not."""
    for end in flow.ends:
        for name, value in truth.settings.get(str(end), {}).items():
            claim = getattr(end.settings, name)
            if claim is None or (name == "tcp_keepalive_time" and claim.value == (truth.before or 0)):
                continue
            words = f"{end} {said(end, name)}, true {value}"
            yield name, claim.low <= value, words
            if claim.high is not None:
                yield name, value <= claim.high, words
    verdict = flow.verdict
    if verdict.outcome is not Outcome.UNKNOWN and verdict.outcome is not Outcome.OPEN:
        is_true = verdict.outcome.value in possible(truth, stop_ns)
        yield "outcome", is_true, f"{verdict.outcome.value} ({verdict.confidence.value}), true {truth.outcome}"
    if verdict.errno is not None:
        is_true = verdict.errno == truth.errno and is_over(truth, stop_ns)
        yield "errno", is_true, f"{verdict.errno}, true {truth.errno}"


def said(end: End, name: str) -> str:
    claim = getattr(end.settings, name)
    return f"{name} {claim.value} [{claim.low}–{claim.high}] ({claim.basis.value}, n {claim.n})"


SLACK_NS = 2 * SECOND
"""By which an application may be told later or earlier than the last frame is captured."""


def is_over(truth: Truth, stop_ns: int) -> bool:
    return truth.told_ns is None or stop_ns >= truth.told_ns - SLACK_NS


def possible(truth: Truth, stop_ns: int) -> set[str]:
    """What a connection may be called whose last captured moment is that."""
    found = {truth.outcome} if is_over(truth, stop_ns) else set()
    if truth.outcome == "unreachable" and found:
        found.add("timed-out")  # less, and true
    if truth.outcome in ("alive", "open", "undetected", "probing"):
        found |= {"alive"} if truth.silent_ns is None else set()
    is_before = truth.told_ns is None or stop_ns <= truth.told_ns + SLACK_NS
    if is_before and (truth.silent_ns is None or stop_ns <= truth.silent_ns + truth.due_s * SECOND):
        found.add("alive")
    is_lost = truth.outcome in ("timed-out", "unreachable") if truth.silent_ns is None else stop_ns >= truth.silent_ns
    if is_before and is_lost:
        found |= {"probing", "undetected"}
    return found


# ---- damage

Damage = Callable[[Frames, Random], list[tuple[int, bytes]]]


def is_tcp(frame: bytes) -> bool:
    """Whether an Ethernet frame holds TCP over IPv4 or IPv6, without a look at more than the fixed fields."""
    kind = frame[12:14]
    return (kind == b"\x08\x00" and frame[23:24] == b"\x06") or (kind == b"\x86\xdd" and frame[20:21] == b"\x06")


def without(share: float, only_tcp: bool = False) -> Damage:
    def drop(whole: Frames, random: Random) -> list[tuple[int, bytes]]:
        return [one for one in whole.frames if (only_tcp and not is_tcp(one[1])) or random.random() >= share]

    return drop


def window(whole: Frames, random: Random) -> list[tuple[int, bytes]]:
    """From one time to another, as a ring of files or an impatient person leaves it."""
    first, last = whole.frames[0][0], whole.frames[-1][0]
    begin, end = sorted(random.uniform(first, last) for _ in range(2))
    return [one for one in whole.frames if begin <= one[0] <= end]


def head(whole: Frames, random: Random) -> list[tuple[int, bytes]]:
    return whole.frames[: random.randrange(1, len(whole.frames) + 1)]


def tail(whole: Frames, random: Random) -> list[tuple[int, bytes]]:
    return whole.frames[random.randrange(len(whole.frames)) :]


DAMAGES: dict[str, Damage] = {
    "head": head,
    "tail": tail,
    "window": window,
    **{f"{share:.0%} missing": without(share) for share in (0.01, 0.05, 0.2, 0.5)},
    **{f"{share:.0%} of TCP missing": without(share, True) for share in (0.01, 0.05, 0.2, 0.5)},
}


@cache
def frames_of(path: Path) -> Frames:
    octets = path.read_bytes()
    return frames_of_pcap(path.parent.name, lzma.decompress(octets) if path.suffix == ".xz" else octets)


def damaged(path: Path, damage: str, seed: int) -> bytes:
    """The recording after that."""
    frames = frames_of(path)
    kept = DAMAGES[damage](frames, Random(f"{path.parent.name} {damage} {seed}"))
    return bytes(as_pcap(Frames(frames.name, frames.link_type, kept), "<").octets)


def examine(path: Path, damage: str, seed: int) -> Iterator[tuple[Flow, str, bool, str]]:
    """All claims about the damaged recording."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(damaged(path, damage, seed))
        file.flush()
        analysis = analyze(file.name)
        for flow in analysis.flows:
            truth = truths(path).get(frozenset(map(str, flow.ends)))
            if truth is not None:
                for kind, is_true, words in claims(flow, truth, analysis.capture.until_ns):
                    yield flow, kind, is_true, words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("samples", nargs="*", help="names of samples, all without")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--damage", choices=DAMAGES, action="append")
    parser.add_argument("--each", action="store_true", help="print each false claim")
    asked = parser.parse_args()
    claimed, wrong = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    chosen = [path for path in RECORDINGS if not asked.samples or path.parent.name in asked.samples]
    for path, damage, seed in product(chosen, asked.damage or DAMAGES, range(asked.seeds)):
        for flow, kind, is_true, words in examine(path, damage, seed):
            claimed[damage, kind] += 1
            wrong[damage, kind] += not is_true
            if asked.each and not is_true:
                say(f"{path.parent.name} | {damage} | {seed} | #{flow.id} | {kind} | {words}")
    kinds = sorted({kind for _, kind in claimed})
    say("| damage | " + " | ".join(kinds) + " |")
    say("|---" * (len(kinds) + 1) + "|")
    for damage in asked.damage or DAMAGES:
        cells = [f"{wrong[damage, kind]} of {claimed[damage, kind]:,}" for kind in kinds]
        say(" | ".join([f"| {damage}", *cells]) + " |")
    false, total = wrong.total(), claimed.total()
    say(f"\n{false:,} of {total:,} claims are false: {1e5 * false / max(1, total):.0f} in 100,000")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
