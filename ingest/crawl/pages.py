"""What every kind of crawl file is read into: pages, and the images with alt text on them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pairlake.ingest.urls import MAX_URL_CHARS
from pairlake.lake.passwords import without_login

_LICENSE = re.compile(r"(?:https?:)?//(?:www\.)?creativecommons\.org/licenses/")
_MAX_LICENSE_CHARS = 200
_HINT = re.compile(r"\s*(\d{1,6})(?:\.\d*)?\s*(?:px)?\s*", re.IGNORECASE)


class UnreadableRecord(ValueError):
    """A record is malformed, too large, or not what it says it is."""


class Sighting(NamedTuple):
    """One image with alt text as one page shows it; `alt` is as the page has it, not cleaned.

    `image_source` is the attribute that holds the URL, or `amp-img` for that element.
    """

    image_url: str
    alt: str
    width_hint: int | None
    height_hint: int | None
    image_source: str = "src"


class Page(NamedTuple):
    """What one record says of its page's links.

    `links` counts all links of the body, `images` those that are the address of an image;
    `sightings` are the images with alt text and a URL of use, in the page's order.
    """

    page_url: str | None
    license_url: str | None = None
    links: int = 0
    images: int = 0
    sightings: Sequence[Sighting] = ()


def shortened(page_url: str) -> str | None:
    """The page's URL without a login, or None where it is longer than any that is kept."""
    return without_login(page_url) if len(page_url) <= MAX_URL_CHARS else None


def first_license(urls: Iterable[object]) -> str | None:
    """The first link to creativecommons.org/licenses/, with https: where it has no scheme."""
    for url in urls:
        if isinstance(url, str) and len(url) <= _MAX_LICENSE_CHARS and _LICENSE.match(url):
            return f"https:{url}" if url.startswith("//") else url
    return None


def hint(value: object) -> int | None:
    """Pixels that a page says an image has: a hint by strangers, null unless a plain number."""
    if value is None:
        return None
    match = _HINT.fullmatch(str(value))
    return int(match[1]) if match else None
