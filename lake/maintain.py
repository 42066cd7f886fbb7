"""Upkeep of the lake: small files, snapshots, orphans, backups. `pairlake maintain`.

Commits leave small files and snapshots behind, and dbt's time nearly doubles at some 580 of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pairlake.lake import identity, postgres
from pairlake.lake.backups import KEEP as KEEP_BACKUPS
from pairlake.lake.backups import back_up, clear_partial, named_by_backups, outdated
from pairlake.lake.catalog import connect, locked
from pairlake.lake.errors import JobFailed
from pairlake.lake.settings import settings
from pairlake.lake.sweep import sweep

# A first build makes some hundred, and the next one goes on from them (macros/changes.sql); every
# snapshot costs each later query a little.
KEEP_SNAPSHOTS = 150


# Of each column the catalog has the least and the greatest text. ducklake 1.5.5 only widens them,
# so that they may be what was erased; here they become those of the files that are left.
_BOUNDS = """
with bounds as (
    select table_id, column_id, min(min_value) as least, max(max_value) as greatest
    from __ducklake_metadata_lake.ducklake_file_column_stats
    group by table_id, column_id
)
update __ducklake_metadata_lake.ducklake_table_column_stats as stats
set min_value = bounds.least, max_value = bounds.greatest
from bounds
where
    stats.table_id = bounds.table_id
    and stats.column_id = bounds.column_id
    and exists (
        select 1 from __ducklake_metadata_lake.ducklake_column as columns
        where
            columns.table_id = stats.table_id
            and columns.column_id = stats.column_id
            and columns.column_type = 'varchar'
    )
"""


@dataclass(frozen=True, kw_only=True)
class TidySummary:
    """What upkeep did."""

    snapshots_expired: int
    files_removed: int
    files_trashed: int
    backup: Path | None  # None on Postgres, whose operator has a way of their own

    def __str__(self) -> str:
        done = f"{self.snapshots_expired} snapshots expired, {self.files_removed} files removed; "
        if self.files_trashed:
            done += f"{self.files_trashed} that nothing names put into the trash; "
        if self.backup is None:
            return f"{done}the catalog is yours to back up (pg_dump)."
        return f"{done}the catalog is backed up in {self.backup}."


def tidy(*, leave_no_trace: bool) -> TidySummary:
    """Merge small files, expire snapshots, sweep files away, back the catalog up.

    With `leave_no_trace`, after an erasure, deleted rows are rewritten away, and every older
    snapshot and backup goes, with what they name and the trash. Holds the lock, so jobs and builds
    wait.
    """
    current = settings()
    con = connect()
    try:
        with locked(current):
            if leave_no_trace:
                if current.on_postgres:
                    postgres.check_owned(con, current.catalog)
                begin_erasure()
            _compact(con, rewrite_all=leave_no_trace)
            expired = _expire(con, keep=1 if leave_no_trace else KEEP_SNAPSHOTS)
            swept = sweep(con, current, named_by_backups(current), erase=leave_no_trace)
            if leave_no_trace:
                con.execute(_BOUNDS)
            if current.on_postgres and leave_no_trace:
                postgres.rewrite(con, current.catalog)
            backup = None
            if not current.on_postgres:
                clear_partial(current)
                _vacuum(current.catalog_file)
                backup = back_up(current, keep=1 if leave_no_trace else KEEP_BACKUPS)
            # Last, when the disk has it all: the catalog must never be behind what this says.
            identity.leave(con, current)
            if leave_no_trace:
                _unfinished().unlink()
    finally:
        con.close()
    return TidySummary(
        snapshots_expired=expired,
        files_removed=len(swept.removed) + len(swept.emptied),
        files_trashed=len(swept.trashed),
        backup=backup,
    )


def would_go(*, leave_no_trace: bool) -> list[str]:
    """What `tidy` would take away if it came now, a line each; nothing is changed."""
    current = settings()
    keep_snapshots = 1 if leave_no_trace else KEEP_SNAPSHOTS
    keep_backups = 1 if leave_no_trace else KEEP_BACKUPS
    con = connect()
    try:
        old = len(_old_snapshots(con, keep=keep_snapshots))
        swept = sweep(con, current, named_by_backups(current), erase=leave_no_trace, dry_run=True)
    finally:
        con.close()
    return [
        f"{old} snapshots",
        *(f"{current.tables}/{path}" for path in swept.removed),
        *(f"{current.tables}/{path}, into the trash" for path in swept.trashed),
        *(f"{current.data}/trash/{name}" for name in swept.emptied),
        *(str(backup) for backup in outdated(current, keep=keep_backups, more=1)),
    ]


def begin_erasure() -> None:
    """Note that something is being erased, until `tidy` has ended that was to leave no trace."""
    _unfinished().touch()


def erasure_is_unfinished() -> bool:
    """Whether an erasure ended early, so that traces are left."""
    return _unfinished().exists()


def _unfinished() -> Path:
    return settings().home / "erasing"


def _compact(con: duckdb.DuckDBPyConnection, *, rewrite_all: bool) -> None:
    with _one_thread(con):
        con.execute("call ducklake_flush_inlined_data('lake')")
    threshold = ", delete_threshold => 0.0" if rewrite_all else ""
    con.execute(f"call ducklake_rewrite_data_files('lake'{threshold})")
    con.execute("call ducklake_merge_adjacent_files('lake')")


@contextmanager
def _one_thread(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """DuckDB with one thread, for a flush, which opens and closes the catalog for each table.

    With two, sqlite_scanner 1.5.5 damaged the memory of the process in one of some two hundred
    flushes; with one in none of two thousand, and a flush took two thirds of the time. All
    connections of the process share the setting.
    """
    ((threads,),) = con.execute("select current_setting('threads')").fetchall()
    con.execute("set threads = 1")
    try:
        yield
    finally:
        con.execute(f"set threads = {threads}")


def _expire(con: duckdb.DuckDBPyConnection, *, keep: int) -> int:
    if versions := _old_snapshots(con, keep=keep):
        listed = ", ".join(map(str, versions))
        con.execute(f"call ducklake_expire_snapshots('lake', versions => [{listed}])")
    return len(versions)


def _old_snapshots(con: duckdb.DuckDBPyConnection, *, keep: int) -> list[int]:
    query = "select snapshot_id from ducklake_snapshots('lake') order by snapshot_id desc offset ?"
    return [version for (version,) in con.execute(query, [keep]).fetchall()]


def _vacuum(catalog: Path) -> None:
    with closing(sqlite3.connect(catalog)) as connection:
        connection.execute("vacuum")
        busy, *_ = connection.execute("pragma wal_checkpoint(truncate)").fetchone()
    if busy:
        raise JobFailed(
            "Another program reads the catalog, so old pages of it could not be removed; "
            "end it, and run: pairlake maintain"
        )
