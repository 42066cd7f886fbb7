"""Reads the images of one HTML page as a WARC holds it: bytes in, sightings out."""

from __future__ import annotations

import re
from typing import NamedTuple, cast

import endec
import html5prescan
from resiliparse.parse.encoding import detect_encoding
from resiliparse.parse.html import ElementNode, HTMLTree

from pairlake.ingest.crawl.lazy import find_address, is_placeholder
from pairlake.ingest.crawl.pages import (
    Page,
    Sighting,
    UnreadableRecord,
    first_license,
    hint,
    shortened,
)
from pairlake.ingest.urls import Base

# Where the standard looks for a <meta>, and its rule for the declaration of an XML document.
_PRESCANNED_BYTES = 1_024
_TOLD = re.compile(rb"charset|<\?xml", re.IGNORECASE)
_XML_DECLARATION = re.compile(rb"<\?xml[^>]*?\bencoding\s*=\s*[\"']([^\"'>]+)[\"']")
# A page of which so few characters beyond ASCII are none is UTF-8 all the same: of texts in other
# encodings, Thai the most, a fifth of them looks like it.
_BAD_SHARE = 0.5
_ASCII = bytes(range(128))
_BAD = "\ufffd"

# Where a <meta> may tell the encoding.
_TELLING = 'meta[charset], meta[http-equiv="content-type" i]'

_LINKING = frozenset({"a", "area", "link"})
_IMAGES = frozenset({"img", "amp-img"})
# An image in a <noscript> has at most so many elements between: a link, a figure, a <picture>.
_MAX_BETWEEN = 6


class _Image(NamedTuple):
    element: ElementNode
    alt: str


class _Shown(NamedTuple):
    element: ElementNode
    sighting: Sighting


def parse_page(body: bytes, page_url: str, charset: str | None = None) -> Page:
    """The page of one HTML document.

    `charset` is what the HTTP header says of its encoding. A sighting is an image with an address
    and alt text; links are those with `href`, images those with an address. Raises
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
    captioned: list[_Image] = []
    images = 0
    has_noscript = False
    # One walk over all elements: to go through resiliparse's collections takes the square of it.
    for node in tree.document:
        element = cast(ElementNode, node)
        tag = element.tag
        if tag in _IMAGES:
            images += bool(element.getattr("src"))
            alt = element.getattr("alt")
            if alt and not alt.isspace():
                captioned.append(_Image(element, alt))
        elif tag in _LINKING and (href := element.getattr("href")):
            hrefs.append(href)
        elif tag == "base" and base_url is None:
            base_url = element.getattr("href") or None
        elif tag == "noscript":
            has_noscript = True
    base = Base((Base(page_url).join(base_url) if base_url else None) or page_url)
    shown = [seen for image in captioned if (seen := _shown(*image, base))]
    images += sum(not seen.element.getattr("src") for seen in shown)
    sightings = _each_once(shown) if has_noscript else [sighting for _, sighting in shown]
    license_url = first_license(hrefs)
    return Page(shortened(page_url), license_url, len(hrefs) + images, images, sightings)


def _shown(element: ElementNode, alt: str, base: Base) -> _Shown | None:
    address = find_address(element, base)
    if address is None:
        return None
    url, attribute = address
    sizes = hint(element.getattr("width")), hint(element.getattr("height"))
    source = attribute if element.tag == "img" else element.tag
    return _Shown(element, Sighting(url, alt, *sizes, source or attribute))


def _each_once(shown: list[_Shown]) -> list[Sighting]:
    """The sightings, but only one of an image that a <noscript> beside it shows again."""
    kept: list[_Shown] = []
    beside: _Shown | None = None
    for seen in shown:
        if beside is not None and beside.sighting.alt == seen.sighting.alt:
            was_within, is_within = map(_is_in_noscript, (beside.element, seen.element))
            if was_within != is_within:
                outside, within = (seen, beside) if was_within else (beside, seen)
                if both := _one_for_both(outside, within):
                    kept[-1] = both
                    # An image may have another <noscript>, a <noscript> has no other image.
                    beside = outside if both is outside else None
                    continue
        kept.append(seen)
        beside = seen
    return [sighting for _, sighting in kept]


def _one_for_both(outside: _Shown, within: _Shown) -> _Shown | None:
    """The one that stands for an image and its likeness in a <noscript>; None if it is none.

    They have the same alt text. For browsers without scripts there is in `src` what is loaded
    late outside, maybe in another size.
    """
    late, plain = outside.sighting, within.sighting
    is_late = late.image_source != "src" or is_placeholder(late.image_url)
    if is_late and plain.image_source == "src":
        return within
    return outside if late.image_url == plain.image_url else None


def _is_in_noscript(element: ElementNode) -> bool:
    above = element.parent
    for _ in range(_MAX_BETWEEN + 1):
        if above is None or above.tag == "noscript":
            return above is not None
        above = above.parent
    return False


def decoded(body: bytes, charset: str | None) -> tuple[str, bool]:
    """The text of a page, and whether anything told its encoding.

    A byte order mark does before all else, then `charset`, which the HTTP header says, then what
    the beginning of the page itself says; else it is what the bytes look like. A byte that is
    none in its encoding becomes U+FFFD, and costs no other.
    """
    text = decoded_as(body, charset)
    if text is None:
        text = decoded_as(body, prescanned(body))
    return (_guessed(body), False) if text is None else (text, True)


def decoded_as(body: bytes, label: str | None) -> str | None:
    """The text in an encoding by one of the standard's names for it; None if it is none."""
    try:
        # Which a byte order mark overrules.
        return endec.decode(body, label or "", "replace", bom="evaluateall")
    except LookupError:
        return None


def prescanned(body: bytes) -> str | None:
    """The encoding that a page's own beginning tells, in a <meta> or as an XML document."""
    body = body[:_PRESCANNED_BYTES]
    if not _TOLD.search(body):
        return None
    name: str | None = html5prescan.get(body)[0].name
    declared = None if name else _XML_DECLARATION.match(body)
    return prescanned(b'<meta charset="%b">' % declared[1]) if declared else name


def _guessed(body: bytes) -> str:
    text = endec.decode(body, "utf-8", "replace", bom="evaluateall")
    others = len(text) - (len(body) - len(body.translate(None, _ASCII)))
    if text.count(_BAD) <= _BAD_SHARE * others:
        return text
    label = detect_encoding(body, html5_compatible=False) or "windows-1252"
    return decoded_as(body, label) or _by_python(body, label)


def _by_python(body: bytes, codec: str) -> str:
    try:
        return body.decode(codec, "replace")
    except LookupError:
        return endec.decode(body, "windows-1252", "replace")
