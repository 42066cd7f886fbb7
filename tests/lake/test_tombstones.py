"""What is to be forgotten does not land again, but is counted as it was."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pairlake.lake.append import append
from pairlake.lake.catalog import rows, writing
from pairlake.lake.keys import image_id, text_id
from pairlake.lake.project import ROOT
from pairlake.lake.takedowns import record_takedowns
from tests.keyed import with_pair_keys

pytestmark = pytest.mark.usefixtures("lake_without_rows")

URL, OTHER_URL = "http://a.example/1.jpg", "http://b.example/2.jpg"
SHA256, MD5 = bytes(range(32)), bytes(range(16))


def _pairs(*pairs: tuple[str, str], pages: Sequence[str | None] = ("http://page/",)) -> pa.Table:
    sightings = [{"page_url": page, "record_offset": at} for at, page in enumerate(pages)]
    table = pa.table(
        {
            "image_url": [url for url, _ in pairs],
            "caption": [caption for _, caption in pairs],
            "sightings": [sightings] * len(pairs),
            "occurrences": [len(pages)] * len(pairs),
            "source_id": ["their id"] * len(pairs),
        }
    )
    return with_pair_keys(table)


def _landed(columns: str, table: str = "image_text_pairs") -> list[tuple[Any, ...]]:
    return rows(f"select {columns} from lake.raw.{table} order by all")


def test_a_pair_lands_as_ids_by_its_url_its_caption_or_its_host() -> None:
    record_takedowns({"url": [URL], "caption": ["a secret"], "domain": ["gone.example"]})
    pairs = _pairs(
        (URL, "a cat"),
        (OTHER_URL, "a secret"),
        ("https://img.GONE.example:8443/x", "a dog"),
        (OTHER_URL, "a cat"),
        ("https://notgone.example/x", "a secret of another kind"),
    )

    append({"raw.image_text_pairs": pairs})

    assert _landed("image_url, caption, source_id, sightings[1].page_url") == [
        (OTHER_URL, "a cat", "their id", "http://page/"),
        ("https://notgone.example/x", "a secret of another kind", "their id", "http://page/"),
        *[(None, None, None, None)] * 3,
    ]
    ids = "pair_id, url_id, caption_id, occurrences"
    columns = pairs.select(ids.split(", ")).to_pydict().values()
    assert _landed(ids) == sorted(zip(*columns, strict=True))


def test_a_caption_is_known_by_what_an_earlier_cleaning_made_of_it() -> None:
    former = pa.array([text_id("R&D®ional").bytes, text_id("a dog").bytes], pa.uuid())
    pairs = _pairs((URL, "R&D&regional"), (OTHER_URL, "a dog"))
    pairs = pairs.append_column("former_caption_id", former)
    append({"raw.image_text_pairs": pairs})
    record_takedowns({"caption": ["R&D®ional"]})
    append({"raw.image_text_pairs": pairs})
    assert _landed("caption") == [("R&D&regional",), ("a dog",), ("a dog",), (None,)]


def test_a_page_goes_with_its_sighting_alone() -> None:
    record_takedowns({"page": ["http://diary/"]})
    append({"raw.image_text_pairs": _pairs((URL, "a cat"), pages=["http://diary/", "http://p/"])})
    append({"raw.image_text_pairs": _pairs((OTHER_URL, "a dog"), pages=["http://diary/", None])})

    assert _landed(
        "image_url, list_transform(sightings, lambda s: s is null), "
        "list_transform(sightings, lambda s: s.page_url), occurrences"
    ) == [
        (URL, [True, False], [None, "http://p/"], 2),
        (OTHER_URL, [True, False], [None, None], 2),
    ]


def test_a_pair_that_was_erased_is_known_by_its_own_id() -> None:
    with writing() as con:
        con.execute(
            "insert into lake.raw.takedowns by name select 'pair' as kind, "
            "md5(? || chr(31) || ?)::uuid as value_id",
            [URL, "a cat"],
        )
    append({"raw.image_text_pairs": _pairs((URL, "a cat"), (URL, "a dog"))})
    assert _landed("image_url, caption") == [(URL, "a dog"), (None, None)]


def test_parquet_files_land_no_otherwise(tmp_path: Path) -> None:
    record_takedowns({"url": [URL], "page": ["http://page/"]})
    file = tmp_path / "it's pairs.parquet"
    pq.write_table(_pairs((URL, "a cat"), (OTHER_URL, "a dog")), file)

    append({"raw.image_text_pairs": [file]})

    assert _landed("image_url, sightings") == [(OTHER_URL, [None]), (None, None)]


def test_hash_lists_count_as_the_last_build_has_them() -> None:
    with writing() as con:
        con.execute("create schema lake.intermediate")
        con.execute(
            "create table lake.intermediate.int_takedowns_in_force as "
            "select 'url' as kind, md5(?)::uuid as value_id",
            [URL],
        )
    append({"raw.image_text_pairs": _pairs((URL, "a cat"), (OTHER_URL, "a dog"))})
    assert _landed("caption") == [("a dog",), (None,)]


def _download(url: str, key: uuid.UUID, **columns: object) -> dict[str, object]:
    return {
        "url_id": text_id(url).bytes,
        "outcome": "ok",
        "final_url": url,
        "image_id": key.bytes,
        **columns,
    }


_DOWNLOADS = pa.schema(
    {
        "url_id": pa.uuid(),
        "outcome": pa.string(),
        "final_url": pa.string(),
        "image_id": pa.uuid(),
        "md5": pa.uuid(),
        "error": pa.string(),
    }
)


def _land_pictures(*downloads: dict[str, object]) -> None:
    """Land downloads with one row for each of their pictures, as `fetch` does."""
    md5s = {row["image_id"]: row.get("md5") for row in downloads}
    ids = pa.array(list(md5s), pa.uuid())
    append(
        {
            "raw.downloads": pa.Table.from_pylist(list(downloads), _DOWNLOADS),
            "raw.images": pa.table({"image_id": ids, "md5": pa.array(md5s.values(), pa.uuid())}),
            "raw.image_pixels": pa.table({"image_id": ids, "pixels": [b"pixels"] * len(md5s)}),
        }
    )


ONE, TWO, THREE = (uuid.UUID(int=number) for number in (1, 2, 3))


def test_a_picture_lands_by_no_table_for_its_hash() -> None:
    record_takedowns({"image_hash": [SHA256.hex(), MD5.hex()]})
    _land_pictures(
        _download("http://a/1", image_id(SHA256), error="e"),
        _download("http://a/2", TWO, md5=MD5),
        _download("http://a/3", THREE, md5=bytes(16)),
    )

    assert _landed("outcome, final_url, image_id, error", "downloads") == [
        ("blocked", None, None, None),
        ("blocked", None, None, None),
        ("ok", "http://a/3", THREE, None),
    ]
    assert _landed("image_id", "images") == _landed("image_id", "image_pixels") == [(THREE,)]


def test_a_picture_of_forgotten_places_only_does_not_land() -> None:
    record_takedowns({"url": ["http://a/1", "http://a/led-there"], "domain": ["gone.example"]})
    _land_pictures(
        _download("http://a/1", ONE),
        _download("http://a/2", TWO, final_url="http://gone.example/2"),
        _download("http://a/3", THREE, final_url="http://a/led-there"),
        # The same picture at a place that nobody minds.
        _download("http://a/4", THREE),
    )

    assert _landed("outcome, final_url", "downloads") == [
        *[("blocked", None)] * 3,
        ("ok", "http://a/4"),
    ]
    assert _landed("image_id", "images") == _landed("image_id", "image_pixels") == [(THREE,)]


def test_what_a_late_job_made_of_them_does_not_land() -> None:
    record_takedowns({"image_hash": [SHA256.hex()], "caption": ["a secret"]})
    images = pa.array([image_id(SHA256).bytes, ONE.bytes], pa.uuid())
    captions = pa.array([text_id("a secret").bytes, text_id("a cat").bytes], pa.uuid())
    append(
        {
            "enriched.image_embeddings": pa.table({"image_id": images}),
            "enriched.caption_embeddings": pa.table({"caption_id": captions}),
        }
    )
    assert rows("select image_id from lake.enriched.image_embeddings") == [(ONE,)]
    assert rows("select caption_id from lake.enriched.caption_embeddings") == [(text_id("a cat"),)]


@pytest.mark.parametrize("kind", ["url", "domain", "page", "caption", "image_hash"])
def test_rows_with_few_columns_land_beside_takedowns(kind: str) -> None:
    record_takedowns({kind: [MD5.hex()]})
    append(
        {
            "raw.image_text_pairs": pa.table({"caption": ["a cat"]}),
            "raw.downloads": pa.table({"http_status": [404]}),
            "raw.crawl_files": pa.table({"path": ["a.wat"]}),
        }
    )
    assert _landed("caption, image_url") == [("a cat", None)]
    assert _landed("http_status, outcome", "downloads") == [(404, None)]


@pytest.mark.parametrize("domain", ["example.org", "a.example"])
def test_a_host_is_found_as_the_dataset_finds_it(domain: str) -> None:
    spec = yaml.safe_load((ROOT / "models/intermediate/landing/_unit_tests.yml").read_text())
    (test,) = (t for t in spec["unit_tests"] if t["name"].startswith("a_host_is_found"))
    hosts = {row["image_url"]: row["host"] for row in test["expect"]["rows"]}
    assert domain in hosts.values()

    record_takedowns({"domain": [domain]})
    append({"raw.image_text_pairs": _pairs(*((url, "a cat") for url in hosts))})

    left = {url for (url,) in _landed("image_url")} - {None}
    assert left == {url for url, host in hosts.items() if host != domain}
