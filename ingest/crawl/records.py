"""What the readers of web archives hand on: the records of one file, and what lies broken there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from pairlake.ingest.urls import without_brackets

# Common Crawl cuts pages at 5 MB; a record beyond this is an attack or a broken length.
MAX_RECORD_BYTES = 16 * 2**20
_PIECE_BYTES = 2**16
# What the records of a WARC begin with, and those of an ARC: URL, address, date, type and length.
WARC_LINE = rb"WARC/[01]\.\d+\r?\n"
ARC_LINE = rb"[a-z][a-z0-9+.-]{1,20}:\S[^\n]{0,4000}? [\da-f.:]+ \d{8,14} \S+ \d+\r?\n"
FIRST_LINE = re.compile(WARC_LINE + b"|" + ARC_LINE)
# A WAT is of records of metadata.
_PERHAPS_PAGES = frozenset({"metadata", "response", "resource"})


class Record(NamedTuple):
    """A record that may be a page: the JSON of a WAT, or a response, or what stands for one.

    `body` is all that the record holds, of the type `content_type` as the archive says;
    `payload_type` is what the archive took it for, if it looked, `date` when it was crawled.
    """

    kind: str
    offset: int
    page_url: str
    body: bytes
    content_type: str = ""
    payload_type: str = ""
    date: str = ""


@dataclass(frozen=True, kw_only=True)
class Other:
    """A record that is no page, and of which kind it is."""

    kind: str
    offset: int = 0


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A record that is where it should be, and of no use: too large, or wrongly packed."""

    reason: str
    offset: int = 0


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A place in the file where no record could be read; `is_end` if there was none behind it."""

    reason: str
    is_end: bool = False


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A place in the file whose reading raised what nobody foresaw."""

    offset: int
    reason: str


class BrokenRecord(Exception):
    """No record can be read here, and why."""


Found = Record | Other | Unreadable


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def found(
    kind: str, offset: int, length: int, header: Callable[[str], str | None], stream: _Stream
) -> Found:
    """The record of this kind and length, whose headers `header` gives and whose body `stream`.

    A conversion is passed over: it is made of a response that the archive holds too. Raises
    BrokenRecord where the file ends within it.
    """
    # Headers are asked for no more often than they must be, since each time costs.
    content_type = (header("Content-Type") or "") if kind in _PERHAPS_PAGES else ""
    if kind == "metadata" and content_type.strip().lower().startswith("application/json"):
        kind = "wat"
    is_taken = kind in ("wat", "response", "resource")
    body = _read(stream, length, is_kept=is_taken and length <= MAX_RECORD_BYTES)
    if not is_taken:
        return Other(kind=kind, offset=offset)
    if length > MAX_RECORD_BYTES:
        return Unreadable(reason=f"{length} bytes in one record", offset=offset)
    page_url = without_brackets(header("WARC-Target-URI") or "")
    if kind == "wat":
        return Record(kind, offset, page_url, body, content_type)
    payload_type = header("WARC-Identified-Payload-Type") or ""
    date = header("WARC-Date") or header("archive-date") or ""
    return Record(kind, offset, page_url, body, content_type, payload_type, date)


def crawled_at(date: str) -> datetime | None:
    """When a record was crawled (UTC): 2014-08-01T12:00:00Z, or 20140801120000 in an ARC."""
    try:
        if date.isdecimal():
            return datetime.strptime(date[:14].ljust(14, "0"), "%Y%m%d%H%M%S")
        found = datetime.fromisoformat(date)
        if found.tzinfo is not None and found.tzinfo is not UTC:
            found = found.astimezone(UTC)
        return found.replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def _read(stream: _Stream, length: int, *, is_kept: bool) -> bytes:
    body = stream.read(length) if is_kept else b""
    left = length - len(body)
    while left and not is_kept and (part := stream.read(min(left, _PIECE_BYTES))):
        left -= len(part)
    if left:
        raise BrokenRecord("the file ends within a record")
    return body
