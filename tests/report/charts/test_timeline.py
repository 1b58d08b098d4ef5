"""The timeline holds what the recording's truth says, and no label lies over another."""

import matplotlib
import numpy as np
import pytest

from analyzer.report.charts import style
from analyzer.report.charts.strokes import KINDS, segments_of
from analyzer.report.charts.timeline import windows
from analyzer.report.charts.vectors import svg
from tests.recordings import SHORT
from tests.report.charts.drawing import overlapping, sample, words

EVERY_OUTCOME = (
    "peer-alive-8-2-4", "closed-in-order", "nc-30-10-5", "unreachable-host-7-2-4", "firewall-resets-14-3-4",
    "still-probing-8-3-9", "nat-data-too-late", "link-dead-arp-8-3-5", "both-ends", "heartbeat-each-5-s", "ipv6-45-7-4",
    "half-open", "zero-window", "zero-window-dead", "heartbeat-stopped", "host-outage", "path-resets-9-2-4",
)  # fmt: skip


def drawn(ax: matplotlib.axes.Axes) -> dict[str, int]:
    """How many segments of each kind."""
    kinds = {kind.label for kind in KINDS}
    return {str(one.get_label()): int(np.isnan(one.get_ydata()).sum()) for one in ax.lines if one.get_label() in kinds}


def test_a_nat_that_forgets() -> None:
    ax = sample("nat-forgets-one-of-two").plot.timeline(0)
    assert drawn(ax)["probe, unanswered"] == 4
    assert drawn(ax)["RST"] == 1
    assert "RST: ETIMEDOUT" in words(ax)
    assert "lost in here" in words(ax)


def shaded(ax: matplotlib.axes.Axes, label: str) -> tuple[float, float]:
    """From where to where on the axis something is shaded."""
    [one] = [one for one in (*ax.collections, *ax.patches) if one.get_label() == label]
    box = one.get_paths()[0].get_extents() if hasattr(one, "get_paths") else one.get_extents()
    if not hasattr(one, "get_paths"):
        box = box.transformed(ax.transData.inverted())
    return box.x0, box.x1


@pytest.mark.parametrize(("name", "flow"), [("lossy-60-10-6-hz250", 0), ("grid-hz250", 3)])
def test_a_peer_is_lost_after_its_last_answer(name: str, flow: int) -> None:
    a = sample(name)
    probes = a.flow(flow).probes
    answered = (probes["time"] - a.flows.loc[flow, "start"]).dt.total_seconds()[probes["answer"] == "ack"]
    begin, _ = shaded(a.plot.timeline(flow), "lost in here")
    assert begin == pytest.approx(answered.iloc[-1], abs=0.2)


def test_the_axis_ends_with_the_capture_while_a_connection_is_open() -> None:
    ax = sample("half-open").plot.timeline()
    assert shaded(ax, "silence")[1] == pytest.approx(5.127, abs=0.01)
    assert {"silent for 5.13 s", "capture ends"} < set(words(ax))
    assert "silent for 28.50 s" in words(sample("heartbeat-stopped").plot.timeline(0))
    assert "capture ends" not in words(sample("nc-30-10-5").plot.timeline())


def test_a_closed_window_is_told() -> None:
    ax = sample("zero-window").plot.timeline()
    assert "window closed for 56.24 s" in words(ax)
    begin, end = shaded(ax, "window closed")
    assert end - begin == pytest.approx(56.24, abs=0.01)


@pytest.mark.parametrize(
    ("name", "flow", "said"),
    [
        ("node-closes-after-5", 0, {"closed it first", "5.02 s without data"}),
        ("node-closes-after-5", 2, {"closed it first", "crossed", "data, lost to the close"}),
        ("node-closes-after-5", 4, {"closed it first", "too late", "RST: EPIPE"}),
        ("nc-30-10-5", 0, {"gave up", "not heard any more"}),
        ("firewall-resets-14-3-4", 0, {"the path reset it", "RST: ECONNRESET"}),
    ],
)
def test_who_ended_it_is_marked(name: str, flow: int, said: set[str]) -> None:
    ax = sample(name).plot.timeline(flow)
    assert said <= set(words(ax))
    assert overlapping(ax) == []


def test_probes_that_have_no_room_are_counted() -> None:
    said = words(sample("grid-hz250").plot.timeline(3))
    assert "73 probes" in said
    assert "probe" in said
    assert overlapping(sample("grid-hz250").plot.timeline(3)) == []


def test_only_the_fatal_reset_has_the_error() -> None:
    """The peer tries to close half an hour later: those RST are not what the application got."""
    assert words(sample("unreachable").plot.timeline()).count("RST: ETIMEDOUT") == 1


def test_every_mark_has_a_legend() -> None:
    said = words(sample("unreachable").plot.timeline())
    assert {"not heard any more", "gave up", "lost in here", "ICMP error"} < set(said)


def test_answered_probes_meet_their_answers() -> None:
    counts = drawn(sample("peer-alive-8-2-4").plot.timeline())
    assert counts["probe, answered"] == counts["answer"] == 6
    assert "probe, unanswered" not in counts


def test_the_timer_fires_within_the_windows() -> None:
    """What is shaded is where the kernel's model puts the probe: each measured gap ends in its window."""
    a = sample("nc-30-10-5")
    found = a.findings.flows[0]
    segments = segments_of(a.findings, found)
    instants = {one.frame: one.time for one in segments}
    told = list(windows(found, segments))
    assert len(told) == 6
    for frame, (_, earliest, latest) in zip(a.gaps["frame"], told, strict=False):
        assert earliest <= instants[frame] <= latest + 0.005


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


def test_strokes_that_cannot_be_told_apart_are_drawn_once() -> None:
    """A socket of this recording was probed every second: 2,000 of its segments are shown."""
    a = sample("grid-hz250")
    [flow] = a.segments["flow"].value_counts().head(1).index
    ax = a.plot.timeline(flow)
    assert "the last 2,000 of" in words(ax)[-1]
    assert 300 < drawn(ax)["probe, answered"] <= 1000
    assert len(svg(ax, "dense")) < 200_000


@pytest.mark.parametrize("name", EVERY_OUTCOME)
def test_no_label_lies_over_another_on_a_telephone(name: str) -> None:
    with style.narrow():
        ax = sample(name).plot.timeline(0)
    assert style.is_narrow(ax)
    assert not overlapping(ax)
