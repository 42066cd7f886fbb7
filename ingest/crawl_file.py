"""Reads one crawl file, WAT or WARC or ready-made list, into the rows that land from it."""

from __future__ import annotations

import io
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import duckdb

from ingest.captions import CLEANING_VERSION
from ingest.html import parse_page
from ingest.lists import Columns, NotAList, list_kind, read_list
from ingest.pages import UnreadableRecord
from ingest.spool import Spool
from ingest.stream import NETWORK_ERRORS, GaveUp, opened, retrying, underlying
from ingest.warc import Damage, Record, read_records
from ingest.wat import parse_record

_HEAD_BYTES = 2**16
_MAX_ERROR_CHARS = 500


class NotACrawlFile(Exception):
    """The file holds nothing of what a crawl file holds."""


_FAILURES = (
    aiohttp.ClientError,
    OSError,
    GaveUp,
    NotACrawlFile,
    NotAList,
    duckdb.OutOfMemoryException,
)


@dataclass(kw_only=True)
class CrawlFile:
    """One attempt at one crawl file: its row in raw.crawl_files.

    `records` are the pages' records, or the rows of a list, `unreadable_records` what could not
    be read among them; `links` and `images` are what the pages hold; `pairs` are distinct
    (image_url, caption), and `sightings` how often they were seen.
    """

    crawl_id: str
    path: str
    outcome: str = "ok"
    error: str | None = None
    records: int = 0
    unreadable_records: int = 0
    links: int = 0
    images: int = 0
    pairs: int = 0
    sightings: int = 0
    bytes: int = 0
    seconds: float = 0.0
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))
    cleaning_version: int = CLEANING_VERSION


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one attempt brings: its row, and by table the Parquet files of what lands with it."""

    file: CrawlFile
    tables: Mapping[str, Sequence[Path]]


def read_crawl_file(
    location: str, *, crawl_id: str, path: str, folder: Path, columns: Columns | None = None
) -> Reading:
    """What one attempt at the crawl file at `location` (anything fsspec opens) brings.

    The outcome is ok; damaged (a part could not be read) or truncated (the end is missing), with
    what could be read; or not_found, http_error, network_error or unreadable, with nothing. What
    kind of file it is follows from its first bytes. `path` is the file's name in the lake,
    `folder` an empty one for the rows, `columns` name those of a list.
    """
    started = time.monotonic()
    file = CrawlFile(crawl_id=crawl_id, path=path)
    tables: Mapping[str, Sequence[Path]] = {}
    try:
        for attempt in retrying():
            with attempt:
                file = CrawlFile(crawl_id=crawl_id, path=path, started_at=file.started_at)
                tables = _read(location, file, folder, columns or Columns())
    except _FAILURES as error:
        file = CrawlFile(crawl_id=crawl_id, path=path, started_at=file.started_at, bytes=file.bytes)
        file.outcome, file.error = _failure(error)
        tables = {}
    file.seconds = time.monotonic() - started
    return Reading(file=file, tables=tables)


def _read(
    location: str, file: CrawlFile, folder: Path, columns: Columns
) -> Mapping[str, Sequence[Path]]:
    with opened(location) as stream:
        kind = list_kind(_unpacked(stream.peek(_HEAD_BYTES)), columns)
        if kind is None:
            return _read_records(stream, file, folder)
    return read_list(
        location,
        kind,
        crawl_id=file.crawl_id,
        path=file.path,
        columns=columns,
        folder=folder,
        counts=file,
    )


def _unpacked(head: bytes) -> bytes:
    if not head.startswith(b"\x1f\x8b"):
        return head
    try:
        return zlib.decompressobj(wbits=31).decompress(head, _HEAD_BYTES)
    except zlib.error:
        return b""


def _read_records(
    stream: io.BufferedReader, file: CrawlFile, folder: Path
) -> Mapping[str, Sequence[Path]]:
    folder.mkdir(parents=True, exist_ok=True)
    with Spool(folder) as spool:
        for found in read_records(stream):
            if isinstance(found, Record):
                _read_record(found, file, spool)
            else:
                file.unreadable_records += 1
            if isinstance(found, Damage):
                file.outcome = "truncated" if found.is_end else "damaged"
                file.error = file.error or found.reason
        file.bytes = stream.seek(0, io.SEEK_END) if stream.seekable() else stream.raw.tell()
        if not file.records:
            why = file.error or ("no page in it" if file.bytes else "it is empty")
            raise NotACrawlFile(f"neither WAT nor WARC nor list: {why}")
        file.pairs, pairs = spool.pairs(crawl_id=file.crawl_id, path=file.path)
        file.sightings = spool.sightings
    return {"raw.image_text_pairs": pairs}


def _read_record(record: Record, file: CrawlFile, spool: Spool) -> None:
    file.records += 1
    try:
        if record.kind == "wat":
            page = parse_record(record.body, record.page_url)
        else:
            page = parse_page(record.body, record.page_url, record.charset)
    except UnreadableRecord:
        file.unreadable_records += 1
        return
    file.links += page.links
    file.images += page.images
    spool.add(page, record.offset)


def _failure(error: BaseException) -> tuple[str, str]:
    """The outcome that an error is, and the words for it."""
    if isinstance(error, GaveUp) and error.__cause__:
        error = error.__cause__
    error = underlying(error)
    words = repr(error)[:_MAX_ERROR_CHARS]
    if isinstance(error, aiohttp.ClientResponseError):
        return ("not_found" if error.status in (404, 410) else "http_error"), words
    if isinstance(error, FileNotFoundError):
        return "not_found", words
    if isinstance(error, NotACrawlFile | NotAList):
        return "unreadable", str(error)[:_MAX_ERROR_CHARS]
    return ("network_error" if isinstance(error, NETWORK_ERRORS) else "unreadable"), words
