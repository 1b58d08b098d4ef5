"""Stories are the same however many flows are told at a time."""

from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.keepalive import stories
from analyzer.keepalive.timeline import Story
from tests.recordings import SAMPLES

CROWDED = [capture for capture in SAMPLES if "[[flow]]" in capture.with_name("truth.toml").read_text()]


def told(capture: Path, monkeypatch: pytest.MonkeyPatch, batch: int) -> tuple[Story, ...]:
    monkeypatch.setattr(stories, "BATCH", batch)
    return tuple(analyze(str(capture))._stories)


@pytest.mark.parametrize("capture", CROWDED[:6], ids=lambda capture: capture.parent.name)
def test_a_story_does_not_depend_on_what_is_told_with_it(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = told(capture, monkeypatch, stories.BATCH)
    assert len(whole) > 1
    assert told(capture, monkeypatch, 1) == whole
    assert told(capture, monkeypatch, 7) == whole
