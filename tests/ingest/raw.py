"""A web on loopback that answers byte for byte what a test tells it to, and notes what it hears."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\n"
_AT_ONCE = struct.pack("ii", 1, 0)
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@dataclass(kw_only=True)
class RawWeb:
    """`answers` are sent by the target of a request; `asked` are the targets but of rules.

    A connection is closed after each answer but those in `kept_open`; after those in `broken` it is
    reset.
    """

    url: str = ""
    answers: dict[str, bytes] = field(default_factory=dict)
    kept_open: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def serve(self, target: str, answer: bytes) -> str:
        """Answer `target` so. Returns its URL."""
        self.answers[target] = answer
        return self.url + target


@contextmanager
def raw_web() -> Iterator[RawWeb]:
    """The web, while the block runs."""
    web = RawWeb()

    class Connection(socketserver.StreamRequestHandler):
        timeout = 30

        def handle(self) -> None:
            while line := self.rfile.readline():
                target = line.split(b" ")[1].decode("latin-1")
                while self.rfile.readline().strip():
                    pass
                if not target.startswith(("/robots.txt", "/.well-known/")):
                    web.asked.append(target)
                self.wfile.write(web.answers.get(target, _NOT_FOUND))
                if target in web.broken:
                    # Closed without a word before, which the server would send.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                    socket.close(self.connection.detach())
                    return
                if target in web.answers and target not in web.kept_open:
                    return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Connection) as server:
        web.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield web
        server.shutdown()
        thread.join()
