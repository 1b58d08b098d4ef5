"""The tables of well-known numbers are whole, and a match is what nothing contradicts."""

import pytest

from analyzer.keepalive.catalogue.profiles import (
    MAX_MATCHES,
    MOST_PORTS,
    Middlebox,
    Profile,
    matching_middleboxes,
    matching_profiles,
    middleboxes,
    profiles,
    profiles_with,
    shared,
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
    assert len(profile.ports) <= MOST_PORTS


@pytest.mark.parametrize("profile", profiles(), ids=lambda profile: profile.name)
def test_no_profile_is_in_vain(profile: Profile) -> None:
    """An end that shows all that it says is found to be like it."""
    found = settings(profile.idle_s, profile.intvl_s, profile.effective_probes)
    port = profile.ports[0] if profile.ports else 9000
    assert profile.name in matching_profiles(found, profile.payload_len, between(port))


@pytest.mark.parametrize("box", middleboxes(), ids=lambda box: box.name)
def test_middlebox_is_possible(box: Middlebox) -> None:
    assert box.on_expiry in {"silent", "rst", "unknown"}
    assert box.idle_s > 0


@pytest.mark.parametrize("idle_s", {profile.idle_s for profile in profiles()} | {1})
def test_profiles_of_an_idle_time_are_all_that_have_it(idle_s: int | None) -> None:
    assert profiles_with(idle_s) == tuple(profile for profile in profiles() if profile.idle_s == idle_s)


def test_tables_are_read_once() -> None:
    assert profiles() is profiles()


def between(server: int, client: int = 40000) -> int:
    """The ports of a connection as FLOWS has them."""
    return client << 16 | server


REDIS, ANY = between(6379), between(9000)


def test_all_three_numbers_name_the_program() -> None:
    assert matching_profiles(settings(300, 100, 3), 0, REDIS)[0] == "Redis server tcp-keepalive"
    assert matching_profiles(settings(300, 100, 3), 0, between(40000, 6379))[0] == "Redis server tcp-keepalive"


def test_at_another_port_it_is_another_program() -> None:
    assert "RDS over TCP" in matching_profiles(settings(5, 5, 5), 0, between(16385))
    assert "RDS over TCP" not in matching_profiles(settings(5, 5, 5), 0, between(443))
    assert "Redis server tcp-keepalive" not in matching_profiles(settings(300, 100, 3), 0, ANY)


def test_one_wrong_number_is_no_match() -> None:
    assert "Redis server tcp-keepalive" not in matching_profiles(settings(300, 101, 3), 0, REDIS)
    assert "Redis server tcp-keepalive" not in matching_profiles(settings(300, 100, 4), 0, REDIS)


def test_bounds_must_allow_the_numbers() -> None:
    assert "redis-cli" in matching_profiles(settings(15, 5, within(2, None)), 0, REDIS)
    assert "redis-cli" in matching_profiles(settings(15, within(2, 7), 3), 0, REDIS)
    assert "redis-cli" not in matching_profiles(settings(15, within(6, 7), 3), 0, REDIS)
    assert "redis-cli" not in matching_profiles(settings(15, 5, within(4, None)), 0, REDIS)


def test_a_program_s_lone_idle_time_is_no_match_but_a_system_s_is() -> None:
    assert matching_profiles(settings(180), 0, ANY) == ()
    assert "Linux system default" in matching_profiles(settings(7200), 0, ANY)


def test_its_own_port_is_as_good_as_a_second_number_and_the_web_s_is_nobody_s() -> None:
    assert matching_profiles(settings(300), 0, between(4505)) == ("Salt",)
    assert matching_profiles(settings(45), 0, between(443)) == ()
    assert matching_profiles(settings(45, 45), 0, between(443)) == ("Chrome / Chromium",)


@pytest.mark.parametrize(("idle_s", "port"), [(60, 9042), (30, 1433), (10, 443), (60, 443), (30, 2379)])
def test_what_everybody_sets_takes_two_facts_more(idle_s: int, port: int) -> None:
    assert matching_profiles(settings(idle_s), 0, between(port)) == ()
    assert matching_profiles(settings(60, 10), 0, ANY) == ()
    assert matching_profiles(settings(60, 10), 0, between(9042)) == ("Cassandra / DataStax recommended sysctl",)


def test_without_a_determined_time_only_profiles_of_any_match() -> None:
    assert matching_profiles(settings(within(299, 300), 100, 3), 0, REDIS) == ()
    assert matching_profiles(settings(None, 100, 3), 0, REDIS) == ()


def test_without_an_idle_time_of_its_own_interval_and_count_tell_a_program() -> None:
    libuv = "libuv, idle time as the program says"
    assert libuv in matching_profiles(settings(45, 1, 10), 0, ANY)
    assert libuv in matching_profiles(settings(within(44, 45), 1, 10), 0, ANY)
    assert libuv not in matching_profiles(settings(45, 1), 0, ANY)
    assert libuv not in matching_profiles(settings(45, 1, 9), 0, ANY)
    assert "Oracle SQLNET.EXPIRE_TIME" in matching_profiles(settings(600, 6, 10), 0, between(1521))
    assert "Oracle SQLNET.EXPIRE_TIME" not in matching_profiles(settings(600, 6, 10), 0, ANY)


def test_payload_tells_systems_apart() -> None:
    names = ("Windows system default", "illumos / Solaris system default")
    assert matching_profiles(settings(7200, 1, 10), 1, ANY) == names
    assert "Windows system default" not in matching_profiles(settings(7200, 1, 10), 0, ANY)


def test_most_facts_come_first_and_few_names_are_given() -> None:
    names = matching_profiles(settings(15, 15, 9), 0, ANY)
    assert names == ("Go net.Dialer / ListenConfig default (1.23+)", "Go net default (1.13 - 1.22)")
    assert matching_profiles(settings(15, 15, 9), 0, between(27017))[0] == "MongoDB Go driver"
    assert len(matching_profiles(settings(7200, 75), None, ANY)) == MAX_MATCHES


@pytest.mark.parametrize(
    ("name", "effective"), [("py-amqp / Celery / kombu", 1), ("NFS client (Linux sunrpc, TCP)", 2), ("RDS over TCP", 5)]
)
def test_a_user_timeout_replaces_the_count(name: str, effective: int) -> None:
    [profile] = [one for one in profiles() if one.name == name]
    assert profile.effective_probes == effective
    assert name in matching_profiles(settings(profile.idle_s, profile.intvl_s, effective), 0, between(profile.ports[0]))


def test_what_an_end_has_in_common_with_a_profile() -> None:
    redis, ports = "Redis server tcp-keepalive", (40000, 6379)
    assert shared(redis, settings(300, 100, 3), ports) == (
        ("time", 300),
        ("intvl", 100),
        ("probes", 3),
        ("port", 6379),
    )
    assert shared(redis, settings(300, 100, within(2, None)), ports) == (("time", 300), ("intvl", 100), ("port", 6379))
    assert shared("Linux system default", settings(7200), ports) == (("time", 7200),)
    assert shared("nobody", settings(7200), ports) == ()


def test_limits_lie_above_what_survived_and_not_above_what_failed() -> None:
    assert {box.idle_s for box in matching_middleboxes(299, 350)} == {300, 350}
    assert {box.idle_s for box in matching_middleboxes(300, 349.9)} == set()
