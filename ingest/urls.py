"""Turns what a page holds in `src` into the absolute URL that a browser would ask for."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit, urlunsplit

# LAION's bound; longer ones are data in disguise.
MAX_URL_CHARS = 2_000

# What browsers strip from both ends of a URL, and what they drop within it (WHATWG URL, 4.4).
_ENDS = "".join(map(chr, range(0x21)))
_DROPPED = str.maketrans("", "", "\t\n\r")
_UNUSABLE = re.compile(r"[\x00-\x20\x7f-\x9f]")


def absolute_url(src: str, base: str) -> str | None:
    """`src` joined with `base`, without its fragment, host in lower case; None if of no use.

    Of use is an http or https URL with a host, of at most 2,000 characters. Spaces are escaped as
    browsers do; nothing else is, so that the URL stays the one that other datasets know.
    """
    src = src.strip(_ENDS).translate(_DROPPED).replace("&amp;", "&").replace(" ", "%20")
    if not src or src.startswith("#") or len(src) > MAX_URL_CHARS:
        return None
    try:
        scheme, netloc, path, query, _ = urlsplit(urljoin(base, src))
        host = urlsplit(f"//{netloc}").hostname
    except ValueError:
        return None
    if scheme not in ("http", "https") or not host:
        return None
    login, at, place = netloc.rpartition("@")
    url = urlunsplit((scheme, login + at + place.lower(), path or "/", query, ""))
    return None if len(url) > MAX_URL_CHARS or _UNUSABLE.search(url) else url
