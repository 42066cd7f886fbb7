"""Captions beside alt text: titles, figures and shared pictures, each from where it stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pairlake.ingest.crawl.html import parse_page
from pairlake.ingest.crawl.wat import parse_record
from tests.ingest.crawled import read
from tests.ingest.wats import image, member, page_json, response, wat

URL = "http://a.example/b/"

Seen = tuple[str, str, str, str]


def seen(html: str) -> list[Seen]:
    """Of each sighting of a page: URL, text, where the URL stands, and where the text does."""
    return [
        (one.image_url.removeprefix(URL), one.text, one.image_source, one.caption_source)
        for one in parse_page(html.encode(), URL).sightings
    ]


def test_a_title_is_a_text_of_its_own() -> None:
    assert seen('<img src=1 alt="a kite" title="by me"><img src=2 title="a boat">') == [
        ("1", "a kite", "src", "alt"),
        ("1", "by me", "src", "title"),
        ("2", "a boat", "src", "title"),
    ]
    assert seen('<img src=1 alt="a kite" title="a kite"><img src=2 alt=" " title=" ">') == [
        ("1", "a kite", "src", "alt")
    ]


def test_a_figure_s_caption_is_of_its_image() -> None:
    html = """
        <figure><a href=x><picture><img src=1 alt="a kite"></picture></a>
        <figcaption>A <b>kite</b> over &amp; out</figcaption></figure>
        <figure><img src=2><figcaption>a boat</figcaption><figcaption>another</figcaption></figure>
        <figure><figure><img src=3></figure><figcaption>of the gallery</figcaption></figure>
        <figcaption>of no figure</figcaption><img src=4>
    """
    assert seen(html) == [
        ("1", "a kite", "src", "alt"),
        ("1", "A kite over & out", "src", "figcaption"),
        ("2", "a boat", "src", "figcaption"),
    ]


def test_an_image_that_is_loaded_late_has_its_other_texts_too() -> None:
    html = """<figure><img data-src=1 alt="a kite" title="by me">
        <noscript><img src=1 alt="a kite" title="by me"></noscript>
        <figcaption>a kite</figcaption></figure>
        <img data-src=2 title="a boat"><noscript><img src=2 title="a boat"></noscript>"""
    assert seen(html) == [
        ("1", "a kite", "src", "alt"),
        ("1", "by me", "src", "title"),
        ("2", "a boat", "src", "title"),
    ]


SHARED = [
    ("og:image", "/first.jpg"),
    ("og:image:width", "300"),
    ("og:image", "/shared.jpg"),
    ("og:image:secure_url", "https://a.example/other.jpg"),
    ("og:image:alt", "a kite"),
    ("og:image:alt", "of no image"),
    ("og:image:url", "data:x"),
    ("og:image:alt", "nowhere"),
]


def by_wat() -> list[tuple[str, str, str, str]]:
    metas = [{"property": name, "content": content} for name, content in SHARED]
    page = parse_record(page_json([], {"Metas": metas}), URL)
    return [(s.image_url, s.text, s.image_source, s.caption_source) for s in page.sightings]


def by_html() -> list[tuple[str, str, str, str]]:
    html = "".join(f'<meta property="{name}" content="{content}">' for name, content in SHARED)
    page = parse_page(html.encode(), URL)
    return [(s.image_url, s.text, s.image_source, s.caption_source) for s in page.sightings]


@pytest.mark.parametrize("shared", [by_wat, by_html])
def test_a_shared_picture_has_the_alt_text_behind_it(
    shared: Callable[[], list[tuple[str, str, str, str]]],
) -> None:
    assert shared() == [("http://a.example/shared.jpg", "a kite", "og:image", "og_alt")]


def test_captions_within_captions_end() -> None:
    deep = "<figure><figcaption>x" * 20_000 + "<img src=1>"
    # Of so many the innermost is not read any more.
    assert seen(deep) == []
    assert seen(deep[-220:]) == [("1", "x", "src", "figcaption")]


def sources(path: Path) -> dict[str, list[str | None]]:
    """Of each caption of a crawl file where it was seen."""
    _, pairs = read(path)
    return {pair["caption"]: [s["caption_source"] for s in pair["sightings"]] for pair in pairs}


def test_what_a_page_says_twice_of_an_image_is_one_sighting(tmp_path: Path) -> None:
    html = """<figure><img src=1.jpg alt="Tom &amp;amp; Jerry" title=" Tom &amp; Jerry">
        <figcaption>Tom\n<i>&amp; Jerry</i></figcaption></figure>
        <img src=2.jpg title="a  boat"><img src=2.jpg title="a boat"><img src=3.jpg alt="a boat">
    """
    path = tmp_path / "x.warc.gz"
    path.write_bytes(response(html.encode(), URL) + response(b"<img src=1.jpg title=Tom>", URL))
    assert sources(path) == {"Tom & Jerry": ["alt"], "a boat": ["alt"], "Tom": ["title"]}
    file, _ = read(path)
    # The same title twice is seen twice.
    assert (file.sightings, file.pairs, file.images) == (5, 4, 5)


def test_titles_of_a_wat(tmp_path: Path) -> None:
    links = [
        image("1.jpg", "a kite", title="a kite"),
        image("2.jpg", "a kite", title="by me"),
        image("3.jpg", "", title="a boat"),
        image("4.jpg", title="a train"),
        image("5.jpg", "a &amp; b", title="a &amp;amp; b"),
        image("6.jpg", "", title=""),
        {"path": "A@/href", "url": "7.jpg", "title": "a link"},
    ]
    body = json.dumps(json.loads(page_json(links)), separators=(",", ":")).encode()
    for written in (body, page_json(links)):
        path = tmp_path / "x.warc.wat.gz"
        path.write_bytes(wat(member(written, URL)))
        assert sources(path) == {
            "a kite": ["alt"],
            "by me": ["title"],
            "a boat": ["title"],
            "a train": ["title"],
            "a & b": ["alt"],
        }
