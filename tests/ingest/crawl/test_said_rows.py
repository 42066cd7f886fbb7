"""What pages say becomes rows: of pages of which anything landed, each once."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pairlake.ingest.crawl.file import read_crawl_file
from pairlake.ingest.crawl.job import crawl
from pairlake.lake.catalog import rows
from pairlake.lake.keys import text_id
from tests.ingest.wats import image, member, page_json, response, wat

URL = "http://a.example/"


def read(content: bytes, table: str = "raw.pages") -> list[dict[str, Any]]:
    """The rows of a crawl file for a table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x")
        path.write_bytes(content)
        reading = read_crawl_file(str(path), crawl_id="c", path="p", folder=Path(folder, "rows"))
        assert reading.file.outcome == "ok", reading.file.error
        found = [str(file) for file in reading.tables.get(table, ())]
        with duckdb.connect() as con:
            return con.read_parquet(found).pl().to_dicts() if found else []


def page(robots: str, *links: Any, url: str = URL, date: str = "2026-11-17T08:30:00Z") -> bytes:
    """The record of a page in a WAT."""
    head = {"Metas": [{"name": "robots", "content": robots}]}
    record = json.loads(page_json(links or [image("1.jpg", "a kite")], head))
    record["Envelope"]["WARC-Header-Metadata"]["WARC-Date"] = date
    return member(json.dumps(record).encode(), url)


def test_a_page_is_a_row() -> None:
    (row,) = read(wat(page("noai")))
    offset = row.pop("record_offset")
    assert offset > 0
    assert str(row.pop("page_id")) == str(text_id(URL))
    evidence = '<meta name="robots" content="noai">'
    assert row.pop("wishes") == [{"property": "robots", "value": "noai", "evidence": evidence}]
    assert row.pop("heard_at").isoformat() == "2026-11-17T08:30:00"
    assert row == {
        "page_url": URL,
        "crawl_id": "c",
        "path": "p",
        "language": None,
        "license_url": None,
        "rsl_url": None,
    }


@pytest.mark.parametrize(
    "link",
    [
        image("1.jpg", "\u200b"),
        image("data:x", "a kite"),
        image("http://me:pw@a.example/1.jpg", "a kite"),
    ],
)
def test_a_page_of_which_nothing_lands_is_none(link: Any) -> None:
    found = read(wat(page("noai", link), page("none", url="http://b.example/")))
    assert [row["page_url"] for row in found] == ["http://b.example/"]


def test_a_page_without_a_url_of_use_is_none() -> None:
    assert read(wat(page("noai", url=f"http://a.example/{'x' * 3_000}"))) == []


def test_the_login_of_a_page_is_no_part_of_it() -> None:
    shown = image("http://a.example/1.jpg", "a kite")
    (row,) = read(wat(page("noai", shown, url="http://me:pw@a.example/")))
    assert (row["page_url"], str(row["page_id"])) == (URL, str(text_id(URL)))


def test_of_a_page_that_came_again_the_latest_counts() -> None:
    dates = ("2026-11-17T08:30:00Z", "2026-11-18T08:30:00+02:00", "2026-11-16T08:30:00Z", "none")
    pages = [page(f"term-{number}", date=date) for number, date in enumerate(dates)]
    others = [page("other", url=f"http://b.example/{number}") for number in range(3)]
    found = read(wat(*pages, *others))
    assert len(found) == 4
    assert [row["wishes"][0]["value"] for row in found if row["page_url"] == URL] == ["term-1"]
    # Of two at once the later record.
    found = read(wat(page("first"), page("second")))
    assert [row["wishes"][0]["value"] for row in found] == ["second"]


SCRIPT = (
    '<img src="1.jpg" alt="a kite"><script type="application/ld+json">{"@type":"ImageObject",'
    '"contentUrl":"1.jpg","creditText":"me","license":"https://b.example/"}</script>'
)


def test_a_licence_of_an_image_is_a_row() -> None:
    content = response(SCRIPT.encode(), URL) + response(SCRIPT.replace("me", "us").encode(), URL)
    (row,) = read(content, "raw.image_licenses")
    assert str(row.pop("url_id")) == str(text_id(f"{URL}1.jpg"))
    assert str(row.pop("page_id")) == str(text_id(URL))
    assert row.pop("heard_at") is not None
    assert row == {
        "crawl_id": "c",
        "path": "p",
        "license_url": "https://b.example/",
        "creator": None,
        "credit": "us",
        "copyright": None,
    }


def test_they_land_with_their_pairs_once(tmp_path: Path) -> None:
    path = tmp_path / "x.warc.gz"
    path.write_bytes(response(SCRIPT.encode(), URL))
    for _ in range(2):
        crawl([str(path)])
    said = "select page_url, heard_at is not null, attempt_id is not null from lake.raw.pages"
    assert rows(said) == [(URL, True, True)]
    assert rows("select credit, copyright from lake.raw.image_licenses") == [("me", None)]
    joined = (
        "select count(*) from lake.raw.pages join (select unnest(sightings) as s "
        "from lake.raw.image_text_pairs) on page_id = md5(s.page_url)::uuid"
    )
    assert rows(joined) == [(1,)]
