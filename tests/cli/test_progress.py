"""What is said before a capture is read that takes long."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import main, progress
from tests.capture.writers import pcap_bytes


@pytest.fixture
def large(tmp_path: Path) -> Path:
    capture = tmp_path / "large.pcap"
    capture.write_bytes(pcap_bytes([(0, bytes(60_000))] * (progress.SLOW_FROM_OCTETS // 60_000 + 1)))
    return capture


@pytest.fixture
def without_machine_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KA_ENGINE", raising=False)
    monkeypatch.setattr(progress, "installed", lambda: None)


@pytest.mark.usefixtures("without_machine_code")
def test_what_the_interpreter_costs_is_said_once(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [note] = CliRunner().invoke(main, [str(large)]).stderr.splitlines()[:1]
    assert "the interpreter serves, this may take 4 s instead of one" in note
    assert "make native" in note or "C compiler" in note
    for options in (["-q"], ["--json", "-q"]):
        assert CliRunner().invoke(main, [*options, str(large)]).stderr == ""
    monkeypatch.setenv("KA_ENGINE", "interpreter")  # who asked for it knows
    assert "interpreter" not in CliRunner().invoke(main, [str(large)]).stderr


@pytest.mark.usefixtures("without_machine_code")
def test_small_captures_are_not_worth_a_word(tmp_path: Path) -> None:
    capture = tmp_path / "small.pcap"
    capture.write_bytes(pcap_bytes([(0, bytes(60))]))
    assert "interpreter" not in CliRunner().invoke(main, [str(capture)]).stderr


def test_with_machine_code_nothing_is_said(large: Path) -> None:
    assert "interpreter" not in CliRunner().invoke(main, [str(large)]).stderr
