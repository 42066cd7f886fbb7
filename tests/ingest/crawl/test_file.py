"""One crawl file in, its row and its pairs out; what cannot be read is an outcome."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pairlake.ingest.crawl import records, spool
from pairlake.lake.keys import pair_id, text_id
from tests.ingest.crawled import counts, read
from tests.ingest.wats import CC_BY, NO_LINKS, THREE_PAGES, image, member, page_json, wat


def test_three_pages_become_pairs_with_their_sightings(path: Path) -> None:
    path.write_bytes(THREE_PAGES)
    file, pairs = read(path)
    assert file.outcome == "ok"
    assert counts(file) == (4, 1, 7, 6)
    assert (file.pairs, file.sightings) == (3, 5)
    assert file.bytes == len(THREE_PAGES)
    assert file.seconds > 0
    rows = {(row["image_url"], row["caption"]): row for row in pairs}
    assert {key: row["occurrences"] for key, row in rows.items()} == {
        ("https://one.example/hat.png", "Ein Hut"): 1,
        ("https://one.example/hat.png", "Un chapeau"): 1,
        ("https://one.example/pets/cat.jpg", "A cat & a dog"): 3,
    }
    url, caption = key = ("https://one.example/pets/cat.jpg", "A cat & a dog")
    assert rows[key]["pair_id"] == pair_id(url, caption)
    assert rows[key]["url_id"] == text_id(url)
    assert rows[key]["caption_id"] == text_id(caption)
    assert (rows[key]["crawl_id"], rows[key]["path"]) == ("CC-TEST", "x.warc.wat.gz")
    assert [
        (seen["page_url"], seen["license_url"], seen["width_hint"], seen["height_hint"])
        for seen in rows[key]["sightings"]
    ] == [
        ("https://one.example/pets/", CC_BY, 640, 480),
        ("https://one.example/pets/", CC_BY, None, None),
        ("https://one.example/deep/down.html", None, None, None),
    ]


def test_the_offset_of_a_sighting_is_that_of_its_record(path: Path) -> None:
    path.write_bytes(THREE_PAGES)
    (row,) = [row for row in read(path)[1] if row["caption"] == "Un chapeau"]
    record = gzip.decompress(THREE_PAGES[row["sightings"][0]["record_offset"] :])
    assert b"WARC-Target-URI: http://two.example/" in record.partition(b"\r\n\r\n")[0]


def test_a_file_without_gzip_is_read_as_well(path: Path) -> None:
    path.write_bytes(gzip.decompress(THREE_PAGES))
    assert (read(path)[0].outcome, read(path)[0].pairs) == ("ok", 3)


def test_a_record_without_links_is_read(path: Path) -> None:
    path.write_bytes(wat(NO_LINKS, NO_LINKS))
    file, pairs = read(path)
    assert (file.outcome, *counts(file), len(pairs)) == ("ok", 2, 0, 0, 0, 0)


def test_captions_that_clean_to_nothing_are_no_pairs(path: Path) -> None:
    path.write_bytes(wat(member(page_json([image("1.jpg", "&nbsp;\u200b")]), "http://a.example/")))
    file, pairs = read(path)
    assert (file.images, file.sightings, len(pairs)) == (1, 0, 0)


def test_an_oversized_record_is_unreadable_and_the_rest_is_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MAX_RECORD_BYTES", 10_000)
    large = member(page_json([image("1.jpg", "x" * 10_000)]), "http://large.example/")
    path.write_bytes(wat(large, NO_LINKS))
    file, _ = read(path)
    assert (file.outcome, file.records, file.unreadable_records) == ("ok", 2, 1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"<html><body>Sorry</body></html>" * 20, "it seems to be HTML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "git lfs pull"),
        (gzip.compress(b"not a WARC file at all " * 20, mtime=0), "Invalid WARC header"),
        (b"PK\x03\x04" + bytes(60), "no web archive in it"),
    ],
)
def test_a_file_that_is_none_is_unreadable(content: bytes, words: str, path: Path) -> None:
    path.write_bytes(content)
    file, pairs = read(path)
    assert file.outcome == "unreadable"
    assert words in (file.error or "")
    assert (file.pairs, file.sightings, pairs) == (0, 0, [])


def test_many_sightings_are_made_distinct_in_parts(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = [image(f"{n % 7}.jpg", f"number {n % 5}") for n in range(200)]
    path.write_bytes(wat(member(page_json(links), "http://a.example/")))
    whole = read(path)
    monkeypatch.setattr(spool, "SIGHTINGS_IN_MEMORY", 30)
    monkeypatch.setattr(spool, "BYTES_AT_ONCE", 2_000)
    parts = read(path)
    assert (whole[0].pairs, whole[0].sightings) == (35, 200)
    assert sorted(map(str, parts[1])) == sorted(map(str, whole[1]))


def test_a_hundred_thousand_short_pairs_fit_in_memory(path: Path) -> None:
    links = [[image(f"/{n}/{m}", f"{n} {m}") for m in range(50)] for n in range(2_000)]
    pages = [member(page_json(page), "http://a.example/") for page in links]
    path.write_bytes(wat(*pages))
    assert read(path)[0].pairs == 100_000


def test_a_missing_file_is_not_found(path: Path) -> None:
    assert read(path)[0].outcome == "not_found"


REAL = Path(__file__).parents[4] / "shared" / "data" / "warc"


# Images with a source, and sightings. Of the 153 images in resiliparse_warcfile, four have no
# source, 32 have alt text, and five a title that says something else.
REAL_COUNTS = {
    "whirlwind.warc.gz": (1, 13, 7),
    "whirlwind.warc.wat.gz": (1, 0, 0),
    "resiliparse_warcfile.warc.gz": (16, 149, 37),
    "resiliparse_clueweb-quirk.warc.gz": (29, 1252, 556),
    "IAH-urls-wget.warc": (10, 50, 46),
    "jwarc_cc.warc.gz": (1, 8, 6),
}


@pytest.mark.skipif(not REAL.exists(), reason="real crawl files are not beside this checkout")
@pytest.mark.parametrize("name", REAL_COUNTS)
def test_real_files_give_all_their_pairs(name: str) -> None:
    file, _ = read(REAL / name)
    assert (file.outcome, file.unreadable_records) == ("ok", 0)
    assert (file.records, file.images, file.sightings) == REAL_COUNTS[name]
