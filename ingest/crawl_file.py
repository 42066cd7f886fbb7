"""Reads one crawl file, WAT or WARC or ready-made list, into the rows that land from it."""

from __future__ import annotations

import io
import os
import signal
import time
import zlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import aiohttp

from ingest.html import parse_page
from ingest.list_file import Columns, NotAList, list_kind
from ingest.lists import read_list
from ingest.pages import Page, UnreadableRecord
from ingest.reading import CrawlFile, Reading
from ingest.spool import Spool
from ingest.stream import NETWORK_ERRORS, GaveUp, opened, retrying, underlying
from ingest.warc import Damage, Failed, Record, read_records
from ingest.wat import parse_record
from lake.errors import as_text, in_words

_HEAD_BYTES = 2**16
# CPU seconds for one page. What takes longer is made so: some HTML takes the square of its length.
PAGE_SECONDS = 10.0


class NotACrawlFile(Exception):
    """The file holds nothing of what a crawl file holds."""


class Mark:
    """Notes in a folder which page is being read, for whoever finds that the process died."""

    _NAME = "record_offset"

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / self._NAME, os.O_WRONLY | os.O_CREAT)

    def set(self, offset: int) -> None:
        """The record that begins at `offset` of the crawl file is next."""
        os.pwrite(self._file, offset.to_bytes(8), 0)

    def close(self) -> None:
        """Nothing more is noted."""
        os.close(self._file)

    @classmethod
    def last(cls, folder: Path) -> int | None:
        """The offset that was noted last in `folder`, if any was."""
        try:
            return int.from_bytes((folder / cls._NAME).read_bytes())
        except FileNotFoundError:
            return None


def read_crawl_file(
    location: str,
    *,
    crawl_id: str,
    path: str,
    folder: Path,
    columns: Columns | None = None,
    passed_over: Collection[int] = (),
) -> Reading:
    """What one attempt at the crawl file at `location` (anything fsspec opens) brings.

    The outcome is ok; damaged (a part could not be read), truncated (the end is missing) or failed
    (an error that nobody foresaw), with what could be read; or not_found, http_error, network_error
    or unreadable, with nothing. What kind of file it is follows from its first bytes. `path` is the
    file's name in the lake, `folder` an empty one for the rows, `columns` name those of a list; the
    records that begin at `passed_over` count as unreadable. A page that takes more than
    PAGE_SECONDS ends the process: `Mark.last` says where.
    """
    started = time.monotonic()
    file = CrawlFile(crawl_id=crawl_id, path=path)
    tables: Mapping[str, Sequence[Path]] = {}
    try:
        for attempt in retrying():
            with attempt:
                file = CrawlFile(crawl_id=crawl_id, path=path, started_at=file.started_at)
                tables = _read(location, file, folder, columns or Columns(), passed_over)
    except Exception as error:  # noqa: BLE001 - no file ends the run
        file = CrawlFile(crawl_id=crawl_id, path=path, started_at=file.started_at, bytes=file.bytes)
        file.outcome, file.error = _failure(error)
        tables = {}
    file.seconds = time.monotonic() - started
    return Reading(file=file, tables=tables)


def _read(
    location: str, file: CrawlFile, folder: Path, columns: Columns, passed_over: Collection[int]
) -> Mapping[str, Sequence[Path]]:
    with opened(location) as stream:
        kind = list_kind(_unpacked(stream.peek(_HEAD_BYTES)), columns)
        if kind is None:
            return _read_records(stream, file, folder, passed_over)
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
    stream: io.BufferedReader, file: CrawlFile, folder: Path, passed_over: Collection[int]
) -> Mapping[str, Sequence[Path]]:
    folder.mkdir(parents=True, exist_ok=True)
    with Spool(folder, partial(_note_failure, file)) as spool, closing(Mark(folder)) as mark:
        for found in read_records(stream):
            if isinstance(found, Record):
                if found.kind == "html":
                    mark.set(found.offset)
                _read_record(found, file, spool, passed_over)
            else:
                file.unreadable_records += 1
            if isinstance(found, Failed):
                _note_failure(file, found.offset, found.reason)
            elif isinstance(found, Damage) and file.outcome != "failed":
                file.outcome = "truncated" if found.is_end else "damaged"
                file.error = file.error or found.reason
        file.bytes = stream.seek(0, io.SEEK_END) if stream.seekable() else stream.raw.tell()
        if not file.records:
            why = file.error or ("no page in it" if file.bytes else "it is empty")
            raise NotACrawlFile(f"neither WAT nor WARC with pages, nor a list: {why}")
        file.pairs, pairs = spool.pairs(crawl_id=file.crawl_id, path=file.path)
        file.sightings = spool.sightings
    return {"raw.image_text_pairs": pairs}


def _read_record(
    record: Record, file: CrawlFile, spool: Spool, passed_over: Collection[int]
) -> None:
    file.records += 1
    try:
        if record.offset in passed_over:
            raise UnreadableRecord("a process died of it")
        if record.kind == "wat":
            page = parse_record(record.body, record.page_url)
        else:
            page = _page_in_time(record)
    except UnreadableRecord:
        file.unreadable_records += 1
        return
    except Exception as error:  # noqa: BLE001 - no page ends the reading of its file
        file.unreadable_records += 1
        _note_failure(file, record.offset, in_words(error))
        return
    file.links += page.links
    file.images += page.images
    spool.add(page, record.offset)


def _note_failure(file: CrawlFile, offset: int, words: str) -> None:
    """Something of the record at `offset` raised what nobody foresaw; the first is said."""
    if file.outcome != "failed":
        file.outcome, file.error = "failed", as_text(f"record at {offset}: {words}")


def _page_in_time(record: Record) -> Page:
    # The alarm is not handled: it kills, also in the midst of the parser's C.
    signal.setitimer(signal.ITIMER_VIRTUAL, PAGE_SECONDS)
    try:
        return parse_page(record.body, record.page_url, record.charset)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _failure(error: BaseException) -> tuple[str, str]:
    """The outcome that an error is, `failed` if nobody foresaw it, and the words for it."""
    if isinstance(error, GaveUp) and error.__cause__:
        error = error.__cause__
    error = underlying(error)
    words = as_text(repr(error))
    if isinstance(error, aiohttp.ClientResponseError):
        return ("not_found" if error.status in (404, 410) else "http_error"), words
    if isinstance(error, FileNotFoundError):
        return "not_found", words
    if isinstance(error, NotACrawlFile | NotAList):
        return "unreadable", as_text(str(error))
    if isinstance(error, NETWORK_ERRORS):
        return "network_error", words
    is_foreseen = isinstance(error, aiohttp.ClientError | OSError | GaveUp)
    return ("unreadable", words) if is_foreseen else ("failed", in_words(error))
