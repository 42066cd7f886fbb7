"""Files of models go on where they were stopped, ask proxies and mirrors, and say why they fail."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pairlake.lake.errors import BadRequest, JobFailed
from pairlake.udfs import downloading, listing, registry
from pairlake.udfs.downloading import download

BODY = bytes(range(256)) * 20_000
SHA256 = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """One file under any name that ends in `weights`, which breaks off after so many bytes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.breaks_after = BODY, len(BODY)
        self.asked: list[tuple[str, str | None]] = []
        self.agents: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        body, tag = self.server.body, f'"{hashlib.sha256(self.server.body).hexdigest()}"'
        self.server.asked.append((self.path, self.headers["Range"]))
        self.server.agents.add(self.headers["User-Agent"])
        if not self.path.endswith("weights"):
            self.send_error(404)
            return
        start = 0
        if self.headers["Range"] and self.headers["If-Range"] == tag:
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        if start >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start : self.server.breaks_after])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("is_changed", [False, True])
def test_it_goes_on_where_it_was_stopped(is_changed: bool, server: Server, tmp_path: Path) -> None:
    part, shown = tmp_path / "weights.part", list[str]()
    server.breaks_after = 3_000_000
    with pytest.raises(JobFailed, match=r"broke off .*what has come is kept"):
        download(f"{server.url}/weights", part, shown.append)
    assert part.stat().st_size == 3_000_000
    server.breaks_after = len(BODY)
    if is_changed:
        server.body = BODY[::-1]
    found = download(f"{server.url}/weights", part, shown.append)
    assert found == hashlib.sha256(server.body).hexdigest()
    assert part.read_bytes() == server.body
    assert server.asked == [("/weights", None), ("/weights", "bytes=3000000-")]
    assert any(re.match(r"weights: *\d+%.*B/s", line) for line in shown)
    # All of it is there, and was not named yet.
    assert download(f"{server.url}/weights", part, shown.append) == found


def test_proxies_and_mirrors_are_asked(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"{server.url}/mirror/")
    assert download(f"{downloading.HUB}a/weights", tmp_path / "one", print) == SHA256
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("PAIRLAKE_USER_AGENT", "mine/1 (me@a.example)")
    assert download("http://models.example/weights", tmp_path / "two", print) == SHA256
    asked = [path for path, _ in server.asked]
    assert asked == ["/mirror/a/weights", "http://models.example/weights"]
    assert "mine/1 (me@a.example)" in server.agents


def test_it_says_why_it_failed(server: Server, tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="404 Not Found; it may have moved"):
        download(f"{server.url}/nothing", tmp_path / "part", print)
    server.shutdown()
    server.server_close()
    with pytest.raises(JobFailed, match=r"cannot be reached.*HTTPS_PROXY"):
        download(f"{server.url}/weights", tmp_path / "part", print)


def test_all_that_the_recipe_wants_comes_and_what_fails_costs_no_other(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def entry(name: str, file: str) -> registry.Entry:
        return registry.Entry(
            name=name, kinds=("nsfw",), licence="MIT", source=f"{server.url}/", files={file: SHA256}
        )

    known = {each.name: each for each in (entry("a", "nothing"), entry("b", "weights"))}
    monkeypatch.setattr(registry, "entries", lambda: known)
    with pytest.raises(BadRequest, match="dbt build"):
        list(listing.fetch_wanted())
    monkeypatch.setattr(listing, "_wanted", lambda: dict.fromkeys(known, ""))
    with pytest.raises(JobFailed, match=r"^a: .*404"):
        list(listing.fetch_wanted())
    assert known["b"].is_on_disk
    assert sorted(path.name for path in known["b"].folder.iterdir()) == [
        "weights",
        "weights.sha256",
    ]
