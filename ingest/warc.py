"""Reads the records of a WAT or WARC file, gzipped or plain, and goes on behind what is damaged."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, NamedTuple

from fastwarc.stream_io import ChunkedReader
from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from ingest.urls import without_brackets
from lake.errors import in_words

# Common Crawl cuts pages at 5 MB; a record beyond this is an attack or a broken length.
MAX_RECORD_BYTES = 16 * 2**20
# A document takes up to eighty times its length in memory.
MAX_PAGE_BYTES = 5 * 2**20
# So that a file made of beginnings of records does not take for ever.
MAX_RESTARTS = 1_000
_CHUNK = 2**16
_GZIP, _PLAIN = b"\x1f\x8b\x08", b"WARC/1."


class Record(NamedTuple):
    """What one record holds: the JSON of a WAT, or the HTML of a page with its charset if told."""

    kind: str
    offset: int
    page_url: str
    body: bytes
    charset: str | None = None


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A record that is where it should be, and of no use: too large, or wrongly packed."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A place in the file where no record could be read; `is_end` if there was none behind it."""

    reason: str
    is_end: bool = False


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A record whose reading raised what nobody foresaw."""

    offset: int
    reason: str


Found = Record | Unreadable | Damage | Failed


def read_records(stream: IO[bytes]) -> Iterator[Found]:
    """The records of a crawl file that may hold images, in order, and what lies damaged between.

    Whatever the bytes are, it raises nothing of its own: a member of gzip that does not unpack or
    a wrong length is one Damage, and reading goes on with the next member or record that begins
    behind it. A record above MAX_RECORD_BYTES is passed over as Unreadable. Errors of the stream
    itself come through.
    """
    start: int | None = 0
    restarts, is_behind_damage = 0, False
    while start is not None and restarts <= MAX_RESTARTS:
        last, reason = start, None
        if start:
            stream.seek(start)
        try:
            for record in ArchiveIterator(stream, parse_http=False):
                last = record.stream_pos
                is_behind_damage = False
                yield from _foreseen(record)
        except _BrokenRecord as error:
            reason = str(error)
        except OSError as error:
            if type(error) is not OSError:  # the network's, not fastwarc's
                raise
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - of the iterator itself; no record ends a file
            reason = in_words(error)
            yield Failed(offset=last, reason=reason)
        if not stream.seekable():
            # Nor can it be cut off: its transport has an end of its own.
            if reason:
                yield Damage(reason=reason)
            return
        start, reason = _next_start(stream, last, reason)
        # Another beginning within what is damaged is no other damage.
        if reason is not None and not (is_behind_damage and start is not None):
            yield Damage(reason=reason, is_end=start is None)
        restarts, is_behind_damage = restarts + 1, reason is not None
    if start is not None:
        yield Damage(reason=f"damaged in more than {MAX_RESTARTS} places; the rest was not read")


class _BrokenRecord(Exception):
    """The file ends within the record."""


def _foreseen(record: WarcRecord) -> Iterator[Found]:
    try:
        yield from _read(record)
    except (_BrokenRecord, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - no record ends the reading of its file
        yield Failed(offset=record.stream_pos, reason=in_words(error))


def _read(record: WarcRecord) -> Iterator[Found]:
    is_wat = record.record_type == WarcRecordType.metadata and _is_json(record)
    if not is_wat and record.record_type != WarcRecordType.response:
        return
    if record.content_length > MAX_RECORD_BYTES:
        yield Unreadable(reason=f"{record.content_length} bytes in one record")
        return
    offset = record.stream_pos
    page_url = without_brackets(record.headers.get("WARC-Target-URI") or "")
    if is_wat:
        body = record.reader.read()
        if len(body) < record.content_length:
            raise _BrokenRecord("the file ends within a record")
        yield Record(kind="wat", offset=offset, page_url=page_url, body=body)
        return
    yield from _read_html(record, offset, page_url)


def _is_json(record: WarcRecord) -> bool:
    return str(record.headers.get("Content-Type", "")).startswith("application/json")


def _read_html(record: WarcRecord, offset: int, page_url: str) -> Iterator[Found]:
    length = record.content_length
    # In memory, so that what is wrong within the response is no damage to the file.
    record.freeze()
    if len(record.reader.read()) < length:
        raise _BrokenRecord("the file ends within a record")
    record.reader.seek(0)
    try:
        record.parse_http(auto_decode="none", quirks_mode=True)
        if (record.http_content_type or "text/html") not in ("text/html", "application/xhtml+xml"):
            return
        body = record.reader.read()
        if "chunked" in (record.http_headers.get("Transfer-Encoding") or ""):
            body = _joined(body)
        body = _unpacked(body)
    except (OSError, zlib.error) as error:
        yield Unreadable(reason=str(error))
        return
    if len(body) > MAX_PAGE_BYTES:
        yield Unreadable(reason="a page is too large")
        return
    charset = record.http_charset
    yield Record(kind="html", offset=offset, page_url=page_url, body=body, charset=charset)


def _joined(body: bytes) -> bytes:
    """The body of a response in one piece, as most crawlers store it in spite of the header."""
    try:
        whole: bytes = ChunkedReader(io.BytesIO(body)).read()
    except OSError:
        return body
    return whole


def _unpacked(body: bytes) -> bytes:
    """The body of a response, unpacked if its first bytes are gzip's, to a little over the cap."""
    if not body.startswith(_GZIP):
        return body
    return zlib.decompressobj(wbits=31).decompress(body, MAX_PAGE_BYTES + 1)


def _next_start(stream: IO[bytes], last: int, reason: str | None) -> tuple[int | None, str | None]:
    """Where to go on after the record at `last`, and what was wrong; None for either if nothing."""
    stream.seek(last)
    if stream.read(len(_GZIP)) != _GZIP:
        return (None, None) if reason is None else (_find(stream, _PLAIN, last + 1), reason)
    end = _member_end(stream, last)
    if end is None:
        return _find(stream, _GZIP, last + 1), reason or "the file ends within a record"
    if _is_blank(stream, end) and (reason is None or stream.tell() > end):
        return None, None
    if reason is None:
        return end, "what lies between two members is no record"
    return _find(stream, _GZIP, last + 1), reason


def _is_blank(stream: IO[bytes], start: int) -> bool:
    """Whether nothing but zeros, with which some writers fill a file up, lies behind `start`."""
    stream.seek(start)
    return not any(chunk.strip(b"\0") for chunk in iter(lambda: stream.read(_CHUNK), b""))


def _member_end(stream: IO[bytes], start: int) -> int | None:
    """Where the member of gzip at `start` ends; None if it is broken or cut off."""
    stream.seek(start)
    member = zlib.decompressobj(wbits=31)
    position = start
    while chunk := stream.read(_CHUNK):
        position += len(chunk)
        try:
            while chunk and not member.eof:
                member.decompress(chunk, _CHUNK)
                chunk = member.unconsumed_tail
        except zlib.error:
            return None
        if member.eof:
            return position - len(member.unused_data)
    return None


def _find(stream: IO[bytes], magic: bytes, start: int) -> int | None:
    """The first place from `start` on where `magic` stands."""
    stream.seek(start)
    before = b""
    position = start
    while chunk := stream.read(_CHUNK):
        found = (before + chunk).find(magic)
        if found >= 0:
            return position - len(before) + found
        position += len(chunk)
        before = (before + chunk)[-len(magic) + 1 :]
    return None
