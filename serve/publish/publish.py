"""Bring the search index up to date with the mart: `pairlake publish`.

Only pairs that are new, changed or gone are touched. Readers see all changes of the pairs at once,
and from a moment earlier the thumbnails that go with them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import duckdb
import lancedb
from lancedb.table import Table

from pairlake.lake import denied
from pairlake.lake.errors import JobFailed
from pairlake.lake.settings import settings
from pairlake.serve.publish.from_marts import (
    Searchable,
    changed,
    check_sound,
    compare,
    counted,
    found_only,
    fresh_rows,
    marts,
    scores,
    searchable,
)
from pairlake.serve.publish.summary import summary_of
from pairlake.serve.publish.thumbnails import sync_thumbnails
from pairlake.serve.search.facts import Columns
from pairlake.serve.search.index import (
    GRACE,
    PAIRS,
    THUMBNAILS,
    WORDS,
    Publication,
    clean,
    describe,
    make_indexes,
    newest,
    pairs_indexes,
    pairs_schema,
    remove,
    settle,
    show,
    tagged,
    thumbnails_indexes,
    writing,
)

BATCH_ROWS = 10_000

# What is kept, and what would be but for its use.
_FINDABLE = """(
    select *, false as is_found_only from lake.marts.pairs
    union all by name
    select *, true as is_found_only from lake.marts.pairs_found_only
)"""
# What may be trained on and not be found is kept, and is not published.
_NOT_TO_BE_FOUND = """
insert into gone
select pair_id from lake.intermediate.int_pairs_kept where is_hidden
"""


@dataclass(frozen=True, kw_only=True)
class PublishSummary:
    """What one publication did, in pairs; thumbnails are counted by image."""

    added: int
    updated: int
    deleted: int
    rows: int
    found_only: int
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
        if self.found_only:
            text += f" {self.found_only:,} of them are found only: no export takes them."
        if self.unsearchable:
            text += f" {self.unsearchable:,} pairs have no vectors and cannot be searched."
        if self.broken_thumbnails:
            text += f" {self.broken_thumbnails:,} thumbnails could not be made."
        return text


def publish(*, progress: Callable[[str], None]) -> PublishSummary:
    """Make the search index hold exactly the pairs that may be found and have vectors.

    Those are the kept ones that nobody refuses to have found, and those that are found only.

    Raises TableMissing before the first `dbt build`, JobFailed where the last one failed at a model
    or a test, PairlakeError while another process publishes. What a killed publication left behind
    is finished by the next.
    """
    with writing(settings().search) as db, marts() as con:
        check_sound(con)
        denied.show(con, denied.denied(con), _FINDABLE)
        con.execute(_NOT_TO_BE_FOUND)
        columns = Columns(scores(con))
        wanted = searchable(con, columns=columns)
        only = found_only(con)
        added = updated = deleted = broken = 0
        table = _pairs_table(db, columns, wanted)
        if table is not None:
            thumbnails, broken = sync_thumbnails(con, db)
            keys = table.to_lance().scanner(columns=["pair_id", "fingerprint"])
            compare(con, keys.to_reader())
            added, updated, deleted = changed(con)
            _write(con, columns, table, progress, total=added + updated)
            _finish(table, thumbnails, _publication(con, columns, wanted, only))
    return PublishSummary(
        added=added,
        updated=updated,
        deleted=deleted,
        rows=wanted.rows,
        found_only=only,
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
        for name in (THUMBNAILS, PAIRS):
            table = newest(db, name)
            if table is None:
                continue
            if table.version != tagged(table):
                raise JobFailed("The last publication was interrupted; run: pairlake publish")
            indexes = pairs_indexes(table.schema) if name == PAIRS else thumbnails_indexes()
            settle(table, indexes, purge=True)
            if erase and name == PAIRS:
                # Words of captions that are gone may stand in it yet.
                make_indexes(table, {"caption": WORDS})
            show(table)
            clean(table, older_than=timedelta(0) if erase else GRACE, unverified=erase)


def _pairs_table(db: lancedb.DBConnection, columns: Columns, wanted: Searchable) -> Table | None:
    """The table to write to, made anew where the vectors have another length, or scores differ."""
    table = newest(db, PAIRS)
    if not wanted.rows:
        return table
    schema = pairs_schema(columns, wanted.dimensions)
    if table is None:
        return db.create_table(PAIRS, schema=schema)
    if not table.schema.equals(schema):
        # Readers stay on the version that is tagged, which keeps its own schema.
        return db.create_table(PAIRS, schema=schema, mode="overwrite")
    return table


def _write(
    con: duckdb.DuckDBPyConnection,
    columns: Columns,
    table: Table,
    progress: Callable[[str], None],
    *,
    total: int,
) -> None:
    """Delete what is obsolete, then add what is fresh, in as many Lance versions as it takes."""
    remove(table, con.execute("select pair_id from obsolete"), key="pair_id")
    written = 0
    for rows in fresh_rows(con, columns, table.schema, BATCH_ROWS):
        table.add(rows)
        written += rows.num_rows
        progress(f"{written:,} of {total:,} pairs written")
    if written != total:
        raise JobFailed(
            f"{total:,} pairs were to be written to the search index, but {written:,} came; "
            "run: dbt build, then pairlake publish"
        )


def _finish(table: Table, thumbnails: Table, publication: Publication) -> None:
    """Show the newest versions to readers, unless they are the ones they see."""
    if table.count_rows() != publication.rows:
        raise JobFailed(
            f"The search index holds {table.count_rows():,} pairs where {publication.rows:,} are "
            f"to be found; remove {settings().search} and run: pairlake publish"
        )
    if table.version != tagged(table) or _differs(table, publication):
        settle(table, pairs_indexes(table.schema))
        describe(table, publication)
    # Two tables have two tags. Thumbnails go first: no pair is shown before its picture.
    for each in (thumbnails, table):
        if each.version != tagged(each):
            show(each)
            clean(each, older_than=GRACE)


def _differs(table: Table, publication: Publication) -> bool:
    """Whether the counts or the recipe are others, although no published pair is."""
    said = (table.schema.metadata or {}).get(b"publication")
    if said is None:
        return True
    now = {"published_at": publication.published_at, "snapshot": publication.snapshot}
    return {**json.loads(said), **now} != asdict(publication)


def _publication(
    con: duckdb.DuckDBPyConnection, columns: Columns, wanted: Searchable, only: int
) -> Publication:
    return Publication(
        published_at=datetime.now(UTC).replace(microsecond=0).isoformat(),
        rows=wanted.rows,
        found_only=only,
        images=wanted.images,
        splits=wanted.splits,
        image_encoder=wanted.image_encoder,
        caption_encoder=wanted.caption_encoder,
        aesthetic_head=wanted.aesthetic_head,
        dimensions=wanted.dimensions,
        recipe=wanted.recipe,
        snapshot=wanted.snapshot,
        scores=counted(con, columns.scores),
        dataset=summary_of(con),
    )
