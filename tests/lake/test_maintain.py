"""Upkeep changes no row, bounds snapshots and files, and leaves a backup that opens."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pairlake.lake import maintain, sweep
from pairlake.lake.append import append
from pairlake.lake.catalog import connect, rows
from pairlake.lake.settings import settings

pytestmark = pytest.mark.usefixtures("lake_without_rows")


def _land(count: int) -> None:
    for number in range(count):
        # More than ten rows, so that they are a file and not inlined in the catalog.
        paths = [f"{number}-{row}" for row in range(20)]
        append({"raw.crawl_files": pa.table({"path": paths})})


def _counts() -> tuple[object, ...]:
    con = connect(read_only=True)
    row = con.execute(
        "select (select count(distinct path) from lake.raw.crawl_files), "
        "(select count(*) from ducklake_snapshots('lake'))"
    ).fetchone()
    con.close()
    assert row is not None
    return row


def _files() -> list[Path]:
    return list(Path(settings().tables).rglob("*.parquet"))


def test_files_are_merged_and_old_snapshots_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintain, "KEEP_SNAPSHOTS", 3)
    _land(6)
    assert len(_files()) == 6

    maintain.tidy(leave_no_trace=False)
    summary = maintain.tidy(leave_no_trace=False)

    held, snapshots = _counts()
    assert held == 120
    assert int(str(snapshots)) <= 3
    assert len(_files()) < 6
    assert "backed up" in str(summary)


def test_a_flush_has_one_thread_and_all_else_what_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[object] = []

    class Watched:
        """A connection that notes how many threads DuckDB has at a flush."""

        def __init__(self) -> None:
            self._con = connect()
            self.close = self._con.close

        def execute(self, query: str, *parameters: object) -> duckdb.DuckDBPyConnection:
            if "flush" in query:
                threads.extend(rows("select current_setting('threads')"))
            return self._con.execute(query, *parameters)

    monkeypatch.setenv("PAIRLAKE_THREADS", "3")
    monkeypatch.setattr(maintain, "connect", Watched)
    _land(1)
    maintain.tidy(leave_no_trace=False)
    assert threads == [(1,)]
    assert rows("select current_setting('threads')") == [(3,)]


def _stray(folder: Path, *, days: int = 2) -> Path:
    """A copy of a file of the lake in a folder, named as DuckLake names files, of some days ago."""
    stray = folder / f"ducklake-{uuid.uuid4()}.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(_files()[0], stray)
    os.utime(stray, (time.time() - days * 86_400,) * 2)
    return stray


def test_a_file_that_a_killed_writer_left_goes_by_way_of_the_trash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _land(1)
    of_today, stray = _stray(_files()[0].parent, days=0), _stray(_files()[0].parent)
    assert [line for line in maintain.would_go(leave_no_trace=False) if "trash" in line] == [
        f"{stray}, into the trash"
    ]
    assert stray.exists(), "it was only said"

    assert maintain.tidy(leave_no_trace=False).files_trashed == 1
    assert not stray.exists()
    assert of_today.exists()
    (trashed,) = Path(settings().data, "trash").rglob("*.parquet")
    assert trashed.name == stray.name
    maintain.tidy(leave_no_trace=False)
    assert trashed.exists(), "it stays there for a while"
    monkeypatch.setattr(sweep, "KEEP_TRASH", timedelta(0))
    maintain.tidy(leave_no_trace=False)
    assert not trashed.exists()
    assert _counts()[0] == 20


def test_an_erasure_takes_trash_and_backups_and_what_they_name_at_once() -> None:
    _land(2)
    table = _files()[0].parent
    _stray(table)
    maintain.tidy(leave_no_trace=False)
    _stray(table, days=0)
    _stray(table.parent / "a table that was dropped" / "split=en", days=0)
    _land(2)
    maintain.tidy(leave_no_trace=False)
    maintain.tidy(leave_no_trace=True)
    assert _files() == [Path(path) for (path,) in rows(
        "select data_file from ducklake_list_files('lake', 'crawl_files', schema => 'raw')"
    )]  # fmt: skip
    assert [path for path in Path(settings().data, "trash").rglob("*") if path.is_file()] == []
    assert len(list((settings().home / "backups").iterdir())) == 1


def test_what_is_not_named_as_ducklake_names_files_is_somebody_elses() -> None:
    _land(1)
    table, tables = _files()[0].parent, Path(settings().tables)
    theirs = [
        _stray(table).rename(table / "my pairs.parquet"),
        _stray(table).rename(table / f"ducklake-{uuid.uuid4()}.parquet.bak"),
        _stray(table).rename(table / "ducklake-mine.parquet"),
        _stray(tables / "my copy" / "crawl_files"),
        _stray(tables),
        _stray(tables / "raw"),
        _stray(Path(settings().data) / "published"),
    ]
    for leave_no_trace in (False, True):
        maintain.tidy(leave_no_trace=leave_no_trace)
        assert all(path.exists() for path in theirs)


def test_what_a_backup_names_stays_until_the_backup_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintain, "KEEP_BACKUPS", 2)
    _land(1)
    maintain.tidy(leave_no_trace=False)
    (first,) = _files()
    for _ in range(2):
        _land(1)
        maintain.tidy(leave_no_trace=False)
        # Merged with what has landed since.
        assert first.exists()
        named = "select data_file from ducklake_list_files('lake', 'crawl_files', schema => 'raw')"
        assert (str(first),) not in rows(named)
    maintain.tidy(leave_no_trace=False)
    assert not first.exists()
    assert _counts()[0] == 20


def test_the_backup_is_a_catalog(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _land(2)
    backup = maintain.tidy(leave_no_trace=False).backup

    restored = home.parent / "restored.sqlite"
    shutil.copy(backup, restored)
    monkeypatch.setenv("PAIRLAKE_CATALOG", f"sqlite:{restored}")
    assert _counts()[0] == 40


def test_only_the_newest_backups_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintain, "KEEP_BACKUPS", 2)
    _land(1)
    backups = [maintain.tidy(leave_no_trace=False).backup for _ in range(4)]
    assert sorted(backups[0].parent.iterdir()) == backups[2:]


def test_a_backup_is_the_newest_also_where_the_clock_was_put_back() -> None:
    _land(1)
    old = maintain.tidy(leave_no_trace=False).backup
    old.rename(old.with_name("catalog-20990101T000000000000.sqlite"))
    theirs = old.with_name("catalog-before-the-move.sqlite")
    theirs.touch()
    new = maintain.tidy(leave_no_trace=True).backup
    assert sorted(old.parent.iterdir()) == sorted([new, theirs]), "the old one is of before"
    # Before the next one it is the one that a restore takes.
    assert maintain.tidy(leave_no_trace=False).backup > new


def test_what_a_backup_or_a_restore_that_was_killed_had_copied_goes() -> None:
    _land(1)
    folder, catalog = settings().home / "backups", settings().catalog_file
    folder.mkdir()
    left = [
        folder / "catalog-20261130T120000000000.partial",
        folder / "catalog-20261130T120000000000.partial-journal",
        catalog.with_name("catalog.sqlite.restoring"),
        catalog.with_name("catalog.sqlite.restoring-wal"),
    ]
    for path in left:
        path.write_text("what is to be forgotten")
    maintain.tidy(leave_no_trace=True)
    assert [path for path in left if path.exists()] == []


@pytest.mark.parametrize("step", ["sweep", "_vacuum", "back_up"])
def test_an_erasure_is_unfinished_until_its_last_step(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    _land(1)
    with monkeypatch.context() as patch:
        patch.setattr(maintain, step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            maintain.tidy(leave_no_trace=True)
    assert maintain.erasure_is_unfinished()
    maintain.tidy(leave_no_trace=False)
    assert maintain.erasure_is_unfinished(), "this one left traces"
    maintain.tidy(leave_no_trace=True)
    assert not maintain.erasure_is_unfinished()


def test_the_catalog_forgets_the_greatest_text_of_a_column(home: Path) -> None:
    append({"raw.crawl_files": pa.table({"path": [*map(str, range(20)), "zebra.example/me"]})})
    files = [home / "catalog.sqlite", home / "catalog.sqlite-wal"]
    assert any(b"zebra.example" in file.read_bytes() for file in files if file.exists())
    con = connect()
    con.execute("update lake.raw.crawl_files set path = null where path like 'zebra%'")
    con.close()
    maintain.tidy(leave_no_trace=True)
    assert not any(b"zebra.example" in file.read_bytes() for file in files if file.exists())
    append({"raw.crawl_files": pa.table({"path": [f"yak {row}" for row in range(20)]})})
    con = connect(read_only=True)
    assert con.execute(
        "select count(*), max(path), count(*) filter (where path > 'y') from lake.raw.crawl_files"
    ).fetchone() == (41, "yak 9", 20)
    con.close()
