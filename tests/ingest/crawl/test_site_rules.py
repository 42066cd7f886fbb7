"""What the robots.txt of sites say, as web archives hold them, lands site by site."""

from __future__ import annotations

import gzip
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pairlake.ingest.crawl.job import crawl
from pairlake.ingest.crawl.records import Record
from pairlake.ingest.crawl.site_rules import SiteRules
from pairlake.ingest.crawl.sources import crawl_paths
from pairlake.ingest.robots import MAX_ROBOTS_BYTES
from tests.ingest.crawl.test_archived import Answer, answer, archive, page
from tests.ingest.fetching import rows

# RFC 9309, 5.1, its simple example.
RFC_9309 = """
User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot
"""


def robots(text: str, host: str = "a.example", status: int = 200, scheme: str = "https") -> Answer:
    path = f"{scheme}://{host}/robots.txt"
    return answer(path, text.encode(), status, Content_Type="text/plain")


def said(folder: Path, *answers: Answer) -> list[dict[str, Any]]:
    crawl([str(archive(folder, *answers))], crawl_id="CC-TEST")
    columns = ("origin", "refuses_us", "refused_agents", "named_agents", "wishes", "evidence")
    found = rows(f"select {', '.join(columns)} from lake.raw.site_rules order by origin")
    return [dict(zip(columns, row, strict=True)) for row in found]


@pytest.mark.parametrize(
    ("text", "refuses_us", "refused"),
    [
        ("User-agent: *\nDisallow: /", True, ["*"]),
        ("User-agent: *\nDisallow:", False, []),
        ("User-agent: *\nDisallow: /*", True, ["*"]),
        ("User-agent: *\nDisallow: /images/", False, []),
        ("User-agent: *\nDisallow: /\nAllow: /open/", False, []),
        ("User-agent: GPTBot\nUser-agent: CCBot\nDisallow: /", False, ["ccbot", "gptbot"]),
        ("User-agent: *\nDisallow: /\n\nUser-agent: pairlake\nDisallow:", False, ["*"]),
        ("User-agent: pairlake\nDisallow: /\n\nUser-agent: *\nDisallow:", True, ["pairlake"]),
        # Groups of one name are one.
        ("User-agent: *\nDisallow: /\n\nUser-agent: *\nAllow: /open/", False, []),
        (RFC_9309, False, []),
        ("", False, []),
        ("<html><body>not found</body></html>", False, []),
    ],
)
def test_a_site_is_closed_to_those_to_whom_all_of_it_is(
    tmp_path: Path, text: str, refuses_us: bool, refused: list[str]
) -> None:
    [site] = said(tmp_path, robots(text))
    assert (site["refuses_us"], site["refused_agents"]) == (refuses_us, refused)
    assert site["origin"] == "https://a.example"


def test_who_is_named_goes_by_a_group_of_its_own(tmp_path: Path) -> None:
    [site] = said(tmp_path, robots(RFC_9309))
    assert site["named_agents"] == ["*", "barbot", "bazbot", "foobot", "quxbot"]


def test_the_terms_that_hold_for_all_of_a_site_land_with_their_words(tmp_path: Path) -> None:
    text = (
        "User-agent: *\nContent-Signal: search=yes,ai-train=no\n"
        "Content-Usage: /art/ train-ai=n\nContent-Usage: / search=y\nAllow: /"
    )
    [site] = said(tmp_path, robots(text))
    words = "robots.txt: Content-Signal: search=yes,ai-train=no"
    assert site["wishes"] == [
        {"property": "Content-Signal", "value": "search=yes", "evidence": words},
        {"property": "Content-Signal", "value": "ai-train=no", "evidence": words},
        {
            "property": "Content-Usage",
            "value": "search=y",
            "evidence": "robots.txt: Content-Usage: / search=y",
        },
    ]
    assert site["evidence"].startswith("Content-Signal: search=yes,ai-train=no | Content-Usage")


def test_each_origin_speaks_for_itself_and_a_fault_says_nothing(tmp_path: Path) -> None:
    closed = "User-agent: *\nDisallow: /"
    found = said(
        tmp_path,
        robots(closed),
        robots("", scheme="http"),
        robots(closed, host="b.example:8080"),
        robots("none", host="c.example", status=404),
        robots(closed, host="d.example", status=503),
        robots("moved", host="e.example", status=301),
        robots(closed, host="busy.example", status=429),
        answer("https://f.example/robots.txt?x", closed.encode(), Content_Type="text/plain"),
        answer("https://g.example/a/robots.txt", closed.encode(), Content_Type="text/plain"),
    )
    assert [(site["origin"], site["refuses_us"]) for site in found] == [
        ("http://a.example", False),
        ("https://a.example", True),
        ("https://b.example:8080", True),
        ("https://c.example", False),
    ]


def test_an_origin_is_spelled_as_in_the_urls_of_images(tmp_path: Path) -> None:
    hosts = ("münchen.example", "A.Example:80", "me:secret@b.example", "b.example:8080", "[::1]:80")
    odd = ("c d.example", "[bad", "e.example:99999", "")
    closed = "User-agent: *\nDisallow: /"
    found = said(tmp_path, *(robots(closed, host, scheme="http") for host in hosts + odd))
    assert [site["origin"] for site in found] == [
        "http://[::1]",
        "http://a.example",
        "http://b.example",
        "http://b.example:8080",
        "http://xn--mnchen-3ya.example",
    ]


@pytest.mark.parametrize("end", [0, 1])
def test_half_a_rule_closes_nothing(tmp_path: Path, end: int) -> None:
    head, rule = "User-agent: *\n", "Disallow: /"
    padding = "#" * (MAX_ROBOTS_BYTES + end - len(head) - len(rule) - 1) + "\n"
    [site] = said(tmp_path, robots(head + padding + rule + "private/"))
    assert (site["refuses_us"], site["evidence"]) == (False, None)


def test_a_robots_txt_is_no_page_whatever_it_is_sent_as(tmp_path: Path) -> None:
    html = {"Content_Type": "text/html; charset=utf-8"}
    closed = b"User-agent: *\nDisallow: /"
    none = b"<img src=a.jpg alt='not found'>"
    found = said(
        tmp_path,
        answer("https://a.example/robots.txt", closed, **html),
        answer("https://b.example/robots.txt", none, **html),
        answer("https://c.example/robots.txt", none, 500, **html),
    )
    assert [(site["origin"], site["refuses_us"]) for site in found] == [
        ("https://a.example", True),
        ("https://b.example", False),
    ]
    assert rows("select pairs, records, other_records from lake.raw.crawl_files") == [
        (0, 0, [{"kind": "text", "records": 3}])
    ]


def test_of_an_archive_that_stays_damaged_more_sites_land_when_more_can_be_read(
    tmp_path: Path,
) -> None:
    sites = [robots(f"# {'x' * 99}", host=f"{name}.example") for name in "abc"]
    path = archive(tmp_path, *sites)
    whole = path.read_bytes()
    counts = []
    for end in (len(whole) // 2, len(whole) - 20, len(whole) - 20, len(whole)):
        path.write_bytes(whole[:end])
        crawl([str(path)], crawl_id="CC-TEST")
        counts += rows("select count(distinct origin) from lake.raw.site_rules")
    assert counts == [(1,), (2,), (2,), (3,)]
    assert rows("select sites, outcome from lake.raw.crawl_files order by landed_at") == [
        (1, "truncated"),
        (2, "truncated"),
        (0, "truncated"),
        (3, "ok"),
    ]


def test_a_crawl_s_archive_is_found_by_its_listing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "crawl-data" / "CC-TEST"
    folder.mkdir(parents=True)
    archive(folder, robots("User-agent: *\nDisallow: /"), page("a.jpg"))
    listing = gzip.compress(b"crawl-data/CC-TEST/x.warc.gz\n")
    (folder / "robotstxt.paths.gz").write_bytes(listing)
    monkeypatch.setenv("PAIRLAKE_CRAWL_ROOT", str(tmp_path))
    paths = crawl_paths("CC-TEST", kind="robotstxt")

    summary = crawl(paths, crawl_id="CC-TEST")

    assert summary.sites == 1
    assert "1 sites' robots.txt" in str(summary)
    assert str(crawl(paths, crawl_id="CC-TEST")).startswith("nothing to do")
    found = "select crawl_id, path, heard_at from lake.raw.site_rules"
    heard = datetime(2014, 8, 1, 12, 0)
    assert rows(found) == [("CC-TEST", "crawl-data/CC-TEST/x.warc.gz", heard)]
    assert rows("select sites, other_records from lake.raw.crawl_files") == [
        (1, [{"kind": "text", "records": 1}])
    ]


@given(
    st.text(st.sampled_from("User-agent: *\nDisallow: /Alow GPTBot#=,\u2028\x00é"), max_size=400)
)
@example("User-agent: *\nDisallow: /\n" * 2_000)
@example("\n".join(f"User-agent: {number}" for number in range(5_000)) + "\nDisallow: /")
def test_any_text_has_rules_or_none(text: str) -> None:
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + text.encode()
    with TemporaryDirectory() as folder:
        with SiteRules(Path(folder), crawl_id="c", path="p") as sites:
            sites.add(Record("response", 0, "https://a.example/robots.txt", http))
            [file] = sites.written()
        [site] = pq.read_table(file).to_pylist()
    assert set(site["refused_agents"]) <= set(site["named_agents"])
    assert len(site["named_agents"]) <= 1_000
