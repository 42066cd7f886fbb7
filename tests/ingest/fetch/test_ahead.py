"""What lies before `fetch` is counted from its worklist, and weighed by what has come so far."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pairlake.ingest.fetch.job import ASSUMED_BYTES, ENOUGH_DOWNLOADS, Ahead, ahead_of, awaiting
from pairlake.lake.append import append
from pairlake.lake.catalog import writing
from pairlake.lake.errors import TableMissing
from pairlake.lake.keys import text_id
from tests.macro import rendered

HOST = rendered("host.sql", "host_of('url')")


def _worklist_of(*urls: str) -> None:
    with writing() as con:
        con.execute("create schema lake.intermediate")
        con.execute(
            "create view lake.intermediate.int_urls_awaiting_download as select "
            f"md5(url)::uuid as url_id, url as image_url, {HOST} as host from "
            f"unnest({list(urls)}::varchar[]) as t (url)"
        )


def _ahead() -> Ahead:
    with awaiting() as work:
        return ahead_of(work)


def _downloads(count: int, bytes_each: int | None, outcome: str = "ok") -> None:
    sizes = pa.array([bytes_each] * count, pa.int64())
    append({"raw.downloads": pa.table({"outcome": [outcome] * count, "bytes": sizes})})


def test_images_are_counted_by_the_hosts_that_the_fetcher_connects_to() -> None:
    _worklist_of(
        "http://Example.ORG/a.jpg",
        "https://example.org.:8080/a?b//c@d",
        "http://user:secret@example.org/b",
        "http://[::1]:80/a",
        "http://[::2]:80/a",
    )
    ahead = _ahead()
    assert (ahead.images, ahead.again, ahead.hosts) == (5, 0, 3)


def test_images_that_have_come_before_are_counted_apart() -> None:
    _worklist_of("http://a.example/new", "http://a.example/failed", "http://b.example/came")
    urls = ["http://a.example/failed", "http://b.example/came", "http://b.example/came"]
    ids = pa.array([text_id(url).bytes for url in urls], pa.uuid())
    append({"raw.downloads": pa.table({"url_id": ids, "outcome": ["timeout", "ok", "ok"]})})
    ahead = _ahead()
    assert (ahead.images, ahead.again) == (3, 1)
    assert str(ahead).endswith("; 1 of them have come before")


def test_bytes_are_assumed_until_there_are_downloads_enough() -> None:
    _worklist_of("http://a.example/")
    _downloads(ENOUGH_DOWNLOADS - 1, 100_000)
    _downloads(ENOUGH_DOWNLOADS, 5, "not_an_image")
    _downloads(ENOUGH_DOWNLOADS, None)
    assert (_ahead().bytes_each, _ahead().is_measured) == (ASSUMED_BYTES, False)
    _downloads(1, 200_000)
    assert (_ahead().bytes_each, _ahead().is_measured) == (100_100, True)


def test_a_worklist_that_is_done_is_nothing_ahead() -> None:
    _worklist_of()
    ahead = _ahead()
    assert (ahead.images, ahead.hosts, str(ahead)) == (0, 0, "no images lie ahead")


@pytest.mark.parametrize(
    ("ahead", "line"),
    [
        (
            Ahead(images=398_211, again=0, hosts=31_220, bytes_each=45_600, is_measured=True),
            "398,211 images from 31,220 hosts lie ahead, some 18 GB "
            "(46 KB each in this lake so far)",
        ),
        (
            Ahead(
                images=2_000_000_000, again=0, hosts=7, bytes_each=ASSUMED_BYTES, is_measured=False
            ),
            "2,000,000,000 images from 7 hosts lie ahead, some 93 TB "
            "(47 KB each assumed, as of laion2B-en)",
        ),
        (
            Ahead(images=1, again=0, hosts=1, bytes_each=999_600, is_measured=True),
            "1 images from 1 hosts lie ahead, some 1 MB (1 MB each in this lake so far)",
        ),
    ],
)
def test_it_is_one_line_for_a_person(ahead: Ahead, line: str) -> None:
    assert str(ahead) == line


def test_before_the_first_build_the_next_step_is_named() -> None:
    with pytest.raises(TableMissing, match="dbt build"):
        _ahead()
