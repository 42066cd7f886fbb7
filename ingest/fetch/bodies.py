"""Reads responses within bounds: where they lead, how many bytes, how fast, unpacked to what."""

from __future__ import annotations

import time

import aiohttp
from yarl import URL

from pairlake.ingest.fetch.answers import is_cut
from pairlake.ingest.fetch.places import leads_to
from pairlake.ingest.retry_after import retry_after_s
from pairlake.ingest.unpacking import unpack, ways

# RFC 9309, 2.3.1.2, wants at least five for robots.txt; images get no more.
MAX_REDIRECTS = 5
# A longer break is one for another run all the same.
MAX_RETRY_AFTER_S = 86_400.0
# What a server answers that wants to be left in peace for a while.
BUSY = (429, 503)
# What brings a body that is meant; browsers show one of any status, and errors speak of themselves.
GOOD = frozenset(range(200, 300)) - {204, 205}
_REDIRECTS = (301, 302, 303, 307, 308)
# A server that drips fewer bytes a second than this, after a while, is not worth the wait.
MIN_BYTES_PER_S = 1_024
PATIENCE_S = 3.0
_CHUNK_BYTES = 65_536


class TooSlow(Exception):
    """The body came at less than MIN_BYTES_PER_S."""


class BadEncoding(Exception):
    """The body is not packed as its header says."""


# What comes of an answer that is no HTTP, or of a body that breaks off.
BAD_ANSWERS = (aiohttp.ClientResponseError, aiohttp.ClientPayloadError)
# What a request may raise that is the other side's doing.
FAILURES = (aiohttp.ClientError, OSError, ValueError, TooSlow, BadEncoding)


def redirected(response: aiohttp.ClientResponse, place: URL) -> URL | None:
    """Where a response from `place` leads; None unless it is a redirect, ValueError if nowhere."""
    locations = {value for name, value in response.raw_headers if name.lower() == b"location"}
    locations.discard(b"")
    if response.status not in _REDIRECTS or not locations:
        return None
    if len(locations) > 1:
        raise ValueError("a redirect to several places")
    return leads_to(locations.pop(), place)


def retry_after(response: aiohttp.ClientResponse) -> float:
    """The seconds of its Retry-After, MAX_RETRY_AFTER_S at most."""
    return min(retry_after_s(response.headers.get("Retry-After", "")), MAX_RETRY_AFTER_S)


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
    encoding = ",".join(response.headers.getall("Content-Encoding", ()))
    done = unpack(bytes(body), ways(encoding), most)
    # What was cut off is unpacked as far as it goes: a picture tells whether that is all of it.
    if done.wrong and not (done.body and is_cut(response)):
        raise BadEncoding(done.wrong)
    return done.body
