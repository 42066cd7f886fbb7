"""URLs as pages write them, and as a browser would ask for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import urls
from ingest.urls import MAX_URL_CHARS, Base, absolute_url

BASE = "https://Example.ORG/a/b/page.html"


@pytest.mark.parametrize(
    ("src", "expected"),
    [
        ("http://x.example/1.jpg", "http://x.example/1.jpg"),
        ("1.jpg", "https://example.org/a/b/1.jpg"),
        ("../1.jpg", "https://example.org/a/1.jpg"),
        ("/1.jpg", "https://example.org/1.jpg"),
        ("//cdn.example/1.jpg", "https://cdn.example/1.jpg"),
        ("HTTP://X.Example:8080/A.JPG?q=Ü#top", "http://x.example:8080/A.JPG?q=Ü"),
        ("http://x.example", "http://x.example/"),
        ("http://Me:Pass@X.Example/1.jpg", "http://Me:Pass@x.example/1.jpg"),
        ("  /a\n b.jpg\t", "https://example.org/a%20b.jpg"),
        ("/i?a=1&amp;b=2", "https://example.org/i?a=1&b=2"),
        ("/i?a=1&copy=2", "https://example.org/i?a=1&copy=2"),
        ("", None),
        ("#top", None),
        ("data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP", None),
        ("javascript:void(0)", None),
        ("file:///etc/passwd", None),
        ("ftp://x.example/1.jpg", None),
        ("http://", None),
        ("http:///1.jpg", None),
        ("http://[::1/1.jpg", None),
        ("http://x.example/\x00.jpg", None),
        ("http://x.example/" + "x" * MAX_URL_CHARS, None),
    ],
)
def test_src_becomes_the_url_that_a_browser_asks_for(src: str, expected: str | None) -> None:
    assert absolute_url(src, BASE) == expected


@given(st.text(), st.text())
def test_a_url_of_use_is_bounded_absolute_and_stays_as_it_is(src: str, base: str) -> None:
    for start in ("", "http://x.example/", "//", "?"):
        url = absolute_url(start + src, base)
        if url is not None:
            assert url.startswith(("http://", "https://"))
            assert len(url) <= MAX_URL_CHARS
            assert "#" not in url
            assert absolute_url(url, BASE) == url


def test_a_page_without_a_usable_url_still_shows_whole_ones() -> None:
    assert Base("http://[").join("http://x.example/1.jpg") == "http://x.example/1.jpg"
    assert Base("http://[").join("1.jpg") is None


# What urls are made of, so that all ways of joining come up.
SEPARATORS = ["/", "//", "?", "#", ";", ":", "@", "&amp;", "[", "|", " ", "%20", "\n", "\x00"]
NAMES = [
    "http://",
    "HTTPS://",
    "a",
    "b.jpg",
    ".",
    "..",
    "./",
    "../",
    "80",
    "x.example",
    "X.Eu",
    "é",
]
PIECES = st.sampled_from([*SEPARATORS, *NAMES, "?a=1"])
PIECED = st.lists(PIECES, max_size=8).map("".join)
BASES = PIECED | st.sampled_from(
    ["http://x.example:80/", "http://x.example/a/?b=/c", "http://x.example/a//b", "http://x.e/a;b"]
)


@given(st.one_of(PIECED, PIECED.map("http://x.example/".__add__), PIECED.map("/".__add__)), BASES)
def test_what_is_plain_is_joined_as_the_rest_would_be(src: str, base: str) -> None:
    quick = Base(base).join(src)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(urls, "_is_plain", lambda url: False)
        assert Base(base).join(src) == quick
