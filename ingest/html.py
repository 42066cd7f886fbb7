"""Reads the images of one HTML page as a WARC holds it: bytes in, sightings out."""

from __future__ import annotations

import codecs
from typing import NamedTuple, cast

from resiliparse.parse.encoding import bytes_to_str, detect_encoding, map_encoding_to_html5
from resiliparse.parse.html import ElementNode, HTMLTree

from ingest.pages import Page, Sighting, UnreadableRecord, first_license, hint, shortened
from ingest.urls import Base

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_LINKING = frozenset({"a", "area", "link"})


class _Image(NamedTuple):
    src: str
    alt: str | None
    width: str | None
    height: str | None


def parse_page(body: bytes, page_url: str, charset: str | None = None) -> Page:
    """The page of one HTML document.

    The encoding is that of a byte order mark, else what the HTTP header says (`charset`), else
    what a <meta> says, else what the bytes look like. A sighting is an <img> with `src` and alt
    text, as in a WAT; links are those with `href` and images those with `src`. Raises
    UnreadableRecord.
    """
    try:
        tree = HTMLTree.parse(_decoded(body, charset))
        return _page(tree, page_url)
    except (ValueError, LookupError, RuntimeError, RecursionError) as error:
        raise UnreadableRecord(str(error)) from error


def _decoded(body: bytes, charset: str | None) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body.decode(encoding, "replace").removeprefix("\ufeff")
    told = map_encoding_to_html5(charset, fallback_utf8=False) if charset else None
    return bytes_to_str(body, told or detect_encoding(body, from_html_meta=True) or "utf-8")


def _page(tree: HTMLTree, page_url: str) -> Page:
    if tree.document is None:
        raise UnreadableRecord("no document in it")
    base_url: str | None = None
    hrefs: list[str] = []
    images: list[_Image] = []
    # One walk over all elements: to go through resiliparse's collections takes the square of it.
    for node in tree.document:
        element = cast(ElementNode, node)
        tag = element.tag
        if tag == "img" and (src := element.getattr("src")):
            sizes = element.getattr("width"), element.getattr("height")
            images.append(_Image(src, element.getattr("alt"), *sizes))
        elif tag in _LINKING and (href := element.getattr("href")):
            hrefs.append(href)
        elif tag == "base" and base_url is None:
            base_url = element.getattr("href") or None
    base = Base((Base(page_url).join(base_url) if base_url else None) or page_url)
    return Page(
        shortened(page_url),
        first_license(hrefs),
        len(hrefs) + len(images),
        len(images),
        [sighting for image in images if (sighting := _sighting(image, base))],
    )


def _sighting(image: _Image, base: Base) -> Sighting | None:
    if not image.alt or image.alt.isspace():
        return None
    url = base.join(image.src)
    if url is None:
        return None
    return Sighting(url, image.alt, hint(image.width), hint(image.height))
