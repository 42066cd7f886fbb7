"""The catalog in Postgres: what a lake in SQLite does by its file and a lock, asked of the server.

A connection string may name a service or leave out what PGHOST and the like say: libpq reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from pairlake.lake.errors import JobFailed, LakeUnreadable, first_line

PREFIX = "postgres:"
# How long DuckLake goes on with a commit that meets others': its own half again between two tries
# would be an hour at the twentieth. So it is 12 s at the hundredth.
PATIENCE = "set ducklake_max_retry_count = 100; set ducklake_retry_backoff = 1.05"

# A word of it, or what stands before the last @ of a URI.
_PASSWORD = re.compile(r"\bpass(?!file)[\w%]*\s*=|://.*:.*@", re.IGNORECASE | re.DOTALL)

# The catalog's own tables.
_TABLES = r"relnamespace = 'public'::regnamespace and relkind = 'r' and relname like 'ducklake\_%'"
_OWNS = f"""
select
    bool_and(pg_has_role(relowner, 'usage'))
    and (
        select pg_has_role(datdba, 'usage') from pg_database where datname = current_database()
    )
from pg_class
where {_TABLES}
"""
# Where a table is empty, an analysis leaves what was found when it was not. A column that gets its
# type anew loses what was found in it.
_FORGET_STATISTICS = f"""
do $$ begin
    execute (
        select string_agg(format(
            'alter table %s alter column %I type %s',
            attrelid::regclass, attname, format_type(atttypid, atttypmod)
        ), '; ')
        from pg_attribute
        inner join pg_class on attrelid = pg_class.oid
        where {_TABLES} and attnum > 0 and not attisdropped
    );
end $$
"""


def names_password(catalog: str) -> bool:
    """Whether a connection string has a password in it, as a word of its own or in a URI."""
    return not catalog.startswith("sqlite:") and _PASSWORD.search(catalog) is not None


def has_lake(con: duckdb.DuckDBPyConnection, catalog: str) -> bool:
    """Whether DuckLake's tables are in the database; LakeUnreadable if it cannot be reached."""
    with _server(con, catalog, ", read_only"):
        return "ducklake_snapshot" in _tables(con)


def check_owned(con: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """JobFailed unless the role may do what `rewrite` does."""
    with _server(con, catalog):
        (owns,) = con.execute("from postgres_query('server', ?)", [_OWNS]).fetchone() or (False,)
    if not owns:
        raise JobFailed(
            "Only the role that owns the catalog's database and the tables in it may write "
            "Postgres' statistics anew, which an erasure wants; run pairlake maintain as that role."
        )


def rewrite(con: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Write the files of the catalog's tables anew, so that no deleted row is left in them.

    So too Postgres' statistics, which quote values. Waits for whoever reads them. The server's log
    (WAL) and backups are not reached by this. JobFailed if Postgres will not.
    """
    with _server(con, catalog):
        listed = ", ".join(_tables(con).values())
        for statement in (
            _FORGET_STATISTICS,
            f"vacuum (full, analyze) {listed}",
            "vacuum full pg_statistic",
        ):
            try:
                con.execute(
                    "call postgres_execute('server', ?, use_transaction => false)", [statement]
                )
            except duckdb.Error as error:
                raise JobFailed(
                    f"Postgres did not write the catalog anew ({_said(error)}), and what is to be "
                    "forgotten may still be in its files; see to that, then run: pairlake maintain"
                ) from error


def unreachable(error: Exception) -> LakeUnreadable:
    """The error of a connection as a sentence with the next step, without the connection string."""
    said = re.sub(r' at ".*"', "", first_line(error))
    return LakeUnreadable(
        f"The catalog cannot be reached ({said}); see that Postgres runs, "
        "and that PAIRLAKE_CATALOG and the password in PGPASSWORD or ~/.pgpass are right."
    )


def _said(error: duckdb.Error) -> str:
    """What Postgres said, without the statement that DuckDB shows before it."""
    return str(error).rpartition("ERROR:")[2].strip().partition("\n")[0]


@contextmanager
def _server(con: duckdb.DuckDBPyConnection, catalog: str, options: str = "") -> Iterator[None]:
    """The database attached as `server`, beside the lake."""
    conninfo = catalog.removeprefix(PREFIX).replace("'", "''")
    try:
        con.execute(f"attach '{conninfo}' as server (type postgres{options})")
    except duckdb.Error as error:
        raise unreachable(error) from error
    try:
        yield
    finally:
        con.execute("detach server")


def _tables(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """DuckLake's own tables in the database, by name, as Postgres spells them."""
    found = con.execute(
        'select table_name, format(\'"{}"."{}"\', schema_name, table_name) from duckdb_tables() '
        "where database_name = 'server' and schema_name = 'public' "
        "and starts_with(table_name, 'ducklake_')"
    ).fetchall()
    return dict(found)
