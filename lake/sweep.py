"""Takes away the lake's files that nothing names any more. Part of `pairlake maintain`.

Files that DuckLake has on its list go when no backup names them either. Those of which nobody
knows, which writers that were killed have left, lie a while in DATA/trash before. An erasure takes
all of them at once. What is not named as DuckLake names its files is somebody else's, and stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import duckdb
from pyarrow import fs

from pairlake.lake.identity import METADATA, made_at, restored_at
from pairlake.lake.settings import Settings
from pairlake.lake.storage import filesystem

# Another machine may be about to register a file of today, and a reader be at one that was merged.
GRACE = timedelta(days=1)
KEEP_TRASH = timedelta(days=7)

_SCHEDULED = f"{METADATA}ducklake_files_scheduled_for_deletion"
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_FILE = re.compile(rf"([^/]+)/[^/]+/(?:[^/]+/)*ducklake-{_UUID}(?:-delete)?\.(?:parquet|puffin)")
_MOVED_AT = "%Y%m%dT%H%M%S"


@dataclass(frozen=True, kw_only=True)
class Swept:
    """The files that went, those that went into the trash, and those that left it."""

    removed: list[str] = field(default_factory=list)
    trashed: list[str] = field(default_factory=list)
    emptied: list[str] = field(default_factory=list)


def sweep(
    con: duckdb.DuckDBPyConnection,
    current: Settings,
    kept: Set[str],
    *,
    erase: bool,
    dry_run: bool = False,
) -> Swept:
    """Take away what neither the catalog nor a backup names, under the lock.

    `kept` is what backups name. With `erase` there is no grace, no trash, and nothing kept. With
    `dry_run` it is only said what would go.
    """
    files, root = filesystem(current.data)
    now = datetime.now(UTC)
    unknown = _orphans(con, current, kept, now, erase=erase)
    swept = Swept(
        removed=[
            *_remove_scheduled(con, current, kept, now, erase=erase, dry_run=dry_run),
            *(unknown if erase else []),
        ],
        trashed=[] if erase else unknown,
        emptied=[name for name in _trash(files, root) if erase or _is_over(name, now)],
    )
    if dry_run:
        return swept
    for name in swept.emptied:
        files.delete_dir(f"{root}/trash/{name}")
    for path in unknown:
        if erase:
            files.delete_file(f"{root}/tables/{path}")
        else:
            _move(files, f"{root}/tables/{path}", f"{root}/trash/{now:{_MOVED_AT}}/{path}")
    return swept


def _remove_scheduled(
    con: duckdb.DuckDBPyConnection,
    current: Settings,
    kept: Set[str],
    now: datetime,
    *,
    erase: bool,
    dry_run: bool,
) -> list[str]:
    """What DuckLake has on its list, but for what backups name: that is on it again afterwards.

    Whoever dies before leaves files that nothing but a backup names, which are orphans after it.
    """
    waiting = []
    if not (erase or dry_run):
        named = f"{_SCHEDULED} where list_contains(?, path)"
        waiting = con.execute(f"from {named}", [sorted(kept)]).fetchall()
        con.execute(f"delete from {named}", [sorted(kept)])
    # Where others are at work meanwhile, one may still be read by a job that began before. In
    # SQLite ducklake 1.5.5 compares times as texts of two kinds.
    is_alone = erase or not current.on_postgres
    call = f"call ducklake_cleanup_old_files('lake', {_older_than(now - GRACE, erase=is_alone)}"
    removed = con.execute(f"{call}, dry_run => {dry_run})").fetchall()
    if waiting:
        con.executemany(f"insert into {_SCHEDULED} values (?, ?, ?, ?)", waiting)
    paths = [path[len(current.tables) + 1 :] for (path,) in removed]
    return [path for path in paths if erase or path not in kept]


def _orphans(
    con: duckdb.DuckDBPyConnection,
    current: Settings,
    kept: Set[str],
    now: datetime,
    *,
    erase: bool,
) -> list[str]:
    """Files below a schema of the lake that are named as DuckLake's, and that nothing names."""
    which = _older_than(now - GRACE, erase=erase)
    call = f"call ducklake_delete_orphaned_files('lake', {which}, dry_run => true)"
    unknown = [path[len(current.tables) + 1 :] for (path,) in con.execute(call).fetchall()]
    paths = con.execute(f"select path from {METADATA}ducklake_schema").fetchall()
    schemas = {path.rstrip("/") for (path,) in paths}
    restored = restored_at(con)
    found = []
    for path in unknown:
        match = _FILE.fullmatch(path)
        if match is None or match[1] not in schemas:
            continue
        # What landed after the backup that was put back has no other trace.
        is_older = restored is not None and (made_at(path) or 0) <= restored
        if erase or not (path in kept or is_older):
            found.append(path)
    return sorted(found)


def _older_than(time: datetime, *, erase: bool) -> str:
    return "cleanup_all => true" if erase else f"older_than => '{time.isoformat()}'::timestamptz"


def _trash(files: fs.FileSystem, root: str) -> Iterator[str]:
    """The folders of the trash, which are named by when they came."""
    selector = fs.FileSelector(f"{root}/trash", allow_not_found=True)
    for info in files.get_file_info(selector):
        if info.type == fs.FileType.Directory and _moved_at(info.base_name):
            yield info.base_name


def _is_over(name: str, now: datetime) -> bool:
    moved = _moved_at(name)
    return moved is not None and now - moved >= KEEP_TRASH


def _moved_at(name: str) -> datetime | None:
    try:
        return datetime.strptime(name, _MOVED_AT).replace(tzinfo=UTC)
    except ValueError:
        return None


def _move(files: fs.FileSystem, source: str, target: str) -> None:
    files.create_dir(target.rpartition("/")[0])
    try:
        files.move(source, target)
    except OSError:
        # To another disk: a schema's folder may be a link to one.
        files.copy_file(source, target)
        files.delete_file(source)
