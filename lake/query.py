"""Ad-hoc SQL over the lake, read-only, as a table of text. `pairlake sql`."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from lake.catalog import connect
from lake.errors import BadRequest

# A name that stands in several schemas is taken from the one that says most.
SCHEMAS = ("marts", "intermediate", "staging", "seeds", "enriched", "raw")
MOST_ROWS = 200


def table(query: str) -> str:
    """The answer to a query, drawn as a table; tables of any schema go by their bare names.

    Raises BadRequest with DuckDB's own words if the query is not one it can answer.
    """
    rows = _answer(query)
    if rows is None:
        return ""
    text = duckdb.from_arrow(rows.slice(0, MOST_ROWS)).__repr__().rstrip()
    more = f"\nOnly the first {MOST_ROWS} rows are shown." if rows.num_rows > MOST_ROWS else ""
    return text + more


def count(query: str) -> int:
    """The one number that a query answers with."""
    rows = _answer(query)
    return 0 if rows is None else int(rows.column(0)[0].as_py())


def _answer(query: str) -> pa.Table | None:
    con = connect(read_only=True)
    schemas = con.execute(
        "select schema_name from duckdb_schemas() where database_name = 'lake'"
    ).fetchall()
    present = {name for (name,) in schemas}
    try:
        path = ",".join(f"lake.{name}" for name in SCHEMAS if name in present)
        con.execute(f"set search_path = '{path}'")
        relation = con.sql(query)
        return None if relation is None else relation.limit(MOST_ROWS + 1).to_arrow_table()
    except duckdb.Error as error:
        hint = "" if "marts" in present else " The lake has no marts yet; run: dbt build"
        raise BadRequest(f"The query cannot be answered: {error}.{hint}") from error
    finally:
        con.close()
