"""The tables of well-known numbers are whole, and a match is what nothing contradicts."""

import pytest

from analyzer.keepalive.profiles import (
    MAX_MATCHES,
    Middlebox,
    Profile,
    matching_middleboxes,
    matching_profiles,
    middleboxes,
    profiles,
    profiles_with,
)
from tests.keepalive.made import settings, within


def test_names_are_unique() -> None:
    for entries in (profiles(), middleboxes()):
        names = [entry.name for entry in entries]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("entry", [*profiles(), *middleboxes()], ids=lambda entry: entry.name)
def test_every_entry_names_its_source(entry: Profile | Middlebox) -> None:
    assert entry.source.strip()
    assert isinstance(entry.verified, bool)


@pytest.mark.parametrize("profile", profiles(), ids=lambda profile: profile.name)
def test_profile_is_possible(profile: Profile) -> None:
    assert profile.enabled in {"always", "default", "option", "off"}
    assert profile.payload_len in {None, 0, 1}
    assert all(number is None or number > 0 for number in (profile.idle_s, profile.intvl_s, profile.probes))


@pytest.mark.parametrize("box", middleboxes(), ids=lambda box: box.name)
def test_middlebox_is_possible(box: Middlebox) -> None:
    assert box.on_expiry in {"silent", "rst", "unknown"}
    assert box.idle_s > 0


@pytest.mark.parametrize("idle_s", {profile.idle_s for profile in profiles() if profile.idle_s is not None} | {1})
def test_profiles_of_an_idle_time_are_all_that_have_it(idle_s: int) -> None:
    assert profiles_with(idle_s) == tuple(profile for profile in profiles() if profile.idle_s == idle_s)


def test_tables_are_read_once() -> None:
    assert profiles() is profiles()


def test_all_three_numbers_name_the_program() -> None:
    assert matching_profiles(settings(300, 100, 3), 0)[0] == "Redis server tcp-keepalive"


def test_one_wrong_number_is_no_match() -> None:
    assert "Redis server tcp-keepalive" not in matching_profiles(settings(300, 101, 3), 0)
    assert "Redis server tcp-keepalive" not in matching_profiles(settings(300, 100, 4), 0)


def test_bounds_must_allow_the_numbers() -> None:
    assert "redis-cli" in matching_profiles(settings(15, 5, within(2, None)), 0)
    assert "redis-cli" in matching_profiles(settings(15, within(2, 7), 3), 0)
    assert "redis-cli" not in matching_profiles(settings(15, within(6, 7), 3), 0)
    assert "redis-cli" not in matching_profiles(settings(15, 5, within(4, None)), 0)


def test_a_program_s_lone_idle_time_is_no_match_but_a_system_s_is() -> None:
    assert matching_profiles(settings(180), 0) == ()
    assert "Linux system default" in matching_profiles(settings(7200), 0)


def test_without_a_determined_time_nothing_matches() -> None:
    assert matching_profiles(settings(within(299, 300), 100, 3), 0) == ()
    assert matching_profiles(settings(None, 100, 3), 0) == ()


def test_payload_tells_systems_apart() -> None:
    assert matching_profiles(settings(7200, 1, 10), 1) == ("Windows system default", "illumos / Solaris system default")
    assert "Windows system default" not in matching_profiles(settings(7200, 1, 10), 0)


def test_most_numbers_come_first_and_few_names_are_given() -> None:
    names = matching_profiles(settings(15, 15, 9), 0)
    assert names.index("Go net default (1.13 - 1.22)") == len(names) - 1
    assert names[0] == "Go net.Dialer / ListenConfig default (1.23+)"
    assert len(matching_profiles(settings(7200, 75), None)) == MAX_MATCHES


@pytest.mark.parametrize(
    ("name", "effective"), [("py-amqp / Celery / kombu", 1), ("NFS client (Linux sunrpc, TCP)", 2), ("RDS over TCP", 5)]
)
def test_a_user_timeout_replaces_the_count(name: str, effective: int) -> None:
    [profile] = [one for one in profiles() if one.name == name]
    assert profile.effective_probes == effective
    assert name in matching_profiles(settings(profile.idle_s, profile.intvl_s, effective), 0)


def test_limits_lie_above_what_survived_and_not_above_what_failed() -> None:
    assert {box.idle_s for box in matching_middleboxes(299, 350)} == {300, 350}
    assert {box.idle_s for box in matching_middleboxes(300, 349.9)} == set()
