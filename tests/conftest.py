"""Settings of the whole test run."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from analyzer.engine import native

pytest_plugins = ("tests.cluster", "tests.s3")

# Programs that are installed with these tests are found as in an activated environment.
os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))

# Same examples on every run and no deadline, so that a red run means a changed program and not a slow machine.
settings.register_profile("ci", derandomize=True, deadline=None, database=None, print_blob=True)
# For a long hunt: pytest --hypothesis-profile=hunt
settings.register_profile("hunt", deadline=None, max_examples=5_000, print_blob=True)
settings.load_profile("ci")


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `jobs` read in processes what one pass would read faster: these captures are small."""
    monkeypatch.setattr("analyzer.many.processes.pays", bool)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        [program] = marker.args
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


def pytest_configure(config: pytest.Config) -> None:
    """Make the library of the sources as they are now: tests run kernels both ways."""
    if hasattr(config, "workerinput") or native.installed() is not None:
        return
    from analyzer.engine.compiler.build import build

    build()
    native.installed.cache_clear()
