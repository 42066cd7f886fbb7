"""Reads one WAT record: bytes in, sightings of images with texts out, and what the page says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
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
from pairlake.ingest.crawl.records import crawled_at
from pairlake.ingest.crawl.references import decoded
from pairlake.ingest.crawl.said import (
    MAX_METAS,
    TELLING,
    Meta,
    Rel,
    headers_of,
    language_of,
    said_by,
    shared_images,
)
from pairlake.ingest.crawl.wat_links import Link, dicts_of, images_of, objects_of, usual_images
from pairlake.ingest.urls import Base

# Looked for first, since most records have neither licence, and a search takes its time; from
# behind, which is the faster way.
_ANY_LICENSE = b"icense"
_LICENSE = b"creativecommons.org/licenses/"
_REL_LICENSE = re.compile(rb'"rel":"[^"]*(?i:license)')
_HTML_KEY = b'"HTML-Metadata"'
# Common Crawl's extractor decodes attributes from the crawl of June 2019 on, and names what it
# extracts from by the time of the crawl; the one that it stems from, which others use, never does.
_DECODED_FROM, _DECODED_TO = "CC-MAIN-201906", "CC-MAIN-3"
_HTML = "/Envelope/Payload-Metadata/HTTP-Response-Metadata/HTML-Metadata"
_HEADERS = "/Envelope/Payload-Metadata/HTTP-Response-Metadata/Headers"
_DATES = (
    "/Envelope/WARC-Header-Metadata/WARC-Date",
    "/Envelope/ARC-Header-Metadata/Date",
)
# `lang` comes before `xml:lang`.
_LANGUAGES = ("html@/lang", "html@/xml:lang")


# Half of a pair of \\u escapes, and what is none, so that it is passed over.
_SURROGATE = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


class _Meta(msgspec.Struct, gc=False):
    """A <meta>, which has a name or a property."""

    name: str = ""
    property: str = ""
    content: str = ""


_METAS = msgspec.json.Decoder(list[_Meta])
_PARSER = simdjson.Parser()


def parse_record(body: bytes, page_url: str, agent: str = "") -> Page:
    """The page of one WAT record; without links where the record is not that of an HTML page.

    A sighting is a link whose path is `IMG@/src` and that has a URL and alt text or a title:
    Common Crawl's extractor keeps no other attribute that may hold an image's URL. So is an
    og:image with its alt text. What the page wishes is read as it is meant for `agent`, a product
    token, and for everybody. LAION took any
    link object with `url` and `alt` (also <a alt>, which no reader sees) and lost relative URLs;
    cc2dataset takes `IMG@/src` as here, and joins relative URLs with <base> as here. The license
    is the first link to creativecommons.org/licenses/ anywhere on the page, where LAION took the
    last one before the image. Raises UnreadableRecord.
    """
    try:
        return _page(body, page_url, agent)
    except (ValueError, TypeError, AttributeError, RuntimeError, RecursionError) as error:
        # Without the frames of the traceback, which would hold on to the parser's document.
        raise UnreadableRecord(str(error)) from error.with_traceback(None)


def _page(body: bytes, page_url: str, agent: str) -> Page:
    # All of the record is validated here, at gigabytes per second; what follows makes objects of
    # the few links that may be sightings.
    try:
        record = _parsed(body)
    except ValueError:
        body = _with_whole_characters(body)
        record = _parsed(body)
    if "Envelope" not in record:
        raise UnreadableRecord("no WAT record: it has no Envelope")
    html = _at(record, _HTML) if _HTML_KEY in body else None
    links = None if html is None else html.get("Links")
    if html is None or links is None:
        return Page(shortened(page_url))
    usual = usual_images(body)
    read = objects_of(links) if usual is None else []
    images = images_of(read) if usual is None else usual
    head = html.get("Head")
    value = _as_it_is if _is_decoded(record) else decoded
    # To ask for a key that is not there takes longer than to see which are.
    has_base = isinstance(head, simdjson.Object) and "Base" in list(head)
    base_url = head["Base"] if has_base else None
    joined = Base(page_url).join(value(base_url)) if isinstance(base_url, str) else None
    base = Base(joined or page_url)
    sightings = _sightings(images, base, value)
    metas = _metas(head, agent, value)
    for url, alt in shared_images(metas):
        if joined := base.join(url):
            sightings.append(Sighting(joined, alt, None, None, "og:image", "og_alt"))
    if not sightings:
        return Page(shortened(page_url), None, len(links), len(images), sightings)
    linked: list[Link] = []
    if usual is None or _has_license(body):
        in_head = head.get("Link") if isinstance(head, simdjson.Object) else None
        linked = [*objects_of(in_head), *(read or objects_of(links))]
    said = said_by(
        language_of(*_languages(metas)),
        metas,
        list(_rels(linked, value)) if linked else (),
        headers_of(_headers(record)),
        base,
        page_url,
        agent,
        _heard_at(record),
    )
    license_url = first_license([link.url for link in linked]) if linked else None
    return Page(shortened(page_url), license_url, len(links), len(images), sightings, said)


def _parsed(body: bytes) -> Any:
    try:
        return _PARSER.parse(body)
    except RuntimeError:
        # The last document is still held, by the frames of an error that a library keeps.
        return simdjson.Parser().parse(body)


def _metas(head: Any, agent: str, value: Callable[[str], str]) -> list[Meta]:
    """The <meta>s of a page that say something of its use, or name a picture, and its language.

    The extractor writes `<html lang>` among them, under the name HTML@/lang.
    """
    listed = head.get("Metas") if isinstance(head, simdjson.Object) else None
    if not isinstance(listed, simdjson.Array):
        return []
    try:
        metas = _METAS.decode(listed.mini)
    except (msgspec.DecodeError, UnicodeError):
        metas = list(_usual_metas(listed))
    wanted = _wanted(agent)
    found = [
        Meta(name, value(meta.content))
        for meta in metas
        if (name := (meta.name or meta.property).lower()) in wanted
    ]
    return found[:MAX_METAS]


@lru_cache
def _wanted(agent: str) -> frozenset[str]:
    return frozenset({*TELLING, *_LANGUAGES, agent})


def _usual_metas(listed: Any) -> Iterator[_Meta]:
    """Those that are objects with texts, where others stand among them."""
    for meta in dicts_of(listed):
        with suppress(msgspec.ValidationError):
            yield msgspec.convert(meta, _Meta)


def _languages(metas: list[Meta]) -> list[str]:
    found = [meta for meta in metas if meta.name in _LANGUAGES]
    return [meta.content for meta in sorted(found)] if found else []


def _rels(links: list[Link], value: Callable[[str], str]) -> Iterator[Rel]:
    for link in links:
        if isinstance(link.rel, str) and isinstance(link.url, str):
            yield Rel(value(link.url), link.rel, link.type if isinstance(link.type, str) else "")


def _has_license(body: bytes) -> bool:
    if body.rfind(_ANY_LICENSE) < 0:
        return False
    return _LICENSE in body or _REL_LICENSE.search(body) is not None


def _heard_at(record: Any) -> datetime | None:
    for place in _DATES:
        if isinstance(date := _at(record, place), str):
            return crawled_at(date)
    return None


def _headers(record: Any) -> Iterable[tuple[str, object]]:
    held = _at(record, _HEADERS)
    return held.items() if isinstance(held, simdjson.Object) else ()


def _at(record: Any, place: str) -> Any:
    try:
        return record.at_pointer(place)
    except (KeyError, TypeError, IndexError, ValueError):
        return None


def _with_whole_characters(body: bytes) -> bytes:
    """`body` with U+FFFD, as browsers have it, for bytes and halves of pairs that are none."""
    text = body.decode("utf-8", "replace").encode()
    return _SURROGATE.sub(lambda found: rb"\ufffd" if found[1] else found[0], text)


def _is_decoded(record: Any) -> bool:
    """Whether references in the attributes of a page, such as `&amp;`, are decoded already."""
    name = _at(record, "/Container/Filename")
    return isinstance(name, str) and _DECODED_FROM <= name < _DECODED_TO


def _as_it_is(attribute: str) -> str:
    return attribute


def _sightings(links: list[Link], base: Base, value: Callable[[str], str]) -> list[Sighting]:
    """One of the alt text of an image, and one of its title where that says something else."""
    found = []
    for link in links:
        alt, title = link.alt, link.title
        if not (alt or title):
            continue
        has_alt = isinstance(alt, str) and alt and not alt.isspace()
        has_title = title and isinstance(title, str) and title != alt and not title.isspace()
        if not (has_alt or has_title) or not isinstance(link.url, str):
            continue
        url = base.join(value(link.url))
        if url is None:
            continue
        width, height = link.width, link.height
        if width is not None or height is not None:
            width, height = hint(width), hint(height)
        if has_alt:
            found.append(Sighting(url, value(alt), width, height))
        if has_title:
            found.append(Sighting(url, value(title), width, height, "src", "title"))
    return found
