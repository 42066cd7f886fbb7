"""Land rows: data and its outcome rows in one transaction, each row with its attempt's id."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from lake.catalog import writing
from lake.errors import SchemaMismatch
from lake.tables import TABLES


def append(
    tables: Mapping[str, pa.Table | Sequence[Path]], con: duckdb.DuckDBPyConnection | None = None
) -> uuid.UUID:
    """Append rows to the lake, all of them or none; returns the attempt_id of the rows.

    Keys of `tables` are names such as `raw.downloads`, the rows an Arrow table or the Parquet
    files that hold them; columns go by name, those left out are null, `attempt_id` and
    `landed_at` are added. Raises SchemaMismatch for a column that the table does not have.
    """
    attempt_id = uuid.uuid4()
    for name, rows in tables.items():
        unknown = set(_columns(rows)) - set(TABLES[name])
        if unknown:
            raise SchemaMismatch(f"{name} has no column {', '.join(sorted(unknown))}.")
    with writing(con) as writer:
        # Taken under the lock: whoever reads next must not have looked later than this.
        landed_at = datetime.now(UTC).replace(tzinfo=None)
        for name, rows in tables.items():
            _insert(name, rows, attempt_id, landed_at, writer)
    return attempt_id


def _columns(rows: pa.Table | Sequence[Path]) -> list[str]:
    if isinstance(rows, pa.Table):
        return list(rows.column_names)
    return [name for file in rows for name in pq.read_schema(file).names]


def _insert(
    name: str,
    rows: pa.Table | Sequence[Path],
    attempt_id: uuid.UUID,
    landed_at: datetime,
    writer: duckdb.DuckDBPyConnection,
) -> None:
    insert = (
        f"insert into lake.{name} by name "
        "select *, ?::uuid as attempt_id, ?::timestamp as landed_at from "
    )
    attempt = [str(attempt_id), landed_at]
    if not isinstance(rows, pa.Table):
        for file in rows:
            writer.execute(f"{insert} read_parquet(?)", [*attempt, str(file)])
    elif rows.num_rows:
        writer.register("landing", rows)
        writer.execute(f"{insert} landing", attempt)
        writer.unregister("landing")
