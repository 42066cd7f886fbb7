"""Finds the address of an image on a page: in `src`, or where a browser or script takes it from.

Pages that load pictures late have a placeholder in `src`, or nothing, and the address elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice

import srcset
from resiliparse.parse.html import ElementNode

from pairlake.ingest.urls import Base

# Where scripts take the address from; other names are told by their end. Not `data-url`,
# `data-href` and the like, which say where a click leads.
_NAMES = (
    "data-src",  # lazysizes, lozad, vanilla-lazyload, most themes
    "data-lazy-src",  # WP Rocket, Jetpack, BJ Lazy Load
    "data-original",  # jQuery's Lazy Load
    "data-lazy",  # slick
    "data-lazyload",  # Slider Revolution
    "data-flickity-lazyload",  # Flickity
    "data-echo",  # Echo.js
    "data-delayed-url",  # LinkedIn
    "data-src-large",  # CNN, beside five smaller ones
    "original",  # before there was `data-`
    "real_src",  # Sina
    "_src",  # UEditor
    "file",  # Discuz!
)
# A maker's own name ends so: data-cfsrc (Cloudflare), data-pagespeed-lazy-src, data-hi-res-src,
# nitro-lazy-src. It is not meant where it says that the picture is another, or a film.
_OTHER_PICTURE = re.compile("default|error|fallback|iframe|low|placeholder|poster|thumb|video")
# Names and values without end cost no more than they must: to get a value takes as long as its
# element has attributes, and a candidate of use is 2,000 characters at most.
_MAX_NAMES = 10
_NAME = re.compile("[a-z0-9_-]{1,100}")
_MAX_SRCSET_CHARS = 100_000
# Decoded by browsers, and not here: another format of the same picture comes first.
_NEW_TYPES = frozenset({"image/avif", "image/heic", "image/heif", "image/jxl"})

# Files that stand where a picture is to come, by their names. Words that names of photos have too
# count in those of GIF, PNG and SVG, which photos are not.
_PLACEHOLDER = re.compile(
    "(?:^|[^a-z0-9])(?:lazy-?load(?:er|ing)?|placeholders?|spacer|transparent)(?![a-z])"
    "|^1x1(?![a-z])"
)
_DRAWN_PLACEHOLDER = re.compile(
    "(?:^|[^a-z0-9])(?:1px|1x1|blank|clear|default|dot|empty|fallback|gr[ae]y|holder|lazy|leer"
    "|load(?:er|ing)|none|pix(?:el)?|pre-?load(?:er|ing)?|trans)(?![a-z])|^[a-z][.]"
)
_DRAWN = (".gif", ".png", ".svg")


def find_address(image: ElementNode, base: Base) -> tuple[str, str] | None:
    """The absolute URL of an image, and the attribute that holds it; None if there is none.

    That of `src`, unless it is a placeholder and the address stands elsewhere.
    """
    src = image.getattr("src")
    url = base.join(src) if src and not src.isspace() else None
    if url is not None and not is_placeholder(url):
        return url, "src"
    second_best = (url, "src") if url is not None else None
    for found in _elsewhere(image, base):
        if not is_placeholder(found[0]):
            return found
        second_best = second_best or found
    return second_best


def is_placeholder(url: str) -> bool:
    """Whether a URL's file is named as those are that stand where a picture is to come."""
    name = url.partition("?")[0].rpartition("/")[2].lower()
    return bool(
        _PLACEHOLDER.search(name) or (name.endswith(_DRAWN) and _DRAWN_PLACEHOLDER.search(name))
    )


def _elsewhere(image: ElementNode, base: Base) -> Iterator[tuple[str, str]]:
    """URLs and the attributes that hold them, but for `src`; the likeliest first."""
    present = image.attrs
    known = (name for name in _NAMES if name in present)
    own = (name for name in present if name not in _NAMES and _is_own_name(name))
    for name in islice(chain(known, own), _MAX_NAMES):
        if url := _absolute(image.getattr(name) or "", base):
            yield url, name
    for elements in ([image], _sources(image)):
        if found := _largest(elements, base):
            yield found


def _is_own_name(name: str) -> bool:
    return (
        name.endswith("src")
        and _NAME.fullmatch(name) is not None
        and (name.startswith("data") or "lazy" in name)
        and not _OTHER_PICTURE.search(name)
    )


def _absolute(address: str, base: Base) -> str | None:
    """The absolute URL, if it is an address: neither a word nor a template."""
    if "{" in address or not ("/" in address or "." in address):
        return None
    return base.join(address)


def _largest(elements: Iterable[ElementNode], base: Base) -> tuple[str, str] | None:
    """The largest image in the `srcset`s of elements, the first of equal ones, and the attribute.

    Where no widths are told, it is that for usual screens (1x), which `src` would name: the
    others are the same for finer ones.
    """
    best: tuple[tuple[int, bool, float], str, str] | None = None
    for name, value in chain.from_iterable(map(_srcsets, elements)):
        for candidate in srcset.parse(value):
            density = 1.0 if candidate.density is None else candidate.density
            size = (candidate.width or 0, density == 1.0, density)
            if (best is None or size > best[0]) and (url := _absolute(candidate.url, base)):
                best = size, url, name
    return best and best[1:]


def _srcsets(element: ElementNode) -> Iterator[tuple[str, str]]:
    """`srcset` and those under other names, data-srcset and the like, with their values."""
    named = (name for name in element.attrs if name.endswith("srcset") and _NAME.fullmatch(name))
    for name in islice(named, _MAX_NAMES):
        value = element.getattr(name) or ""
        if len(value) <= _MAX_SRCSET_CHARS:
            yield name, value


def _sources(image: ElementNode) -> list[ElementNode]:
    """The <source>s of its <picture> in their order, but those of new formats last."""
    found: list[ElementNode] = []
    # To ask the <picture> for what stands before takes the square of many images in it.
    source = image.previous_element_sibling
    while source is not None and source.tag == "source":
        found.append(source)
        source = source.previous_element_sibling
    found.reverse()
    return sorted(found, key=lambda source: source.getattr("type") in _NEW_TYPES)
