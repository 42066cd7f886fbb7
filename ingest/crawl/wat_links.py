"""Reads the links of a WAT record: of most records the images alone, found by their bytes."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import simdjson

# How a link that is the source of an <img> begins, as Common Crawl's WATs write JSON, and goes on:
# up to the brace behind a quotation mark. Of one that begins otherwise the rest is not taken.
_IMAGE_BEGINS = b'{"path":"'
_IMAGE = re.compile(rb'IMG@/src"(?:(?<=\{"path":"IMG@/src")[^}]*\}(?:(?<!"\})[^}]*\})*+)?')
_IMAGE_IN_ANY_FORM = b"IMG@"


class Link(msgspec.Struct, gc=False):
    """What a link may have, of any type: it costs no record that one of its links is odd."""

    path: Any = None
    url: Any = None
    alt: Any = None
    title: Any = None
    width: Any = None
    height: Any = None
    rel: Any = None
    type: Any = None


_LINKS = msgspec.json.Decoder(list[Link])


def usual_images(body: bytes) -> list[Link] | None:
    """The images of a record, found without reading its other links.

    The usual form is `{"path":"IMG@/src",…}`. Link objects hold no objects, and quotation marks
    within strings are escaped, so that objects which are cut out of the record at the wrong
    places do not decode, or are more than were cut out. Then, or where links are written in
    another form, the answer is None, and all of them have to be read.
    """
    found = _IMAGE.findall(body)
    if not found:
        return None if _IMAGE_IN_ANY_FORM in body else []
    cut_out = b"%b%b" % (_IMAGE_BEGINS, (b"," + _IMAGE_BEGINS).join(found))
    try:
        images = _LINKS.decode(b"[%b]" % cut_out)
    except msgspec.DecodeError:
        return None
    return images if len(images) == len(found) else None


def images_of(links: list[Link]) -> list[Link]:
    """The links of any form that are the source of an image."""
    return [link for link in links if link.path == "IMG@/src" and link.url is not None]


def objects_of(links: Any) -> list[Link]:
    """The objects of an array; nothing of what is none."""
    if not isinstance(links, simdjson.Array):
        return []
    try:
        return _LINKS.decode(links.mini)
    except (msgspec.DecodeError, UnicodeError):
        return [msgspec.convert(link, Link) for link in dicts_of(links)]


def dicts_of(listed: Any) -> list[dict[str, Any]]:
    """The objects of an array, each with all that it holds; nothing of what is none."""
    found = listed.as_list() if isinstance(listed, simdjson.Array) else []
    return [each for each in found if isinstance(each, dict)]
