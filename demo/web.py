"""Serves a world on loopback: its crawl files, its images, and the ways in which the web fails."""

from __future__ import annotations

import asyncio
import json
import logging
import mimetypes
import socket
import threading
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from aiohttp import web

from pairlake.demo import wishes
from pairlake.lake.ports import HOST, listening

_OVERSIZED_BYTES = 64 * 1024 * 1024
_DRIP_SECONDS = 0.5
_JPEG_START = bytes.fromhex("ffd8ffe000104a464946000101")
_METADATA_SERVICE = "http://169.254.169.254/latest/meta-data/"
_OPT_OUTS = ("noai", "noimageai", "noarchive, NoAI", "noimageai, noai")
_PAGE = "<!doctype html><title>{status}</title><p>The picture {name} is not here.</p>\n"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def base_url(port: int) -> str:
    """The root of a web served on `port`, with its last slash. The URLs of a crawl hold it."""
    return f"http://{HOST}:{port}/"


@contextmanager
def serving(folder: Path, port: int) -> Iterator[str]:
    """Serve the world of `folder` from a thread while the block runs; gives its base URL.

    Only 127.0.0.1 is bound. Raises PortInUse where the port is taken.
    """
    with listening(port, "PAIRLAKE_DEMO_PORT") as listener, serving_on(listener, folder):
        yield base_url(port)


@contextmanager
def serving_on(listener: socket.socket, folder: Path) -> Iterator[None]:
    """The same, on a port that is open already; the requests stand in `folder`/requests.log."""
    loop = asyncio.new_event_loop()
    log, file = logging.Logger("demo-web"), logging.FileHandler(folder / "requests.log")
    log.addHandler(file)
    runner = web.AppRunner(
        application(folder), access_log=log, access_log_format="%r", shutdown_timeout=0.1
    )
    try:
        loop.run_until_complete(_start(runner, listener))
    except BaseException:
        loop.run_until_complete(runner.cleanup())
        loop.close()
        file.close()
        raise
    thread = threading.Thread(target=loop.run_forever, name="demo-web", daemon=True)
    thread.start()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        file.close()


async def _start(runner: web.AppRunner, listener: socket.socket) -> None:
    await runner.setup()
    await web.SockSite(runner, listener).start()


def application(folder: Path) -> web.Application:
    """The routes of a world: /crawl-data/, /images/, what the site says, each way to fail."""
    images = folder / "images"
    app = web.Application()
    app.router.add_static("/crawl-data/", folder / "crawl-data")
    app.router.add_static("/images/", images)
    app.router.add_get("/robots.txt", _said(wishes.ROBOTS))
    app.router.add_get("/.well-known/tdmrep.json", _said(json.dumps(wishes.TDMREP)))
    for path, handler in _routes(images).items():
        app.router.add_get(f"/{path}/{{name}}", handler)
    return app


def _routes(images: Path) -> dict[str, Handler]:
    return {
        "not-found": _status(404),
        "gone": _status(410),
        "forbidden": _status(403),
        "server-error": _status(500),
        "unavailable": _status(503),
        "html": _status(200),
        "text": _text,
        "slow": _slow(images),
        "reset": _reset,
        "short-body": _short_body(images),
        "oversized": _oversized(announced=True),
        "oversized-unannounced": _oversized(announced=False),
        "redirect": _redirect("/images/{name}", 302),
        "redirect-twice": _redirect("/redirect/{name}", 301),
        "redirect-loop": _redirect("/redirect-loop/{name}", 302),
        "redirect-private": _redirect(_METADATA_SERVICE, 302),
        "mislabelled": _file(images, lambda name: {"Content-Type": "text/html"}),
        **dict.fromkeys(wishes.SITE, _file(images, lambda name: {})),
        "opted-out": _file(images, lambda name: {"X-Robots-Tag": _opt_out(name)}),
        "opted-out-of-another": _file(images, lambda name: {"X-Robots-Tag": "otherbot: noai"}),
    }


def _status(status: int) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        text = _PAGE.format(status=status, name=request.path.rpartition("/")[2])
        return web.Response(status=status, text=text * 100, content_type="text/html")

    return handle


def _said(text: str) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(text=text)

    return handle


async def _text(request: web.Request) -> web.Response:
    return web.Response(text="This is a list of pictures, and not a picture.\n" * 200)


async def _reset(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    raise asyncio.CancelledError


def _redirect(location: str, status: int) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        target = location.format(name=request.match_info["name"])
        return web.Response(status=status, headers={"Location": target})

    return handle


def _file(images: Path, headers: Callable[[str], dict[str, str]]) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        fields = {"Content-Type": content_type, **headers(name)}
        return web.Response(body=_read(images, name), headers=fields)

    return handle


def _opt_out(name: str) -> str:
    # Every form of the header is served, the same one for a name each time.
    return _OPT_OUTS[zlib.crc32(name.encode()) % len(_OPT_OUTS)]


def _slow(images: Path) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        body = _read(images, request.match_info["name"])
        async with _stream(request, len(body)) as response:
            for start in range(0, len(body), 16):
                await response.write(body[start : start + 16])
                await asyncio.sleep(_DRIP_SECONDS)
        return response

    return handle


def _short_body(images: Path) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        body = _read(images, request.match_info["name"])
        async with _stream(request, len(body)) as response:
            await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return response

    return handle


def _oversized(announced: bool) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        async with _stream(request, _OVERSIZED_BYTES if announced else None) as response:
            chunk = _JPEG_START.ljust(65_536, b"\0")
            for _ in range(_OVERSIZED_BYTES // len(chunk)):
                await response.write(chunk)
        return response

    return handle


@asynccontextmanager
async def _stream(request: web.Request, length: int | None) -> AsyncIterator[web.StreamResponse]:
    response = web.StreamResponse(headers={"Content-Type": "image/jpeg"})
    response.content_length = length
    # Clients are right to leave early from what is slow or too large.
    with suppress(ConnectionError):
        await response.prepare(request)
        yield response


def _read(images: Path, name: str) -> bytes:
    path = images / name
    if path.parent != images or not path.is_file():
        raise web.HTTPNotFound
    return path.read_bytes()
