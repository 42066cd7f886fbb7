"""Asks for one URL: follows it safely, reads it within bounds, and names what came of it."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
from yarl import URL

from ingest.connector import AddressRefused
from ingest.decoders import Decoders
from ingest.optout import product_token, refusing_header
from ingest.pictures import Picture
from lake.keys import image_id
from lake.settings import Settings

MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_OUTCOME_OF_STATUS = {404: "not_found", 410: "gone", 429: "too_many_requests"}
_MAX_TEXT_CHARS = 500


@dataclass(kw_only=True)
class Download:
    """One attempt at one URL: what raw.downloads keeps of it, and the picture if there is one.

    `bytes` counts the body that was read whole; md5 and sha256 are of it, undecoded.
    """

    url_id: uuid.UUID
    attempted_at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))
    outcome: str = "ok"
    error: str | None = None
    http_status: int | None = None
    final_url: str | None = None
    content_type: str | None = None
    elapsed_ms: int = 0
    md5: uuid.UUID | None = None
    sha256: bytes | None = None
    opt_out_evidence: str | None = None
    picture: Picture | None = None
    # Last, since it hides the type of that name from the fields after it.
    bytes: int | None = None

    @property
    def image_id(self) -> uuid.UUID | None:
        """Key of the image that arrived; None unless it decoded."""
        return image_id(self.sha256) if self.picture and self.sha256 else None

    def fail(self, outcome: str, error: str) -> None:
        """Note that the attempt came to `outcome`, and why."""
        self.outcome, self.error = outcome, _text(error)


class _Failed(Exception):
    """The attempt ends here, with this outcome."""

    def __init__(self, outcome: str, error: str) -> None:
        super().__init__(error)
        self.outcome = outcome


@dataclass(frozen=True, kw_only=True)
class Downloader:
    """What all downloads of a job share; `blocked` are image_ids and md5s taken down by request."""

    session: aiohttp.ClientSession
    decoders: Decoders
    settings: Settings
    blocked: frozenset[uuid.UUID] = frozenset()

    async def download(self, url_id: uuid.UUID, url: str) -> Download:
        """One attempt at `url`; what goes wrong out there is an outcome, never an exception.

        The deadline covers everything from the first name lookup to the last byte.
        """
        download = Download(url_id=url_id)
        started = time.monotonic()
        body = None
        try:
            async with asyncio.timeout(self.settings.fetch_timeout_s):
                body = await self._body(url, download)
        except TimeoutError:
            download.fail("timeout", f"no whole answer within {self.settings.fetch_timeout_s} s")
        except (_Failed, aiohttp.ClientError, OSError, ValueError) as error:
            download.fail(_outcome(error), str(error) or repr(error))
        download.elapsed_ms = round((time.monotonic() - started) * 1000)
        if body is not None:
            await self._judge(body, download)
        return download

    async def _body(self, url: str, download: Download) -> bytes:
        """The body behind `url`, over at most five redirects, each checked like the first URL."""
        place = URL(url)
        for _ in range(MAX_REDIRECTS + 1):
            if place.scheme not in ("http", "https") or not place.host:
                raise _Failed("bad_url", f"not an http or https URL: {place}")
            download.final_url = str(place)
            async with self.session.get(place, allow_redirects=False) as response:
                download.http_status = response.status
                download.content_type = _text(response.headers.get("Content-Type"))
                self._respect_opt_out(response, download)
                location = response.headers.get("Location")
                if response.status in _REDIRECTS and location:
                    place = place.join(URL(location)).with_fragment(None)
                    continue
                return await self._read(response)
        raise _Failed("too_many_redirects", f"more than {MAX_REDIRECTS} redirects")

    def _respect_opt_out(self, response: aiohttp.ClientResponse, download: Download) -> None:
        if response.status >= 400:
            return  # an error page speaks of itself
        agent = product_token(self.settings.user_agent)
        header = refusing_header(response.headers.getall("X-Robots-Tag", []), agent)
        if header is not None:
            download.opt_out_evidence = _text(f"X-Robots-Tag: {header}")
            raise _Failed("opted_out", "the server refuses the use of this image")

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        if response.status != 200:
            raise _Failed(_outcome_of(response.status), f"HTTP status {response.status}")
        most = self.settings.fetch_max_bytes
        too_large = _Failed("too_large", f"more than {most} bytes")
        if (response.content_length or 0) > most:
            raise too_large
        body = bytearray()
        async for chunk in response.content.iter_chunked(65_536):
            body += chunk
            if len(body) > most:
                raise too_large
        return bytes(body)

    async def _judge(self, body: bytes, download: Download) -> None:
        """Hash what was read, and decode it unless it is not to be kept."""
        download.bytes = len(body)
        download.md5 = uuid.UUID(bytes=hashlib.md5(body, usedforsecurity=False).digest())
        download.sha256 = hashlib.sha256(body).digest()
        if {download.md5, image_id(download.sha256)} & self.blocked:
            download.fail("blocked", "the picture was taken down by request")
            return
        result = await self.decoders.prepare(body)
        if isinstance(result, Picture):
            download.picture = result
        else:
            download.fail(result.outcome, result.error)


def _outcome_of(status: int) -> str:
    if status >= 500:
        return "server_error"
    return _OUTCOME_OF_STATUS.get(status, "http_error")


def _outcome(error: Exception) -> str:
    if isinstance(error, _Failed):
        return error.outcome
    if isinstance(error, aiohttp.ClientConnectorError):
        refused = isinstance(error.os_error, AddressRefused)
        return "private_address" if refused else "connection_error"
    # aiohttp.InvalidURL is both; a ValueError alone comes from a URL that cannot be taken apart.
    return "bad_url" if isinstance(error, ValueError) else "connection_error"


def _text(text: str | None) -> str | None:
    """Text of strangers, cut, and without the surrogates that broken headers leave in it."""
    return None if text is None else text[:_MAX_TEXT_CHARS].encode(errors="replace").decode()
