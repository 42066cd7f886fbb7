"""Hosts of URLs: in Python and in SQL they are the same."""

from __future__ import annotations

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from pairlake.lake.domains import host_of
from tests.macro import rendered

IN_SQL = "select " + rendered("host.sql", "host_of('$url')")

_WORD = st.text("abcXYZ019-_~%.", max_size=12)
_HOSTS = st.one_of(
    st.from_regex(r"([a-zA-Z0-9_-]{1,9}\.){0,3}[a-zA-Z][a-zA-Z0-9-]{0,8}\.?", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
    st.just(""),
)


@st.composite
def _urls(draw: st.DrawFn) -> str:
    """As they land: of a list as it is written, of a page as a browser has it."""
    scheme = draw(st.sampled_from(["http", "https", "HTTP", "ftp"]))
    user = draw(st.sampled_from(["", "me@", "me:secret@", "a@b@"]))
    port = draw(st.sampled_from(["", ":80", ":8080", ":"]))
    begins = draw(st.sampled_from(["/", "?", "#"])) + draw(_WORD)
    others = ["", "/@b.example", "?u=me@c.example", "#//d.example/", "//e.example"]
    rest = draw(st.sampled_from(["", *(begins + other for other in others)]))
    return f"{scheme}://{user}{draw(_HOSTS)}{port}{rest}"


@given(_urls())
def test_sql_and_python_have_the_same_host(url: str) -> None:
    assert duckdb.execute(IN_SQL, {"url": url}).fetchall() == [(host_of(url),)]


def test_what_is_no_url_has_no_host() -> None:
    for url in ("", "a.jpg", "urn:sha256:00", "http:a.example", "data:image/png;base64,AA=="):
        assert host_of(url) == ""
        assert duckdb.execute(IN_SQL, {"url": url}).fetchall() == [("",)]
