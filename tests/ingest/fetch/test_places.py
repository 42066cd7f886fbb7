"""What goes out is the URL as it is written, and a redirect leads where browsers follow it."""

from __future__ import annotations

import string
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from pairlake.ingest.fetch.places import leads_to, place_of
from pairlake.lake.passwords import without_passwords
from tests.ingest.conftest import Web
from tests.ingest.drawn import JPEG, encoded, noise
from tests.ingest.fetching import fetch_all, outcomes, redirect, rows
from tests.ingest.raw import OK, RawWeb, raw_web

PICTURE = OK + b"Content-Length: %d\r\n\r\n" % len(JPEG) + JPEG
SITE = "http://a.example"

AS_WRITTEN = [
    "/thumb/http%3A%2F%2Fa.example%2Fb.jpg",
    "/a.jpg?mark=a%2Cb&s=9f%3A1&sig=x%2By%3D%3D",
    "/w[300]/%7Ejoe/a%21.jpg",
    "/caf%c3%a9%E9.jpg?q=caf%c3%a9",
    "/a+b.jpg?c=d+e%20f",
    "/enc%2Fslash//twice.jpg",
    "/it's|a;b=c,d@e:f!$&()*.jpg?'q'|{r}\\^`[0]=/?",
    "/100%.jpg?%zz",
    "/a&amp;b.jpg?c&amp;d",
    "/empty.jpg?",
    "/x~y_z-.jpg",
]

ESCAPED = {
    "/with space.jpg?and here": "/with%20space.jpg?and%20here",
    "/straße.jpg?ü": "/stra%C3%9Fe.jpg?%C3%BC",
    '/"<>{}^`.jpg?"<>': "/%22%3C%3E%7B%7D%5E%60.jpg?%22%3C%3E",
    "/control\x01\x7f.jpg": "/control%01%7F.jpg",
    "/tab\tand\nline.jpg": "/tabandline.jpg",
    " /blanks.jpg ": "/blanks.jpg",
    "/fragment.jpg#there?no": "/fragment.jpg",
    "/a/./b/../%2e%2E/c.jpg": "/c.jpg",
    "\\back\\slash.jpg?\\": "/back/slash.jpg?\\",
    "": "/",
    "?q": "/?q",
}


@pytest.fixture
def raw() -> Iterator[RawWeb]:
    with raw_web() as web:
        yield web


def test_a_url_goes_out_as_it_is_written(raw: RawWeb) -> None:
    urls = [raw.serve(target, PICTURE) for target in AS_WRITTEN]
    assert outcomes(*urls) == ["ok"] * len(urls)
    assert sorted(raw.asked) == sorted(AS_WRITTEN)
    assert sorted(rows("select final_url from lake.raw.downloads")) == sorted(
        (without_passwords(url),) for url in urls
    )


@pytest.mark.parametrize(("written", "target"), ESCAPED.items())
def test_what_may_not_stand_in_a_request_is_escaped(written: str, target: str) -> None:
    blanks = " " if written.startswith(" ") else ""
    assert place_of(f"{blanks}{SITE}{written.lstrip(' ')}").raw_path_qs == target


@given(st.text(string.printable, max_size=40), st.text(string.printable, max_size=40))
def test_what_is_written_is_neither_lost_nor_unescaped(path: str, query: str) -> None:
    written = "/" + path.translate(str.maketrans("", "", "?#\\. \t\n\r\x0b\x0c"))
    written += "?" + query.translate(str.maketrans("", "", "# \t\n\r\x0b\x0c"))
    target = place_of(SITE + written).raw_path_qs
    pieces = iter(target)
    # Each character stands there as it is, or as its escape.
    for character in written:
        found = next(pieces)
        if found != character:
            assert found + next(pieces) + next(pieces) == f"%{ord(character):02X}"
    assert next(pieces, None) is None
    assert place_of(SITE + target).raw_path_qs == target


@pytest.mark.parametrize(
    "url",
    ["ftp://a.example/", "javascript:alert(1)", "data:,a", "//a.example/", "a.jpg", "http://", "",
     "http://a b.example/", "http://a.example:99999/", "http://[::1/", "http://a\ud800.example/"],
)  # fmt: skip
def test_what_leads_nowhere_is_an_error(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several libraries
        place_of(url)


def test_hosts_are_as_browsers_write_them() -> None:
    for url, host in {
        "HTTP://A.Example:80/": "a.example",
        "http://bücher.example/": "xn--bcher-kva.example",
        "http://0x7f.1/": "127.0.0.1",
        "http://[::FFFF:7f00:1]:8/": "::ffff:7f00:1",
        "https:/a.example/": "a.example",
        "http:\\\\a.example\\": "a.example",
    }.items():
        assert place_of(url).raw_host == host


PLACE = f"{SITE}/d/e.jpg?q=1"
LEADS = {
    b"b.jpg": f"{SITE}/d/b.jpg",
    b"/b.jpg": f"{SITE}/b.jpg",
    b"../b.jpg": f"{SITE}/b.jpg",
    b"./a:b.jpg": f"{SITE}/d/a:b.jpg",
    b"b;p=1.jpg": f"{SITE}/d/b;p=1.jpg",
    b"?x": f"{SITE}/d/e.jpg?x",
    b"?": f"{SITE}/d/e.jpg?",
    b"#there": PLACE,
    b"//b.example/c.jpg": "http://b.example/c.jpg",
    b"//b.example": "http://b.example/",
    b"///b.example/c.jpg": "http://b.example/c.jpg",
    b"http:///b.example/c.jpg": "http://b.example/c.jpg",
    b"https:/b.example/c.jpg": "https://b.example/c.jpg",
    b"HTTPS://B.Example:443/C.jpg#f": "https://b.example/C.jpg",
    b"http:c.jpg": f"{SITE}/d/c.jpg",
    b"\\\\b.example\\c.jpg": "http://b.example/c.jpg",
    b"/b\\c.jpg": f"{SITE}/b/c.jpg",
    b" /b c.jpg ": f"{SITE}/b%20c.jpg",
    b"/b\tc.jpg": f"{SITE}/bc.jpg",
    b"/foo%27bar.jpg?Signature=q%2Bz%3D&type=image%2Fjpeg": f"{SITE}/foo%27bar.jpg"
    "?Signature=q%2Bz%3D&type=image%2Fjpeg",
    # UTF-8, and Latin-1, which a stranger must not guess.
    "/café.jpg?é".encode(): f"{SITE}/caf%C3%A9.jpg?%C3%A9",
    b"/caf\xe9.jpg?\xe9": f"{SITE}/caf%E9.jpg?%E9",
    "http://bücher.example/ü".encode(): "http://xn--bcher-kva.example/%C3%BC",
    b"/a&amp;b.jpg": f"{SITE}/a&amp;b.jpg",
    b"/x?to=http://c.example/?d#e": f"{SITE}/x?to=http://c.example/?d",
}


@pytest.mark.parametrize(("location", "place"), LEADS.items())
def test_redirects_lead_where_browsers_follow_them(location: bytes, place: str) -> None:
    assert str(leads_to(location, place_of(PLACE))) == place


@given(st.binary())
def test_any_location_leads_somewhere_or_nowhere(location: bytes) -> None:
    try:
        place = leads_to(location, URL(PLACE))
    except ValueError:
        return
    assert place.scheme in ("http", "https")
    assert place.raw_host
    assert str(place).isascii()


def test_a_redirect_in_latin_1_brings_its_own_picture(raw: RawWeb) -> None:
    raw.serve("/caf%E9.jpg", PICTURE)
    # Where it led when the byte was left out.
    other = encoded(noise(40, 40), "JPEG")
    raw.serve("/caf.jpg", OK + b"Content-Length: %d\r\n\r\n" % len(other) + other)
    hop = raw.serve("/hop", b"HTTP/1.1 302 Found\r\nLocation: /caf\xe9.jpg\r\n\r\n")
    assert outcomes(hop) == ["ok"]
    assert raw.asked == ["/hop", "/caf%E9.jpg"]


def test_headers_of_redirects_that_are_none_or_too_many(raw: RawWeb) -> None:
    raw.serve("/a.jpg", PICTURE)
    a, b, empty = b"Location: /a.jpg\r\n", b"Location: /b.jpg\r\n", b"Location:\r\n"
    cases = {
        a + a: "ok",
        empty + a: "ok",
        b"location : /a.jpg\r\n": "ok",
        b"Location: /nowhere\r\n Location: /a.jpg\r\n": "not_found",
        a + b: "bad_url",
        empty: "http_error",
        b"Content-Location: /a.jpg\r\n": "http_error",
        b"Refresh: 0; url=/a.jpg\r\n": "http_error",
    }
    urls = [
        raw.serve(f"/{n}", b"HTTP/1.1 302 Found\r\n%s\r\n" % head) for n, head in enumerate(cases)
    ]
    assert dict(zip(cases, outcomes(*urls), strict=True)) == cases


@pytest.mark.parametrize(("status", "outcome"), [(300, "http_error"), (305, "http_error"),
                                                 (308, "ok"), (200, "not_an_image")])  # fmt: skip
def test_only_redirects_redirect(status: int, outcome: str, site: Web) -> None:
    site.serve("/a.jpg", JPEG)
    assert outcomes(redirect(site, "/hop", "/a.jpg", status)) == [outcome]


def test_rules_hold_for_what_a_path_comes_to(site: Web) -> None:
    site.serve("/robots.txt", b"User-agent: *\nDisallow: /private/")
    for path in ("/private/a.jpg", "/a.jpg"):
        site.serve(path, JPEG)
    urls = [
        f"{site.url}/open/../private/a.jpg",
        f"{site.url}/open/%2e%2e/private/a.jpg",
        f"{site.url}\\private\\a.jpg",
        redirect(site, "/hop", "open\\..\\private\\a.jpg"),
    ]
    assert outcomes(*urls) == ["opted_out_robots_txt"] * 4
    assert fetch_all(f"{site.url}/private/../a.jpg").outcomes == {"ok": 1}
    assert site.asked == ["/hop", "/a.jpg"]
