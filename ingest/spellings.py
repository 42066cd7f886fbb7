"""The spellings under which a request may stand in the lake: as it is, and as a crawl lands it.

Ready-made lists land word for word; what a crawl brings is cleaned, today and by the rules of
versions before.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from ada_url import idna_to_ascii, idna_to_unicode

from ingest.captions import clean_caption, former_caption
from ingest.urls import absolute_url, without_brackets
from lake.passwords import without_login, without_passwords


def spellings(kind: str, value: str) -> set[str]:
    """Every spelling of a request's value; `kind` is url, domain, page, image_hash or caption."""
    if kind == "caption":
        found = {value.strip(), clean_caption(value), former_caption(value)}
    elif kind == "domain":
        value = value.strip()
        domain = value.lower().rstrip(".")
        in_ascii = idna_to_ascii(domain.encode("utf-8", "replace"))
        found = {domain, in_ascii.decode(), idna_to_unicode(in_ascii)}
    elif kind in ("url", "page"):
        value = without_brackets(value.strip())
        found = {absolute_url(value, "") or value, _former_url(value)}
        # As the page lands, or the place to which a redirect led.
        found |= {(without_login if kind == "page" else without_passwords)(url) for url in found}
    else:
        value, found = value.strip(), set()
    return {value, *filter(None, found)}


def _former_url(url: str) -> str:
    """As a crawl landed it before it went by the URL standard."""
    try:
        parts = urlsplit(url.replace("&amp;", "&").replace(" ", "%20"))
    except ValueError:
        return url
    if not parts.netloc:
        return url
    login, at, place = parts.netloc.rpartition("@")
    netloc, path = login + at + place.lower(), parts.path or "/"
    return urlunsplit(parts._replace(netloc=netloc, path=path, fragment=""))
