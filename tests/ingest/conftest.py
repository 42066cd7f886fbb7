"""A web on loopback that serves what a test tells it to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

MAX_BYTES = 200_000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(kw_only=True)
class Web:
    """`url` is the root; `routes` are handlers by path; `asked` the paths that were asked for.

    Those of robots.txt and tdmrep.json are in `asked_of_rules`.
    """

    url: str = ""
    routes: dict[str, Handler] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    asked_of_rules: list[str] = field(default_factory=list)

    def serve(self, path: str, body: bytes, status: int = 200, **headers: str) -> str:
        """Answer `path` with `body`; header names are given with `_` for `-`. Returns its URL."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}

        async def handle(request: web.Request) -> web.StreamResponse:
            return web.Response(body=body, status=status, headers=fields)

        self.routes[path] = handle
        return self.url + path

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        rules = request.path in ("/robots.txt", "/.well-known/tdmrep.json")
        (self.asked_of_rules if rules else self.asked).append(request.path)
        handler = self.routes.get(request.path)
        return web.Response(status=404) if handler is None else await handler(request)


async def _close(runner: web.AppRunner) -> None:
    await runner.cleanup()
    # Handlers that a test left hanging.
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@pytest.fixture
def site() -> Iterator[Web]:
    """A web on 127.0.0.1 that runs in a thread while the test does."""
    site = Web()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", site._answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(runner.setup())
    loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
    host, port = runner.addresses[0][:2]
    site.url = f"http://{host}:{port}"
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield site
    asyncio.run_coroutine_threadsafe(_close(runner), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture(autouse=True)
def _lake(lake_without_rows: None) -> None:
    """Each test lands into a lake of its own."""


@pytest.fixture(autouse=True)
def _bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_ALLOW_NETWORKS", "127.0.0.1/32")
    monkeypatch.setenv("PAIRLAKE_USER_AGENT", "pairlake/0.1 (you@test.example)")
    monkeypatch.setenv("PAIRLAKE_FETCH_DOMAIN_CONCURRENCY", "64")
    monkeypatch.setenv("PAIRLAKE_FETCH_DOMAIN_DELAY_S", "0")
    monkeypatch.setenv("PAIRLAKE_FETCH_TIMEOUT_S", "600")
    monkeypatch.setenv("PAIRLAKE_FETCH_MAX_BYTES", str(MAX_BYTES))
