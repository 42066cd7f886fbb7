"""Reads crawl files in processes of their own, one for each processor, of which any may die."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from ingest.crawl_file import Mark, read_crawl_file
from ingest.list_file import Columns
from ingest.reading import CrawlFile, Reading
from lake.processes import WorkerPool

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


def readings(tasks: Iterable[Task]) -> Generator[Reading]:
    """The readings of all tasks, as they are done, by one process for each processor.

    When a process dies, the pool loses all its files and nothing says which of them did it. So
    each of those is read again, in a process of its own.
    """
    processes = os.cpu_count() or 1
    waiting = iter(tasks)
    pool = WorkerPool(processes)
    under_way: dict[Future[Reading], Task] = {}
    try:
        while True:
            # One more than there are processes, so that none waits for the next task.
            for task in islice(waiting, processes + 1 - len(under_way)):
                under_way[_submitted(pool, task)] = task
            if not under_way:
                return
            # Not for ever: since polars has put its handler there, Ctrl-C interrupts no wait.
            done, _ = wait(under_way, timeout=1.0, return_when=FIRST_COMPLETED)
            if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
                lost, under_way = list(under_way.values()), {}
                pool = WorkerPool(processes)
                yield from map(_read_alone, lost)
                continue
            for future in done:
                del under_way[future]
                yield future.result()
    finally:
        pool.end()


def _submitted(pool: ProcessPoolExecutor, task: Task) -> Future[Reading]:
    try:
        return pool.submit(_read, task)
    except BrokenProcessPool as error:
        # As it would be had the pool broken a moment later.
        broken: Future[Reading] = Future()
        broken.set_exception(error)
        return broken


def _read(task: Task) -> Reading:
    return read_crawl_file(
        task.location,
        crawl_id=task.crawl_id,
        path=task.path,
        folder=task.folder,
        columns=task.columns,
        passed_over=task.passed_over,
    )


def _read_alone(task: Task) -> Reading:
    """The reading of one file; a record that the process dies of is passed over the next time."""
    deadly: frozenset[int] = frozenset()
    for death in range(MAX_DEATHS + 1):
        folder = task.folder.with_name(f"{task.folder.name}-alone-{death}")
        pool = WorkerPool(1)
        try:
            return pool.submit(_read, replace(task, folder=folder, passed_over=deadly)).result()
        except BrokenProcessPool:
            offset = Mark.last(folder)
            if offset is None or offset in deadly:
                break
            deadly |= {offset}
        finally:
            pool.end()
    file = CrawlFile(
        crawl_id=task.crawl_id,
        path=task.path,
        outcome="crashed",
        error="the process that read it died of it",
    )
    return Reading(file=file, tables={})
