"""Reads one HTML page as a WARC holds it: bytes in, sightings of images out, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from resiliparse.parse.html import DOMNode, ElementNode, HTMLTree

from pairlake.ingest.crawl.decoding import parsed
from pairlake.ingest.crawl.figures import figure_captions, figure_of, holder
from pairlake.ingest.crawl.lazy import find_address, is_placeholder
from pairlake.ingest.crawl.pages import (
    CAPTION_SOURCES,
    Page,
    Sighting,
    UnreadableRecord,
    first_license,
    hint,
    shortened,
)
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
from pairlake.ingest.crawl.schema_org import MAX_SCRIPTS, image_licenses
from pairlake.ingest.urls import Base

# So many of a page are read.
_MAX_RELS = 100


class _Image(NamedTuple):
    """An image of a page, as long as nobody knows where it leads."""

    element: ElementNode
    alt: str | None
    title: str | None


class _Shown(NamedTuple):
    """An image with an address, and its texts by where they stand, the alt text first."""

    element: ElementNode
    sighting: Sighting
    texts: Mapping[str, str]


@dataclass(slots=True)
class _Found:
    """What one walk over a page finds of use, in its order."""

    agent: str
    base_url: str | None = None
    language: str | None = None
    addressed: int = 0
    has_noscript: bool = False
    images: list[_Image] = field(default_factory=list)
    hrefs: list[str] = field(default_factory=list)
    rels: list[Rel] = field(default_factory=list)
    metas: list[Meta] = field(default_factory=list)
    scripts: list[ElementNode] = field(default_factory=list)
    figcaptions: list[ElementNode] = field(default_factory=list)


def parse_page(
    body: bytes,
    page_url: str,
    charset: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    agent: str = "",
    heard_at: datetime | None = None,
) -> Page:
    """The page of one HTML document.

    `charset` is what the HTTP header says of its encoding. A sighting is an image with an address
    and a text: its alt text, its title, its figure's caption; links are those with `href`, images
    those with an address. `headers` are those of the answer, `agent` the product token for which,
    or for everybody, wishes are meant that are read. Raises UnreadableRecord.
    """
    try:
        return _page(parsed(body, charset), page_url, headers, agent, heard_at)
    except (ValueError, LookupError, RuntimeError, RecursionError) as error:
        raise UnreadableRecord(str(error)) from error


def _page(
    tree: HTMLTree,
    page_url: str,
    headers: Iterable[tuple[str, str]],
    agent: str,
    heard_at: datetime | None,
) -> Page:
    if tree.document is None:
        raise UnreadableRecord("no document in it")
    found = _walked(tree.document, agent)
    base_url = Base(page_url).join(found.base_url) if found.base_url else None
    base = Base(base_url or page_url)
    captions = figure_captions(found.figcaptions)
    shown = [seen for image in found.images if (seen := _shown(image, captions, base))]
    images = found.addressed + sum(not seen.element.getattr("src") for seen in shown)
    kept = _each_once(shown) if found.has_noscript else shown
    sightings = [sighting for seen in kept for sighting in _sightings(seen)]
    for url, alt in shared_images(found.metas):
        if joined := base.join(url):
            sightings.append(Sighting(joined, alt, None, None, "og:image", "og_alt"))
    links = len(found.hrefs) + images
    license_url = first_license(found.hrefs)
    if not sightings:
        return Page(shortened(page_url), license_url, links, images, sightings)
    said = said_by(
        found.language,
        found.metas,
        found.rels,
        headers_of(headers),
        base,
        page_url,
        agent,
        heard_at,
        image_licenses((script.text or "" for script in found.scripts), base),
    )
    return Page(shortened(page_url), license_url, links, images, sightings, said)


def _walked(document: DOMNode, agent: str) -> _Found:
    found = _Found(agent)
    # One walk over all elements: to go through resiliparse's collections takes the square of it.
    for node in document:
        take = _TAKING.get(node.tag or "")
        # A document type goes by the name of an element, too.
        if take is not None and isinstance(node, ElementNode):
            take(found, node)
    return found


def _take_image(found: _Found, element: ElementNode) -> None:
    found.addressed += bool(element.getattr("src"))
    alt, title = element.getattr("alt"), element.getattr("title")
    found.images.append(_Image(element, alt, title))


def _take_link(found: _Found, element: ElementNode) -> None:
    href = element.getattr("href")
    if href:
        found.hrefs.append(href)
        rel = element.getattr("rel")
        if rel and "license" in rel.lower() and len(found.rels) < _MAX_RELS:
            found.rels.append(Rel(href, rel, element.getattr("type") or ""))


def _take_base(found: _Found, element: ElementNode) -> None:
    if found.base_url is None:
        found.base_url = element.getattr("href") or None


def _take_meta(found: _Found, element: ElementNode) -> None:
    name = (element.getattr("name") or element.getattr("property") or "").strip().lower()
    if (name in TELLING or name == found.agent) and len(found.metas) < MAX_METAS:
        found.metas.append(Meta(name, element.getattr("content") or ""))


def _take_html(found: _Found, element: ElementNode) -> None:
    if found.language is None:
        found.language = language_of(element.getattr("lang"), element.getattr("xml:lang"))


def _take_script(found: _Found, element: ElementNode) -> None:
    kind = element.getattr("type")
    if kind and kind.strip().lower() == "application/ld+json" and len(found.scripts) < MAX_SCRIPTS:
        found.scripts.append(element)


def _take_figcaption(found: _Found, element: ElementNode) -> None:
    found.figcaptions.append(element)


def _take_noscript(found: _Found, _: ElementNode) -> None:
    found.has_noscript = True


_TAKING: Mapping[str, Callable[[_Found, ElementNode], None]] = {
    **dict.fromkeys(("img", "amp-img"), _take_image),
    **dict.fromkeys(("a", "area", "link"), _take_link),
    "base": _take_base,
    "meta": _take_meta,
    "html": _take_html,
    "script": _take_script,
    "figcaption": _take_figcaption,
    "noscript": _take_noscript,
}


def _shown(image: _Image, captions: Mapping[ElementNode, str], base: Base) -> _Shown | None:
    element, *own = image
    figure = figure_of(element) if captions else None
    texts = (*own, captions.get(figure) if figure is not None else None)
    told = {
        source: text
        for source, text in zip(CAPTION_SOURCES, texts, strict=False)
        if text and not text.isspace()
    }
    address = find_address(element, base) if told else None
    if address is None:
        return None
    url, attribute = address
    sizes = hint(element.getattr("width")), hint(element.getattr("height"))
    source = (attribute if element.tag == "img" else element.tag) or attribute
    caption_source, text = next(iter(told.items()))
    return _Shown(element, Sighting(url, text, *sizes, source, caption_source), told)


def _sightings(seen: _Shown) -> Iterator[Sighting]:
    """One of each text of an image, but of the same text only the first."""
    texts: set[str] = set()
    for source, text in seen.texts.items():
        if text not in texts:
            texts.add(text)
            yield seen.sighting._replace(text=text, caption_source=source)


def _each_once(shown: list[_Shown]) -> list[_Shown]:
    """The images, but only one of an image that a <noscript> beside it shows again."""
    kept: list[_Shown] = []
    # The last that has a text from the same place: with an alt text, and those that have none.
    beside: dict[str, tuple[int, _Shown]] = {}
    for seen in shown:
        kind = seen.sighting.caption_source
        place, last = beside.get(kind, (0, None))
        if last is not None and last.sighting.text == seen.sighting.text:
            was_within, is_within = map(_is_in_noscript, (last.element, seen.element))
            if was_within != is_within:
                outside, within = (seen, last) if was_within else (last, seen)
                if both := _one_for_both(outside, within):
                    kept[place] = both
                    # An image may have another <noscript>, a <noscript> has no other image.
                    if both is outside:
                        beside[kind] = place, outside
                    else:
                        del beside[kind]
                    continue
        beside[kind] = len(kept), seen
        kept.append(seen)
    return kept


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
    return holder(element, "noscript") is not None
