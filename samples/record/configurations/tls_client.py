import os
import select
import socket
import ssl
import time
from contextlib import suppress

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
sock = context.wrap_socket(socket.create_connection(("$peer", int("$port"))))
sock.setblocking(False)
received = b"nothing yet"
while received:
    if 0 in select.select([0, sock], [], [])[0] and os.read(0, 1):
        sock.sendall(REQUEST)
    with suppress(ssl.SSLWantReadError):
        received = sock.recv(4096)
time.sleep(0.5)
