"""The LanceDB index in DATA/search: two tables, and the tag that says what readers see.

A writer may take any number of Lance versions; readers follow each table's tag `published`, which
moves once, at the end. A writer that dies leaves the tags where they were, and the next one goes
on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import duckdb
import lancedb
import pyarrow as pa
from lancedb.index import FTS, Bitmap, BTree, IvfRq
from lancedb.table import Table

from pairlake.lake.errors import JobFailed, PairlakeError, first_line
from pairlake.lake.locks import alone
from pairlake.lake.processes import WorkerPool
from pairlake.lake.settings import settings
from pairlake.lake.storage import is_remote, lance_options
from pairlake.serve.search.facts import Columns, Score

PAIRS = "pairs"
THUMBNAILS = "thumbnails"
TAG = "published"
PARTITION_ROWS = 4_096  # of an index of vectors
# Below this, looking at every vector is exact and takes milliseconds.
INDEX_FROM_ROWS = 20_000
# Two bits a dimension: one finds less, and its candidates need more of the full vectors. By Lance's
# own choice of samples and iterations, k-means is three quarters of the work at a million pairs; by
# these it finds as good as the same (docs/search.md).
VECTORS = IvfRq(
    distance_type="cosine",
    num_bits=2,
    target_partition_size=PARTITION_ROWS,
    sample_rate=64,
    max_iterations=15,
)
DELETED_AT_ONCE = 10_000
# Captions are in any language: no stemming, no stop words, and words as Unicode has them, so that
# Chinese, Japanese and Thai have some.
WORDS = FTS(base_tokenizer="icu", stem=False, remove_stop_words=False, with_position=False)
# A reader may still be in a query on the version it opened last.
GRACE = timedelta(minutes=10)


class NothingPublished(PairlakeError):
    """There is no search index yet."""

    def __init__(self) -> None:
        super().__init__("Nothing is published yet; run: pairlake publish")


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What the published version of the index is; kept in the metadata of its schema."""

    published_at: str  # UTC, ISO 8601
    rows: int
    found_only: int  # of these, those that are not to be used as the recipe means it
    images: int
    splits: dict[str, int]
    image_encoder: str
    caption_encoder: str
    aesthetic_head: str | None
    dimensions: int
    recipe: str
    snapshot: int  # of the lake
    scores: list[Score]
    dataset: dict[str, Any]  # what serve.publish.summary counts

    @cached_property
    def columns(self) -> Columns:
        """What is known of its pairs."""
        return Columns(self.scores)


def pairs_schema(columns: Columns, dimensions: int) -> pa.Schema:
    """Columns of the table of pairs, one row per published pair, with vectors of fp16.

    Most are there to filter by; what a result shows stands in `facts` once more.
    """
    vector = pa.list_(pa.float16(), dimensions)
    return pa.schema(
        {
            **{name: column.type for name, column in columns.items()},
            "facts": pa.binary(),
            "fingerprint": pa.binary(16),
            "image_vector": vector,
            "caption_vector": vector,
        }
    )


class Indexes(NamedTuple):
    """The indexes of a table, by their columns."""

    always: dict[str, Any]
    when_large: dict[str, Any]


def pairs_indexes(schema: pa.Schema) -> Indexes:
    """Vectors, words, and the columns by which pairs are looked up or often filtered."""
    measures = [each.name for each in schema if each.type in (pa.int32(), pa.float32())]
    by_order = ("pair_id", "image_id", "sample_id", "domain", *measures)
    ordered = dict.fromkeys(by_order, BTree())
    vectors = dict.fromkeys(("image_vector", "caption_vector"), VECTORS)
    few = dict.fromkeys(("split", "language", "is_found_only"), Bitmap())
    return Indexes(always={"caption": WORDS}, when_large={**ordered, **few, **vectors})


def thumbnails_indexes() -> Indexes:
    """Thumbnails are looked up by their image."""
    return Indexes(always={}, when_large={"image_id": BTree()})


@contextmanager
def writing(place: str | Path) -> Iterator[lancedb.DBConnection]:
    """The index for one writer of this HOME at a time; a second one gets PairlakeError at once."""
    busy = PairlakeError(
        f"The search index {place} is being written by another process; "
        "wait until it has ended, then try again."
    )
    with alone(settings().home / "search.lock", busy):
        try:
            yield open_index(place)
        except (OSError, RuntimeError, ValueError) as error:
            if not is_remote(place):
                raise
            raise JobFailed(
                f"The search index {place} could not be written ({first_line(error)}). The page "
                "shows what was published before; see that the store answers, then run: "
                "pairlake publish"
            ) from error


def newest(db: lancedb.DBConnection, name: str) -> Table | None:
    """The newest version of a table, published or not; None if there is none."""
    return db.open_table(name) if has_table(db.uri, name) else None


def tagged(table: Table) -> int | None:
    """The version of a table that readers see."""
    if TAG not in table.tags.list():
        return None
    return table.tags.get_version(TAG)


def remove(table: Table, ids: duckdb.DuckDBPyConnection, *, key: str) -> None:
    """Delete the rows whose `key` is among the UUIDs that a query returned."""
    while rows := ids.fetchmany(DELETED_AT_ONCE):
        table.delete(f"{key} in ({', '.join(_literal(row[0]) for row in rows)})")


def settle(table: Table, indexes: Indexes, *, purge: bool = False) -> None:
    """Merge small files, and make the indexes that a table of this size needs.

    With `purge`, every file that still holds a deleted row is written anew without it.
    """
    needed = dict(indexes.always)
    if table.count_rows() >= INDEX_FROM_ROWS:
        needed |= indexes.when_large
    indexed = {column for index in table.list_indices() for column in index.columns}
    make_indexes(table, {name: each for name, each in needed.items() if name not in indexed})
    # Not Table.optimize: it also prunes, and fails once the tagged version is a week old.
    optimizer = table.to_lance().optimize
    if purge:
        optimizer.compact_files(materialize_deletions_threshold=0.0)
    else:
        optimizer.compact_files()
    optimizer.optimize_indices()
    table.checkout_latest()  # type: ignore[no-untyped-call]


def make_indexes(table: Table, configs: Mapping[str, Any]) -> None:
    """Make the indexes of some columns anew, in a process of their own where that takes memory.

    JobFailed if the system ends it; readers see what they saw before.
    """
    uri = table.to_lance().uri
    if configs and table.count_rows() < INDEX_FROM_ROWS:
        _make(uri, configs)
    elif configs:
        pool = WorkerPool(1)
        try:
            pool.submit(_make, uri, dict(configs)).result()
        except BrokenProcessPool as error:
            raise JobFailed(
                f"The indexes of {table.count_rows():,} rows could not be made: the process was "
                "ended, most likely for want of memory. The page shows what was published before. "
                "Close other programs or take a machine with more memory (docs/search.md says how "
                "much), then run: pairlake publish"
            ) from error
        finally:
            pool.end()
    table.checkout_latest()  # type: ignore[no-untyped-call]


def _make(uri: str, configs: Mapping[str, Any]) -> None:
    folder, name = uri.removesuffix(".lance").rsplit("/", 1)
    table = open_index(folder).open_table(name)
    for column, config in configs.items():
        table.create_index(column, config=config, replace=True)


def describe(table: Table, publication: Publication) -> None:
    """Write a publication into the metadata of the newest version's schema."""
    table.to_lance().update_schema_metadata({"publication": json.dumps(asdict(publication))})
    table.checkout_latest()  # type: ignore[no-untyped-call]


def show(table: Table) -> None:
    """Let readers see the newest version from now on."""
    if tagged(table) is None:
        table.tags.create(TAG, table.version)
    else:
        table.tags.update(TAG, table.version)


def clean(table: Table, *, older_than: timedelta, unverified: bool = False) -> None:
    """Remove the files that only old versions need; `unverified` takes a dead writer's too."""
    table.to_lance().cleanup_old_versions(
        older_than, delete_unverified=unverified, error_if_tagged_old_versions=False
    )


def _literal(key: UUID) -> str:
    return f"X'{key.hex}'"


def open_index(place: str | Path, **how: Any) -> lancedb.DBConnection:
    """The index at a place, for LanceDB."""
    return lancedb.connect(str(place), storage_options=lance_options(place), **how)


def has_table(place: str | Path, name: str) -> bool:
    """Whether an index has a table of that name."""
    if is_remote(place):
        return name in open_index(place).list_tables().tables
    # To open a folder makes it.
    return (Path(place) / f"{name}.lance").is_dir()
