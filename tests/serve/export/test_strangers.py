"""What no export wrote is left as it is, wherever it lies."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pairlake.lake.errors import BadRequest, PairlakeError
from pairlake.serve.export.export import export
from pairlake.serve.export.provenance import altered, beside
from tests.serve.conftest import APPLE, Mart
from tests.serve.export.exporting import files_of, snapshot, with_verdicts


@pytest.fixture
def mart(mart: Mart) -> Mart:
    return with_verdicts(mart)


@pytest.mark.parametrize("name", ["notes.txt", "00000.tar", "laion2B-en/notes.txt"])
def test_a_folder_with_something_else_in_it_is_not_replaced(
    mart: Mart, tmp_path: Path, name: str
) -> None:
    mart.keep(APPLE)
    notes = tmp_path / "it" / name
    notes.parent.mkdir(parents=True)
    notes.write_text("mine")
    for kind in ("webdataset", "release"):
        with pytest.raises(PairlakeError, match="no such export wrote; move it away"):
            export(tmp_path / "it", format=kind)
    assert notes.read_text() == "mine"


def _stranger(kind: str, path: Path) -> None:
    """What no export wrote, in the place of one."""
    real = path.with_name("real")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        try:
            os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("only root makes a device")
    elif kind == "link to nothing":
        path.symlink_to(real)
    elif kind == "link":
        real.write_text("mine")
        path.symlink_to(real)
    elif kind == "link to an export":
        export(real, format="csv")
        path.symlink_to(real)
        beside(path).symlink_to(beside(real))
    elif kind == "file":
        path.write_text("mine")
    else:
        export(path, format="csv")
        if kind == "changed":
            path.write_text("mine")
        elif kind == "alone":
            beside(path).unlink()
        elif kind == "beside what is no provenance":
            path.unlink()
            beside(path).write_text('{"pairlake": "mine"}')


def _seen(folder: Path) -> dict[str, object]:
    return {
        path.name: path.readlink()
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else path.lstat().st_mode
        for path in folder.iterdir()
    }


@pytest.mark.parametrize(
    "kind",
    [
        "file",
        "pipe",
        "device",
        "link",
        "link to nothing",
        "link to an export",
        "changed",
        "alone",
        "beside what is no provenance",
    ],
)
def test_what_no_export_wrote_is_left_as_it_is(mart: Mart, tmp_path: Path, kind: str) -> None:
    mart.keep(APPLE)
    (tmp_path / "mine").mkdir()
    _stranger(kind, tmp_path / "mine" / "thesis.csv")
    before = _seen(tmp_path / "mine")
    with pytest.raises(BadRequest, match=r"would be replaced|is a symbolic link"):
        export(tmp_path / "mine" / "thesis.csv")
    assert _seen(tmp_path / "mine") == before


def test_the_catalog_is_no_place_for_an_export(mart: Mart, home: Path) -> None:
    mart.keep(APPLE)
    with pytest.raises(BadRequest, match=r"catalog\.sqlite would be replaced"):
        export(home / "catalog.sqlite", format="csv")
    assert snapshot() > 0


@pytest.mark.parametrize("kind", ["changed", "more", "folder", "link", "linked folder"])
def test_a_folder_that_has_changed_is_left_as_it_is(mart: Mart, tmp_path: Path, kind: str) -> None:
    mart.keep(APPLE)
    folder = tmp_path / "exports"
    folder.mkdir()
    it = folder / "it"
    export(it, format="webdataset")
    assert altered(it) == []
    shard = it / "00000.tar"
    if kind == "changed":
        shard.write_bytes(bytes(shard.stat().st_size))
    elif kind == "more":
        (it / "00001.tar").write_text("mine")
    elif kind == "folder":
        (it / "00002").mkdir()
    elif kind == "link":
        shard.unlink()
        shard.symlink_to("sizes.json")
    else:
        it.rename(folder / "real")
        it.symlink_to("real")
    assert bool(altered(it)) == (not it.is_symlink())
    before = files_of(folder)
    with pytest.raises(BadRequest, match=r"no such export wrote|symbolic link"):
        export(it, format="webdataset")
    assert files_of(folder) == before


@pytest.mark.parametrize("kind", ["link", "file", "folder"])
def test_the_hidden_folder_is_an_exports_own(mart: Mart, tmp_path: Path, kind: str) -> None:
    mart.keep(APPLE)
    folder = tmp_path / "exports"
    folder.mkdir()
    mine, hidden = folder / "mine", folder / ".pairs.csv.partial"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    if kind == "link":
        hidden.symlink_to(mine)
    elif kind == "folder":
        mine.rename(hidden)
    else:
        hidden.write_text("mine")
    before = files_of(folder)
    with pytest.raises(BadRequest, match="is in the way, and no export made it"):
        export(folder / "pairs.csv")
    assert files_of(folder) == before


def test_what_comes_while_an_export_runs_is_left_as_it_is(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE)

    def meanwhile(_: str) -> None:
        (tmp_path / "it").write_text("mine")

    with pytest.raises(PairlakeError, match="was made or changed while the export ran"):
        export(tmp_path / "it", format="webdataset", progress=meanwhile)
    assert {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()} == {
        "it": "mine"
    }
