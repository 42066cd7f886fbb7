"""Serves the pictures on loopback, and what the web has in place of pictures; logs who was asked.

`python -m benchmarks.fetching.server FOLDER LOG [CERTIFICATE]` prints its port, and ends with its
standard input.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from pathlib import Path
from typing import TextIO

from benchmarks.harness.photos import broken, of_its_own, page, photos

HOST = "127.0.0.1"
# Of 1,000 URLs of the mix, how many are which fault, and the outcome that is right.
FAULTS = {
    "not-found": (102, "not_found"),
    "gone": (20, "gone"),
    "error": (50, "server_error"),
    "loop": (20, "too_many_redirects"),
    "silent": (2, "timeout"),
    "drip": (6, "too_slow"),
    "short": (20, "connection_error"),
    "page": (40, "not_an_image"),
    "oversized": (5, "too_large"),
    "noai": (15, "opted_out_x_robots_tag"),
    "tdm": (10, "opted_out_tdmrep"),
    "half": (10, "corrupt_image"),
}
_OVERSIZED = 64 * 2**20
_STATUS = {200: "OK", 302: "Found", 404: "Not Found", 410: "Gone", 500: "Internal Server Error"}


class _Site:
    def __init__(self, folder: Path, log: TextIO) -> None:
        self.bodies = [path.read_bytes() for path in photos(folder)]
        self.jpegs = [body for body in self.bodies if body.startswith(b"\xff\xd8")]
        self.smallest = min(self.bodies, key=len)
        self.page, self.log = page(), log


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, GET only: a server that costs little beside the clients."""

    def __init__(self, site: _Site) -> None:
        self._site, self._unread = site, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while b"\r\n\r\n" in self._unread:
            head, _, self._unread = self._unread.partition(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode()
            host = head.lower().partition(b"\r\nhost:")[2].partition(b"\r\n")[0].strip().decode()
            self._site.log.write(f"{time.monotonic():.4f} {host} {path}\n")
            self._answer(path)

    def _answer(self, path: str) -> None:
        _, kind, *rest = path.split("/")
        if kind not in ("image", "small", *FAULTS):
            self._send(404, self._site.page)
            return
        number = int(rest[0].partition(".")[0])
        body = of_its_own(self._site.bodies[number % len(self._site.bodies)], number)
        if kind == "image":
            self._send(200, body)
        elif kind == "small":
            self._send(200, of_its_own(self._site.smallest, number))
        else:
            self._fail(kind, number, body, path)

    def _fail(self, kind: str, number: int, body: bytes, path: str) -> None:
        if kind in ("not-found", "gone", "error"):
            self._send({"not-found": 404, "gone": 410, "error": 500}[kind], self._site.page)
        elif kind == "loop":
            self._send(302, b"", f"Location: {path}\r\n")
        elif kind == "drip":
            self._head(200, len(body))
            self._drip(body)
        elif kind == "short":
            self._head(200, len(body))
            self._transport.write(body[: len(body) // 2])
            self._transport.close()
        elif kind == "page":
            self._send(200, self._site.page)
        elif kind == "oversized":
            self._head(200, _OVERSIZED)
            self._transport.write(body.ljust(2**20, b"\0"))
        elif kind == "noai":
            self._send(200, body, "X-Robots-Tag: noai, noindex\r\n")
        elif kind == "tdm":
            self._send(200, body, "TDM-Reservation: 1\r\n")
        elif kind == "half":
            jpeg = self._site.jpegs[number % len(self._site.jpegs)]
            self._send(200, broken(of_its_own(jpeg, number)))

    def _drip(self, body: bytes) -> None:
        if body and not self._transport.is_closing():
            self._transport.write(body[:8])
            asyncio.get_running_loop().call_later(0.5, self._drip, body[8:])

    def _send(self, status: int, body: bytes, fields: str = "") -> None:
        self._head(status, len(body), fields)
        self._transport.write(body)

    def _head(self, status: int, length: int, fields: str = "") -> None:
        # The type is that of every picture, whatever the bytes are.
        head = (
            f"HTTP/1.1 {status} {_STATUS[status]}\r\nContent-Type: image/jpeg\r\n"
            f"Content-Length: {length}\r\n{fields}\r\n"
        )
        self._transport.write(head.encode())


async def _serve(folder: Path, log: Path, certificate: Path | None) -> None:
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    with log.open("w", buffering=2**20) as lines:
        site = _Site(folder, lines)
        server = await loop.create_server(lambda: _Connection(site), HOST, 0, ssl=context)
        print(server.sockets[0].getsockname()[1], flush=True)
        # Whoever started it closes the pipe.
        await loop.run_in_executor(None, sys.stdin.read)
        server.close()


if __name__ == "__main__":
    _folder, _log, *_rest = map(Path, sys.argv[1:])
    asyncio.run(_serve(_folder, _log, _rest[0] if _rest else None))
