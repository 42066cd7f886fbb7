"""Reads the image links of one WAT record: bytes in, sightings of images with alt text out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from ingest.urls import MAX_URL_CHARS, absolute_url

_LICENSE = re.compile(r"(?:https?:)?//(?:www\.)?creativecommons\.org/licenses/", re.IGNORECASE)
_MAX_LICENSE_CHARS = 200
_HINT = re.compile(r"\s*(\d{1,6})(?:\.\d*)?\s*(?:px)?\s*", re.IGNORECASE)


class UnreadableRecord(ValueError):
    """The JSON of a record is malformed or not that of a WAT."""


class Sighting(NamedTuple):
    """One image with alt text as one page shows it; `alt` is as the page has it, not cleaned."""

    image_url: str
    alt: str
    width_hint: int | None
    height_hint: int | None


@dataclass(frozen=True, kw_only=True)
class Page:
    """What one WAT record says of its page's links.

    `links` counts all links of the body, `images` those that are the source of an <img>;
    `sightings` are the images with alt text and a URL of use, in the page's order.
    """

    page_url: str | None
    license_url: str | None
    links: int
    images: int
    sightings: Sequence[Sighting]


class _Link(msgspec.Struct, gc=False):
    path: str | None = None
    url: str | None = None
    alt: str | None = None
    width: str | int | float | None = None
    height: str | int | float | None = None


class _Head(msgspec.Struct, rename="pascal"):
    base: str | None = None
    link: list[_Link] = []


class _Html(msgspec.Struct, rename="pascal"):
    head: _Head | None = None
    links: list[_Link] = []


class _Response(msgspec.Struct):
    html: _Html | None = msgspec.field(name="HTML-Metadata", default=None)


class _Payload(msgspec.Struct):
    response: _Response | None = msgspec.field(name="HTTP-Response-Metadata", default=None)


class _Envelope(msgspec.Struct):
    payload: _Payload | None = msgspec.field(name="Payload-Metadata", default=None)


class _Record(msgspec.Struct):
    envelope: _Envelope = msgspec.field(name="Envelope")


_DECODER = msgspec.json.Decoder(_Record)


def parse_record(body: bytes, page_url: str) -> Page:
    """The page of one WAT record; without links where the record is not that of an HTML page.

    A sighting is a link whose path is `IMG@/src` and that has a URL and alt text. LAION took any
    link object with `url` and `alt` (also <a alt>, which no reader sees) and lost relative URLs;
    cc2dataset takes `IMG@/src` as here, and joins relative URLs with <base> as here. The license
    is the first link to creativecommons.org/licenses/ anywhere on the page, where LAION took the
    last one before the image. Raises UnreadableRecord.
    """
    try:
        payload = _DECODER.decode(body).envelope.payload
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableRecord(str(error)) from error
    html = payload.response.html if payload and payload.response else None
    head = html.head if html else None
    links = html.links if html else []
    images = [link for link in links if link.path == "IMG@/src" and link.url is not None]
    base = (absolute_url(head.base, page_url) if head and head.base else None) or page_url
    return Page(
        page_url=page_url if len(page_url) <= MAX_URL_CHARS else None,
        license_url=_license([*(head.link if head else []), *links]),
        links=len(links),
        images=len(images),
        sightings=[sighting for link in images if (sighting := _sighting(link, base))],
    )


def _sighting(link: _Link, base: str) -> Sighting | None:
    if not link.url or not link.alt or link.alt.isspace():
        return None
    url = absolute_url(link.url, base)
    return Sighting(url, link.alt, _hint(link.width), _hint(link.height)) if url else None


def _license(links: Sequence[_Link]) -> str | None:
    for link in links:
        if link.url and len(link.url) <= _MAX_LICENSE_CHARS and _LICENSE.match(link.url):
            return f"https:{link.url}" if link.url.startswith("//") else link.url
    return None


def _hint(value: str | float | None) -> int | None:
    """Pixels that a page says an image has: a hint by strangers, null unless a plain number."""
    match = _HINT.fullmatch(str(value)) if value is not None else None
    return int(match[1]) if match else None
