"""What is not installed with this program but can be, and the line that installs it."""

import shlex
import sys
from importlib.metadata import PackageNotFoundError, requires


def installing(extra: str) -> str:
    """Return the command that installs what an extra of pyproject.toml names, into the Python that runs: the packages
    themselves, wherever this program came from."""
    marker = f'extra == "{extra}"'
    try:
        stated = [one.replace("'", '"').partition(";") for one in requires("ka-analyze") or ()]
        packages = [package.strip() for package, _, condition in stated if condition.strip() == marker]
    except PackageNotFoundError:  # it runs from its sources
        packages = []
    return f"{shlex.quote(sys.executable)} -m pip install {shlex.join(packages or [f'ka-analyze[{extra}]'])}"
