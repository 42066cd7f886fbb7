# ruff: noqa: RUF001 - look-alike characters are what is tested here
"""A request reaches what it names in every spelling that a crawl or a list may have landed."""

from __future__ import annotations

import re
from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairlake.ingest.crawl.spellings import found_in_lake, spellings
from pairlake.lake.addresses import is_plain_host, is_plain_url, same_host, same_url
from pairlake.lake.append import append
from pairlake.lake.catalog import rows
from pairlake.lake.domains import host_of
from pairlake.lake.keys import text_id
from pairlake.lake.receipts import Receipt, receipts
from pairlake.lake.requests import KINDS
from pairlake.lake.takedowns import record_takedowns
from tests.keyed import with_pair_keys


@pytest.mark.parametrize(
    ("kind", "value", "others"),
    [
        ("url", "http://x.example/1.jpg", set()),
        ("url", "http:\\\\x.example\\1.jpg", {"http://x.example/1.jpg"}),
        ("url", "HTTP://X.Example:80#top", {"http://x.example/", "http://x.example:80/"}),
        ("url", "http://x.example/ 1.jpg?", {"http://x.example/%201.jpg?", "http://x.example/%201.jpg"}),
        ("url", "http://é.example/", {"http://xn--9ca.example/"}),
        ("url", "http://u:p@x.example./%7e/%5b1].jpg", {"http://x.example/~/[1].jpg"}),
        ("url", "http://x.example/1.jpg?token=zzz", {"http://x.example/1.jpg"}),
        ("page", "https://x.example", {"https://x.example/"}),
        ("page", "http://u:p@x.example/", {"http://x.example/"}),
        ("page", "not a url", set()),
        ("domain", "Bücher.example.", {"bücher.example", "xn--bcher-kva.example"}),
        ("domain", "xn--bcher-kva.example", {"bücher.example"}),
        ("domain", "faß.example", {"xn--fa-hia.example"}),
        ("image_hash", "00112233445566778899aabbccddeeff", set()),
        ("caption", "R&D&regional ", {"R&D&regional", "R&D®ional"}),
        ("caption", "你好&amp;！", {"你好&！", "你好&!"}),
        ("caption", "\u200b", set()),
    ],
)  # fmt: skip
def test_a_request_is_spelled_as_it_is_and_as_it_may_have_landed(
    kind: str, value: str, others: set[str]
) -> None:
    assert spellings(kind, value, any_scheme=False) == {value, *others}


def test_a_url_means_both_schemes_unless_told() -> None:
    assert spellings("url", "http://x.example:443/") >= {"https://x.example/"}
    assert spellings("page", "https://x.example/é") >= {"http://x.example/%C3%A9"}
    assert spellings("url", "ftp://x.example/") == {"ftp://x.example/"}


def test_a_page_is_asked_for_without_the_brackets_of_a_record() -> None:
    page = " <https://x.example/a> "
    assert spellings("page", page) == spellings("page", "https://x.example/a")


@given(st.sampled_from(KINDS), st.text(st.characters(codec=None)))
def test_whatever_is_asked_for_has_a_spelling_and_none_is_empty(kind: str, value: str) -> None:
    assert "" not in spellings(kind, value + "x")


# As a list has each, and as somebody asks for it.
_SPELLED = (
    ("http://photos.example/münchen.jpg", "http://photos.example/m%C3%BCnchen.jpg"),
    ("https://photos.example/z%c3%bCrich.jpg", "http://photos.example/zürich.jpg"),
    ("http://photos。example/a.jpg", "http://photos.example/a.jpg"),
    ("http://photos%2Eexample./b.jpg", "http://photos.example/b.jpg"),
    ("HTTP://PHOTOS.example:80/%7Eme/c[1].jpg#top", "http://photos.example/~me/c%5B1%5d.jpg"),
    ("https://u:p@photos.example/d//./e/../f.jpg?", "https://photos.example/d//f.jpg"),
    ("http://BÜCHER.example/100%.jpg?a=%7e", "http://xn--bcher-kva.example/100%25.jpg?a=~"),
    ("http://xn--bcher-kva.example/a%26b,c.jpg", "http://bücher.example/a&b%2Cc.jpg"),
    ("http://127.1/g.jpg", "http://127.0.0.1/g.jpg"),
)
_OTHERS = (
    ("http://photos.example/a/b.jpg", "http://photos.example/a%2Fb.jpg"),
    ("http://photos.example/?a=1%262", "http://photos.example/?a=1&2"),
    ("http://photos.example:8080/", "http://photos.example/"),
    ("http://photos.example//a.jpg", "http://photos.example/a.jpg"),
)


@pytest.mark.parametrize(("landed", "asked"), _SPELLED)
def test_spellings_that_mean_the_same_have_one_key(landed: str, asked: str) -> None:
    keys = spellings("url", landed) & spellings("url", asked)
    assert {same_url(landed), same_url(asked)} <= keys


@pytest.mark.parametrize(("landed", "asked"), _OTHERS)
def test_what_is_another_url_by_the_standard_stays_another(landed: str, asked: str) -> None:
    assert same_url(landed) != same_url(asked)


_URL_PARTS = st.sampled_from(
    [*"aé%~[]\\?#/.:@&;=+ \t'\"|^", "%7E", "%2e", "&amp;", "//", "..", "http://", "x.example"]
)


@given(st.lists(_URL_PARTS, max_size=12).map("".join))
def test_sql_tells_which_urls_have_one_spelling_only(rest: str) -> None:
    """What SQL leaves alone, Python leaves too; and nothing raises."""
    with duckdb.connect() as con:
        for url in (rest, f"http://x.example/{rest}", f"https://{rest}"):
            condition = f"select {is_plain_url('url')} from (select $url as url)"
            ((is_plain,),) = con.execute(condition, {"url": url}).fetchall()
            assert not is_plain or same_url(url) == url
            host = host_of(url)
            condition = f"select {is_plain_host('host')} from (select $host as host)"
            ((is_plain,),) = con.execute(condition, {"host": host}).fetchall()
            assert not is_plain or same_host(host) == host


def _land(urls: Sequence[str], captions: Sequence[str], pages: Sequence[str]) -> None:
    sightings = [[{"page_url": page, "record_offset": 0}] for page in pages]
    rows = {"image_url": urls, "caption": captions, "sightings": sightings}
    append({"raw.image_text_pairs": with_pair_keys(pa.table(rows))})


def _forget(**requests: list[str]) -> list[Receipt]:
    asked = record_takedowns(requests, spell=spellings, find=found_in_lake)
    return list(receipts(asked))


def _left(column: str) -> list[object]:
    return [value for (value,) in rows(f"select {column} from lake.raw.image_text_pairs")]


@pytest.mark.usefixtures("lake_without_rows")
def test_a_request_reaches_all_that_means_it_landed_or_to_land() -> None:
    landed, asked = zip(*_SPELLED, strict=True)
    others = [url for url, _ in _OTHERS]
    _land([*landed, *others], ["a cat"] * len([*landed, *others]), ["http://p/"] * 13)

    found = _forget(url=list(asked), domain=["Bücher.Example."])

    assert [receipt.pairs for receipt in found] == [1] * len(asked) + [2]
    ids = "select value_id from lake.raw.takedowns where kind = 'url'"
    assert sorted(_left(f"image_url || (url_id in ({ids}))")) == sorted(
        [f"{url}true" for url in landed] + [f"{url}false" for url in others]
    )
    _land([*landed, *others], ["a dog"] * 13, ["http://p/"] * 13)
    assert sorted(filter(None, _left("case caption when 'a dog' then image_url end"))) == sorted(
        others
    )


@pytest.mark.usefixtures("lake_without_rows")
def test_hosts_and_pages_are_known_in_each_spelling() -> None:
    urls = [
        "http://img.photos。example/1",
        "http://Img.PHOTOS%2eexample:8080/2",
        "http://b.example/",
    ]
    pages = ["http://diary.example/%C3%A4", "<https://DIARY.example/ä>", "http://diary.example/a"]
    _land(urls, ["a", "b", "c"], pages)

    domain, page = _forget(domain=["photos.example"], page=["http://diary.example/ä#me"])

    assert (domain.pairs, page.pairs) == (2, 2)
    _land(urls, ["d", "e", "f"], pages)
    assert _left("caption")[3:] == [None, None, "f"]
    assert _left("sightings[1].page_url")[3:] == [None, None, pages[2]]


@pytest.mark.usefixtures("lake_without_rows")
def test_a_caption_is_reached_from_the_older_spelling_and_from_the_newer() -> None:
    """By what version 1 made of it, which is what all its spellings have in common."""
    newer, older = "R&D&regional", "R&D®ional"
    for number, asked in enumerate((older, newer)):
        url = f"http://x.example/{number}"
        captions = [f"{asked} {number}", newer + f" {number}", older + f" {number}", "Caf&eacute;"]
        _land([url] * 4, captions, ["http://p/"] * 4)
        (receipt,) = _forget(caption=[f"{asked} {number}"])
        assert receipt.pairs == 2
    (receipt,) = _forget(caption=["Café"])
    assert receipt.pairs == 2


@pytest.mark.usefixtures("lake_without_rows")
def test_a_receipt_says_what_was_found_or_what_is_nearest() -> None:
    urls = ["http://a.example/x.jpg?w=1", "http://img.a.example/y.jpg", "http://b.example/z.jpg"]
    captions = ["Me at the lake", "a cat", "a dog\x1b[2J"]
    _land(urls, captions, ["http://page/"] * 3)
    pictures = pa.table({"url_id": [text_id(urls[1]).bytes], "image_id": [bytes(16)]})
    pictures = pictures.cast(pa.schema({"url_id": pa.uuid(), "image_id": pa.uuid()}))
    image = {"image_id": [bytes([1] * 16)], "sha256": [bytes([1] * 32)]}
    images = pa.table(image, pa.schema({"image_id": pa.uuid(), "sha256": pa.binary()}))
    append({"raw.downloads": pictures, "raw.images": images})
    said = [
        str(receipt)
        for receipt in _forget(
            url=["http://a.example/x.jpg", "http://img.a.example/y.jpg", "http://c.test/"],
            domain=["bb.example"],
            caption=["me at the Lake", "a dog"],
            image_hash=["0" * 64, "1" * 32, "01" * 16],
        )
    ]
    missing = "nothing matches; kept out from now on, if it lands"
    nearest = "\n         nearest: "
    hidden = "hidden now, erased by the next: pairlake maintain"
    assert said[0].startswith(f"url 1: {missing}{nearest}{urls[0]}\n")
    assert said[1] == f"url 2: 1 pair and 1 picture match; {hidden}"
    assert said[2] == f"url 3: {missing}"
    assert said[3].startswith(f"domain 1: {missing}{nearest}b.example")
    assert said[4] == f"caption 1: {missing}{nearest}Me at the lake"
    # What strangers wrote does not steer the terminal.
    assert said[5] == f"caption 2: {missing}{nearest}a dog [2J"
    assert said[6] == f"image hash 1: 1 pair and 1 picture match; {hidden}"
    assert said[7] == f"image hash 2: {missing}"
    # An id passes for an md5.
    assert said[8] == f"image hash 3: {missing}{nearest}{'01' * 32}"
    (again,) = _forget(url=[urls[1]])
    assert re.fullmatch(rf"url 1: 1 pair .*; asked for before, on [0-9-]+; {hidden}", str(again))
