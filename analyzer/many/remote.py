"""An analysis that lies on a worker of a cluster: questions travel there, and only the answers come back.

A question is a function of an `Analysis`: the report, the JSON document, a table, the connection with a number. So
neither tables of flows nor candidates ever come here, and every output is made by the same code, wherever its findings
are.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from analyzer.analysis import Analysis, Analyzer
from analyzer.capture.described import Capture
from analyzer.capture.names import Naming
from analyzer.diagnostics import Diagnostic
from analyzer.keepalive.findings import Flow
from analyzer.keepalive.summary.expectations import Expectation

if TYPE_CHECKING:
    from analyzer.many.cluster import Cluster

Answer = TypeVar("Answer")

PUBLIC = frozenset(
    (
        "advice",
        "capture",
        "conclusions",
        "diagnostics",
        "groups",
        "hosts",
        "is_damaged",
        "names",
        "host_clocks",
        "path_limits",
        "services",
        "solicitations",
    )
)
"""Attributes of `Analysis` that are fetched as they are."""
BLOCK_CHARACTERS = 4 << 20
"""Characters of a long text that are fetched at once, compressed."""
BLOCK_FLOWS = 1000


class Assembled:
    """An analysis on a worker; to another one it travels as the data that it is assembled from, however much has been
    assembled."""

    def __init__(self, analyzer: Analyzer, analysis: Analysis) -> None:
        """Hold an analysis with the analyzer that made it."""
        self.analysis = analysis
        self._from = (analysis.capture, tuple(analyzer.diagnostics), analyzer)

    def __reduce__(self) -> Any:
        return assembled_again, self._from


def assembled_again(capture: Capture, diagnostics: Sequence[Diagnostic], analyzer: Analyzer) -> Assembled:
    tunnels = analyzer.decoder.tunnels.names
    return Assembled(analyzer, Analysis(capture, diagnostics, analyzer.tracker, analyzer.engine, tunnels))


class Remote:
    """Has the attributes of an `Analysis` but for its tables; each is fetched from the cluster."""

    def __init__(self, cluster: "Cluster", analysis: Any) -> None:
        """Refer to a task whose result is `Assembled`. Raises CaptureError if no file could be used."""
        self._cluster, self._analysis = cluster, analysis
        self.expected: tuple[Expectation, ...] = ()
        self.naming = Naming()
        """Both travel with each question: another worker may make the analysis again."""
        self.ask(_is_assembled)  # raises now what would be raised later

    def ask(self, question: Callable[..., Answer], *arguments: Any) -> Answer:
        """Call the function there and return its result; another remote analysis among the arguments becomes an
        `Analysis`."""
        answer: Answer = self._cluster.result(self._begin(question, arguments))
        return answer

    def pieces(self, question: Callable[..., Iterable[str]], *arguments: Any) -> Iterator[str]:
        """Yield a text that may be long, block by block."""
        blocks = self._begin(_compressed, (question, *arguments))
        result, submit = self._cluster.result, self._cluster.submit
        for number in range(result(submit(len, blocks))):
            block = result(submit(itemgetter(number), blocks))
            yield zlib.decompress(block).decode(errors="surrogatepass")

    def _begin(self, question: Callable[..., Any], arguments: Iterable[Any]) -> Any:
        there = (one._analysis if isinstance(one, Remote) else one for one in arguments)
        return self._cluster.submit(_answer, question, (self.expected, self.naming), self._analysis, *there)

    def close(self) -> None:
        """End the connection; nothing can be fetched afterwards."""
        self._cluster.close()

    @property
    def flows(self) -> "Flows":
        return Flows(self)

    def what_if(self, keepalive: Any) -> Any:
        return self.ask(Analysis.what_if, keepalive)

    def __getattr__(self, name: str) -> Any:
        if name not in PUBLIC:
            raise AttributeError(f"an analysis on a cluster has no {name!r} here; ask for it")
        value = self.__dict__[name] = self.ask(attrgetter(name))
        return value


class Flows(Sequence[Flow]):
    """The connections, fetched when they are accessed; none is stored."""

    def __init__(self, of: Remote) -> None:
        self._of = of
        self._count = of.ask(_count)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: Any) -> Any:
        return self._of.ask(_flows, range(self._count)[number])

    def __iter__(self) -> Iterator[Flow]:
        for first in range(0, self._count, BLOCK_FLOWS):
            yield from self[first : first + BLOCK_FLOWS]


Held = Analysis | Remote


def _answer(
    question: Callable[..., Any], given: tuple[tuple[Expectation, ...], Naming], held: Assembled, *arguments: Any
) -> Any:
    """Call the function with the analysis: a task of the cluster."""
    if held is not None:
        held.analysis.expected, held.analysis.naming = given
    asked = (held, *arguments)
    return question(*(one.analysis if isinstance(one, Assembled) else one for one in asked))


def _is_assembled(analysis: Analysis) -> bool:
    return analysis is not None


def _count(analysis: Analysis) -> int:
    return len(analysis.flows)


def _flows(analysis: Analysis, numbers: int | range) -> Flow | list[Flow]:
    return analysis.flows[numbers] if isinstance(numbers, int) else [analysis.flows[number] for number in numbers]


def _compressed(analysis: Analysis, question: Callable[..., Iterable[str]], *arguments: Any) -> list[bytes]:
    """Return the text in compressed blocks: a task of the cluster."""
    return [zlib.compress(block.encode(errors="surrogatepass"), 1) for block in _blocks(question(analysis, *arguments))]


def _blocks(pieces: Iterable[str]) -> Iterator[str]:
    held: list[str] = []
    characters = 0
    for piece in pieces:
        held.append(piece)
        characters += len(piece)
        if characters >= BLOCK_CHARACTERS:
            yield "".join(held)
            held, characters = [], 0
    if held:
        yield "".join(held)
