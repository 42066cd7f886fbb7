"""Reads the image links of one WAT record: bytes in, sightings of images with alt text out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
import simdjson

from pairlake.ingest.crawl.pages import (
    Page,
    Sighting,
    UnreadableRecord,
    first_license,
    hint,
    shortened,
)
from pairlake.ingest.crawl.references import decoded
from pairlake.ingest.urls import Base

# What a link that is the source of an <img> holds, as Common Crawl's WATs write JSON.
_IMAGE = b'"path":"IMG@/src"'
_IMAGE_IN_ANY_FORM = b"IMG@"
_ALT = b'"alt":"'
_QUOTE = ord('"')
_LICENSE = b"creativecommons.org/licenses/"
_HTML_KEY = b'"HTML-Metadata"'
# Common Crawl's extractor decodes attributes from the crawl of June 2019 on, and names what it
# extracts from by the time of the crawl; the one that it stems from, which others use, never does.
_DECODED_FROM, _DECODED_TO = "CC-MAIN-201906", "CC-MAIN-3"
_HTML = "/Envelope/Payload-Metadata/HTTP-Response-Metadata/HTML-Metadata"


class _Link(msgspec.Struct, gc=False):
    """What a link may have, of any type: it costs no record that one of its links is odd."""

    path: Any = None
    url: Any = None
    alt: Any = None
    width: Any = None
    height: Any = None


# Half of a pair of \\u escapes, and what is none, so that it is passed over.
_SURROGATE = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)

_LINK = msgspec.json.Decoder(_Link)
_PARSER = simdjson.Parser()


def parse_record(body: bytes, page_url: str) -> Page:
    """The page of one WAT record; without links where the record is not that of an HTML page.

    A sighting is a link whose path is `IMG@/src` and that has a URL and alt text: Common Crawl's
    extractor keeps no other attribute that may hold an image's URL. LAION took any
    link object with `url` and `alt` (also <a alt>, which no reader sees) and lost relative URLs;
    cc2dataset takes `IMG@/src` as here, and joins relative URLs with <base> as here. The license
    is the first link to creativecommons.org/licenses/ anywhere on the page, where LAION took the
    last one before the image. Raises UnreadableRecord.
    """
    try:
        return _page(body, page_url)
    except (ValueError, TypeError, AttributeError, RuntimeError, RecursionError) as error:
        # Without the frames of the traceback, which would hold on to the parser's document.
        raise UnreadableRecord(str(error)) from error.with_traceback(None)


def _page(body: bytes, page_url: str) -> Page:
    # All of the record is validated here, at gigabytes per second; what follows makes objects of
    # the few links that may be sightings.
    try:
        record: Any = _PARSER.parse(body)
    except ValueError:
        body = _with_whole_characters(body)
        record = _PARSER.parse(body)
    if "Envelope" not in record:
        raise UnreadableRecord("no WAT record: it has no Envelope")
    html = _html(record) if _HTML_KEY in body else None
    links = None if html is None else html.get("Links")
    if html is None or links is None:
        return Page(shortened(page_url))
    usual = _usual_images(body)
    images, candidates = usual or _images(_objects(links))
    head = html.get("Head")
    value = _as_it_is if _is_decoded(record) else decoded
    base_url = head.get("Base") if isinstance(head, simdjson.Object) else None
    joined = Base(page_url).join(value(base_url)) if isinstance(base_url, str) else None
    base = Base(joined or page_url)
    sightings = [sighting for link in candidates if (sighting := _sighting(link, base, value))]
    license_url = None
    if sightings and (usual is None or _LICENSE in body):
        in_head = head.get("Link") if isinstance(head, simdjson.Object) else None
        license_url = first_license(link.url for link in (*_objects(in_head), *_objects(links)))
    return Page(shortened(page_url), license_url, len(links), images, sightings)


def _with_whole_characters(body: bytes) -> bytes:
    """`body` with U+FFFD, as browsers have it, for bytes and halves of pairs that are none."""
    text = body.decode("utf-8", "replace").encode()
    return _SURROGATE.sub(lambda found: rb"\ufffd" if found[1] else found[0], text)


def _is_decoded(record: Any) -> bool:
    """Whether references in the attributes of a page, such as `&amp;`, are decoded already."""
    try:
        name = record.at_pointer("/Container/Filename")
    except (KeyError, TypeError):
        return False
    return isinstance(name, str) and _DECODED_FROM <= name < _DECODED_TO


def _as_it_is(attribute: str) -> str:
    return attribute


def _html(record: Any) -> Any:
    try:
        return record.at_pointer(_HTML)
    except KeyError:
        return None


def _usual_images(body: bytes) -> tuple[int, list[_Link]] | None:
    """How many images a record holds, and those with alt text, found without reading the others.

    The usual form is `{"path":"IMG@/src",…}`. Link objects hold no objects, and quotation marks
    within strings are escaped, so that an object which is cut out of the record at the wrong
    place does not decode. Then, or where links are written in another form, the answer is None,
    and all of them have to be read.
    """
    before, *parts = body.split(_IMAGE)
    if not parts:
        return None if _IMAGE_IN_ANY_FORM in body else (0, [])
    if before[-1:] != b"{" or any(part[-1:] != b"{" for part in parts[:-1]):
        return None
    try:
        candidates = [
            _LINK.decode(b"{" + _IMAGE + part[: end + 2])
            for part in parts
            if (alt := part.find(_ALT, 0, end := part.find(b'"}'))) >= 0
            and part[alt + len(_ALT)] != _QUOTE
        ]
    except msgspec.DecodeError:
        return None
    return len(parts), candidates


def _images(links: list[_Link]) -> tuple[int, list[_Link]]:
    images = [link for link in links if link.path == "IMG@/src" and link.url is not None]
    return len(images), images


def _objects(links: Any) -> list[_Link]:
    """The objects of an array; nothing of what is none."""
    listed = links.as_list() if isinstance(links, simdjson.Array) else []
    return [msgspec.convert(link, _Link) for link in listed if isinstance(link, dict)]


def _sighting(link: _Link, base: Base, value: Callable[[str], str]) -> Sighting | None:
    if not isinstance(link.url, str) or not isinstance(link.alt, str):
        return None
    if not link.alt or link.alt.isspace():
        return None
    url = base.join(value(link.url))
    if url is None:
        return None
    alt = value(link.alt)
    if link.width is None and link.height is None:
        return Sighting(url, alt, None, None)
    return Sighting(url, alt, hint(link.width), hint(link.height))
