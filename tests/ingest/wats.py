"""Writes small WAT files as Common Crawl does: one gzip member per record, JSON in envelopes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

Link = Mapping[str, object]


def image(url: str, alt: str | None = None, **attributes: object) -> Link:
    """The link object of an <img>."""
    return {"path": "IMG@/src", "url": url, **({} if alt is None else {"alt": alt}), **attributes}


def page_json(links: Sequence[Link], head: Mapping[str, Any] | None = None) -> bytes:
    """The JSON of the record of one HTML page."""
    html = {"Head": head or {}, "Links": list(links)}
    payload = {"HTTP-Response-Metadata": {"HTML-Metadata": html, "Headers": {"Server": "x"}}}
    record = {
        "Container": {"Filename": "x.warc.gz", "Compressed": True, "Offset": "12"},
        "Envelope": {"Payload-Metadata": payload, "Format": "WARC"},
    }
    return json.dumps(record).encode()


def member(body: bytes, page_url: str = "", kind: str = "metadata") -> bytes:
    """One WARC record in a gzip member of its own."""
    content_type = "application/json" if kind == "metadata" else "application/warc-fields"
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\n"
        + (f"WARC-Target-URI: {page_url}\r\n" if page_url else "")
        + "WARC-Date: 2026-11-17T08:30:00Z\r\n"
        + "WARC-Record-ID: <urn:uuid:3d3f4785-c69a-4f8c-968c-d23302c55ef4>\r\n"
        + f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + body + b"\r\n\r\n", mtime=0)


def response(
    body: bytes,
    page_url: str,
    *,
    kind: str = "text/html",
    charset: str | None = None,
    encoding: str | None = None,
    transfer: str | None = None,
) -> bytes:
    """The record of a WARC in which a page was delivered."""
    told = f"Content-Type: {kind}" + (f"; charset={charset}" if charset else "")
    packed = f"Content-Encoding: {encoding}\r\n" if encoding else ""
    packed += f"Transfer-Encoding: {transfer}\r\n" if transfer else ""
    http = f"HTTP/1.1 200 OK\r\n{told}\r\n{packed}\r\n".encode() + body
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\n"
        f"WARC-Target-URI: {page_url}\r\n"
        "WARC-Date: 2026-11-17T08:30:00Z\r\n"
        "WARC-Record-ID: <urn:uuid:3d3f4785-c69a-4f8c-968c-d23302c55ef5>\r\n"
        "Content-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(http)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + http + b"\r\n\r\n", mtime=0)


def wat(*members: bytes) -> bytes:
    """A WAT file: its warcinfo record, then `members`."""
    return member(b"Software-Info: test\r\n\r\n", kind="warcinfo") + b"".join(members)


CC_BY = "https://creativecommons.org/licenses/by/4.0/"

# Seven links, six images, five sightings of three pairs; one of four records is unreadable.
THREE_PAGES = wat(
    member(
        page_json(
            [
                image("cat.jpg", "A cat &amp; a dog", width="640", height="480"),
                image("cat.jpg", "  A cat & a dog "),
                image("logo.png", ""),
                {"path": "A@/href", "url": CC_BY},
            ]
        ),
        "https://one.example/pets/",
    ),
    member(b'{"Container": {', "https://broken.example/"),
    member(
        page_json(
            [image("pets/cat.jpg", "A cat & a dog"), image("hat.png", "Ein Hut")], {"Base": "/"}
        ),
        "https://one.example/deep/down.html",
    ),
    member(page_json([image("https://one.example/hat.png", "Un chapeau")]), "http://two.example/"),
)
