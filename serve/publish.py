"""Bring the search index up to date with the mart: `pairlake publish`.

Only pairs that are new, changed or gone are touched. Readers see all changes of the pairs at once,
and from a moment earlier the thumbnails that go with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb
import lancedb
from lancedb.table import Table

from lake.errors import JobFailed
from lake.settings import settings
from serve.index import (
    GRACE,
    PAIRS,
    THUMBNAILS,
    Publication,
    clean,
    describe,
    newest,
    pairs_schema,
    remove,
    settle,
    show,
    tagged,
    writing,
)
from serve.marts import Searchable, changed, compare, fresh_rows, marts, searchable
from serve.thumbnails import sync_thumbnails

BATCH_ROWS = 10_000
VECTORS = ("image_vector", "caption_vector")


@dataclass(frozen=True, kw_only=True)
class PublishSummary:
    """What one publication did, in pairs; thumbnails are counted by image."""

    added: int
    updated: int
    deleted: int
    rows: int
    unsearchable: int
    broken_thumbnails: int

    def __str__(self) -> str:
        if not self.added + self.updated + self.deleted:
            text = f"Nothing new: {self.rows:,} pairs are published."
        else:
            text = (
                f"{self.rows:,} pairs are published: {self.added:,} added, "
                f"{self.updated:,} updated, {self.deleted:,} deleted."
            )
        if self.unsearchable:
            text += f" {self.unsearchable:,} kept pairs have no vectors and cannot be searched."
        if self.broken_thumbnails:
            text += f" {self.broken_thumbnails:,} thumbnails could not be made."
        return text


def publish(*, progress: Callable[[str], None]) -> PublishSummary:
    """Make the search index hold exactly the kept pairs that have vectors.

    Raises TableMissing before the first `dbt build`, PairlakeError while another process
    publishes. What a killed publication left behind is finished by the next.
    """
    with writing(settings().search) as db, marts() as con:
        wanted = searchable(con)
        added = updated = deleted = broken = 0
        table = _pairs_table(db, wanted)
        if table is not None:
            thumbnails, broken = sync_thumbnails(con, db)
            keys = table.to_lance().scanner(columns=["pair_id", "fingerprint"])
            compare(con, keys.to_reader())
            added, updated, deleted = changed(con)
            _write(con, table, progress, total=added + updated)
            _finish(table, thumbnails, wanted)
    return PublishSummary(
        added=added,
        updated=updated,
        deleted=deleted,
        rows=wanted.rows,
        unsearchable=wanted.unsearchable,
        broken_thumbnails=broken,
    )


def compact(*, erase: bool) -> None:
    """Write the index's files anew without deleted rows, and drop its old versions.

    With `erase` the old versions go at once, so that no deleted byte is left: run it after a
    publication, and readers with a query under way may fail. Without, they stay for GRACE.
    Raises JobFailed if the last publication was interrupted.
    """
    with writing(settings().search) as db:
        for name, key, vectors in ((THUMBNAILS, "image_id", ()), (PAIRS, "pair_id", VECTORS)):
            table = newest(db, name)
            if table is None:
                continue
            if table.version != tagged(table):
                raise JobFailed("The last publication was interrupted; run: pairlake publish")
            settle(table, key=key, vectors=vectors, purge=True)
            show(table)
            clean(table, older_than=timedelta(0) if erase else GRACE, unverified=erase)


def _pairs_table(db: lancedb.DBConnection, wanted: Searchable) -> Table | None:
    """The table to write to, made anew where the vectors have another length than before."""
    table = newest(db, PAIRS)
    if not wanted.rows:
        return table
    schema = pairs_schema(wanted.dimensions)
    if table is None:
        return db.create_table(PAIRS, schema=schema)
    if not table.schema.equals(schema):
        # Readers stay on the version that is tagged, which keeps its own schema.
        return db.create_table(PAIRS, schema=schema, mode="overwrite")
    return table


def _write(
    con: duckdb.DuckDBPyConnection, table: Table, progress: Callable[[str], None], *, total: int
) -> None:
    """Delete what is obsolete, then add what is fresh, in as many Lance versions as it takes."""
    remove(table, con.execute("select pair_id from obsolete"), key="pair_id")
    written = 0
    for rows in fresh_rows(con, table.schema, BATCH_ROWS):
        table.add(rows)
        written += rows.num_rows
        progress(f"{written:,} of {total:,} pairs written")
    if written != total:
        raise JobFailed(
            f"{total:,} pairs were to be written to the search index, but {written:,} came; "
            "run: dbt build, then pairlake publish"
        )


def _finish(table: Table, thumbnails: Table, wanted: Searchable) -> None:
    """Show the newest versions to readers, unless they are the ones they see."""
    if table.count_rows() != wanted.rows:
        raise JobFailed(
            f"The search index holds {table.count_rows():,} pairs where {wanted.rows:,} are kept; "
            f"remove {settings().search} and run: pairlake publish"
        )
    if table.version != tagged(table):
        settle(table, key="pair_id", vectors=VECTORS)
        describe(table, _publication(wanted))
    # Two tables have two tags. Thumbnails go first: no pair is shown before its picture.
    for each in (thumbnails, table):
        if each.version != tagged(each):
            show(each)
            clean(each, older_than=GRACE)


def _publication(wanted: Searchable) -> Publication:
    return Publication(
        published_at=datetime.now(UTC).replace(microsecond=0).isoformat(),
        rows=wanted.rows,
        splits=wanted.splits,
        image_encoder=wanted.image_encoder,
        caption_encoder=wanted.caption_encoder,
    )
