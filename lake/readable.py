"""Lets those read a lake who may not write beside its catalog.

SQLite's readers of a catalog in WAL mode share a file that lies beside it, and one of them has to
make it. Who may not gets a copy of the catalog instead, and another when the catalog has changed.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from pairlake.lake.errors import LakeUnreadable

# What SQLite says where that file is not there and cannot be made.
_MUST_BE_MADE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_PRIMARY = 0xFF  # of an error code, what is left without its particulars
_TRIES = 5
_State = list[tuple[Path, int, int]]
# The copy of each catalog, and what the catalog was then. They go with the process.
_COPIES: dict[Path, tuple[TemporaryDirectory[str], _State]] = {}


def readable(catalog: Path) -> Path:
    """The catalog, or a copy where that cannot be opened for want of a right to write.

    Raises LakeUnreadable where it cannot be read at all, or changes while it is copied.
    """
    if not catalog.exists() or _opens(catalog):
        return catalog
    folder = TemporaryDirectory(prefix="pairlake-catalog-")
    try:
        for _ in range(_TRIES):
            before = _state(catalog)
            for file in _files(catalog):
                shutil.copyfile(file, Path(folder.name, file.name))
            if _state(catalog) == before:
                former = _COPIES.get(catalog)
                _COPIES[catalog] = folder, before
                if former is not None:
                    former[0].cleanup()
                return Path(folder.name, catalog.name)
    except OSError as error:
        folder.cleanup()
        raise LakeUnreadable(
            f"The catalog {catalog} cannot be read ({error.strerror}); ask its owner for leave."
        ) from error
    folder.cleanup()
    raise LakeUnreadable(f"The catalog {catalog} changes as it is read; run it again.")


def is_outdated(catalog: Path) -> bool:
    """Whether a copy is read of what the catalog is no more."""
    copy = _COPIES.get(catalog)
    return copy is not None and copy[1] != _state(catalog)


def _opens(catalog: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{catalog.as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.Error as error:
        # What else is wrong with it is for DuckDB to say.
        return getattr(error, "sqlite_errorcode", 0) & _PRIMARY not in _MUST_BE_MADE
    return True


def _files(catalog: Path) -> list[Path]:
    """The catalog and, where there is one, the log of what is not in it yet."""
    return [file for file in (catalog, Path(f"{catalog}-wal")) if file.exists()]


def _state(catalog: Path) -> _State:
    seen = [(file, file.stat()) for file in _files(catalog)]
    return [(file, at.st_size, at.st_mtime_ns) for file, at in seen]
