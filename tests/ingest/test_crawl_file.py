"""One crawl file in, its row and its pairs out; every way to fail is an outcome without pairs."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from aiohttp import web

from ingest import crawl_file
from ingest.crawl_file import CrawlFile, read_crawl_file
from lake.keys import pair_id, text_id
from tests.ingest.conftest import Web
from tests.ingest.wats import CC_BY, THREE_PAGES, image, member, page_json, wat

NO_LINKS = member(b'{"Envelope": {}}')


def read(location: Path | str) -> tuple[CrawlFile, pa.Table]:
    return read_crawl_file(str(location), crawl_id="CC-TEST", path="x.warc.wat.gz")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.warc.wat.gz"


def counts(file: CrawlFile) -> tuple[int, ...]:
    return (file.records, file.unreadable_records, file.links, file.images)


def test_three_pages_become_pairs_with_their_sightings(path: Path) -> None:
    path.write_bytes(THREE_PAGES)
    file, pairs = read(path)
    assert file.outcome == "ok"
    assert counts(file) == (4, 1, 7, 6)
    assert (file.pairs, file.sightings) == (3, 5)
    assert file.bytes == len(THREE_PAGES)
    assert 0 < file.seconds < 60
    rows = {(row["image_url"], row["caption"]): row for row in pairs.to_pylist()}
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
    (row,) = [row for row in read(path)[1].to_pylist() if row["caption"] == "Un chapeau"]
    record = gzip.decompress(THREE_PAGES[row["sightings"][0]["record_offset"] :])
    assert b"WARC-Target-URI: http://two.example/" in record.partition(b"\r\n\r\n")[0]


def test_a_file_without_gzip_is_read_as_well(path: Path) -> None:
    path.write_bytes(gzip.decompress(THREE_PAGES))
    assert (read(path)[0].outcome, read(path)[0].pairs) == ("ok", 3)


def test_a_record_without_links_is_read(path: Path) -> None:
    path.write_bytes(wat(NO_LINKS, NO_LINKS))
    file, pairs = read(path)
    assert (file.outcome, *counts(file), pairs.num_rows) == ("ok", 2, 0, 0, 0, 0)


def test_captions_that_clean_to_nothing_are_no_pairs(path: Path) -> None:
    path.write_bytes(wat(member(page_json([image("1.jpg", "&nbsp;\u200b")]), "http://a.example/")))
    file, pairs = read(path)
    assert (file.images, file.sightings, pairs.num_rows) == (1, 0, 0)


def test_an_oversized_record_is_unreadable_and_the_rest_is_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crawl_file, "MAX_RECORD_BYTES", 10_000)
    large = member(page_json([image("1.jpg", "x" * 10_000)]), "http://large.example/")
    path.write_bytes(wat(large, NO_LINKS))
    file, _ = read(path)
    assert (file.outcome, file.records, file.unreadable_records) == ("ok", 2, 1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no WAT record"),
        (b"<html><body>Sorry</body></html>" * 20, "Invalid WARC header"),
        (gzip.compress(b"not a WARC file at all " * 20, mtime=0), "Invalid WARC header"),
        (wat(), "no WAT record"),
        (wat(member(b"fetchTimeMs: 41\r\n", kind="response")), "no WAT record"),
        (THREE_PAGES[:900] + bytes(50) + THREE_PAGES[950:], "Gzip"),
    ],
)
def test_a_file_that_is_no_wat_is_unreadable(content: bytes, words: str, path: Path) -> None:
    path.write_bytes(content)
    file, pairs = read(path)
    assert file.outcome == "unreadable"
    assert words in (file.error or "")
    assert (file.pairs, file.sightings, pairs.num_rows) == (0, 0, 0)


def test_a_file_cut_off_anywhere_but_between_records_is_unreadable(path: Path) -> None:
    whole = [len(wat(*[NO_LINKS] * count)) for count in range(1, 4)]
    content = wat(*[NO_LINKS] * 3)
    for end in range(whole[0] + 1, len(content), 7):
        path.write_bytes(content[:end])
        expected = "ok" if end in whole else "unreadable"
        assert (end, read(path)[0].outcome) == (end, expected)


def test_a_file_without_gzip_cut_off_within_a_record_is_unreadable(path: Path) -> None:
    path.write_bytes(gzip.decompress(THREE_PAGES)[:-50])
    file, _ = read(path)
    assert (file.outcome, file.sightings) == ("unreadable", 0)


def test_a_missing_file_is_not_found(path: Path) -> None:
    assert read(path)[0].outcome == "not_found"


class TestOverHttp:
    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(crawl_file, "FIRST_WAIT_S", 0.01)

    def test_a_file_is_read(self, site: Web) -> None:
        file, _ = read(site.serve("/x.gz", THREE_PAGES))
        assert (file.outcome, file.pairs, file.bytes) == ("ok", 3, len(THREE_PAGES))

    def test_a_file_without_a_length_is_read(self, site: Web) -> None:
        async def chunked(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            for start in range(0, len(THREE_PAGES), 100):
                await response.write(THREE_PAGES[start : start + 100])
            return response

        site.routes["/x.gz"] = chunked
        file, _ = read(f"{site.url}/x.gz")
        assert (file.outcome, file.pairs) == ("ok", 3)

    def test_a_server_that_recovers_is_tried_again(self, site: Web) -> None:
        site.serve("/x.gz", THREE_PAGES)
        good, failures = site.routes["/x.gz"], iter(range(4))

        async def flaky(request: web.Request) -> web.StreamResponse:
            if next(failures, None) is not None:
                return web.Response(status=503)
            return await good(request)

        site.routes["/x.gz"] = flaky
        file, _ = read(f"{site.url}/x.gz")
        assert (file.outcome, file.records, file.pairs) == ("ok", 4, 3)

    def test_a_server_that_breaks_off_is_a_network_error(self, site: Web) -> None:
        async def broken(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Length": str(len(THREE_PAGES))})
            await response.prepare(request)
            if request.method == "GET":
                await response.write(THREE_PAGES[:500])
                assert request.transport is not None
                request.transport.abort()
            return response

        site.routes["/x.gz"] = broken
        file, pairs = read(f"{site.url}/x.gz")
        assert (file.outcome, pairs.num_rows) == ("network_error", 0), file.error

    @pytest.mark.parametrize(
        ("status", "expected"),
        [(404, "not_found"), (410, "not_found"), (403, "http_error"), (500, "http_error")],
    )
    def test_a_refusal_is_named(self, status: int, expected: str, site: Web) -> None:
        assert read(site.serve("/x.gz", b"", status))[0].outcome == expected

    def test_only_what_may_pass_is_tried_again(self, site: Web) -> None:
        read(site.serve("/403.gz", b"", 403))
        read(site.serve("/503.gz", b"", 503))
        assert site.asked.count("/503.gz") == crawl_file.TRIES * site.asked.count("/403.gz")

    def test_an_unreachable_host_is_a_network_error(self, free_port: int) -> None:
        assert read(f"http://127.0.0.1:{free_port}/x.gz")[0].outcome == "network_error"


REAL = Path(__file__).parents[3] / "shared" / "data" / "warc"


@pytest.mark.skipif(not REAL.is_dir(), reason="real crawl files are not beside this checkout")
@pytest.mark.parametrize(
    ("name", "outcome", "records"),
    [
        ("whirlwind.warc.wat.gz", "ok", 1),
        ("whirlwind.warc.gz", "unreadable", 0),
        ("IAH-urls-wget.warc", "unreadable", 0),
    ],
)
def test_real_files(name: str, outcome: str, records: int) -> None:
    file, _ = read(REAL / name)
    assert (file.outcome, file.records, file.unreadable_records) == (outcome, records, 0)
