"""One transcript told in many ways: what a hidden part of the same situation may look like in a capture.

Each variation is text to text, and changes nothing about what the segments are, but for the copies that it adds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from tests.transcript import FLAG_BITS

MODULUS = 1 << 32


@dataclass(frozen=True)
class Line:
    """A line of a transcript; only a segment has fields (seq, ack, …) and control bits."""

    time: Decimal
    words: tuple[str, ...]
    saying: str

    @property
    def is_segment(self) -> bool:
        return ">" in self.words[0] and set(self.words[1]) <= set(FLAG_BITS)

    @property
    def sender(self) -> str:
        return self.words[0][0]

    @property
    def fields(self) -> dict[str, str]:
        return dict(zip(self.words[2::2], self.words[3::2], strict=True))

    def having(self, **fields: object) -> "Line":
        pairs = {**self.fields, **{key: str(value) for key, value in fields.items()}}
        return replace(self, words=(*self.words[:2], *(word for pair in pairs.items() for word in pair)))

    def __str__(self) -> str:
        return f"{self.time} {' '.join(self.words)}" + (f" | {self.saying}" if self.saying else "")


def lines(text: str) -> Iterator[Line]:
    for line in text.splitlines():
        body, _, saying = line.partition("#")[0].partition("|")
        if body.strip():
            time, *words = body.split()
            yield Line(Decimal(time), tuple(words), saying.strip())


def mirrored(text: str) -> Iterator[Line]:
    """B opens the connection and does what A does."""
    swap = str.maketrans("AB", "BA")
    for line in lines(text):
        first = line.words[0].translate(swap) if ">" in line.words[0] else line.words[0]
        rest = [word.translate(swap) if ">" in word or word in ("A", "B") else word for word in line.words[2:]]
        if line.is_segment:
            yield replace(line, words=(first, *line.words[1:]))
        else:
            yield replace(line, words=(first, *line.words[1:2], *rest))


def numbered(a: int, b: int) -> Callable[[str], Iterator[Line]]:
    """A's sequence numbers shifted by `a`, B's by `b`, so that they wrap somewhere."""

    def shifted(text: str) -> Iterator[Line]:
        for line in lines(text):
            if line.is_segment:
                own, other = (a, b) if line.sender == "A" else (b, a)
                has_ack = "A" in line.words[1]
                fields = {"seq": own} | ({"ack": other} if has_ack else {})
                moved = {name: (int(line.fields.get(name, 0)) + by) % MODULUS for name, by in fields.items()}
                edges = [(int(edge) + other) % MODULUS for edge in line.fields.get("dsack", "").split("-") if edge]
                yield line.having(**moved, **({"dsack": "-".join(map(str, edges))} if edges else {}))
            elif line.words[0] == "icmp":
                own = a if line.words[3][0] == "A" else b
                yield replace(line, words=(*line.words[:5], str((int(line.words[5]) + own) % MODULUS)))
            else:
                yield line

    return shifted


def stamped(text: str) -> Iterator[Line]:
    """With timestamps of a clock of 1 kHz."""
    for line in lines(text):
        yield line.having(tsval=int(line.time * 1000) + 1000) if line.is_segment else line


def without_ids(text: str) -> Iterator[Line]:
    """With IP identifications of 0 (RFC 6864 §4.1: a packet that is not to be fragmented needs none)."""
    for line in lines(text):
        yield line.having(ipid=0) if line.is_segment else line


def garbage(text: str) -> Iterator[Line]:
    """Probes have the garbage octet, and their answers report it."""
    octet = ""
    for line in lines(text):
        if line.saying.startswith("keepalive-probe") and line.is_segment:
            octet = line.fields["seq"]
            yield line.having(len=1)
        elif line.saying.startswith("keepalive-answer") and octet:
            yield line.having(dsack=f"{octet}-{(int(octet) + 1) % MODULUS}")
        else:
            yield line


def copied(*delays: str) -> Callable[[str], Iterator[Line]]:
    """Every segment again so much later: the same frames of other interfaces, in order of time."""

    def duplicated(text: str) -> Iterator[Line]:
        ids = {"A": 0, "B": 0}
        found = []
        for line in lines(text):
            if not line.is_segment:
                found.append(line)
                continue
            ids[line.sender] += 1
            one = line.having(**{"ipid": ids[line.sender], **line.fields})
            again = replace(one, saying="duplicate-frame")
            found += [one, *(replace(again, time=line.time + Decimal(delay)) for delay in delays)]
        yield from sorted(found, key=lambda line: line.time)

    return duplicated


def told_as(*variations: Callable[[str], Iterator[Line]]) -> Callable[[str], str]:
    """One after the other."""

    def vary(text: str) -> str:
        for variation in variations:
            text = "\n".join(map(str, variation(text)))
        return text

    return vary
