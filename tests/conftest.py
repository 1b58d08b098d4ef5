"""Settings of the whole test run."""

import shutil

import pytest
from hypothesis import settings

pytest_plugins = ("tests.cluster", "tests.s3")

# Same examples on every run and no deadline, so that a red run means a changed program and not a slow machine.
settings.register_profile("ci", derandomize=True, deadline=None, database=None, print_blob=True)
# For a long hunt: pytest --hypothesis-profile=hunt
settings.register_profile("hunt", deadline=None, max_examples=5_000, print_blob=True)
settings.load_profile("ci")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        [program] = marker.args
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
