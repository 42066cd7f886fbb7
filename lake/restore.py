"""Puts a backup of the catalog back, for `pairlake restore`; what was there before is kept."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from pairlake.lake import identity
from pairlake.lake.backups import back_up, backups, next_backup, opened, remove, restoring
from pairlake.lake.catalog import attach, close_all, locked, make_ready, transaction
from pairlake.lake.errors import BadRequest, JobFailed, PairlakeError
from pairlake.lake.maintain import erasure_is_unfinished
from pairlake.lake.settings import Settings, settings
from pairlake.lake.tables import ensure_tables

# What SQLite says of a disk and not of a catalog.
_OF_THE_DISK = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
# What had been erased is there again, so that when that was is left out.
_REQUESTS = """
select kind, value_id, reason, requested_at, attempt_id, landed_at from lake.raw.takedowns
"""
_TAKE_OVER = """
insert into lake.raw.takedowns by name
from requests anti join lake.raw.takedowns using (kind, value_id)
"""


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What `restore` did."""

    snapshot: int
    before: Path | None = None  # the catalog that was there
    requests: int | None = None  # to forget, taken over from there; None where none could be read

    def __str__(self) -> str:
        text = f"the catalog is at snapshot {self.snapshot}; "
        if self.before is not None:
            text += f"what was there before is {self.before}; "
        if self.requests is None:
            text += "what was asked to be forgotten after it is to be asked for again. "
        else:
            text += f"{self.requests:,} requests to forget that came after it are kept. "
        return (
            text + "Files that landed after it stay where they are. End what serves the lake, then "
            "run: dbt build && pairlake publish"
        )


def restore(backup: Path | None) -> Restored:
    """Make a backup the lake's catalog; on Postgres, accept what pg_restore has put there.

    Whoever dies before the end leaves the catalog as it was. Raises BadRequest for what is no
    backup, BadSetting for one of another lake or whose files are gone.
    """
    current = settings()
    if erasure_is_unfinished():
        raise JobFailed(
            "An erasure has not ended, which no backup survives; run: pairlake maintain"
        )
    if current.on_postgres:
        if backup is not None:
            raise BadRequest(
                "The catalog is in Postgres: put the dump there with pg_restore, then run: "
                "pairlake restore"
            )
        snapshot, _ = _accepted(current, None)
        return Restored(snapshot=snapshot)
    if backup is None:
        raise BadRequest(f"Name a backup. {'; '.join(listed())}")
    source = _chosen(current, backup)
    made = restoring(current)
    with locked(current):
        # No request may come between.
        before = None if _is_same(source, current.catalog_file) else _requests(current)
        try:
            _copy(source, made)
            snapshot, taken = _accepted(replace(current, catalog=f"sqlite:{made}"), before)
            kept = _kept(current)
            # A build that was of what is no longer there.
            (current.home / "dbt" / "built").unlink(missing_ok=True)
            close_all()
            _put(made, current.catalog_file)
        finally:
            remove(made)
    return Restored(snapshot=snapshot, before=kept, requests=taken)


def _chosen(current: Settings, backup: Path) -> Path:
    found = {path.name: path for path in backups(current)}
    source = found.get(str(backup), backup.expanduser())
    if source.is_file():
        return source
    raise BadRequest(f"{backup} is no backup. {'; '.join(listed())}")


def listed() -> list[str]:
    """A line for each backup in HOME/backups, the newest first, or one that there is none."""
    current = settings()
    lines = [
        f"{path.name}, of {datetime.fromtimestamp(path.stat().st_mtime):%Y-%m-%d %H:%M}"
        for path in reversed(backups(current))
    ]
    none = f"There is no backup in {current.home / 'backups'}; `pairlake maintain` makes one."
    return lines or [none]


def _is_same(one: Path, other: Path) -> bool:
    return other.exists() and one.samefile(other)


def _requests(current: Settings) -> pa.Table | None:
    """What the catalog that is there is asked to forget; None where it cannot be read."""
    if not current.catalog_file.exists():
        return None
    con = duckdb.connect(":memory:")
    try:
        make_ready(con, current)
        attach(con, current, ", read_only")
        identity.check(con, current, identity.stated(con, current.data))
        return con.execute(_REQUESTS).to_arrow_table()
    except (PairlakeError, duckdb.Error):
        return None
    finally:
        con.close()


def _copy(source: Path, target: Path) -> None:
    remove(target)
    try:
        with opened(source) as backup, closing(sqlite3.connect(target)) as copy:
            backup.backup(copy)
            copy.execute("select count(*) from ducklake_snapshot")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _OF_THE_DISK:
            raise
        raise BadRequest(f"{source} is no catalog ({error}); choose another backup.") from error


def _accepted(current: Settings, requests: pa.Table | None) -> tuple[int, int | None]:
    """Accept a catalog for the lake's, with the tables of today and the requests that it lacks.

    Returns its snapshot, and how many requests it lacked.
    """
    con = duckdb.connect(":memory:")
    try:
        make_ready(con, current)
        attach(con, current)
        snapshot, taken = identity.accept(con, current), None
        with transaction(con):
            ensure_tables(con)
            if requests is not None:
                con.register("requests", requests)
                ((taken,),) = con.execute(_TAKE_OVER).fetchall()
        return snapshot, taken
    finally:
        con.close()


def _kept(current: Settings) -> Path | None:
    """The catalog that is there, among the backups; one that cannot be read, as it is."""
    catalog = current.catalog_file
    if not catalog.exists():
        return None
    try:
        return back_up(current, keep=len(backups(current)) + 1)
    except sqlite3.Error:
        aside = next_backup(current)
        shutil.copy(catalog, aside)
        return aside


def _put(made: Path, catalog: Path) -> None:
    """Replace a catalog whole or not at all, also under those who read it."""
    try:
        with closing(sqlite3.connect(made)) as source, closing(sqlite3.connect(catalog)) as target:
            source.backup(target)
    except sqlite3.Error:
        # It is damaged, and its log, of which nothing may get into the new one, is of no use.
        remove(catalog)
        made.replace(catalog)
