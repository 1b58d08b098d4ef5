"""Recipes fed to the programs that they are for: what getsockopt says of their sockets is what was promised.

Each program runs inside the recorder's namespaces, as the samples of real programs do. Others are skipped.
"""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

from analyzer.report.recipes import chosen, recipes
from tests.test_record import record, why_not_here

SETTINGS = ("tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes")
POSTGRES = """
cat >>$place/more.conf <<'END'
{lines}
END
chown postgres $place $place/more.conf
exec setpriv --reuid=postgres --regid=postgres --init-groups sh -c '
  PATH=$$PATH:$$(echo /usr/lib/postgresql/*/bin); initdb -D $place/data -A trust --no-sync
  echo host all all all trust >>$place/data/pg_hba.conf; cat $place/more.conf >>$place/data/postgresql.conf
  exec postgres -D $place/data -p $port -h $address -k $place -c dynamic_shared_memory_type=mmap'
"""
C = """
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
int main(void) {{
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in peer = {{ .sin_family = AF_INET, .sin_port = htons($port) }};
  inet_pton(AF_INET, "$peer", &peer.sin_addr);
{lines}
  connect(fd, (struct sockaddr *)&peer, sizeof peer);
  return pause();
}}
"""
JAVA = """
import java.net.*;
import jdk.net.ExtendedSocketOptions;
class Main {{
  public static void main(String[] none) throws Exception {{
    Socket socket = new Socket("$peer", $port);
{lines}
    Thread.sleep(60000);
  }}
}}
"""
GO = """
package main
import ("net"; "os"; "time"; "context"; "fmt")
func main() {{
{lines}
  _, err := dialer.DialContext(context.Background(), "tcp", os.Args[1])
  fmt.Println(err, listener.KeepAliveConfig.Enable)
  time.Sleep(time.Minute)
}}
"""
PYTHON = """
import socket, time
sock = socket.create_connection(("$peer", $port))
{lines}
time.sleep(60)
"""
ON = 'import socket, time; s = socket.create_connection(("$peer", $port)); s.setsockopt(1, 9, 1); time.sleep(60)'
NGINX = """
daemon off; pid $place/nginx.pid; error_log /dev/null; events {{}}
http {{ access_log off; client_body_temp_path $place/body; proxy_temp_path $place/proxy; server {{
{lines}
}} }}
"""
HAPROXY = """
defaults
  timeout client 1h
  timeout server 1h
  timeout connect 5s
{lines}
listen clients
  bind $address:$port
  server one $address:$port
"""
MARIADB = """
{lines}
user = mysql
datadir = $place/data
socket = $place/socket
bind-address = $address
port = $port
connect_timeout = 60
skip-name-resolve
skip-grant-tables
"""


class Program(NamedTuple):
    """How a recipe's lines come into force; `file` and `command` have $peer, $address, $port and $place."""

    recipe: str
    needs: str
    """The executable without which there is nothing to test."""
    role: str
    file: str
    """With {lines} for the recipe's."""
    command: str
    """What then runs; the file is $place/file, {built} what was made of it beforehand."""
    expected: tuple[int, int, int] = (60, 10, 5)


SECONDS = 25
"""From the start of the recording to when getsockopt is asked: the slowest, initdb, is through by then."""
GO_WITH_KEEPALIVE_CONFIG = (1, 23)


PROGRAMS = (
    Program("linux", "sysctl", "originator", "{lines}", f"sysctl -qp $place/file; exec python3 -c '{ON}'"),
    Program("setsockopt", "gcc", "originator", C, "gcc -x c $place/file -o $place/it; exec $place/it"),
    Program("go", "go", "originator", GO, "exec {built} $peer:$port"),
    Program("java", "java", "originator", JAVA, "cp $place/file $place/Main.java; exec java $place/Main.java"),
    Program(
        "node",
        "node",
        "originator",
        'const socket = require("net").connect($port, "$peer");\n{lines}\n',
        "exec node $place/file",
        (60, 1, 10),
    ),
    Program("python", "python3", "originator", PYTHON, "exec python3 $place/file"),
    Program("postgresql", "postgres", "responder", "", POSTGRES),
    Program(
        "mariadb",
        "mariadbd",
        "responder",
        MARIADB,
        "chown mysql $place; mariadb-install-db --user=mysql --datadir=$place/data >/dev/null; "
        "exec mariadbd --defaults-file=$place/file",
    ),
    Program(
        "redis",
        "redis-server",
        "responder",
        'port $port\nbind $address\nprotected-mode no\nsave ""\ndir $place\n{lines}\n',
        "exec redis-server $place/file",
        (60, 20, 3),
    ),
    Program("nginx", "nginx", "responder", NGINX, "exec nginx -c $place/file"),
    Program("haproxy", "haproxy", "responder", HAPROXY, "exec haproxy -db -f $place/file"),
    Program("curl", "curl", "originator", "{lines}", "exec sh $place/file", (60, 60, 9)),
)


def why_missing(program: Program) -> str | None:
    if shutil.which(program.needs) is None:
        return f"{program.needs} is not installed"
    if program.recipe == "go":
        said = subprocess.run(["go", "version"], check=True, capture_output=True, text=True).stdout
        [major, minor] = re.findall(r"go(\d+)\.(\d+)", said)[0]
        if (int(major), int(minor)) < GO_WITH_KEEPALIVE_CONFIG:
            return "Go 1.23 or later is not installed"
    return None


def lines_of(program: Program) -> str:
    """The recipe's lines with values, where they go into this program."""
    [recipe] = chosen(program.recipe)
    lines = "\n".join(line for line in recipe.filled(60, 10, 5) if not line.startswith(f"{recipe.comment} "))
    return lines.replace("listen 443 ssl", "listen $address:$port").replace("URL", "http://$peer:$port/")


def built(program: Program, place: Path) -> Path:
    """Compile what takes too long to be compiled while all others are recorded."""
    source, executable = place / "main.go", place / "it"
    source.write_text(program.file.format(lines=lines_of(program)))
    subprocess.run(["go", "build", "-o", executable, source], check=True)
    return executable


def scenario(program: Program, place: Path) -> str:
    """A declaration for the recorder: the program at one end, and an application of the recorder's at the other."""
    lines, file, command = lines_of(program), program.file, program.command
    if "{built}" in command:
        file, command = "", command.format(built=built(program, place))
    file = file.format(lines=lines) if "{lines}" in file else file
    command = command.replace("{lines}", lines)
    shell = f"cat >$place/file <<'END'\n{file}\nEND\n{command}"
    words = ", ".join(json.dumps(word) for word in ("sh", "-c", shell))
    return f"""
    [{program.recipe}]
    what = "a recipe in force"
    why = "what it promises"
    seconds = {SECONDS}
    {program.role} = {{ program = [{words}] }}
    script = []
    """


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of the programs that are installed, side by side."""
    reason = why_not_here()
    if reason is not None:
        pytest.skip(reason)
    place = tmp_path_factory.mktemp("recipes")
    there = [program for program in PROGRAMS if why_missing(program) is None]
    declared = place / "scenarios.toml"
    declared.write_text("".join(scenario(program, place) for program in there))
    record(*(program.recipe for program in there), "--scenarios", str(declared), "--out", str(place))
    return place


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.recipe)
def test_program_takes_the_recipe(program: Program, recorded: Path) -> None:
    if (reason := why_missing(program)) is not None:
        pytest.skip(reason)
    truth = tomllib.loads((recorded / program.recipe / "truth.toml").read_text())
    [end] = [end for end in truth["end"] if end["role"] == program.role]
    assert end["keepalive"]
    assert tuple(end[name] for name in SETTINGS) == program.expected


def test_only_what_is_run_here_is_called_run() -> None:
    assert {one.name for one in recipes() if one.verified == "run"} == {one.recipe for one in PROGRAMS}
    assert {one.verified for one in recipes()} <= {"run", "read", "no"}


def test_a_container_does_not_inherit_the_values_of_its_host() -> None:
    """A network namespace within another one, whose values were changed, begins with the kernel's own."""
    reason = why_not_here()
    if reason is not None:
        pytest.skip(reason)
    path = "/proc/sys/net/ipv4/tcp_keepalive_"
    inner = f"unshare --net cat {path}time {path}intvl {path}probes"
    outer = f"echo 60 >{path}time; echo 10 >{path}intvl; echo 5 >{path}probes; {inner}"
    said = subprocess.run(["unshare", "--net", "sh", "-c", outer], check=True, capture_output=True, text=True).stdout
    assert said.split() == ["7200", "75", "9"]
