"""Reads one crawl file: WAT, web archive, list or pictures, into the rows that land from it."""

from __future__ import annotations

import io
import signal
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from pairlake.ingest.crawl.archived import take_images
from pairlake.ingest.crawl.captioned.members import is_tar
from pairlake.ingest.crawl.captioned.read import read_captioned
from pairlake.ingest.crawl.html import parse_page
from pairlake.ingest.crawl.lists.layout import Columns, list_kind
from pairlake.ingest.crawl.lists.read import on_disk, read_list
from pairlake.ingest.crawl.mark import Mark
from pairlake.ingest.crawl.pages import Page, UnreadableRecord
from pairlake.ingest.crawl.reading import CrawlFile, Reading
from pairlake.ingest.crawl.records import (
    Damage,
    Failed,
    Found,
    Other,
    Record,
    Unreadable,
    crawled_at,
)
from pairlake.ingest.crawl.responses import html_of
from pairlake.ingest.crawl.site_rules import SiteRules, robots_origin
from pairlake.ingest.crawl.spool import Spool
from pairlake.ingest.crawl.stream import opened, retrying
from pairlake.ingest.crawl.unread import NotACrawlFile, failure, what_it_is
from pairlake.ingest.crawl.wacz import ZIP, read_wacz
from pairlake.ingest.crawl.warc import read_records
from pairlake.ingest.crawl.wat import parse_record
from pairlake.ingest.images.blocked import Blocked
from pairlake.ingest.images.optout import product_token
from pairlake.ingest.unpacking import sniffed, unpack
from pairlake.lake.errors import as_text, in_words
from pairlake.lake.settings import settings
from pairlake.lake.tombstones import SITE_RULES

_HEAD_BYTES = 2**16
# CPU seconds for one page. What takes longer is made so: some HTML takes the square of its length.
PAGE_SECONDS = 10.0


def read_crawl_file(
    location: str,
    *,
    crawl_id: str,
    path: str,
    folder: Path,
    columns: Columns | None = None,
    passed_over: Collection[int] = (),
    blocked: Blocked | None = None,
) -> Reading:
    """What one attempt at the crawl file at `location` (anything fsspec opens) brings.

    The outcome is ok; damaged (a part could not be read), truncated (the end is missing) or failed
    (an error that nobody foresaw), with what could be read; or not_found, http_error, network_error
    or unreadable, with nothing. What kind of file it is follows from its first bytes. `path` is the
    file's name in the lake, `folder` an empty one for the rows, `columns` name those of a list; the
    records whose numbers are `passed_over` count as unreadable. A page that takes more than
    PAGE_SECONDS ends the process: `Mark.last` says where. Where `blocked` says what is not to be
    kept, the bytes of the pages' images are taken as well, as far as the file holds them. A
    location that ends with / is a folder of pictures; of these, and of a tar's, it must say so.
    """
    started = time.monotonic()
    file = CrawlFile(crawl_id=crawl_id, path=path)
    tables: Mapping[str, Sequence[Path]] = {}
    try:
        for attempt in retrying():
            with attempt:
                file = CrawlFile(crawl_id=crawl_id, path=path, started_at=file.started_at)
                tables = _read(location, file, folder, columns or Columns(), passed_over, blocked)
    except Exception as error:  # noqa: BLE001 - no file ends the run
        file = CrawlFile(crawl_id=crawl_id, path=path, started_at=file.started_at, bytes=file.bytes)
        file.outcome, file.error = failure(error)
        tables = {}
    file.seconds = time.monotonic() - started
    return Reading(file=file, tables=tables)


def _read(
    location: str,
    file: CrawlFile,
    folder: Path,
    columns: Columns,
    passed_over: Collection[int],
    blocked: Blocked | None,
) -> Mapping[str, Sequence[Path]]:
    if location.endswith("/"):
        return read_captioned(location, columns, folder, file, blocked)
    with opened(location) as stream:
        head = _unpacked(stream.peek(_HEAD_BYTES))
        kind = "tar" if is_tar(head) else list_kind(head, columns)
        if kind is None:
            if blocked is None:
                return _read_records(stream, file, folder, passed_over)
            return _read_with_bytes(location, file, folder, passed_over, blocked)
    if kind == "tar":
        return read_captioned(location, columns, folder, file, blocked)
    file.downloads = None if blocked is None else 0
    return read_list(
        location,
        kind,
        crawl_id=file.crawl_id,
        path=file.path,
        columns=columns,
        folder=folder,
        counts=file,
    )


def _read_with_bytes(
    location: str, file: CrawlFile, folder: Path, passed_over: Collection[int], blocked: Blocked
) -> Mapping[str, Sequence[Path]]:
    """What the pages show, and the bytes of it: the records are read thrice, from the disk."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = on_disk(location, folder)
    try:
        with opened(str(copy)) as stream:
            tables = _read_records(stream, file, folder, passed_over)

            def responses() -> Iterator[Record]:
                stream.seek(0)
                with closing(Mark(folder)) as mark:
                    for number, found in enumerate(_records(stream)):
                        if not isinstance(found, Record) or found.kind == "wat":
                            continue
                        if number not in passed_over:
                            mark.set(number)
                            yield found

            file.downloads, images = take_images(
                responses,
                tables["raw.image_text_pairs"],
                blocked,
                folder,
                partial(_note_failure, file),
            )
    finally:
        copy.unlink()
    return {**tables, **images}


def _records(stream: io.BufferedReader) -> Iterator[Found | Damage | Failed]:
    is_zip = stream.peek(len(ZIP)).startswith(ZIP) and stream.seekable()
    return read_wacz(stream) if is_zip else read_records(stream)


def _unpacked(head: bytes) -> bytes:
    return unpack(head, sniffed(head), _HEAD_BYTES).body


def _read_records(
    stream: io.BufferedReader, file: CrawlFile, folder: Path, passed_over: Collection[int]
) -> Mapping[str, Sequence[Path]]:
    folder.mkdir(parents=True, exist_ok=True)
    head = _unpacked(stream.peek(_HEAD_BYTES))
    is_archive = False
    agent = product_token(settings().user_agent).lower()
    names = {"crawl_id": file.crawl_id, "path": file.path}
    with (
        Spool(folder, partial(_note_failure, file), **names) as spool,
        SiteRules(folder, **names) as sites,
        closing(Mark(folder)) as mark,
    ):
        for number, found in enumerate(_records(stream)):
            if isinstance(found, Damage | Failed):
                _note(found, file)
                continue
            is_archive = True
            if isinstance(found, Record) and found.kind != "wat":
                mark.set(number)
            _take(found, file, spool, sites, agent, is_deadly=number in passed_over)
        file.bytes = stream.seek(0, io.SEEK_END) if stream.seekable() else stream.raw.tell()
        if not is_archive:
            raise NotACrawlFile(what_it_is(head, file.error))
        file.pairs, pairs = spool.pairs()
        file.sightings, file.with_login = spool.sightings, spool.with_login
        file.sites = sites.sites
        return {
            "raw.image_text_pairs": pairs,
            SITE_RULES: sites.written(),
            **spool.said(),
        }


def _take(
    found: Found,
    file: CrawlFile,
    spool: Spool,
    sites: SiteRules,
    agent: str,
    *,
    is_deadly: bool,
) -> None:
    """Count a record as one of a page, read or not, or as another; take what its page shows."""
    try:
        if is_deadly:
            raise UnreadableRecord("a process died of it")
        page = _page(found, agent, sites)
    except UnreadableRecord:
        file.records += 1
        file.unreadable_records += 1
        return
    except Exception as error:  # noqa: BLE001 - no page ends the reading of its file
        file.records += 1
        file.unreadable_records += 1
        _note_failure(file, found.offset, in_words(error))
        return
    if isinstance(page, Other):
        file.other_records[page.kind] = file.other_records.get(page.kind, 0) + 1
        return
    file.records += 1
    file.links += page.links
    file.images += page.images
    spool.add(page, found.offset)


def _note(found: Damage | Failed, file: CrawlFile) -> None:
    """Count a place where nothing could be read, and say of the file what is wrong with it."""
    file.records += 1
    file.unreadable_records += 1
    if isinstance(found, Failed):
        _note_failure(file, found.offset, found.reason)
    elif file.outcome != "failed":
        file.outcome = "truncated" if found.is_end else "damaged"
        file.error = file.error or found.reason


def _note_failure(file: CrawlFile, offset: int, words: str) -> None:
    """Something of the record at `offset` raised what nobody foresaw; the first is said."""
    if file.outcome != "failed":
        file.outcome, file.error = "failed", as_text(f"record at {offset}: {words}")


def _page(found: Found, agent: str, sites: SiteRules) -> Page | Other:
    """The page of a record, or what it is instead; of a site's robots.txt its rules are taken."""
    if isinstance(found, Unreadable):
        raise UnreadableRecord(found.reason)
    if isinstance(found, Other):
        return found
    if found.kind == "wat":
        return parse_record(found.body, found.page_url, agent)
    # The alarm is not handled: it kills, also in the midst of the parser's C.
    signal.setitimer(signal.ITIMER_VIRTUAL, PAGE_SECONDS)
    try:
        if robots_origin(found.page_url):
            # Which many servers send as HTML, also where it is none.
            sites.add(found)
            return Other(kind="text")
        html = html_of(found)
        if isinstance(html, Other):
            return html
        heard_at = crawled_at(found.date)
        return parse_page(html.body, found.page_url, html.charset, html.headers, agent, heard_at)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
