"""An export has what was asked for, can be made again, and appears whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import pairlake.serve.export.export
from pairlake.commands import main
from pairlake.lake.catalog import writing
from pairlake.lake.errors import BadRequest, PairlakeError, TableMissing
from pairlake.lake.maintain import tidy
from pairlake.lake.takedowns import record_takedowns
from pairlake.serve.export.export import FORMATS, export
from pairlake.serve.export.provenance import altered, beside
from pairlake.serve.export.selection import Selection
from pairlake.serve.search.filters import BadFilter
from tests.serve.conftest import (
    APPLE,
    CAT,
    ENCODERS,
    HOSTILE,
    POMME,
    PUBLISHED,
    SEA,
    Mart,
    Pair,
)
from tests.serve.export.exporting import drop, snapshot, with_verdicts


@pytest.fixture
def mart(mart: Mart) -> Mart:
    return with_verdicts(mart)


def _exported(folder: Path, selection: Selection, **how: Any) -> list[str]:
    export(folder / "pairs.parquet", selection, **how)
    captions: list[str] = pq.read_table(folder / "pairs.parquet")["TEXT"].to_pylist()
    return captions


def _captions(*pairs: Pair) -> list[str]:
    """In the order of an export."""
    return [pair.caption for pair in sorted(pairs, key=lambda pair: pair.pair_id)]


def _of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with what is in it; provenances say when, and differ."""
    files = [path for path in folder.rglob("*") if path.is_file() and "provenance" not in path.name]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


# What is selected.


def test_conditions_of_all_kinds_hold_together(mart: Mart, tmp_path: Path) -> None:
    mart.keep(*PUBLISHED)
    two_apples = "select pair_id from pairs where caption like '%apple%' -- and no other"
    cases = {
        Selection(): _captions(*PUBLISHED),
        Selection(split="multi"): _captions(POMME),
        Selection(where=("language in en,fr", "similarity > 0.305")): _captions(APPLE, POMME),
        Selection(where=("language is null",)): _captions(SEA),
        Selection(sql=two_apples): _captions(APPLE, POMME),
        Selection(sql=two_apples, split="en"): _captions(APPLE),
        Selection(sql=two_apples, where=("language = fr",)): _captions(POMME),
        Selection(limit=2): _captions(*PUBLISHED)[:2],
        Selection(sql=two_apples, limit=1): _captions(APPLE, POMME)[:1],
        Selection(where=("language = xx",)): [],
    }
    for selection, captions in cases.items():
        assert _exported(tmp_path, selection) == captions, selection


def test_the_nearest_to_a_text_come_first_and_fill_the_limit(mart: Mart, tmp_path: Path) -> None:
    mart.keep(*PUBLISHED)
    cases = {
        Selection(search="a cat", limit=1): [CAT.caption],
        Selection(search="a star", limit=1): [HOSTILE.caption],
        Selection(search="an apple", limit=2): _captions(APPLE, POMME),
        # Of those that are left, not of the nearest.
        Selection(search="an apple", split="nolang", limit=2): [SEA.caption],
    }
    for selection, captions in cases.items():
        assert _exported(tmp_path, selection, encoder=ENCODERS.captions) == captions, selection
    (told,) = (json.loads(path.read_text()) for path in tmp_path.glob("*.provenance"))
    assert told["encoders"] == {"image_encoder": "tiny", "caption_encoder": "tiny"}


def test_what_cannot_be_asked_is_said_in_words(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE)
    with pytest.raises(BadFilter, match="colour"):
        _exported(tmp_path, Selection(where=("colour = red",)))
    with pytest.raises(BadRequest, match="--limit"):
        Selection(search="a cat")
    with pytest.raises(BadRequest, match="some words"):
        Selection(search=" ", limit=1)
    for query in ("select 1", "nonsense", "select 'x' as pair_id", "select pair_id from nowhere"):
        with pytest.raises(BadRequest, match="a column pair_id"):
            _exported(tmp_path, Selection(sql=query))
    with pytest.raises(BadRequest, match="give --format, one of parquet, csv"):
        export(tmp_path / "pairs")
    assert list(tmp_path.glob("pairs*")) == []


def test_pairs_that_a_query_names_and_the_recipe_dropped_are_counted(
    mart: Mart, tmp_path: Path
) -> None:
    mart.keep(APPLE)
    query = f"values ('{APPLE.pair_id}'), ('{CAT.pair_id}'), (null)"
    exported = export(tmp_path / "pairs.csv", Selection(sql=f"select * from ({query}) t (pair_id)"))
    assert (exported.rows, exported.left_out) == (1, {"not_kept": 1})
    assert "1 not_kept" in str(exported)


# That it can be made again.


def test_the_same_snapshot_gives_the_same_bytes(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, POMME, CAT, SEA)
    then = snapshot()
    first, again = tmp_path / "first", tmp_path / "again"
    for folder in (first, again):
        folder.mkdir()
    for kind in FORMATS:
        export(first / kind, Selection(split="en"), format=kind)
    # The next build makes another dataset, and upkeep puts the files together.
    mart.keep(HOSTILE)
    tidy(leave_no_trace=False)

    for kind in FORMATS:
        export(again / kind, Selection(split="en"), format=kind, snapshot=then)

    assert _of(first) == _of(again)
    assert {name.split("/")[0] for name in _of(first)} == set(FORMATS)


def test_provenance_says_what_was_asked_and_of_what(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, POMME, CAT)
    path = tmp_path / "pairs.parquet"
    query = "select pair_id from pairs where caption <> 'it''s'"
    export(path, Selection(where=("width >= 300", "language = en"), sql=query, limit=5))

    told = json.loads((tmp_path / "pairs.parquet.provenance").read_text())

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", told.pop("snapshot_time"))
    assert told.pop("again") == (
        "pairlake export pairs.parquet --format parquet --where 'width >= 300' "
        """--where 'language = en' --sql 'select pair_id from pairs where caption <> '"'"'it"""
        """'"'"''"'"'s'"'"'' --limit 5 """
        f"--snapshot {snapshot()}"
    )
    assert told == {
        "format": "parquet",
        "rows": 2,
        "query": {"where": ["width >= 300", "language = en"], "sql": query, "limit": 5},
        "recipe": "demo",
        "snapshot": snapshot(),
        "takedowns_until_snapshot": snapshot(),
        "pairlake": "0.1.0",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


@pytest.mark.parametrize("reason", ["takedown", "blocked_domain"])
def test_an_old_snapshot_comes_less_what_the_builds_since_have_taken_out(
    mart: Mart, tmp_path: Path, reason: str
) -> None:
    mart.keep(APPLE, POMME, CAT)
    then = snapshot()
    drop(mart, CAT, reason)
    mart.keep(SEA)

    exported = export(tmp_path / "pairs.parquet", snapshot=then)

    assert exported.left_out == {"taken_down_since": 1}
    table = pq.read_table(tmp_path / "pairs.parquet")
    assert table["TEXT"].to_pylist() == _captions(APPLE, POMME)
    told = json.loads((tmp_path / "pairs.parquet.provenance").read_text())
    assert (told["snapshot"], told["takedowns_until_snapshot"]) == (then, snapshot())


def test_what_no_build_has_seen_yet_is_left_out_too(mart: Mart, tmp_path: Path) -> None:
    gone = {name: Pair(caption=f"a {name}", picture=name) for name in "abcde"}
    mart.keep(APPLE, *gone.values())
    md5 = UUID(int=5)
    with writing(mart.con):
        mart.con.execute(
            "update lake.marts.pairs set md5 = ?, "
            "image_url = 'https://me@IMG.cats.example:8/1.png' where caption = 'a e'",
            [UUID(int=6)],
        )
        mart.con.execute("update lake.marts.pairs set md5 = ? where caption = 'a d'", [md5])
    record_takedowns(
        {
            "url": [gone["a"].image_url],
            "caption": [gone["b"].caption],
            "image_hash": [gone["c"].image_id.hex + "0" * 32, md5.hex],
            "domain": ["cats.example"],
        }
    )

    exported = export(tmp_path / "pairs.parquet")

    assert exported.left_out == {"taken_down_since": 5}
    assert pq.read_table(tmp_path / "pairs.parquet")["TEXT"].to_pylist() == [APPLE.caption]


def test_a_page_that_was_taken_down_since_names_no_licence(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE)
    with writing(mart.con):
        mart.con.execute("update lake.marts.pairs set license_url = 'https://old.example/'")
        mart.con.execute(
            "insert into lake.raw.image_text_pairs by name select ?::uuid as pair_id, "
            "[{'page_url': ?, 'license_url': 'https://old.example/'}, {'page_url': "
            "'https://other.example/page', 'license_url': 'https://other.example/licence'}] "
            "as sightings",
            [APPLE.pair_id, APPLE.page_url],
        )
    then = snapshot()
    record_takedowns({"page": [str(APPLE.page_url)]})
    export(tmp_path / "release", Selection(split="en"), format="release", snapshot=then)
    table = pq.read_table(tmp_path / "release" / "laion2B-en")
    assert table["LICENSE"].to_pylist() == ["https://other.example/licence"]
    asked = Selection(where=(f"page_url = {APPLE.page_url}",))
    assert _exported(tmp_path, asked, snapshot=then) == []


def test_a_snapshot_that_is_not_there_is_named(mart: Mart, tmp_path: Path) -> None:
    before = snapshot()
    mart.keep(APPLE)
    with pytest.raises(BadRequest, match=r"Snapshot 9999 is not kept.*there are those from 0 to"):
        export(tmp_path / "pairs.csv", snapshot=9999)
    with pytest.raises(TableMissing, match=r"Snapshot 0 .* take a later one"):
        export(tmp_path / "pairs.csv", snapshot=0)
    tidy(leave_no_trace=True)
    with pytest.raises(BadRequest, match=rf"Snapshot {before} is not kept"):
        export(tmp_path / "pairs.csv", snapshot=before)


# That it is there whole or not at all.


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
    before = _of(folder)

    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    mart.keep(CAT)
    if format == "csv":
        with pytest.raises(BadRequest):
            export(folder / "it", Selection(sql="select 1"), format=format)
    else:
        with pytest.raises(KeyboardInterrupt):
            export(folder / "it", format=format, progress=interrupted)

    assert _of(folder) == before
    assert {path.name for path in folder.iterdir()} <= {"it", "it.provenance"}


@pytest.mark.parametrize("format", ["webdataset", "release"])
def test_an_export_replaces_the_one_before(mart: Mart, tmp_path: Path, format: str) -> None:
    mart.keep(APPLE, POMME)
    export(tmp_path / "it", format=format)
    mart.keep(CAT)

    export(tmp_path / "it", Selection(split="en"), format=format)

    once = tmp_path / "once"
    export(once, Selection(split="en"), format=format)
    assert _of(tmp_path / "it") == _of(once) != {}


def test_what_a_killed_export_left_is_cleared_and_what_it_moved_is_back(
    mart: Mart, tmp_path: Path
) -> None:
    mart.keep(APPLE)
    export(tmp_path / "it", format="webdataset")
    before = _of(tmp_path / "it")
    # Killed between the two renames that exchange the folders.
    hidden = tmp_path / ".it.partial"
    (hidden / "it").mkdir(parents=True)
    (hidden / "it" / "00000.tar").write_bytes(b"half")
    (tmp_path / "it").rename(hidden / "previous")

    with pytest.raises(BadRequest, match="holds something"):
        export(tmp_path / "it", format="release")

    assert _of(tmp_path / "it") == before
    assert not hidden.exists()
    export(tmp_path / "it", format="webdataset")
    assert _of(tmp_path / "it") == before


def test_two_exports_to_one_place_do_not_mix(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE)

    def meanwhile(_: str) -> None:
        with pytest.raises(PairlakeError, match="Another export writes"):
            export(tmp_path / "it", format="webdataset")
        met.append(True)

    met: list[bool] = []
    export(tmp_path / "it", format="webdataset", progress=meanwhile)
    assert met == [True]


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
    before = _of(folder)
    with pytest.raises(BadRequest, match=r"no such export wrote|symbolic link"):
        export(it, format="webdataset")
    assert _of(folder) == before


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
    before = _of(folder)
    with pytest.raises(BadRequest, match="is in the way, and no export made it"):
        export(folder / "pairs.csv")
    assert _of(folder) == before


def test_what_comes_while_an_export_runs_is_left_as_it_is(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE)

    def meanwhile(_: str) -> None:
        (tmp_path / "it").write_text("mine")

    with pytest.raises(PairlakeError, match="was made or changed while the export ran"):
        export(tmp_path / "it", format="webdataset", progress=meanwhile)
    assert {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()} == {
        "it": "mine"
    }


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
        _captions(APPLE, CAT)[:1]
    )
    told = json.loads((tmp_path / "pairs.jsonl.provenance").read_text())
    assert os.path.basename(told["again"].split()[2]) == "pairs.jsonl"  # noqa: PTH119
