"""An export can be made again as the lake was, less what has been taken out since."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from uuid import UUID

import pyarrow.parquet as pq
import pytest

from pairlake.lake.catalog import writing
from pairlake.lake.errors import BadRequest, TableMissing
from pairlake.lake.maintain import tidy
from pairlake.lake.takedowns import record_takedowns
from pairlake.serve.export.export import FORMATS, export
from pairlake.serve.export.selection import Selection
from tests.serve.conftest import APPLE, CAT, HOSTILE, POMME, SEA, Mart, Pair
from tests.serve.export.exporting import (
    captions_of,
    drop,
    exported_captions,
    files_of,
    snapshot,
    with_verdicts,
)


@pytest.fixture
def mart(mart: Mart) -> Mart:
    return with_verdicts(mart)


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

    assert files_of(first) == files_of(again)
    assert {name.split("/")[0] for name in files_of(first)} == set(FORMATS)


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
    assert table["TEXT"].to_pylist() == captions_of(APPLE, POMME)
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
    assert exported_captions(tmp_path, asked, snapshot=then) == []


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
