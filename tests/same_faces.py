"""Whether a change of the code changed what people and programs read: `make same BEFORE=commit FOLDERS="samples …"`.

Every capture in the folders goes through --json, --tags, the report at 80 columns and the page, by the code of that
commit and by the code as it lies here; what differs in an octet, an exit code or a word on stderr is named. For
refactoring: a change that is meant to change nothing shows nothing here.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import click
from click.testing import CliRunner

ROOT = Path(__file__).parents[1]
FACES = {"json": ("--json",), "tags": ("--tags",), "report": (), "page": ("--html",)}
LARGEST_OCTETS = 8 << 20
OF_CAPTURES = (".pcap", ".pcapng", ".cap", ".erf", ".snoop", ".gz", ".zst", ".ntar", ".dmp", ".bz2", ".xz")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.same_faces", description=__doc__)
    parser.add_argument("before", help="a commit")
    parser.add_argument("folders", nargs="+", type=Path)
    given = parser.parse_args()
    captures = sorted({path.resolve() for folder in given.folders for path in captures_in(folder)})
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "before"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", before, given.before], cwd=ROOT, check=True)
        try:
            make_native(before)
            runs = [faces_by(tree, captures) for tree in (before, ROOT)]
            differing = [a for a, b in zip(*runs, strict=True) if a != b]
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", before], cwd=ROOT, check=True)
    for path, face, _ in differing:
        click.echo(f"{face}\t{path}")
    click.echo(f"{len(differing)} of {len(FACES) * len(captures)} faces of {len(captures)} captures differ", err=True)
    return 1 if differing else 0


def make_native(tree: Path) -> None:
    """Give it machine code, of the object files here where its kernels are the same."""
    objects = ROOT / "build" / "kernels"
    if objects.exists():
        shutil.copytree(objects, tree / "build" / "kernels")
    subprocess.run([sys.executable, "-m", "analyzer.engine.compiler"], cwd=tree, check=True, stdout=subprocess.DEVNULL)


def captures_in(folder: Path) -> Iterator[Path]:
    """Yield the captures of a folder, or the one that is named."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
        if path.is_file() and path.suffix in OF_CAPTURES and path.stat().st_size <= LARGEST_OCTETS:
            yield path


def faces_by(tree: Path, captures: list[Path]) -> Iterator[tuple[str, str, str]]:
    """Yield capture, face and a digest, as the code in `tree` has it; in a process of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(tree),
        "COLUMNS": "80",
        "SOURCE_DATE_EPOCH": "0",
        "LC_ALL": "C.UTF-8",
    }
    command = [sys.executable, "-P", str(Path(__file__)), "--worker"]
    worker = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tree)
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write("".join(f"{path}\n" for path in captures).encode())
    worker.stdin.close()

    def lines() -> Iterator[tuple[str, str, str]]:
        with closing(worker.stdout):
            for line in io.TextIOWrapper(worker.stdout):
                path, face, digest = json.loads(line)
                yield path, face, digest
        if worker.wait() != 0:
            sys.exit(f"{tree}: ended with {worker.returncode}")

    return lines()


def work() -> None:
    """Print the digests of the captures that stdin names, with the package that PYTHONPATH has."""
    from analyzer.cli import main as command

    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        for capture in sys.stdin.read().splitlines():
            for face, options in FACES.items():
                output = (str(page),) if face == "page" else ()
                result = CliRunner().invoke(command, [*options, *output, capture])
                digest = sha256(f"{result.exit_code} {result.stdout} {result.stderr}".replace(folder, "").encode())
                if output and page.exists():
                    digest.update(page.read_bytes().replace(folder.encode(), b""))  # its foot has the command line
                    page.unlink()
                sys.stdout.write(json.dumps([capture, face, digest.hexdigest()]) + "\n")


if __name__ == "__main__":
    sys.exit(work() if sys.argv[1:] == ["--worker"] else main())
