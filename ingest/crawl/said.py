"""Reads what a page says of itself: its language, its licence, and what it wishes of its use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from pairlake.ingest.crawl.pages import ImageLicense, Said
from pairlake.ingest.images.optout import Wish, directives_in, terms_in
from pairlake.ingest.urls import Base
from pairlake.lake.errors import as_text
from pairlake.lake.passwords import has_login

MAX_EVIDENCE_CHARS = 300
# What is longer is no tag of a language.
_MAX_LANGUAGE_CHARS = 100
# More of a header, or of a <meta>, is not read; each may come so many times.
_MAX_CHARS = 2_000
_MAX_TIMES = 16
_MAX_WISHES = 64
_MAX_TERM_CHARS = 100
_RSL = "application/rsl+xml"
# The <meta>s that tell something, beside those by the name of an agent.
_OPEN_GRAPH = frozenset({"og:image", "og:image:url", "og:image:alt"})
TELLING = frozenset({"robots", "tdm-reservation", "tdm-policy"}) | _OPEN_GRAPH
_HEADERS = frozenset({"x-robots-tag", "tdm-reservation", "tdm-policy", "content-usage", "link"})
# Of a `Link` header one link, with its parameters (RFC 8288).
_LINK = re.compile(r"<([^<>]*)>([^<>]*)")
_PARAMETER = re.compile(r";\s*(rel|type)\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)


class Meta(NamedTuple):
    """One <meta>: its `name`, or `property`, in small letters, and its content."""

    name: str
    content: str


class Rel(NamedTuple):
    """One link of a page that has a `rel`; the URL as it is written, the type empty if untold."""

    url: str
    rel: str
    type: str = ""


def said_by(
    language: str | None,
    metas: Sequence[Meta],
    rels: Sequence[Rel],
    headers: Mapping[str, Sequence[str]],
    base: Base,
    page_url: str,
    agent: str,
    heard_at: datetime | None,
    image_licenses: Sequence[ImageLicense] = (),
) -> Said:
    """What a page says of itself in its <meta>s, its links and the headers of its answer.

    `headers` are those of `headers_of`; what is meant for others than `agent`, a product token in
    small letters, is left out.
    """
    rights = _rights(metas, headers, agent)
    license_url = rsl_url = None
    if rels or "link" in headers:
        for url, is_rsl in _licenses(rels, headers.get("link", ()), base, page_url):
            if is_rsl:
                rsl_url = rsl_url or url
            else:
                license_url = license_url or url
    return Said(language, license_url, rsl_url, rights, heard_at, image_licenses)


def headers_of(headers: Iterable[tuple[str, object]]) -> dict[str, list[str]]:
    """Of the headers of an answer those that say something of its use, by small names, cut.

    A WAT has a header that came repeatedly as a list.
    """
    found: dict[str, list[str]] = {}
    for header, value in headers:
        if (name := header.lower()) in _HEADERS:
            values = value if isinstance(value, list) else [value]
            kept = found.setdefault(name, [])
            kept += [each[:_MAX_CHARS] for each in values if isinstance(each, str)]
            del kept[_MAX_TIMES:]
    return found


def language_of(*values: object) -> str | None:
    """The first value of `lang` and its likes that may be a language, as it is written."""
    for value in values:
        if isinstance(value, str) and (language := value[: 2 * _MAX_LANGUAGE_CHARS].strip()):
            return _language(language) if len(language) <= _MAX_LANGUAGE_CHARS else None
    return None


_language = lru_cache(maxsize=1_000)(as_text)


def shared_images(metas: Iterable[Meta]) -> Iterator[tuple[str, str]]:
    """The URLs of og:image that have an og:image:alt, with it, which stands behind them."""
    url: str | None = None
    for name, content in islice((meta for meta in metas if meta.name in _OPEN_GRAPH), 64):
        if name == "og:image:alt":
            if url and content and not content.isspace():
                yield url, content
            url = None
        # `og:image:url` says the same again, `og:image:secure_url` where it is over TLS.
        elif name == "og:image" or url is None:
            url = content


def _rights(
    metas: Sequence[Meta], headers: Mapping[str, Sequence[str]], agent: str
) -> Sequence[Wish]:
    wishes: list[Wish] = []
    for name, content in metas:
        if name in ("robots", agent) and len(wishes) < _MAX_WISHES:
            wishes += _robots(name, content[:_MAX_CHARS])
    if any(meta.name == "tdm-reservation" for meta in metas):
        wishes += _reserved("tdm-reservation", "tdm-policy", dict(reversed(metas)))
    return [*wishes, *_of_headers(headers, agent)] if headers else wishes


# Most pages of a site say the same.
@lru_cache(maxsize=1_000)
def _robots(name: str, content: str) -> tuple[Wish, ...]:
    evidence = _evidence(f'<meta name="{name}" content="{content}">')
    # Without a colon some part them by white space alone.
    parts = ([part.strip()] if ":" in part else part.split() for part in content.lower().split(","))
    terms = dict.fromkeys(term for part in parts for term in part if term)
    return tuple(Wish("robots", _term(term), evidence) for term in islice(terms, _MAX_TIMES))


def _of_headers(headers: Mapping[str, Sequence[str]], agent: str) -> Iterator[Wish]:
    for value in headers.get("x-robots-tag", ()):
        evidence = _evidence(f"X-Robots-Tag: {value}")
        for directive in directives_in([value], agent):
            yield Wish("X-Robots-Tag", _term(directive), evidence)
    first = {name: values[0] for name, values in headers.items() if values}
    yield from _reserved("TDM-Reservation", "TDM-Policy", first)
    usage = ", ".join(headers.get("content-usage", ()))
    evidence = _evidence(f"Content-Usage: {usage}") if usage else ""
    for term in terms_in(usage):
        yield Wish("Content-Usage", _term(term), evidence)


def _reserved(name: str, beside: str, told: Mapping[str, str]) -> Iterator[Wish]:
    value = told.get(name.lower(), "").strip()
    if value in ("0", "1"):
        policy = told.get(beside.lower(), "")
        more = f"; {beside}: {policy[:_MAX_CHARS]}" if policy else ""
        yield Wish(name, value, _evidence(f"{name}: {value}{more}"))


def _licenses(
    rels: Iterable[Rel], links: Iterable[str], base: Base, page_url: str
) -> Iterator[tuple[str, bool]]:
    """Where the links with `rel=license` lead, those of the page first, and whether to an RSL."""
    for rel in rels:
        if "license" in rel.rel.lower().split() and (url := _lead(rel.url, base)):
            yield url, rel.type.strip().lower() == _RSL
    for link in links:
        for found in islice(_LINK.finditer(link), _MAX_TIMES):
            told = {each[0].lower(): each[1] or each[2] for each in _PARAMETER.findall(found[2])}
            is_license = "license" in told.get("rel", "").lower().split()
            # What a header says is relative to the page itself.
            if is_license and (url := _lead(found[1], Base(page_url))):
                yield url, told.get("type", "").strip().lower() == _RSL


def _lead(href: str, base: Base) -> str | None:
    url = base.join(href)
    return None if url is None or has_login(url) else url


def _evidence(text: str) -> str:
    return as_text(text)[:MAX_EVIDENCE_CHARS]


def _term(text: str) -> str:
    return as_text(text)[:_MAX_TERM_CHARS]
