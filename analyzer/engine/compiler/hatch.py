"""The build hook: machine code goes into the wheel. An editable install gets it, too, beside its sources.

Run by hatchling, in an environment where this package is not installed and has none of its dependencies.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LINKERS = ("cc", "gcc", "clang")


class KernelsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Lets the package itself make the libraries, in another process."""

    def dependencies(self) -> list[str]:
        """Return the build's further requirements: ziglang as a linker, where the system has none."""
        has_linker = "CC" in os.environ or any(map(shutil.which, LINKERS))
        return [] if has_linker else ["ziglang>=0.13"]

    def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
        """Put the libraries among the wheel's files; without them the wheel is a pure one."""
        search = os.pathsep.join(filter(None, (self.root, os.environ.get("PYTHONPATH"))))
        done = subprocess.run(
            [sys.executable, "-m", "analyzer.engine.compiler"],
            cwd=self.root, env=os.environ | {"PYTHONPATH": search}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["?"])[-1]
            self.app.display_warning(f"no machine code ({reason}): large captures will take thirty times as long")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
        build_data["artifacts"] += [Path(line).relative_to(self.root).as_posix() for line in done.stdout.splitlines()]
