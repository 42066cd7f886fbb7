"""A pair's story holds what the lake knows of it, and nothing of what is to be forgotten."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from pairlake.commands import main
from pairlake.lake.append import append
from pairlake.lake.catalog import writing
from pairlake.lake.keys import text_id
from pairlake.lake.takedowns import record_takedowns
from pairlake.serve.publish.publish import publish
from pairlake.serve.search.search import Search
from pairlake.serve.web.app import create_app
from tests.serve.conftest import APPLE, CAT, ENCODERS, POMME, Mart, Pair, uuids

PAGES = ("https://pages.example/one", "https://pages.example/two")
UNSAFE = Pair(caption="a star, undressed", picture="star", punsafe=0.9, pinappropriate=0.8)
DROPPED, UNKNOWN = UUID(int=77), UUID(int=78)


@pytest.fixture
def client(mart: Mart, home: Path) -> TestClient:
    """A server over a lake in which APPLE was seen on PAGES, fetched twice, and has a duplicate."""
    mart.keep(APPLE, POMME, CAT)
    sightings = [
        {"page_url": page, "license_url": None, "record_offset": n} for n, page in enumerate(PAGES)
    ]
    schema = mart.con.sql("select sightings from lake.raw.image_text_pairs").to_arrow_table().schema
    append(
        {
            "raw.image_text_pairs": pa.table(
                {
                    "pair_id": uuids([APPLE.pair_id]),
                    "crawl_id": ["CRAWL-1"],
                    "path": ["one.wat"],
                    "image_url": [APPLE.image_url],
                    "caption": [APPLE.caption],
                    "sightings": pa.array([sightings], schema.field("sightings").type),
                }
            ),
            "raw.downloads": pa.table(
                {
                    "url_id": uuids([text_id(APPLE.image_url)] * 2),
                    "attempted_at": [datetime(2026, 1, 1), datetime(2026, 1, 2)],
                    "outcome": ["server_error", "ok"],
                    "http_status": pa.array([500, 200], pa.int32()),
                }
            ),
            "enriched.models": pa.table(
                {"model_id": ["similarity-1"], "name": ["tiny"], "kind": ["similarity"]}
            ),
        },
        mart.con,
    )
    with writing(mart.con) as con:
        con.execute(
            "insert into lake.intermediate.int_duplicate_pairs values (?, ?, 'image')",
            [DROPPED, APPLE.pair_id],
        )
        con.execute(
            "insert into lake.intermediate.int_pairs_deduplicated values (?, ?, ?)",
            [DROPPED, "https://copies.example/apple.png", "apple again"],
        )
    publish(progress=lambda _: None)
    return TestClient(create_app(Search(home / "search", ENCODERS)), base_url="http://127.0.0.1")


def test_all_that_is_known_of_a_pair_is_told(client: TestClient) -> None:
    story = client.get(f"/api/pairs/{APPLE.pair_id}").json()
    assert story["pair"]["caption"] == APPLE.caption
    assert story["scores"] == [
        {
            "score": "similarity",
            "value": pytest.approx(APPLE.similarity),
            "model": "tiny",
            "model_id": "similarity-1",
        }
    ]
    assert [seen["page_url"] for seen in story["sightings"]] == list(PAGES)
    assert (story["sightings"][0]["path"], story["sightings"][1]["record_offset"]) == ("one.wat", 1)
    assert [each["outcome"] for each in story["downloads"]] == ["server_error", "ok"]
    assert [other["caption"] for other in story["captions"]] == [POMME.caption]
    assert story["duplicates"] == [
        {
            "pair_id": str(DROPPED),
            "kind": "image",
            "image_url": "https://copies.example/apple.png",
            "caption": "apple again",
        }
    ]


def test_a_page_that_is_to_be_forgotten_is_not_told(client: TestClient) -> None:
    record_takedowns({"page": [PAGES[0]]}, reason=None, among=0)
    story = client.get(f"/api/pairs/{APPLE.pair_id}").json()
    assert [seen["page_url"] for seen in story["sightings"]] == [PAGES[1]]


def test_who_names_which_licence_is_told_but_not_by_a_forgotten_page(
    client: TestClient, mart: Mart
) -> None:
    assert client.get(f"/api/pairs/{APPLE.pair_id}").json()["licences"] == []
    with writing(mart.con) as con:
        con.execute(
            "insert into lake.marts.pair_licences values "
            "($pair, 'page', 'CC0-1.0', 'https://cc.example/zero', 'link: zero', $page, null), "
            "($pair, 'file', 'CC-BY-4.0', null, 'xmp: CC BY 4.0', null, '2026-01-02 03:04:05')",
            {"pair": APPLE.pair_id, "page": text_id(PAGES[0])},
        )
    story = client.get(f"/api/pairs/{APPLE.pair_id}").json()
    assert [(each["scope"], each["licence"]) for each in story["licences"]] == [
        ("file", "CC-BY-4.0"),
        ("page", "CC0-1.0"),
    ]
    told = CliRunner().invoke(main, ["why", str(APPLE.pair_id)]).output
    assert "2026-01-02 03:04:05, its file names CC-BY-4.0, xmp: CC BY 4.0" in told
    record_takedowns({"page": [PAGES[0]]}, reason=None, among=0)
    story = client.get(f"/api/pairs/{APPLE.pair_id}").json()
    assert [each["scope"] for each in story["licences"]] == ["file"]


def test_what_a_picture_says_of_its_use_is_told_word_for_word(
    client: TestClient, mart: Mart
) -> None:
    assert client.get(f"/api/pairs/{APPLE.pair_id}").json()["wishes"] == []
    # Two terms of one text may say the same.
    mart.hear(APPLE, "allow", "train")
    mart.hear(APPLE, "allow", "train")
    assert client.get(f"/api/pairs/{APPLE.pair_id}").json()["wishes"] == [
        {
            "scope": "image",
            "use": "train",
            "says": "allow",
            "signal": "data_mining",
            "evidence": "xmp: a wish",
            "heard_at": "2026-01-02 00:00:00",
        }
    ]


def test_of_a_kept_pair_that_is_not_to_be_found_the_wish_alone_is_told(
    client: TestClient, mart: Mart
) -> None:
    mart.hear(CAT, "disallow", "search")
    reason = "opted_out_data_mining_search"
    assert publish(progress=lambda _: None).deleted == 1
    answer = client.get(f"/api/pairs/{CAT.pair_id}")
    assert (answer.status_code, reason in answer.text) == (404, True)
    told = CliRunner().invoke(main, ["why", CAT.image_url]).output
    assert told == f"pair {CAT.pair_id} is hidden: {reason}; nothing else of it is told\n"
    query = "select drop_reason, drop_reasons from lake.marts.pair_histories where pair_id = ?"
    assert mart.con.execute(query, [CAT.pair_id]).fetchall() == [(reason, [reason])]


def test_the_story_of_a_duplicate_tells_nothing_of_what_is_hidden(
    client: TestClient, mart: Mart
) -> None:
    # A domain that was blocked.
    with writing(mart.con) as con:
        con.execute(
            "insert into lake.intermediate.int_duplicate_pairs values (?, ?, null)",
            [UNKNOWN, APPLE.pair_id],
        )
        con.execute(
            "insert into lake.intermediate.int_pairs_deduplicated values (?, ?, ?)",
            [UNKNOWN, "https://blocked.example/apple.png", "a blocked apple"],
        )
    kept = client.get(f"/api/pairs/{APPLE.pair_id}").json()
    assert [each["pair_id"] for each in kept["duplicates"]] == [str(DROPPED)]
    mart.hear(APPLE, "disallow", "search")
    assert client.get(f"/api/pairs/{DROPPED}").json()["keeper"] is None
    told = CliRunner().invoke(main, ["why", str(DROPPED)]).output
    assert "apple again" in told
    assert APPLE.image_url not in told


def test_a_pair_that_was_dropped_has_its_story_too(client: TestClient) -> None:
    story = client.get(f"/api/pairs/{DROPPED}").json()
    assert (story["drop_reason"], story["is_published"]) == ("duplicate_image", False)
    assert story["meanings"] == ["another pair of the same picture is kept"]
    assert story["pair"]["caption"] == "apple again"
    assert story["keeper"] == {
        "pair_id": str(APPLE.pair_id),
        "image_url": APPLE.image_url,
        "caption": APPLE.caption,
    }
    kept = client.get(f"/api/pairs/{APPLE.pair_id}").json()
    assert (kept["drop_reason"], kept["is_published"], kept["keeper"]) == (None, True, None)
    assert {"rule": "min_similarity", "threshold": 0.25, "value": pytest.approx(0.31)} in kept[
        "thresholds"
    ]


def test_pairs_of_a_url_are_found_kept_or_dropped(client: TestClient, mart: Mart) -> None:
    found = client.get("/api/pairs", params={"url": " https://copies.example/apple.png"}).json()
    assert found["pairs"] == [
        {
            "pair_id": str(DROPPED),
            "drop_reason": "duplicate_image",
            "is_found_only": False,
            "meaning": "another pair of the same picture is kept",
            "caption": "apple again",
        }
    ]
    found = client.get("/api/pairs", params={"url": APPLE.image_url}).json()
    assert {each["caption"] for each in found["pairs"]} == {APPLE.caption, POMME.caption}
    assert client.get("/api/pairs", params={"url": "https://a.example/"}).status_code == 404
    assert client.get("/api/pairs").status_code == 400
    record_takedowns({"caption": [POMME.caption]}, reason=None, among=0)
    found = client.get("/api/pairs", params={"url": APPLE.image_url}).json()
    hidden = {"pair_id": str(POMME.pair_id), "drop_reason": "takedown", "caption": None}
    asked = (
        "its URL, domain, page, image or caption was asked to be forgotten, or is on a hash list"
    )
    assert hidden | {"is_found_only": False, "meaning": asked} in found["pairs"]


def test_why_tells_several_pairs_apart(client: TestClient) -> None:
    text = CliRunner().invoke(main, ["why", APPLE.image_url]).output
    assert text.startswith("2 pairs, those that are kept first:\n")
    for pair in (APPLE, POMME):
        assert f"pair {pair.pair_id} is kept\n  caption    {pair.caption}\n" in text


def test_what_is_not_published_has_its_scores_and_no_thumbnail(
    client: TestClient, mart: Mart
) -> None:
    mart.keep(APPLE, UNSAFE)
    story = client.get(f"/api/pairs/{UNSAFE.pair_id}").json()
    # By these the page blurs it.
    assert (story["pair"]["punsafe"], story["pair"]["pinappropriate"]) == (
        pytest.approx(0.9),
        pytest.approx(0.8),
    )
    assert story["is_published"] is False
    assert client.get(f"/thumbnails/{UNSAFE.image_id}.jpg").status_code == 404


def test_of_what_is_forgotten_or_blocked_the_reason_is_told_and_nothing_else(
    client: TestClient, mart: Mart
) -> None:
    record_takedowns({"url": [APPLE.image_url]}, reason=None, among=0)
    told = client.get(f"/api/pairs/{DROPPED}").json()
    assert told["keeper"] is None
    answer = client.get(f"/api/pairs/{APPLE.pair_id}")
    assert answer.status_code == 404
    assert "takedown" in answer.json()["error"]
    assert client.get(f"/thumbnails/{APPLE.image_id}.jpg").status_code == 404
    with writing(mart.con) as con:
        con.execute("update lake.intermediate.int_duplicate_pairs set kind = null")
    answer = client.get(f"/api/pairs/{DROPPED}")
    assert answer.status_code == 404
    assert "blocked_domain" in answer.json()["error"]
    assert "apple" not in answer.text


def test_a_pair_that_is_not_published_has_no_story(client: TestClient) -> None:
    answer = client.get(f"/api/pairs/{UNKNOWN}")
    assert answer.status_code == 404
    assert "not published" in answer.json()["error"]
    assert client.get("/api/pairs/7").status_code == 400


def test_without_its_lake_the_index_says_so(client: TestClient, mart: Mart) -> None:
    with writing(mart.con) as con:
        con.execute("drop table lake.intermediate.int_duplicate_pairs")
    answer = client.get(f"/api/pairs/{APPLE.pair_id}")
    assert answer.status_code == 503
    assert "run: dbt build" in answer.json()["error"]
