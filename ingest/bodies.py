"""Reads responses within bounds: where they lead, how many bytes, how fast, unpacked to what."""

from __future__ import annotations

import time
import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

# RFC 9309, 2.3.1.2, wants at least five for robots.txt; images get no more.
MAX_REDIRECTS = 5
# A longer break is one for another run all the same.
MAX_RETRY_AFTER_S = 86_400.0
# What a server answers that wants to be left in peace for a while.
BUSY = (429, 503)
_REDIRECTS = (301, 302, 303, 307, 308)
# A server that drips fewer bytes a second than this, after a while, is not worth the wait.
MIN_BYTES_PER_S = 1_024
PATIENCE_S = 3.0
_CHUNK_BYTES = 65_536
# gzip, or zlib as `deflate` means it.
_EITHER = 32 + zlib.MAX_WBITS
_MAX_MEMBERS = 100


class TooSlow(Exception):
    """The body came at less than MIN_BYTES_PER_S."""


class BadEncoding(Exception):
    """The body is not encoded as its header says, or in a way that was not asked for."""


# What a request may raise that is the other side's doing.
FAILURES = (aiohttp.ClientError, OSError, ValueError, TooSlow, BadEncoding)


def redirected(response: aiohttp.ClientResponse, place: URL) -> URL | None:
    """Where a response from `place` leads, whatever that is; None unless it is a redirect."""
    location = response.headers.get("Location")
    if response.status not in _REDIRECTS or not location:
        return None
    return place.join(URL(location)).with_fragment(None)


def retry_after(response: aiohttp.ClientResponse) -> float:
    """The seconds of a Retry-After, which may be a date; 0 where there is none that can be read."""
    said = response.headers.get("Retry-After", "").strip()
    if said.isdecimal():
        return min(float(said), MAX_RETRY_AFTER_S)
    try:
        wanted = (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(0.0, wanted), MAX_RETRY_AFTER_S)


async def read_up_to(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The body as it is meant, without its Content-Encoding; of a longer one `most` + 1 bytes.

    Neither more than that is read nor more than that is unpacked. Needs a session with
    `auto_decompress=False`, since aiohttp unpacks whatever arrives. Raises TooSlow, BadEncoding.
    """
    started, body = time.monotonic(), bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > most:
            break
        waited = time.monotonic() - started
        if waited > PATIENCE_S and len(body) < MIN_BYTES_PER_S * waited:
            raise TooSlow(f"{len(body)} bytes in {waited:.0f} s")
    return _unpacked(bytes(body), response.headers.get("Content-Encoding", ""), most)


def _unpacked(body: bytes, encoding: str, most: int) -> bytes:
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body[: most + 1]
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise BadEncoding(f"Content-Encoding: {encoding[:100]}")
    parts: list[bytes] = []
    room = most + 1
    try:
        # gzip may come in several members, one after the other.
        for _ in range(_MAX_MEMBERS):
            member = zlib.decompressobj(_EITHER)
            parts.append(member.decompress(body, room))
            room -= len(parts[-1])
            body = member.unused_data
            if room and not member.eof:
                raise BadEncoding(f"Content-Encoding: {encoding}, but it is cut off")
            if not room or not body:
                return b"".join(parts)
    except zlib.error as error:
        raise BadEncoding(f"Content-Encoding: {encoding}, but {error}") from error
    raise BadEncoding(f"Content-Encoding: {encoding}, in more than {_MAX_MEMBERS} members")
