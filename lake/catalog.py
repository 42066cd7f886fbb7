"""Attach the lake: a DuckDB connection with its extensions loaded and the tables in place."""

from __future__ import annotations

import importlib.util
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from pairlake.lake import identity, postgres
from pairlake.lake.errors import BadSetting, LakeUnreadable, PairlakeError, first_line
from pairlake.lake.functions import register_functions
from pairlake.lake.locks import in_turn
from pairlake.lake.readable import is_outdated, readable
from pairlake.lake.settings import Settings, settings
from pairlake.lake.storage import grant_access, is_remote
from pairlake.lake.tables import ensure_tables, set_options, tables_are_current

EXTENSIONS = ("ducklake", "httpfs")
_IMPORTED_BY_DUCKDB = ("pandas", "pyarrow.dataset")
# How long SQLite itself waits for another writer before it says "database is locked".
BUSY_TIMEOUT_MS = 60_000
# DuckDB counts a blob as 16 bytes of what waits to be streamed, and would let thousands of pictures
# wait. A cursor has this setting by itself.
LITTLE_AHEAD = "set streaming_buffer_size = '16KB'"
_CANNOT_WRITE_BESIDE = '"PRAGMA journal_mode=wal": unable to open database file'
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
    if read_only and is_outdated(current.catalog_file):
        close_all()
    con = _instance(current.catalog, current.tables, read_only).cursor()
    con.execute(_SESSION)
    return con


@lru_cache(maxsize=4)
def _instance(catalog: str, tables: str, read_only: bool) -> duckdb.DuckDBPyConnection:
    # One DuckDB for all connections of a process: to load the extensions takes a third of a second.
    con = duckdb.connect(":memory:")
    prepare(con, options=", read_only" if read_only else "")
    return con


def close_all() -> None:
    """Let go of the connections of this process, so that the next one finds another catalog."""
    _instance.cache_clear()


def prepare(con: duckdb.DuckDBPyConnection, *, options: str = "") -> None:
    """Load the extensions, attach the lake and create its tables on a connection just opened.

    Raises BadSetting where the catalog is not that of the data.
    """
    current = settings()
    make_ready(con, current)
    # Looked at first: who makes a lake beside us writes it last.
    stated = identity.stated(con, current.data)
    if _is_initialised(con, current):
        attach(con, current, options)
        is_settled = identity.check(con, current, stated) or "read_only" in options
        if is_settled and tables_are_current(con):
            return
        con.execute("detach lake")
    elif (refusal := identity.refuse_new(con, current, stated)) and not _is_initialised(
        con, current
    ):
        raise BadSetting(refusal)
    for attempt in _making(current):
        with attempt, locked(current):
            if not is_remote(current.tables):
                _make_folder(Path(current.tables))
            attach(con, current)
            with transaction(con):
                ensure_tables(con)
            set_options(con)
            identity.settle(con, current)
    if options:
        con.execute("detach lake")
        attach(con, current, options)


def make_ready(con: duckdb.DuckDBPyConnection, current: Settings) -> None:
    """Load the extensions and settings that a connection needs before it attaches a lake."""
    _import_for_duckdb()
    _limit(con, current)
    _load_extensions(con, current)
    register_functions(con)
    con.execute(_SESSION)
    _make_folder(current.home)
    # Each has one of its own: two that share one end in a segmentation fault. DuckDB makes it when
    # memory is full, but not the folder above, which a lake that is only read can do without.
    spill = current.home / "tmp" / f"duckdb-{os.getpid()}-{uuid4().hex[:8]}"
    with suppress(OSError):
        spill.parent.mkdir(exist_ok=True)
    con.execute(f"set temp_directory = '{_quoted(spill)}'")
    if is_remote(current.data):
        grant_access(con, current.data)


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
        with locked(settings()), transaction(own):
            yield own
    finally:
        if con is None:
            own.close()


def _making(current: Settings) -> Retrying:
    """Attempts at the tables of a new catalog, which two processes may make at once.

    On Postgres one of the two fails, and finds them when it tries again.
    """
    return Retrying(
        retry=retry_if_exception_type((duckdb.Error, LakeUnreadable)),
        stop=stop_after_attempt(10 if current.on_postgres else 1),
        wait=wait_random(0.1, 1.0),
        reraise=True,
    )


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """One transaction of a connection, undone if it raises."""
    con.begin()
    try:
        yield
    except BaseException:
        # What a server has lost cannot be rolled back; why it was lost is what to say.
        with suppress(duckdb.Error):
            con.rollback()
        raise
    con.commit()


@contextmanager
def locked(current: Settings) -> Iterator[None]:
    """Hold the advisory lock `<catalog>.lock`, between processes and between threads.

    ducklake 1.5.5 does not retry a locked SQLite, so writers queue here instead. Not re-entrant.
    On Postgres there is no lock: what meets another's commit there is tried again.
    """
    if current.on_postgres:
        yield
        return
    path = current.catalog_file.with_name(current.catalog_file.name + ".lock")
    _make_folder(path.parent)
    with in_turn(path):
        yield


def attach(con: duckdb.DuckDBPyConnection, current: Settings, options: str = "") -> None:
    """Attach the lake as `lake`, whosever it is; `prepare` sees that it is that of the data."""
    # Where the lake is is for lake.identity to say; it may have been moved.
    options = f"data_path '{_quoted(current.tables)}/', override_data_path true{options}"
    if current.on_postgres:
        catalog = current.catalog
    else:
        is_reader = "read_only" in options
        catalog = f"sqlite:{readable(current.catalog_file) if is_reader else current.catalog_file}"
        options += f", meta_busy_timeout {BUSY_TIMEOUT_MS}"
        # A reader cannot change it, and would fail at a catalog that has another.
        options += "" if is_reader else ", meta_journal_mode 'wal'"
    try:
        con.execute(f"attach if not exists 'ducklake:{_quoted(catalog)}' as lake ({options})")
    except duckdb.Error as error:
        raise _unreadable(current, error) from error
    if current.on_postgres:
        con.execute(postgres.PATIENCE)


def _unreadable(current: Settings, error: Exception) -> LakeUnreadable:
    if current.on_postgres:
        return postgres.unreachable(error)
    said = first_line(error)
    # The second is what SQLite says on a disk that is mounted to be read.
    if "readonly database" in said or said.endswith(_CANNOT_WRITE_BESIDE):
        return LakeUnreadable(
            f"The catalog {current.catalog_file} may be read by you, and not written; let its "
            "owner do this, or start another lake with PAIRLAKE_HOME."
        )
    return LakeUnreadable(
        f"The catalog {current.catalog_file} cannot be opened ({said}); "
        "put a backup in its place with: pairlake restore, or name another with PAIRLAKE_CATALOG."
    )


def _import_for_duckdb() -> None:
    """Import what DuckDB would: in its hands a Ctrl-C is taken for a module that is not there."""
    for name in _IMPORTED_BY_DUCKDB:
        # pandas is not ours, and DuckDB does without whatever is wrong with it.
        with suppress(Exception):
            importlib.import_module(name)


def _limit(con: duckdb.DuckDBPyConnection, current: Settings) -> None:
    if current.memory_limit:
        try:
            con.execute(f"set memory_limit = '{_quoted(current.memory_limit)}'")
        except duckdb.Error as error:
            said = first_line(error)
            raise BadSetting(
                f"PAIRLAKE_MEMORY_LIMIT is {current.memory_limit!r} ({said}); give it as 4GB."
            ) from error
    if current.threads:
        con.execute(f"set threads = {current.threads}")


def _is_initialised(con: duckdb.DuckDBPyConnection, current: Settings) -> bool:
    """Whether a catalog is there to be attached without the lock; what cannot be read is, too."""
    if current.on_postgres:
        return postgres.has_lake(con, current.catalog)
    catalog = current.catalog_file
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


def _load_extensions(con: duckdb.DuckDBPyConnection, current: Settings) -> None:
    con.execute("set autoinstall_known_extensions = false")
    con.execute("set autoload_known_extensions = false")
    for file in extension_files(current):
        con.execute(f"load '{_quoted(file)}'")
    # httpfs copies the environment into settings, which any query can read.
    for name in ("s3_access_key_id", "s3_secret_access_key", "s3_session_token"):
        con.execute(f"set global {name} = ''")


def extension_files(current: Settings) -> Iterator[Path]:
    """What DuckDB loads for this lake: installed as wheels, so that nothing is downloaded."""
    catalog = "postgres_scanner" if current.on_postgres else "sqlite_scanner"
    storage = ("aws",) if is_remote(current.data) else ()
    for name in (*EXTENSIONS, catalog, *storage):
        spec = importlib.util.find_spec(f"duckdb_extension_{name}")
        if spec is None or spec.origin is None:
            package = "-e '.[s3]'" if name in storage else "-e ."
            raise PairlakeError(
                f"The package duckdb-extension-{name.replace('_', '-')} is not installed; "
                f"run: pip install {package}"
            )
        yield from Path(spec.origin).parent.glob(f"extensions/*/{name}.duckdb_extension")


def _quoted(text: Path | str) -> str:
    return str(text).replace("'", "''")
