"""What every kind of crawl file is read into: pages, their images with texts, what they say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from pairlake.ingest.images.optout import Wish
from pairlake.ingest.urls import MAX_URL_CHARS
from pairlake.lake.passwords import without_login

_LICENSE = re.compile(r"(?:https?:)?//(?:www\.)?creativecommons\.org/licenses/")
_MAX_LICENSE_CHARS = 200
_HINT = re.compile(r"\s*(\d{1,6})(?:\.\d*)?\s*(?:px)?\s*", re.IGNORECASE)


class UnreadableRecord(ValueError):
    """A record is malformed, too large, or not what it says it is."""


# Where a caption may stand. What a page says twice of an image is of the first of them.
CAPTION_SOURCES = ("alt", "title", "figcaption", "og_alt")


class Sighting(NamedTuple):
    """One image with a text of its own as one page shows it; `text` is not cleaned.

    `image_source` is the attribute that holds the URL, `amp-img` for that element, or `og:image`;
    `caption_source` where the text stands, one of CAPTION_SOURCES.
    """

    image_url: str
    text: str
    width_hint: int | None
    height_hint: int | None
    image_source: str = "src"
    caption_source: str = "alt"


class ImageLicense(NamedTuple):
    """What schema.org's ImageObject on a page says of one image; at least one of it."""

    image_url: str
    license_url: str | None
    creator: str | None
    credit: str | None
    copyright: str | None


class Said(NamedTuple):
    """What a page says of itself, as `raw.pages` has it, and of the licences of images."""

    language: str | None = None
    license_url: str | None = None
    rsl_url: str | None = None
    wishes: Sequence[Wish] = ()
    heard_at: datetime | None = None
    image_licenses: Sequence[ImageLicense] = ()


class Page(NamedTuple):
    """What one record says of its page's links.

    `license_url` is the first link to a Creative Commons licence; `links` counts all links of the
    body, `images` those that are the address of an image; `sightings` are the images with a text
    and a URL of use, in the page's order; `said` is None where there are none.
    """

    page_url: str | None
    license_url: str | None = None
    links: int = 0
    images: int = 0
    sightings: Sequence[Sighting] = ()
    said: Said | None = None


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
