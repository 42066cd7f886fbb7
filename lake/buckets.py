"""Makes a table's buckets by the processes of a Ray cluster, as macros/workers.sql asks.

A process sees the lake as the build does, at one snapshot: of a catalog in SQLite it gets a copy,
to one in Postgres it connects. It writes a bucket's rows beside the table's files, named as
DuckLake names its own, and the build adds them in its transaction. Files that nobody adds, since
their process or the build has died, go with `pairlake maintain`, as those of other writers do.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any

import duckdb
from duckdb.func import FunctionNullHandling

from pairlake.lake.catalog import attach, make_ready
from pairlake.lake.cluster import Shared, Tasks, machines
from pairlake.lake.errors import JobFailed, PairlakeError, in_words
from pairlake.lake.failures import explained_failures
from pairlake.lake.processes import as_done, machine_memory
from pairlake.lake.settings import Settings, settings
from pairlake.lake.storage import filesystem, is_remote
from pairlake.lake.workspace import workspace

# By another process: one that closes a file of its SQLite's gives up the locks on it.
_COPY = """
import sqlite3, sys
source = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
source.backup(sqlite3.connect(sys.argv[2]))
"""
# What DuckLake makes its own files end at.
_FILE_BYTES = "file_size_bytes '512MB', write_empty_file false"
# What DuckDB takes for itself of a machine unless told.
_SHARE = 0.8


@dataclass(frozen=True, kw_only=True)
class _Lake:
    """A lake at a snapshot, as another machine finds it; of a catalog in SQLite the bytes."""

    catalog: str | Shared
    data: str
    snapshot: int


class Buckets:
    """The buckets of one build, a table's after another's."""

    def __init__(self) -> None:
        self._tasks: Tasks | None = None
        self._cpus = 1
        self._made: Future[list[str]] = Future()

    def register(self, con: duckdb.DuckDBPyConnection) -> None:
        """Give a connection the functions by which macros/workers.sql asks; what fails is told.

        `bucket_workers()` is how many processes there are, 0 without a cluster. `hand_out_buckets`
        begins, and is null; `made_buckets(ignored)` is null for a second if not all are there.
        """
        functions: tuple[tuple[str, Callable[..., Any], list[Any], str], ...] = (
            ("bucket_workers", self._workers, [], "INTEGER"),
            ("hand_out_buckets", self._hand_out, _PARAMETERS, "VARCHAR[]"),
            ("made_buckets", self._files, [_told_type("VARCHAR[]")], "VARCHAR[]"),
        )
        for name, function, parameters, returns in functions:
            con.create_function(
                name,
                _telling(function),
                parameters,
                _told_type(returns),
                null_handling=FunctionNullHandling.SPECIAL,
                side_effects=True,
            )

    def end(self) -> None:
        """Give up what is under way."""
        if self._tasks is not None:
            self._tasks.end()

    def _workers(self) -> int:
        return self._ready().workers if settings().on_ray else 0

    def _ready(self) -> Tasks:
        """The cluster's processes: DuckDB has all processors of a machine, of the smallest."""
        if self._tasks is None:
            self._cpus = min(machine.cpus for machine in machines())
            self._tasks = Tasks(cpus=self._cpus)
        return self._tasks

    def _hand_out(
        self, table: str, snapshot: int, partitioned_by: list[str], statements: list[str]
    ) -> None:
        tasks, current = self._ready(), settings()
        lake = _Lake(catalog=_carried(current), data=current.data, snapshot=snapshot)
        made: Future[list[str]] = Future()

        def submit(sql: str) -> Future[list[str]]:
            return tasks.submit(_write, lake, table, partitioned_by, sql, self._cpus)

        def make() -> None:
            try:
                made.set_result(_all_made(table, statements, submit, tasks))
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                made.set_exception(error)

        self._made = made
        threading.Thread(target=make, daemon=True).start()

    def _files(self, _: object) -> list[str] | None:
        try:
            return self._made.result(timeout=1.0)
        except TimeoutError:
            return None


_PARAMETERS = ["VARCHAR", "BIGINT", "VARCHAR[]", "VARCHAR[]"]


def _told_type(returns: str) -> str:
    return f"STRUCT(answer {returns}, failure VARCHAR)"


def _telling(function: Callable[..., Any]) -> Callable[..., dict[str, Any] | None]:
    """A function that tells a failure as a sentence: DuckDB would show where it was raised."""

    @wraps(function)  # DuckDB counts the parameters
    def told(*arguments: Any) -> dict[str, Any] | None:
        try:
            answer = function(*arguments)
        except PairlakeError as error:
            return {"answer": None, "failure": error.message}
        except Exception as error:  # noqa: BLE001 - the model fails with it
            return {"answer": None, "failure": in_words(error)}
        return None if answer is None else {"answer": answer, "failure": None}

    return told


def _all_made(
    table: str,
    statements: Sequence[str],
    submit: Callable[[str], Future[list[str]]],
    tasks: Tasks,
) -> list[str]:
    """The files of all buckets; where one cannot be made, JobFailed, and no file is left."""
    failures: list[BaseException] = []
    files: list[str] = []

    def room(under_way: int) -> int:
        return 0 if failures else tasks.room(under_way)

    for _, future in as_done(statements, submit, room):
        error = future.exception()
        if error is None:
            files += future.result()
        elif not failures:
            failures.append(error)
            tasks.end()
    if failures:
        _remove(files)
        first = failures[0]
        words = first.message if isinstance(first, PairlakeError) else in_words(first)
        raise JobFailed(
            f"One of {len(statements)} buckets of {table} could not be made ({words}). The table "
            "is as it was."
        )
    return files


def _carried(current: Settings) -> str | Shared:
    """The catalog for machines that have no way to it."""
    if current.on_postgres:
        return current.catalog
    with workspace() as folder:
        copy = folder / "catalog.sqlite"
        subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-I", "-S", "-c", _COPY, current.catalog_file, copy], check=True
        )
        return Shared(copy.read_bytes())


def _remove(paths: Sequence[str]) -> None:
    for path in paths:
        files, place = filesystem(path)
        files.delete_file(place)


def _write(
    lake: _Lake, table: str, partitioned_by: Sequence[str], sql: str, cpus: int
) -> list[str]:
    """Write the rows of one bucket, in a process of the cluster; returns the files' names."""
    layout = _FILE_BYTES
    if partitioned_by:
        layout = f"partition_by ({', '.join(partitioned_by)}), write_partition_columns true"
    with _opened(lake, cpus) as (con, current), explained_failures():
        folder = f"{current.tables}/{table.replace('.', '/')}"
        if not is_remote(folder):
            Path(folder).mkdir(parents=True, exist_ok=True)
        quoted = folder.replace("'", "''")
        _, files = con.execute(
            f"copy ({sql}) to '{quoted}' (format parquet, {layout}, "
            "filename_pattern 'ducklake-{uuidv7}', overwrite_or_ignore true, return_files true)"
        ).fetchall()[0]
    return list(files)


@contextmanager
def _opened(lake: _Lake, cpus: int) -> Iterator[tuple[duckdb.DuckDBPyConnection, Settings]]:
    """A connection to the lake, with settings that say so, in a process of the cluster."""
    with workspace() as folder, duckdb.connect(":memory:") as con:
        if isinstance(lake.catalog, str):
            catalog = lake.catalog
        else:
            file = folder / "catalog.sqlite"
            file.write_bytes(lake.catalog.value())
            catalog = f"sqlite:{file}"
        own = settings()
        # A larger machine has several such processes.
        share = _SHARE * min(1.0, cpus / (os.cpu_count() or 1))
        current = replace(
            own,
            catalog=catalog,
            data=lake.data,
            threads=own.threads or cpus,
            memory_limit=own.memory_limit or f"{int(machine_memory() * share)}B",
        )
        make_ready(con, current)
        # Of a process that is killed it goes with the workspace.
        quoted = str(folder / "tmp").replace("'", "''")
        con.execute(f"set temp_directory = '{quoted}'")
        attach(con, current, f", read_only, snapshot_version {lake.snapshot}")
        yield con, current
