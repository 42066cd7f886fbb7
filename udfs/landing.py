"""Rows on their way into one table: lists spread out, then committed in batches worth a file."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pairlake.lake.append import append

# Rows are committed this often: many at a time, since each commit is a snapshot and a file, but
# never so rarely that an interruption costs more than half a minute's work.
COMMIT_ROWS = 50_000
COMMIT_SECONDS = 30.0


class Landing:
    """What was scored and is not yet committed."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._rows: list[pa.Table] = []
        self._waiting = 0
        self._since = time.monotonic()

    def add(self, rows: pa.Table) -> None:
        """Take rows, and commit all that wait if it is time."""
        self._rows.append(spread(rows))
        self._waiting += self._rows[-1].num_rows
        if self._waiting >= COMMIT_ROWS or time.monotonic() - self._since >= COMMIT_SECONDS:
            self.commit()

    def commit(self) -> None:
        """Commit all that wait."""
        if self._rows:
            append({self._table: pa.concat_tables(self._rows, promote_options="permissive")})
        self._rows, self._waiting = [], 0
        self._since = time.monotonic()


def spread(rows: pa.Table) -> pa.Table:
    """As many rows of each as its lists are long, and one with null where it has none.

    All columns that hold lists go together: in a row they are equally long, and never empty.
    """
    lists = [field.name for field in rows.schema if pa.types.is_list(field.type)]
    if not lists or not rows.num_rows:
        return rows
    length = pc.fill_null(pc.list_value_length(rows[lists[0]]), 1).to_numpy()
    spread_out = rows.drop_columns(lists).take(np.repeat(np.arange(rows.num_rows), length))
    for name in lists:
        # A null is a list of one null.
        values = [value for each in rows[name].to_pylist() for value in each or [None]]
        spread_out = spread_out.append_column(
            name, pa.array(values, rows.schema.field(name).type.value_type)
        )
    return spread_out
