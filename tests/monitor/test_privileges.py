"""What is given up is gone, also for programs that are started later. In processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.errors import OptionError
from analyzer.monitor.privileges import drop

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give up its privileges")


def run(script: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    text = f"import os, socket, subprocess\nfrom analyzer.monitor.privileges import check_program, drop\n{script}"
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False, env=environment)


def capabilities(status: str) -> dict[str, int]:
    lines = (line.split(":\t") for line in status.splitlines() if line.startswith("Cap"))
    return {name: int(value, 16) for name, value in lines}


@needs_root
def test_root_keeps_nothing_but_the_right_to_write_reports() -> None:
    done = run("drop(None); print(open('/proc/thread-self/status').read())")
    assert done.returncode == 0, done.stderr
    found = capabilities(done.stdout)
    assert (found["CapEff"], found["CapPrm"], found["CapInh"]) == (1 << 1, 1 << 1, 0)


@needs_root
def test_programs_that_are_started_do_not_regain_them() -> None:
    done = run("drop(None); subprocess.run(['cat', '/proc/self/status'])")
    found = capabilities(done.stdout)
    assert (found["CapEff"] | found["CapPrm"]) & ~(1 << 1) == 0


@needs_root
def test_no_raw_socket_can_be_opened_any_more() -> None:
    done = run("drop(None); socket.socket(socket.AF_PACKET, socket.SOCK_RAW)")
    assert "PermissionError" in done.stderr


@needs_root
def test_another_user_is_that_user_altogether() -> None:
    script = "print(drop('nobody')); print(os.getresuid(), os.getresgid(), os.getgroups()); "
    done = run(f"import pwd; one = pwd.getpwnam('nobody'); {script}print(one.pw_uid, one.pw_gid)")
    assert done.returncode == 0, done.stderr
    words, ids, expected = done.stdout.splitlines()
    uid, gid = expected.split()
    assert words == "runs as nobody"
    assert ids == f"({uid}, {uid}, {uid}) ({gid}, {gid}, {gid}) [{gid}]"


@needs_root
def test_a_user_who_may_not_read_the_program_is_refused(tmp_path: Path) -> None:
    """Before anything is captured: what is imported later, for the report, could not be."""
    module = tmp_path / "hidden.py"
    module.touch()
    tmp_path.chmod(0o700)
    done = run(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import hidden; drop('nobody'); check_program()")
    assert "OptionError: --user nobody: that user may not read " in done.stderr


def test_an_unknown_user_is_said() -> None:
    with pytest.raises(OptionError, match="no such user"):
        drop("no-such-user-at-all")
