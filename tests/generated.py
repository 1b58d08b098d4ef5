"""What is generated of the READMEs and docs/: `python -m tests.generated` rewrites it, test_readme.py compares."""

import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from tests import documented
from tests.wheel_picture import wheel

ROOT = Path(__file__).parents[1]
SETTINGS = ("tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes")
MOST_TOLD = 8
"""More connections than these are counted, not told one by one."""


@dataclass(frozen=True)
class Block:
    """What stands between two marker lines of a file, and what should stand there."""

    path: str
    begin: str
    end: str
    wanted: Callable[[], str]

    def split(self) -> tuple[str, str, str]:
        """The file up to the block, the block, and the rest; each marker must occur once."""
        before, block = self._text().split(self.begin + "\n")
        block, after = block.split(self.end + "\n")
        return before + self.begin + "\n", block, self.end + "\n" + after

    def write(self) -> None:
        before, _, after = self.split()
        (ROOT / self.path).write_text(before + self.wanted() + after)

    def _text(self) -> str:
        return (ROOT / self.path).read_text()


def output_of(sample: str) -> str:
    """The report on a sample as 80 columns without colour show it, fenced."""
    from analyzer.cli import main

    with chdir(ROOT):
        result = CliRunner().invoke(main, [f"samples/{sample}/capture.pcap"], env={"COLUMNS": "80", "NO_COLOR": "1"})
    assert result.exit_code == 0, result.output
    return f"```\n{result.stdout.strip()}\n```\n"


def samples_table() -> str:
    rows = [
        "| case | what happens | kernel or stack | keepalive | outcome | errno |",
        "|---|---|---|---|---|---|",
    ]
    for folder in sorted(path.parent for path in ROOT.glob("samples/*/truth.toml")):
        truth = tomllib.loads((folder / "truth.toml").read_text())
        flows = truth.get("flow", [truth])
        cells = [
            f"[{folder.name}]({folder.name}/README.md)",
            truth["what"],
            _stack(flows) or f"{truth['kernel'].removeprefix('Linux ')}, {truth['hz']} Hz",
            "; ".join(dict.fromkeys(prober for flow in flows for prober in _probers(flow))) or "off",
            _counted(_outcome(flow) for flow in flows),
            _counted(flow["verdict"]["errno"] for flow in flows if "errno" in flow["verdict"]),
        ]
        if len(flows) > MOST_TOLD:
            cells[3] = f"{len(flows)} connections"
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _stack(flows: list[dict[str, Any]]) -> str:
    """The stack beside Linux, if there is one."""
    return ", ".join(dict.fromkeys(end["stack"] for flow in flows for end in flow["end"] if "stack" in end))


def _outcome(flow: dict[str, Any]) -> str:
    return " – ".join(flow["verdict"][key] for key in ("outcome", "cause") if key in flow["verdict"])


def _counted(words: Iterable[str]) -> str:
    """Each different word once, with its number where there are several."""
    counts = Counter(words)
    return ", ".join(f"{count} × {word}" if count > 1 else word for word, count in counts.most_common())


def _probers(flow: dict[str, Any]) -> Iterator[str]:
    for end in flow["end"]:
        if end["keepalive"]:
            settings = "/".join(str(end.get(name, "–")) for name in SETTINGS)
            timeout = end.get("tcp_user_timeout_s")
            yield f"{end['role']} {settings}" + (f", user timeout {timeout:g} s" if timeout else "")


@dataclass(frozen=True)
class Whole:
    """A file that is generated from its first line to its last."""

    path: str
    wanted: Callable[[], str]

    def write(self) -> None:
        (ROOT / self.path).write_text(self.wanted(), encoding="utf-8")


FILES = (
    Whole("docs/command.md", documented.command_page),
    Whole("docs/tables.md", documented.tables_page),
    Whole("docs/ka-analyze.1", documented.man_page),
    Whole("docs/wheel.svg", wheel),
)

BLOCKS = (
    Block("README.md", "<!-- output: nc-30-10-5 -->", "<!-- end output -->", lambda: output_of("nc-30-10-5")),
    Block("samples/README.md", "<!-- table -->", "<!-- end table -->", samples_table),
)

if __name__ == "__main__":
    for one in (*BLOCKS, *FILES):
        one.write()
