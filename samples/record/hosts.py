"""The application at one end: sockets with options, a script, and a log of what it saw.

It runs inside a namespace: `python -m samples.record.hosts`, a plan as a line of JSON on standard input,
a log as JSON lines on standard output, the last of them "done". Every entry has `t`, seconds after the
plan's start. The sockets stay open until standard input ends. It knows sockets and nothing of
networks, faults or captures.
"""

import errno
import fcntl
import heapq
import json
import select
import socket
import struct
import sys
import termios
import time
from typing import Any

READ_AHEAD = 65536
OPTIONS = {
    "keepalive": (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    "time": (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
    "intvl": (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
    "probes": (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
    "user_timeout_ms": (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
    "receive_buffer": (socket.SOL_SOCKET, socket.SO_RCVBUF),
    "no_delay": (socket.IPPROTO_TCP, socket.TCP_NODELAY),
}
READ_BACK = ("keepalive", "time", "intvl", "probes", "user_timeout_ms")
TCP_INFO_HEAD = struct.Struct("=8B24I")
"""struct tcp_info (include/uapi/linux/tcp.h): eight octets, then 32-bit words."""
PROBES_OUT, LAST_DATA_SENT, LAST_DATA_RECEIVED, LAST_ACK_RECEIVED = 3, 8 + 9, 8 + 11, 8 + 12
TCP_REPAIR = 19
"""include/uapi/linux/tcp.h; tcp.c __tcp_close is silent for such a socket."""
ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: close sends RST and forgets the connection at once."""


def set_options(sock: socket.socket, options: dict[str, int]) -> None:
    for name, value in options.items():
        sock.setsockopt(*OPTIONS[name], value)


def read_back(sock: socket.socket) -> dict[str, int]:
    """The settings in force, as the kernel tells them."""
    return {name: sock.getsockopt(*OPTIONS[name]) for name in READ_BACK}


def timer_state(sock: socket.socket) -> dict[str, int]:
    """What the kernel counts: unanswered probes, ms since data and since an ACK, octets sent but not acknowledged."""
    info = TCP_INFO_HEAD.unpack(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_HEAD.size))
    data_ms = min(info[LAST_DATA_SENT], info[LAST_DATA_RECEIVED])
    waiting = int.from_bytes(fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    return {
        "probes_out": info[PROBES_OUT],
        "since_data_ms": data_ms,
        "since_ack_ms": info[LAST_ACK_RECEIVED],
        "waiting": waiting,
    }


def octets_of(what: int | str) -> bytes:
    return what.encode("latin-1") if isinstance(what, str) else b"k" * what


class Log:
    """JSON lines on standard output."""

    def __init__(self, start: float) -> None:
        self._start = start

    def write(self, event: str, port: int = 0, **details: Any) -> None:
        t = round(time.monotonic() - self._start, 3)
        sys.stdout.write(json.dumps({"t": t, "event": event, "port": port, **details}) + "\n")
        sys.stdout.flush()


class Connection:
    """One socket; `port` is the originator's, which names the connection at both ends."""

    def __init__(self, port: int, sock: socket.socket, role: str, log: Log) -> None:
        self.port, self.sock, self._role, self._log = port, sock, role, log
        self.reads = role != "deaf"
        self.is_over = False
        self._awaits_answer = False

    @property
    def interest(self) -> int:
        """Every application listens for input; one that does not read is told once, not again and again."""
        return select.EPOLLIN | (0 if self.reads else select.EPOLLET)

    def act(self, verb: str, *arguments: Any) -> None:
        getattr(self, f"do_{verb}")(*arguments)

    def do_send(self, what: int | str) -> None:
        """So many octets, or a request in the server's own language, to which there must be an answer."""
        self._awaits_answer = isinstance(what, str)
        self.sock.send(octets_of(what))

    def do_flood(self) -> None:
        """Fill the peer's window and the own buffer: what remains waits behind a zero window."""
        try:
            while True:
                self.sock.send(b"k" * READ_AHEAD)
        except BlockingIOError:
            self._log.write("flooded", self.port)

    def do_set(self, name: str, value: int) -> None:
        set_options(self.sock, {name: value})
        self.tell_settings("set")

    def do_read(self) -> None:
        self.reads = True

    def do_shutdown(self) -> None:
        self._log.write("closes", self.port, how="fin")
        self.sock.shutdown(socket.SHUT_WR)

    def do_close(self) -> None:
        """Close in order, unless data is unread: then the kernel sends RST."""
        unread = int.from_bytes(fcntl.ioctl(self.sock, termios.FIONREAD, bytes(4)), sys.byteorder)
        self._log.write("closes", self.port, how="rst" if unread else "fin")
        self._leave()

    def do_abort(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        self._log.write("closes", self.port, how="rst")
        self._leave()

    def do_forget(self) -> None:
        """Gone without a word, as after a power cut: a socket under repair sends nothing when it is closed."""
        self.sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        self._leave()

    def _leave(self) -> None:
        self._last_words()
        self.sock.close()

    def happened(self, mask: int) -> None:
        """Called with what epoll reports: an error ends the connection, data is read and echoed."""
        if mask & select.EPOLLERR:
            number = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._log.write("error", self.port, errno=errno.errorcode.get(number, "none"), epoll=mask)
            self._last_words()
            return
        if not self.reads and not mask & select.EPOLLHUP:
            return
        data = self.sock.recv(READ_AHEAD) if mask & select.EPOLLIN else b""
        self._awaits_answer &= not data
        if data and self._role in {"echo", "server"}:
            self.sock.send(data)
        if mask & select.EPOLLHUP:  # both directions are closed
            self._last_words()
        elif not data:
            self._log.write("end-of-stream", self.port, epoll=mask)
            self.reads = False
            if self._role in {"client", "server"}:
                self.do_close()

    def tell_settings(self, event: str) -> None:
        self._log.write(event, self.port, settings=read_back(self.sock), **timer_state(self.sock))

    def _last_words(self) -> None:
        self.is_over = True
        if self._awaits_answer:
            self._log.write("lost", self.port)
        self.tell_settings("settings")

    def finish(self) -> None:
        """The recording's end: a request that still waits for its answer is not lost."""
        self._awaits_answer = False
        if not self.is_over:
            self._last_words()


class Application:
    """All connections of one end in one epoll loop, with a queue of what to do when."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._start: float = plan["start"]
        self._log = Log(self._start)
        self._epoll = select.epoll()
        self._open: dict[int, Connection] = {}
        self._listeners: dict[int, socket.socket] = {}
        opens = {int(port): connection["opens"] for port, connection in plan["connections"].items()}
        self._in_order = sorted(opens, key=opens.__getitem__)
        self._todo: list[tuple[float, int, int, list[Any]]] = []
        for port, connection in plan["connections"].items():
            for at, *action in connection["script"]:
                heapq.heappush(self._todo, (self._start + at, len(self._todo), int(port), action))

    def run(self) -> None:
        if self._plan["role"] == "originator":
            for place, (port, connection) in enumerate(self._plan["connections"].items()):
                heapq.heappush(self._todo, (self._start + connection["opens"], place - 10**6, int(port), ["connect"]))
        else:
            self._listen()
        self._log.write("ready")
        end = self._start + self._plan["seconds"]
        while (now := time.monotonic()) < end:
            while self._todo and self._todo[0][0] <= now:
                _, _, port, action = heapq.heappop(self._todo)
                self._perform(port, action)
            wake = min(end, self._todo[0][0] if self._todo else end)
            for file, mask in self._epoll.poll(max(0.0, wake - time.monotonic())):
                self._dispatch(file, mask)
        for connection in self._open.values():
            connection.finish()
        self._log.write("done")

    def _perform(self, port: int, action: list[Any]) -> None:
        if action == ["connect"]:
            self._connect(port)
            return
        connection = next((one for one in self._open.values() if one.port == port), None)
        if connection is not None and not connection.is_over:
            connection.act(*action)
            self._watch(connection)

    def _family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self._plan["address"] else socket.AF_INET

    def _listen(self) -> None:
        for address, port in {(one["peer"], one["to"]) for one in self._plan["connections"].values()}:
            listener = socket.socket(self._family())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            set_options(listener, self._plan["listener"])
            listener.bind((address, port))
            listener.listen(1024)
            self._listeners[listener.fileno()] = listener
            self._epoll.register(listener, select.EPOLLIN)

    def _connect(self, port: int) -> None:
        sock = socket.socket(self._family())
        sock.bind((self._plan["address"], port))
        connection = self._plan["connections"][str(port)]
        set_options(sock, connection["options"])
        sock.connect((connection["peer"], connection["to"]))
        self._adopt(port, sock)

    def _dispatch(self, file: int, mask: int) -> None:
        if file in self._listeners:
            sock, (_, port, *_) = self._listeners[file].accept()
            if str(port) not in self._plan["connections"]:  # a proxy's, which has them in the same order
                port = self._in_order.pop(0)
            set_options(sock, self._plan["connections"][str(port)]["options"])
            self._adopt(port, sock)
            return
        connection = self._open[file]
        connection.happened(mask)
        self._watch(connection)

    def _adopt(self, port: int, sock: socket.socket) -> None:
        sock.setblocking(False)
        connection = Connection(port, sock, self._plan["connections"][str(port)]["reads"], self._log)
        self._open[sock.fileno()] = connection
        self._epoll.register(sock, connection.interest)
        connection.tell_settings("open")

    def _watch(self, connection: Connection) -> None:
        """Listen for what the connection still wants to hear; one that is over is left alone."""
        if not connection.is_over:
            self._epoll.modify(connection.sock, connection.interest)
        elif connection.sock.fileno() >= 0:
            self._epoll.unregister(connection.sock)


if __name__ == "__main__":
    application = Application(json.loads(sys.stdin.readline()))
    application.run()
    sys.stdin.read()
