"""What is said of each setting: which gaps prove it, and how many of them are named."""

from analyzer.keepalive.settings import bounds
from analyzer.keepalive.settings.bounds import MAX_FRAMES
from analyzer.keepalive.settings.values import Basis
from analyzer.keepalive.story.values import GapKind
from tests.keepalive.columns import infer
from tests.keepalive.simulated import gap


def test_what_settings_rest_on_has_the_places_that_kernels_write() -> None:
    others = {"SPACING": "SPACINGS"}  # which are kinds of gaps, too
    assert [getattr(bounds, others.get(one.name, one.name)) for one in Basis] == list(range(len(Basis)))


def test_many_gaps_prove_a_setting_a_few_are_named() -> None:
    """75 s at 250 Hz, but for one gap that a SYN-ACK, or something else that is not the timer's, has ended."""
    spacings = [gap(GapKind.SPACING, -1, 75.776 + it / 10**6, 2)._replace(frame=100 + it) for it in range(20)]
    spacings[3] = spacings[3]._replace(kind=GapKind.SURVIVED, any_ns=10**9)
    intvl = infer(spacings, is_whole=True).tcp_keepalive_intvl
    assert intvl is not None
    assert (intvl.low, intvl.high, intvl.basis, intvl.n) == (74, 75, Basis.SPACING, 19)
    assert intvl.seen_ns == (75_776_000_000, 75_776_019_000)
    assert intvl.frames == (100, 101, 102, 104, 105, 106, 107, 108)
    assert len(intvl.frames) == MAX_FRAMES


def test_a_spread_covers_what_any_clock_could_have_made() -> None:
    intvl = infer([gap(GapKind.SPACING, -1, spacing, 2) for spacing in (10.24, 5.12)]).tcp_keepalive_intvl
    assert intvl is not None
    assert (intvl.value, intvl.low, intvl.high, intvl.basis) == (None, 5, 10, Basis.CONTRADICTORY)


def test_a_give_up_after_no_unanswered_probe_counts_none() -> None:
    """A segment that the prober did not accept came in between; whoever gives up has sent a probe."""
    probes = infer([gap(GapKind.GIVE_UP, 1200.6, 1200.6, 0)]).tcp_keepalive_probes
    assert probes is None or probes.low >= 1


def test_no_user_timeout_is_shorter_than_a_millisecond() -> None:
    """A RST 0.4 ms after the peer was last heard, as where the clock was set back in between."""
    gaps = [gap(GapKind.FIRST, 30.0), gap(GapKind.GIVE_UP, 0.0004, 0.0002, 1)]
    assert infer(gaps, is_whole=True).tcp_user_timeout is None
