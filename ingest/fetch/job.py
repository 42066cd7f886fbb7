"""Downloads the images that the worklist asks for, and says beforehand how many lie ahead.

`pairlake fetch` reads intermediate.int_urls_awaiting_download and writes raw.downloads,
raw.images, raw.image_pixels, raw.image_rights and raw.wishes.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import pyarrow as pa

from pairlake.ingest.fetch.batches import Batches, FetchSummary, Progress
from pairlake.ingest.fetch.cluster import Fetchers
from pairlake.ingest.fetch.outages import NobodyAnswers, known_places
from pairlake.ingest.fetch.session import Asking
from pairlake.ingest.fetch.turns import Turns
from pairlake.ingest.images.attempt import Download
from pairlake.ingest.images.blocked import Blocked
from pairlake.ingest.images.optout import check_contact
from pairlake.lake.catalog import connect
from pairlake.lake.errors import BadRequest, JobFailed
from pairlake.lake.locks import alone
from pairlake.lake.settings import Settings, settings
from pairlake.lake.worklist import Worklist, worklist

# Fewer downloads say little of the next: a few large pictures move their mean.
ENOUGH_DOWNLOADS = 1_000
# The 2 billion images of laion2B-en took 84.8 TiB, captions included, as img2dataset's
# documentation reports (dataset_examples/laion5B.md). That is what it kept, at 384 pixels; more
# came over the line. It stands in until this lake has figures of its own.
ASSUMED_BYTES = round(84.8 * 2**40 / 2e9)

_AHEAD = """
select
    (select count(*) from work) as rows,
    (select count(distinct host) from work) as hosts,
    (
        select count(*) from work
        where url_id in (select url_id from lake.raw.downloads where outcome = 'ok')
    ) as again,
    count(bytes) as downloads,
    avg(bytes) as mean_bytes
from lake.raw.downloads
where outcome = 'ok'
"""


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """The work before `fetch`; `is_measured` says that `bytes_each` is the mean of this lake.

    `again` of the images have come before: they are old, or their pixels are wanted and released.
    """

    images: int
    again: int
    hosts: int
    bytes_each: int
    is_measured: bool

    def __str__(self) -> str:
        if not self.images:
            return "no images lie ahead"
        each, total = _size(self.bytes_each), _size(self.images * self.bytes_each)
        images, hosts = f"{self.images:,} images", f"{self.hosts:,} hosts"
        source = "in this lake so far" if self.is_measured else "assumed, as of laion2B-en"
        line = f"{images} from {hosts} lie ahead, some {total} ({each} each {source})"
        if self.again:
            line += f"; {self.again:,} of them have come before"
        return line


LOCK = "fetch.lock"
# A host is asked for some images in a row, while its connection and its robots.txt are at hand;
# then it is the turn of others. The last two labels stand for its domain: who has many hosts is
# not to fill the window (ingest/fetch/turns.py) with them.
_BY_TURNS = r"""
select url_id, image_url
from work
order by
    (row_number() over (
        partition by regexp_extract(host, '[^.]*\.?[^.]*$') order by md5(host), url_id
    ) - 1) // 16,
    md5(host),
    url_id
"""


def fetch(
    *,
    limit: int | None = None,
    minutes: float | None = None,
    announce: Callable[[Ahead], object] | None = None,
    progress: Progress | None = None,
) -> FetchSummary:
    """Try every URL that awaits its download, or the first `limit` of them, each once.

    They come such that many hosts are asked by turns, and each for a few images in a row. After
    `minutes` no other is begun; those under way end, and all of it lands. Raises BadSetting where
    the user agent names no address at which whoever runs the servers finds you.
    `announce` is told first what lies ahead. `progress` is called, from any thread, after each
    batch that has landed.
    What goes wrong with a URL is its outcome; TableMissing if dbt has not built the worklist.
    """
    # Two at once would ask for the same images, and each domain twice as often as it may be.
    home = settings().home
    busy = BadRequest(f"Another fetch is at work in {home}; wait until it has ended.")
    with alone(home / LOCK, busy):
        return _fetch(limit, minutes, announce or (lambda _: None), progress)


def _fetch(
    limit: int | None,
    minutes: float | None,
    announce: Callable[[Ahead], object],
    progress: Progress | None,
) -> FetchSummary:
    with awaiting(limit) as work:
        announce(ahead_of(work))
        check_contact(settings().user_agent)
        total = work.rows if limit is None else min(work.rows, limit)
        summary = fetch_urls(_rows(work.batches), total=total, minutes=minutes, progress=progress)
    waiting = work.rows - summary.downloads
    if limit is not None and waiting and not (summary.stopped_after or summary.problem):
        summary = replace(summary, stopped_after=f"{limit:,} images")
    return replace(summary, waiting=waiting)


def awaiting(limit: int | None = None) -> AbstractContextManager[Worklist]:
    """What awaits its download, of which `limit` are read; TableMissing if dbt has not built it."""
    read = _BY_TURNS + ("" if limit is None else f" limit {limit:d}")
    return worklist("int_urls_awaiting_download", batch_size=10_000, read=read, about=_AHEAD)


def ahead_of(work: Worklist) -> Ahead:
    """What lies ahead, all of it, whatever is read of it."""
    is_measured = work.about["downloads"] >= ENOUGH_DOWNLOADS
    return Ahead(
        images=work.rows,
        again=work.about["again"],
        hosts=work.about["hosts"],
        bytes_each=round(work.about["mean_bytes"]) if is_measured else ASSUMED_BYTES,
        is_measured=is_measured,
    )


def fetch_urls(
    urls: Iterable[tuple[uuid.UUID, str]],
    *,
    total: int | None = None,
    minutes: float | None = None,
    progress: Progress | None = None,
) -> FetchSummary:
    """Try each of `total` (url_id, URL) once and land what comes; `minutes` as for `fetch`.

    Where nobody answers, what has come so far lands, and the summary says what the problem is.
    """
    con, current = connect(), settings()
    # Each thread of DuckDB holds row groups of pixels; landing is a small part of the work.
    con.execute("set threads = 1")
    try:
        blocked = Blocked(con, current.hash_lists)
        batches = Batches(con, blocked, total=total, progress=progress)
        known = known_places(con)
        try:
            if current.on_ray:
                taken, is_stopped = Fetchers(blocked, batches, current, known).run(urls, minutes)
            else:
                job = _Job(urls, blocked, batches, current, known)
                taken, is_stopped = asyncio.run(job.run(minutes))
        except NobodyAnswers as error:
            return replace(batches.summary(stopped_after=None), problem=error.message)
        summary = batches.summary(stopped_after=f"{minutes:g} min" if is_stopped else None)
    finally:
        # All connections of a process share it.
        con.execute("reset threads")
        con.close()
    if summary.downloads != taken:
        raise JobFailed(f"{taken} URLs were taken, but {summary.downloads} downloads landed.")
    return summary


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[uuid.UUID, str]]:
    for batch in batches:
        yield from zip(
            batch.column("url_id").to_pylist(), batch.column("image_url").to_pylist(), strict=True
        )


class _Job:
    """Downloads by this process. Lives for one call of `fetch_urls`."""

    def __init__(
        self,
        urls: Iterable[tuple[uuid.UUID, str]],
        blocked: Blocked,
        batches: Batches,
        current: Settings,
        known: Sequence[str],
    ) -> None:
        self._turns = Turns(
            iter(urls),
            at_once=current.fetch_domain_concurrency,
            delay_s=current.fetch_domain_delay_s,
        )
        self._asking = Asking(
            self._turns,
            self._take,
            blocked=blocked,
            current=current,
            at_once=current.fetch_concurrency,
            known=known,
        )
        self._batches = batches
        self._landing = asyncio.Lock()
        # Not that of the name lookups, which a dead resolver may fill.
        self._lander = ThreadPoolExecutor(1)

    async def run(self, minutes: float | None) -> tuple[int, bool]:
        """How many URLs were taken, and whether the time was up before all were."""
        if minutes is not None:
            asyncio.get_running_loop().call_later(minutes * 60, self._turns.stop)
        try:
            await self._asking.run()
        finally:
            self._batches.land(self._batches.taken())
        return self._asking.taken, self._turns.is_stopped

    async def _take(self, download: Download) -> None:
        self._batches.add(download)
        if self._batches.is_due:
            await self._land_due()

    async def _land_due(self) -> None:
        """Land what is pending. The other downloads go on, until they too find a full batch."""
        async with self._landing:
            if self._batches.is_due:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._lander, self._batches.land, self._batches.taken())


def _size(size: float) -> str:
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:,.0f} TB"
