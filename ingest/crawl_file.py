"""Reads one WAT file, from disk or over the network, into pairs with their sightings."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

import aiohttp
import fsspec
import polars as pl
import pyarrow as pa
from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from ingest.captions import CLEANING_VERSION, clean_caption
from ingest.wat import Page, UnreadableRecord, parse_record
from lake.keys import with_pair_keys

TRIES = 4
FIRST_WAIT_S = 0.5
# Common Crawl cuts pages at 5 MB; a record beyond this is an attack or a broken length.
MAX_RECORD_BYTES = 64 * 2**20
_MAX_ERROR_CHARS = 500
NETWORK_ERRORS = (aiohttp.ClientError, ConnectionError, TimeoutError)

_SIGHTINGS = {
    "image_url": pl.String,
    "alt": pl.String,
    "page_url": pl.String,
    "license_url": pl.String,
    "record_offset": pl.Int64,
    "width_hint": pl.Int32,
    "height_hint": pl.Int32,
}
_SIGHTING = ("page_url", "license_url", "record_offset", "width_hint", "height_hint")

Row = tuple[str, str, str | None, str | None, int, int | None, int | None]


class NotACrawlFile(Exception):
    """The file ends too early, or is no WAT file at all."""


@dataclass(kw_only=True)
class CrawlFile:
    """One attempt at one crawl file: its row in raw.crawl_files.

    `records` are the metadata records with JSON, `unreadable_records` those among them that could
    not be parsed; `links` and `images` are what the pages hold; `pairs` are distinct (image_url,
    caption), and `sightings` how often they were seen. An attempt that fails lands no pairs.
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
    started_at: datetime
    cleaning_version: int = CLEANING_VERSION


def read_crawl_file(location: str, *, crawl_id: str, path: str) -> tuple[CrawlFile, pa.Table]:
    """What one attempt at the WAT file at `location` (anything fsspec opens) brings.

    Returns its row and its pairs, as raw.image_text_pairs has them; the outcome is ok, not_found,
    http_error, network_error or unreadable, and without pairs unless ok. A network that fails is
    tried again, from the start of the file, four times in all. `path` is the file's name in the
    lake.
    """
    started, started_at = time.monotonic(), datetime.now(UTC).replace(tzinfo=None)
    file = CrawlFile(crawl_id=crawl_id, path=path, started_at=started_at)
    try:
        for attempt in Retrying(
            stop=stop_after_attempt(TRIES),
            wait=wait_random_exponential(multiplier=FIRST_WAIT_S, max=30),
            retry=retry_if_exception(_is_passing),
            reraise=True,
        ):
            with attempt:
                file = CrawlFile(crawl_id=crawl_id, path=path, started_at=started_at)
                with fsspec.open(location, "rb") as stream:
                    pairs = _pairs(file, _sightings(stream, file))
    except (aiohttp.ClientError, OSError, NotACrawlFile) as error:
        file.outcome, file.error = _outcome(error), repr(_underlying(error))[:_MAX_ERROR_CHARS]
        pairs = _pairs(file, [])
    file.seconds = time.monotonic() - started
    return file, pairs


def _sightings(stream: IO[bytes], file: CrawlFile) -> list[Row]:
    """Every sighting of the file, as rows of _SIGHTINGS; counts into `file` while reading."""
    rows: list[Row] = []
    kinds = WarcRecordType.metadata | WarcRecordType.warcinfo
    others = offset = 0
    for record in ArchiveIterator(stream, record_types=kinds, parse_http=False):
        offset = record.stream_pos
        if record.record_type == WarcRecordType.warcinfo or not _is_json(record):
            others += 1
            continue
        file.records += 1
        try:
            page = _page(record)
        except UnreadableRecord:
            file.unreadable_records += 1
            continue
        file.links += page.links
        file.images += page.images
        rows += [
            (url, alt, page.page_url, page.license_url, offset, width, height)
            for url, alt, width, height in page.sightings
        ]
    file.bytes = stream.tell()
    if not file.records:
        raise NotACrawlFile(f"no WAT record in it, and {others} others; give a .warc.wat.gz file")
    _check_end(stream, offset)
    return rows


def _check_end(stream: IO[bytes], offset: int) -> None:
    """Raise NotACrawlFile if the gzip members from `offset`, that of the last record, are cut off.

    fastwarc takes a member that breaks off before its record begins for the end of the file.
    """
    try:
        stream.seek(offset)
    except ValueError:
        return  # http without a length: its chunks have an end of their own, which aiohttp checks
    rest = stream.read()
    while rest.startswith(b"\x1f"):
        member = zlib.decompressobj(wbits=31)
        member.decompress(rest)
        if not member.eof:
            raise NotACrawlFile("the file ends within a record")
        rest = member.unused_data


def _is_json(record: WarcRecord) -> bool:
    return str(record.headers.get("Content-Type", "")).startswith("application/json")


def _page(record: WarcRecord) -> Page:
    if record.content_length > MAX_RECORD_BYTES:
        raise UnreadableRecord(f"{record.content_length} bytes in one record")
    body = record.reader.read()
    if len(body) < record.content_length:
        raise NotACrawlFile("the file ends within a record")
    return parse_record(body, record.headers.get("WARC-Target-URI") or "")


def _pairs(file: CrawlFile, rows: list[Row]) -> pa.Table:
    """One row per distinct (image_url, caption), with keys; counts into `file`."""
    sightings = pl.DataFrame(rows, _SIGHTINGS, orient="row")
    alts = sightings["alt"].unique(maintain_order=True)
    captions = pl.DataFrame({"alt": alts, "caption": alts.map_elements(clean_caption, pl.String)})
    captioned = sightings.join(captions, on="alt", maintain_order="left").filter(
        pl.col("caption") != ""
    )
    pairs = captioned.group_by("image_url", "caption", maintain_order=True).agg(
        pl.struct(_SIGHTING).alias("sightings"), pl.len().cast(pl.Int32).alias("occurrences")
    )
    file.pairs, file.sightings = pairs.height, captioned.height
    named = pairs.with_columns(crawl_id=pl.lit(file.crawl_id), path=pl.lit(file.path))
    return with_pair_keys(named.to_arrow())


def _is_passing(error: BaseException) -> bool:
    """Whether to try again: the network or the other side is to blame, and may be better soon."""
    error = _underlying(error)
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status >= 500 or error.status == 429
    return isinstance(error, NETWORK_ERRORS)


def _outcome(error: BaseException) -> str:
    error = _underlying(error)
    if isinstance(error, aiohttp.ClientResponseError):
        return "not_found" if error.status in (404, 410) else "http_error"
    if isinstance(error, FileNotFoundError):
        return "not_found"
    return "network_error" if isinstance(error, NETWORK_ERRORS) else "unreadable"


def _underlying(error: BaseException) -> BaseException:
    """The error itself: fsspec says of any http failure at first that there is no such file."""
    told = isinstance(error, FileNotFoundError) and isinstance(error.__cause__, NETWORK_ERRORS)
    return error.__cause__ if told and error.__cause__ else error
