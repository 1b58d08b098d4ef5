"""A cluster on this machine, for the tests that need one: the two commands of docs/many-captures.md, run once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from socket import socket

import pytest

ROOT = Path(__file__).parents[1]


def documented(port: int) -> list[list[str]]:
    """The commands as they stand there, with another port."""
    text = (ROOT / "docs/many-captures.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("dask ")]
    return [line.replace("8786", str(port)).split() for line in lines]


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory, s3_environment: dict[str, str]) -> Iterator[str]:
    """Of the scheduler; it has two workers, which know where the S3 server is once there is one."""
    pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("dask")
    with socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    environment = os.environ | s3_environment
    environment |= {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "DASK_TEMPORARY_DIRECTORY": str(folder),
    }
    with (folder / "log").open("w") as log:
        started = [
            subprocess.Popen(one, cwd=folder, env=environment, stdout=log, stderr=log) for one in documented(port)
        ]
        try:
            _wait_until(port)
            yield f"tcp://127.0.0.1:{port}"
        finally:
            for process in reversed(started):  # workers want to say goodbye to their scheduler
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _wait_until(port: int) -> None:
    """Both workers are there."""
    from distributed import Client

    with Client(f"tcp://127.0.0.1:{port}", timeout=60, set_as_default=False) as client:
        client.wait_for_workers(2, 60)
