"""Asks each site once for its robots.txt and tdmrep.json, and keeps the answers for a day."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass

import aiohttp
from yarl import URL

from ingest.answers import is_cut
from ingest.bodies import (
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
from ingest.images.optout import Refusal
from ingest.robots import text_of
from ingest.site_rules import MAX_ROBOTS_BYTES, SiteRules, site_rules
from lake.errors import in_words

# Characters of rules that are kept, in all; the fetcher comes back to a site for a dozen images in
# a row.
MAX_CHARS = 2_000_000
# What a site costs beside its rules, in characters.
_CHARS_PER_SITE = 1_000
# RFC 9309, 2.4: no longer than a day; the fault of a server may be over sooner.
MAX_AGE_S = 24 * 3600.0
_FAULT_AGE_S = 600.0
_TIMEOUT_S = 10.0
_NOWHERE = (502, b"", 0.0)


@dataclass(kw_only=True)
class _Asked:
    task: asyncio.Task[SiteRules | Exception]
    since: float
    chars: int = _CHARS_PER_SITE


class Sites:
    """The rules of the sites that a job meets, for the product token `agent`."""

    def __init__(self, session: aiohttp.ClientSession, agent: str) -> None:
        self._session, self.agent = session, agent
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self._chars = 0

    async def rules(self, url: URL) -> SiteRules:
        """What the site of `url` says; asked for once a day, however many wait for the answer.

        Raises what the network raised where nobody answers: then no path is allowed, and the next
        call asks again.
        """
        origin = str(url.origin())
        asked = self._asked.get(origin)
        if asked is not None and _is_old(asked):
            self._forget(origin)
            asked = None
        if asked is None:
            asked = self._begin(url.origin())
        self._asked.move_to_end(origin)
        # Whoever gives up waiting does not end it for the others.
        answer = await asyncio.shield(asked.task)
        if isinstance(answer, SiteRules):
            return answer
        if self._asked.get(origin) is asked:
            self._forget(origin)
        raise answer

    def _begin(self, origin: URL) -> _Asked:
        task = asyncio.create_task(self._answer(origin))
        asked = self._asked[str(origin)] = _Asked(task=task, since=time.monotonic())
        self._chars += asked.chars
        task.add_done_callback(lambda _: self._weigh(str(origin), asked))
        return asked

    def _weigh(self, origin: str, asked: _Asked) -> None:
        answer = None if asked.task.cancelled() else asked.task.result()
        if isinstance(answer, SiteRules) and self._asked.get(origin) is asked:
            asked.chars += answer.chars
            self._chars += answer.chars
        while self._chars > MAX_CHARS and len(self._asked) > 1:
            self._forget(next(iter(self._asked)))

    def _forget(self, origin: str) -> None:
        self._chars -= self._asked.pop(origin).chars

    async def _answer(self, origin: URL) -> SiteRules | Exception:
        try:
            return await self._ask(origin)
        except TimeoutError:
            return _unreachable("it does not come", is_fault=False)
        except (BadEncoding, TooSlow, *BAD_ANSWERS) as error:
            return _unreachable(str(error))
        except FAILURES as error:
            return error
        except Exception as error:  # noqa: BLE001 - the rules of one site must not end the job
            return SiteRules(unheard=Refusal("failed", f"robots.txt: {in_words(error)}"))

    async def _ask(self, origin: URL) -> SiteRules:
        async with asyncio.timeout(_TIMEOUT_S):
            status, body, retry_after_s = await self._get(origin / "robots.txt")
        if status >= 500 or status == 429:
            return _unreachable(f"status {status}", retry_after_s if status in BUSY else None)
        rules = site_rules(self.agent, text_of(body) if status in GOOD else "")
        place = origin / ".well-known" / "tdmrep.json"
        if rules.refusal(str(place)) is None:
            rules = rules.with_reservations(await self._reservations(place))
        return rules

    async def _reservations(self, place: URL) -> bytes:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                status, body, _ = await self._get(place)
        except FAILURES:
            return b""
        return body if status in GOOD else b""

    async def _get(self, place: URL) -> tuple[int, bytes, float]:
        """Status, first bytes and Retry-After of what is at `place`, over redirects.

        A redirect that leads nowhere is as good as a server's fault, status 502: it is not the
        image that was in the wrong place.
        """
        begun = place
        for _ in range(MAX_REDIRECTS + 1):
            try:
                async with self._session.get(place, allow_redirects=False) as response:
                    try:
                        next_place = redirected(response, place)
                    except ValueError:
                        return _NOWHERE
                    if next_place is None:
                        body = await read_up_to(response, MAX_ROBOTS_BYTES)
                        if is_cut(response):
                            raise aiohttp.ClientPayloadError("it is cut off")
                        return response.status, body, retry_after(response)
            except (aiohttp.ClientError, OSError, ValueError):
                if place is begun:
                    raise
                return _NOWHERE
            place = next_place
        return 404, b"", 0.0  # so many redirects count as no robots.txt


def _unreachable(
    why: str, retry_after_s: float | None = None, *, is_fault: bool = True
) -> SiteRules:
    unheard = Refusal("robots_unreachable", f"robots.txt: {why}")
    return SiteRules(unheard=unheard, is_fault=is_fault, retry_after_s=retry_after_s)


def _is_old(asked: _Asked) -> bool:
    age = time.monotonic() - asked.since
    if age < _FAULT_AGE_S or not asked.task.done():
        return False
    answer = asked.task.result()
    is_fault = isinstance(answer, SiteRules) and answer.unheard is not None
    return is_fault or age > MAX_AGE_S
