"""Crawl files land whole or not at all, each once, and what fails is tried again."""

from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from pairlake.ingest.crawl import workers
from pairlake.ingest.crawl.job import CrawlSummary, crawl
from pairlake.ingest.crawl.sources import CrawlFileMissing, crawl_paths, named_files
from pairlake.lake.catalog import connect
from pairlake.lake.dbt_plugin import run_dbt
from pairlake.lake.settings import settings
from tests.ingest import readings
from tests.ingest.conftest import Web
from tests.ingest.wats import THREE_PAGES, image, member, page_json, response, wat

CRAWL = "CC-TEST-2026-47"
PATH = f"crawl-data/{CRAWL}/segments/1.00/wat/{CRAWL}-00000.warc.wat.gz"
BUILT = ("+int_pairs_deduplicated", "int_pairs_landed")
KEPT = (
    "select (select count(*) from lake.intermediate.int_pairs_deduplicated), "
    "(select sum(occurrences) from lake.intermediate.int_pairs_landed)"
)


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
    assert summary == CrawlSummary(
        outcomes={"ok": 1}, skipped=0, pairs=3, sightings=5, unreadable_records=1, other_records=1
    )
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
    write_crawl(mirror, b"", THREE_PAGES)
    said: list[str] = []
    summary = crawl(crawl_paths(CRAWL), crawl_id=CRAWL, progress=said.append)
    assert ["0/2" in said[0], "1/2" in said[1], "2/2" in said[2], "3 pairs" in said[2]] == [
        True
    ] * 4
    assert summary.outcomes == {"unreadable": 1, "ok": 1}
    assert (summary.pairs, summary.sightings, summary.failed) == (3, 5, 1)
    (mirror / PATH).write_bytes(THREE_PAGES)
    assert crawl(crawl_paths(CRAWL), crawl_id=CRAWL).outcomes == {"ok": 1}
    outcomes = rows(f"select outcome from lake.raw.crawl_files where path = '{PATH}'")
    assert sorted(outcomes) == [("ok",), ("unreadable",)]


def test_what_a_cut_off_file_holds_lands_once_until_it_is_whole(mirror: Path) -> None:
    write_crawl(mirror, THREE_PAGES[:-300])
    first = crawl(crawl_paths(CRAWL), crawl_id=CRAWL)
    again = crawl(crawl_paths(CRAWL), crawl_id=CRAWL)
    assert (first.outcomes, first.pairs) == ({"truncated": 1}, 2)
    assert (again.outcomes, again.pairs) == ({"truncated": 1}, 0)
    assert rows("select count(*) from lake.raw.image_text_pairs") == [(2,)]
    (mirror / PATH).write_bytes(THREE_PAGES)
    assert crawl(crawl_paths(CRAWL), crawl_id=CRAWL).outcomes == {"ok": 1}
    run_dbt("run", "--select", *BUILT)
    assert rows(KEPT) == [(3, 5)]


def test_two_crawls_at_once_count_no_pair_twice(mirror: Path) -> None:
    pages = [
        wat(member(page_json([image(f"{n}-{m}.jpg", f"{n} {m}") for m in range(20)]), "http://a/"))
        for n in range(6)
    ]
    write_crawl(mirror, *pages)
    command = [sys.executable, "-m", "pairlake", "crawl", "--crawl", CRAWL, "--files", "all"]
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    run_dbt("run", "--select", *BUILT, "+stg_raw__crawl_files")
    assert rows("select count(*), sum(sightings) from lake.staging.stg_raw__crawl_files") == [
        (6, 120)
    ]
    assert rows(KEPT) == [(120, 120)]


def test_a_file_that_kills_its_reader_costs_itself(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_crawl(mirror, *[THREE_PAGES] * 5)
    monkeypatch.setattr(workers, "_read", readings.deadly)
    summary = crawl(crawl_paths(CRAWL), crawl_id=CRAWL)
    assert summary.outcomes == {"ok": 4, "crashed": 1}
    found = rows("select path from lake.raw.crawl_files where outcome = 'crashed'")
    assert found == [(PATH.replace("00000", "00001"),)]


def test_a_page_that_takes_for_ever_costs_itself(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attributes = " ".join(f"a{n}=1" for n in range(50_000))
    pages = [
        response(b"<img src=1.jpg alt=before>", "http://a.example/"),
        response(f"<img {attributes}>".encode(), "http://slow.example/"),
        response(b"<img src=2.jpg alt=behind>", "http://a.example/"),
    ]
    write_crawl(mirror, wat(*pages), THREE_PAGES)
    monkeypatch.setattr(workers, "_read", readings.impatient)
    assert crawl(crawl_paths(CRAWL)).outcomes == {"ok": 2}
    found = rows("select records, unreadable_records, pairs from lake.raw.crawl_files order by all")
    assert found == [(3, 1, 2), (4, 1, 3)]


@pytest.mark.parametrize("moment", ["starting", "reading"])
def test_an_interrupt_ends_all_processes_in_one_line_and_leaves_nothing(
    moment: str, mirror: Path
) -> None:
    links = [image(f"{n}.jpg", f"number {n}") for n in range(2_000)]
    pages = [member(page_json(links), f"http://a.example/{n}/") for n in range(200)]
    write_crawl(mirror, *[wat(*pages)] * 4)
    command = [sys.executable, "-m", "pairlake", "crawl", "--crawl", CRAWL, "--files", "all"]
    workspace = settings().home / "tmp" / "crawl"

    def has_come(process: subprocess.Popen[str]) -> bool:
        if moment == "reading":
            return bool(list(workspace.glob("run-*/*/sightings.parquet")))
        # The first keeps account of semaphores, the second is to read.
        return len(psutil.Process(process.pid).children()) > 1

    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while not has_come(process):
            assert process.poll() is None
            time.sleep(0.05)
        # As a terminal does, to all of them.
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait() == 130
        assert process.stderr is not None
        assert process.stderr.read() == "Interrupted; what had landed is kept.\n"
    assert rows("select count(*) from lake.raw.crawl_files") == [(0,)]
    assert [path.name for path in workspace.iterdir()] == ["lock"]


def test_nothing_is_left_in_the_workspace(mirror: Path) -> None:
    write_crawl(mirror, THREE_PAGES)
    left = settings().home / "tmp" / "crawl" / "run-of-one-that-was-killed"
    left.mkdir(parents=True)
    (left / "pairs-0.parquet").write_bytes(b"x")
    crawl(crawl_paths(CRAWL), crawl_id=CRAWL)
    assert [path.name for path in left.parent.iterdir()] == ["lock"]


def test_a_crawl_is_read_over_http(site: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_CRAWL_ROOT", f"{site.url}/")
    site.serve(f"/crawl-data/{CRAWL}/wat.paths.gz", gzip.compress(PATH.encode()))
    site.serve(f"/{PATH}", THREE_PAGES)
    crawl(crawl_paths(CRAWL), crawl_id=CRAWL)
    assert rows("select path, outcome, pairs from lake.raw.crawl_files") == [(PATH, "ok", 3)]


def test_no_password_lands_and_a_new_signature_is_no_new_file(site: Web) -> None:
    pages = [image("//me:zzz@a.example/1.jpg", "a dog"), image("//a.example/@me/1.jpg", "a cat")]
    site.serve("/lists/x.wat.gz", wat(member(page_json(pages), "http://me:zzz@a.example/page")))
    site.serve("/lists/refused", b"", 403)
    place = site.url.replace("//", "//me:zzz@") + "/lists/x.wat.gz?part=1&X-Amz-Signature="
    first = crawl([f"{place}zzz1&X-Amz-Date=1", f"{site.url}/lists/refused?sig=zzz"])
    again = crawl([f"{place}zzz2&X-Amz-Date=2"])
    assert first.outcomes == {"ok": 1, "http_error": 1}
    assert (first.pairs, first.with_login, again.skipped) == (1, 1, 1)
    assert "1 left out for a login in their URL" in str(first)
    landed = rows("select path, error from lake.raw.crawl_files order by path")
    assert landed == [
        (f"{site.url}/lists/refused", landed[0][1]),
        (f"{site.url}/lists/x.wat.gz?part=1", None),
    ]
    pairs = rows("select crawl_id, image_url, sightings[1].page_url from lake.raw.image_text_pairs")
    assert pairs == [("lists", "http://a.example/@me/1.jpg", "http://a.example/page")]
    with pytest.raises(CrawlFileMissing) as refusal:
        named_files(["ftp://me:zzz@127.0.0.1:9/list.csv"])
    everywhere = [file.read_bytes() for file in settings().home.rglob("*") if file.is_file()]
    assert not any(b"zzz" in found for found in [*everywhere, str(refusal.value).encode()])
    assert "zzz" not in f"{landed}{first}"


def test_a_sample_is_drawn_once_from_the_whole_listing(mirror: Path) -> None:
    write_crawl(mirror, *[b"x"] * 20)
    drawn = crawl_paths(CRAWL, 8, seed=7)
    assert drawn == crawl_paths(CRAWL, 8, seed=7)
    assert len(set(drawn)) == 8
    assert set(drawn) < set(crawl_paths(CRAWL))
    assert drawn not in (crawl_paths(CRAWL, 8), crawl_paths(CRAWL, 8, seed=8))
    assert sorted(crawl_paths(CRAWL, 99, seed=7)) == sorted(crawl_paths(CRAWL))


@pytest.mark.parametrize("name", ["nosuch.warc.wat.gz", "nosuch://x/y.gz", "no*.gz", "s3:/x"])
def test_a_file_named_by_a_user_must_be_there(name: str) -> None:
    with pytest.raises(CrawlFileMissing, match=f"crawl file {re.escape(name)}"):
        named_files([name])


def test_an_empty_name_is_not_the_folder_of_the_command() -> None:
    with pytest.raises(CrawlFileMissing, match="crawl file ''"):
        named_files([""])


def test_folders_globs_urls_and_standard_input_name_files(tmp_path: Path, site: Web) -> None:
    files = tmp_path / "files"
    for name in ("b.gz", "a.gz", "deep/c.warc", ".hidden", "_SUCCESS", "deep/_tmp/d.gz"):
        (files / name).parent.mkdir(parents=True, exist_ok=True)
        (files / name).write_bytes(b"x")
    a, b, c = (str(files / name) for name in ("a.gz", "b.gz", "deep/c.warc"))
    url = site.serve("/b.gz", b"x")
    assert named_files([str(files)]) == [a, b, c]
    assert named_files([f"{files}/*.gz", url, a]) == [a, b, url]
    assert named_files(["-"], [f"{b}\n", "\n", f"  {files}/deep \n"]) == [b, c]
    assert named_files([f"{site.url}/c.gz?token=1"]) == [f"{site.url}/c.gz?token=1"]
    with pytest.raises(CrawlFileMissing, match="Standard input names no crawl file"):
        named_files(["-"], ["\n"])
    (files / "empty").mkdir()
    with pytest.raises(CrawlFileMissing, match="empty"):
        named_files([str(files / "empty")])


def test_files_of_no_crawl_go_by_their_folder(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "x.warc.wat.gz").write_bytes(THREE_PAGES)
    named = str(tmp_path / "archive" / ".." / "archive" / "x.warc.wat.gz")
    (tmp_path / "archive" / "plain.csv").write_text("URL,TEXT\nhttp://a.example/,a cat\n")
    crawl([named, str(tmp_path / "archive" / "plain.csv")])
    crawl([named], crawl_id="mine")
    query = "select crawl_id, path, outcome, is_list from lake.raw.crawl_files order by all"
    assert rows(query) == [
        ("archive", str(tmp_path / "archive" / "plain.csv"), "ok", True),
        ("archive", str(tmp_path / "archive" / "x.warc.wat.gz"), "ok", False),
        ("mine", str(tmp_path / "archive" / "x.warc.wat.gz"), "ok", False),
    ]


def test_a_crawl_without_a_listing_is_one_clear_sentence(mirror: Path) -> None:
    with pytest.raises(CrawlFileMissing, match="CC-NOSUCH has no readable listing"):
        crawl_paths("CC-NOSUCH")
    listing = mirror / "crawl-data" / CRAWL / "wat.paths.gz"
    listing.parent.mkdir(parents=True)
    listing.write_bytes(b"<html>")
    with pytest.raises(CrawlFileMissing, match="check the name"):
        crawl_paths(CRAWL)
