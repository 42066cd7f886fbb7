"""Ad-hoc SQL over the lake, read-only, as a table of text or as a file. `pairlake sql`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import duckdb
import pyarrow as pa

from pairlake.lake.catalog import connect
from pairlake.lake.errors import BadRequest
from pairlake.lake.text_table import drawn

# A name that stands in several schemas is taken from the one that says most.
SCHEMAS = ("marts", "intermediate", "staging", "seeds", "enriched", "raw")
MOST_ROWS = 200
# Each format of a file, with what DuckDB's COPY is told.
FILES = {
    "csv": "format csv, header true",
    "json": "format json, array true",
    "parquet": "format parquet",
}
_BATCH_ROWS = 10_000


def reader() -> duckdb.DuckDBPyConnection:
    """A read-only connection for people: bare names of tables, and ids as text in Arrow."""
    con = connect(read_only=True)
    by_bare_names(con)
    # polars and pandas would show 16 bytes.
    con.execute("set arrow_lossless_conversion = false")
    return con


def by_bare_names(con: duckdb.DuckDBPyConnection) -> bool:
    """Let tables of all schemas go by their bare names; whether the lake has marts yet."""
    found = con.execute(
        "select schema_name from duckdb_schemas() where database_name = 'lake'"
    ).fetchall()
    present = {name for (name,) in found}
    path = ",".join(f"lake.{name}" for name in SCHEMAS if name in present)
    con.execute(f"set search_path = '{path}'")
    return "marts" in present


def table(query: str, *, width: int | None = None) -> str:
    """The first rows of the answer to a query, drawn as a table of at most `width` characters.

    It says how many rows there are, or that there are more. Raises BadRequest with DuckDB's own
    words if the query is not one it can answer.
    """
    with _answered(query) as (con, answer):
        if answer is None:
            return ""
        rows = answer.limit(MOST_ROWS + 1).to_arrow_table()
        first = rows.slice(0, MOST_ROWS).rename_columns(_numbered(rows.num_columns))
        # Names may stand there twice, and then no query can tell them apart.
        texts = con.from_arrow(first).project("columns(*)::varchar").fetchall()
        text = drawn(rows.column_names, list(map(_is_number, answer.types)), texts, width)
    if rows.num_rows > MOST_ROWS:
        return f"{text}\nOnly the first {MOST_ROWS} rows are shown; --format csv has all."
    return f"{text}\n{rows.num_rows} row{'' if rows.num_rows == 1 else 's'}"


def write(query: str, format: str, sink: BinaryIO) -> None:
    """Write all rows of the answer to a query, in one of FILES; nothing if it cannot be answered.

    Of columns with the same name the second is `name_1`. Raises BadRequest as `table` does.
    """
    # To a file first: an answer that breaks off is none, and COPY takes no stream.
    with TemporaryDirectory(prefix="pairlake-sql-") as folder:
        file = Path(folder) / "answer"
        with _answered(query) as (con, answer):
            if answer is None:
                raise BadRequest(f"The query has no rows to write as {format}.")
            stream = _renamed(answer.to_arrow_reader(_BATCH_ROWS))
            # The answer's own connection is at work on it.
            with con.cursor() as writer:
                writer.register("answer", stream)
                writer.execute(f"copy (from answer) to '{file}' ({FILES[format]})")
        with file.open("rb") as made:
            shutil.copyfileobj(made, sink)


def count(query: str) -> int:
    """The one number that a query answers with."""
    with _answered(query) as (_, answer):
        row = None if answer is None else answer.fetchone()
    return 0 if row is None else int(row[0])


@contextmanager
def _answered(
    query: str,
) -> Iterator[tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyRelation | None]]:
    """The answer to a query, as long as the block runs; none to what sets or makes something."""
    con = connect(read_only=True)
    hint = ""
    try:
        if not by_bare_names(con):
            hint = "\nThe lake has no marts yet; run: dbt build"
        yield con, con.sql(query)
    except (duckdb.Error, pa.ArrowInvalid) as error:
        raise BadRequest(f"The query cannot be answered: {error}{hint}") from error
    finally:
        # To close a connection is to end what it has begun, even where Ctrl-C came before the work.
        con.interrupt()
        con.close()


def _renamed(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """The same rows with each name once, as DuckDB's own joins name what comes twice."""
    names: list[str] = []
    for name in reader.schema.names:
        twins = (f"{name}_{number}" for number in range(1, len(reader.schema) + 1))
        names.append(name if name not in names else next(t for t in twins if t not in names))
    fields = zip(reader.schema, names, strict=True)
    schema = pa.schema([field.with_name(name) for field, name in fields])
    batches = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in reader)
    return pa.RecordBatchReader.from_batches(schema, batches)


def _numbered(columns: int) -> list[str]:
    return [f"column_{number}" for number in range(columns)]


def _is_number(type_: object) -> bool:
    return getattr(type_, "id", "").removeprefix("u") in {
        "tinyint", "smallint", "integer", "bigint", "hugeint", "float", "double", "decimal",
    }  # fmt: skip
