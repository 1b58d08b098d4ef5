"""Which stacks there are: what each is made from, and how."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


class MissingPackageError(Exception):
    """A stack cannot be recorded here."""


@dataclass(frozen=True)
class Stack:
    """One stack, and the program of ours that is linked with it, or imports it."""

    name: str
    source: str
    packages: tuple[str, ...]
    """Debian's, or PyPI's if nothing is compiled; the first is the stack itself, whose version the truth names."""
    command: tuple[str, ...] = ()
    """The compiler and what stands before the source; `-o` and the program's place are added."""
    libraries: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    python: str = sys.executable
    """What runs it if nothing is compiled."""
    is_routed_to: bool = False
    """It is behind a TUN interface of the namespace, whose kernel is a router in front of it."""

    @property
    def is_compiled(self) -> bool:
        return bool(self.command)

    def version(self) -> str:
        """The name and the package's version."""
        if self.is_compiled:
            versions, where = [_debian_version(package) for package in self.packages], "here"
        else:
            versions, where = [_python_version(self.python, package) for package in self.packages], f"in {self.python}"
        if not all(versions):
            raise MissingPackageError(f"{self.name} needs {' and '.join(self.packages)}: not installed {where}")
        return f"{self.name} {versions[0]}"

    def build(self, place: Path) -> None:
        self.version()
        if self.is_compiled:
            command = [*self.command, "-o", self.program_in(place), HERE / self.source, *self.libraries]
            subprocess.run(command, check=True, env=os.environ | dict(self.environment))

    def program_in(self, place: Path) -> Path:
        return place / self.source.partition(".")[0]


def pasta_version() -> str:
    """Name and version of the middle that probes; those before 2026 do not."""
    if shutil.which("pasta") is None:
        raise MissingPackageError("a middle of pasta needs passt: not installed")
    return subprocess.run(["pasta", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


def _debian_version(package: str) -> str:
    """The upstream version, without what Debian has added to it; nothing if the package is not installed."""
    query = ("dpkg-query", "--show", "--showformat=${db:Status-Status} ${Version}", package)
    status, _, version = subprocess.run(query, capture_output=True, text=True, check=False).stdout.partition(" ")
    return version.rsplit("-", 1)[0].partition("+")[0] if status == "installed" else ""


def _python_version(python: str, package: str) -> str:
    if shutil.which(python) is None:
        return ""
    query = (python, "-c", f"from importlib import metadata; print(metadata.version('{package}'))")
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()


STACKS = {
    "gvisor": Stack(
        "gVisor netstack",
        "gvisor.go",
        ("golang-gvisor-gvisor-dev", "golang-go"),
        ("go", "build"),
        environment=(("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode")),
    ),
    "lwip": Stack(
        "lwIP",
        "lwip.c",
        ("liblwip-dev", "gcc"),
        ("gcc", "-O1", "-I/usr/include/lwip"),
        libraries=("-llwip",),
    ),
    "smoltcp": Stack("smoltcp in mitmproxy_rs", "smoltcp.py", ("mitmproxy_rs",), is_routed_to=True),
}
SILENT = {"gvisor"}
"""Stacks that give up without a RST."""
