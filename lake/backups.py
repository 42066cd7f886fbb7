"""Backups of a catalog in SQLite, under HOME/backups: made by `maintain`, put back by `restore`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from lake.identity import NAMED
from lake.settings import Settings

KEEP = 5
_NAMES = "catalog-*.sqlite"


def backups(current: Settings) -> list[Path]:
    """The backups that there are, the oldest first."""
    return sorted(_folder(current).glob(_NAMES))


def named_by_backups(current: Settings) -> set[str]:
    """The files that backups name, below the folder of tables; what cannot be read names none."""
    names: set[str] = set()
    for backup in backups(current):
        with suppress(sqlite3.Error), _opened(backup) as connection:
            names |= {path for path, _ in connection.execute(NAMED.format(""))}
    return names


def back_up(current: Settings, *, keep: int) -> Path:
    """A copy of the catalog; only the newest `keep` stay. Under the lock."""
    folder = _folder(current)
    folder.mkdir(exist_ok=True)
    target = folder / f"catalog-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.sqlite"
    made = target.with_suffix(".partial")
    made.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(current.catalog_file)) as source,
        closing(sqlite3.connect(made)) as copy,
    ):
        source.backup(copy)
    made.replace(target)
    for old in outdated(current, keep=keep):
        old.unlink()
    return target


def outdated(current: Settings, *, keep: int, more: int = 0) -> list[Path]:
    """The backups that go once `more` new ones are there, if the newest `keep` stay."""
    found = backups(current)
    return found[: max(0, len(found) + more - keep)]


def _folder(current: Settings) -> Path:
    return current.home / "backups"


@contextmanager
def _opened(catalog: Path) -> Iterator[sqlite3.Connection]:
    """A catalog that nobody writes to, without leaving a log beside it."""
    uri = f"{catalog.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        yield connection
