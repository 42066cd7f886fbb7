"""What schema.org's ImageObject says of images: published examples, and scripts made to harm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairlake.ingest.crawl.html import parse_page
from pairlake.ingest.crawl.pages import ImageLicense
from pairlake.ingest.crawl.schema_org import MAX_CHARS, image_licenses
from pairlake.ingest.urls import Base

URL = "https://a.example/b/page.html"
BASE = Base(URL)
BY = "https://creativecommons.org/licenses/by/4.0/"


def read(*things: Any) -> list[ImageLicense]:
    return image_licenses(map(json.dumps, things), BASE)


# As Google's documentation has it: all properties, the creator a thing of its own.
GOOGLES = {
    "@context": "https://schema.org/",
    "@type": "ImageObject",
    "contentUrl": "https://a.example/photos/1x1/black-labrador-puppy.jpg",
    "license": "https://a.example/license",
    "acquireLicensePage": "https://a.example/how-to-use-my-images",
    "creditText": "Labrador PhotoLab",
    "creator": {"@type": "Person", "name": "Brixton Brownstone"},
    "copyrightNotice": "Clara Kent",
}
# As the IPTC's tool writes it: the image under `url`, the creator a text.
IPTCS = {
    "@context": "https://schema.org",
    "@type": "ImageObject",
    "url": "https://a.example/IPTC-GoogleImgSrcPmd_testimg01.jpg",
    "creator": "Jane Photosty",
    "copyrightNotice": "(c) Copyright 2020 IPTC (Test Images)",
    "creditText": "IPTC/Jane Photosty",
    "acquireLicensePage": "https://a.example/licensing/",
    "license": "https://a.example/copyright-and-licenses/",
}


def test_published_examples() -> None:
    first = ImageLicense(
        "https://a.example/photos/1x1/black-labrador-puppy.jpg",
        "https://a.example/license",
        "Brixton Brownstone",
        "Labrador PhotoLab",
        "Clara Kent",
    )
    second = ImageLicense(
        "https://a.example/IPTC-GoogleImgSrcPmd_testimg01.jpg",
        "https://a.example/copyright-and-licenses/",
        "Jane Photosty",
        "IPTC/Jane Photosty",
        "(c) Copyright 2020 IPTC (Test Images)",
    )
    assert read(GOOGLES, IPTCS) == read([GOOGLES, IPTCS]) == [first, second]
    assert read({"@graph": [{"@type": "Article", "image": [GOOGLES]}, IPTCS]}) == [first, second]


def of(**told: Any) -> list[ImageLicense]:
    return read({"@type": "ImageObject", "contentUrl": "1.jpg", **told})


@pytest.mark.parametrize(
    ("told", "license_url"),
    [
        (BY, BY),
        ("//creativecommons.org/licenses/by/4.0/", BY),
        ({"@type": "CreativeWork", "url": BY}, BY),
        ({"@id": BY}, BY),
        ([BY, "https://b.example/"], BY),
        ("/terms", "https://a.example/terms"),
        # Words are no URL, though a browser would take them for one.
        ("CC BY 4.0", None),
        ("https://me:pw@a.example/", None),
        ({"url": ["x"]}, None),
        (3, None),
    ],
)
def test_a_licence_is_a_url(told: Any, license_url: str | None) -> None:
    (found,) = of(license=told, creditText="me")
    assert found.license_url == license_url


def test_where_there_is_no_licence_the_page_that_sells_one_stands_for_it() -> None:
    assert of(license="CC BY", acquireLicensePage="/buy")[0].license_url == "https://a.example/buy"


def test_creators_by_name() -> None:
    people = [{"name": f"number {n}"} for n in range(9)]
    assert of(creator=people)[0].creator == "number 0, number 1, number 2, number 3, number 4"
    assert of(creator={"name": ["  A\n B "]})[0].creator == "A B"
    assert of(creator={"@id": "#me"}) == []


def test_an_image_of_which_nothing_is_said_is_left_out() -> None:
    assert of() == of(creditText=" ", license="") == []
    assert read({"@type": "ImageObject", "creditText": "me"}) == []
    assert read({"@type": "Photograph", "contentUrl": "1.jpg", "creditText": "ImageObject"}) == []
    typed = {"@type": ["http://schema.org/ImageObject", "x"], "url": "1.jpg", "creditText": "me"}
    assert read(typed) == [ImageLicense("https://a.example/b/1.jpg", None, None, "me", None)]


def test_the_first_that_is_said_of_an_image_counts() -> None:
    first, second = ({**GOOGLES, "creditText": text} for text in ("first", "second"))
    assert [each.credit for each in read(first, second)] == ["first"]


def test_a_page_has_it_in_its_scripts() -> None:
    page = f"""<img src=1.jpg alt="a puppy"><script>{json.dumps(IPTCS)}</script>
        <script type="Application/LD+JSON">{json.dumps(GOOGLES)}</script>"""
    said = parse_page(page.encode(), URL).said
    assert said is not None
    assert list(said.image_licenses) == read(GOOGLES)


@pytest.mark.parametrize(
    "script",
    [
        '{"@type":"ImageObject","image":' + "[" * 200_000,
        '{"@type":"ImageObject",' * 100_000,
        '"ImageObject',
        '{"@type":"ImageObject","contentUrl":"1.jpg","creditText":"\\ud800"}',
        '{"@type":"ImageObject","contentUrl":"1.jpg","creditText":1e99999}',
        '"ImageObject"' + " " * MAX_CHARS,
        "<!-- ImageObject -->",
        "ImageObject \ud800",
    ],
)
def test_what_is_broken_or_has_no_end_says_nothing(script: str) -> None:
    assert image_licenses([script], BASE) == []
    # And costs no other, unless it was too long.
    if len(script) < MAX_CHARS:
        assert len(image_licenses([script, json.dumps(GOOGLES)], BASE)) == 1


def test_of_many_images_some_are_read() -> None:
    many = [{**GOOGLES, "contentUrl": f"/{n}.jpg"} for n in range(500)]
    found = read({"@graph": many})
    assert [each.image_url for each in found] == [f"https://a.example/{n}.jpg" for n in range(64)]
    assert max(len(text or "") for text in of(creditText="x" * 100_000)[0]) <= 500


THINGS = st.recursive(
    st.none() | st.booleans() | st.text(max_size=20) | st.just("ImageObject"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["@type", "contentUrl", "url", "license", "creator", "name", "creditText"]
            ),
            inner,
        )
    ),
)


@given(THINGS)
def test_any_json_is_read(thing: Any) -> None:
    for found in read(thing, {"@type": "ImageObject", "x": thing}):
        assert found.image_url
        "".join(filter(None, found)).encode()
