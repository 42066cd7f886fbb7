"""Land rows: data and its outcome rows in one transaction, each row with its attempt's id."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from lake.catalog import writing
from lake.errors import SchemaMismatch
from lake.tables import TABLES


def append(
    tables: Mapping[str, pa.Table], con: duckdb.DuckDBPyConnection | None = None
) -> uuid.UUID:
    """Append Arrow tables to the lake, all of them or none; returns the attempt_id of the rows.

    Keys of `tables` are names such as `raw.downloads`; columns go by name, those left out are
    null, `attempt_id` and `landed_at` are added. Raises SchemaMismatch for a column that the
    table does not have.
    """
    attempt_id = uuid.uuid4()
    for name, rows in tables.items():
        unknown = set(rows.column_names) - set(TABLES[name])
        if unknown:
            raise SchemaMismatch(f"{name} has no column {', '.join(sorted(unknown))}.")
    with writing(con) as writer:
        # Taken under the lock: whoever reads next must not have looked later than this.
        landed_at = datetime.now(UTC).replace(tzinfo=None)
        for name, rows in tables.items():
            if rows.num_rows == 0:
                continue
            writer.register("landing", rows)
            writer.execute(
                f"insert into lake.{name} by name "
                "select *, ?::uuid as attempt_id, ?::timestamp as landed_at from landing",
                [str(attempt_id), landed_at],
            )
            writer.unregister("landing")
    return attempt_id
