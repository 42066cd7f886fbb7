"""A crawl file over HTTP is gone on with where the network failed; what fails is an outcome."""

from __future__ import annotations

import pytest
from aiohttp import web

from pairlake.ingest.crawl import stream
from tests.ingest.conftest import Web
from tests.ingest.crawled import read
from tests.ingest.wats import THREE_PAGES, numbered, wat


class TestOverHttp:
    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stream, "FIRST_WAIT_S", 0.01)

    def test_a_file_is_read(self, site: Web) -> None:
        file, _ = read(site.serve("/x.gz", THREE_PAGES))
        assert (file.outcome, file.pairs, file.bytes) == ("ok", 3, len(THREE_PAGES))

    def test_a_file_without_a_length_is_read(self, site: Web) -> None:
        async def chunked(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            for start in range(0, len(THREE_PAGES), 100):
                await response.write(THREE_PAGES[start : start + 100])
            return response

        site.routes["/x.gz"] = chunked
        file, _ = read(f"{site.url}/x.gz")
        assert (file.outcome, file.pairs) == ("ok", 3)

    def test_a_server_that_recovers_is_tried_again(self, site: Web) -> None:
        site.serve("/x.gz", THREE_PAGES)
        good, failures = site.routes["/x.gz"], iter(range(3))

        async def flaky(request: web.Request) -> web.StreamResponse:
            if next(failures, None) is not None:
                return web.Response(status=503)
            return await good(request)

        site.routes["/x.gz"] = flaky
        file, _ = read(f"{site.url}/x.gz")
        assert (file.outcome, file.records, file.pairs) == ("ok", 4, 3)

    def test_a_server_that_breaks_off_is_a_network_error(self, site: Web) -> None:
        async def broken(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Length": str(len(THREE_PAGES))})
            await response.prepare(request)
            if request.method == "GET":
                await response.write(THREE_PAGES[:500])
                assert request.transport is not None
                request.transport.abort()
            return response

        site.routes["/x.gz"] = broken
        file, pairs = read(f"{site.url}/x.gz")
        assert (file.outcome, len(pairs)) == ("network_error", 0), file.error

    @pytest.mark.parametrize(
        ("status", "expected"),
        [(404, "not_found"), (410, "not_found"), (403, "http_error"), (500, "http_error")],
    )
    def test_a_refusal_is_named(self, status: int, expected: str, site: Web) -> None:
        assert read(site.serve("/x.gz", b"", status))[0].outcome == expected

    def test_only_what_may_pass_is_tried_again(self, site: Web) -> None:
        read(site.serve("/403.gz", b"", 403))
        read(site.serve("/503.gz", b"", 503))
        assert site.asked.count("/503.gz") == stream.TRIES * site.asked.count("/403.gz")

    def test_an_unreachable_host_is_a_network_error(self, free_port: int) -> None:
        assert read(f"http://127.0.0.1:{free_port}/x.gz")[0].outcome == "network_error"

    def test_a_file_is_gone_on_with_where_the_network_failed(
        self, site: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        content = wat(*numbered(1_500))
        monkeypatch.setattr(stream, "BLOCK_BYTES", 2**17)
        monkeypatch.setattr(stream, "_BUFFER_BYTES", 2**12)
        asked: list[int] = []

        async def in_ranges(request: web.Request) -> web.StreamResponse:
            if request.method == "HEAD":
                sizes = {"Content-Length": str(len(content)), "Accept-Ranges": "bytes"}
                return web.Response(headers=sizes)
            part = request.http_range
            asked.append(part.start or 0)
            if part.start and asked.count(part.start) < 3:
                return web.Response(status=503, headers={"Retry-After": "0"})
            body = content[part]
            where = f"bytes {part.start}-{(part.start or 0) + len(body) - 1}/{len(content)}"
            return web.Response(status=206, body=body, headers={"Content-Range": where})

        site.routes["/x.gz"] = in_ranges
        file, pairs = read(f"{site.url}/x.gz")
        assert (file.outcome, len(pairs), file.bytes) == ("ok", 1_500, len(content)), file.error
        assert len(set(asked)) > 2

    def test_a_server_says_how_long_to_wait(
        self, site: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits: list[float] = []
        monkeypatch.setattr("tenacity.nap.time.sleep", waits.append)
        site.serve("/x.gz", b"", 429, Retry_After="7")
        file, _ = read(f"{site.url}/x.gz")
        assert file.outcome == "http_error"
        assert waits == [7.0] * (stream.TRIES - 1)
