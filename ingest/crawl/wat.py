"""Reads one WAT record: bytes in, sightings of images with texts out, and what the page says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
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
    TELLING,
    Meta,
    Rel,
    headers_of,
    language_of,
    said_by,
    shared_images,
)
from pairlake.ingest.urls import Base

# What a link that is the source of an <img> holds, as Common Crawl's WATs write JSON.
_IMAGE = b'"path":"IMG@/src"'
_IMAGE_IN_ANY_FORM = b"IMG@"
_ALT, _TITLE = b'"alt":"', b'"title":"'
_QUOTE = ord('"')
# Looked for first, since most records have neither licence, and a search takes its time.
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
_WANTED = (*TELLING, *_LANGUAGES)
# So many <meta>s of a page that tell something are kept.
_MAX_METAS = 100


class _Link(msgspec.Struct, gc=False):
    """What a link may have, of any type: it costs no record that one of its links is odd."""

    path: Any = None
    url: Any = None
    alt: Any = None
    title: Any = None
    width: Any = None
    height: Any = None
    rel: Any = None
    type: Any = None


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


_LINK, _METAS = msgspec.json.Decoder(_Link), msgspec.json.Decoder(list[_Meta])
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
        record: Any = _PARSER.parse(body)
    except ValueError:
        body = _with_whole_characters(body)
        record = _PARSER.parse(body)
    if "Envelope" not in record:
        raise UnreadableRecord("no WAT record: it has no Envelope")
    html = _at(record, _HTML) if _HTML_KEY in body else None
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
    sightings = _sightings(candidates, base, value)
    metas = _metas(head, agent, value)
    for url, alt in shared_images(metas):
        if joined := base.join(url):
            sightings.append(Sighting(joined, alt, None, None, "og:image", "og_alt"))
    if not sightings:
        return Page(shortened(page_url), None, len(links), images, sightings)
    linked: list[_Link] = []
    if usual is None or (_ANY_LICENSE in body and _has_license(body)):
        in_head = head.get("Link") if isinstance(head, simdjson.Object) else None
        linked = [*_objects(in_head), *_objects(links)]
    said = said_by(
        language_of(*_languages(metas)),
        metas,
        list(_rels(linked, value)),
        headers_of(_headers(record).items()),
        base,
        page_url,
        agent,
        _heard_at(record),
    )
    license_url = first_license(link.url for link in linked)
    return Page(shortened(page_url), license_url, len(links), images, sightings, said)


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
    wanted = {*_WANTED, agent}
    found = [
        Meta(name, value(meta.content))
        for meta in metas
        if (name := (meta.name or meta.property).lower()) in wanted
    ]
    return found[:_MAX_METAS]


def _usual_metas(listed: Any) -> Iterator[_Meta]:
    """Those that are objects with texts, where others stand among them."""
    for meta in _dicts(listed):
        with suppress(msgspec.ValidationError):
            yield msgspec.convert(meta, _Meta)


def _languages(metas: list[Meta]) -> list[str]:
    found = [meta for meta in metas if meta.name in _LANGUAGES]
    return [meta.content for meta in sorted(found)] if found else []


def _rels(links: list[_Link], value: Callable[[str], str]) -> Iterator[Rel]:
    for link in links:
        if isinstance(link.rel, str) and isinstance(link.url, str):
            yield Rel(value(link.url), link.rel, link.type if isinstance(link.type, str) else "")


def _has_license(body: bytes) -> bool:
    return _LICENSE in body or _REL_LICENSE.search(body) is not None


def _heard_at(record: Any) -> datetime | None:
    for place in _DATES:
        if isinstance(date := _at(record, place), str):
            return crawled_at(date)
    return None


def _headers(record: Any) -> Mapping[str, object]:
    held = _at(record, _HEADERS)
    return held.as_dict() if isinstance(held, simdjson.Object) else {}


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


def _usual_images(body: bytes) -> tuple[int, list[_Link]] | None:
    """How many images a record holds, and those with a text, found without reading the others.

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
            if (
                (at := part.find(_ALT, 0, end := part.find(b'"}'))) >= 0
                and part[at + len(_ALT)] != _QUOTE
            )
            or ((at := part.find(_TITLE, 0, end)) >= 0 and part[at + len(_TITLE)] != _QUOTE)
        ]
    except msgspec.DecodeError:
        return None
    return len(parts), candidates


def _images(links: list[_Link]) -> tuple[int, list[_Link]]:
    images = [link for link in links if link.path == "IMG@/src" and link.url is not None]
    return len(images), images


def _objects(links: Any) -> list[_Link]:
    """The objects of an array; nothing of what is none."""
    return [msgspec.convert(link, _Link) for link in _dicts(links)]


def _dicts(listed: Any) -> list[dict[str, Any]]:
    found = listed.as_list() if isinstance(listed, simdjson.Array) else []
    return [each for each in found if isinstance(each, dict)]


def _sightings(links: list[_Link], base: Base, value: Callable[[str], str]) -> list[Sighting]:
    """One of the alt text of an image, and one of its title where that says something else."""
    found = []
    for link in links:
        alt, title = link.alt, link.title
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
