"""Asks for one URL: follows it safely, reads it within bounds, and names what came of it."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
from yarl import URL

from ingest.bodies import (
    BUSY,
    FAILURES,
    MAX_REDIRECTS,
    BadEncoding,
    TooSlow,
    read_up_to,
    redirected,
    retry_after,
)
from ingest.connector import AddressRefused
from ingest.images.blocked import Blocked
from ingest.images.decoders import Decoders
from ingest.images.optout import Refusal, refusal_in
from ingest.images.picture import Picture
from ingest.sites import Sites
from lake.domains import is_same_domain
from lake.keys import image_id
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
    # Not of the row, but of what the last site that was asked wants: its URL, whether it is to be
    # left in peace and for how long, seconds between two images.
    asked: str = ""
    wants_break: bool = False
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


class _Failed(Exception):
    """The attempt ends here, with this outcome."""

    def __init__(self, outcome: str, error: str) -> None:
        super().__init__(error)
        self.outcome = outcome


@dataclass(frozen=True, kw_only=True)
class Downloader:
    """What all downloads of a job share.

    `may_hop` waits until the domain of a URL, to which a redirect leads, may be asked, and tells
    whether it may.
    """

    session: aiohttp.ClientSession
    sites: Sites
    decoders: Decoders
    settings: Settings
    blocked: Blocked
    may_hop: Callable[[str], Awaitable[bool]]

    async def download(self, url_id: uuid.UUID, url: str) -> Download:
        """One attempt at `url`; what goes wrong out there is an outcome, never an exception.

        What the site says of its paths is asked for first, which takes as long as it takes. The
        deadline covers everything from the lookup of the image's name to the last byte.
        """
        download = Download(url_id=url_id)
        try:
            if url_id.bytes in self.blocked:
                raise _Failed("blocked", "the URL was taken down by request")
            await self._judge(await self._body(URL(url), download), download)
        except (_Failed, *FAILURES) as error:
            download.fail(_outcome(error), str(error) or repr(error))
        except Exception as error:  # noqa: BLE001 - a stranger's answer must not end the job
            download.fail("unexpected", f"{type(error).__name__}: {error}")
        return download

    async def _respect_site(self, place: URL, download: Download) -> None:
        """Raise _Failed unless `place` may be asked for."""
        if place.scheme not in ("http", "https") or not place.host:
            raise _Failed("bad_url", f"not an http or https URL: {place}")
        if self.blocked.holds(str(place)):
            raise _Failed("blocked", "the URL was taken down by request")
        download.asked, download.wants_break = str(place), False
        rules = await self.sites.rules(place)
        download.delay_s = rules.delay_s
        if rules.retry_after_s is not None:
            download.wants_break, download.retry_after_s = True, rules.retry_after_s
        _refuse(rules.refusal(str(place)), download)

    async def _body(self, place: URL, download: Download) -> bytes:
        """The body behind `place`, over at most five redirects, each checked like the first URL."""
        left_s, came_from = self.settings.fetch_timeout_s, place
        for _ in range(MAX_REDIRECTS + 1):
            await self._respect_site(place, download)
            is_elsewhere = not is_same_domain(str(place), str(came_from))
            if is_elsewhere and not await self.may_hop(str(place)):
                raise _Failed("postponed", f"not asked: no turn for {place.host}")
            download.final_url = str(place)
            started = time.monotonic()
            try:
                async with asyncio.timeout(left_s):
                    answer = await self._ask(place, download)
            except TimeoutError:
                limit = self.settings.fetch_timeout_s
                raise _Failed("timeout", f"no whole answer within {limit} s") from None
            finally:
                took_s = time.monotonic() - started
                left_s -= took_s
                download.elapsed_ms += round(took_s * 1000)
            if isinstance(answer, bytes):
                return answer
            place, came_from = answer, place
        raise _Failed("too_many_redirects", f"more than {MAX_REDIRECTS} redirects")

    async def _ask(self, place: URL, download: Download) -> bytes | URL:
        """What one request brings: the body, or where it redirects."""
        async with self.session.get(place, allow_redirects=False) as response:
            download.http_status = response.status
            download.content_type = _text(response.headers.get("Content-Type"))
            download.wants_break = response.status in BUSY
            download.retry_after_s = retry_after(response)
            if response.status < 400:  # an error page speaks of itself
                _refuse(refusal_in(response.headers, self.sites.agent), download)
            return redirected(response, place) or await self._read(response)

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
        if download.md5.bytes in self.blocked or download.sha256[:16] in self.blocked:
            download.fail("blocked", "the picture is not to be kept, by request or by a hash list")
            return
        result = await self.decoders.prepare(body)
        if isinstance(result, Picture):
            download.picture = result
        else:
            download.fail(result.outcome, result.error)
            # Whoever serves such pictures has to wait with the next.
            download.wants_break |= result.is_deadly


def _outcome_of(status: int) -> str:
    if status >= 500:
        return "server_error"
    return _OUTCOME_OF_STATUS.get(status, "http_error")


def _refuse(refusal: Refusal | None, download: Download) -> None:
    if refusal is None:
        return
    if refusal.outcome == "robots_unreachable":
        raise _Failed(refusal.outcome, refusal.evidence)
    download.opt_out_evidence = _text(refusal.evidence)
    raise _Failed(refusal.outcome, "the site refuses the use of this image")


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
