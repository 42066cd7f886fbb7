"""Takes the answers that browsers take: writes them anew as aiohttp's strict parser wants them."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

# As in Chromium; beyond it is an attack.
MAX_HEAD_BYTES = 256 * 1024
_MAX_CHUNK_LINE_BYTES = 16 * 1024
_HEAD_END = re.compile(rb"\n\r?\n")
_LINE_END = re.compile(rb"[\r\n]+")
# Up to four bytes of anything may stand before it. Without a version it is 1.0, and without a
# status 200; one of them must be there.
_STATUS_LINE = re.compile(
    rb"[^\r\n]{0,4}?HTTP(?=[/\d \t]*\d)(?:/(\d+)(?:\.(\d+))?)?\S*[ \t]*(\d+)?", re.IGNORECASE
)
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"0*[0-9A-Fa-f]{1,15}")
_FRAMING = (b"content-length", b"transfer-encoding")
_WITHOUT_BODY = (204, 304)


class NotHttp(Exception):
    """What came is no answer that a browser would take."""


class Head(NamedTuple):
    """The head of an answer as the strict parser wants it, and how long the body is, if told."""

    strict: bytes
    status: int
    length: int | None
    is_chunked: bool


def head_of(raw: bytes) -> Head:
    """The head in `raw`, which is all before the body; NotHttp where there is none.

    Lines may end in any way; those without a name and a colon are left out, and blanks around a
    name too. The length is left out where it is none, or beside chunks.
    """
    first, *lines = _LINE_END.split(raw.replace(b"\0", b"").strip(b"\r\n"))
    line = _STATUS_LINE.match(first)
    status = int(line[3] or 200) if line and len(line[3] or b"") < 4 else 0
    if line is None or not 100 <= status <= 999:
        raise NotHttp(f"no status line: {first[:40]!r}")
    fields = _fields(lines)
    is_chunked = any(
        b"chunked" in (part.strip() for part in value.lower().split(b","))
        for name, value in fields
        if name.lower() == b"transfer-encoding"
    )
    told = {
        part.strip()
        for name, value in fields
        if name.lower() == b"content-length"
        for part in value.split(b",")
    }
    lengths = {int(length) for length in told if _LENGTH.fullmatch(length)}
    if len(lengths) > 1 and not is_chunked:
        raise NotHttp(f"several lengths: {sorted(lengths)[:5]}")
    length = None if is_chunked or not lengths else lengths.pop()
    is_new = line[1] is not None and (int(line[1][:3]), int((line[2] or b"0")[:3])) >= (1, 1)
    kept = [b"HTTP/1.%d %d" % (is_new, status)]
    kept += [b"%s: %s" % field for field in fields if field[0].lower() not in _FRAMING]
    if is_chunked:
        kept.append(b"Transfer-Encoding: chunked")
    elif length is not None:
        kept.append(b"Content-Length: %d" % length)
    return Head(b"\r\n".join([*kept, b"", b""]), status, length, is_chunked)


def _fields(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Names and values of the lines that are headers; what is folded is in one piece."""
    fields: list[tuple[bytes, list[bytes]]] = []
    for line in lines:
        if fields and line[:1] in (b" ", b"\t"):
            fields[-1][1].append(line.strip(b" \t"))
            continue
        name, colon, value = line.partition(b":")
        if colon and _NAME.fullmatch(name := name.strip(b" \t")):
            fields.append((name, [value.strip(b" \t")]))
    return [(name, b" ".join(values)) for name, values in fields]


class _Counted:
    """A body of so many bytes, or without an end of its own."""

    def __init__(self, length: int | None) -> None:
        self._left = sys.maxsize if length is None else length
        self.has_end = length is not None
        self.is_last = self.is_beyond = False

    @property
    def is_whole(self) -> bool:
        return not self._left

    def strict(self, data: bytes) -> bytes:
        piece = data[: self._left]
        self._left -= len(piece)
        self.is_beyond = len(data) > len(piece)
        return piece


class _Chunked:
    """A body in chunks: written anew without extensions and trailers, each line ended by CRLF."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = 0
        self._is_between = False
        self.has_end = True
        # Whether all chunks are there, and the lines behind them too.
        self.is_last = self.is_whole = self.is_beyond = False

    def strict(self, data: bytes) -> bytes:
        strict = bytearray()
        self._buffer += data
        while self._buffer and not self.is_whole:
            if self._left:
                piece = self._buffer[: self._left]
                del self._buffer[: len(piece)]
                self._left -= len(piece)
                strict += piece if self._left else piece + b"\r\n"
                continue
            end = self._buffer.find(b"\n")
            if (len(self._buffer) if end < 0 else end) > _MAX_CHUNK_LINE_BYTES:
                raise NotHttp("a line between chunks without an end")
            if end < 0:
                break
            line = bytes(self._buffer[:end]).strip()
            del self._buffer[: end + 1]
            strict += self._between(line)
        self.is_beyond = self.is_whole and bool(self._buffer)
        return bytes(strict)

    def _between(self, line: bytes) -> bytes:
        """What stands for a line that is not of the body: a size, an end of a chunk, a trailer."""
        if self.is_last:
            self.is_whole = not line
            return b"0\r\n\r\n" if self.is_whole else b""
        if self._is_between:
            if line:
                raise NotHttp("a chunk is longer than it says")
            self._is_between = False
            return b""
        size = line.partition(b";")[0].strip()
        if not _CHUNK_SIZE.fullmatch(size):
            raise NotHttp(f"no size of a chunk: {size[:40]!r}")
        self._left = int(size, 16)
        self.is_last, self._is_between = not self._left, True
        return b"%x\r\n" % self._left if self._left else b""


class _Handler(ResponseHandler):
    """Reads the answers that come over one connection; `on_data` is called for all that comes."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_data: Callable[[], None]) -> None:
        super().__init__(loop)
        self._on_data = on_data
        self._head = bytearray()
        self._body: _Counted | _Chunked | None = None
        # Whether the other side closed the connection before the end of the body.
        self.is_cut = False

    def set_response_params(self, **params: Any) -> None:
        """Begin with the next answer."""
        self._head.clear()
        self._body, self.is_cut = None, False
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Hand to the parser what it can take."""
        if not data or self._parser is None:
            super().data_received(data)
            return
        self._on_data()
        try:
            for strict in self._strict(data):
                super().data_received(strict)
        except NotHttp as error:
            self._refuse(error)
            return
        if self._body and self._body.is_beyond and self.transport:
            # What stands behind an answer must not be taken for the next.
            self.force_close()
            self.transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """End a body that is not whole, for its reader to see what it is worth."""
        body, payload = self._body, self._payload
        # A body without an end of its own is over where its connection ends, unless that breaks.
        is_over = body is None or body.is_whole or not (exc or body.has_end)
        if body and payload and not is_over and not payload.is_eof():
            self.is_cut = not body.is_last
            payload.feed_eof()
            self._parser = None
        super().connection_lost(exc)

    def _strict(self, data: bytes) -> Iterator[bytes]:
        """The heads in `data`, then what it has of the body; a head counts whatever its body is."""
        while data and self._body is None:
            head, data = self._next_head(data)
            if head is None:
                return
            yield head.strict
            if 100 <= head.status < 200 and head.status != 101:
                continue  # another follows
            if head.is_chunked:
                self._body = _Chunked()
            else:
                self._body = _Counted(0 if head.status in _WITHOUT_BODY else head.length)
        if self._body and (strict := self._body.strict(data)):
            yield strict

    def _next_head(self, data: bytes) -> tuple[Head | None, bytes]:
        """The head that ends in `data`, if one does, and what stands behind it."""
        known = max(len(self._head) - 2, 0)
        self._head += data if self._head else data.lstrip(b"\r\n")
        end = _HEAD_END.search(self._head, known)
        if len(self._head if end is None else self._head[: end.start()]) > MAX_HEAD_BYTES:
            raise NotHttp(f"more than {MAX_HEAD_BYTES} bytes of headers")
        if end is None:
            return None, b""
        raw, rest = bytes(self._head[: end.start()]), bytes(self._head[end.end() :])
        self._head.clear()
        return head_of(raw), rest

    def _refuse(self, error: NotHttp) -> None:
        if self._body is not None and self._payload is not None:
            self._payload.set_exception(aiohttp.ClientPayloadError(str(error)))
        self._body = None
        self.set_exception(HttpProcessingError(message=str(error)))
        if self.transport:
            self.transport.close()


class Answer(aiohttp.ClientResponse):
    """An answer that knows its connection."""

    _handler: _Handler | None = None

    async def start(self, connection: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        """Read the head."""
        if isinstance(connection.protocol, _Handler):
            self._handler = connection.protocol
        return await super().start(connection)

    @property
    def is_cut(self) -> bool:
        """As the function."""
        return self._handler is not None and self._handler.is_cut


def is_cut(response: aiohttp.ClientResponse) -> bool:
    """Whether the connection was closed before the end of the body, once that is read."""
    return isinstance(response, Answer) and response.is_cut


def forgiving_session(
    connector: aiohttp.TCPConnector, headers: Mapping[str, str], on_data: Callable[[], None]
) -> aiohttp.ClientSession:
    """A session over `connector` that takes what browsers take; `on_data` hears of all that comes.

    Its responses are `Answer`s.
    """
    handler = partial(_Handler, loop=asyncio.get_running_loop(), on_data=on_data)
    connector._factory = cast("partial[ResponseHandler]", handler)
    return aiohttp.ClientSession(
        connector=connector,
        response_class=Answer,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=headers,
        # Each download has a deadline of its own, redirects included.
        timeout=aiohttp.ClientTimeout(total=None),
        # What arrives is unpacked within bounds (ingest/fetch/bodies.py).
        auto_decompress=False,
        max_line_size=MAX_HEAD_BYTES,
        max_field_size=MAX_HEAD_BYTES,
        max_headers=MAX_HEAD_BYTES,
    )
