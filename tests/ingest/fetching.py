"""Asks the loopback site for pictures as `fetch` does, and reads what landed."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from typing import Any

from aiohttp import web

from pairlake.ingest.fetch.batches import FetchSummary
from pairlake.ingest.fetch.job import fetch_urls
from pairlake.lake.catalog import connect
from pairlake.lake.keys import text_id
from tests.ingest.conftest import Web
from tests.ingest.drawn import JPEG


def rows(query: str) -> list[tuple[Any, ...]]:
    con = connect()
    try:
        return con.execute(query).fetchall()
    finally:
        con.close()


def fetch_all(*urls: str) -> FetchSummary:
    return fetch_urls([(text_id(url), url) for url in urls])


def outcomes(*urls: str) -> list[str]:
    """What came of each URL, in one run."""
    fetch_all(*urls)
    found = dict(rows("select url_id, outcome from lake.raw.downloads"))
    return [found[text_id(url)] for url in urls]


def md5_of(body: bytes) -> uuid.UUID:
    return uuid.UUID(bytes=hashlib.md5(body, usedforsecurity=False).digest())


async def drip(request: web.Request) -> web.StreamResponse:
    """A handler that sends a picture byte by byte, twenty a second."""
    response = web.StreamResponse()
    await response.prepare(request)
    for byte in JPEG:
        await response.write(bytes([byte]))
        await asyncio.sleep(0.05)
    return response


def redirect(site: Web, path: str, to: str, status: int = 302) -> str:
    return site.serve(path, b"", status, Location=to)
