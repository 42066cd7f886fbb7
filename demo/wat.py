"""Writes pages as crawl files: WAT records as Common Crawl publishes them, one gzip member each."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pairlake.demo.pages import Link, Page
from pairlake.demo.planting import landed_caption

CRAWL_ID = "DEMO-2026-47"
_CRAWLED_AT = "2026-11-17T08:30:00Z"
_SOFTWARE = "pairlake demo"


@dataclass(frozen=True, kw_only=True)
class FileTotals:
    """What one crawl file holds, counted while it is written.

    `records` counts metadata records, those of `unreadable_records` among them. `links`, `images`
    (IMG@/src links), `sightings` (images whose URL and caption are of use) and `pairs` (distinct
    sightings) leave out what stands in unreadable records.
    """

    path: str
    bytes: int
    records: int
    unreadable_records: int
    links: int
    images: int
    sightings: int
    pairs: int


def write_crawl(
    folder: Path, pages: Sequence[Page], files: int, rng: random.Random
) -> list[FileTotals]:
    """Write `files` crawl files and their wat.paths.gz under `folder`, pages dealt out in turn."""
    paths = [
        f"crawl-data/{CRAWL_ID}/segments/1795000000.00/wat/"
        f"{CRAWL_ID}-20261117083000-20261117113000-{number:05}.warc.wat.gz"
        for number in range(files)
    ]
    totals = [
        _write_file(folder, path, pages[number::files], rng) for number, path in enumerate(paths)
    ]
    listing = "".join(f"{path}\n" for path in paths).encode()
    (folder / "crawl-data" / CRAWL_ID / "wat.paths.gz").write_bytes(gzip.compress(listing, mtime=0))
    return totals


def _write_file(folder: Path, path: str, pages: Sequence[Page], rng: random.Random) -> FileTotals:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    broken = frozenset(rng.sample(range(len(pages)), min(2, len(pages))))
    name = path.rpartition("/")[2]
    records = unreadable = 0
    with (folder / path).open("wb") as file:
        file.write(_warcinfo(name, rng))
        offset = 1_000
        for number, page in enumerate(pages):
            for envelope in _envelopes(page, rng):
                file.write(_record(page.url, _json(envelope, name, offset), rng))
                offset += 5_000
                records += 1
            if number in broken:
                file.write(_record(page.url, _unreadable(page, name, offset, unreadable), rng))
                offset += 5_000
                records += 1
                unreadable += 1
    links = [link for page in pages for link in page.links]
    shown = [pair for page in pages for pair in page.shown]
    return FileTotals(
        path=path,
        bytes=(folder / path).stat().st_size,
        records=records,
        unreadable_records=unreadable,
        links=len(links),
        images=sum(link["path"] == "IMG@/src" for link in links),
        sightings=len(shown),
        pairs=len({(pair.image_url, landed_caption(pair.caption)) for pair in shown}),
    )


def _envelopes(page: Page, rng: random.Random) -> Iterator[Mapping[str, Any]]:
    """The request, the response and the crawler's own note of one page, as WATs hold them."""
    request = {
        "HTTP-Request-Metadata": {
            "Request-Message": {"Method": "GET", "Path": "/", "Version": "HTTP/1.1"},
            "Headers": {"User-Agent": "CCBot/2.0", "Accept-Encoding": "br,gzip"},
        }
    }
    yield _envelope(page, "request", "application/http; msgtype=request", request, rng)
    yield _envelope(page, "response", "application/http; msgtype=response", _response(page), rng)
    note = {
        "WARC-Metadata-Metadata": {"Metadata-Records": [{"Name": "fetchTimeMs", "Value": "41"}]}
    }
    yield _envelope(page, "metadata", "application/metadata-fields", note, rng)


def _envelope(
    page: Page, kind: str, content_type: str, payload: Mapping[str, Any], rng: random.Random
) -> Mapping[str, Any]:
    return {
        "Format": "WARC",
        "WARC-Header-Length": "412",
        "WARC-Header-Metadata": {
            "WARC-Type": kind,
            "WARC-Date": _CRAWLED_AT,
            "WARC-Record-ID": _record_id(rng),
            "Content-Length": "20480",
            "Content-Type": content_type,
            "WARC-Target-URI": page.url,
        },
        "Payload-Metadata": {
            "Actual-Content-Type": content_type,
            "Trailing-Slop-Length": "4",
            **payload,
        },
    }


def _response(page: Page) -> Mapping[str, Any]:
    head: dict[str, Any] = {
        "Title": f"{page.language} {page.url.rpartition('/')[2]}",
        "Metas": [
            {"name": "HTML@/lang", "content": page.language},
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
        ],
        "Link": [{"path": "LINK@/href", "url": "/static/style.css", "rel": "stylesheet"}],
        "Scripts": [{"path": "SCRIPT@/src", "url": "/static/menu.js"}],
    }
    if page.base is not None:
        head["Base"] = page.base
    return {
        "HTTP-Response-Metadata": {
            "Response-Message": {"Version": "HTTP/1.1", "Status": "200", "Reason": "OK"},
            "Headers": {"Content-Type": "text/html; charset=utf-8", "Server": "nginx"},
            "HTML-Metadata": {"Head": head, "Links": list(page.links)},
        }
    }


def _unreadable(page: Page, name: str, offset: int, number: int) -> bytes:
    """A record whose JSON breaks off within its links, or goes on after its end."""
    link: Link = {"path": "IMG@/src", "url": page.url + "?lost.jpg", "alt": "never to be seen"}
    payload = _response(page)
    payload["HTTP-Response-Metadata"]["HTML-Metadata"]["Links"] = [link, link]
    whole = _json({"Payload-Metadata": payload}, name, offset)
    return whole[: len(whole) - 40] if number % 2 == 0 else whole + b'{"Links":'


def _json(envelope: Mapping[str, Any], name: str, offset: int) -> bytes:
    container = {
        "Filename": name.replace(".warc.wat.gz", ".warc.gz"),
        "Compressed": True,
        "Offset": str(offset),
        "Gzip-Metadata": {"Deflate-Length": "4980", "Header-Length": "10", "Footer-Length": "8"},
    }
    record = {"Container": container, "Envelope": envelope}
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def _warcinfo(name: str, rng: random.Random) -> bytes:
    body = f"Software-Info: {_SOFTWARE}\r\nformat: WARC File Format 1.0\r\n\r\n".encode()
    fields = {
        "WARC-Type": "warcinfo",
        "WARC-Date": _CRAWLED_AT,
        "WARC-Filename": name,
        "WARC-Record-ID": _record_id(rng),
        "Content-Type": "application/warc-fields",
    }
    return _member(fields, body)


def _record(url: str, body: bytes, rng: random.Random) -> bytes:
    fields = {
        "WARC-Type": "metadata",
        "WARC-Target-URI": url,
        "WARC-Date": _CRAWLED_AT,
        "WARC-Record-ID": _record_id(rng),
        "WARC-Refers-To": _record_id(rng),
        "Content-Type": "application/json",
    }
    return _member(fields, body)


def _member(fields: Mapping[str, str], body: bytes) -> bytes:
    digest = base64.b32encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()
    fields = {**fields, "WARC-Block-Digest": f"sha1:{digest}", "Content-Length": str(len(body))}
    head = "WARC/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return gzip.compress(f"{head}\r\n".encode() + body + b"\r\n\r\n", compresslevel=6, mtime=0)


def _record_id(rng: random.Random) -> str:
    return f"<urn:uuid:{uuid.UUID(int=rng.getrandbits(128), version=4)}>"
