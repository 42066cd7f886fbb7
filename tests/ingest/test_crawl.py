"""Crawl files land whole or not at all, each once, and what fails is tried again."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from ingest.crawl import CrawlFileMissing, CrawlSummary, crawl, crawl_paths, named_files
from lake.catalog import connect
from tests.ingest.conftest import Web
from tests.ingest.wats import THREE_PAGES

CRAWL = "CC-TEST-2026-47"
PATH = f"crawl-data/{CRAWL}/segments/1.00/wat/{CRAWL}-00000.warc.wat.gz"


def rows(query: str) -> list[tuple[Any, ...]]:
    con = connect()
    try:
        return con.execute(query).fetchall()
    finally:
        con.close()


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that PAIRLAKE_CRAWL_ROOT names."""
    monkeypatch.setenv("PAIRLAKE_CRAWL_ROOT", str(tmp_path / "mirror"))
    return tmp_path / "mirror"


def write_crawl(folder: Path, *files: bytes) -> None:
    paths = [PATH.replace("00000", f"{number:05}") for number in range(len(files))]
    for path, content in zip(paths, files, strict=True):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    listing = folder / "crawl-data" / CRAWL / "wat.paths.gz"
    listing.write_bytes(gzip.compress("".join(f"{path}\n" for path in paths).encode()))


def test_pairs_and_their_crawl_file_land_together(mirror: Path) -> None:
    write_crawl(mirror, THREE_PAGES)
    summary = crawl(crawl_paths(CRAWL), crawl_id=CRAWL)
    assert summary == CrawlSummary(outcomes={"ok": 1}, skipped=0, pairs=3, sightings=5)
    assert rows(
        "select f.path, f.outcome, f.pairs, f.sightings, count(*), sum(p.occurrences), "
        "sum(len(p.sightings)) from lake.raw.crawl_files f "
        "join lake.raw.image_text_pairs p using (crawl_id, path, attempt_id) group by all"
    ) == [(PATH, "ok", 3, 5, 3, 5, 5)]


def test_a_crawl_that_has_landed_is_nothing_to_do(mirror: Path) -> None:
    write_crawl(mirror, THREE_PAGES, THREE_PAGES)
    first = crawl(crawl_paths(CRAWL, 1), crawl_id=CRAWL)
    second = crawl(crawl_paths(CRAWL), crawl_id=CRAWL)
    third = crawl(crawl_paths(CRAWL), crawl_id=CRAWL)
    assert (first.outcomes, second.outcomes, third.outcomes) == ({"ok": 1}, {"ok": 1}, {})
    assert (first.skipped, second.skipped, third.skipped) == (0, 1, 2)
    assert rows("select count(*) from lake.raw.image_text_pairs") == [(6,)]


def test_a_file_is_the_same_wherever_it_is_mirrored(mirror: Path) -> None:
    write_crawl(mirror, THREE_PAGES)
    elsewhere = mirror.parent / "elsewhere"
    write_crawl(elsewhere, THREE_PAGES)
    crawl([*crawl_paths(CRAWL), str(mirror / PATH)], crawl_id=CRAWL)
    crawl([str(elsewhere / PATH)], crawl_id=CRAWL)
    assert rows("select path, count(*) from lake.raw.crawl_files group by all") == [(PATH, 1)]


def test_a_file_that_fails_is_a_row_and_is_tried_again(mirror: Path) -> None:
    write_crawl(mirror, THREE_PAGES[:-300], THREE_PAGES)
    tried: list[str] = []
    summary = crawl(crawl_paths(CRAWL), crawl_id=CRAWL, progress=tried.append)
    assert tried == ["1 of 2 crawl files, 0 pairs", "2 of 2 crawl files, 3 pairs"]
    assert summary == CrawlSummary(
        outcomes={"unreadable": 1, "ok": 1}, skipped=0, pairs=3, sightings=5
    )
    (mirror / PATH).write_bytes(THREE_PAGES)
    assert crawl(crawl_paths(CRAWL), crawl_id=CRAWL).outcomes == {"ok": 1}
    outcomes = rows(f"select outcome from lake.raw.crawl_files where path = '{PATH}'")
    assert sorted(outcomes) == [("ok",), ("unreadable",)]


def test_a_crawl_is_read_over_http(site: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_CRAWL_ROOT", f"{site.url}/")
    site.serve(f"/crawl-data/{CRAWL}/wat.paths.gz", gzip.compress(PATH.encode()))
    site.serve(f"/{PATH}", THREE_PAGES)
    crawl(crawl_paths(CRAWL), crawl_id=CRAWL)
    assert rows("select path, outcome, pairs from lake.raw.crawl_files") == [(PATH, "ok", 3)]


@pytest.mark.parametrize("name", ["nosuch.warc.wat.gz", ".", "nosuch://x/y.gz"])
def test_a_file_named_by_a_user_must_be_there(name: str) -> None:
    with pytest.raises(CrawlFileMissing, match=rf"crawl file {name}"):
        named_files([name])


def test_files_that_are_there_are_given_back(tmp_path: Path, site: Web) -> None:
    (tmp_path / "a.gz").write_bytes(b"x")
    names = [str(tmp_path / "a.gz"), site.serve("/b.gz", b"x")]
    assert named_files(names) == names
    with pytest.raises(CrawlFileMissing, match=r"/c\.gz"):
        named_files([f"{site.url}/c.gz"])


def test_a_crawl_without_a_listing_is_one_clear_sentence(mirror: Path) -> None:
    with pytest.raises(CrawlFileMissing, match="CC-NOSUCH has no readable listing"):
        crawl_paths("CC-NOSUCH")
    listing = mirror / "crawl-data" / CRAWL / "wat.paths.gz"
    listing.parent.mkdir(parents=True)
    listing.write_bytes(b"<html>")
    with pytest.raises(CrawlFileMissing, match="check the name"):
        crawl_paths(CRAWL)
