"""Reads the records of an ARC file, and of a WARC that is written in another way than most.

ARC is the form that web archives had before WARC. warcio takes whatever was ever written, and is
slower by far than fastwarc, which reads all other files.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import redirect_stderr
from itertools import islice
from typing import IO, Any

from warcio.archiveiterator import ARCIterator, WARCIterator
from warcio.bufferedreaders import DecompressingBufferedReader
from warcio.exceptions import ArchiveLoadFailed

from pairlake.ingest.crawl.records import FIRST_LINE, BrokenRecord, Found, found

_MAX_HEADER_BYTES = 2**16
_BLOCK_BYTES = 2**14
# What warcio raises of a record that is damaged.
_ERRORS = (ArchiveLoadFailed, ValueError, TypeError, AttributeError, IndexError, EOFError)


def read_by_warcio(stream: IO[bytes], *, is_arc: bool) -> Iterator[Found]:
    """The records from where the stream is. Raises BrokenRecord where one cannot be read."""
    start = stream.tell()
    try:
        yield from _records(stream, is_arc)
    except _OneMember:
        stream.seek(start)
        with gzip.GzipFile(fileobj=stream) as unpacked:
            # All of them begin where their only member does.
            yield from islice(_records(unpacked, is_arc, offset=start), 1, None)


class _OneMember(Exception):
    """All of the file is one member of gzip, where warcio wants one for each record."""


def _records(stream: Any, is_arc: bool, offset: int | None = None) -> Iterator[Found]:
    start = stream.tell()
    archive = (ARCIterator if is_arc else WARCIterator)(stream, no_record_parse=True)
    archive.reader = lines = _Lines(stream, block_size=_BLOCK_BYTES)
    while True:
        lines.room = _MAX_HEADER_BYTES
        try:
            # It complains there, of what is counted here.
            with redirect_stderr(io.StringIO()):
                record = next(archive, None)
                # By now it has looked at what lies behind the record before.
                if archive.err_count:
                    raise BrokenRecord("a record has another length than it says")
                if record is None:
                    return
                one = _found(record, max(start, archive.offset) if offset is None else offset)
        except (*_ERRORS, gzip.BadGzipFile, zlib.error) as error:
            if "non-chunked" in str(error):
                raise _OneMember from error
            raise BrokenRecord(f"{type(error).__name__}: {error}"[:300]) from error
        yield one
        lines.between = True


class _Lines(DecompressingBufferedReader):  # type: ignore[misc]
    """Gives no more lines than a header has, however long they are.

    And an empty one `between` two records where there is none, as warcio wants it.
    """

    room, between, _held = 0, False, b""

    def readline(self, length: int | None = None) -> bytes:
        line: bytes = self._held or super().readline(min(length or self.room, self.room))
        is_next = self.between and FIRST_LINE.match(line) is not None
        self._held, self.between = line if is_next else b"", False
        self.room -= len(line)
        if self.room <= 0:
            raise BrokenRecord("the header of a record is too long")
        return b"\n" if is_next else line

    def rem_length(self) -> int:
        return int(super().rem_length()) + len(self._held)


def _found(record: Any, offset: int) -> Found:
    headers = {name.lower(): value for name, value in record.rec_headers.headers}
    if record.format == "arc":
        headers = {
            **headers,
            "warc-target-uri": headers["uri"],
            "content-length": headers["length"],
        }
    if not headers.get("content-length", "").strip().isdecimal():
        raise BrokenRecord("a record does not say how long it is")
    kind = "warcinfo" if record.rec_type == "arc_header" else record.rec_type or "unknown"
    return found(
        kind, offset, record.length, lambda name: headers.get(name.lower()), record.raw_stream
    )
