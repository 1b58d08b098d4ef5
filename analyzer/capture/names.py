"""Names of addresses and ports: from captures, from a file as /etc/hosts is, and of well-known services.

Names are claims, and hostile data: they are shown beside addresses, never instead of them, and are bounded in number,
length and characters. Nothing is ever asked of the network.
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from analyzer.errors import OptionError

MOST_NAMES = 1 << 16
"""Most names of a capture or a file; nobody resolves more, and each is kept."""
MOST_CHARACTERS = 64
"""Characters of a name that are kept: more would push out what stands beside it."""

SERVICES = {
    21: "ftp",
    22: "ssh",
    23: "telnet",
    25: "smtp",
    53: "domain",
    80: "http",
    110: "pop3",
    143: "imap",
    179: "bgp",
    389: "ldap",
    443: "https",
    445: "microsoft-ds",
    465: "submissions",
    587: "submission",
    636: "ldaps",
    873: "rsync",
    993: "imaps",
    995: "pop3s",
    1433: "ms-sql-s",
    1521: "oracle",
    1883: "mqtt",
    2049: "nfs",
    2181: "zookeeper",
    2379: "etcd-client",
    3260: "iscsi-target",
    3306: "mysql",
    3389: "ms-wbt-server",
    5060: "sip",
    5222: "xmpp-client",
    5432: "postgresql",
    5671: "amqps",
    5672: "amqp",
    6379: "redis",
    6443: "kubernetes-api",
    8883: "secure-mqtt",
    9042: "cassandra",
    9092: "kafka",
    9200: "elasticsearch",
    11211: "memcache",
    27017: "mongodb",
}
"""Services by port: as IANA's registry of service names and port numbers has them, and where it has none, or another
than everybody uses, as their programs' documentation does (1521, 6443, 9042, 9092, 9200). A table of our own, because
what a system's /etc/services says differs from one system to the next."""
PORTS = {name: port for port, name in SERVICES.items()}


class Naming(NamedTuple):
    """What a person wants to be called by name."""

    hosts: Mapping[str, str] = {}
    """Names by address, which take precedence over a capture's."""
    is_numeric: bool = False
    """Nothing is called by name."""

    def all_of(self, captured: Mapping[str, str]) -> Mapping[str, str]:
        """Return all names by address; `captured` are those of the capture."""
        return {} if self.is_numeric else {**captured, **self.hosts}

    def service(self, port: int) -> str:
        """Return the name of a service, empty without one."""
        return "" if self.is_numeric else SERVICES.get(port, "")

    def addresses(self, name: str) -> list[str]:
        """Return the addresses of a name in the file."""
        return [address for address, known in self.hosts.items() if known.casefold() == name.casefold()]


def note_name(names: dict[str, str], address: str, name: str) -> None:
    """Note the name of an address unless it has one; only what a terminal shows as text is kept of it."""
    shown = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in name[:MOST_CHARACTERS])
    if shown and shown != address and len(names) < MOST_NAMES:
        names.setdefault(address, shown)


def read_hosts(path: str) -> dict[str, str]:
    """Read a file in the form of hosts(5): an address, its name, more names. OptionError where a line is otherwise."""
    names: dict[str, str] = {}
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as file:
            for address, name in _entries(path, file):
                note_name(names, address, name)
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise OptionError(f"--hosts {path}: {words}; give a file of lines like: 10.0.0.5 db1") from error
    return names


def _entries(path: str, lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        address, _, _ = words[0].partition("%")  # fe80::1%eth0
        try:
            known = ip_address(address)
        except ValueError:
            known = None
        if known is None or len(words) < 2:
            found = "an address without a name" if known else f"{words[0][:MOST_CHARACTERS]!r} is no address"
            raise OptionError(f"--hosts {path}, line {number}: {found}; write for example: 10.0.0.5 db1")
        yield str(known), words[1]
