"""The demo's web answers, and fails, as its world says."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import aiohttp
import pytest
from yarl import URL

from pairlake.demo.stage import world_served
from pairlake.demo.web import serving
from pairlake.demo.world import World
from pairlake.lake.errors import BadRequest
from pairlake.lake.locks import alone
from pairlake.lake.ports import PortInUse

T = TypeVar("T")


@pytest.fixture(scope="module")
def base(world: World, web_port: int) -> Iterator[str]:
    with serving(world.folder, web_port) as url:
        yield url


@pytest.fixture(scope="module")
def name(world: World) -> str:
    """The file name of a good image."""
    right = next(row for row in world.truth().to_pylist() if row["kind"] == "right")
    return str(right["image_url"]).rpartition("/")[2]


def asking(question: Callable[[aiohttp.ClientSession], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
            return await question(session)

    return asyncio.run(ask())


def test_every_image_to_keep_arrives_with_its_bytes(world: World, base: str) -> None:
    expected = {
        row["image_url"]: row["image_sha256"]
        for row in world.truth().to_pylist()
        if row["image_sha256"] is not None
    }
    assert {url.split("/")[3] for url in expected} == {
        *("images", "redirect", "redirect-twice", "mislabelled", "opted-out-of-another"),
        *("not-for-training", "not-to-be-found"),
    }

    async def digests(session: aiohttp.ClientSession) -> dict[str, str]:
        found = {}
        for url in expected:
            async with session.get(url) as response:
                assert response.status == 200
                found[url] = hashlib.sha256(await response.read()).hexdigest()
        return found

    assert asking(digests) == expected


@pytest.mark.parametrize(
    ("path", "status", "content_type"),
    [
        ("not-found", 404, "text/html"),
        ("gone", 410, "text/html"),
        ("forbidden", 403, "text/html"),
        ("server-error", 500, "text/html"),
        ("unavailable", 503, "text/html"),
        ("html", 200, "text/html"),
        ("text", 200, "text/plain"),
    ],
)
def test_pages_stand_where_images_were(
    base: str, name: str, path: str, status: int, content_type: str
) -> None:
    async def answer(session: aiohttp.ClientSession) -> tuple[int, str, bytes]:
        async with session.get(f"{base}{path}/{name}") as response:
            return response.status, response.content_type, await response.read()

    *answered, body = asking(answer)
    assert answered == [status, content_type]
    # Large enough to pass a check of size, so that only looking at it tells.
    assert len(body) >= 5_000
    assert not body.startswith((b"\xff\xd8", b"\x89PNG", b"RIFF"))


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("reset", aiohttp.ServerDisconnectedError),
        ("short-body", aiohttp.ClientPayloadError),
        ("redirect-loop", aiohttp.TooManyRedirects),
    ],
)
def test_connections_break(base: str, name: str, path: str, error: type[Exception]) -> None:
    async def read(session: aiohttp.ClientSession) -> bytes:
        async with session.get(f"{base}{path}/{name}") as response:
            return await response.read()

    with pytest.raises(error):
        asking(read)


def test_a_redirect_leads_to_a_private_address(base: str, name: str) -> None:
    async def location(session: aiohttp.ClientSession) -> str:
        url = f"{base}redirect-private/{name}"
        async with session.get(url, allow_redirects=False) as response:
            return response.headers["Location"]

    assert asking(location).startswith("http://169.254.169.254/")


@pytest.mark.parametrize(
    ("path", "announced"), [("oversized", True), ("oversized-unannounced", False)]
)
def test_oversized_bodies_go_on_and_on(base: str, name: str, path: str, announced: bool) -> None:
    async def read(session: aiohttp.ClientSession) -> tuple[bool, int]:
        async with session.get(f"{base}{path}/{name}") as response:
            await response.content.readexactly(30_000_000)
            return response.content_length is not None, response.status

    assert asking(read) == (announced, 200)


def test_a_slow_image_has_begun_and_does_not_end(base: str, name: str) -> None:
    async def read(session: aiohttp.ClientSession) -> int:
        got = 0
        async with session.get(f"{base}slow/{name}") as response:
            assert response.content_length is not None
            assert response.content_length > 5_000
            got += len(await response.content.readany())
            with suppress(TimeoutError):
                async with asyncio.timeout(1.2):
                    async for chunk in response.content.iter_any():
                        got += len(chunk)
        return got

    assert 0 < asking(read) < 100


def test_opt_outs_are_in_the_header_of_a_good_image(world: World, base: str, name: str) -> None:
    async def headers(session: aiohttp.ClientSession) -> set[str]:
        found = set()
        for path in sorted((world.folder / "images").iterdir())[:40]:
            async with session.get(f"{base}opted-out/{path.name}") as response:
                assert await response.read() == path.read_bytes()
                found.add(response.headers["X-Robots-Tag"])
        async with session.get(f"{base}images/{name}") as response:
            assert "X-Robots-Tag" not in response.headers
        return found

    assert asking(headers) == {"noai", "noimageai", "noarchive, NoAI", "noimageai, noai"}


def test_crawl_files_are_served_in_ranges(world: World, base: str) -> None:
    path = world.files[0].path

    async def tail(session: aiohttp.ClientSession) -> tuple[int, bytes]:
        async with session.get(base + path, headers={"Range": "bytes=100-199"}) as response:
            return response.status, await response.read()

    assert asking(tail) == (206, (world.folder / path).read_bytes()[100:200])


@pytest.mark.parametrize(
    "path", ["world.json", "truth.parquet", "images/..%2Ftruth.parquet", "slow/..%2Ftruth.parquet"]
)
def test_nothing_else_is_served(base: str, path: str) -> None:
    async def status(session: aiohttp.ClientSession) -> int:
        async with session.get(URL(base + path, encoded=True)) as response:
            return response.status

    assert asking(status) in (403, 404)


def test_only_loopback_is_bound(base: str, web_port: int) -> None:
    socket.create_connection(("127.0.0.1", web_port), timeout=5).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", web_port), timeout=5)


def test_a_taken_port_is_told_in_one_sentence(world: World, base: str, web_port: int) -> None:
    sentence = f"Port {web_port} .*in use.* PAIRLAKE_DEMO_PORT"
    with pytest.raises(PortInUse, match=sentence), serving(world.folder, web_port):
        pass


def test_a_second_demo_in_the_same_home_is_refused(
    home: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_DEMO_PORT", str(free_port))
    with (
        alone(home / "world.lock", BadRequest("not free")),
        pytest.raises(BadRequest, match=r"demo is at work in .*lake; wait .*PAIRLAKE_HOME\.$"),
        world_served(None),
    ):
        pass
    assert not (home / "world").exists()


def test_the_web_stops_at_once_though_a_client_waits(world: World, name: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with serving(world.folder, port):
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(f"GET /slow/{name} HTTP/1.1\r\nHost: demo\r\n\r\n".encode())
        assert client.recv(15) == b"HTTP/1.1 200 OK"
    # The whole picture would take minutes.
    assert len(client.makefile("rb").read()) < 1_000
    client.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
