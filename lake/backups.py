"""Backups of a catalog in SQLite, under HOME/backups: made by `maintain`, put back by `restore`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pairlake.lake.identity import NAMED
from pairlake.lake.settings import Settings

KEEP = 5
_NAME = "catalog-%Y%m%dT%H%M%S%f.sqlite"
# Of these a catalog consists.
_ENDINGS = ("", "-wal", "-shm", "-journal")


def backups(current: Settings) -> list[Path]:
    """The backups that there are, the oldest first; what is named otherwise is somebody else's."""
    return sorted(path for path in _folder(current).glob("catalog-*.sqlite") if _time_of(path))


def next_backup(current: Settings) -> Path:
    """Where the next one is to be: named as newer than all others, also by a clock put back."""
    times = [time for path in backups(current) if (time := _time_of(path))]
    after = max(times, default=datetime.min) + timedelta(microseconds=1)
    return _folder(current) / f"{max(datetime.now(UTC).replace(tzinfo=None), after):{_NAME}}"


def named_by_backups(current: Settings) -> set[str]:
    """The files that backups name, below the folder of tables; what cannot be read names none."""
    names: set[str] = set()
    for backup in backups(current):
        with suppress(sqlite3.Error), opened(backup) as connection:
            names |= {path for path, _ in connection.execute(NAMED.format(""))}
    return names


def back_up(current: Settings, *, keep: int) -> Path:
    """A copy of the catalog; only the newest `keep` stay. Under the lock."""
    folder = _folder(current)
    folder.mkdir(exist_ok=True)
    target = next_backup(current)
    made = target.with_suffix(".partial")
    with (
        closing(sqlite3.connect(current.catalog_file)) as source,
        closing(sqlite3.connect(made)) as copy,
    ):
        source.backup(copy)
    made.replace(target)
    for old in outdated(current, keep=keep):
        remove(old)
    return target


def clear_partial(current: Settings) -> None:
    """Remove what was being copied when `back_up` or `restore` was killed. Under the lock."""
    for left in _folder(current).glob("catalog-*.partial*"):
        left.unlink()
    remove(restoring(current))


def outdated(current: Settings, *, keep: int, more: int = 0) -> list[Path]:
    """The backups that go once `more` new ones are there, if the newest `keep` stay."""
    found = backups(current)
    return found[: max(0, len(found) + more - keep)]


def restoring(current: Settings) -> Path:
    """Where a backup is made ready that is put back."""
    return current.catalog_file.with_name(current.catalog_file.name + ".restoring")


def remove(catalog: Path) -> None:
    """Remove a catalog with its logs."""
    for ending in _ENDINGS:
        catalog.with_name(catalog.name + ending).unlink(missing_ok=True)


def _folder(current: Settings) -> Path:
    return current.home / "backups"


def _time_of(backup: Path) -> datetime | None:
    try:
        return datetime.strptime(backup.name, _NAME)
    except ValueError:
        return None


@contextmanager
def opened(catalog: Path) -> Iterator[sqlite3.Connection]:
    """A catalog to be read; where it has no log, so that nobody writes to it, none is left."""
    uri = f"{catalog.absolute().as_uri()}?mode=ro"
    if not catalog.with_name(catalog.name + "-wal").exists():
        uri += "&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        yield connection
