"""Settings as people write them down."""

import pytest

from analyzer.errors import OptionError
from analyzer.report.recipes import Recipe, advice_lines, chosen, recipes, sysctl_lines
from tests.keepalive.tags.test_tag import OPENED
from tests.transcript import told

GAVE_UP = f"""{OPENED}
    31.01  A>B  A   seq 1099  ack 5000  | keepalive-probe
    41.25  A>B  A   seq 1099  ack 5000  | keepalive-probe
    51.49  A>B  A   seq 1099  ack 5000  | keepalive-probe
    61.73  A>B  RA  seq 1100  ack 5000  | give-up-rst
"""


@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.name)
def test_every_recipe_can_be_filled(recipe: Recipe) -> None:
    lines = list(recipe.filled(60, 10, 5))
    assert len(lines) > 1
    assert "60" in " ".join(lines)
    assert "$" not in " ".join(lines)


def test_all_that_were_promised_are_there() -> None:
    names = {recipe.name for recipe in recipes()}
    assert names >= {"linux", "setsockopt", "windows", "macos", "freebsd"}
    assert names >= {"go", "java", "node", "python", "postgresql", "redis", "nginx", "haproxy"}


def test_a_name_that_nobody_knows() -> None:
    with pytest.raises(OptionError, match="there are linux, "):
        chosen("vms")
    assert chosen("all") == recipes()


def test_advice_for_one_system() -> None:
    lines = list(advice_lines("linux", told(GAVE_UP).analysis))
    assert lines[0].startswith("# 60/10/5: ")
    assert "net.ipv4.tcp_keepalive_time = 60" in lines
    assert any("No path in this capture forgot" in line for line in lines)


def test_sysctl_of_a_host() -> None:
    lines = list(sysctl_lines(told(GAVE_UP).analysis))
    assert lines[0].startswith("# 10.0.0.1: ")
    settings = [line for line in lines if not line.startswith("#")]
    assert settings == [
        "net.ipv4.tcp_keepalive_time = 30",
        "net.ipv4.tcp_keepalive_intvl = 10",
        "net.ipv4.tcp_keepalive_probes = 3",
    ]


def test_sysctl_leaves_out_what_is_not_known() -> None:
    """sysctl -p takes every line that is no comment at its word."""
    one_probe = f"{OPENED}    31.01  A>B  A  seq 1099  ack 5000  | keepalive-probe\n    32.0  end"
    lines = list(sysctl_lines(told(one_probe).analysis))
    assert [line for line in lines if not line.startswith("#")] == ["net.ipv4.tcp_keepalive_time = 30"]


def test_sysctl_of_a_middlebox_is_that_of_no_host() -> None:
    text = f"{OPENED}    31.01  B>A  A  seq 4999  ack 1100  ttl 250  | keepalive-probe\n    32.0  end"
    assert list(sysctl_lines(told(text).analysis)) == [
        "# a middlebox before 10.0.0.2: something on the path that probes in their names; their own do not show.",
        "# Its own are 30/?/1 or more (time/intvl/probes), in 1 connection.",
    ]


def test_sysctl_of_nobody() -> None:
    assert list(sysctl_lines(told(OPENED).analysis)) == ["# No end of any connection sends keepalive probes."]


def test_a_third_of_two_seconds_is_one() -> None:
    """Redis takes no interval of 0 (anet.c anetKeepAlive)."""
    [redis] = chosen("redis")
    assert "a third of it, 1 s" in "\n".join(redis.filled(2, 1, 3))
