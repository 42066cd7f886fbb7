"""Upkeep of the lake, and erasure of what takedowns name. `pairlake maintain`.

Commits leave small files and snapshots behind, and dbt's time nearly doubles at some 580 of them.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from lake.catalog import connect, locked, writing
from lake.errors import JobFailed
from lake.settings import Settings, settings

# Enough for time travel over the last runs; every snapshot costs each later query a little.
KEEP_SNAPSHOTS = 100
KEEP_BACKUPS = 5


@dataclass(frozen=True, kw_only=True)
class TidySummary:
    """What upkeep did."""

    snapshots_expired: int
    files_removed: int
    backup: Path

    def __str__(self) -> str:
        return (
            f"{self.snapshots_expired} snapshots expired, {self.files_removed} files removed; "
            f"the catalog is backed up in {self.backup}."
        )


def tidy(*, leave_no_trace: bool) -> TidySummary:
    """Merge small files, expire snapshots, remove orphans, back the catalog up.

    With `leave_no_trace`, after an erasure, deleted rows are rewritten away, and every older
    snapshot and backup goes. Holds the lock, so jobs and builds wait.
    """
    current = settings()
    con = connect()
    try:
        with locked(current):
            _compact(con, rewrite_all=leave_no_trace)
            expired = _expire(con, keep=1 if leave_no_trace else KEEP_SNAPSHOTS)
            removed = _remove_files(con)
    finally:
        con.close()
    with locked(current):
        _vacuum(current.catalog_file)
        backup = _backup(current, keep=1 if leave_no_trace else KEEP_BACKUPS)
    return TidySummary(snapshots_expired=expired, files_removed=removed, backup=backup)


def takedowns_recorded() -> bool:
    """Whether anything was ever to be forgotten."""
    con = connect(read_only=True)
    try:
        return con.execute("select 1 from lake.raw.takedowns limit 1").fetchone() is not None
    finally:
        con.close()


def older_snapshot_remains() -> bool:
    """Whether a snapshot from before the last takedown is still there.

    `tidy` with `leave_no_trace` removes it as the last step, so an erasure that was interrupted
    anywhere shows.
    """
    con = connect(read_only=True)
    try:
        row = con.execute(
            "select min(snapshot_time)::timestamp < (select max(requested_at) "
            "from lake.raw.takedowns) from ducklake_snapshots('lake')"
        ).fetchone()
    finally:
        con.close()
    return bool(row and row[0])


def erase_takedowns() -> int:
    """Blank what int_pairs_judged drops as `takedown`; returns how many rows changed.

    Goes by the last `dbt build`, which must have seen the takedowns. The marts still hold what is
    blanked here until the next build, and old files until `tidy`.
    """
    con = connect()
    try:
        with writing(con):
            for statement in _GONE:
                con.execute(statement)
            rows = [con.execute(statement).fetchone() for statement in _ERASE]
            return sum(row[0] for row in rows if row)
    finally:
        con.close()


# A pair that was taken down keeps its ids, so that the accounts still add up, and loses what it
# says. A picture goes when no pair is left that may show it; a caption likewise.
_GONE = (
    """
    create temp table gone as
    select pair_id, url_id, caption_id, image_id
    from lake.intermediate.int_pairs_judged
    where drop_reason = 'takedown'
    """,
    """
    create temp table gone_images as
    select distinct image_id from gone where image_id is not null
    except
    select image_id from lake.intermediate.int_pairs_judged
    where drop_reason is distinct from 'takedown'
    """,
    """
    create temp table gone_captions as
    select distinct caption_id from gone
    except
    select caption_id from lake.intermediate.int_pairs_judged
    where drop_reason is distinct from 'takedown'
    """,
    """
    set variable gone_pages = coalesce(
        (select list(value_id) from lake.raw.takedowns where kind = 'page'), []::uuid[]
    )
    """,
)
_ERASE = (
    # What a lesser attempt at a crawl file brought counts nowhere, and so has no verdict either.
    """
    delete from lake.raw.image_text_pairs
    where attempt_id not in (select attempt_id from lake.staging.stg_raw__crawl_files)
    """,
    """
    update lake.raw.image_text_pairs
    set image_url = null, caption = null, source_id = null, sightings = null
    where pair_id in (select pair_id from gone) and image_url is not null
    """,
    # A page's takedown reaches what it says of pairs that were seen elsewhere too.
    """
    update lake.raw.image_text_pairs
    set sightings = list_transform(sightings, lambda sighting: case
        when list_contains(getvariable('gone_pages'), md5(sighting.page_url)::uuid)
            then struct_update(sighting, page_url := null::varchar, license_url := null::varchar)
        else sighting
    end)
    where list_bool_or(list_transform(
        sightings,
        lambda sighting: coalesce(
            list_contains(getvariable('gone_pages'), md5(sighting.page_url)::uuid), false
        )
    ))
    """,
    """
    update lake.raw.downloads
    set final_url = null, error = null, opt_out_evidence = null
    where
        url_id in (select url_id from gone)
        and (
            final_url is not null or error is not null or opt_out_evidence is not null
        )
    """,
    # With its download gone too, an image that another pair comes to need is fetched again.
    "delete from lake.raw.downloads where image_id in (select image_id from gone_images)",
    "delete from lake.raw.images where image_id in (select image_id from gone_images)",
    "delete from lake.raw.image_pixels where image_id in (select image_id from gone_images)",
    """
    delete from lake.enriched.image_embeddings
    where image_id in (select image_id from gone_images)
    """,
    "delete from lake.enriched.image_hashes where image_id in (select image_id from gone_images)",
    """
    delete from lake.enriched.caption_embeddings
    where caption_id in (select caption_id from gone_captions)
    """,
)


def _compact(con: duckdb.DuckDBPyConnection, *, rewrite_all: bool) -> None:
    con.execute("call ducklake_flush_inlined_data('lake')")
    threshold = ", delete_threshold => 0.0" if rewrite_all else ""
    con.execute(f"call ducklake_rewrite_data_files('lake'{threshold})")
    con.execute("call ducklake_merge_adjacent_files('lake')")


def _expire(con: duckdb.DuckDBPyConnection, *, keep: int) -> int:
    versions = con.execute(
        "select snapshot_id from ducklake_snapshots('lake') order by snapshot_id desc offset ?",
        [keep],
    ).fetchall()
    if versions:
        listed = ", ".join(str(version) for (version,) in versions)
        con.execute(f"call ducklake_expire_snapshots('lake', versions => [{listed}])")
    return len(versions)


def _remove_files(con: duckdb.DuckDBPyConnection) -> int:
    """Files of expired snapshots, and files that a killed writer left unregistered."""
    removed = 0
    for call in ("ducklake_cleanup_old_files", "ducklake_delete_orphaned_files"):
        removed += len(con.execute(f"call {call}('lake', cleanup_all => true)").fetchall())
    return removed


def _vacuum(catalog: Path) -> None:
    with closing(sqlite3.connect(catalog)) as connection:
        connection.execute("vacuum")
        busy, *_ = connection.execute("pragma wal_checkpoint(truncate)").fetchone()
    if busy:
        raise JobFailed(
            "Another program reads the catalog, so old pages of it could not be removed; "
            "end it, and run: pairlake maintain"
        )


def _backup(current: Settings, *, keep: int) -> Path:
    """A copy of the catalog under HOME/backups; only the newest `keep` stay."""
    folder = current.home / "backups"
    folder.mkdir(exist_ok=True)
    target = folder / f"catalog-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.sqlite"
    with (
        closing(sqlite3.connect(current.catalog_file)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
    for old in sorted(folder.glob("catalog-*.sqlite"))[:-keep]:
        old.unlink()
    return target
