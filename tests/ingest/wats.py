"""Small WAT files, and records that a test wants malformed, odd or of another kind."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from pairlake.demo.wat_records import CRAWLED_AT, Records, packed, record

Link = Mapping[str, object]


def image(url: str, alt: str | None = None, **attributes: object) -> Link:
    """The link object of an <img>."""
    return {"path": "IMG@/src", "url": url, **({} if alt is None else {"alt": alt}), **attributes}


def page_json(links: Sequence[Link], head: Mapping[str, Any] | None = None) -> bytes:
    """The JSON of the record of one HTML page, with spaces where Common Crawl's has none."""
    records = Records("x.warc.wat.gz", random.Random(1))
    return json.dumps(
        json.loads(records.page_json("http://a.example/", head or {}, links))
    ).encode()


def member(body: bytes, page_url: str = "", kind: str = "metadata") -> bytes:
    """One WARC record in a gzip member of its own."""
    content_type = "application/json" if kind == "metadata" else "application/warc-fields"
    return _member(kind, page_url, content_type, body)


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
    packing = f"Content-Encoding: {encoding}\r\n" if encoding else ""
    packing += f"Transfer-Encoding: {transfer}\r\n" if transfer else ""
    http = f"HTTP/1.1 200 OK\r\n{told}\r\n{packing}\r\n".encode() + body
    return _member("response", page_url, "application/http; msgtype=response", http)


def wat(*members: bytes) -> bytes:
    """A WAT file: its warcinfo record, then `members`."""
    return Records("x.warc.wat.gz", random.Random(1)).warcinfo() + b"".join(members)


def numbered(count: int) -> list[bytes]:
    """Records of pages that show one image each."""
    return [
        member(page_json([image(f"{n}.jpg", f"number {n}")]), f"http://a.example/{n}/")
        for n in range(count)
    ]


def _member(kind: str, page_url: str, content_type: str, body: bytes) -> bytes:
    fields = {
        "WARC-Type": kind,
        **({"WARC-Target-URI": page_url} if page_url else {}),
        "WARC-Date": CRAWLED_AT,
        "WARC-Record-ID": "<urn:uuid:3d3f4785-c69a-4f8c-968c-d23302c55ef4>",
        "Content-Type": content_type,
    }
    return packed(record(fields, body))


NO_LINKS = member(b'{"Envelope": {}}')
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
