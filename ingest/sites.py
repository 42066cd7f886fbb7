"""Asks each site once for its robots.txt and tdmrep.json, and keeps the answers for a while."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

import aiohttp
from yarl import URL

from ingest.bodies import FAILURES, MAX_REDIRECTS, read_up_to, redirected
from ingest.site_rules import MAX_ROBOTS_BYTES, SiteRules, site_rules

# Rules take some 20 KB a site; the fetcher comes back to a site for a dozen images in a row.
MAX_SITES = 2_000
_TIMEOUT_S = 10.0


class Sites:
    """The rules of the sites that a job meets, for the product token `agent`."""

    def __init__(self, session: aiohttp.ClientSession, agent: str) -> None:
        self._session, self.agent = session, agent
        self._asked: OrderedDict[str, asyncio.Task[SiteRules | Exception]] = OrderedDict()

    async def rules(self, url: URL) -> SiteRules:
        """What the site of `url` says; asked for once, however many wait for the answer.

        Raises what the network raised where nobody answers: then no path is allowed, and the next
        call asks again.
        """
        origin = str(url.origin())
        task = self._asked.get(origin)
        if task is None:
            task = self._asked[origin] = asyncio.create_task(self._answer(url.origin()))
            while len(self._asked) > MAX_SITES:
                self._asked.popitem(last=False)
        self._asked.move_to_end(origin)
        # Whoever gives up waiting does not end it for the others.
        answer = await asyncio.shield(task)
        if isinstance(answer, SiteRules):
            return answer
        if self._asked.get(origin) is task:
            del self._asked[origin]
        raise answer

    async def _answer(self, origin: URL) -> SiteRules | Exception:
        try:
            return await self._ask(origin)
        except FAILURES as error:
            return error

    async def _ask(self, origin: URL) -> SiteRules:
        async with asyncio.timeout(_TIMEOUT_S):
            status, body = await self._get(origin / "robots.txt")
        if status >= 500 or status == 429:
            why = f"robots.txt: status {status}"
            return SiteRules(agent=self.agent, unreachable=why)
        robots = body.decode(errors="replace").removeprefix("\ufeff") if status == 200 else ""
        rules = site_rules(self.agent, robots)
        place = origin / ".well-known" / "tdmrep.json"
        if rules.refusal(str(place)) is None:
            rules = rules.with_reservations(await self._reservations(place))
        return rules

    async def _reservations(self, place: URL) -> bytes:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                status, body = await self._get(place)
        except FAILURES:
            return b""
        return body if status == 200 else b""

    async def _get(self, place: URL) -> tuple[int, bytes]:
        """Status and first bytes of what is at `place`, over redirects to http and https only."""
        for _ in range(MAX_REDIRECTS + 1):
            async with self._session.get(place, allow_redirects=False) as response:
                next_place = redirected(response, place)
                if next_place is None:
                    return response.status, await read_up_to(response, MAX_ROBOTS_BYTES)
                place = next_place
                if place.scheme not in ("http", "https") or not place.host:
                    raise ValueError(f"a redirect to {place}")
        return 404, b""  # so many redirects count as no robots.txt
