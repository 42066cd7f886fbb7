"""Tells what to ask for: the request that a browser would make of a URL, and of a redirect."""

from __future__ import annotations

from urllib.parse import quote

import ada_url
from yarl import URL

# What the URL standard strips from both ends of a URL, and what it drops within (WHATWG URL, 4.4).
_ENDS = "".join(map(chr, range(0x21)))
_DROPPED = str.maketrans("", "", "\t\n\r")
# What stays in a query as it is written: the standard's, and `'`, which it escapes and need not.
_OF_QUERY = "!$%&'()*+,-./:;=?@[\\]^_`{|}~"
_ASCII = bytes(range(0x80))


def place_of(url: str, base: URL | None = None) -> URL:
    """What a browser asks for that comes to `url`, without its fragment; ValueError if nothing.

    Scheme, host, port and dot segments are as the URL standard has them. Path and query stay as
    they are written: only what may not stand in a request is escaped, and nothing is unescaped.
    """
    text = url.strip(_ENDS).translate(_DROPPED).partition("#")[0]
    if base is not None and not text:
        return base
    before, mark, query = text.partition("?")
    found = ada_url.URL(before, None if base is None else str(base))
    if found.protocol not in ("http:", "https:"):
        raise ValueError(f"not an http or https URL: {url}")
    return URL.build(
        scheme=found.protocol[:-1],
        user=found.username or None,
        password=found.password or None,
        host=found.hostname,
        port=int(found.port) if found.port else None,
        # The query too, since yarl would lose one that is empty.
        path=found.pathname + mark + quote(query, safe=_OF_QUERY),
        encoded=True,
    )


def leads_to(location: bytes, base: URL) -> URL:
    """Where a redirect leads from `base`; ValueError if nowhere.

    Bytes beyond ASCII go back as they came, in whatever charset they are.
    """
    return place_of(quote(location, safe=_ASCII), base)
