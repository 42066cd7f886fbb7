"""Read what a job still has to do: a dbt view, taken once and handed out in Arrow batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from pairlake.lake.catalog import connect
from pairlake.lake.errors import TableMissing


@dataclass(frozen=True, kw_only=True)
class Worklist:
    """The rows of one worklist as of one snapshot, and what is to be known of them first."""

    about: Mapping[str, Any]
    batches: Iterator[pa.RecordBatch]

    @property
    def rows(self) -> int:
        """How many there are."""
        return int(self.about["rows"])


@contextmanager
def worklist(
    name: str,
    *,
    batch_size: int,
    kind: str | None = None,
    model_id: str | None = None,
    read: str = "from work",
    about: str = "select count(*) as rows from work",
    part: tuple[int, int] = (0, 1),
    part_by: str = "",
) -> Iterator[Worklist]:
    """The worklist `intermediate.<name>` as it is now, in batches of `batch_size` rows.

    The view is read once into a temporary table `work`: asking it again for every batch would
    cost the whole anti-join each time, and rows that the job lands must not disturb what it
    reads. `read` is the query that is streamed, for wide columns (pixels, embeddings) that should
    not be copied: a join of `work` with the table that holds them. `about` is a query whose one
    row, with `rows` in it, is asked for before. With `model_id`, only that
    model's rows are taken, with `kind` only those of the kind, where the view has several; with
    `part` (i, n), only the i-th of n parts, by the hash of the column `part_by`.
    Raises TableMissing if dbt has not built the view, or not by the models of this version.
    """
    only = {"kind": kind, "model_id": model_id}
    wanted = {column: value for column, value in only.items() if value is not None}
    where = [*(f"{column} = ?" for column in wanted), "true"]
    if part[1] > 1:
        where.append(f"hash({part_by}) % {part[1]:d} = {part[0]:d}")
    query = f"from lake.intermediate.{name} where {' and '.join(where)}"
    con = connect()
    try:
        con.begin()
        try:
            con.execute(f"create temp table work as {query}", list(wanted.values()))
        except duckdb.CatalogException as error:
            raise TableMissing(
                f"The worklist {name} is not in the lake yet; run: dbt build"
            ) from error
        try:
            (found,) = con.execute(about).to_arrow_table().to_pylist()
            reader = con.execute(read).to_arrow_reader(batch_size)
        except duckdb.BinderException as error:
            raise TableMissing(
                f"The worklist {name} is that of another version of pairlake; run: dbt build"
            ) from error
        yield Worklist(about=found, batches=iter(reader))
    finally:
        con.close()
