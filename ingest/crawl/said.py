"""Reads what a page says of itself: its language, its licence, and what it wishes of its use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from multidict import CIMultiDict, CIMultiDictProxy

from pairlake.ingest.crawl.pages import ImageLicense, Said
from pairlake.ingest.images.optout import (
    PREFERENCES,
    RESERVATIONS,
    RSL,
    Wish,
    rsl_in,
    wish,
    wishes_in,
)
from pairlake.ingest.urls import Base
from pairlake.lake.errors import as_text
from pairlake.lake.passwords import has_login

# So many <meta>s of a page that tell something are read.
MAX_METAS = 100
# What is longer is no tag of a language.
_MAX_LANGUAGE_CHARS = 100
# More of a header, or of a <meta>, is not read; each may come so many times.
_MAX_CHARS = 2_000
_MAX_TIMES = 16
_MAX_WISHES = 64
_MAX_TERM_CHARS = 100
# The <meta>s that tell something, beside those by the name of an agent.
_OPEN_GRAPH = frozenset({"og:image", "og:image:url", "og:image:alt"})
TELLING = frozenset({"robots", "tdm-reservation", "tdm-policy"}) | _OPEN_GRAPH
_HEADERS = frozenset(
    {"x-robots-tag", "tdm-reservation", "tdm-policy", "link", *map(str.lower, PREFERENCES)}
)


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
    for rel in rels:
        if "license" in rel.rel.lower().split() and (url := _lead(rel.url, base)):
            if rel.type.strip().lower() == RSL:
                rsl_url = rsl_url or url
            else:
                license_url = license_url or url
    if rsl_url is None and "link" in headers:
        # What a header says is relative to the page itself.
        beside = (_lead(url, Base(page_url)) for url in rsl_in(headers["link"]))
        rsl_url = next(filter(None, beside), None)
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
    told: dict[str, str] = {}
    for name, content in metas:
        if name in ("robots", agent):
            wishes += _robots(name, content[:_MAX_CHARS]) if len(wishes) < _MAX_WISHES else ()
        elif name.startswith("tdm-"):
            told.setdefault(name, content)
    if told and (reserved := told.get("tdm-reservation", "").strip()) in RESERVATIONS:
        policy = told.get("tdm-policy", "none")
        evidence = f"tdm-reservation: {reserved}; tdm-policy: {policy}"
        wishes.append(wish("tdm-reservation", reserved, evidence))
    if headers:
        pairs = [(name, value) for name, values in headers.items() for value in values]
        wishes += wishes_in(CIMultiDictProxy(CIMultiDict(pairs)), agent)
    return wishes


# Most pages of a site say the same.
@lru_cache(maxsize=1_000)
def _robots(name: str, content: str) -> tuple[Wish, ...]:
    # What has a value, such as max-snippet, says nothing of use. Some leave the commas out.
    words = (
        word for part in content.lower().split(",") if ":" not in part for word in part.split()
    )
    terms = dict.fromkeys(word for word in words if len(word) <= _MAX_TERM_CHARS)
    evidence = f'<meta name="{name}" content="{content}">'
    return tuple(wish("robots", term, evidence) for term in islice(terms, _MAX_TIMES))


def _lead(href: str, base: Base) -> str | None:
    url = base.join(href)
    return None if url is None or has_login(url) else url
