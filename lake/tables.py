"""The tables that Python owns: their columns and types, made on first use, widened when old.

Those of `enriched` are as the jobs declare them. models/staging/_sources.yml describes the same
columns; a test holds the two together.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb

from pairlake.lake.declared import JOB_FILES, declared
from pairlake.lake.errors import BadJob, SchemaMismatch
from pairlake.lake.raw_tables import ATTEMPT, RAW


def _of_job(file: Path) -> dict[str, str]:
    """Columns of a job's table: its keys, the model, what came of it, and its values."""
    keys, values = declared(file, "keys"), declared(file, "values")
    if not isinstance(keys, tuple) or not isinstance(values, dict):
        raise BadJob(
            f'{file}: `keys` are a tuple, as in ("image_id",), and `values` columns with their '
            'types, as in {"phash": "BIGINT"}.'
        )
    return {
        **{key: "UUID" if key.endswith("_id") else "VARCHAR" for key in keys},
        "model_id": "VARCHAR",
        "outcome": "VARCHAR",
        "error": "VARCHAR",
        **values,
        **ATTEMPT,
    }


TABLES: dict[str, dict[str, str]] = {
    **RAW,
    "enriched.models": {
        "model_id": "VARCHAR",
        "name": "VARCHAR",
        "kind": "VARCHAR",
        "weights_sha256": "VARCHAR",
        "preprocessing": "VARCHAR",
        **ATTEMPT,
    },
    **{f"enriched.{job}": _of_job(file) for job, file in JOB_FILES.items()},
}


# What can be forgotten, by the columns that hold its ids: what stands under them, in any table, is
# erased with it, and does not land again. A test finds a new column that is not here.
IDS = {
    "pair_id": "pair",
    "url_id": "url",
    "caption_id": "caption",
    "page_id": "page",
    "image_id": "image",
    "neighbour_id": "image",
}


def ids_of(table: str) -> dict[str, str]:
    """The columns of a table that hold ids of what can be forgotten, each with what it is."""
    return {column: IDS[column] for column in TABLES[table] if column in IDS}


# One row group is read at once, and 2,048 rows, DuckDB's least, are some 90 MB of pixels already.
_FEW_PIXELS_AT_ONCE = """
call lake.set_option(
    'parquet_row_group_size', '2048', schema => 'raw', table_name => 'image_pixels'
)
"""


def ensure_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that are missing and add columns that an older version did not know.

    Fields of a list's structs too. Raises SchemaMismatch if a column has another type than this
    version writes: a type is never changed under existing rows.
    """
    present, spelled = _present_columns(con), _spelled(con)
    for schema in ("raw", "enriched"):
        con.execute(f"create schema if not exists lake.{schema}")
    for table, columns in TABLES.items():
        if table not in present:
            body = ", ".join(f'"{name}" {type_}' for name, type_ in columns.items())
            con.execute(f"create table lake.{table} ({body})")
            continue
        for name, type_ in columns.items():
            found = present[table].get(name)
            lacking = {} if found is None else _lacking(found, spelled[type_], con)
            if found is None:
                con.execute(f'alter table lake.{table} add column "{name}" {type_}')
            elif lacking is None:
                raise SchemaMismatch(
                    f"{table}.{name} is {found}, but this version of pairlake writes {type_}; "
                    "use the version that made this lake, or start another with PAIRLAKE_HOME."
                )
            if lacking:
                _widen(con, table, name, type_, lacking)


def _widen(
    con: duckdb.DuckDBPyConnection, table: str, name: str, type_: str, lacking: dict[str, str]
) -> None:
    """Give the structs in a column's lists fields that they lack, and write its rows anew.

    ducklake 1.5.5 damages the memory of who reads files from before a field, 2,048 elements on.
    """
    con.execute(f"create or replace temp table former as from lake.{table}")
    con.execute(f"delete from lake.{table}")
    for field, its_type in lacking.items():
        con.execute(f'alter table lake.{table} add column "{name}".element."{field}" {its_type}')
    widened = f'("{name}"::{type_} as "{name}")'
    con.execute(f"insert into lake.{table} by name select * replace {widened} from former")
    con.execute("drop table former")


def set_options(con: duckdb.DuckDBPyConnection) -> None:
    """Say how DuckLake writes the tables; not within the transaction that makes them."""
    con.execute(_FEW_PIXELS_AT_ONCE)


def tables_are_current(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether every table has every column, so that `ensure_tables` has nothing to write."""
    present, spelled = _present_columns(con), _spelled(con)
    return all(
        found is not None and _lacking(found, spelled[type_], con) == {}
        for table, columns in TABLES.items()
        for name, type_ in columns.items()
        for found in [present.get(table, {}).get(name)]
    )


def _lacking(found: str, wanted: str, con: duckdb.DuckDBPyConnection) -> dict[str, str] | None:
    """What a column's type lacks: fields of structs in a list; None if it is another type."""
    if found == wanted:
        return {}
    have, want = _fields(con.type(found)), _fields(con.type(wanted))
    if not want or not have or any(have.get(name, type_) != type_ for name, type_ in want.items()):
        return None
    return {name: str(type_) for name, type_ in want.items() if name not in have}


def _fields(type_: Any) -> dict[str, object]:
    """The fields of a list of structs, with their types; none of any other type."""
    element = type_.children[0][1] if type_.id == "list" else None
    return dict(element.children) if element is not None and element.id == "struct" else {}


def _present_columns(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Of each table that is there, its columns and their types.

    duckdb_columns() would bind every view of dbt's for it, which takes five times as long.
    """
    present: dict[str, dict[str, str]] = {}
    for table in TABLES:
        with suppress(duckdb.CatalogException):
            held = con.sql(f"from lake.{table} limit 0")
            present[table] = dict(zip(held.columns, map(str, held.types), strict=True))
    return present


def _spelled(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Our types as DuckDB prints them: struct fields come back quoted or not as they need.

    Raises BadJob where a job's file declares what is no type of DuckDB's.
    """
    spelled: dict[str, str] = {}
    for table, columns in TABLES.items():
        for name, type_ in columns.items():
            if type_ in spelled:
                continue
            try:
                spelled[type_] = str(con.type(type_))
            except (duckdb.Error, TypeError) as error:
                raise BadJob(
                    f"{JOB_FILES[table.partition('.')[2]]}: `values` has {name!r} of the type "
                    f"{type_!r}, which DuckDB has not; write one such as FLOAT, BIGINT or VARCHAR."
                ) from error
    return spelled
