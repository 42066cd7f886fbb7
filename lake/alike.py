"""Finds what in the lake is nearest to what matches nothing, for who asked to look at."""

from __future__ import annotations

from typing import Any

import duckdb

from pairlake.lake.addresses import same_host, same_url
from pairlake.lake.domains import host_of, registrable_domain
from pairlake.lake.forgotten import PAGE, domains_of

MOST = 3
_DIGITS_OF_ID = 32
# Below this two texts have little in common (Jaro-Winkler, 1 for equal ones).
_NEAR = 0.8
# What a text is compared by.
_CHARS = 200
_PAIRS = "lake.raw.image_text_pairs"
_URLS = "(select image_url as url from {pairs})"
_PAGES = f"""
(
    select {PAGE} as url
    from (select unnest(sightings) as sighting from lake.raw.image_text_pairs)
)
"""
_OF_DOMAIN = f"""
select url
from {{rows}}
where contains(lower(url), $domain)
group by url
order by
    contains(url, $place) desc,
    jaro_winkler_similarity(url[:{_CHARS}], $meant[:{_CHARS}]) desc,
    url
limit {MOST}
"""
_DOMAINS = f"""
select domain
from ({{domains}})
where
    contains(domain, '.')
    and (
        contains(domain, $domain)
        or jaro_winkler_similarity(domain[:{_CHARS}], $meant[:{_CHARS}]) >= {_NEAR}
    )
group by domain
order by
    registrable_domain(domain) is not distinct from $domain desc,
    jaro_winkler_similarity(domain[:{_CHARS}], $meant[:{_CHARS}]) desc,
    domain
limit {MOST}
"""
# By its image_id, which has as many digits as an md5.
_PICTURES = """
select lower(hex(sha256)) from lake.raw.images where image_id = $meant::uuid limit 1
"""
_CAPTIONS = f"""
select caption
from (
    select
        caption,
        jaro_winkler_similarity(lower(caption[:{_CHARS}]), lower($meant[:{_CHARS}])) as likeness
    from (select distinct caption from {{pairs}})
)
where likeness >= {_NEAR}
order by likeness desc, caption
limit {MOST}
"""


def alike(
    con: duckdb.DuckDBPyConnection, kind: str, value: str, *, pairs: str = _PAIRS
) -> list[str]:
    """At most MOST values of a kind that have landed, the nearest to `value` first.

    URLs with the same host and path come first, then those of the same registrable domain; for a
    domain without any, domains that look like it. A hash has no neighbours, but it may be an id.
    `pairs` is where URLs, domains and captions are looked for: it has `image_url` and `caption`.
    """
    if kind == "caption":
        return _told(con, _CAPTIONS.format(pairs=pairs), meant=value)
    if kind == "domain":
        return _domains(con, same_host(value), pairs)
    if kind == "image_hash":
        digits = value.strip()
        return _told(con, _PICTURES, meant=digits) if len(digits) == _DIGITS_OF_ID else []
    meant = same_url(value)
    domain = registrable_domain(host_of(meant))
    place = meant.partition("://")[2].partition("?")[0]
    rows = _URLS.format(pairs=pairs) if kind == "url" else _PAGES
    query = _OF_DOMAIN.format(rows=rows)
    found = _told(con, query, domain=domain, place=place, meant=meant) if domain else []
    return found or _domains(con, host_of(meant), pairs)


def _domains(con: duckdb.DuckDBPyConnection, host: str, pairs: str) -> list[str]:
    query = _DOMAINS.format(domains=domains_of(pairs, "image_url"))
    return _told(con, query, domain=registrable_domain(host), meant=host) if host else []


def _told(con: duckdb.DuckDBPyConnection, query: str, **values: Any) -> list[str]:
    return [printable(text) for (text,) in con.execute(query, values).fetchall()]


def printable(text: str) -> str:
    """What strangers wrote, so that nothing of it steers a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)
