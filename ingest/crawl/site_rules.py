"""Reads of the robots.txt in a web archive whom each refuses its whole site, and which uses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from pairlake.ingest.crawl.records import Record, crawled_at
from pairlake.ingest.crawl.responses import MAX_PAGE_BYTES, response_of, unpacked
from pairlake.ingest.crawl.said_rows import WISH
from pairlake.ingest.images.optout import PREFERENCES, evidence_of, product_token, terms_in, wish
from pairlake.ingest.robots import ALL, groups, preference, rules_for, text_of
from pairlake.ingest.urls import absolute_url
from pairlake.lake.domains import host_of
from pairlake.lake.settings import settings

_MAX_NAMES, _MAX_NAME_CHARS = 1_000, 100
_ROWS_AT_ONCE = 2_000
_ROBOTS = "/robots.txt"
_BUSY = 429
# What matches every path.
_ALL_PATHS = ("/", "/*", "*")

_SCHEMA = pa.schema(
    {
        "origin": pa.string(),
        "host": pa.string(),
        "crawl_id": pa.string(),
        "path": pa.string(),
        "record_offset": pa.int64(),
        "refuses_us": pa.bool_(),
        "refused_agents": pa.list_(pa.string()),
        "named_agents": pa.list_(pa.string()),
        "wishes": pa.list_(WISH),
        "evidence": pa.string(),
        "heard_at": pa.timestamp("us"),
    }
)


class SiteRules:
    """The rows of raw.site_rules that one crawl file brings, in a file of `folder`."""

    def __init__(self, folder: Path, *, crawl_id: str, path: str) -> None:
        self._of_file = {"crawl_id": crawl_id, "path": path}
        self._file = folder / "site_rules.parquet"
        self._agent = product_token(settings().user_agent)
        self._waiting: list[dict[str, object]] = []
        self._writer: pq.ParquetWriter | None = None
        self.sites = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def add(self, record: Record) -> None:
        """Take the rules of a site, if its robots.txt is in the record as it answered with it.

        Raises UnreadableRecord for one that cannot be unpacked.
        """
        row = _row(record, self._agent)
        if row is None:
            return
        self._waiting.append({**row, **self._of_file})
        self.sites += 1
        if len(self._waiting) >= _ROWS_AT_ONCE:
            self._flush()

    def written(self) -> Sequence[Path]:
        """The files with the rows; none where no site said anything."""
        if self._waiting:
            self._flush()
        self.__exit__()
        return [self._file] if self.sites else []

    def _flush(self) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, _SCHEMA)
        self._writer.write_table(pa.Table.from_pylist(self._waiting, _SCHEMA))
        self._waiting = []


def _row(record: Record, agent: str) -> dict[str, object] | None:
    """What one robots.txt says; None of what is none, or of an answer that is none of the site's.

    That a site has none, by a status of the 400s, is an answer: nobody is refused anything. A
    server's fault or a redirect says nothing (RFC 9309, 2.3.1), nor does one that is too busy, as
    `fetch` has it.
    """
    origin = robots_origin(record.page_url)
    if origin is None:
        return None
    response = response_of(record)
    status = 200 if response.status is None else response.status
    if status != 200 and (status == _BUSY or not 400 <= status < 500):
        return None
    robots = text_of(unpacked(response, MAX_PAGE_BYTES)) if status == 200 else ""
    rules = rules_for(agent, robots)
    named, refused = _agents(robots)
    return {
        "origin": origin,
        "host": host_of(origin),
        "record_offset": record.offset,
        "refuses_us": _refuses_all(rules),
        "refused_agents": refused,
        "named_agents": named,
        "wishes": _wishes(rules),
        "evidence": evidence_of(" | ".join(rules)) or None,
        "heard_at": crawled_at(record.date),
    }


def robots_origin(url: str) -> str | None:
    """The origin whose rules lie at a URL, such as https://example.com; None if none do there.

    As URLs of images are spelled: in small letters, in punycode, without a port that goes unsaid.
    """
    # Most URLs of an archive of pages are none.
    place = absolute_url(url, "") if _ROBOTS in url else None
    parts = urlsplit(place or "")
    if parts.path != _ROBOTS or parts.query:
        return None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _refuses_all(rules: Sequence[str]) -> bool:
    """Whether rules refuse all of a site; where they allow a part of it, they do not."""
    return _closes(rules) and not _opens(rules)


def _closes(rules: Sequence[str]) -> bool:
    return any(field == "Disallow" and path in _ALL_PATHS for field, path in _said(rules))


def _opens(rules: Sequence[str]) -> bool:
    return any(field == "Allow" and path for field, path in _said(rules))


def _said(rules: Sequence[str]) -> list[tuple[str, str]]:
    parts = (rule.partition(": ") for rule in rules)
    return [(field, said) for field, _, said in parts]


def _agents(robots: str) -> tuple[list[str], list[str]]:
    """The agents that have a group of their own, and those to whom all of the site is closed.

    Groups of one name are one (RFC 9309, 2.2.1).
    """
    named: set[str] = set()
    closed: set[str] = set()
    opened: set[str] = set()
    for names, rules in groups(robots):
        names = {name for name in sorted(names) if len(name) <= _MAX_NAME_CHARS}
        named |= names
        closed |= names if _closes(rules) else set()
        opened |= names if _opens(rules) else set()
    kept = sorted(named)[:_MAX_NAMES]
    return kept, [name for name in kept if name in closed - opened]


def _wishes(rules: Sequence[str]) -> list[dict[str, str]]:
    """The terms of Content-Usage and Content-Signal that hold for all of a site."""
    return [
        wish(field, term, f"robots.txt: {field}: {said}")._asdict()
        for field, said in _said(rules)
        if field in PREFERENCES
        for path, preferences in [preference(said)]
        if path == ALL
        for term in terms_in(preferences)
    ]
