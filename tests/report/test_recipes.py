"""Settings as people write them down."""

import re
import shlex
import socket
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

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
    assert lines[0] == f"{recipe.comment} {recipe.name}: {recipe.title}"
    assert recipe.source
    assert "60" in " ".join(lines)
    assert "$" not in " ".join(lines)


def test_all_that_were_promised_are_there() -> None:
    names = {recipe.name for recipe in recipes()}
    assert names >= {"linux", "setsockopt", "windows", "macos", "freebsd"}
    assert names >= {"kubernetes", "docker", "compose", "systemd"}
    assert names >= {"go", "java", "node", "python", "dotnet", "rust"}
    assert names >= {"postgresql", "mariadb", "mysql", "redis", "nginx", "haproxy", "envoy", "kafka", "grpc"}
    assert names >= {"aws", "azure", "gcp"}


def test_a_name_that_nobody_knows() -> None:
    with pytest.raises(OptionError, match="there are linux, "):
        chosen("vms")
    assert chosen("all") == recipes()


def test_advice_for_one_system() -> None:
    lines = list(advice_lines("linux", told(GAVE_UP).analysis))
    assert lines[0].startswith("# 60/10/5: ")
    assert "net.ipv4.tcp_keepalive_time = 60" in lines
    assert any("No path in this capture forgot" in line for line in lines)


@pytest.mark.parametrize(("name", "sign"), [("go", "//"), ("rust", "//"), ("nginx", "#")])
def test_comments_are_those_of_the_target(name: str, sign: str) -> None:
    lines = list(advice_lines(name, told(GAVE_UP).analysis))
    [recipe] = chosen(name)
    shown = set(recipe.filled(60, 10, 5))
    assert all(line.startswith(f"{sign} ") for line in lines if line and line not in shown)
    assert lines[0].startswith(f"{sign} 60/10/5: ")


def lines_of(name: str, *settings: int) -> str:
    """Those that are no comment at the edge."""
    [recipe] = chosen(name)
    return "\n".join(line for line in recipe.filled(*settings) if not line.startswith(f"{recipe.comment} "))


SYSCTLS = {"net.ipv4.tcp_keepalive_time": 60, "net.ipv4.tcp_keepalive_intvl": 10, "net.ipv4.tcp_keepalive_probes": 5}


def test_a_pod_has_the_three_as_words() -> None:
    """Kubernetes refuses numbers there."""
    context = yaml.safe_load(lines_of("kubernetes", 60, 10, 5))["spec"]["securityContext"]
    assert {one["name"]: one["value"] for one in context["sysctls"]} == {
        name: str(value) for name, value in SYSCTLS.items()
    }


def test_a_service_of_compose() -> None:
    assert yaml.safe_load(lines_of("compose", 60, 10, 5)) == {"services": {"NAME": {"sysctls": SYSCTLS}}}


def test_docker_has_one_flag_for_each() -> None:
    words = shlex.split(lines_of("docker", 60, 10, 5).replace("\\\n", ""))
    assert (words[:2], words[-1]) == (["docker", "run"], "IMAGE")
    assert words[2:-1:2] == ["--sysctl"] * 3
    assert dict(word.split("=") for word in words[3:-1:2]) == {name: str(value) for name, value in SYSCTLS.items()}


def test_envoy_has_the_socket_options_of_linux() -> None:
    resources = yaml.safe_load(lines_of("envoy", 60, 10, 5))["static_resources"]
    [listener], [cluster] = resources["listeners"], resources["clusters"]
    options = {(one["level"], one["name"]): one["int_value"] for one in listener["socket_options"]}
    assert options == {
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE): 1,
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE): 60,
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL): 10,
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT): 5,
    }
    assert sorted(cluster["upstream_connection_options"]["tcp_keepalive"].values()) == [5, 10, 60]


def test_arguments_of_grpc_are_python() -> None:
    said: dict[str, list[tuple[str, int]]] = {}
    exec(lines_of("grpc", 60, 10, 5), said)
    client, server = dict(said["client"]), dict(said["server"])
    assert (client["grpc.keepalive_time_ms"], client["grpc.keepalive_timeout_ms"]) == (60_000, 50_000)
    assert server["grpc.http2.min_ping_interval_without_data_ms"] < client["grpc.keepalive_time_ms"]


@pytest.mark.parametrize(("name", "section"), [("systemd", "Socket"), ("mariadb", "mysqld")])
def test_files_with_sections(name: str, section: str) -> None:
    parser = ConfigParser()
    parser.read_string(lines_of(name, 60, 10, 5))
    assert sorted(parser[section].values()) == sorted(["60", "10", "5"] + ["yes"] * (name == "systemd"))


def test_limits_of_clouds_leave_room() -> None:
    assert "tcp.idle_timeout.seconds,Value=350" in lines_of("aws", 60, 10, 5)
    assert "tcp.idle_timeout.seconds,Value=800" in lines_of("aws", 600, 100, 3)
    assert "--idle-timeout 4 " in lines_of("azure", 60, 10, 5)
    assert "--idle-timeout 14 " in lines_of("azure", 600, 100, 3)


@pytest.mark.needs("systemd-analyze")
def test_systemd_knows_the_settings(tmp_path: Path) -> None:
    """What it does not know it names, and goes on."""
    (tmp_path / "it.socket").write_text(lines_of("systemd", 60, 10, 5) + "\nListenStream=9000\nAccept=yes\n")
    (tmp_path / "it@.service").write_text("[Service]\nExecStart=/bin/true\n")
    told = subprocess.run(
        ["systemd-analyze", "verify", "it.socket"], check=False, cwd=tmp_path, capture_output=True, text=True
    )
    assert not [line for line in told.stderr.splitlines() if "it.socket" in line]


@pytest.mark.needs("node")
def test_node_parses_its_line() -> None:
    subprocess.run(
        ["node", "--check", "-"], check=True, input=lines_of("node", 60, 10, 5).encode(), capture_output=True
    )


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


def test_the_manual_has_all_names() -> None:
    manual = (Path(__file__).parents[2] / "docs/flags.md").read_text()
    [paragraph] = [one for one in manual.split("\n\n") if one.startswith("`--advice`")]
    _, names = paragraph.split("The names are ")
    assert re.findall(r"`(\w+)`", names) == [*(recipe.name for recipe in recipes()), "all"]
