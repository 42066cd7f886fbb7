"""Asks for one URL: follows it safely, reads it within bounds, and names what came of it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import aiohttp
from yarl import URL

from pairlake.ingest.fetch.answers import is_cut
from pairlake.ingest.fetch.bodies import (
    BAD_ANSWERS,
    BUSY,
    FAILURES,
    GOOD,
    MAX_REDIRECTS,
    BadEncoding,
    TooSlow,
    read_up_to,
    redirected,
    retry_after,
)
from pairlake.ingest.fetch.connector import AddressRefused
from pairlake.ingest.fetch.places import place_of
from pairlake.ingest.fetch.sites import Sites
from pairlake.ingest.fetch.wishes import TooManyRules
from pairlake.ingest.images.attempt import Download, Failed, judge, refuse
from pairlake.ingest.images.blocked import Blocked
from pairlake.ingest.images.decoders import Decoders
from pairlake.ingest.images.optout import Wish, wishes_in
from pairlake.lake.domains import is_same_domain
from pairlake.lake.errors import as_text, in_words
from pairlake.lake.settings import Settings

_OUTCOME_OF_STATUS = {404: "not_found", 410: "gone", 429: "too_many_requests"}


@dataclass(frozen=True, kw_only=True)
class Downloader:
    """What all downloads of a job share.

    `may_follow` waits until the domain of a URL, to which a redirect leads, may be asked, and tells
    whether it may.
    """

    session: aiohttp.ClientSession
    sites: Sites
    decoders: Decoders
    settings: Settings
    blocked: Blocked
    may_follow: Callable[[str], Awaitable[bool]]

    async def download(self, url_id: uuid.UUID, url: str) -> Download:
        """One attempt at `url`; what goes wrong out there is an outcome, never an exception.

        What the site says of its paths is asked for first, which takes as long as it takes. The
        deadline covers everything from the lookup of the image's name to the last byte.
        """
        download = Download(url_id=url_id)
        try:
            if url_id.bytes in self.blocked:
                raise Failed("blocked", "the URL was taken down by request")
            body = await self._arrived(url, download)
            await judge(body, download, self.decoders, self.blocked)
        except Failed as error:
            download.fail(error.outcome, str(error))
        except Exception as error:  # noqa: BLE001 - a stranger's answer must not end the job
            download.fail("failed", in_words(error))
        if not (download.is_heard or download.opt_out_evidence):
            # What holds of it holds on: this was not the whole of it.
            download.wishes.clear()
        return download

    async def _arrived(self, url: str, download: Download) -> bytes:
        """The body behind `url`; what the network raises as Failed with the name that it has."""
        try:
            return await self._body(place_of(url), download)
        except FAILURES as error:
            download.is_answered |= isinstance(error, BAD_ANSWERS)
            raise Failed(_outcome(error), str(error) or repr(error)) from error

    async def _respect_site(self, place: URL, download: Download) -> None:
        """Raise Failed unless the site of `place` lets us ask for it."""
        download.asked, download.wants_break = str(place), False
        rules = await self.sites.rules(place)
        download.is_answered |= rules.is_fault
        download.delay_s = rules.delay_s
        if rules.retry_after_s is not None:
            download.wants_break, download.retry_after_s = True, rules.retry_after_s
        if rules.unheard:
            raise Failed(*rules.unheard)
        try:
            self._hear(self.sites.said_of(place, rules), download)
        except TooManyRules as error:
            raise Failed("robots_unreachable", str(error)) from error

    def _hear(self, wishes: Sequence[Wish], download: Download) -> None:
        """Note what is wished of an image; raises Failed once all that it is wanted for is out."""
        download.wishes += wishes
        refuse(self.blocked.wanted.refusal(download.wishes), download)

    async def _body(self, place: URL, download: Download) -> bytes:
        """The body behind `place`, over at most five redirects, each checked like the first URL."""
        left_s, came_from = self.settings.fetch_timeout_s, place
        for _ in range(MAX_REDIRECTS + 1):
            if self.blocked.holds(str(place)):
                raise Failed("blocked", "the URL was taken down by request")
            # Before its rules, since to ask for them is to ask the domain.
            is_elsewhere = not is_same_domain(str(place), str(came_from))
            if is_elsewhere and not await self.may_follow(str(place)):
                raise Failed("postponed", f"not asked: no turn for {place.host}")
            await self._respect_site(place, download)
            download.final_url = str(place)
            started = time.monotonic()
            try:
                async with asyncio.timeout(left_s):
                    answer = await self._ask(place, download)
            except TimeoutError:
                limit = self.settings.fetch_timeout_s
                raise Failed("timeout", f"no whole answer within {limit} s") from None
            finally:
                took_s = time.monotonic() - started
                left_s -= took_s
                download.elapsed_ms += round(took_s * 1000)
            if isinstance(answer, bytes):
                return answer
            place, came_from = answer, place
        raise Failed("too_many_redirects", f"more than {MAX_REDIRECTS} redirects")

    async def _ask(self, place: URL, download: Download) -> bytes | URL:
        """What one request brings: the body, or where it redirects."""
        async with self.session.get(place, allow_redirects=False) as response:
            download.http_status, download.is_answered = response.status, True
            download.content_type = as_text(response.headers.get("Content-Type", "")) or None
            download.wants_break = response.status in BUSY
            download.retry_after_s = retry_after(response)
            if response.status < 400:  # an error page speaks of itself
                self._hear(wishes_in(response.headers, self.sites.agent), download)
            next_place = redirected(response, place)
            download.is_heard = response.status < 400 and next_place is None
            return next_place or await self._read(response, download)

    async def _read(self, response: aiohttp.ClientResponse, download: Download) -> bytes:
        if response.status not in GOOD:
            raise Failed(_outcome_of(response.status), f"HTTP status {response.status}")
        most = self.settings.fetch_max_bytes
        too_large = Failed("too_large", f"more than {most} bytes")
        if (response.content_length or 0) > most:
            raise too_large
        try:
            body = await read_up_to(response, most)
        finally:
            download.is_cut = is_cut(response)
        if len(body) > most:
            raise too_large
        return body


def _outcome_of(status: int) -> str:
    if status >= 500:
        return "server_error"
    return _OUTCOME_OF_STATUS.get(status, "http_error")


def _outcome(error: Exception) -> str:
    if isinstance(error, TooSlow):
        return "too_slow"
    if isinstance(error, BadEncoding):
        return "bad_encoding"
    if isinstance(error, aiohttp.ClientConnectorError):
        refused = isinstance(error.os_error, AddressRefused)
        return "private_address" if refused else "connection_error"
    # aiohttp.InvalidURL is both; a ValueError alone comes from a URL that cannot be taken apart.
    return "bad_url" if isinstance(error, ValueError) else "connection_error"
