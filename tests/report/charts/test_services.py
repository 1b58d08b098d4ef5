"""Idle limits of services: each ending on the limit's clock, at its time, by its closer; what lived is none of them."""

import numpy as np
import pandas as pd
import pytest

from analyzer.report.charts import style
from analyzer.report.charts.services import endings, services, survived
from tests.report.charts.drawing import overlapping, sample, words

NODE, BEHIND = "192.0.2.2:9000", "198.51.100.2:9000"


def to_service(name: str) -> pd.DataFrame:
    """The connections of a recording to its one service, the responder."""
    return sample(name).flows.assign(own=1)


def test_endings_are_those_of_the_table() -> None:
    """Node.js closes after 5 s without data (truth.toml): all of them, in three of which a request was lost."""
    a = sample("node-closes-after-5")
    found = endings(a, to_service("node-closes-after-5"), "data", a.flows["start"].min())
    assert found["idle_s"].tolist() == pytest.approx(a.flows["since_data"].dt.total_seconds().tolist())
    assert set(found["by"]) == {"service"}
    assert found["lost"].tolist() == [0, 0, 1, 1, 1, 0]
    assert found["idle_s"].between(5, 5.05).all()


def test_an_ending_stands_at_its_time() -> None:
    """Not at that of the last segment: a RST came later (frame 54 is the FIN)."""
    a = sample("node-closes-after-5")
    found = endings(a, to_service("node-closes-after-5"), "data", a.flows["start"].min())
    times = a.segments.set_index("frame")["time"]
    assert found["at_s"].iloc[0] == pytest.approx((times[54] - a.flows["start"].min()).total_seconds())


def test_a_client_that_closes_is_no_service() -> None:
    a = sample("pool-closes-after-6")
    found = endings(a, to_service("pool-closes-after-6"), "data", a.flows["start"].min())
    assert set(found["by"]) == {"client"}
    assert found["idle_s"].tolist() == pytest.approx([6] * 4, abs=0.01)


def test_a_silence_that_a_close_ended_was_not_survived() -> None:
    """Redis closes after 10 s and a little: these silences are in the table, too, since the peer was heard then."""
    a = sample("redis-closes-after-10")
    assert (a.silences["result"] == "survived").any()
    assert survived(a, to_service("redis-closes-after-10"), BEHIND, a.flows["start"].min()).empty


def test_open_connections_have_survived_their_silence() -> None:
    a = sample("path-forgets-10-resets-as-peer")
    found = survived(a, to_service("path-forgets-10-resets-as-peer"), BEHIND, a.flows["start"].min())
    assert found["idle_s"].tolist() == pytest.approx(a.flows["silent"].dropna().dt.total_seconds().tolist()[1:])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("node-closes-after-5", {"closed by the service (6)", "a request was lost", "the idle limit is in here"}),
        ("nginx-closes-after-8", {"closed by the service (6)", "longest idle time survived", " 8 s "}),
        ("pool-closes-after-6", {"closed by its client (4)", " 6 s "}),
        ("path-forgets-10-resets-as-peer", {"reset in the service's name (3)", "idle for so long, and lived (1)"}),
    ],
)
def test_who_closed_is_in_the_legend(name: str, said: set[str]) -> None:
    ax = sample(name).plot.services()
    assert said <= set(words(ax))
    assert ax.get_xlabel() == "idle time: without data (s)"
    assert ax.get_ylabel() == "closed at (s since the first connection)"
    assert overlapping(ax) == []


def test_one_service_of_several() -> None:
    a = sample("haproxy-closes-after-5-7-9")
    for port, limit in ((9000, 5), (9001, 7), (9002, 9)):
        ax = services(a, f"198.51.100.2:{port}")
        assert f"198.51.100.2:{port}" in words(ax)[-1]
        assert f" {limit} s " in words(ax)


def test_without_a_limit_it_says_so() -> None:
    for name in ("closed-at-random", "half-open", "half-closed-forgotten-8"):
        ax = sample(name).plot.services()
        assert style.is_nothing(ax)
        assert any("no idle limit of a service" in word for word in words(ax))
    assert any("192.0.2.9:1: no idle" in word for word in words(sample("half-open").plot.services("192.0.2.9:1")))


def test_the_axes_hold_all_that_is_drawn() -> None:
    ax = sample("node-closes-after-5").plot.services()
    points = np.concatenate([np.asarray(one.get_offsets()) for one in ax.collections if len(one.get_offsets())])
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    assert ((points[:, 0] > left) & (points[:, 0] < right)).all()
    assert ((points[:, 1] > low) & (points[:, 1] < high)).all()
