"""Sees that catalog and data are of one lake, before anything is read or written.

The lake's id is the one that DuckLake gave the catalog when it made it. DATA has it in lake.json,
with the snapshot at which `pairlake maintain` last left the lake, so that an older copy of the
catalog is known too. The catalog is there first, and the file is written after it: whoever dies
between the two leaves a catalog whose files are its own, and the next command writes the file.
"""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import asdict, dataclass

import duckdb
import msgspec

from pairlake.lake.errors import BadSetting, SchemaMismatch
from pairlake.lake.settings import Settings
from pairlake.lake.storage import is_remote, is_same, read_small, write_small

NAME = "lake.json"
# Raised where an older pairlake must not write what this one makes of a lake.
FORMAT = 1

METADATA = "__ducklake_metadata_lake."
# The files that a catalog names, below the folder of tables, and their sizes; in DuckDB's SQL and
# in SQLite's.
NAMED = """
select schemas.path || tables.path || files.path as path, files.file_size_bytes as size
from (
    select table_id, path, file_size_bytes from {0}ducklake_data_file
    union all
    select table_id, path, file_size_bytes from {0}ducklake_delete_file
) as files
inner join {0}ducklake_table as tables on files.table_id = tables.table_id
inner join {0}ducklake_schema as schemas on tables.schema_id = schemas.schema_id
"""
# The beginning of the UUID in a file's name, version 7.
_MADE = re.compile(r"(?:.*/)?ducklake-([0-9a-f]{8})-([0-9a-f]{4})-7")
# The schema `main` is the first that a catalog has.
_FOUND = f"""
with metadata as (select key, value from {METADATA}ducklake_metadata where scope is null)
select
    (select schema_uuid::varchar from {METADATA}ducklake_schema where schema_id = 0) as id,
    (select rtrim(any_value(value), '/') from metadata where key = 'data_path') as tables,
    (select coalesce(max(value::int), 0) from metadata where key = 'pairlake_format') as format,
    max(snapshot_id) as newest,
    max(epoch_us(snapshot_time::timestamptz)) filter (snapshot_id = ?) as time
from {METADATA}ducklake_snapshot
"""


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What lake.json says: the lake's id, and the snapshot that it was left at, with its time."""

    id: str
    snapshot: int | None = None
    time: int | None = None  # in microseconds since 1970


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What the catalog says of itself."""

    id: str
    tables: str
    format: int
    newest: int
    time: int | None  # of the snapshot at which lake.json says that the lake was left


def stated(con: duckdb.DuckDBPyConnection, data: str) -> Stated | None:
    """What the lake.json of a place says; None where there is none."""
    text = read_small(con, data, NAME)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Stated)
    except msgspec.DecodeError as error:
        raise BadSetting(
            f"{data}/{NAME} is not as pairlake wrote it ({error}); put it back, or remove it, and "
            "the catalog that names the files beside it writes it anew."
        ) from error


def refuse_new(con: duckdb.DuckDBPyConnection, current: Settings, of: Stated | None) -> str | None:
    """Why no catalog may be made beside this data; None where there is no lake yet."""
    if of is None and not present(con, current):
        return None
    return (
        f"{current.data} holds the tables of a lake, but the catalog {current.catalog_said} is new "
        "or empty, and would take them for nobody's: name the lake's own with PAIRLAKE_CATALOG, or "
        "put a backup in its place with: pairlake restore. For a new lake choose another "
        "PAIRLAKE_HOME or PAIRLAKE_DATA."
    )


def check(con: duckdb.DuckDBPyConnection, current: Settings, of: Stated | None) -> bool:
    """Whether all is as it should be, so that `settle` has nothing to write.

    Raises BadSetting where the attached catalog is not that of the data, or not the newest.
    """
    found = _found(con, of)
    _check_format(found)
    has_moved = found.tables != current.tables
    if of is None:
        _check_named(con, current, found)
    else:
        _check_stated(current, found, of)
        if has_moved and _stays(con, current, found):
            data = found.tables.removesuffix("/tables")
            raise BadSetting(
                f"{current.data} holds a copy of the lake in {data}, which is still there: to go "
                f"on with the copy instead, remove {data}/{NAME}; to make the copy a lake of its "
                f"own, remove {current.data}/{NAME}; then run it again."
            )
    return of is not None and not has_moved and found.format == FORMAT


def settle(con: duckdb.DuckDBPyConnection, current: Settings) -> None:
    """Write what `check` found wanting, under the lock: place, format, and lake.json."""
    of = stated(con, current.data)
    found = _found(con, of)
    lake_id = found.id
    con.begin()
    if found.tables != current.tables:
        if of is None and _stays(con, current, found):
            lake_id = str(uuid.uuid4())
            _give(con, lake_id)
        say(con, "data_path", f"{current.tables}/")
    if found.format != FORMAT:
        say(con, "pairlake_format", str(FORMAT))
    con.commit()
    if of is None:
        write(con, current.data, Stated(id=lake_id))


def accept(con: duckdb.DuckDBPyConnection, current: Settings) -> int:
    """Take a catalog that was put back for the lake's as it is; returns its newest snapshot.

    BadSetting where it is another lake's, or names files that are gone.
    """
    of = stated(con, current.data)
    found = _found(con, of)
    _check_format(found)
    names, there = named(con), present(con, current)
    # One that names files of this lake is from before a copy became a lake of its own.
    if of is not None and not names & there:
        _check_id(current, found, of)
    if gone := sorted(names - there):
        raise BadSetting(
            f"{len(gone):,} files that the catalog {current.catalog_said} names are not in "
            f"{current.tables} any more ({gone[0]}), so that it cannot be put back; choose a newer "
            "backup."
        )
    say(con, "data_path", f"{current.tables}/")
    # By the names of files too: a clock may have been put back since.
    now = max([time.time_ns() // 1_000_000, *(made_at(path) or 0 for path in there)])
    say(con, "pairlake_restored", str(now))
    if of is not None:
        _give(con, of.id)
    leave(con, current)
    return found.newest


def leave(con: duckdb.DuckDBPyConnection, current: Settings) -> None:
    """Note in lake.json the newest snapshot; an older copy of the catalog lacks it."""
    lake_id, snapshot, at = con.execute(
        f"select (select schema_uuid::varchar from {METADATA}ducklake_schema where schema_id = 0), "
        "snapshot_id, epoch_us(snapshot_time::timestamptz) "
        f"from {METADATA}ducklake_snapshot order by snapshot_id desc limit 1"
    ).fetchall()[0]
    write(con, current.data, Stated(id=lake_id, snapshot=snapshot, time=at))


def write(con: duckdb.DuckDBPyConnection, data: str, of: Stated) -> None:
    """Write lake.json, whole or not at all."""
    note = "pairlake knows by this file which catalog the tables beside it are of."
    text = msgspec.json.encode({"note": note, **asdict(of)})
    write_small(con, data, NAME, msgspec.json.format(text, indent=2) + b"\n")


def _give(con: duckdb.DuckDBPyConnection, lake_id: str) -> None:
    con.execute(
        f"update {METADATA}ducklake_schema set schema_uuid = ? where schema_id = 0", [lake_id]
    )


def say(con: duckdb.DuckDBPyConnection, key: str, value: str) -> None:
    """Set a value of the catalog's own metadata."""
    table = f"{METADATA}ducklake_metadata"
    con.execute(f"update {table} set value = ? where key = ? and scope is null", [value, key])
    con.execute(
        f"insert into {table} (key, value) select ?, ? "
        f"where not exists (from {table} where key = ? and scope is null)",
        [key, value, key],
    )


def restored_at(con: duckdb.DuckDBPyConnection) -> int | None:
    """When the catalog was put back from a backup, in milliseconds since 1970; None if never."""
    row = con.execute(
        f"select max(value::bigint) from {METADATA}ducklake_metadata where key = ?",
        ["pairlake_restored"],
    ).fetchone()
    return None if row is None else row[0]


def made_at(path: str) -> int | None:
    """When DuckLake made a file, in milliseconds since 1970; None where its name does not tell."""
    made = _MADE.match(path)
    return int(made[1] + made[2], 16) if made else None


def named(con: duckdb.DuckDBPyConnection) -> set[str]:
    """The files that the attached catalog names, below the folder of tables."""
    return {path for path, _ in con.execute(NAMED.format(METADATA)).fetchall()}


def _check_format(found: _Found) -> None:
    if found.format > FORMAT:
        raise SchemaMismatch(
            f"The lake was written by a newer pairlake (format {found.format}; this one knows "
            f"{FORMAT}); use that version, or start another lake with PAIRLAKE_HOME."
        )


def _check_id(current: Settings, found: _Found, of: Stated) -> None:
    if of.id != found.id:
        raise BadSetting(
            f"The catalog {current.catalog_said} is not that of the lake in {current.data}: name "
            "the lake's own with PAIRLAKE_CATALOG, or the catalog's own data with PAIRLAKE_DATA."
        )


def _check_stated(current: Settings, found: _Found, of: Stated) -> None:
    _check_id(current, found, of)
    if of.snapshot is None:
        return
    # One that has expired is not there any more.
    if found.newest < of.snapshot or (found.time is not None and found.time != of.time):
        raise BadSetting(
            f"The catalog {current.catalog_said} is a copy that does not know snapshot "
            f"{of.snapshot}, at which the lake in {current.data} was left: name the lake's own "
            "with PAIRLAKE_CATALOG, or go back to the copy with: pairlake restore "
            + ("" if current.on_postgres else current.catalog_said)
        )


def _check_named(con: duckdb.DuckDBPyConnection, current: Settings, found: _Found) -> None:
    """Without lake.json: a catalog has its data where the files are that it names."""
    names, there = named(con), present(con, current)
    if names & there or (not names and not there and not _stays(con, current, found)):
        return
    if not there:
        raise BadSetting(
            f"The lake of the catalog {current.catalog_said} keeps its files in {found.tables}, "
            f"and not in {current.tables}: put them back, or set PAIRLAKE_DATA; if they are on "
            "another disk, see that it is there."
        )
    raise BadSetting(
        f"{current.tables} holds files of a lake, but none that the catalog "
        f"{current.catalog_said} names: name the lake's own with PAIRLAKE_CATALOG, or choose "
        "another PAIRLAKE_DATA."
    )


def present(con: duckdb.DuckDBPyConnection, current: Settings) -> set[str]:
    """The files in the folder of tables that are named as DuckLake names them."""
    pattern = f"{current.tables}/*/**/ducklake-*"
    files = con.execute("select file from glob(?)", [pattern]).fetchall()
    return {file[len(current.tables) + 1 :] for (file,) in files}


def _stays(con: duckdb.DuckDBPyConnection, current: Settings, found: _Found) -> bool:
    """Whether the lake is still where the catalog has it, and that is another place than DATA."""
    place = found.tables.removesuffix("/tables")
    if place == current.data:
        return False
    if not is_remote(place) and not is_remote(current.data) and is_same(place, current.data):
        return False
    try:
        of = stated(con, place)
    except (BadSetting, duckdb.Error):
        return False  # it may be a bucket that is no longer ours
    return of is not None and of.id == found.id


def _found(con: duckdb.DuckDBPyConnection, of: Stated | None) -> _Found:
    cursor = con.execute(_FOUND, [None if of is None else of.snapshot])
    names = [name for name, *_ in cursor.description]
    (row,) = cursor.fetchall()
    return _Found(**dict(zip(names, row, strict=True)))
