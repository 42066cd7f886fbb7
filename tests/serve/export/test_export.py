"""An export appears whole or not at all, and says what it wrote."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import pairlake.serve.export.export
from pairlake.commands import main
from pairlake.lake.errors import BadRequest, PairlakeError, TableMissing
from pairlake.lake.maintain import tidy
from pairlake.serve.export.export import export
from pairlake.serve.export.provenance import beside
from pairlake.serve.export.selection import Selection
from tests.serve.conftest import APPLE, CAT, POMME, PUBLISHED, Mart
from tests.serve.export.exporting import captions_of, files_of, snapshot, with_verdicts


@pytest.fixture
def mart(mart: Mart) -> Mart:
    return with_verdicts(mart)


def test_before_the_first_build_the_next_step_is_named(home: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.parquet").write_bytes(b"the last one")
    with pytest.raises(TableMissing, match="run: dbt build"):
        export(tmp_path / "pairs.parquet")
    assert (tmp_path / "pairs.parquet").read_bytes() == b"the last one"


@pytest.mark.parametrize("format", ["csv", "webdataset"])
def test_a_failure_leaves_the_last_export_as_it_was(
    mart: Mart, tmp_path: Path, format: str
) -> None:
    mart.keep(APPLE)
    folder = tmp_path / "exports"
    folder.mkdir()
    export(folder / "it", format=format)
    before = files_of(folder)

    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    mart.keep(CAT)
    if format == "csv":
        with pytest.raises(BadRequest):
            export(folder / "it", Selection(sql="select 1"), format=format)
    else:
        with pytest.raises(KeyboardInterrupt):
            export(folder / "it", format=format, progress=interrupted)

    assert files_of(folder) == before
    assert {path.name for path in folder.iterdir()} <= {"it", "it.provenance"}


@pytest.mark.parametrize("format", ["webdataset", "release"])
def test_an_export_replaces_the_one_before(mart: Mart, tmp_path: Path, format: str) -> None:
    mart.keep(APPLE, POMME)
    export(tmp_path / "it", format=format)
    mart.keep(CAT)

    export(tmp_path / "it", Selection(split="en"), format=format)

    once = tmp_path / "once"
    export(once, Selection(split="en"), format=format)
    assert files_of(tmp_path / "it") == files_of(once) != {}


def test_what_a_killed_export_left_is_cleared_and_what_it_moved_is_back(
    mart: Mart, tmp_path: Path
) -> None:
    mart.keep(APPLE)
    export(tmp_path / "it", format="webdataset")
    before = files_of(tmp_path / "it")
    # Killed between the two renames that exchange the folders.
    hidden = tmp_path / ".it.partial"
    (hidden / "it").mkdir(parents=True)
    (hidden / "it" / "00000.tar").write_bytes(b"half")
    (tmp_path / "it").rename(hidden / "previous")

    with pytest.raises(BadRequest, match="holds something"):
        export(tmp_path / "it", format="release")

    assert files_of(tmp_path / "it") == before
    assert not hidden.exists()
    export(tmp_path / "it", format="webdataset")
    assert files_of(tmp_path / "it") == before


def test_two_exports_to_one_place_do_not_mix(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE)

    def meanwhile(_: str) -> None:
        with pytest.raises(PairlakeError, match="Another export writes"):
            export(tmp_path / "it", format="webdataset")
        met.append(True)

    met: list[bool] = []
    export(tmp_path / "it", format="webdataset", progress=meanwhile)
    assert met == [True]


@pytest.mark.parametrize("format", ["parquet", "webdataset"])
def test_an_export_that_maintain_overtakes_says_so(
    mart: Mart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    for pairs in (PUBLISHED[:3], PUBLISHED[:4], PUBLISHED):
        mart.keep(*pairs)
    select = pairlake.serve.export.export.select

    def overtaken(*arguments: Any) -> Any:
        selected = select(*arguments)
        tidy(leave_no_trace=True)
        return selected

    monkeypatch.setattr(pairlake.serve.export.export, "select", overtaken)
    with pytest.raises(PairlakeError, match="pairlake maintain` runs; run the export again"):
        export(tmp_path / "it", format=format)
    assert list(tmp_path.glob("*it*")) == []


def test_an_export_killed_before_its_provenance_moved_is_known_again(
    mart: Mart, tmp_path: Path
) -> None:
    mart.keep(APPLE)
    path, hidden = tmp_path / "pairs.csv", tmp_path / ".pairs.csv.partial"
    export(path)
    old = beside(path).read_bytes()
    mart.keep(APPLE, CAT)
    export(path)
    hidden.mkdir()
    beside(path).rename(hidden / beside(path).name)
    beside(path).write_bytes(old)
    mart.keep(CAT)
    export(path)
    assert CAT.caption in path.read_text()
    assert APPLE.caption not in path.read_text()


def test_a_destination_that_cannot_be_written_is_named(mart: Mart, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PairlakeError, match=r"cannot be written: .*missing is no folder"):
        export(tmp_path / "missing" / "pairs.csv")
    with pytest.raises(PairlakeError, match="cannot be written: it is a folder; give a file"):
        export(tmp_path, format="csv")
    with pytest.raises(PairlakeError, match="cannot be written: it is a file; give a folder"):
        export(tmp_path / "file", format="release")


def test_the_command_says_what_it_wrote(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, POMME, CAT)
    path = tmp_path / "pairs.jsonl"
    options = ["--where", "language = en", "--where", "similarity >= 0.3", "--limit", "1"]
    done = CliRunner().invoke(main, ["export", str(path), *options], catch_exceptions=False)
    assert done.output == f"{path}: 1 pairs of snapshot {snapshot()}\n"
    assert [json.loads(line)["TEXT"] for line in path.read_text().splitlines()] == (
        captions_of(APPLE, CAT)[:1]
    )
    told = json.loads((tmp_path / "pairs.jsonl.provenance").read_text())
    assert os.path.basename(told["again"].split()[2]) == "pairs.jsonl"  # noqa: PTH119
