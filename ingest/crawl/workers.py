"""Reads crawl files in processes of their own, one for each processor, of which any may die.

On a cluster the processors are those of all its machines; what is read comes back through Ray's
object store, so that no other machine needs a way to the lake.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pyarrow as pa

from pairlake.ingest.crawl.file import read_crawl_file
from pairlake.ingest.crawl.lists.layout import Columns
from pairlake.ingest.crawl.mark import Mark
from pairlake.ingest.crawl.reading import CrawlFile, Reading
from pairlake.ingest.images.blocked import Blocked
from pairlake.lake.cluster import Tasks, WorkLost
from pairlake.lake.errors import in_words
from pairlake.lake.processes import WorkerPool, as_done
from pairlake.lake.settings import settings
from pairlake.lake.workspace import workspace

# Records that may kill the reader of a file before the file is given up.
MAX_DEATHS = 5


@dataclass(frozen=True, kw_only=True)
class Task:
    """One crawl file to read: `read_crawl_file` says what the fields are."""

    location: str
    crawl_id: str
    path: str
    folder: Path
    columns: Columns
    passed_over: frozenset[int] = frozenset()
    blocked: Blocked | None = None


def readings(tasks: Iterable[Task]) -> Generator[Reading]:
    """The readings of all tasks, as they are done, by one process for each processor."""
    return _on_cluster(tasks) if settings().on_ray else _here(tasks)


def _here(tasks: Iterable[Task]) -> Generator[Reading]:
    """The readings by processes of this machine.

    When a process dies, the pool loses all its files and nothing says which of them did it. So
    each of those is read again, in a process of its own.
    """
    processes = os.cpu_count() or 1
    pool = WorkerPool(processes)

    def submit(task: Task) -> Future[Reading]:
        nonlocal pool
        try:
            return pool.submit(_read, task)
        except BrokenProcessPool:
            pool = WorkerPool(processes)
            return pool.submit(_read, task)

    try:
        # One more than there are processes, so that none waits for the next task.
        for task, future in as_done(tasks, submit, lambda under_way: processes + 1 - under_way):
            is_lost = isinstance(future.exception(), BrokenProcessPool)
            yield _read_alone(task) if is_lost else _reading(future, task)
    finally:
        pool.end()


def _reading(future: Future[Reading], task: Task) -> Reading:
    try:
        return future.result()
    except BrokenProcessPool:
        raise
    except Exception as error:  # noqa: BLE001 - the way back from a process costs its file
        return _lost(task, "failed", in_words(error))


def _read(task: Task) -> Reading:
    return read_crawl_file(
        task.location,
        crawl_id=task.crawl_id,
        path=task.path,
        folder=task.folder,
        columns=task.columns,
        passed_over=task.passed_over,
        blocked=task.blocked,
    )


def _read_alone(task: Task) -> Reading:
    """The reading of one file; a record that the process dies of is passed over the next time."""
    deadly: frozenset[int] = frozenset()
    for death in range(MAX_DEATHS + 1):
        folder = task.folder.with_name(f"{task.folder.name}-alone-{death}")
        pool = WorkerPool(1)
        try:
            alone = replace(task, folder=folder, passed_over=deadly)
            return _reading(pool.submit(_read, alone), alone)
        except BrokenProcessPool:
            number = Mark.last(folder)
            if number is None or number in deadly:
                break
            deadly |= {number}
        finally:
            pool.end()
    return _lost(task, "crashed", "the process that read it died of it")


def _lost(task: Task, outcome: str, error: str) -> Reading:
    file = CrawlFile(crawl_id=task.crawl_id, path=task.path, outcome=outcome, error=error)
    return Reading(file=file, tables={})


def _on_cluster(tasks: Iterable[Task]) -> Generator[Reading]:
    """The readings by the processes of a Ray cluster, which does again what it loses."""
    pool = Tasks()
    try:
        for task, future in as_done(tasks, partial(pool.submit, _read_there), pool.room):
            try:
                yield _arrived(future.result(), task.folder)
            except WorkLost as error:
                yield _lost(task, "crashed", error.message)
            except Exception as error:  # noqa: BLE001 - as on one machine
                yield _lost(task, "failed", in_words(error))
    finally:
        pool.end()


@dataclass(frozen=True, kw_only=True)
class _Carried:
    """A reading on its way from another machine: by table the contents of its files."""

    file: CrawlFile
    tables: Mapping[str, Sequence[pa.Buffer]]


def _read_there(task: Task) -> _Carried:
    """Read one crawl file in a process of the cluster, or in children of it that may die."""
    with workspace() as folder:
        reading = _read_alone(replace(task, folder=folder / "file"))
        # Mapped, and so never in the memory of this process as a whole.
        tables = {
            name: [pa.memory_map(str(file)).read_buffer() for file in files]
            for name, files in reading.tables.items()
        }
        return _Carried(file=reading.file, tables=tables)


def _arrived(carried: _Carried, folder: Path) -> Reading:
    """The reading with its files in a folder of this machine."""
    folder.mkdir(parents=True)
    tables: dict[str, list[Path]] = {}
    for name, contents in carried.tables.items():
        tables[name] = []
        for number, content in enumerate(contents):
            tables[name].append(folder / f"{name}-{number}.parquet")
            tables[name][-1].write_bytes(content)
    return Reading(file=carried.file, tables=tables)
