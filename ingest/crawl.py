"""Turns crawl files into pairs, one process per processor, one transaction per crawl file.

`pairlake crawl` writes raw.image_text_pairs, raw.list_scores and raw.crawl_files.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from ingest.crawl_file import CrawlFile, Reading, read_crawl_file
from ingest.lists import Columns
from ingest.processes import worker_pool
from lake.append import append
from lake.catalog import connect
from lake.errors import JobFailed
from lake.settings import settings

_ROW = pa.schema(
    {
        "crawl_id": pa.string(),
        "path": pa.string(),
        "outcome": pa.string(),
        "error": pa.string(),
        "records": pa.int64(),
        "unreadable_records": pa.int64(),
        "links": pa.int64(),
        "images": pa.int64(),
        "pairs": pa.int64(),
        "sightings": pa.int64(),
        "bytes": pa.int64(),
        "seconds": pa.float64(),
        "started_at": pa.timestamp("us"),
        "cleaning_version": pa.int32(),
    }
)
_PAIRS = "raw.image_text_pairs"

Progress = Callable[[str], object]


@dataclass(frozen=True, kw_only=True)
class CrawlSummary:
    """What a run of `crawl` did: crawl files by outcome, those done before, and what landed."""

    outcomes: Mapping[str, int]
    skipped: int
    pairs: int
    sightings: int
    unreadable_records: int = 0

    @property
    def failed(self) -> int:
        """Crawl files of which not all could be read; the next run tries them again."""
        return sum(count for outcome, count in self.outcomes.items() if outcome != "ok")

    def __str__(self) -> str:
        if not self.outcomes:
            return f"nothing to do: {self.skipped} crawl files landed before"
        files = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.items())
        unreadable = (
            f", {self.unreadable_records:,} unreadable records" if self.unreadable_records else ""
        )
        return (
            f"crawl files: {files}; {self.pairs:,} pairs, seen {self.sightings:,} times{unreadable}"
        )


@dataclass(frozen=True, kw_only=True)
class _Task:
    location: str
    crawl_id: str
    path: str
    folder: Path
    columns: Columns


def crawl(
    locations: Sequence[str],
    *,
    crawl_id: str | None = None,
    columns: Columns | None = None,
    progress: Progress = lambda message: None,
) -> CrawlSummary:
    """Land the pairs of every crawl file that has not landed whole yet, one transaction each.

    Without a `crawl_id`, a file belongs to the crawl that its path names, a list to one named as
    its folder, and others to `local`. What cannot be read is an outcome in raw.crawl_files, and
    is tried again by the next call. `columns` name the URL and caption columns of lists.
    `progress` hears of each file.
    """
    tally = _Tally(progress)
    con = connect()
    try:
        named = {_path(location): location for location in locations}
        done = _landed(con)
        with _workspace() as folder:
            todo = [
                _Task(
                    location=location,
                    crawl_id=crawl_id or _crawl_id(path),
                    path=path,
                    folder=folder / str(number),
                    columns=columns or Columns(),
                )
                for number, (path, location) in enumerate(named.items())
                if (crawl_id or _crawl_id(path), path) not in done
            ]
            tally.files = len(todo)
            for reading in _readings(todo):
                tally.add(_land(reading, con))
    finally:
        con.close()
    return tally.summary(skipped=len(named) - len(todo))


class _Tally:
    """Counts what has landed, and says so on the way."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._started = progress, time.monotonic()
        self._outcomes: Counter[str] = Counter()
        self._pairs = self._sightings = self._unreadable = self.files = 0

    def add(self, file: CrawlFile) -> None:
        self._outcomes[file.outcome] += 1
        self._pairs += file.pairs
        self._sightings += file.sightings
        self._unreadable += file.unreadable_records
        elapsed = time.monotonic() - self._started
        rate = self._pairs / elapsed if elapsed else 0.0
        self._progress(
            tqdm.format_meter(
                self._outcomes.total(),
                self.files,
                elapsed,
                ncols=100,
                prefix="crawl",
                unit=" files",
                postfix=f"{self._pairs:,} pairs, {rate:,.0f}/s",
            )
        )

    def summary(self, *, skipped: int) -> CrawlSummary:
        return CrawlSummary(
            outcomes=dict(self._outcomes),
            skipped=skipped,
            pairs=self._pairs,
            sightings=self._sightings,
            unreadable_records=self._unreadable,
        )


def _readings(tasks: Iterable[_Task]) -> Iterator[Reading]:
    """The readings of all tasks, as they are done, by one process for each processor.

    When a process dies, the pool loses all its files and nothing says which of them did it. So
    each of those is tried once more, in a process of its own.
    """
    processes = os.cpu_count() or 1
    waiting = iter(tasks)
    pool = worker_pool(processes)
    under_way: dict[Future[Reading], _Task] = {}
    try:
        while True:
            # One more than there are processes, so that none waits for the next task.
            for task in islice(waiting, processes + 1 - len(under_way)):
                under_way[_submitted(pool, task)] = task
            if not under_way:
                return
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
                lost, under_way = list(under_way.values()), {}
                pool = worker_pool(processes)
                yield from map(_read_alone, lost)
                continue
            for future in done:
                del under_way[future]
                yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _submitted(pool: ProcessPoolExecutor, task: _Task) -> Future[Reading]:
    try:
        return pool.submit(_read, task)
    except BrokenProcessPool as error:
        # As it would be had the pool broken a moment later.
        broken: Future[Reading] = Future()
        broken.set_exception(error)
        return broken


def _read(task: _Task) -> Reading:
    return read_crawl_file(
        task.location,
        crawl_id=task.crawl_id,
        path=task.path,
        folder=task.folder,
        columns=task.columns,
    )


def _read_alone(task: _Task) -> Reading:
    again = replace(task, folder=task.folder.with_name(f"{task.folder.name}-again"))
    with worker_pool(1) as pool:
        try:
            return pool.submit(_read, again).result()
        except BrokenProcessPool:
            file = CrawlFile(
                crawl_id=task.crawl_id,
                path=task.path,
                outcome="crashed",
                error="the process that read it died of it",
            )
            return Reading(file=file, tables={})


def _land(reading: Reading, con: duckdb.DuckDBPyConnection) -> CrawlFile:
    """Land one reading, unless what it could read has landed already; gives its row."""
    file, tables = reading.file, reading.tables
    landing = sum(pq.read_metadata(part).num_rows for part in tables.get(_PAIRS, ()))
    if file.pairs != landing:
        raise JobFailed(
            f"{file.path} has {file.pairs} pairs, but {landing} would land; nothing was written."
        )
    known = con.execute(
        "select coalesce(max(sightings), 0) from lake.raw.crawl_files "
        "where crawl_id = ? and path = ?",
        [file.crawl_id, file.path],
    ).fetchone()
    if file.outcome != "ok" and known and file.sightings <= known[0]:
        # Of a file that stays damaged, what could be read lands once.
        file, tables = replace(file, pairs=0, sightings=0), {}
    append({**tables, "raw.crawl_files": pa.Table.from_pylist([asdict(file)], _ROW)}, con)
    for parts in reading.tables.values():
        for part in parts:
            part.unlink()
    return file


@contextmanager
def _workspace() -> Iterator[Path]:
    """A folder for what is read and has not landed; those of runs that were killed go."""
    parent = settings().home / "tmp" / "crawl"
    parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        with (parent / "lock").open("a") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            for left in parent.glob("run-*"):
                _remove_unless_locked(left)
            folder = Path(held.enter_context(tempfile.TemporaryDirectory("", "run-", parent)))
            lock = held.enter_context((folder / "lock").open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _remove_unless_locked(folder: Path) -> None:
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(folder)


def _path(location: str) -> str:
    """The name of a crawl file in the lake: from `crawl-data/` on, as in Common Crawl's listings.

    So that a file is the same wherever its crawl is mirrored. Other files go by their whole path.
    """
    before, found, rest = location.partition("crawl-data/")
    if found and (not before or before.endswith("/")):
        return found + rest
    return location if "://" in location else str(Path(location).resolve())


def _crawl_id(path: str) -> str:
    """The crawl that a path names, `crawl-data/<crawl_id>/…`; else the file's folder."""
    folder, _, rest = path.partition("/")
    if folder == "crawl-data":
        return rest.partition("/")[0] or "local"
    return PurePosixPath(path).parent.name or "local"


def _landed(con: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    rows = con.execute(
        "select distinct crawl_id, path from lake.raw.crawl_files where outcome = 'ok'"
    ).fetchall()
    return {(crawl_id, path) for crawl_id, path in rows}
