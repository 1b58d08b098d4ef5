"""The timeline holds what the recording's truth says, and no label lies over another."""

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import LineCollection

from analyzer.report.charts.timeline import KIND_OF, windows
from analyzer.schema.export import FRAMES  # noqa: F401  # the tables that it reads
from tests.recordings import SHORT
from tests.report.charts.drawing import overlapping, sample, words

EVERY_OUTCOME = (
    "peer-alive-8-2-4", "closed-in-order", "nc-30-10-5", "unreachable-host-7-2-4", "firewall-resets-14-3-4",
    "still-probing-8-3-9", "nat-data-too-late", "link-dead-arp-8-3-5", "both-ends", "heartbeat-each-5-s", "ipv6-45-7-4",
)  # fmt: skip


def drawn(ax: matplotlib.axes.Axes) -> dict[str, int]:
    """How many segments of each kind."""
    return {
        str(one.get_label()): len(one.get_segments())
        for one in ax.collections
        if isinstance(one, LineCollection) and not str(one.get_label()).startswith("_")
    }


def test_every_tag_is_drawn_somehow() -> None:
    from analyzer.keepalive.tags.tag import Tag

    assert set(KIND_OF) == {tag.label for tag in Tag}


def test_a_nat_that_forgets() -> None:
    ax = sample("nat-forgets-one-of-two").plot.timeline(0)
    assert drawn(ax)["probe, unanswered"] == 4
    assert drawn(ax)["RST"] == 1
    assert "RST: ETIMEDOUT" in words(ax)
    assert "lost in here" in words(ax)


def test_answered_probes_meet_their_answers() -> None:
    counts = drawn(sample("peer-alive-8-2-4").plot.timeline())
    assert counts["probe, answered"] == counts["answer"] == 6
    assert "probe, unanswered" not in counts


def test_the_timer_fires_within_the_windows() -> None:
    """What is shaded is where the kernel's model puts the probe: each measured gap ends in its window."""
    a = sample("nc-30-10-5")
    start = a.flows.loc[0, "start"]
    instants = (a.segments.set_index("frame")["time"] - start).dt.total_seconds()
    told = list(windows(a, 0, start))
    assert len(told) == 6
    for frame, (_, earliest, latest) in zip(a.gaps["frame"], told, strict=False):
        assert earliest <= instants.loc[frame] <= latest + 0.005


@pytest.mark.parametrize("name", EVERY_OUTCOME)
def test_no_label_lies_over_another(name: str) -> None:
    assert overlapping(sample(name).plot.timeline()) == []


@pytest.mark.parametrize("path", SHORT, ids=lambda path: path.parent.name)
def test_every_recording_can_be_drawn(path: object) -> None:
    ax = sample(path.parent.name).plot.timeline()  # type: ignore[attr-defined]
    assert np.isfinite(ax.get_xlim()).all()


def test_it_draws_on_the_axes_given() -> None:
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    assert sample("nc-30-10-5").plot.timeline(0, ax) is ax
