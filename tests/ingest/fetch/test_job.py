"""The job around the downloads: what lands, in which batches, and what an interrupt leaves."""

from __future__ import annotations

import _thread
import asyncio
import gc
import hashlib
import io
import signal
from pathlib import Path

import pytest
from aiohttp import web
from PIL import Image

from pairlake.ingest.fetch import batches, job
from pairlake.ingest.fetch.batches import Batches
from pairlake.ingest.fetch.job import fetch, fetch_urls
from pairlake.ingest.images.attempt import Download
from pairlake.lake.catalog import connect
from pairlake.lake.errors import BadRequest, BadSetting, TableMissing
from pairlake.lake.keys import image_id, text_id
from pairlake.lake.locks import alone
from tests.ingest.conftest import Web
from tests.ingest.drawn import JPEG, encoded, noise
from tests.ingest.fetching import fetch_all, md5_of, rows
from tests.macro import rendered

HOST = rendered("host.sql", "host_of('url')")


def test_a_picture_lands_with_its_download_and_its_pixels(site: Web) -> None:
    body = encoded(noise(1000, 500), "WEBP")
    url = site.serve("/1", body, Content_Type="text/html")
    summary = fetch_all(url)
    assert (summary.outcomes, summary.images, summary.downloads) == ({"ok": 1}, 1, 1)
    sha256, md5 = hashlib.sha256(body).digest(), md5_of(body)
    ((*download, elapsed),) = rows(
        "select url_id, outcome, error, http_status, final_url, content_type, bytes, image_id, "
        "md5, sha256, opt_out_evidence, elapsed_ms from lake.raw.downloads"
    )
    assert download == [
        *(text_id(url), "ok", None, 200, url, "text/html", len(body)),
        *(image_id(sha256), md5, sha256, None),
    ]
    assert 0 <= elapsed < 600_000
    assert rows("select image_id, width, height, format, bytes, sha256 from lake.raw.images") == [
        (image_id(sha256), 1000, 500, "webp", len(body), sha256)
    ]
    ((image, pixels, encoding, width, height),) = rows(
        "select image_id, pixels, encoding, width, height from lake.raw.image_pixels"
    )
    assert (image, encoding, width, height) == (image_id(sha256), "jpeg", 768, 384)
    assert Image.open(io.BytesIO(pixels)).size == (768, 384)


def test_an_image_lands_once_however_often_it_comes(site: Web) -> None:
    first, second, third = (site.serve(f"/{number}", JPEG) for number in range(3))
    assert fetch_all(first, second).images == 1
    assert fetch_all(third).images == 0
    assert rows("select count(*), count(distinct image_id) from lake.raw.downloads") == [(3, 1)]
    assert rows("select count(*) from lake.raw.images") == [(1,)]
    assert rows("select count(*) from lake.raw.image_pixels") == [(1,)]


def test_pixels_that_were_released_land_again_and_those_that_are_there_do_not(site: Web) -> None:
    released, kept = site.serve("/1", JPEG), site.serve("/2", encoded(noise(40, 40), "JPEG"))
    fetch_all(released, kept)
    with connect() as con:
        con.execute(
            "delete from lake.raw.image_pixels where image_id = "
            "(select image_id from lake.raw.downloads where url_id = ?)",
            [text_id(released)],
        )
    assert fetch_all(released, kept).images == 0
    assert rows("select count(*) from lake.raw.images") == [(2,)]
    assert rows("select count(*), count(distinct image_id) from lake.raw.image_pixels") == [(2, 2)]


def test_batches_land_as_they_fill(site: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "LAND_DOWNLOADS", 3)
    monkeypatch.setenv("PAIRLAKE_FETCH_CONCURRENCY", "2")
    urls = [site.serve(f"/{number}", encoded(noise(40, 40, number), "JPEG")) for number in range(8)]
    landed: list[str] = []
    summary = fetch_urls([(text_id(url), url) for url in urls], progress=landed.append)
    assert landed[-1].startswith("fetch: 8 images ")
    assert landed[-1].endswith(", 8 ok]")
    assert summary.downloads == summary.images == len(urls)
    assert len(landed) >= 2
    assert rows("select count(distinct attempt_id) from lake.raw.downloads") == [(len(landed),)]
    assert rows("select count(*) from lake.raw.image_pixels") == [(8,)]


def test_what_has_landed_is_let_go(site: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "LAND_DOWNLOADS", 4)
    monkeypatch.setenv("PAIRLAKE_FETCH_CONCURRENCY", "8")
    urls = [site.serve(f"/{number}", JPEG + bytes([number])) for number in range(80)]
    held: list[int] = []

    def count(_: str = "") -> None:
        held.append(sum(type(found) is Download for found in gc.get_objects()))

    # What other tests have left is not ours.
    gc.collect()
    count()
    fetch_urls([(text_id(url), url) for url in urls], progress=count)
    # One batch that has just landed, one or two that wait, and one download in each worker's hand.
    assert max(held) - held[0] <= 3 * 4 + 8, held


def test_an_interrupt_keeps_what_has_been_downloaded(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    def interrupt(running: Batches) -> bool:
        if len(running._pending) == 2:
            _thread.interrupt_main()
        return False

    # Where the tests themselves run in the background, it is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setenv("PAIRLAKE_FETCH_TIMEOUT_S", "60")
    monkeypatch.setattr(Batches, "is_due", property(interrupt))
    site.routes["/last"] = silent
    urls = [site.serve("/1", JPEG), site.serve("/2", JPEG), f"{site.url}/last"]
    try:
        with pytest.raises(KeyboardInterrupt):
            fetch_all(*urls)
    finally:
        signal.signal(signal.SIGINT, before)
    assert rows("select outcome from lake.raw.downloads") == [("ok",), ("ok",)]


def worklist_of(*urls: str) -> None:
    con = connect()
    con.execute("create schema lake.intermediate")
    con.execute(
        "create view lake.intermediate.int_urls_awaiting_download as "
        f"select md5(url)::uuid as url_id, url as image_url, {HOST} as host "
        f"from (select unnest({list(urls)}) as url) "
        "anti join lake.raw.downloads on downloads.url_id = md5(url)::uuid"
    )
    con.close()


def test_the_worklist_is_worked_off_and_then_empty(site: Web) -> None:
    worklist_of(*(site.serve(f"/{number}", JPEG) for number in range(5)))
    first, rest, again = fetch(limit=2), fetch(), fetch(limit=2)
    assert (first.outcomes, first.waiting) == ({"ok": 2}, 3)
    assert str(first).endswith("; stopped after 2 images; 3 images still await their download")
    assert (rest.outcomes, rest.waiting, rest.stopped_after) == ({"ok": 3}, 0, None)
    assert (again.outcomes, str(again)) == ({}, "nothing to do")
    assert len(site.asked) == 5


def test_a_limit_that_is_just_enough_has_stopped_nothing(site: Web) -> None:
    worklist_of(*(site.serve(f"/{number}", JPEG) for number in range(2)))
    summary = fetch(limit=2, minutes=10)
    assert (summary.downloads, summary.waiting, summary.stopped_after) == (2, 0, None)
    assert "await" not in str(summary)


def test_when_the_time_is_up_downloads_under_way_end_and_none_begins(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def until_the_time_is_up(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1)
        return web.Response(body=JPEG)

    monkeypatch.setenv("PAIRLAKE_FETCH_CONCURRENCY", "2")
    paths = [f"/{number}" for number in range(5)]
    site.routes.update(dict.fromkeys(paths, until_the_time_is_up))
    worklist_of(*(site.url + path for path in paths))
    summary = fetch(minutes=0.5 / 60)
    assert (summary.outcomes, summary.waiting, len(site.asked)) == ({"ok": 2}, 3, 2)
    assert ("; stopped after 0.00833333 min; 3 images still await their download") in str(summary)
    assert rows("select outcome from lake.raw.downloads") == [("ok",), ("ok",)]
    assert fetch(minutes=10).outcomes == {"ok": 3}


def test_whoever_runs_a_server_must_be_able_to_reach_us(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    worklist_of(site.serve("/1", JPEG))
    for agent in ("", "pairlake/0.1", "pairlake/0.1 (at my desk)"):
        monkeypatch.setenv("PAIRLAKE_USER_AGENT", agent)
        with pytest.raises(BadSetting, match="PAIRLAKE_USER_AGENT"):
            fetch()
    assert (site.asked, site.asked_of_rules) == ([], [])
    monkeypatch.setenv("PAIRLAKE_USER_AGENT", "pairlake/0.1 (+https://me.example/crawler)")
    assert fetch().outcomes == {"ok": 1}


def test_two_do_not_fetch_at_once(home: Path) -> None:
    held = alone(home / job.LOCK, BadRequest("the test holds it"))
    with held, pytest.raises(BadRequest, match="Another fetch"):
        fetch()


def test_no_answer_ends_the_job(site: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    for when in ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "9" * 400, "soon", "-1", "²"):
        url = site.serve("/busy", b"", 429, Retry_After=when.encode().decode("latin-1"))
        fetch_all(url)

    async def strange(*_: object) -> object:
        raise ArithmeticError("a robot")

    monkeypatch.setattr("pairlake.ingest.fetch.download.Downloader._ask", strange)
    assert set(fetch_all(site.serve("/1", JPEG)).outcomes) == {"failed"}
    assert rows("select error from lake.raw.downloads where outcome = 'failed'") == [
        ("ArithmeticError: a robot",)
    ]


def test_without_a_worklist_there_is_one_clear_sentence(home: Path) -> None:
    with pytest.raises(TableMissing, match="dbt build"):
        fetch()
