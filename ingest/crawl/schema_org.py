"""Reads what schema.org's ImageObject says of a page's images, in JSON-LD."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from pairlake.ingest.crawl.pages import ImageLicense
from pairlake.ingest.urls import Base
from pairlake.lake.errors import as_text
from pairlake.lake.passwords import has_login

# Of a page so much is read: scripts, their characters in all, the things in them, and images.
MAX_SCRIPTS = 32
MAX_CHARS = 500_000
_MAX_THINGS = 10_000
_MAX_IMAGES = 64
_MAX_NAMES = 5
_IMAGE = "ImageObject"


def image_licenses(scripts: Iterable[str], base: Base) -> list[ImageLicense]:
    """What JSON-LD says of images: who made them, whom to credit, under which licence they are.

    One for each image URL, the first. Nothing where a script is no JSON, or too much of it.
    """
    found: dict[str, ImageLicense] = {}
    left = MAX_CHARS
    for script in scripts:
        if _IMAGE not in script:
            continue
        left -= len(script)
        if left < 0:
            break
        for thing in _things(script):
            license_ = _license(thing, base)
            if license_ is not None and len(found) < _MAX_IMAGES:
                found.setdefault(license_.image_url, license_)
    return list(found.values())


def _things(script: str) -> Iterator[dict[str, Any]]:
    """The images that a script tells of, wherever in it."""
    try:
        # Which raises for what is nested too deep.
        told = msgspec.json.decode(script)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return
    waiting, seen = [told], 0
    while waiting and seen < _MAX_THINGS:
        seen += 1
        thing = waiting.pop()
        if isinstance(thing, dict):
            if _is_image(thing.get("@type")):
                yield thing
            waiting += reversed(thing.values())
        elif isinstance(thing, list):
            waiting += reversed(thing)


def _is_image(kind: object) -> bool:
    """Whether a type is ImageObject, by its name or its URL, alone or among others."""
    kinds = kind if isinstance(kind, list) else [kind]
    return any(
        isinstance(each, str) and each.rpartition("/")[2] == _IMAGE for each in kinds[:_MAX_NAMES]
    )


def _license(image: dict[str, Any], base: Base) -> ImageLicense | None:
    url = _url(image.get("contentUrl"), base) or _url(image.get("url"), base)
    license_url = _license_url(image.get("license"), base)
    license_url = license_url or _license_url(image.get("acquireLicensePage"), base)
    texts = (
        _name(image.get("creator")), _text(image.get("creditText")),
        _text(image.get("copyrightNotice")),
    )  # fmt: skip
    if url is None or not (license_url or any(texts)):
        return None
    return ImageLicense(url, license_url, *texts)


def _license_url(value: object, base: Base) -> str | None:
    """The URL of a licence; the mere words `CC BY` would be one too, below the page."""
    place = _place(value)
    return _url(place, base) if place.startswith(("http://", "https://", "/")) else None


def _url(value: object, base: Base) -> str | None:
    url = base.join(_place(value))
    return None if url is None or has_login(url) else url


def _place(value: object) -> str:
    """The URL that a value is, or that a thing has, as it is written; empty if there is none."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("url") or value.get("@id")
    return value.strip() if isinstance(value, str) else ""


def _name(value: object) -> str | None:
    """The name of a person or an organisation, or of several, with commas between."""
    several = value if isinstance(value, list) else [value]
    names = (
        _text(each.get("name") if isinstance(each, dict) else each) for each in several[:_MAX_NAMES]
    )
    return _text(", ".join(filter(None, names)))


def _text(value: object) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, str):
        return None
    return " ".join(as_text(value).split()) or None
