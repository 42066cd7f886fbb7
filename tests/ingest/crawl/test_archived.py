"""A web archive's images land with its pages, as if they had been fetched when it was crawled."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pairlake.ingest.crawl import archived
from pairlake.ingest.crawl.file import read_crawl_file
from pairlake.ingest.crawl.job import crawl
from pairlake.ingest.images import landing
from pairlake.ingest.images.blocked import Blocked
from pairlake.lake.catalog import connect
from pairlake.lake.keys import image_id, text_id
from pairlake.lake.takedowns import record_takedowns
from tests.ingest.drawn import JPEG, encoded, noise
from tests.ingest.fetching import md5_of, rows
from tests.ingest.marked import packet, with_xmp
from tests.ingest.wats import THREE_PAGES

PAIRS = "raw.image_text_pairs"
HOST = "http://old.example"
PNG = encoded(noise(40, 30, 1), "PNG")
GIF = encoded(noise(20, 20, 2), "GIF")

Headers = Sequence[tuple[str, str]]
Answer = tuple[str, int, Headers, bytes]


def answer(path: str, body: bytes = JPEG, status: int = 200, **headers: str) -> Answer:
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return path, status, fields, body


def page(*paths: str) -> Answer:
    shown = "".join(f'<img src="{path}" alt="a picture of {path}">' for path in paths)
    return "/", 200, [("Content-Type", "text/html")], shown.encode()


def record(kind: str, url: str, minute: int, content: bytes) -> bytes:
    """One record of a WARC, in a member of gzip of its own."""
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\n"
        f"WARC-Date: 2014-08-01T12:{minute:02}:00Z\r\n"
        "Content-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + content + b"\r\n\r\n")


def archive(folder: Path, *answers: Answer | bytes, name: str = "x.warc.gz") -> Path:
    """A WARC of these answers and records, each crawled a minute after the one before."""
    records = []
    for minute, answered in enumerate(answers):
        if isinstance(answered, bytes):
            records.append(answered)
            continue
        path, status, fields, body = answered
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        http = f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + body
        url = path if "://" in path else HOST + path
        records.append(record("response", url, minute, http))
    (folder / name).write_bytes(b"".join(records))
    return folder / name


def taken(folder: Path, *answers: Answer | bytes, hash_lists: str = "") -> list[dict[str, Any]]:
    """The rows of raw.downloads that one archive brings, with the path that was asked for."""
    con = connect()
    reading = read_crawl_file(
        str(archive(folder, *answers)),
        crawl_id="old",
        path="x",
        folder=folder / "read",
        blocked=Blocked(con, hash_lists),
    )
    con.close()
    assert (reading.file.outcome, reading.file.error) == ("ok", None)
    pairs = [row for part in reading.tables[PAIRS] for row in pq.read_table(part).to_pylist()]
    paths = {pair["url_id"]: pair["image_url"].removeprefix(HOST) for pair in pairs}
    parts = reading.tables.get(landing.DOWNLOADS, ())
    found = [row for part in parts for row in pq.read_table(part).to_pylist()]
    assert reading.file.downloads == len(found)
    return [{**row, "path": paths[row["url_id"]]} for row in found]


def landed(folder: Path, *answers: Answer | bytes) -> dict[str, str]:
    """The outcome of each image of one archive, by its path."""
    return {row["path"]: row["outcome"] for row in taken(folder, *answers)}


def test_an_image_lands_as_if_it_had_been_fetched(tmp_path: Path) -> None:
    answers = [
        answer("/before.jpg", JPEG, Content_Type="image/jpeg"),
        page("before.jpg", "/behind.png", "lost.jpg"),
        answer("/behind.png", PNG, Content_Type="text/plain"),
        answer("/not-shown.gif", GIF),
    ]
    summary = crawl([str(archive(tmp_path, *answers))], with_bytes=True)
    assert (summary.pairs, summary.downloads) == (3, 2)
    assert "2 downloads out of the files" in str(summary)
    assert rows(
        "select url_id, attempted_at, outcome, http_status, final_url, content_type, bytes, "
        "image_id, md5, sha256, error from lake.raw.downloads order by attempted_at"
    ) == [
        (
            text_id(f"{HOST}/{name}"),
            datetime(2014, 8, 1, 12, minute),
            "ok",
            200,
            f"{HOST}/{name}",
            kind,
            len(body),
            image_id(sha256(body).digest()),
            md5_of(body),
            sha256(body).digest(),
            None,
        )
        for name, minute, kind, body in (
            ("before.jpg", 0, "image/jpeg", JPEG),
            ("behind.png", 2, "text/plain", PNG),
        )
    ]
    assert rows(
        "select i.width, i.height, format, frames, p.width, encoding, first_seen_at = attempted_at "
        "from lake.raw.images i join lake.raw.image_pixels p using (image_id) "
        "join lake.raw.downloads using (image_id) order by format"
    ) == [(96, 64, "jpeg", 1, 96, "jpeg", True), (40, 30, "png", 1, 40, "jpeg", True)]
    # The rows of one file land with it.
    assert rows(
        "select count(distinct attempt_id), max(f.downloads) from lake.raw.crawl_files f "
        "join lake.raw.downloads using (attempt_id)"
    ) == [(1, 2)]


def test_what_is_no_whole_picture_is_left_to_fetch(tmp_path: Path) -> None:
    bodies = {"html.jpg": b"<html>", "half.jpg": JPEG[:500], "none.jpg": b"", "svg.jpg": b"<svg "}
    answers = [answer(f"/{name}", body) for name, body in bodies.items()]
    answers += [answer("/gone.jpg", JPEG, 404), answer("/kept.jpg"), answer("/large.jpg", b"x" * 9)]
    answers += [answer("/bomb.jpg", gzip.compress(bytes(10**7)), Content_Encoding="gzip")]
    shown = [path.strip("/") for path, *_ in answers]
    assert landed(tmp_path, *answers, page(*shown)) == {"/kept.jpg": "ok"}


def test_redirects_within_the_archive_are_followed(tmp_path: Path) -> None:
    hops = [answer(f"/{n}", b"", 302, Location=f"/{n + 1}") for n in range(7)]
    answers = [
        page("0", "2", "loop", "out", "page"),
        answer("/7", GIF),
        *hops,
        answer("/loop", b"", 301, Location="/loop"),
        answer("/out", b"", 301, Location="http://other.example/1.jpg#x"),
        answer("http://other.example/1.jpg"),
        answer("/page", b"", 301, Location="http://[bad"),
    ]
    found = {row["path"]: row["final_url"] for row in taken(tmp_path, *answers)}
    assert found == {"/2": f"{HOST}/7", "/out": "http://other.example/1.jpg"}


def test_wishes_count_as_where_they_are_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_USES", "train")
    refusing = {
        "robots": {"X_Robots_Tag": "noai, noimageai"},
        "tdm": {"TDM_Reservation": "1"},
        "usage": {"Content_Usage": "train-ai=n"},
        "other": {"X_Robots_Tag": "otherbot: noai"},
        "ours": {"X_Robots_Tag": "pairlake: noai"},
    }
    answers = [answer(f"/{name}", **headers) for name, headers in refusing.items()]
    answers += [answer("/hop", b"", 302, Location="/fine", X_Robots_Tag="noai"), answer("/fine")]
    # An error speaks of itself.
    answers += [answer("/error", b"", 404, X_Robots_Tag="noai")]
    found = taken(tmp_path, *answers, page(*refusing, "hop", "fine", "error"))
    assert {row["path"]: row["outcome"] for row in found} == {
        "/robots": "opted_out_x_robots_tag",
        "/tdm": "opted_out_tdmrep",
        "/usage": "opted_out_content_usage",
        "/other": "ok",
        "/ours": "opted_out_x_robots_tag",
        "/hop": "opted_out_x_robots_tag",
        "/fine": "ok",
    }
    said = {row["opt_out_evidence"] for row in found if "robots" in row["outcome"]}
    assert said == {
        "X-Robots-Tag: noai",
        "X-Robots-Tag: noai, noimageai",
        "X-Robots-Tag: pairlake: noai",
    }
    assert {row["image_id"] for row in found if row["outcome"] != "ok"} == {None}


def test_what_an_archived_picture_says_of_its_rights_lands_once(tmp_path: Path) -> None:
    ann, bea = (with_xmp("png", packet(dc_rights=text)) for text in ("© Ann", "© Bea"))
    answers = [page("1.png", "2.png"), answer("/1.png", ann), answer("/2.png", bea)]
    query = (
        "select image_id, property, value, heard_at from lake.raw.image_rights "
        "join lake.raw.downloads using (image_id) where heard_at = attempted_at order by value"
    )
    expected = [
        (image_id(sha256(body).digest()), "dc:rights", text, datetime(2014, 8, 1, 12, minute))
        for body, text, minute in ((ann, "© Ann", 1), (bea, "© Bea", 2))
    ]
    crawl([str(archive(tmp_path, *answers[:2]))], with_bytes=True)
    assert rows(query) == expected[:1]
    crawl([str(archive(tmp_path, *answers, name="again.warc"))], with_bytes=True)
    assert rows(query)[-1:] == expected[1:]
    assert rows("select count(*) from lake.raw.image_rights") == [(2,)]


def test_what_an_answer_wishes_of_an_archived_picture_lands(tmp_path: Path) -> None:
    answers = [page("1.jpg"), answer("/1.jpg", Content_Usage="search=n, train-ai=y")]
    crawl([str(archive(tmp_path, *answers))], with_bytes=True)
    assert rows("select property, value, heard_at from lake.raw.wishes order by value") == [
        ("Content-Usage", value, datetime(2014, 8, 1, 12, 1))
        for value in ("search=n", "train-ai=y")
    ]


def test_redirects_of_an_archive_have_their_say_of_what_led_over_them_alone(tmp_path: Path) -> None:
    """What may not be trained on, or not be found, comes; what may neither is left out."""
    answers = [
        page("2", "1", "0", "3"),
        answer("/0", b"", 302, Location="/1", TDM_Reservation="0"),
        answer("/1", b"", 302, Location="/2", X_Robots_Tag="otherbot: none, pairlake: noml"),
        answer("/2", GIF, X_Robots_Tag="nofollow"),
        answer("/3", b"", 302, Location="/4", X_Robots_Tag="noai"),
        answer("/4", PNG, X_Robots_Tag="noindex"),
    ]
    crawl([str(archive(tmp_path, *answers))], with_bytes=True)
    paths = {text_id(f"{HOST}/{number}"): number for number in range(4)}
    found = rows("select url_id, outcome from lake.raw.downloads")
    assert {paths[key]: outcome for key, outcome in found} == {
        **dict.fromkeys(range(3), "ok"),
        3: "opted_out_x_robots_tag",
    }
    said = rows("select url_id, value from lake.raw.wishes")
    assert sorted((paths[key], value) for key, value in said) == [
        (0, "0"),
        (0, "nofollow"),
        (0, "noml"),
        (1, "nofollow"),
        (1, "noml"),
        (2, "nofollow"),
        (3, "noai"),
        (3, "noindex"),
    ]


def test_what_was_taken_down_is_not_kept(tmp_path: Path) -> None:
    listed = tmp_path / "hashes"
    listed.write_text(md5_of(GIF).hex)
    record_takedowns({"url": [f"{HOST}/url.jpg"], "domain": ["gone.example"]})
    answers = [
        page("url.jpg", "hash.gif", "http://img.gone.example/1.jpg", "moved.jpg", "kept.png"),
        answer("/url.jpg"),
        answer("/hash.gif", GIF),
        answer("http://img.gone.example/1.jpg"),
        answer("/moved.jpg", b"", 301, Location="http://gone.example/2.jpg"),
        answer("http://gone.example/2.jpg"),
        answer("/kept.png", PNG),
    ]
    found = taken(tmp_path, *answers, hash_lists=str(listed))
    assert {row["path"]: row["outcome"] for row in found} == {
        "/url.jpg": "blocked",
        "/hash.gif": "blocked",
        "http://img.gone.example/1.jpg": "blocked",
        "/moved.jpg": "blocked",
        "/kept.png": "ok",
    }
    # No byte of the others is on its way.
    [images] = (tmp_path / "read").glob("raw.images-*")
    assert pq.read_table(images)["md5"].to_pylist() == [md5_of(PNG)]


def test_bodies_are_as_they_were_before_they_were_sent(tmp_path: Path) -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (JPEG[:100], JPEG[100:]))
    answers = [
        answer("/packed", gzip.compress(PNG), Content_Encoding="gzip"),
        # As most crawlers keep them.
        answer("/unpacked", PNG, Content_Encoding="gzip"),
        answer("/chunks", chunks + b"0\r\n\r\n", Transfer_Encoding="chunked"),
        answer("/joined", JPEG, Transfer_Encoding="chunked"),
    ]
    names = ["packed", "unpacked", "chunks", "joined"]
    found = {row["path"]: row["md5"] for row in taken(tmp_path, page(*names), *answers)}
    assert [found[f"/{name}"] for name in names] == list(map(md5_of, (PNG, PNG, JPEG, JPEG)))
    [images] = (tmp_path / "read").glob("raw.images-*")
    assert pq.read_metadata(images).num_rows == 2


def test_each_answer_of_an_image_is_an_attempt(tmp_path: Path) -> None:
    """However the image's URL is written."""
    answers = [page("a b.jpg#x"), answer("/a b.jpg", GIF), answer("/a%20b.jpg", PNG)]
    found = taken(tmp_path, *answers)
    assert [row["md5"] for row in found] == [md5_of(GIF), md5_of(PNG)]
    assert len({row["attempted_at"] for row in found}) == 2


def test_a_revisit_holds_no_picture(tmp_path: Path) -> None:
    http = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n"
    revisit = record("revisit", f"{HOST}/1.jpg", 9, http)
    assert landed(tmp_path, page("1.jpg", "2.jpg"), answer("/2.jpg"), revisit) == {"/2.jpg": "ok"}


def counted() -> list[tuple[int, ...]]:
    tables = ("image_text_pairs", "downloads", "images", "image_pixels")
    return [rows(f"select count(*) from lake.raw.{table}")[0] for table in tables]


def test_images_are_taken_later_once_and_not_twice(tmp_path: Path) -> None:
    files = [
        archive(tmp_path, page("1.jpg"), answer("/1.jpg"), name="1.warc.gz"),
        archive(tmp_path, page("2.jpg"), answer("/2.jpg"), name="2.warc.gz"),
    ]
    (tmp_path / "3.wat.gz").write_bytes(THREE_PAGES)
    names = [*map(str, files), str(tmp_path / "3.wat.gz")]
    assert crawl(names).downloads is None
    assert counted() == [(5,), (0,), (0,), (0,)]
    again = crawl(names, with_bytes=True)
    assert (again.outcomes, again.pairs, again.downloads) == ({"ok": 3}, 0, 2)
    # Both are the same picture.
    assert counted() == [(5,), (2,), (1,), (1,)]
    for with_bytes in (True, False):
        assert crawl(names, with_bytes=with_bytes).skipped == 3


def test_what_a_damaged_archive_holds_lands_once(tmp_path: Path) -> None:
    file = archive(tmp_path, page("1.jpg", "2.jpg"), answer("/1.jpg"), answer("/2.jpg", PNG))
    whole = file.read_bytes()
    file.write_bytes(whole[:-200])
    first, again = (crawl([str(file)], with_bytes=True) for _ in range(2))
    assert (first.outcomes, first.downloads) == ({"truncated": 1}, 1)
    assert (again.outcomes, again.downloads) == ({"truncated": 1}, 0)
    assert counted() == [(2,), (1,), (1,), (1,)]
    file.write_bytes(whole)
    assert crawl([str(file)], with_bytes=True).outcomes == {"ok": 1}
    # Staging keeps one attempt of a file, and of a URL at one moment.
    assert counted()[2:] == [(2,), (2,)]


def test_images_land_in_parts_of_a_bounded_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing, "PART_DOWNLOADS", 2)
    parts = landing.Parts(tmp_path)
    for _ in range(5):
        parts.add(landing.Download(url_id=uuid.uuid4()))
    assert {name: len(files) for name, files in parts.written().items()} == {"raw.downloads": 3}


def test_a_picture_that_nobody_foresaw_costs_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strange(response: object) -> bytes:
        raise RuntimeError("a picture")

    file = archive(tmp_path, page("1.jpg", "2.jpg"), answer("/1.jpg"), answer("/2.jpg", PNG))
    whole: Callable[[object], bytes] = archived._body  # type: ignore[assignment]
    monkeypatch.setattr(
        archived, "_body", lambda response: strange(1) if response.body == JPEG else whole(response)
    )
    con = connect()
    row = read_crawl_file(
        str(file), crawl_id="x", path="x", folder=tmp_path / "read", blocked=Blocked(con, "")
    ).file
    con.close()
    assert (row.outcome, row.pairs, row.downloads) == ("failed", 2, 1)
    assert (row.error or "").endswith(": RuntimeError: a picture")
