"""One of several processes that download: it asks domains of its own, as fast as it may.

Which process asks a domain is told from the domain's name, so that it is asked as politely as by
one process alone: by turns, and also where redirects of others lead to it.
"""

from __future__ import annotations

import asyncio
import uuid
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from pairlake.ingest.fetch.session import Asking
from pairlake.ingest.fetch.turns import Turns
from pairlake.ingest.images.attempt import Download
from pairlake.ingest.images.blocked import Blocked
from pairlake.lake.cluster import Shared, WorkLost, ask
from pairlake.lake.domains import host_of, registrable_domain
from pairlake.lake.settings import settings

Url = tuple[uuid.UUID, str]


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """Which of the processes it is, of how many, and what is its own."""

    run: str
    number: int
    of: int
    at_once: int
    decoders: int
    blocked: Shared
    known: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the process is called in the cluster."""
        return f"fetch-{self.run}-{self.number}"

    def owner(self, url: str) -> Assignment:
        """The assignment of the process that asks the domain of a URL."""
        domain = registrable_domain(host_of(url))
        return replace(self, number=zlib.crc32(domain.encode()) % self.of)


async def fetch(assignment: Assignment, urls: Sequence[Url]) -> list[Download]:
    """Try each of the URLs once, by turns with those of other calls; when stopped, those begun."""
    here = await _fetcher(assignment)
    if here.known != assignment.blocked:
        here.known = assignment.blocked
        here.blocked.take(await assignment.blocked.get())
    return await here.fetch(urls)


async def stop(assignment: Assignment) -> None:
    """Begin no other download; those under way end."""
    (await _fetcher(assignment)).turns.stop()


async def _wait_for_redirect(assignment: Assignment, url: str) -> bool:
    return await (await _fetcher(assignment)).turns.wait_for_redirect(url)


async def _note_wishes(
    assignment: Assignment, url: str, wants_break: bool, wait_s: float, delay_s: float
) -> None:
    turns = (await _fetcher(assignment)).turns
    turns.note_wishes(url, wants_break=wants_break, retry_after_s=wait_s, delay_s=delay_s)


class _OwnTurns(Turns):
    """Turns of the domains that are assigned here; for others, those who have them are asked."""

    def __init__(self, assignment: Assignment) -> None:
        current = settings()
        super().__init__(
            iter(()),
            at_once=current.fetch_domain_concurrency,
            delay_s=current.fetch_domain_delay_s,
            go_on=True,
        )
        self._assignment = assignment
        self._telling: set[asyncio.Task[None]] = set()

    async def wait_for_redirect(self, url: str) -> bool:
        owner = self._assignment.owner(url)
        if owner == self._assignment:
            return await super().wait_for_redirect(url)
        try:
            return await ask(owner.name, _wait_for_redirect, owner, url)
        except WorkLost:
            return False

    def rest(self, url: str, seconds: float) -> None:
        # What a site costs to which a redirect led is not worth a message to another process.
        if self._assignment.owner(url) == self._assignment:
            super().rest(url, seconds)

    def note_wishes(
        self, url: str, *, wants_break: bool, retry_after_s: float = 0.0, delay_s: float = 0.0
    ) -> None:
        owner = self._assignment.owner(url)
        if owner == self._assignment:
            super().note_wishes(
                url, wants_break=wants_break, retry_after_s=retry_after_s, delay_s=delay_s
            )
        elif wants_break or delay_s:
            telling = asyncio.create_task(_tell(owner, url, wants_break, retry_after_s, delay_s))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)


async def _tell(
    owner: Assignment, url: str, wants_break: bool, retry_after_s: float, delay_s: float
) -> None:
    with suppress(WorkLost):
        await ask(owner.name, _note_wishes, owner, url, wants_break, retry_after_s, delay_s)


class _Fetcher:
    """The downloads of this process, from the first call on."""

    def __init__(self, assignment: Assignment, blocked: Blocked) -> None:
        self.turns = _OwnTurns(assignment)
        self.blocked, self.known = blocked, assignment.blocked
        self._asked: dict[uuid.UUID, asyncio.Future[Download | None]] = {}
        asking = Asking(
            self.turns,
            self._take,
            blocked=blocked,
            current=settings(),
            at_once=assignment.at_once,
            decoders=assignment.decoders,
            known=assignment.known,
        )
        self._running = asyncio.create_task(asking.run())
        self._running.add_done_callback(self._end)

    async def fetch(self, urls: Sequence[Url]) -> list[Download]:
        if self._running.done():
            self._running.result()
            return []
        answers = []
        for url_id, url in urls:
            # What a call has asked for whose answer was lost on its way is not asked for again.
            if url_id not in self._asked:
                self._asked[url_id] = asyncio.get_running_loop().create_future()
                self.turns.add(url_id, url)
            answers.append(self._asked[url_id])
        return [download for download in await asyncio.gather(*answers) if download]

    async def _take(self, download: Download) -> None:
        self._asked.pop(download.url_id).set_result(download)

    def _end(self, running: asyncio.Task[None]) -> None:
        error = None if running.cancelled() else running.exception()
        for answer in self._asked.values():
            if error is None:
                answer.set_result(None)
            else:
                answer.set_exception(error)


_here: _Fetcher | None = None
_starting = asyncio.Lock()


async def _fetcher(assignment: Assignment) -> _Fetcher:
    """The downloads of this process, which know what is not to be kept."""
    global _here
    async with _starting:
        if _here is None:
            _here = _Fetcher(assignment, await assignment.blocked.get())
    return _here
