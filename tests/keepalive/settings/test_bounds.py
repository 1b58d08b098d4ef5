"""What is said of each setting: which gaps prove it, and how many of them are named."""

from analyzer.keepalive.settings import bounds
from analyzer.keepalive.settings.bounds import MAX_FRAMES, SPACINGS, note_setting, note_spread_of_intvl, prove
from analyzer.keepalive.settings.infer import allocate
from analyzer.keepalive.settings.values import Basis, setting_of
from analyzer.keepalive.story.values import GapKind
from tests.keepalive.columns import Seen, lived_as
from tests.keepalive.simulated import gap


def test_what_settings_rest_on_has_the_places_that_kernels_write() -> None:
    others = {"SPACING": "SPACINGS"}  # which are kinds of gaps, too
    assert [getattr(bounds, others.get(one.name, one.name)) for one in Basis] == list(range(len(Basis)))


def test_many_gaps_prove_a_setting_a_few_are_named() -> None:
    work, _, found = allocate(1, 20, 0)
    for it in range(20):
        work.corrected.frame[it] = 100 + it
        if it != 3:
            prove(work.corrected, it, 10 + it)
    note_setting(found, 1, SPACINGS, 9000, 10_000, work.corrected, 0, 20)
    setting = setting_of(found, 1)
    assert setting is not None
    assert (setting.value, setting.low, setting.high, setting.n) == (None, 9, 10, 19)
    assert setting.seen_ns == (10, 29)
    assert setting.frames == (100, 101, 102, 104, 105, 106, 107, 108)
    assert len(setting.frames) == MAX_FRAMES


def test_a_spread_covers_what_any_clock_could_have_made() -> None:
    work = lived_as([Seen(gap(GapKind.SPACING, -1, spacing, 2)) for spacing in (10.24, 5.12)])
    _, s, found = allocate(1, 2, 0)
    work.corrected.is_measure[0] = work.corrected.is_measure[1] = 1
    note_spread_of_intvl(s._replace(corrected=work.corrected), 0, 2, found, 0)
    setting = setting_of(found, 0)
    assert setting is not None
    assert (setting.low, setting.high, setting.basis) == (5, 10, Basis.CONTRADICTORY)
