"""Records of pages in, sightings out; whatever a record holds, nothing but UnreadableRecord."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairlake.demo.wat_records import Records
from pairlake.ingest.crawl import wat
from pairlake.ingest.crawl.pages import Page, Sighting, UnreadableRecord
from pairlake.ingest.crawl.wat import parse_record
from tests.ingest.wats import Link, image, page_json

MAY_2019, JUNE_2019 = "CC-MAIN-20190519061520-00000.warc.gz", "CC-MAIN-20190615202724-00000.warc.gz"

PAGE = "https://example.org/a/page.html"


def parse(*links: object, **head: object) -> Page:
    return parse_record(page_json(links, head), PAGE)  # type: ignore[arg-type]


def test_images_with_alt_text_are_sighted_in_order() -> None:
    page = parse(
        {"path": "A@/href", "url": "/x.html", "text": "x"},
        image("1.jpg", "first"),
        image("/2.jpg", "second", width="300", height="200px"),
    )
    assert page.sightings == [
        Sighting("https://example.org/a/1.jpg", "first", None, None),
        Sighting("https://example.org/2.jpg", "second", 300, 200),
    ]
    assert (page.links, page.images, page.page_url) == (3, 2, PAGE)


@pytest.mark.parametrize(
    "link",
    [
        image("1.jpg"),
        image("1.jpg", ""),
        image("1.jpg", " \n\u00a0"),
        image("", "no URL"),
        image("data:image/png;base64,AAAA", "inline"),
        {"path": "IMG@/longdesc", "url": "1.jpg", "alt": "a description"},
        {"path": "A@/href", "url": "1.jpg", "alt": "LAION took these"},
        {"path": "STYLE/#text", "href": "1.jpg"},
        {"url": "1.jpg", "alt": "without a path"},
        {},
    ],
)
def test_other_links_are_not_sighted(link: object) -> None:
    page = parse(link)
    assert page.sightings == []
    assert page.links == 1


def test_base_is_honoured_and_itself_relative_to_the_page() -> None:
    (cdn,) = parse(image("1.jpg", "x"), Base="https://cdn.example/img/").sightings
    (rooted,) = parse(image("1.jpg", "x"), Base="/img/").sightings
    (broken,) = parse(image("1.jpg", "x"), Base="javascript:1").sightings
    assert cdn.image_url == "https://cdn.example/img/1.jpg"
    assert rooted.image_url == "https://example.org/img/1.jpg"
    assert broken.image_url == "https://example.org/a/1.jpg"


@pytest.mark.parametrize("width", ["100%", "auto", "-5", "", None, [], "9" * 30, True])
def test_a_hint_that_is_no_number_is_no_hint(width: object) -> None:
    record = page_json([image("1.jpg", "x", width=width)])
    try:
        (sighting,) = parse_record(record, PAGE).sightings
    except UnreadableRecord:
        assert isinstance(width, (list, bool))
    else:
        assert sighting.width_hint is None


def test_the_license_is_the_first_on_the_page() -> None:
    by = "https://creativecommons.org/licenses/by/4.0/"
    after = parse(
        image("1.jpg", "x"), {"path": "A@/href", "url": by}, {"path": "A@/href", "url": by[:-4]}
    )
    in_head = parse(
        image("1.jpg", "x"), Link=[{"path": "LINK@/href", "url": by[6:], "rel": "license"}]
    )
    mentioned = parse({"path": "A@/href", "url": f"https://evil.example/?{by}"})
    assert after.license_url == by
    assert in_head.license_url == by
    assert mentioned.license_url is None


@pytest.mark.parametrize(
    "record",
    [
        {"Envelope": {}},
        {"Envelope": {"Payload-Metadata": {"HTTP-Request-Metadata": {"Headers": {}}}}},
        {"Envelope": {"Payload-Metadata": {"HTTP-Response-Metadata": {"Headers": {}}}}},
        {"Envelope": {"Payload-Metadata": {"HTTP-Response-Metadata": {"HTML-Metadata": {}}}}},
        {"Envelope": {"Payload-Metadata": {"WARC-Metadata-Metadata": {"Metadata-Records": []}}}},
    ],
)
def test_a_record_without_html_has_no_links(record: object) -> None:
    page = parse_record(json.dumps(record).encode(), PAGE)
    assert page == Page(PAGE)


WHOLE = page_json([image("1.jpg", "x")])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"<html></html>",
        WHOLE[:-3],
        WHOLE + b"{",
        WHOLE.replace(b'"x"', b'"\\ud800'),
        WHOLE.replace(b'"x"', b'"\\ud80"'),
        b'{"Envelope":' + b"[" * 100_000,
    ],
)
def test_a_malformed_record_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableRecord):
        parse_record(body, PAGE)


@pytest.mark.parametrize(
    ("written", "alt"),
    [
        (rb"half \ud83d of it", "half \ufffd of it"),
        (rb"\uDE00\uD83D", "\ufffd\ufffd"),
        (rb"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (rb"\ud83d\\ude00", "\ufffd\\ude00"),
        (rb"\\ud83d \\\ud83d", "\\ud83d \\\ufffd"),
        (rb"\ud83d\n\u0041", "\ufffd\nA"),
        (b"\xed\xa0\xbd", "\ufffd\ufffd\ufffd"),
        (b"one \xff byte", "one \ufffd byte"),
        (b"cut off \xf0\x9f\x98", "cut off \ufffd"),
    ],
)
def test_half_a_character_costs_that_character(written: bytes, alt: str) -> None:
    record = page_json([image("1.jpg", "A kite"), image("2.jpg", "HALF"), image("3.jpg", "☀")])
    compact = record.replace(b'": ', b'":').replace(b", ", b",")
    for body in (record, compact):
        page = parse_record(body.replace(b"HALF", written), PAGE)
        assert [sighting.text for sighting in page.sightings] == ["A kite", alt, "☀"]


def test_half_a_character_costs_no_url() -> None:
    record = page_json([image("HALF.jpg", "A kite")], {"Base": "/HALF/"})
    (sighting,) = parse_record(record.replace(b"HALF", rb"\ud83d"), PAGE).sightings
    assert sighting.image_url == "https://example.org/\ufffd/\ufffd.jpg"


@pytest.mark.parametrize(
    ("container", "is_decoded"),
    [
        ({"Filename": MAY_2019}, False),
        ({"Filename": JUNE_2019}, True),
        ({"Filename": "CC-MAIN-20260101000000-00000.warc.gz"}, True),
        ({"Filename": "ARCHIVEIT-1-20260101.warc.gz"}, False),
        ({"Filename": None}, False),
        ({}, False),
        ([], False),
        (None, False),
    ],
)
def test_attributes_are_decoded_once(container: object, is_decoded: bool) -> None:
    links = [image("a.jpg?a=1&amp;copy=2&amp;amp;b", "R&D&regional &amp;lt;b&amp;gt; &copy")]
    record = json.loads(page_json(links, {"Base": "/?&amp;/"}))
    record["Container"] = container
    (sighting,) = parse_record(json.dumps(record).encode(), PAGE).sightings
    if is_decoded:
        assert sighting.image_url == "https://example.org/a.jpg?a=1&amp;copy=2&amp;amp;b"
        assert sighting.text == links[0]["alt"]
    else:
        assert sighting.image_url == "https://example.org/a.jpg?a=1&copy=2&amp;b"
        assert sighting.text == "R&D&regional &lt;b&gt; ©"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
LINK = st.dictionaries(
    st.sampled_from(["path", "url", "alt", "width", "height", "text"]), JSON | st.just("IMG@/src")
)


@given(st.lists(LINK, max_size=4), JSON, JSON, st.text())
def test_any_links_are_counted_or_unreadable(
    links: list[dict[str, object]], base: object, head_links: object, page_url: str
) -> None:
    try:
        page = parse_record(page_json(links, {"Base": base, "Link": head_links}), page_url)
    except UnreadableRecord:
        return
    assert page.links == len(links)
    assert len(page.sightings) <= page.images <= page.links


@given(st.integers(0, len(WHOLE) - 1), st.binary(max_size=3))
def test_damaged_records_never_crash(position: int, damage: bytes) -> None:
    body = WHOLE[:position] + damage + WHOLE[position + len(damage) :]
    try:
        page = parse_record(body, PAGE)
    except UnreadableRecord:
        return
    assert len(page.sightings) <= 1


IMAGES = [
    image("1.jpg", 'braces {"a": [1]}, "quoted" \\ and }", {"path":"IMG@/src"'),
    image("2.jpg", "ends with a brace {", width=5),
    image("3.jpg", "", title="no alt text"),
    {"path": "A@/href", "url": "4.jpg", "alt": "LAION took these"},
    image("5.jpg", "kühl 猫"),
    {"alt": "path comes last", "url": "6.jpg", "path": "IMG@/src"},
    {"url": "7.jpg", "path": "IMG@/src", "alt": "path in between", "height": "7"},
]


@given(st.lists(st.sampled_from(IMAGES), max_size=6), st.booleans(), st.booleans(), st.booleans())
def test_links_are_read_in_whatever_form_they_are_written(
    links: list[Link], compact: bool, ascii_only: bool, escaped: bool
) -> None:
    separators = (",", ":") if compact else None
    record = json.loads(page_json(links, {"Link": [{"path": "LINK@/href", "url": "/x"}]}))
    body = json.dumps(record, separators=separators, ensure_ascii=ascii_only).encode()
    if escaped:
        body = body.replace(b"/", rb"\/")
    page = parse_record(body, PAGE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wat, "usual_images", lambda body: None)
        assert page == parse_record(body, PAGE)
    assert page.links == len(links)
    assert page.images == sum(link.get("path") == "IMG@/src" for link in links)


def test_the_usual_form_is_found_without_reading_all_links() -> None:
    links = [*IMAGES[2:5], {"path": "A@/href", "url": "x"}]
    record = json.loads(page_json(links))
    assert wat.usual_images(json.dumps(record, separators=(",", ":")).encode()) is not None
    assert wat.usual_images(json.dumps(record).encode()) is None


@pytest.mark.parametrize(
    "first",
    [
        {"path": "IMG@/src", "url": "}", "alt": "}"},
        {"path": "IMG@/src", "url": "1.jpg", "alt": '"}, {"path":"IMG@/src"'},
        {"path": "IMG@/src", "url": "1.jpg", "alt": "a number", "width": 5},
        {"path": "IMG@/src", "url": "1.jpg", "data": {"a": "b"}, "alt": "an object"},
        {"alt": "its path is not the first", "path": "IMG@/src", "url": "1.jpg"},
    ],
)
def test_images_are_cut_out_of_a_record_whole(first: Link) -> None:
    records = Records("x.warc.wat.gz", random.Random(1))
    links = [first, {"path": "A@/href", "url": "x"}, image("2.jpg", "another {one}")]
    page = parse_record(records.page_json(PAGE, {}, links), PAGE)
    assert [sighting.text for sighting in page.sightings] == [first["alt"], "another {one}"]
    assert (page.links, page.images) == (3, 2)
