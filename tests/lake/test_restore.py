"""Any backup can be put back, with all that it names; what landed since is not lost."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from click.testing import CliRunner

from pairlake.commands import main
from pairlake.lake import identity, restore
from pairlake.lake.append import append
from pairlake.lake.backups import KEEP
from pairlake.lake.catalog import close_all, connect, locked, rows
from pairlake.lake.errors import JobFailed, PairlakeError
from pairlake.lake.maintain import tidy
from pairlake.lake.settings import Settings, settings
from pairlake.lake.takedowns import record_takedowns

pytestmark = pytest.mark.usefixtures("lake_without_rows")


def _land(name: str) -> None:
    append({"raw.crawl_files": pa.table({"path": [f"{name}-{row}" for row in range(20)]})})


def _landed() -> list[str]:
    """Read whole, from all files."""
    found = rows("select distinct split_part(path, '-', 1) from lake.raw.crawl_files order by all")
    return [name for (name,) in found]


def _backup() -> Path:
    made = tidy(leave_no_trace=False).backup
    assert made is not None
    return made


def _files() -> set[Path]:
    return set(Path(settings().tables).rglob("*.parquet"))


def test_every_backup_can_be_put_back_and_what_was_there_before() -> None:
    made = []
    for name in ("a", "b", "c"):
        _land(name)
        made.append(_backup())
    _land("d")
    record_takedowns({"url": ["http://a.example/1.jpg"]})
    before = restore.restore(Path(made[0].name)).before
    assert _landed() == ["a"]
    restore.restore(made[1])
    assert _landed() == ["a", "b"]
    assert {path.suffix for path in before.parent.iterdir()} == {".sqlite"}, "and no logs of them"
    said = restore.restore(before)
    assert _landed() == ["a", "b", "c", "d"]
    assert "0 requests to forget that came after it are kept" in str(said)


def test_what_was_to_be_forgotten_is_so_still() -> None:
    _land("a")
    made = _backup()
    record_takedowns({"url": ["http://a.example/1.jpg"]})
    assert "1 requests to forget" in str(restore.restore(made))
    assert rows("select count(*) from lake.raw.takedowns") == [(1,)]


def test_a_request_that_comes_while_a_restore_waits_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @contextmanager
    def behind_another(current: Settings) -> Iterator[None]:
        record_takedowns({"url": ["http://a.example/1.jpg"]})
        with locked(current):
            yield

    _land("a")
    made = _backup()
    monkeypatch.setattr(restore, "locked", behind_another)
    assert "1 requests to forget" in str(restore.restore(made))
    assert rows("select count(*) from lake.raw.takedowns") == [(1,)]


@pytest.mark.parametrize("is_put_back", [False, True])
def test_what_landed_since_is_no_orphan_however_old_it_grows(
    is_put_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_put_back:
        monkeypatch.setattr(identity, "time", SimpleNamespace(time_ns=lambda: 0))
    _land("a")
    made = _backup()
    _land("b")
    landed = _files()
    restore.restore(made)
    _land("c")
    for _ in range(KEEP + 1):
        for path in _files():
            os.utime(path, (time.time() - 7 * 86_400,) * 2)
        assert tidy(leave_no_trace=False).files_trashed == 0
    assert len(landed - _files()) <= 1, "but for what was merged of the catalog's own"
    assert _landed() == ["a", "c"]
    tidy(leave_no_trace=True)
    assert len(_files()) == 1, "an erasure leaves nothing that the catalog does not know"


@pytest.mark.parametrize("content", [None, b"", b"this is not SQLite" * 1_000])
def test_a_catalog_that_is_lost_or_damaged_is_put_back(content: bytes | None) -> None:
    _land("a")
    made = _backup()
    for path in settings().home.glob("catalog.sqlite*"):
        path.unlink()
    close_all()
    if content is not None:
        settings().catalog_file.write_bytes(content)
    with pytest.raises(PairlakeError, match="pairlake restore"):
        connect()
    said = restore.restore(made)
    assert _landed() == ["a"]
    assert (said.before is None) == (content is None)
    assert "to be asked for again" in str(said)


def _another() -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAIRLAKE_HOME", str(settings().home.parent / "another"))
        _land("another")
        return _backup()


def _no_catalog() -> Path:
    path = settings().home / "notes.txt"
    path.write_text("what I had to say\n" * 1_000)
    return path


def _without_a_file() -> Path:
    made = _backup()
    # Others are there that older backups alone name.
    listed = "select data_file from ducklake_list_files('lake', 'crawl_files', schema => 'raw')"
    ((file,), *_) = rows(listed)
    Path(file).unlink()
    return made


def test_what_cannot_be_put_back_leaves_the_catalog_as_it_was() -> None:
    _land("a")
    _backup()
    for backup, said in (
        (_another, "is not that of the lake"),
        (_no_catalog, "is no catalog"),
        (lambda: Path("nothing"), r"nothing is no backup\. catalog-\S+, of 20"),
        (_without_a_file, "1 files that the catalog .* names are not in"),
    ):
        chosen = backup()
        with pytest.raises(PairlakeError, match=said):
            restore.restore(chosen)
        append({"raw.crawl_files": pa.table({"path": ["after-1"]})})
        assert not list(settings().home.glob("*.restoring*"))


def test_without_a_name_it_says_which_backups_there_are(home: Path) -> None:
    said = CliRunner().invoke(main, ["restore"])
    assert (said.exit_code, said.output) == (
        0,
        f"There is no backup in {home / 'backups'}; `pairlake maintain` makes one.\n",
    )
    _land("a")
    names = [_backup().name, _backup().name]
    said = CliRunner().invoke(main, ["restore"])
    assert said.exit_code == 0
    assert [line.split(",")[0] for line in said.output.splitlines()] == names[::-1]


def test_a_copy_that_became_a_lake_of_its_own_has_its_backups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _land("a")
    made = _backup()
    copy = tmp_path / "copy"
    shutil.copytree(settings().home, copy)
    (copy / identity.NAME).unlink()
    monkeypatch.setenv("PAIRLAKE_HOME", str(copy))
    monkeypatch.setenv("PAIRLAKE_DATA", str(copy))
    _land("b")
    restore.restore(Path(made.name))
    assert _landed() == ["a"]
    _backup()


def test_an_erasure_is_not_undone() -> None:
    _land("a")
    made = _backup()
    (settings().home / "erasing").touch()
    with pytest.raises(JobFailed, match="run: pairlake maintain"):
        restore.restore(made)


def test_a_kill_before_the_end_leaves_the_catalog_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    _land("a")
    made = _backup()
    _land("b")
    for step in ("_kept", "_put"):
        with monkeypatch.context() as patch:
            patch.setattr(restore, step, killed)
            with pytest.raises(KeyboardInterrupt):
                restore.restore(made)
        assert _landed() == ["a", "b"]
    restore.restore(made)
    assert _landed() == ["a"]
