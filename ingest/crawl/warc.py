"""Reads the records of a web archive, packed or plain, and goes on behind what is damaged."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from typing import IO
from zipfile import BadZipFile

from fastwarc.stream_io import ZstdReader
from fastwarc.warc import ArchiveIterator

from pairlake.ingest.crawl.arc import read_by_warcio
from pairlake.ingest.crawl.records import (
    ARC_LINE,
    WARC_LINE,
    BrokenRecord,
    Damage,
    Failed,
    Found,
    Record,
    found,
)
from pairlake.ingest.crawl.stream import NETWORK_ERRORS, GaveUp
from pairlake.ingest.unpacking import GZIP, ZSTD, ZSTD_DICTIONARY, sniffed, unpack
from pairlake.lake.errors import in_words

_OF_THE_STREAM = (GaveUp, OSError, EOFError, zlib.error, BadZipFile, *NETWORK_ERRORS)
# So that a file made of beginnings of records does not take for ever.
MAX_RESTARTS = 1_000
_CHUNK = 2**16
_HEAD_BYTES = 2**13
_MAX_LINE_BYTES = 2**13
_MAX_DICTIONARY_BYTES = 2**23
_ARC = re.compile(ARC_LINE)
# fastwarc wants `Content-Length` in these letters, and this end of lines.
_USUAL = re.compile(
    rb"WARC/\d\.\d+\r\n(?=(?:[^\r\n]+\r\n)*?WARC-Type:)(?=(?:[^\r\n]+\r\n)*?Content-Length:)"
)
_UNUSUAL = re.compile(WARC_LINE)
# What a record begins with that is packed so, or not packed.
_BEGINNINGS = {
    GZIP: re.compile(re.escape(GZIP)),
    ZSTD: re.compile(re.escape(ZSTD)),
    b"": re.compile(WARC_LINE + rb"|(?<=\n)" + ARC_LINE),
}
_ANY_BEGINNING = re.compile(b"|".join(b"(?:%b)" % one.pattern for one in _BEGINNINGS.values()))


def read_records(stream: io.BufferedReader) -> Iterator[Found | Damage | Failed]:
    """The records of a crawl file, in order, and what lies damaged between.

    WARC or ARC, packed or not, follows from the bytes. Whatever they are, it raises nothing of
    its own: what does not unpack or has a wrong length is one Damage, and reading goes on with the
    next member or record that begins behind it. A record above MAX_RECORD_BYTES is passed over as
    Unreadable. Errors of the stream itself come through.
    """
    start: int | None = 0
    restarts, is_behind_damage = 0, False
    beginning, dictionary = _ANY_BEGINNING, None
    while start is not None and restarts <= MAX_RESTARTS:
        last, reason = start, None
        if start:
            stream.seek(start)
        packed = _packed(stream)
        dictionary = dictionary or _dictionary(stream)
        # A dictionary is made of beginnings of records, which are none.
        beginning = _BEGINNINGS[ZSTD] if dictionary else beginning
        waiting: Found | None = None
        try:
            for one in _records(stream, dictionary if start else None):
                if waiting:
                    yield waiting
                last, waiting = one.offset, one
                is_behind_damage, beginning = False, _BEGINNINGS[packed]
        except BrokenRecord as error:
            reason = str(error)
        except _OF_THE_STREAM:
            raise
        except Exception as error:  # noqa: BLE001 - no record ends the reading of its file
            reason = in_words(error)
            yield Failed(offset=last, reason=reason)
        # A plain record whose length is too large holds the next ones; those are read again.
        if waiting and not (reason and not packed and _holds_others(waiting)):
            yield waiting
        if not stream.seekable():
            # Nor can it be cut off: its transport has an end of its own.
            if reason:
                yield Damage(reason=reason)
            return
        start, reason = _next_start(stream, last, reason, beginning)
        # Another beginning within what is damaged is no other damage.
        if reason is not None and not (is_behind_damage and start is not None):
            yield Damage(reason=reason, is_end=start is None)
        restarts, is_behind_damage = restarts + 1, reason is not None
    if start is not None:
        yield Damage(reason=f"damaged in more than {MAX_RESTARTS} places; the rest was not read")


def _packed(stream: io.BufferedReader) -> bytes:
    """What the members of the file begin with that stands here; empty if it is plain."""
    head = stream.peek(len(ZSTD))
    if head.startswith(ZSTD_DICTIONARY):
        return ZSTD
    return next((magic for magic in (GZIP, ZSTD) if head.startswith(magic)), b"")


def _dictionary(stream: io.BufferedReader) -> bytes | None:
    """What zstd needs to unpack the frames of a file, if they are packed by a dictionary.

    By IIPC's recommendation it stands in a frame of its own at the file's beginning, which fastwarc
    finds there, and only there.
    """
    if not stream.peek(len(ZSTD_DICTIONARY)).startswith(ZSTD_DICTIONARY) or not stream.seekable():
        return None
    place = stream.tell()
    size = int.from_bytes(stream.read(8)[4:], "little")
    held = stream.read(min(size, _MAX_DICTIONARY_BYTES))
    stream.seek(place)
    return unpack(held, sniffed(held), _MAX_DICTIONARY_BYTES).body


def _records(stream: io.BufferedReader, dictionary: bytes | None) -> Iterator[Found]:
    head = stream.peek(_HEAD_BYTES)[:_HEAD_BYTES]
    head = unpack(head, sniffed(head), _HEAD_BYTES).body
    is_arc = _ARC.match(head) is not None
    if is_arc or (_UNUSUAL.match(head) and not _USUAL.match(head)):
        return read_by_warcio(stream, is_arc=is_arc)
    return _by_fastwarc(stream, dictionary)


def _by_fastwarc(stream: IO[bytes], dictionary: bytes | None) -> Iterator[Found]:
    try:
        unpacked = ZstdReader(stream, dictionary=dictionary) if dictionary else stream
        for record in ArchiveIterator(unpacked, parse_http=False):
            yield found(
                str(record.record_type),
                record.stream_pos,
                record.content_length,
                record.headers.get,
                record.reader,
            )
    except BaseException as error:
        # All other errors are the network's, or ours.
        if type(error) is not OSError and type(error).__name__ != "PanicException":
            raise
        raise BrokenRecord(str(error)) from error


def _holds_others(one: Found) -> bool:
    return isinstance(one, Record) and _BEGINNINGS[b""].search(one.body) is not None


def _next_start(
    stream: IO[bytes], last: int, reason: str | None, beginning: re.Pattern[bytes]
) -> tuple[int | None, str | None]:
    """Where to go on after the record at `last`, and what was wrong; None for either if nothing."""
    stream.seek(last)
    if stream.read(len(GZIP)) != GZIP:
        return (None, None) if reason is None else (_find(stream, beginning, last + 1), reason)
    end = _member_end(stream, last)
    if end is None:
        reason = reason or "the file ends within a record"
        return _find(stream, beginning, last + 1), reason
    if _is_blank(stream, end) and (reason is None or stream.tell() > end):
        return None, None
    if reason is None:
        return end, "what lies between two members is no record"
    return _find(stream, beginning, last + 1), reason


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


def _find(stream: IO[bytes], beginning: re.Pattern[bytes], start: int) -> int | None:
    """The first place from `start` on where a record may begin."""
    # With the byte before it, which may be the end of a line.
    position = max(0, start - 1)
    stream.seek(position)
    before = b""
    while chunk := stream.read(_CHUNK):
        searched = before + chunk
        if match := beginning.search(searched, 0 if before else start - position):
            return position - len(before) + match.start()
        position += len(chunk)
        before = searched[-_MAX_LINE_BYTES:]
    return None
