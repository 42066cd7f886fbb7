"""Downloads the images that the worklist asks for.

`pairlake fetch` reads intermediate.int_urls_awaiting_download and writes raw.downloads,
raw.images and raw.image_pixels.
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import aiohttp
import duckdb
import pyarrow as pa

from ingest.connector import guarded_connector
from ingest.decoders import Decoders
from ingest.download import Download, Downloader
from ingest.landing import blocked_pictures, land
from lake.catalog import connect
from lake.errors import JobFailed
from lake.settings import Settings, settings
from lake.worklist import worklist

# A batch is what a crash can cost: this many downloads, or what this many seconds brought.
LAND_DOWNLOADS = 2_000
LAND_SECONDS = 30.0
ACCEPT = "image/jpeg,image/png,image/webp,image/*;q=0.5"


@dataclass(frozen=True, kw_only=True)
class FetchSummary:
    """What a run of `fetch` has done so far: landed downloads by outcome, and new images.

    `stopped_after` says what ended the run before its work was done, if anything did, and `waiting`
    how many images of the worklist it left.
    """

    outcomes: Mapping[str, int]
    images: int
    seconds: float
    stopped_after: str | None = None
    waiting: int = 0

    @property
    def downloads(self) -> int:
        """Attempts that have landed."""
        return sum(self.outcomes.values())

    def __str__(self) -> str:
        if not self.outcomes and not self.stopped_after:
            return "nothing to do"
        ranked = sorted(self.outcomes.items(), key=lambda item: (-item[1], item[0]))
        counts = ", ".join(f"{count:,} {outcome}" for outcome, count in ranked) or "no downloads"
        parts = [counts, f"{self.images:,} new images in {self.seconds:.0f} s"]
        if self.stopped_after:
            parts.append(f"stopped after {self.stopped_after}")
        if self.waiting:
            parts.append(f"{self.waiting:,} images still await their download")
        return "; ".join(parts)


Progress = Callable[[str], object]


def fetch(
    *, limit: int | None = None, minutes: float | None = None, progress: Progress | None = None
) -> FetchSummary:
    """Try every URL that awaits its download, or the first `limit` of them, each once.

    They come in the order of their url_id, which is to say shuffled: no host is asked for many
    images in a row. After `minutes` no other is begun; those under way end, and all of it lands.
    `progress` is called, from any thread, after each batch that has landed.
    What goes wrong with a URL is its outcome; TableMissing if dbt has not built the worklist.
    """
    read = "from work order by url_id" + ("" if limit is None else f" limit {limit:d}")
    with worklist("int_urls_awaiting_download", batch_size=10_000, read=read) as work:
        summary = fetch_urls(_rows(work.batches), minutes=minutes, progress=progress)
    waiting = work.rows - summary.downloads
    if limit is not None and waiting and not summary.stopped_after:
        summary = replace(summary, stopped_after=f"{limit:,} images")
    return replace(summary, waiting=waiting)


def fetch_urls(
    urls: Iterable[tuple[uuid.UUID, str]],
    *,
    minutes: float | None = None,
    progress: Progress | None = None,
) -> FetchSummary:
    """Try each (url_id, URL) once and land what comes of it; `minutes` as for `fetch`."""
    con = connect()
    try:
        job = _Job(urls, con, settings(), minutes, progress or (lambda _: None))
        return asyncio.run(job.run())
    finally:
        con.close()


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[uuid.UUID, str]]:
    for batch in batches:
        yield from zip(
            batch.column("url_id").to_pylist(), batch.column("image_url").to_pylist(), strict=True
        )


class _Job:
    """Downloads under way and not yet landed. Lives for one call of `fetch_urls`."""

    def __init__(
        self,
        urls: Iterable[tuple[uuid.UUID, str]],
        con: duckdb.DuckDBPyConnection,
        current: Settings,
        minutes: float | None,
        progress: Progress,
    ) -> None:
        self._urls = self._in_time(urls)
        self._con = con
        self._settings = current
        self._minutes = minutes
        self._progress = progress
        self._taken = 0
        self._stopped_after: str | None = None
        self._pending: list[Download] = []
        self._landed_at = self._started = time.monotonic()
        self._landing = asyncio.Lock()
        self._writing = threading.Lock()
        self._outcomes: Counter[str] = Counter()
        self._images = 0

    async def run(self) -> FetchSummary:
        # Name lookups block a thread each, and landing must not wait for them.
        threads = ThreadPoolExecutor(self._settings.fetch_concurrency + 1)
        asyncio.get_running_loop().set_default_executor(threads)
        try:
            await self._download_all()
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        except asyncio.CancelledError:
            self._land(self._pending)
            raise
        self._land(self._pending)
        summary = self._summary()
        if summary.downloads != self._taken:
            raise JobFailed(
                f"{self._taken} URLs were taken, but {summary.downloads} downloads landed."
            )
        return summary

    async def _download_all(self) -> None:
        decoders = Decoders(side=self._settings.pixel_side)
        try:
            async with self._session() as session, asyncio.TaskGroup() as group:
                downloader = Downloader(
                    session=session,
                    decoders=decoders,
                    settings=self._settings,
                    blocked=blocked_pictures(self._con),
                )
                for _ in range(self._settings.fetch_concurrency):
                    group.create_task(self._work(downloader))
        finally:
            decoders.close()

    def _session(self) -> aiohttp.ClientSession:
        connector = guarded_connector(
            self._settings.allowed_networks(), connections=self._settings.fetch_concurrency
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "User-Agent": self._settings.user_agent,
                "Accept": ACCEPT,
                "Accept-Encoding": "identity",
            },
            # Each download has a deadline of its own, redirects included.
            timeout=aiohttp.ClientTimeout(total=None),
        )

    def _in_time(self, urls: Iterable[tuple[uuid.UUID, str]]) -> Iterator[tuple[uuid.UUID, str]]:
        """The URLs until the time is up. All workers take theirs here, so it ends for all."""
        for url in urls:
            if self._minutes is not None and time.monotonic() - self._started >= self._minutes * 60:
                self._stopped_after = f"{self._minutes:g} min"
                return
            yield url

    async def _work(self, downloader: Downloader) -> None:
        for url_id, url in self._urls:
            self._taken += 1
            download = await downloader.download(url_id, url)
            self._pending.append(download)
            if self._is_due():
                # The others go on meanwhile, until they too find a full batch.
                async with self._landing:
                    if self._is_due():
                        batch, self._pending = self._pending, []
                        await asyncio.to_thread(self._land, batch)

    def _is_due(self) -> bool:
        waited = time.monotonic() - self._landed_at
        return len(self._pending) >= LAND_DOWNLOADS or waited > LAND_SECONDS

    def _land(self, batch: list[Download]) -> None:
        if not batch:
            return
        # An interrupt leaves a batch to its thread and lands the next from another.
        with self._writing:
            self._images += land(batch, self._con)
            self._outcomes.update(download.outcome for download in batch)
            self._landed_at = time.monotonic()
            self._progress(str(self._summary()))

    def _summary(self) -> FetchSummary:
        return FetchSummary(
            outcomes=dict(self._outcomes),
            images=self._images,
            seconds=time.monotonic() - self._started,
            stopped_after=self._stopped_after,
        )
