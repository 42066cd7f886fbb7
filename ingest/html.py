"""Reads the images of one HTML page as a WARC holds it: bytes in, sightings out."""

from __future__ import annotations

from typing import NamedTuple, cast

from resiliparse.parse.html import ElementNode, HTMLTree

from ingest.charsets import decoded, decoded_as, prescanned
from ingest.pages import Page, Sighting, UnreadableRecord, first_license, hint, shortened
from ingest.urls import Base

# Where a <meta> may tell the encoding.
_TELLING = 'meta[charset], meta[http-equiv="content-type" i]'

_LINKING = frozenset({"a", "area", "link"})


class _Image(NamedTuple):
    src: str
    alt: str | None
    width: str | None
    height: str | None


def parse_page(body: bytes, page_url: str, charset: str | None = None) -> Page:
    """The page of one HTML document.

    `charset` is what the HTTP header says of its encoding. A sighting is an <img> with `src` and
    alt text, as in a WAT; links are those with `href` and images those with `src`. Raises
    UnreadableRecord.
    """
    try:
        return _page(_tree(body, charset), page_url)
    except (ValueError, LookupError, RuntimeError, RecursionError) as error:
        raise UnreadableRecord(str(error)) from error


def _tree(body: bytes, charset: str | None) -> HTMLTree:
    text, is_told = decoded(body, charset)
    tree = HTMLTree.parse(text)
    if is_told or tree.document is None:
        return tree
    # A <meta> further down is heard when the parser comes to it, which then begins anew.
    late = tree.document.query_selector(_TELLING)
    label = prescanned(late.html.encode()) if late else None
    again = decoded_as(body, label) if label else None
    return tree if again is None or again == text else HTMLTree.parse(again)


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
