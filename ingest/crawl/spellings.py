"""The spellings under which a request may stand in the lake: as it is, as a crawl lands it, others.

Ready-made lists land word for word; what a crawl brings is cleaned, today and by the rules of
versions before. What else means the same is looked for in the lake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit, urlunsplit

import duckdb
import polars as pl
import pyarrow as pa
from ada_url import idna_to_unicode

from pairlake.ingest.crawl.captions import (
    clean_caption,
    former_caption,
    former_captions_of_any,
    is_plain_caption,
)
from pairlake.ingest.urls import absolute_url, without_brackets
from pairlake.lake.addresses import is_plain_host, is_plain_url, same_host, same_url
from pairlake.lake.forgotten import PAGE, domains_of
from pairlake.lake.passwords import without_passwords

_ROWS_AT_ONCE = 50_000
_URLS = """
(
    select image_url as url from lake.raw.image_text_pairs
    union all
    select final_url as url from lake.raw.downloads
)
"""
_PAGES = f"""
(
    select {PAGE} as url
    from (select unnest(sightings) as sighting from lake.raw.image_text_pairs)
)
"""
_SAME_URL = f"""
select meant, url
from (
    select same_url(url) as meant, url
    from (select distinct url from {{rows}} where not {is_plain_url("url")})
)
where meant in (select text from wanted)
"""
_SAME_HOST = f"""
select distinct domain, host
from ({domains_of(_URLS, "url")})
where domain in (select text from wanted) and not {is_plain_host("host")}
"""
_CAPTIONS = f"""
select distinct caption
from lake.raw.image_text_pairs
where not {is_plain_caption("caption")}
"""


def spellings(kind: str, value: str, *, any_scheme: bool = True) -> set[str]:
    """Every known spelling of the value of a request; `kind` is one of lake.requests.KINDS.

    Unless `any_scheme` is false, a URL means http and https.
    """
    if kind == "caption":
        found = {value.strip(), clean_caption(value), former_caption(value)}
    elif kind == "domain":
        value = value.strip()
        meant = same_host(value)
        found = {value.lower().strip("."), meant, idna_to_unicode(meant.encode())}
    elif kind in ("url", "page"):
        value = without_brackets(value.strip())
        same = _same(value, any_scheme)
        found = {absolute_url(value, "") or value, _former_url(value), *same}
        # As the place lands to which a redirect led.
        found |= {without_passwords(url) for url in same} if kind == "url" else set()
    else:
        value, found = value.strip(), set()
    return {value, *filter(None, found)}


def found_in_lake(
    con: duckdb.DuckDBPyConnection, wanted: Mapping[str, list[str]]
) -> Iterator[tuple[str, str, str]]:
    """What has landed in a spelling of its own: its kind, which of `wanted` it means, and it."""
    queries = {
        "url": _SAME_URL.format(rows=_URLS),
        "page": _SAME_URL.format(rows=_PAGES),
        "domain": _SAME_HOST,
    }
    for kind, query in queries.items():
        if wanted.get(kind):
            con.register("wanted", pa.table({"text": wanted[kind]}))
            yield from ((kind, meant, text) for meant, text in con.execute(query).fetchall())
    if wanted.get("caption"):
        asked = set(wanted["caption"])
        for batch in con.execute(_CAPTIONS).to_arrow_reader(_ROWS_AT_ONCE):
            captions = pl.Series(batch["caption"])
            meant = former_captions_of_any(captions).to_list()
            for text, spelling in zip(captions.to_list(), meant, strict=True):
                if spelling in asked:
                    yield "caption", spelling, text


def _same(url: str, any_scheme: bool) -> set[str]:
    """By what it means, and by what it means under the other scheme."""
    meant = same_url(url)
    scheme, colon, rest = meant.partition("://")
    others = {"http": "https", "https": "http"}
    if not any_scheme or scheme not in others:
        return {meant}
    return {meant, same_url(others[scheme] + colon + rest)}


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
