"""Land rows: data and its outcome rows in one transaction, each row with its attempt's id."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pairlake.lake.catalog import writing
from pairlake.lake.errors import SchemaMismatch
from pairlake.lake.tables import TABLES
from pairlake.lake.tombstones import LOOKED_AT, tombstoned

# Columns that may hold what a user or a stranger wrote, with a password or a signature in it. Not
# `image_url`, which is a key, nor wishes, which are kept word for word.
_WRITTEN = frozenset(
    {"crawl_id", "path", "source", "source_id", "error", "final_url", "content_type"}
)
_MAY_HOLD_PASSWORDS = "[@=]|(?i:authorization|cookie|x-)"


def append(
    tables: Mapping[str, pa.Table | Sequence[Path]], con: duckdb.DuckDBPyConnection | None = None
) -> uuid.UUID:
    """Append rows to the lake, all of them or none; returns the attempt_id of the rows.

    Keys of `tables` are names such as `raw.downloads`, the rows an Arrow table or the Parquet
    files that hold them; columns go by name, those left out are null, `attempt_id` and
    `landed_at` are added. What is to be forgotten lands as a tombstone, and passwords do not land
    (lake/passwords.py). Raises SchemaMismatch for
    a column that the table does not have.
    """
    attempt_id = uuid.uuid4()
    for name, rows in tables.items():
        unknown = set(_columns(rows)) - set(TABLES[name]) - LOOKED_AT
        if unknown:
            raise SchemaMismatch(f"{name} has no column {', '.join(sorted(unknown))}.")
    with writing(con) as writer, _registered(tables, writer) as landing:
        # Taken under the lock: whoever reads next must not have looked later than this.
        landed_at = datetime.now(UTC).replace(tzinfo=None)
        for name, relations in tombstoned(landing, writer).items():
            for relation in relations:
                writer.execute(
                    f"insert into lake.{name} by name "
                    "select columns(lambda name: not list_contains(?, name)), "
                    "?::uuid as attempt_id, ?::timestamp as landed_at "
                    f"from {_without_passwords(relation, _columns(tables[name]))}",
                    [list(LOOKED_AT), str(attempt_id), landed_at],
                )
    return attempt_id


def _columns(rows: pa.Table | Sequence[Path]) -> list[str]:
    if isinstance(rows, pa.Table):
        return list(rows.column_names)
    return [name for file in rows for name in pq.read_schema(file).names]


def _without_passwords(relation: str, columns: Sequence[str]) -> str:
    """`relation` without the passwords in those of its columns that may hold some."""
    bare = ", ".join(
        f"case when regexp_matches({name}, '{_MAY_HOLD_PASSWORDS}') "
        f"then without_passwords({name}) else {name} end as {name}"
        for name in sorted(_WRITTEN.intersection(columns))
    )
    return f"(select * replace ({bare}) from {relation})" if bare else relation


@contextmanager
def _registered(
    tables: Mapping[str, pa.Table | Sequence[Path]], writer: duckdb.DuckDBPyConnection
) -> Iterator[dict[str, list[str]]]:
    """The rows as relations that SQL can name, by table; those without rows are left out."""
    landing: dict[str, list[str]] = {}
    names = {name: f"landing_{name.replace('.', '_')}" for name in tables}
    for name, rows in tables.items():
        if not isinstance(rows, pa.Table):
            quoted = [str(file).replace("'", "''") for file in rows]
            landing[name] = [f"read_parquet('{file}')" for file in quoted]
        elif rows.num_rows:
            writer.register(names[name], rows)
            landing[name] = [names[name]]
    try:
        yield landing
    finally:
        for name in landing:
            if isinstance(tables[name], pa.Table):
                writer.unregister(names[name])
