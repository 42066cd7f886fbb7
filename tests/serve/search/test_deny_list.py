"""What is to be forgotten is in no answer, export or publication from then on, without a build."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from pairlake.lake import readable
from pairlake.lake.append import append
from pairlake.lake.catalog import close_all, writing
from pairlake.lake.errors import JobFailed, LakeUnreadable
from pairlake.lake.keys import text_id
from pairlake.lake.maintain import tidy
from pairlake.lake.restore import restore
from pairlake.lake.takedowns import record_takedowns
from pairlake.serve.export.export import export
from pairlake.serve.publish.publish import publish
from pairlake.serve.search import deny_list
from pairlake.serve.search.index import PAIRS
from pairlake.serve.search.published import Published
from pairlake.serve.search.search import Search
from pairlake.serve.web.app import create_app
from tests.serve.conftest import APPLE, CAT, ENCODERS, POMME, Mart, uuids
from tests.serve.export.exporting import snapshot

PAGE, OTHER_PAGE = "https://pages.example/1", "https://other.example/"
MD5 = UUID(int=5)
# What hides APPLE and POMME, of the same picture under the same URL, or APPLE alone.
REQUESTS = {
    "url": (APPLE.image_url, {POMME, APPLE}),
    "caption": (APPLE.caption, {APPLE}),
    "sha256": (APPLE.image_id.hex + "0" * 32, {POMME, APPLE}),
    "md5": (MD5.hex, {POMME, APPLE}),
    "page": (PAGE, {APPLE}),
}


@pytest.fixture
def client(mart: Mart, home: Path) -> TestClient:
    """A server over a published index; APPLE was seen on PAGE, POMME on another page too."""
    mart.keep(APPLE, POMME, CAT)
    pages = {APPLE: [PAGE], POMME: [PAGE, OTHER_PAGE]}
    schema = mart.con.sql("select sightings from lake.raw.image_text_pairs").to_arrow_table().schema
    sightings = [[{"page_url": page} for page in seen] for seen in pages.values()]
    append(
        {
            "raw.image_text_pairs": pa.table(
                {
                    "pair_id": uuids([pair.pair_id for pair in pages]),
                    "sightings": pa.array(sightings, schema.field("sightings").type),
                }
            ),
            "raw.images": pa.table({"image_id": uuids([APPLE.image_id]), "md5": uuids([MD5])}),
        },
        mart.con,
    )
    publish(progress=lambda _: None)
    return TestClient(create_app(Search(home / "search", ENCODERS)), base_url="http://127.0.0.1")


def _found(client: TestClient, **more: str) -> set[str]:
    answer = client.get("/api/search", params={"q": "apple", "fold": "none", **more})
    return {result["caption"] for result in answer.json()["results"]}


def _fail_a_test(mart: Mart) -> None:
    with writing(mart.con) as con:
        con.execute(
            "create table lake.intermediate.int_build_failures as "
            "select 'test.pairlake.assert_funnel_adds_up' as node, now()::timestamp as failed_at"
        )


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_request_hides_at_once_while_dbt_fails(
    client: TestClient, mart: Mart, tmp_path: Path, kind: str
) -> None:
    sound = snapshot()
    samples = {pair.caption: _sample(client, pair.caption) for pair in (APPLE, POMME, CAT)}
    assert _found(client) == {APPLE.caption, POMME.caption, CAT.caption}
    assert client.get(f"/thumbnails/{APPLE.image_id}.jpg").status_code == 200
    _fail_a_test(mart)
    value, hidden = REQUESTS[kind]

    record_takedowns({"image_hash" if kind in ("sha256", "md5") else kind: [value]})

    left = {pair.caption for pair in {APPLE, POMME, CAT} - hidden}
    assert _found(client) == left
    assert _found(client, where=f"image_url = {APPLE.image_url}") == left - {CAT.caption}
    known = client.post("/metadata", json={"ids": list(samples.values())}).json()
    assert {row["metadata"]["caption"] for row in known} == left
    assert client.get(f"/api/pairs/{APPLE.pair_id}").status_code == 404
    assert client.get("/api/search", params={"like": str(APPLE.pair_id)}).status_code == 404
    thumbnail = client.get(f"/thumbnails/{APPLE.image_id}.jpg").status_code
    assert thumbnail == (404 if POMME in hidden else 200)
    # What failed its tests leaves for nowhere; a snapshot from before does, less what is hidden.
    with pytest.raises(JobFailed):
        publish(progress=lambda _: None)
    with pytest.raises(JobFailed):
        export(tmp_path / "now.parquet")
    export(tmp_path / "then.parquet", snapshot=sound)
    assert set(pq.read_table(tmp_path / "then.parquet")["TEXT"].to_pylist()) == left


@pytest.mark.parametrize("kind", ["page", "md5"])
def test_old_tables_are_exported_and_published_less_what_is_hidden(
    client: TestClient, home: Path, tmp_path: Path, kind: str
) -> None:
    value, hidden = REQUESTS[kind]
    record_takedowns({"image_hash" if kind in ("sha256", "md5") else kind: [value]})
    left = {pair.caption for pair in {APPLE, POMME, CAT} - hidden}

    export(tmp_path / "pairs.parquet")
    publish(progress=lambda _: None)

    assert set(pq.read_table(tmp_path / "pairs.parquet")["TEXT"].to_pylist()) == left
    rows = Published(home / "search", PAIRS).reader().table.to_arrow()
    assert set(rows["caption"].to_pylist()) == left
    if kind == "page":
        assert OTHER_PAGE in rows["page_url"].to_pylist()
        assert PAGE not in rows["page_url"].to_pylist()


def test_a_domain_is_hidden_from_results_and_from_figures(client: TestClient) -> None:
    record_takedowns({"domain": ["example"]})
    assert _found(client) == set()
    assert client.get("/api/dataset").json()["domains"] == []


def test_after_a_restore_another_snapshot_of_the_same_number_is_read(client: TestClient) -> None:
    made = tidy(leave_no_trace=False).backup
    for number in range(2):
        record_takedowns({"caption": [f"caption {number}"]})
    assert APPLE.caption in _found(client)
    restore(made)
    # The second snapshot since, as the last was that the server knows.
    record_takedowns({"caption": [APPLE.caption]})
    assert APPLE.caption not in _found(client)


def test_a_server_that_may_only_read_the_lake_hears_of_requests_too(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readable, "_opens", lambda _: False)
    close_all()
    assert APPLE.caption in _found(client)
    record_takedowns({"caption": [APPLE.caption]})
    assert APPLE.caption not in _found(client)


def test_another_page_stands_for_one_that_is_to_be_forgotten(client: TestClient) -> None:
    record_takedowns({"page": [PAGE]})
    results = client.get("/api/search", params={"q": "apple", "fold": "none"}).json()["results"]
    assert {each["caption"]: each["page_url"] for each in results} == {
        POMME.caption: OTHER_PAGE,
        CAT.caption: CAT.page_url,
    }


def test_the_story_of_a_pair_tells_of_no_other_that_is_hidden(
    client: TestClient, mart: Mart
) -> None:
    with writing(mart.con) as con:
        for number, (url, caption) in enumerate(
            [("https://gone.example/1", "a"), ("https://b.example/", "gone"), ("https://c/", "c")]
        ):
            key = UUID(int=number)
            con.execute(
                "insert into lake.intermediate.int_duplicate_pairs values (?, ?, 'image')",
                [key, APPLE.pair_id],
            )
            con.execute(
                "insert into lake.intermediate.int_pairs_deduplicated values (?, ?, ?)",
                [key, url, caption],
            )
    append(
        {
            "raw.downloads": pa.table(
                {
                    "url_id": uuids([text_id(APPLE.image_url)] * 2),
                    "final_url": ["https://gone.example/1", "https://c/"],
                }
            )
        },
        mart.con,
    )
    record_takedowns({"domain": ["gone.example"], "caption": ["gone", POMME.caption]})
    story = client.get(f"/api/pairs/{APPLE.pair_id}").json()
    assert [each["image_url"] for each in story["duplicates"]] == ["https://c/"]
    assert story["captions"] == []
    assert sorted(str(each["final_url"]) for each in story["downloads"]) == ["None", "https://c/"]


def test_a_list_that_was_read_once_holds_while_the_lake_is_away(
    client: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_takedowns({"caption": [APPLE.caption]})
    left = {POMME.caption, CAT.caption}
    assert _found(client) == left

    def away(**_: object) -> None:
        raise LakeUnreadable("The catalog /secret/place cannot be opened.")

    monkeypatch.setattr(deny_list, "_newest_snapshot", lambda: None)
    monkeypatch.setattr(deny_list, "connect", away)
    assert _found(client) == left
    # Who has never read it shows nothing.
    other = TestClient(create_app(Search(home / "search", ENCODERS)), base_url="http://127.0.0.1")
    answer = other.get("/api/search", params={"q": "apple"})
    assert answer.status_code == 503
    assert "nothing is shown now" in answer.json()["error"]
    assert "/secret/place" not in answer.text


def _sample(client: TestClient, caption: str) -> int:
    hits = client.post("/knn-service", json={"text": caption, "num_images": 10}).json()
    (found,) = [hit["id"] for hit in hits if hit["caption"] == caption]
    return int(found)
