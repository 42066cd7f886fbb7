"""What may be found and not be used as its recipe means it is found, and taken home by nobody.

And the reverse: what is kept and not to be found is exported, and no search shows it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from pairlake.commands import main
from pairlake.lake.catalog import writing
from pairlake.lake.errors import PairlakeError
from pairlake.lake.takedowns import record_takedowns
from pairlake.serve.export.export import FORMATS, export
from pairlake.serve.export.selection import Selection
from pairlake.serve.publish.publish import PublishSummary, publish
from pairlake.serve.search import published as published_by
from pairlake.serve.search.facts import Columns
from pairlake.serve.search.filters import BadFilter, lance, parse
from pairlake.serve.search.frame import frame
from pairlake.serve.search.index import PAIRS, newest, open_index
from pairlake.serve.search.query import Part, Query
from pairlake.serve.search.search import Search
from pairlake.serve.web.app import create_app
from tests.serve.conftest import APPLE, CAT, ENCODERS, POMME, SEA, Mart, Pair
from tests.serve.export.exporting import exported_captions

# Found only; kept and not to be found; and the rest.
FOUND, HIDDEN = CAT, SEA
KEPT = (APPLE, POMME)
ALL = Query(parts=(Part(text="a cat"),), fold="none")


def _publish() -> PublishSummary:
    return publish(progress=lambda _: None)


@pytest.fixture
def told(mart: Mart) -> Mart:
    """A mart of one pair of each kind, and two kept ones, as nothing is published yet."""
    mart.keep(*KEPT, FOUND, HIDDEN)
    mart.find_only(FOUND)
    mart.hear(FOUND, "disallow", "train")
    mart.hear(HIDDEN, "disallow", "search")
    return mart


@pytest.fixture
def search(told: Mart, home: Path) -> Search:
    _publish()
    return Search(home / "search", ENCODERS)


@pytest.fixture
def client(search: Search) -> TestClient:
    return TestClient(create_app(search), base_url="http://127.0.0.1")


def _found(search: Search, query: Query = ALL) -> dict[str, bool]:
    return {hit.caption: hit.is_found_only for hit in search.find(query).results}


def test_it_is_published_and_marked_and_what_is_hidden_is_not(told: Mart, home: Path) -> None:
    summary = _publish()
    assert (summary.rows, summary.found_only, summary.unsearchable) == (3, 1, 0)
    assert "3 pairs are published" in str(summary)
    assert "1 of them are found only: no export takes them." in str(summary)
    search = Search(home / "search", ENCODERS)
    marks = {FOUND.caption: True, **{pair.caption: False for pair in KEPT}}
    assert _found(search) == marks
    assert search.publication().found_only == 1
    # Figures of the dataset are of what is kept.
    assert search.publication().dataset["domains"] == [{"domain": "images.example", "pairs": 2}]
    assert search.thumbnail(FOUND.image_id) is not None


def test_a_mark_that_comes_or_goes_is_an_update(told: Mart, search: Search) -> None:
    told.keep(*KEPT, FOUND, HIDDEN)
    assert (_publish().updated, _found(search)[FOUND.caption]) == (1, False)
    told.find_only(APPLE)
    assert (_publish().updated, _found(search)[APPLE.caption]) == (1, True)
    # Nothing else changes that is shown of it.
    assert _publish().updated == 0


def test_who_takes_results_home_gets_what_is_kept_and_no_less_of_it(search: Search) -> None:
    query = Query(parts=ALL.parts, fold="none", limit=2, kept_only=True)
    assert set(_found(search, query)) == {pair.caption for pair in KEPT}


def test_results_can_be_filtered_by_the_mark(search: Search) -> None:
    for where, captions in (
        ("is_found_only = true", {FOUND.caption}),
        ("is_found_only != TRUE", {pair.caption for pair in KEPT}),
    ):
        query = Query(parts=ALL.parts, fold="none", where=(where,))
        assert set(_found(search, query)) == captions
    columns = Columns([])
    assert lance(parse(["is_found_only = false"], columns)) == "(is_found_only = False)"
    for wrong in ("is_found_only = yes", "is_found_only > false", "is_found_only contains t"):
        with pytest.raises(BadFilter, match="is_found_only"):
            parse([wrong], columns)


def test_python_has_the_mark_beside_each_result(search: Search) -> None:
    found = frame(search, "a cat", limit=5, where=(), side="image")
    marks = dict(zip(found["caption"], found["is_found_only"], strict=True))
    assert marks == {FOUND.caption: True, POMME.caption: False}


def test_the_page_marks_it_and_its_download_leaves_it_out(client: TestClient) -> None:
    (first, *_) = client.get("/api/search?q=a+cat").json()["results"]
    assert (first["caption"], first["is_found_only"]) == (FOUND.caption, True)
    file = client.get("/api/export?q=a+cat&format=jsonl&fold=none").text
    assert {json.loads(line)["TEXT"] for line in file.splitlines()} == {p.caption for p in KEPT}
    columns = client.get("/api/dataset").json()["columns"]
    assert {"name": "is_found_only", "kind": "flag"} in columns


def test_clip_retrievals_clients_make_lists_and_get_what_is_kept(client: TestClient) -> None:
    asked = {"text": "a cat", "modality": "image", "num_images": 9, "indice_name": "demo"}
    found = client.post("/knn-service", json={**asked, "num_result_ids": 9}).json()
    assert {each["caption"] for each in found} == {pair.caption for pair in KEPT}
    ids = [int.from_bytes(p.pair_id.bytes[:8], signed=True) for p in (FOUND, HIDDEN, *KEPT)]
    told = client.post("/metadata", json={"ids": ids, "indice_name": "demo"}).json()
    assert {each["id"] for each in told} == set(ids[2:])


def test_its_story_says_so_and_that_of_others_tells_of_it_where_it_may(
    client: TestClient, told: Mart
) -> None:
    story = client.get(f"/api/pairs/{FOUND.pair_id}").json()
    reason = "opted_out_data_mining_train"
    said = (story["is_found_only"], story["is_published"], story["drop_reason"])
    assert said == (True, True, reason)
    assert [(each["scope"], each["use"]) for each in story["wishes"]] == [("image", "train")]
    text = CliRunner().invoke(main, ["why", FOUND.image_url]).output
    assert f"is found only, and not exported: {reason}\n" in text
    (row,) = client.get("/api/pairs", params={"url": FOUND.image_url}).json()["pairs"]
    assert (row["is_found_only"], row["drop_reason"]) == (True, reason)
    assert client.get(f"/api/pairs/{HIDDEN.pair_id}").status_code == 404
    kept = client.get(f"/api/pairs/{APPLE.pair_id}").json()
    assert (kept["is_found_only"], [each["caption"] for each in kept["captions"]]) == (
        False,
        [POMME.caption],
    )


def test_no_export_of_any_format_has_it_whoever_names_it(told: Mart, tmp_path: Path) -> None:
    kept = [pair.caption for pair in sorted((*KEPT, HIDDEN), key=lambda pair: pair.pair_id)]
    assert exported_captions(tmp_path, Selection()) == kept
    by_name = Selection(sql=f"select '{FOUND.pair_id}' as pair_id")
    assert exported_captions(tmp_path, by_name) == []
    of_its_mart = Selection(sql="select pair_id from pairs_found_only")
    assert export(tmp_path / "none.csv", of_its_mart).left_out == {"not_kept": 1}
    nearest = Selection(search="a cat", limit=9)
    found = exported_captions(tmp_path, nearest, encoder=ENCODERS.captions)
    assert sorted(found) == sorted(kept)
    for name in FORMATS:
        exported = export(tmp_path / f"as_{name}", format=name)
        assert exported.rows == len(kept), name
        written = _bytes(tmp_path / f"as_{name}")
        for word in (FOUND.caption, str(FOUND.pair_id), FOUND.pair_id.hex):
            assert word.encode() not in written, name
    uids = np.load(tmp_path / "as_datacomp")
    assert int(FOUND.pair_id.hex[:16], 16) not in uids["f0"].tolist()


def _bytes(made: Path) -> bytes:
    files = [made] if made.is_file() else sorted(p for p in made.rglob("*") if p.is_file())
    return b"".join(path.read_bytes() for path in files)


def test_it_is_forgotten_as_others_are(search: Search, told: Mart) -> None:
    record_takedowns({"url": [FOUND.image_url]}, reason=None, among=0)
    assert FOUND.caption not in _found(search)
    summary = _publish()
    assert (summary.rows, summary.found_only) == (2, 0)


def test_an_index_without_the_mark_is_to_be_published_anew(
    told: Mart, home: Path, search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = newest(open_index(home / "search"), PAIRS)
    assert table is not None
    table.drop_columns(["is_found_only"])
    published_by_older = Search(home / "search", ENCODERS)
    table.tags.create("older", table.version)
    with monkeypatch.context() as patches:
        patches.setattr(published_by, "TAG", "older")
        with pytest.raises(PairlakeError, match="published by an older pairlake"):
            published_by_older.find(ALL)
    assert _publish().rows == 3


def test_other_captions_of_a_picture_are_told_less_what_is_not_to_be_found(
    mart: Mart, home: Path
) -> None:
    other = Pair(caption="sea, told twice", picture="sea")
    mart.keep(SEA, other, CAT)
    _publish()
    client = TestClient(create_app(Search(home / "search", ENCODERS)), base_url="http://127.0.0.1")
    address = f"/api/pairs/{SEA.pair_id}"
    captions = client.get(address).json()["captions"]
    assert [each["caption"] for each in captions] == [other.caption]
    # As a page may wish that shows this pair of the picture alone.
    with writing(mart.con) as con:
        con.execute(
            "create or replace view lake.intermediate.int_pairs_judged as "
            f"select * replace (pair_id = '{other.pair_id}' as is_hidden) "
            "from lake.intermediate.int_pairs_known"
        )
    assert client.get(address).json()["captions"] == []
