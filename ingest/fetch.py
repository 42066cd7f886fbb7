"""Downloads the images that the worklist asks for.

`pairlake fetch` reads intermediate.int_urls_awaiting_download and writes raw.downloads,
raw.images and raw.image_pixels.
"""

from __future__ import annotations

import asyncio
import resource
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import aiohttp
import duckdb
import pyarrow as pa
from tqdm import tqdm

from ingest.agent import check_contact, product_token
from ingest.blocked import Blocked
from ingest.connector import guarded_connector
from ingest.decoders import Decoders
from ingest.download import Download, Downloader
from ingest.fetch_summary import FetchSummary
from ingest.landing import land
from ingest.sites import Sites
from ingest.turns import Turn, Turns
from lake.catalog import connect
from lake.domains import HOST
from lake.errors import BadRequest, JobFailed
from lake.locks import alone
from lake.settings import Settings, settings
from lake.worklist import worklist

# A batch is what a crash can cost: this many downloads, or what this many seconds brought.
LAND_DOWNLOADS = 2_000
# Pixels take their memory several times over while they land.
LAND_BYTES = 12_000_000
LAND_SECONDS = 30.0
MAX_OPEN_FILES = 16_384
LOCK = "fetch.lock"
# A host is asked for some images in a row, while its connection and its robots.txt are at hand;
# then it is the turn of others. The last two labels stand for its domain: who has many hosts is
# not to fill the window (ingest/turns.py) with them.
_BY_TURNS = rf"""
select url_id, image_url
from (select *, {HOST} as host from work)
order by
    (row_number() over (
        partition by regexp_extract(host, '[^.]*\.?[^.]*$') order by md5(host), url_id
    ) - 1) // 16,
    md5(host),
    url_id
"""
ACCEPT = "image/jpeg,image/png,image/webp,image/*;q=0.5"


Progress = Callable[[str], object]


def fetch(
    *, limit: int | None = None, minutes: float | None = None, progress: Progress | None = None
) -> FetchSummary:
    """Try every URL that awaits its download, or the first `limit` of them, each once.

    They come such that many hosts are asked by turns, and each for a few images in a row. After
    `minutes` no other is begun; those under way end, and all of it lands. Raises BadSetting where
    the user agent names no address at which whoever runs the servers finds you.
    `progress` is called, from any thread, after each batch that has landed.
    What goes wrong with a URL is its outcome; TableMissing if dbt has not built the worklist.
    """
    check_contact(settings().user_agent)
    # Two at once would ask for the same images, and each domain twice as often as it may be.
    home = settings().home
    busy = BadRequest(f"Another fetch is at work in {home}; wait until it has ended.")
    with alone(home / LOCK, busy):
        return _fetch(limit, minutes, progress)


def _fetch(limit: int | None, minutes: float | None, progress: Progress | None) -> FetchSummary:
    read = _BY_TURNS + ("" if limit is None else f" limit {limit:d}")
    with worklist("int_urls_awaiting_download", batch_size=10_000, read=read) as work:
        total = work.rows if limit is None else min(work.rows, limit)
        summary = fetch_urls(_rows(work.batches), total=total, minutes=minutes, progress=progress)
    waiting = work.rows - summary.downloads
    if limit is not None and waiting and not summary.stopped_after:
        summary = replace(summary, stopped_after=f"{limit:,} images")
    return replace(summary, waiting=waiting)


def fetch_urls(
    urls: Iterable[tuple[uuid.UUID, str]],
    *,
    total: int | None = None,
    minutes: float | None = None,
    progress: Progress | None = None,
) -> FetchSummary:
    """Try each of `total` (url_id, URL) once and land what comes; `minutes` as for `fetch`."""
    con = connect()
    # Each thread of DuckDB holds row groups of pixels; landing is a small part of the work.
    con.execute("set threads = 1")
    try:
        job = _Job(urls, total, con, settings(), minutes, progress or (lambda _: None))
        return asyncio.run(job.run())
    finally:
        # All connections of a process share it.
        con.execute("reset threads")
        con.close()


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[uuid.UUID, str]]:
    for batch in batches:
        yield from zip(
            batch.column("url_id").to_pylist(), batch.column("image_url").to_pylist(), strict=True
        )


def _allow_open_files() -> None:
    """Connections are kept for a while: as many as the system lets us, not as a shell does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _Job:
    """Downloads under way and not yet landed. Lives for one call of `fetch_urls`."""

    def __init__(
        self,
        urls: Iterable[tuple[uuid.UUID, str]],
        total: int | None,
        con: duckdb.DuckDBPyConnection,
        current: Settings,
        minutes: float | None,
        progress: Progress,
    ) -> None:
        self._turns = Turns(
            iter(urls),
            at_once=current.fetch_domain_concurrency,
            delay_s=current.fetch_domain_delay_s,
        )
        self._total = total
        self._con = con
        self._settings = current
        self._minutes = minutes
        self._progress = progress
        self._taken = 0
        self._pending: list[Download] = []
        self._pending_bytes = 0
        self._landed_at = self._started = time.monotonic()
        self._blocked = Blocked(con, current.hash_lists)
        self._landing = asyncio.Lock()
        # Not that of the name lookups, which a dead resolver may fill.
        self._lander = ThreadPoolExecutor(1)
        self._writing = threading.Lock()
        self._outcomes: Counter[str] = Counter()
        self._images = 0

    async def run(self) -> FetchSummary:
        _allow_open_files()
        # Name lookups block a thread each.
        threads = ThreadPoolExecutor(self._settings.fetch_concurrency)
        loop = asyncio.get_running_loop()
        loop.set_default_executor(threads)
        if self._minutes is not None:
            loop.call_later(self._minutes * 60, self._turns.stop)
        try:
            await self._download_all()
        except (ExceptionGroup, asyncio.CancelledError) as error:
            self._land(self._pending)
            raise error.exceptions[0] if isinstance(error, ExceptionGroup) else error from None
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
                    sites=Sites(session, product_token(self._settings.user_agent)),
                    decoders=decoders,
                    settings=self._settings,
                    blocked=self._blocked,
                    may_hop=self._turns.hop,
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
            # What arrives is unpacked within bounds (ingest/bodies.py).
            auto_decompress=False,
        )

    async def _work(self, downloader: Downloader) -> None:
        while (turn := await self._turns.next()) is not None:
            self._taken += 1
            download = await self._download(turn, downloader)
            self._pending.append(download)
            self._pending_bytes += len(download.picture.pixels) if download.picture else 0
            if self._is_due():
                await self._land_due()

    async def _download(self, turn: Turn, downloader: Downloader) -> Download:
        if turn.left_alone:
            download = Download(url_id=turn.url_id)
            download.fail(*turn.left_alone)
            return download
        download = await downloader.download(turn.url_id, turn.url)
        self._turns.done(turn, is_reached=download.is_reached)
        if download.is_reached or download.wants_break:
            self._turns.heard(
                download.asked or turn.url,
                wants_break=download.wants_break,
                retry_after_s=download.retry_after_s,
                delay_s=download.delay_s,
            )
        return download

    async def _land_due(self) -> None:
        """Land what is pending. The other downloads go on, until they too find a full batch."""
        async with self._landing:
            if self._is_due():
                batch, self._pending, self._pending_bytes = self._pending, [], 0
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._lander, self._land, batch)

    def _is_due(self) -> bool:
        return (
            len(self._pending) >= LAND_DOWNLOADS
            or self._pending_bytes >= LAND_BYTES
            or time.monotonic() - self._landed_at > LAND_SECONDS
        )

    def _land(self, batch: list[Download]) -> None:
        if not batch:
            return
        # An interrupt leaves a batch to its thread and lands the next from another.
        with self._writing:
            self._images += land(batch, self._con)
            self._outcomes.update(download.outcome for download in batch)
            self._blocked.refresh(self._con)
            self._landed_at = time.monotonic()
            self._progress(self._bar())

    def _bar(self) -> str:
        counts = ", ".join(f"{count:,} {name}" for name, count in self._outcomes.most_common(4))
        bar: str = tqdm.format_meter(
            self._outcomes.total(),
            self._total,
            time.monotonic() - self._started,
            ncols=100,
            prefix="fetch",
            unit=" images",
            postfix=counts,
        )
        return bar

    def _summary(self) -> FetchSummary:
        return FetchSummary(
            outcomes=dict(self._outcomes),
            images=self._images,
            seconds=time.monotonic() - self._started,
            stopped_after=f"{self._minutes:g} min" if self._turns.is_stopped else None,
        )
