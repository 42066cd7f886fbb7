"""Reads what a server answered, as a web archive keeps it: headers off, joined, unpacked, typed."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from email.message import Message
from typing import NamedTuple

from warcio.bufferedreaders import ChunkedDataReader
from warcio.statusandheaders import StatusAndHeadersParser

from pairlake.ingest.crawl.pages import UnreadableRecord
from pairlake.ingest.crawl.records import Other, Record
from pairlake.ingest.unpacking import sniffed, unpack, ways

# A document takes up to eighty times its length in memory.
MAX_PAGE_BYTES = 5 * 2**20
_MAX_HEAD_BYTES = 2**18
_MAX_TYPE_CHARS = 1_000
_PIECE_BYTES = 2**16

_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_HTTP = "application/http"
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")
# As IANA registers them; all else is counted as `other`.
_KINDS = frozenset(
    {"application", "audio", "font", "image", "message", "model", "multipart", "text", "video"}
)
_STATUS_LINE = re.compile(rb"HTTP/[\d.]+ *(\d*)")
# The WHATWG's bytes that no text has, and how much of a body they look at.
_BINARY, _SNIFFED_BYTES = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]"), 1_445
_MARKS_OF_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_PARSER = StatusAndHeadersParser([], verify=False)


class Html(NamedTuple):
    """The HTML of a page, its charset where the server told one, and the headers of the answer."""

    body: bytes
    charset: str | None
    headers: Sequence[tuple[str, str]] = ()


class Response(NamedTuple):
    """One answer: its headers, its body as it was sent, and its status if it has one."""

    headers: Sequence[tuple[str, str]]
    body: bytes
    status: int | None = None

    def all(self, name: str) -> list[str]:
        """The values of every header of this name, in whatever case it is written."""
        return [value for header, value in self.headers if header.lower() == name]


def html_of(record: Record) -> Html | Other:
    """The page that a record holds, or what it is instead.

    It is a page if the last Content-Type says so, or where nothing says anything, neither server
    nor archive, if it may be text. Raises UnreadableRecord if it cannot be unpacked.
    """
    response = response_of(record)
    said, charset = _media_type(response.all("content-type"))
    if not said and _media_type([record.content_type])[0] != _HTTP:
        said, charset = _media_type([record.content_type])
    said = said or _media_type([record.payload_type])[0]
    if said and said not in _PAGES:
        return Other(kind=_kind(said))
    body = unpacked(response, MAX_PAGE_BYTES)
    if not said and not _is_text(body):
        return Other(kind=_kind(said))
    return Html(body, charset, response.headers)


def response_of(record: Record) -> Response:
    """The answer in a record, without those that came before it (`100 Continue`).

    A record that has no HTTP headers, as those of FTP and DNS, is all body.
    """
    headers: list[tuple[str, str]] = []
    body, is_last, status = record.body, False, None
    while not is_last and (begin := _STATUS_LINE.match(stripped := body.lstrip())):
        head = io.BytesIO(stripped[:_MAX_HEAD_BYTES])
        headers = _PARSER.parse(head).headers
        body, is_last = stripped[head.tell() :], not begin[1].startswith(b"1")
        status = int(begin[1][:3] or 0)
    return Response(headers, body, status)


def _media_type(values: Iterable[str]) -> tuple[str, str | None]:
    """Type and charset of a Content-Type: the last that is one, if it stands there repeatedly."""
    found, charset = "", None
    for value in ",".join(values)[:_MAX_TYPE_CHARS].split(","):
        said = value.partition(";")[0].strip().lower()
        if not _MEDIA_TYPE.fullmatch(said):
            continue
        header = Message()
        header["Content-Type"] = value
        told = header.get_content_charset()
        charset = told or (charset if said == found else None)
        found = said
    return found, charset


def _kind(media_type: str) -> str:
    kind = media_type.partition("/")[0]
    return kind if kind in _KINDS else "other"


def unpacked(response: Response, most: int) -> bytes:
    """The body as it was before it was sent, whether or not its headers say how it was packed.

    Many crawlers join and unpack what they keep, and leave the headers as they were. Of a body
    that is cut off, what there is. Raises UnreadableRecord for one of more than `most` bytes.
    """
    body = joined(response)
    for way in ways(_encodings(response)):
        body = _without(body, [way], most)
    # Or packed once more than the headers say.
    body = _without(body, sniffed(body), most)
    if len(body) > most:
        raise UnreadableRecord(f"more than {most} bytes")
    return body


def joined(response: Response) -> bytes:
    """The body in one piece, if it was sent in chunks, and as it is if it begins with none."""
    is_chunked = "chunked" in _encodings(response).lower().replace(" ", "").split(",")
    return _joined(response.body) if is_chunked else response.body


def _encodings(response: Response) -> str:
    return ",".join(response.all("content-encoding") + response.all("transfer-encoding"))


def _without(body: bytes, packed: Sequence[str], most: int) -> bytes:
    done = unpack(body, packed, most)
    if done.wrong and _is_text(body):
        return body
    if done.wrong and not done.body:
        raise UnreadableRecord(done.wrong)
    return done.body


def _joined(body: bytes) -> bytes:
    """The chunks of a body in one piece; the body itself if it begins with none."""
    parts: list[bytes] = []
    reader = ChunkedDataReader(io.BytesIO(body))
    while part := reader.read(_PIECE_BYTES):
        parts.append(part)
    return b"".join(parts)


def _is_text(body: bytes) -> bool:
    return body.startswith(_MARKS_OF_UTF_16) or not _BINARY.search(body[:_SNIFFED_BYTES])
