"""Ready-made lists land verbatim, from wherever they lie: every format, and what is no pair."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import fsspec
import mmh3
import pytest

from pairlake.ingest.crawl.captions import former_caption
from pairlake.ingest.crawl.lists import read as lists
from pairlake.ingest.crawl.lists import text as list_text
from pairlake.lake.keys import pair_id, text_id
from pairlake.lake.raw_tables import ATTEMPT
from pairlake.lake.tables import TABLES
from pairlake.lake.tombstones import FORMER_CAPTION_ID, LOOKED_AT
from tests.ingest.conftest import Web
from tests.ingest.crawl.lists.published import FORMATS, LISTS, OTHER, URL
from tests.ingest.landing_lists import Landed, land, parquet, separated

AWKWARD = [
    "  leading and trailing  ",
    "Tom &amp; Jerry &#39;s",
    "👩\u200d👩\u200d👧 family",
    "two\nlines and\r\nthree",
    'says "hello", twice',
    "tab\there; semi|pipe",
    "\u00e2\u20ac\u2122 mojibake \u4f60\u597d",
    "'); drop table x; --",
    "=cmd|' /C calc'!A0",
    "back\\slash",
    '"',
]


@pytest.mark.parametrize("source", LISTS)
@pytest.mark.parametrize("format_", FORMATS)
def test_known_lists_land_with_their_ids_and_scores(
    format_: str, source: str, path: Path, folder: Path
) -> None:
    kind, written = FORMATS[format_]
    row, source_id, scores = LISTS[source]
    path.write_bytes(written([row]))
    landed = land(path, kind, folder)
    (pair,) = landed.pairs
    assert (pair["image_url"], pair["caption"]) == (URL, "A cat")
    assert pair["pair_id"] == pair_id(URL, "A cat")
    assert (pair["url_id"], pair["caption_id"]) == (text_id(URL), text_id("A cat"))
    assert (pair["crawl_id"], pair["path"]) == ("list", "the/list")
    assert (pair["occurrences"], pair["source_id"]) == (1, source_id)
    assert pair["sightings"] == [
        {
            "page_url": None,
            "license_url": None,
            "record_offset": 0,
            "width_hint": 640,
            "height_hint": 480,
            # A list does not tell them.
            "image_source": None,
            "caption_source": None,
        }
    ]
    assert {name: value for (*_, name), value in landed.scores.items()} == scores
    assert landed.counts.bytes == path.stat().st_size


def test_each_caption_has_beside_it_the_id_by_which_it_may_be_forgotten(
    path: Path, folder: Path
) -> None:
    captions = ["a cat", "R&D&regional", "Caf&eacute;  noir", "日本の猫", "x" * 3_000]
    path.write_bytes(parquet([{"url": "http://a.example/", "caption": text} for text in captions]))
    pairs = land(path, "parquet", folder).pairs
    found = {pair["caption"]: pair[FORMER_CAPTION_ID] for pair in pairs}
    # What is plain stands for itself, however long.
    former = [former_caption(caption) for caption in captions[:-1]] + [captions[-1]]
    assert found == dict(zip(captions, map(text_id, former), strict=True))


def test_what_is_written_has_the_columns_and_types_of_the_lake(path: Path, folder: Path) -> None:
    path.write_bytes(parquet([LISTS["laion"][0]]))
    with duckdb.connect() as con:
        for table, types in land(path, "parquet", folder).types.items():
            wanted = {name: type_ for name, type_ in TABLES[table].items() if name not in ATTEMPT}
            types = {name: type_ for name, type_ in types.items() if name not in LOOKED_AT}
            nulls = ", ".join(f"null::{type_}" for type_ in wanted.values())
            spelled = map(str, con.sql(f"select {nulls}").types)
            assert types == dict(zip(wanted, spelled, strict=True))


@pytest.mark.parametrize("format_", FORMATS)
def test_captions_and_urls_land_as_they_are_so_that_laions_hash_holds(
    format_: str, path: Path, folder: Path
) -> None:
    kind, written = FORMATS[format_]
    rows = [
        {"URL": OTHER, "TEXT": text, "hash": mmh3.hash64(f"{OTHER}{text}".encode())[0]}
        for text in AWKWARD
    ]
    path.write_bytes(written(rows))
    landed = land(path, kind, folder)
    assert landed.texts == sorted((OTHER, text) for text in AWKWARD)
    for pair in landed.pairs:
        laion = mmh3.hash64((pair["image_url"] + pair["caption"]).encode())[0]
        assert pair["source_id"] == str(laion)
    assert not landed.scores


@pytest.mark.parametrize("format_", FORMATS)
def test_equal_rows_are_one_pair_with_the_id_and_scores_of_the_first(
    format_: str, path: Path, folder: Path
) -> None:
    kind, written = FORMATS[format_]
    rows = [
        {"url": OTHER, "text": "x", "id": 7, "similarity": 0.5},
        {"url": URL, "text": "x", "id": 8, "similarity": 0.25},
        {"url": OTHER, "text": "x", "id": 9, "similarity": 0.75},
        {"url": OTHER, "text": "X", "id": 10, "similarity": 0.875},
    ]
    path.write_bytes(written(rows))
    landed = land(path, kind, folder)
    found = {
        (pair["image_url"], pair["caption"]): (
            pair["source_id"],
            pair["occurrences"],
            [sighting["record_offset"] for sighting in pair["sightings"]],
        )
        for pair in landed.pairs
    }
    assert found == {
        (OTHER, "x"): ("7", 2, [0]),
        (URL, "x"): ("8", 1, [1]),
        (OTHER, "X"): ("10", 1, [3]),
    }
    assert landed.scores[OTHER, "x", "similarity"] == 0.5
    assert (landed.counts.records, landed.counts.pairs, landed.counts.sightings) == (4, 3, 4)


NOT_PAIRS: list[tuple[str | None, str | None]] = [
    (None, "no URL"),
    ("", "an empty URL"),
    ("ftp://a.example/x.jpg", "not the web"),
    ("data:image/png;base64,AAAA", "data"),
    ("//a.example/x.jpg", "no scheme"),
    ("https:///x.jpg", "no host"),
    ("https://a.example/a b.jpg", "a space"),
    ("https://a.example/a\x7f.jpg", "a control"),
    ("https://a.example/" + "x" * 2_000, "too long"),
    ("https://me:zzz@a.example/x.jpg", "a login"),
    ("https://me@a.example/x.jpg", "a user"),
    (URL, None),
    (URL, ""),
    (URL, " \t\u00a0\u200b"),
    (URL, "x" * 20_001),
]


@pytest.mark.parametrize("format_", FORMATS)
def test_rows_that_cannot_be_pairs_are_left_out_and_counted(
    format_: str, path: Path, folder: Path
) -> None:
    kind, written = FORMATS[format_]
    long = "HTTPS://a.example/" + "x" * (2_000 - 18)
    rows = [*NOT_PAIRS, (long, "y" * 20_000), ("https://münchen.example/ö.jpg", "Größe")]
    path.write_bytes(written([{"url": url, "caption": caption} for url, caption in rows]))
    landed = land(path, kind, folder)
    assert landed.texts == sorted(
        [(long, "y" * 20_000), ("https://münchen.example/ö.jpg", "Größe")]
    )
    assert (landed.counts.records, landed.counts.unreadable_records) == (len(rows), 0)
    assert landed.counts.links == landed.counts.images == len(rows) - 2
    assert (landed.counts.pairs, landed.counts.sightings) == (2, 2)
    assert landed.counts.other_records == {"no pair": len(NOT_PAIRS)}
    assert landed.counts.with_login == 2


@pytest.mark.parametrize("format_", FORMATS)
def test_page_license_and_sizes_are_taken_if_they_make_sense(
    format_: str, path: Path, folder: Path
) -> None:
    kind, written = FORMATS[format_]
    page, license_ = "https://a.example/@page", "https://creativecommons.org/licenses/by/4.0/"
    said = [
        (page.replace("//", "//me:zzz@"), license_, 640.0, 480.0),
        ("not a page", "?", 0.0, 1_000_000.0),
        (None, "by", 1.5, 999_999.0),
        ("https://a.example/a b", None, -1.0, None),
    ]
    rows = [
        {
            "url": f"{URL}?{number}",
            "caption": "x",
            "page_url": page_url,
            "license": license_url,
            "WIDTH": width,
            "HEIGHT": height,
        }
        for number, (page_url, license_url, width, height) in enumerate(said)
    ]
    path.write_bytes(written(rows))
    pairs = sorted(land(path, kind, folder).pairs, key=lambda pair: str(pair["image_url"]))
    assert [tuple(pair["sightings"][0].values())[:5] for pair in pairs] == [
        (page, license_, 0, 640, 480),
        (None, None, 1, None, None),
        (None, None, 2, None, 999_999),
        (None, None, 3, None, None),
    ]


@pytest.mark.parametrize("format_", FORMATS)
def test_buckets_give_the_same_as_one_group(
    format_: str, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, written = FORMATS[format_]
    rows = [
        {"url": f"{URL}?{n % 71}", "text": f"caption {n % 7}", "id": n, "similarity": n / 1024}
        for n in range(1_000)
    ]
    path.write_bytes(written(rows))
    one = land(path, kind, tmp_path / "one")
    monkeypatch.setattr(lists, "ROWS_AT_ONCE", 100)
    monkeypatch.setattr(list_text, "_BATCH_CHARS", 1_000)
    many = land(path, kind, tmp_path / "many")
    assert len(list((tmp_path / "one").glob("pairs-*"))) == 1
    assert len(list((tmp_path / "many").glob("pairs-*"))) == 11

    def ordered(landed: Landed) -> list[dict[str, Any]]:
        return sorted(landed.pairs, key=lambda pair: str(pair["pair_id"]))

    assert ordered(many) == ordered(one)
    assert many.scores == one.scores
    assert (many.counts.pairs, many.counts.sightings) == (497, 1_000)


class TestLocations:
    @pytest.mark.parametrize("name", ["*.parquet", "a[b]?.csv", "it's; drop.csv", "a=b/c.csv.gz"])
    def test_a_name_is_no_pattern(self, name: str, tmp_path: Path, folder: Path) -> None:
        for number in range(2):
            (tmp_path / f"{number}.parquet").write_bytes(parquet([{"url": OTHER, "text": "x"}]))
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        for format_ in ("csv", "parquet"):
            kind, written = FORMATS[format_]
            file.write_bytes(written([{"url": URL, "text": "x"}]))
            assert land(file, kind, folder / format_).texts == [(URL, "x")]

    def test_a_folder_of_any_name_serves(self, path: Path, tmp_path: Path) -> None:
        path.write_bytes(parquet([{"url": URL, "text": "x"}]))
        assert land(path, "parquet", tmp_path / "it's [a] * b=c").texts == [(URL, "x")]

    @pytest.mark.parametrize("format_", FORMATS)
    def test_over_http(self, format_: str, site: Web, folder: Path) -> None:
        kind, written = FORMATS[format_]
        body = written([{"url": URL, "text": "x"}])
        landed = land(site.serve("/list", body), kind, folder)
        assert (landed.texts, landed.counts.bytes) == ([(URL, "x")], len(body))

    def test_elsewhere(self, folder: Path) -> None:
        with fsspec.open("memory://list.csv", "wb") as target:
            target.write(separated([{"url": URL, "text": "x"}]))
        assert land("memory://list.csv", "csv", folder).texts == [(URL, "x")]


REAL = Path(__file__).parents[5] / "shared" / "data" / "laion"


@pytest.mark.skipif(not REAL.is_dir(), reason="real lists are not beside this checkout")
def test_a_real_list(folder: Path) -> None:
    landed = land(REAL / "img2dataset_test_10000.parquet", "parquet", folder)
    counts = landed.counts
    assert (counts.records, counts.unreadable_records, counts.links) == (10_000, 0, 10_000)
    assert (counts.pairs, counts.sightings) == (9_994, 9_994)
    assert not landed.scores
