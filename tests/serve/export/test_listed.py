"""A subset of a list is taken home without any download, less what is to be forgotten."""

from __future__ import annotations

import json
from pathlib import Path

import mmh3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pairlake.commands import main
from pairlake.lake.append import append
from pairlake.lake.catalog import writing
from pairlake.lake.errors import BadRequest, TableMissing
from pairlake.lake.takedowns import record_takedowns
from pairlake.serve.export.export import FORMATS, Exported, export
from pairlake.serve.export.listed import FORMATS as OF_LISTS
from pairlake.serve.export.selection import Selection
from tests.keyed import with_pair_keys
from tests.serve.conftest import APPLE, CAT, HOSTILE, POMME, SEA, Mart, Pair, uuids
from tests.serve.export.exporting import (
    drop,
    list_pairs,
    read_by_img2dataset,
    snapshot,
    with_verdicts,
)

LISTED = (APPLE, POMME, CAT, SEA)


@pytest.fixture
def mart(mart: Mart) -> Mart:
    """A lake in which four pairs of a list have landed, and nothing else has been done."""
    list_pairs(with_verdicts(mart), *LISTED)
    return mart


def _taken(
    folder: Path, *where: str, query: str | None = None, then: int | None = None
) -> tuple[set[str], Exported]:
    """The captions of an export, and what it says of itself."""
    selection = Selection(source="listed_pairs", where=where, sql=query)
    exported = export(folder / "subset.parquet", selection, snapshot=then)
    captions = pq.read_table(folder / "subset.parquet")["TEXT"].to_pylist()
    assert len(captions) == len(set(captions)) == exported.rows
    return set(captions), exported


def test_a_subset_by_the_lists_scores_is_a_list_that_img2dataset_reads(
    mart: Mart, tmp_path: Path
) -> None:
    for kind in ("parquet", "csv", "jsonl"):
        asked = ["--from", "listed_pairs", "--format", kind, "--where", "similarity >= 0.31"]
        done = CliRunner().invoke(main, ["export", str(tmp_path / kind), *asked])
        assert f"2 pairs of snapshot {snapshot()}" in done.output
        found = read_by_img2dataset(tmp_path / kind, kind, tmp_path, ["similarity", "hash"])
        urls = sorted((row["url"], row["caption"], int(row["hash"])) for row in found)
        assert urls == sorted(
            (pair.image_url, pair.caption, mmh3.hash64(pair.image_url + pair.caption)[0])
            for pair in (APPLE, POMME)
        )
        assert sorted(round(float(row["similarity"]), 2) for row in found) == [0.31, 0.35]
    told = json.loads((tmp_path / "csv.provenance").read_text())
    assert told["query"] == {"from": "listed_pairs", "where": ["similarity >= 0.31"]}
    assert "--format csv --from listed_pairs --where 'similarity >= 0.31'" in told["again"]


def test_datacomps_uids_are_the_lists_own(mart: Mart, tmp_path: Path) -> None:
    uid = "00a1f3e9b2c4d5e6f708192a3b4c5d6e"
    list_pairs(mart, HOSTILE, of="datacomp", source_id=uid)
    asked = Selection(source="listed_pairs", where=("caption contains a",))
    assert export(tmp_path / "subset.npy", asked).rows == 5
    uids = {f"{high:016x}{low:016x}" for high, low in np.load(tmp_path / "subset.npy")}
    assert uids == {uid, *(pair.pair_id.hex for pair in LISTED)}


def test_a_pair_of_several_lists_comes_once_with_the_scores_that_let_it_through(
    mart: Mart, tmp_path: Path
) -> None:
    list_pairs(mart, APPLE, of="a list", similarity=0.1, language="de")
    list_pairs(mart, APPLE, of="better list", similarity=0.9, language="fr")
    assert _taken(tmp_path, "similarity >= 0.5")[0] == {APPLE.caption}
    assert pq.read_table(tmp_path / "subset.parquet")["LANGUAGE"].to_pylist() == ["fr"]
    assert len(_taken(tmp_path)[0]) == len(LISTED)
    asked = "select pair_id from listed_pairs where crawl_id = 'a list' union all select uuid()"
    captions, exported = _taken(tmp_path, query=asked)
    assert (captions, exported.left_out) == ({APPLE.caption}, {"not_listed": 1})
    assert _taken(tmp_path, "split = multi")[0] == {POMME.caption}


def test_what_others_have_refused_is_left_out_by_its_reason(mart: Mart, tmp_path: Path) -> None:
    for pair, reason in (
        (HOSTILE, "blocked_domain"),
        (Pair(caption="x", picture="x"), "opted_out"),
    ):
        list_pairs(mart, pair, drop_reason=reason, is_refused=True)
    drop(mart, HOSTILE, "blocked_domain")
    captions, exported = _taken(tmp_path)
    assert captions == {pair.caption for pair in LISTED}
    assert exported.left_out == {"blocked_domain": 1, "opted_out": 1}
    assert _taken(tmp_path, "similarity > 0.3")[1].left_out == {}


def test_what_no_build_has_seen_yet_is_left_out_too(mart: Mart, tmp_path: Path) -> None:
    names = ("url", "caption", "domain", "page", "shown", "left")
    pairs = {name: Pair(caption=f"of {name}", picture=name) for name in names}
    list_pairs(mart, *pairs.values())
    list_pairs(mart, pairs["url"], of="again")
    with writing(mart.con):
        mart.con.execute(
            "update lake.marts.listed_pairs set image_url = 'https://me@IMG.cats.example:8/1.png' "
            "where caption = 'of domain'"
        )
    then = snapshot()
    landed = [
        {
            "image_url": pairs["page"].image_url,
            "caption": pairs["page"].caption,
            "sightings": [{"page_url": "https://diary.example/", "record_offset": 0}],
        }
    ]
    shown = with_pair_keys(
        pa.table({"image_url": [pairs["shown"].image_url], "caption": [pairs["shown"].caption]})
    )
    # Its picture came after the snapshot, and its bytes were named.
    picture = shown.select(["url_id"]).append_column("image_id", uuids([pairs["shown"].image_id]))
    append(
        {
            "raw.image_text_pairs": with_pair_keys(pa.Table.from_pylist(landed)),
            "raw.downloads": picture,
        }
    )
    record_takedowns(
        {
            "url": [pairs["url"].image_url],
            "caption": [pairs["caption"].caption],
            "domain": ["cats.example"],
            "page": ["https://diary.example/"],
            "image_hash": [pairs["shown"].image_id.hex + "0" * 32],
        }
    )
    for at in (None, then):
        captions, exported = _taken(tmp_path, "caption contains of", then=at)
        assert captions == {"of left"}
        assert exported.left_out == {"taken_down_since": 5}
    drop(mart, pairs["left"])
    assert _taken(tmp_path, "caption contains of", then=then)[0] == set()


@pytest.mark.parametrize("format", sorted(set(FORMATS) - set(OF_LISTS)))
def test_what_takes_pictures_says_what_to_do(mart: Mart, tmp_path: Path, format: str) -> None:
    asked = Selection(source="listed_pairs")
    with pytest.raises(
        BadRequest, match=rf"{format} takes pictures .*parquet, csv.*pairlake fetch"
    ):
        export(tmp_path / "it", asked, format=format)
    assert list(tmp_path.glob("*it*")) == []


def test_what_a_list_does_not_have_is_named(mart: Mart, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="no column 'domain' to filter by; there are: pair_id, "):
        _taken(tmp_path, "domain = a.example")
    with pytest.raises(BadRequest, match="--search compares pictures"):
        export(tmp_path / "it.csv", Selection(source="listed_pairs", search="an apple", limit=1))


def test_a_table_of_an_earlier_version_is_to_be_built_anew(mart: Mart, tmp_path: Path) -> None:
    with writing(mart.con):
        mart.con.execute("alter table lake.marts.listed_pairs drop column is_refused")
    with pytest.raises(TableMissing, match=r"as this version has it .*run: dbt build"):
        _taken(tmp_path)
    with writing(mart.con):
        mart.con.execute("drop table lake.marts.listed_pairs")
    with pytest.raises(TableMissing, match="run: dbt build"):
        _taken(tmp_path)
