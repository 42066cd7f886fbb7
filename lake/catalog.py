"""Attach the lake: a DuckDB connection with its extensions loaded and the tables in place."""

from __future__ import annotations

import fcntl
import importlib.util
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from lake.errors import BadSetting, LakeUnreadable, PairlakeError
from lake.functions import register_functions
from lake.settings import Settings, settings
from lake.tables import ensure_tables, set_options, tables_are_current

EXTENSIONS = ("ducklake", "sqlite_scanner", "httpfs")
# How long SQLite itself waits for another writer before it says "database is locked".
BUSY_TIMEOUT_MS = 60_000
# DuckDB counts a blob as 16 bytes of what waits to be streamed, and would let thousands of pictures
# wait. A cursor has this setting by itself.
LITTLE_AHEAD = "set streaming_buffer_size = '16KB'"
# Without the first, a UUID crosses to Arrow as 36 characters of text.
_SESSION = (
    "set arrow_lossless_conversion = true; set TimeZone = 'UTC'; set enable_progress_bar = false; "
    + LITTLE_AHEAD
)


def connect(*, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection with the lake attached as `lake` and every table of Python's in place.

    Raises LakeUnreadable if the catalog cannot be opened, SchemaMismatch if it is of another kind.
    """
    current = settings()
    con = _instance(current.catalog_file, current.data, read_only).cursor()
    con.execute(_SESSION)
    return con


@lru_cache(maxsize=4)
def _instance(catalog: Path, data: str, read_only: bool) -> duckdb.DuckDBPyConnection:
    # One DuckDB for all connections of a process: to load the extensions takes a third of a second.
    con = duckdb.connect(":memory:")
    prepare(con, options=", read_only" if read_only else "")
    return con


def prepare(con: duckdb.DuckDBPyConnection, *, options: str = "") -> None:
    """Load the extensions, attach the lake and create its tables on a connection just opened."""
    current = settings()
    _limit(con, current)
    _load_extensions(con)
    register_functions(con)
    con.execute(_SESSION)
    _make_folder(current.home)
    con.execute(f"set temp_directory = '{_quoted(current.home / 'tmp')}'")
    if _is_initialised(current.catalog_file):
        _attach(con, current, options)
        if tables_are_current(con):
            return
        con.execute("detach lake")
    with locked(current):
        _attach(con, current)
        con.begin()
        ensure_tables(con)
        con.commit()
        set_options(con)
    if options:
        con.execute("detach lake")
        _attach(con, current, options)


def rows(
    query: str, parameters: Sequence[object] = (), *, read_only: bool = False
) -> list[tuple[Any, ...]]:
    """All rows of the answer to one query, over a connection of its own; for a few rows."""
    con = connect(read_only=read_only)
    try:
        return con.execute(query, list(parameters)).fetchall()
    finally:
        con.close()


@contextmanager
def writing(con: duckdb.DuckDBPyConnection | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The only way to write: one transaction under the catalog's lock, undone if it raises.

    With a connection given, the transaction is that connection's; without, a new one is opened
    and closed.
    """
    own = connect() if con is None else con
    try:
        with locked(settings()):
            own.begin()
            try:
                yield own
            except BaseException:
                own.rollback()
                raise
            own.commit()
    finally:
        if con is None:
            own.close()


@contextmanager
def locked(current: Settings) -> Iterator[None]:
    """Hold the advisory lock `<catalog>.lock`, between processes and between threads.

    ducklake 1.5.5 does not retry a locked SQLite, so writers queue here instead. Not re-entrant.
    """
    path = current.catalog_file.with_name(current.catalog_file.name + ".lock")
    _make_folder(path.parent)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _attach(con: duckdb.DuckDBPyConnection, current: Settings, options: str = "") -> None:
    if "://" not in current.data:
        _make_folder(Path(current.data))
    try:
        con.execute(
            f"attach if not exists 'ducklake:sqlite:{_quoted(current.catalog_file)}' as lake ("
            f"data_path '{_quoted(current.data)}/', "
            f"meta_busy_timeout {BUSY_TIMEOUT_MS}, meta_journal_mode 'wal'{options})"
        )
    except duckdb.Error as error:
        first_line = str(error).splitlines()[0]
        if "DATA_PATH" in first_line:
            raise BadSetting(
                f"The lake of {current.catalog_file} keeps its files elsewhere than in "
                f"{current.data}: put it back, or set PAIRLAKE_DATA ({first_line})"
            ) from error
        raise LakeUnreadable(
            f"The catalog {current.catalog_file} cannot be opened ({first_line}); "
            "restore it from HOME/backups, or name another with PAIRLAKE_CATALOG."
        ) from error


def _limit(con: duckdb.DuckDBPyConnection, current: Settings) -> None:
    if current.memory_limit:
        try:
            con.execute(f"set memory_limit = '{_quoted(current.memory_limit)}'")
        except duckdb.Error as error:
            first_line = str(error).splitlines()[0]
            raise BadSetting(
                f"PAIRLAKE_MEMORY_LIMIT is {current.memory_limit!r} ({first_line}); give it as 4GB."
            ) from error
    if current.threads:
        con.execute(f"set threads = {current.threads}")


def _is_initialised(catalog: Path) -> bool:
    """Whether a catalog is there to be attached without the lock; what cannot be read is, too."""
    if not catalog.exists():
        return False
    try:
        with closing(sqlite3.connect(f"{catalog.as_uri()}?mode=ro", uri=True)) as connection:
            query = "select count(*) from sqlite_master where name = 'ducklake_snapshot'"
            return bool(connection.execute(query).fetchone()[0])
    except sqlite3.Error:
        return True  # DuckDB says what is wrong with it


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetting(
            f"The folder {folder} cannot be made ({error.strerror}); "
            "choose another with PAIRLAKE_HOME."
        ) from error


def _load_extensions(con: duckdb.DuckDBPyConnection) -> None:
    # Installed as wheels, so that nothing is downloaded at run time.
    con.execute("set autoinstall_known_extensions = false")
    con.execute("set autoload_known_extensions = false")
    for name in EXTENSIONS:
        spec = importlib.util.find_spec(f"duckdb_extension_{name}")
        if spec is None or spec.origin is None:
            raise PairlakeError(
                f"The package duckdb-extension-{name.replace('_', '-')} is not installed; "
                "run: pip install -e ."
            )
        found = list(Path(spec.origin).parent.glob(f"extensions/*/{name}.duckdb_extension"))
        con.execute(f"load '{_quoted(found[0])}'")


def _quoted(text: Path | str) -> str:
    return str(text).replace("'", "''")
