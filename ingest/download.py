"""Asks for one URL: follows it safely, reads it within bounds, and names what came of it."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from ingest.bodies import (
    FAILURES,
    MAX_REDIRECTS,
    BadEncoding,
    TooSlow,
    read_up_to,
    redirected,
)
from ingest.connector import AddressRefused
from ingest.decoders import Decoders
from ingest.optout import Refusal, refusal_in
from ingest.picture import Picture
from ingest.sites import Sites
from lake.keys import image_id, text_id
from lake.settings import Settings

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
    # Not of the row, but of what the domain asks for: a break, seconds between two images.
    retry_after_s: float = 0.0
    delay_s: float = 0.0
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

    @property
    def is_reached(self) -> bool:
        """Whether somebody answered, whatever it was."""
        return self.outcome not in ("timeout", "connection_error", "robots_unreachable")

    @property
    def wants_break(self) -> bool:
        """Whether the server asked to be left in peace for a while."""
        return self.http_status in (429, 503)


class _Failed(Exception):
    """The attempt ends here, with this outcome."""

    def __init__(self, outcome: str, error: str) -> None:
        super().__init__(error)
        self.outcome = outcome


@dataclass(frozen=True, kw_only=True)
class Downloader:
    """What all downloads of a job share.

    `blocked` are what no byte of may reach the disk: url_ids, and pictures by md5 or by the first
    16 bytes of sha256.
    """

    session: aiohttp.ClientSession
    sites: Sites
    decoders: Decoders
    settings: Settings
    blocked: frozenset[bytes] = frozenset()

    async def download(self, url_id: uuid.UUID, url: str) -> Download:
        """One attempt at `url`; what goes wrong out there is an outcome, never an exception.

        What the site says of its paths is asked for first, which takes as long as it takes. The
        deadline covers everything from the lookup of the image's name to the last byte.
        """
        download = Download(url_id=url_id)
        started, body = time.monotonic(), None
        try:
            place = URL(url)
            await self._respect_site(place, download)
            started = time.monotonic()
            async with asyncio.timeout(self.settings.fetch_timeout_s):
                body = await self._body(place, download)
        except TimeoutError:
            download.fail("timeout", f"no whole answer within {self.settings.fetch_timeout_s} s")
        except (_Failed, *FAILURES) as error:
            download.fail(_outcome(error), str(error) or repr(error))
        download.elapsed_ms = round((time.monotonic() - started) * 1000)
        if body is not None:
            await self._judge(body, download)
        return download

    async def _respect_site(self, place: URL, download: Download) -> None:
        """Raise _Failed unless `place` may be asked for."""
        if place.scheme not in ("http", "https") or not place.host:
            raise _Failed("bad_url", f"not an http or https URL: {place}")
        if text_id(str(place)).bytes in self.blocked:
            raise _Failed("blocked", "the URL was taken down by request")
        rules = await self.sites.rules(place)
        download.delay_s = max(download.delay_s, rules.delay_s)
        _refuse(rules.refusal(str(place)), download)

    async def _body(self, place: URL, download: Download) -> bytes:
        """The body behind `place`, over at most five redirects, each checked like the first URL."""
        for hop in range(MAX_REDIRECTS + 1):
            if hop:
                await self._respect_site(place, download)
            download.final_url = str(place)
            async with self.session.get(place, allow_redirects=False) as response:
                download.http_status = response.status
                download.content_type = _text(response.headers.get("Content-Type"))
                download.retry_after_s = _seconds(response.headers.get("Retry-After"))
                if response.status < 400:  # an error page speaks of itself
                    _refuse(refusal_in(response.headers, self.sites.agent), download)
                next_place = redirected(response, place)
                if next_place is None:
                    return await self._read(response)
                place = next_place
        raise _Failed("too_many_redirects", f"more than {MAX_REDIRECTS} redirects")

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        if response.status != 200:
            raise _Failed(_outcome_of(response.status), f"HTTP status {response.status}")
        most = self.settings.fetch_max_bytes
        too_large = _Failed("too_large", f"more than {most} bytes")
        if (response.content_length or 0) > most:
            raise too_large
        body = await read_up_to(response, most)
        if len(body) > most:
            raise too_large
        return body

    async def _judge(self, body: bytes, download: Download) -> None:
        """Hash what was read, and decode it unless it is not to be kept."""
        download.bytes = len(body)
        download.md5 = uuid.UUID(bytes=hashlib.md5(body, usedforsecurity=False).digest())
        download.sha256 = hashlib.sha256(body).digest()
        if not self.blocked.isdisjoint((download.md5.bytes, download.sha256[:16])):
            download.fail("blocked", "the picture is not to be kept, by request or by a hash list")
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


def _refuse(refusal: Refusal | None, download: Download) -> None:
    if refusal is not None:
        download.opt_out_evidence = _text(refusal.evidence)
        raise _Failed(refusal.outcome, "the site refuses the use of this image")


def _seconds(retry_after: str | None) -> float:
    """The seconds of a Retry-After, which may be a date; 0 where there is none that can be read."""
    if not retry_after:
        return 0.0
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _outcome(error: Exception) -> str:
    if isinstance(error, _Failed):
        return error.outcome
    if isinstance(error, TooSlow):
        return "too_slow"
    if isinstance(error, BadEncoding):
        return "bad_encoding"
    if isinstance(error, aiohttp.ClientConnectorError):
        refused = isinstance(error.os_error, AddressRefused)
        return "private_address" if refused else "connection_error"
    # aiohttp.InvalidURL is both; a ValueError alone comes from a URL that cannot be taken apart.
    return "bad_url" if isinstance(error, ValueError) else "connection_error"


def _text(text: str | None) -> str | None:
    """Text of strangers, cut, and without the surrogates that broken headers leave in it."""
    return None if text is None else text[:_MAX_TEXT_CHARS].encode(errors="replace").decode()
