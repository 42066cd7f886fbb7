"""Asks the loopback site for pictures as `fetch` does, and reads what landed."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from ingest.fetch import FetchSummary, fetch_urls
from lake.catalog import connect
from lake.keys import text_id
from tests.ingest.conftest import Web


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


def redirect(site: Web, path: str, to: str, status: int = 302) -> str:
    return site.serve(path, b"", status, Location=to)
