"""Asks for images by turns, as many at once as the settings allow, over one session."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import aiohttp

from pairlake.ingest.fetch.answers import forgiving_session
from pairlake.ingest.fetch.connector import guarded_connector
from pairlake.ingest.fetch.download import Downloader
from pairlake.ingest.fetch.outages import Line
from pairlake.ingest.fetch.sites import Sites
from pairlake.ingest.fetch.turns import Turn, Turns
from pairlake.ingest.images.attempt import Download
from pairlake.ingest.images.blocked import Blocked
from pairlake.ingest.images.decoders import Decoders
from pairlake.ingest.images.optout import product_token
from pairlake.lake.settings import Settings

MAX_OPEN_FILES = 16_384
ACCEPT = "image/jpeg,image/png,image/webp,image/*;q=0.5"

Take = Callable[[Download], Awaitable[None]]


class Asking:
    """All downloads that `turns` hands out; each goes to `take`, which may take its time.

    `at_once` are under way; so many `decoders` are at work beside them, one per processor if not
    told. `known` are URLs of hosts that have answered in earlier runs (ingest/fetch/outages.py).
    """

    def __init__(
        self,
        turns: Turns,
        take: Take,
        *,
        blocked: Blocked,
        current: Settings,
        at_once: int,
        decoders: int | None = None,
        known: Sequence[str] = (),
    ) -> None:
        self._turns, self._take = turns, take
        self._blocked, self._settings = blocked, current
        self._at_once, self._decoders = at_once, decoders
        headers = {
            "User-Agent": current.user_agent,
            "Accept": ACCEPT,
            "Accept-Encoding": "identity",
        }
        self._headers, self._networks = headers, current.allowed_networks()
        self._line = Line(known, headers, self._networks)
        # Turns that were taken; each ends as a download.
        self.taken = 0

    async def run(self) -> None:
        """Go on until there are no more turns; raises the first error of a download as itself.

        NobodyAnswers where nobody at all can be reached.
        """
        _allow_open_files()
        # Name lookups block a thread each.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(self._at_once))
        decoders = Decoders(side=self._settings.pixel_side, processes=self._decoders)
        try:
            async with self._session() as session, asyncio.TaskGroup() as group:
                downloader = Downloader(
                    session=session,
                    sites=Sites(
                        session,
                        product_token(self._settings.user_agent),
                        decoders=decoders,
                        turns=self._turns,
                    ),
                    decoders=decoders,
                    settings=self._settings,
                    blocked=self._blocked,
                    may_follow=self._turns.wait_for_redirect,
                )
                for _ in range(self._at_once):
                    group.create_task(self._work(downloader))
            await self._settle()
        except ExceptionGroup as error:
            raise error.exceptions[0] from None
        finally:
            decoders.close()

    def _session(self) -> aiohttp.ClientSession:
        connector = guarded_connector(self._networks, connections=self._at_once)
        return forgiving_session(connector, self._headers, on_data=self._line.note_data)

    async def _work(self, downloader: Downloader) -> None:
        while (turn := await self._next()) is not None:
            self.taken += 1
            begun = self._line.begin()
            download = await self._download(turn, downloader)
            for counting in self._line.end(download, begun):
                await self._take(counting)
            if self._turns.is_empty:
                await self._settle()

    async def _next(self) -> Turn | None:
        while self._line.is_dark:
            if self._line.under_way:
                await self._line.change()
            else:
                await self._settle()
        return await self._turns.next()

    async def _settle(self) -> None:
        for download in await self._line.settled():
            await self._take(download)

    async def _download(self, turn: Turn, downloader: Downloader) -> Download:
        if turn.left_alone:
            download = Download(url_id=turn.url_id)
            download.fail(*turn.left_alone)
            return download
        download = await downloader.download(turn.url_id, turn.url)
        self._turns.done(turn, is_reached=download.is_reached)
        if download.is_reached or download.wants_break:
            self._turns.note_wishes(
                download.asked or turn.url,
                wants_break=download.wants_break,
                retry_after_s=download.retry_after_s,
                delay_s=download.delay_s,
            )
        return download


def _allow_open_files() -> None:
    """Connections are kept for a while: as many as the system lets us, not as a shell does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
