"""URLs as pages write them, and as a browser would ask for them."""

from __future__ import annotations

import pytest
from ada_url import join_url, normalize_url
from hypothesis import given
from hypothesis import strategies as st

from pairlake.ingest import urls
from pairlake.ingest.urls import MAX_URL_CHARS, Base, absolute_url, without_brackets

BASE = "https://Example.ORG/a/b/page.html?of=a#top"


@pytest.mark.parametrize(
    ("src", "expected"),
    [
        ("http://x.example/1.jpg", "http://x.example/1.jpg"),
        ("1.jpg", "https://example.org/a/b/1.jpg"),
        ("../1.jpg", "https://example.org/a/1.jpg"),
        ("/1.jpg", "https://example.org/1.jpg"),
        ("//cdn.example/1.jpg", "https://cdn.example/1.jpg"),
        ("?q=1", "https://example.org/a/b/page.html?q=1"),
        (";v=1", "https://example.org/a/b/;v=1"),
        ("12:30.jpg", "https://example.org/a/b/12:30.jpg"),
        ("http://x.example", "http://x.example/"),
        # Backslashes, and slashes that are missing or too many.
        ("images\\1.jpg", "https://example.org/a/b/images/1.jpg"),
        ("\\top\\1.jpg", "https://example.org/top/1.jpg"),
        ("\\\\cdn.example\\1.jpg", "https://cdn.example/1.jpg"),
        ("https:\\\\cdn.example\\1.jpg", "https://cdn.example/1.jpg"),
        ("http:\\\\cdn.example\\1.jpg", "http://cdn.example/1.jpg"),
        ("/\\cdn.example/1.jpg", "https://cdn.example/1.jpg"),
        ("1.jpg?path=c:\\x", "https://example.org/a/b/1.jpg?path=c:\\x"),
        ("http://x.example\\@y.example/1.jpg", "http://x.example/@y.example/1.jpg"),
        ("http:/cdn.example/1.jpg", "http://cdn.example/1.jpg"),
        ("http:cdn.example/1.jpg", "http://cdn.example/1.jpg"),
        ("https:/1.jpg", "https://example.org/1.jpg"),
        ("https:1.jpg", "https://example.org/a/b/1.jpg"),
        ("http:///cdn.example/1.jpg", "http://cdn.example/1.jpg"),
        ("a//b.jpg", "https://example.org/a/b/a//b.jpg"),
        # What is dropped, and what is escaped.
        ("  /a\n b.jpg\t", "https://example.org/a%20b.jpg"),
        ("ht\ntp://x.ex\tample/1.jpg", "http://x.example/1.jpg"),
        ("\x00\x1f /1.jpg \x01", "https://example.org/1.jpg"),
        ("/a\x00b\x7f\x85.jpg\x01#top", "https://example.org/a%00b%7F%C2%85.jpg%01"),
        ("1.jpg#top", "https://example.org/a/b/1.jpg"),
        ("1.jpg?", "https://example.org/a/b/1.jpg?"),
        ("1.jpg?#top", "https://example.org/a/b/1.jpg?"),
        ("../i.jpg?u=/../x#y", "https://example.org/a/i.jpg?u=/../x"),
        # Dot segments.
        ("/a/./b/../c/%2E%2e/1.jpg", "https://example.org/a/1.jpg"),
        ("/../../1.jpg", "https://example.org/1.jpg"),
        ("/a/.b/..c/1.jpg", "https://example.org/a/.b/..c/1.jpg"),
        # Host and port.
        ("HTTP://X.Example:8080/A.JPG?q=Ü#top", "http://x.example:8080/A.JPG?q=Ü"),
        ("https://x.example:443/", "https://x.example/"),
        ("http://x.example:0080/", "http://x.example/"),
        ("http://x.example:443/", "http://x.example:443/"),
        ("http://Bücher.example/ü", "http://xn--bcher-kva.example/ü"),
        ("http://faß.example/", "http://xn--fa-hia.example/"),
        ("http://\uff38%2e\uff05example/", None),
        ("http://\uff38\u3002example/", "http://x.example/"),
        ("http://x%2Eexample/", "http://x.example/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://[0:0::1]/", "http://[::1]/"),
        ("http://Me:Pass@X.Example/1.jpg", "http://Me:Pass@x.example/1.jpg"),
        ("http://@x.example/", "http://x.example/"),
        # All else stays as it is written.
        (
            "/w[3]/%3a%2F%7ejoe/./~joe/{a}|'\"<b>`^.jpg",
            "https://example.org/w[3]/%3a%2F%7ejoe/~joe/{a}|'\"<b>`^.jpg",
        ),
        ("/i?a=1&amp;b=2", "https://example.org/i?a=1&amp;b=2"),
        ("/i?a='{é}'&b=%E9", "https://example.org/i?a='{é}'&b=%E9"),
        ("../~é~/{x}.jpg", "https://example.org/a/~é~/{x}.jpg"),
        # Of no use.
        ("", None),
        (" \n", None),
        ("#top", None),
        ("data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP", None),
        ("DATA:image/gif;base64,R0lGODlhAQABAIAAAAAAAP", None),
        ("javascript:void(0)", None),
        ("file:///etc/passwd", None),
        ("ftp://x.example/1.jpg", None),
        ("http://", None),
        ("http://[::1/1.jpg", None),
        ("http://x y.example/1.jpg", None),
        ("http://x.example:99999/", None),
        ("http://1.2.3.4.5/", None),
        ("http://x.example/\ud800", None),
        ("http://x.example/" + "x" * MAX_URL_CHARS, None),
    ],
)
def test_src_becomes_the_url_that_a_browser_asks_for(src: str, expected: str | None) -> None:
    assert absolute_url(src, BASE) == expected


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("http://x.example", "http://x.example/1.jpg"),
        ("HTTP:\\\\X.example\\a\\b", "http://x.example/a/1.jpg"),
        ("http://x.example/ü/~a/?q", "http://x.example/ü/~a/1.jpg"),
        ("http://x.example/a?" + "q" * 2 * MAX_URL_CHARS, "http://x.example/1.jpg"),
        ("http://x.example:8080/a/../b/", "http://x.example:8080/b/1.jpg"),
        ("http://[", None),
        ("dns:x.example", None),
        ("", None),
    ],
)
def test_a_page_without_a_usable_url_still_shows_whole_ones(
    base: str, expected: str | None
) -> None:
    assert Base(base).join("http://y.example/1.jpg") == "http://y.example/1.jpg"
    assert Base(base).join("1.jpg") == expected


def test_brackets_are_off_where_both_are() -> None:
    uris = ["<http://x.example/>", "http://x.example/>", "<", "<>", ""]
    assert [without_brackets(uri) for uri in uris] == ["http://x.example/", *uris[1:3], "", ""]


@given(st.text(), st.text())
def test_a_url_of_use_is_bounded_absolute_and_stays_as_it_is(src: str, base: str) -> None:
    for start in ("", "http://x.example/", "//", "?"):
        url = absolute_url(start + src, base)
        if url is not None:
            assert url.startswith(("http://", "https://"))
            assert len(url) <= MAX_URL_CHARS
            assert "#" not in url
            assert absolute_url(url, BASE) == url


# What urls are made of, so that all ways of joining come up.
SEPARATORS = [*"/\\?#;:@[|~'. ", "//", "&amp;", "%20", "%2e", "\n", "\x00", "\x7f", "\xa0"]
NAMES = ["http:", "http://", "HTTPS://", "a", "b.jpg", "..", "./", "../", ":80", "/x.example"]
HOSTS = ["X.Eu", "é", "xn--bcher-kva", "0x7f", "1", "-_"]
PIECES = st.sampled_from([*SEPARATORS, *NAMES, *HOSTS, "?a=1"])
PIECED = st.lists(PIECES, max_size=8).map("".join)
BASES = PIECED | st.sampled_from(
    [
        "http://x.example:80/",
        "http://x.example/a/?b=/c",
        "http://x.example/a//b",
        "https://x.e/a;b/é~/",
    ]
)
SRCS = st.one_of(PIECED, PIECED.map("http://x.example/".__add__), PIECED.map("/".__add__))


@given(SRCS, BASES)
def test_what_is_plain_is_joined_as_the_rest_would_be(src: str, base: str) -> None:
    quick = Base(base).join(src)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(urls, "_is_plain", lambda url: False)
        assert Base(base).join(src) == quick


@given(SRCS, BASES)
def test_but_for_escapes_a_url_is_what_the_standard_makes_of_it(src: str, base: str) -> None:
    url = absolute_url(src, base)
    standard = _by_the_standard(src, base)
    if url is None:
        # A page does not show itself as a picture.
        assert standard is None or not src.strip("\x00 \n").partition("#")[0].replace("\n", "")
    else:
        assert normalize_url(url) == standard


def _by_the_standard(src: str, base: str) -> str | None:
    try:
        base = normalize_url(base)
    except ValueError:
        base = "about:blank"
    try:
        url = join_url(base, src).partition("#")[0]
    except ValueError:
        return None
    return url if url.startswith(("http://", "https://")) else None
