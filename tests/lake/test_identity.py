"""A catalog opens its own lake and no other: wrong, older, new, moved and copied ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pairlake.lake import catalog, identity
from pairlake.lake.append import append
from pairlake.lake.catalog import connect, rows
from pairlake.lake.errors import BadSetting, SchemaMismatch
from pairlake.lake.maintain import tidy
from pairlake.lake.settings import settings
from tests.lake.writers import digests

pytestmark = pytest.mark.usefixtures("lake_without_rows")


@pytest.fixture(autouse=True)
def _each_as_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every connection is a process's first, which looks where it is."""
    monkeypatch.setattr(catalog, "_instance", catalog._instance.__wrapped__)


def _land(name: str) -> None:
    append({"raw.crawl_files": pa.table({"path": [f"{name}-{row}" for row in range(20)]})})


def _landed() -> int:
    ((count,),) = rows("select count(*) from lake.raw.crawl_files", read_only=True)
    return int(count)


def _missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def _empty(path: Path) -> None:
    path.touch()


def _with_nothing_in_it(path: Path) -> None:
    with duckdb.connect() as con:
        catalog._load_extensions(con, settings())
        con.execute(f"attach 'ducklake:sqlite:{path}' as other (data_path '{path}.files/')")


def _of_another_lake(path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAIRLAKE_HOME", str(path.parent / "another"))
        patch.delenv("PAIRLAKE_DATA")
        _land("another")
        shutil.copy(settings().catalog_file, path)
        shutil.rmtree(path.parent / "another")


@pytest.mark.parametrize("has_id", [True, False], ids=["with an id", "from before ids"])
@pytest.mark.parametrize("wrong", [_missing, _empty, _with_nothing_in_it, _of_another_lake])
def test_a_catalog_that_is_not_the_lakes_opens_nothing_and_harms_nothing(
    wrong: Callable[[Path], None],
    has_id: bool,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _land("one")
    if not has_id:
        (home / identity.NAME).unlink()
    monkeypatch.setenv("PAIRLAKE_DATA", str(home))
    typo = tmp_path / "typo.sqlite"
    wrong(typo)
    monkeypatch.setenv("PAIRLAKE_CATALOG", f"sqlite:{typo}")
    before = digests(home)
    for command in (_landed, lambda: tidy(leave_no_trace=False)):
        with pytest.raises(BadSetting, match="name the lake's own with PAIRLAKE_CATALOG"):
            command()
    assert digests(home) == before
    monkeypatch.delenv("PAIRLAKE_CATALOG")
    assert _landed() == 20


def test_an_older_copy_of_the_catalog_is_known(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _land("one")
    tidy(leave_no_trace=False)
    older, forked = tmp_path / "older.sqlite", tmp_path / "forked.sqlite"
    shutil.copy(settings().catalog_file, older)
    shutil.copy(settings().catalog_file, forked)
    monkeypatch.setenv("PAIRLAKE_DATA", str(home))
    with monkeypatch.context() as patch:
        # What another machine has landed since, by a copy of its own.
        patch.setenv("PAIRLAKE_CATALOG", f"sqlite:{forked}")
        for number in range(3):
            _land(f"forked {number}")
    _land("two")
    tidy(leave_no_trace=False)
    for copy in (older, forked):
        monkeypatch.setenv("PAIRLAKE_CATALOG", f"sqlite:{copy}")
        with pytest.raises(BadSetting, match="does not know snapshot"):
            connect()
    monkeypatch.delenv("PAIRLAKE_CATALOG")
    assert _landed() == 40


def test_a_lake_from_before_ids_gets_its_own_from_the_catalog_that_names_its_files(
    home: Path,
) -> None:
    _land("one")
    (home / identity.NAME).unlink()
    assert _landed() == 20
    assert not (home / identity.NAME).exists(), "who reads writes nothing"
    _land("two")
    ((said,),) = rows(
        "select schema_uuid::varchar from __ducklake_metadata_lake.ducklake_schema "
        "where schema_name = 'main'"
    )
    assert said in (home / identity.NAME).read_text()


def test_a_disk_that_is_not_there_is_not_taken_for_a_lake(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    monkeypatch.setenv("PAIRLAKE_DATA", str(disk))
    _land("one")
    disk.rename(tmp_path / "unmounted")
    disk.mkdir()
    with pytest.raises(BadSetting, match="on another disk, see that it is there"):
        _land("two")
    assert list(disk.iterdir()) == []
    disk.rmdir()
    (tmp_path / "unmounted").rename(disk)
    assert _landed() == 20


def test_a_lake_can_be_moved(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _land("one")
    shutil.move(home, tmp_path / "big disk")
    monkeypatch.setenv("PAIRLAKE_HOME", str(tmp_path / "big disk"))
    assert _landed() == 20
    _land("two")
    assert _landed() == 40
    assert not home.exists()
    # The catalog says by itself where it is now, to DuckDB's own shell too.
    assert rows("select path from ducklake_options('lake'), lateral (select value as path) "
                "where option_name = 'data_path'") == [(f"{settings().tables}/",)]  # fmt: skip


def test_a_folder_by_another_name_is_no_copy(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _land("one")
    (tmp_path / "link").symlink_to(home)
    monkeypatch.setenv("PAIRLAKE_HOME", str(tmp_path / "link"))
    _land("two")
    assert _landed() == 40


def test_a_copy_is_told_from_a_move_and_can_become_a_lake_of_its_own(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _land("one")
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    before = digests(home)
    monkeypatch.setenv("PAIRLAKE_HOME", str(copy))
    with pytest.raises(BadSetting, match=rf"remove {copy}/lake.json; then run it again"):
        _land("two")
    (copy / identity.NAME).unlink()
    _land("two")
    tidy(leave_no_trace=False)
    assert _landed() == 40
    assert digests(home) == before
    with monkeypatch.context() as patch:
        patch.setenv("PAIRLAKE_CATALOG", f"sqlite:{home / 'catalog.sqlite'}")
        with pytest.raises(BadSetting, match="is not that of the lake"):
            connect()
    monkeypatch.setenv("PAIRLAKE_HOME", str(home))
    assert _landed() == 20


def test_an_older_pairlake_does_not_write_to_a_newer_lake(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(identity, "FORMAT", identity.FORMAT + 1)
        _land("one")
    with pytest.raises(SchemaMismatch, match="written by a newer pairlake"):
        _land("two")


def test_a_lake_json_that_is_torn_is_a_sentence(home: Path) -> None:
    _land("one")
    (home / identity.NAME).write_text("{")
    with pytest.raises(BadSetting, match="is not as pairlake wrote it"):
        _landed()
