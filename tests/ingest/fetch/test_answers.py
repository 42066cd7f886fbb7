"""Answers that browsers take bring their picture, however they are written; others are named."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairlake.ingest.fetch.answers import MAX_HEAD_BYTES, NotHttp, head_of
from tests.ingest.drawn import JPEG
from tests.ingest.fetching import outcomes, rows
from tests.ingest.raw import OK, RawWeb, raw_web

N = len(JPEG)
LENGTH = b"Content-Length: %d\r\n" % N
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PACKED = gzip.compress(JPEG)
HALVES = (N // 2, JPEG[: N // 2], N - N // 2, JPEG[N // 2 :])


@pytest.fixture
def raw() -> Iterator[RawWeb]:
    with raw_web() as web:
        yield web


def with_head(*lines: bytes, status: bytes = b"HTTP/1.1 200 OK", end: bytes = b"\r\n") -> bytes:
    return end.join([status, *lines, b"", b""]) + JPEG


TAKEN = {
    "lengths twice": with_head(LENGTH[:-2], LENGTH[:-2]),
    "lengths in one line": with_head(b"Content-Length: %d, %d" % (N, N)),
    "a length that is none": with_head(b"Content-Length: many"),
    "a negative length": with_head(b"Content-Length: -1"),
    "a length beyond all": with_head(b"Content-Length: " + b"9" * 30),
    "a length beside chunks": OK
    + b"Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"%x\r\n%s\r\n0\r\n\r\n" % (N, JPEG),
    "blanks before the colon": with_head(b"Content-Type : image/jpeg", b"Content-Length\t: %d" % N),
    "no colon": with_head(b"Served with love", LENGTH[:-2]),
    "no name": with_head(b": nobody", LENGTH[:-2]),
    "a name that is none": with_head(b"X (really): 1", b"\xe9: 2", LENGTH[:-2]),
    "folded": with_head(b"X-Long: a", b"  b", b"\tc", LENGTH[:-2]),
    "folded at once": with_head(b"  b", LENGTH[:-2]),
    "bare LF": with_head(LENGTH[:-2], end=b"\n"),
    "LF and CRLF": b"HTTP/1.1 200 OK\nX: 1\r\n" + LENGTH + b"\n" + JPEG,
    "NUL and controls": with_head(b"X: a\0b\x01c", LENGTH[:-2]),
    "blank lines before": b"\r\n\n" + with_head(LENGTH[:-2]),
    "no reason": with_head(LENGTH[:-2], status=b"HTTP/1.1 200"),
    "no status": with_head(LENGTH[:-2], status=b"HTTP/1.1"),
    "no version": with_head(LENGTH[:-2], status=b"HTTP 200 OK"),
    "small letters": with_head(LENGTH[:-2], status=b"http/1.1 200 ok"),
    "version 0.9": with_head(status=b"HTTP/0.9 200 OK"),
    "version 1.0": with_head(status=b"HTTP/1.0 200 OK"),
    "version 1.2": with_head(LENGTH[:-2], status=b"HTTP/1.2 200 OK"),
    "version 2": with_head(LENGTH[:-2], status=b"HTTP/2 200"),
    "status 201": with_head(LENGTH[:-2], status=b"HTTP/1.1 201 Created"),
    "status 203": with_head(LENGTH[:-2], status=b"HTTP/1.1 203 Elsewhere"),
    "all of a range": with_head(
        b"Content-Range: bytes 0-%d/%d" % (N - 1, N),
        LENGTH[:-2],
        status=b"HTTP/1.1 206 Partial Content",
    ),
    "several types": with_head(
        b"Content-Type: text/html", b"Content-Type: image/jpeg", LENGTH[:-2]
    ),
    "hints before": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    + b"HTTP/1.1 100 Continue\r\n\r\n"
    + with_head(LENGTH[:-2]),
    "a long header": with_head(b"X-Policy: " + b"x" * 100_000, LENGTH[:-2]),
    "many headers": with_head(*[b"X-%d: 1" % n for n in range(1_000)], LENGTH[:-2]),
    "an upgrade that is none": with_head(b"Upgrade: h2", b"Connection: Upgrade", LENGTH[:-2]),
    "more than it says": with_head(LENGTH[:-2]) + b"<!-- served in 3 ms -->",
    "less than it says": with_head(b"Content-Length: %d" % (N + 100)),
    "less than it says, packed": OK
    + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED)
    + PACKED[:-4],
    "chunks": CHUNKED + b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % HALVES,
    "chunks with extensions": CHUNKED
    + b'%x; a = "b\xff" ;;\r\n%s\r\n%x;@\r\n%s\r\n0;x\r\n\r\n' % HALVES,
    "chunks by LF": CHUNKED + b"%x\n%s\n%x\n%s\n0\n\n" % HALVES,
    "sizes with blanks": CHUNKED + b" %X \r\n%s\r\n00%x\t\r\n%s\r\n000\r\n\r\n" % HALVES,
    "sizes of many digits": CHUNKED + b"%030x\r\n%s\r\n%030x\r\n%s\r\n0\r\n\r\n" % HALVES,
    "bad trailers": CHUNKED + b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\nbad trailer\r\nX : 1\r\n\r\n" % HALVES,
    "no last line": CHUNKED + b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n" % HALVES,
    "no last chunk": CHUNKED + b"%x\r\n%s\r\n%x\r\n%s\r\n" % HALVES,
    "chunks among others": OK
    + b"Transfer-Encoding: Identity, Chunked\r\n\r\n%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % HALVES,
}  # fmt: skip


def test_what_browsers_take_is_taken(raw: RawWeb) -> None:
    urls = [raw.serve(f"/{n}", answer) for n, answer in enumerate(TAKEN.values())]
    assert dict(zip(TAKEN, outcomes(*urls), strict=True)) == dict.fromkeys(TAKEN, "ok")


BROKEN = {
    "another protocol": b"220 smtp.example ready\r\n\r\n",
    "a line that names it": b"no HTTP at all, for as long as it takes\r\n\r\n",
    "a status of no class": with_head(LENGTH[:-2], status=b"HTTP/1.1 42 Answer"),
    "several lengths": with_head(LENGTH[:-2], b"Content-Length: 7"),
    "headers without end": OK + b"X: y\r\n" * (MAX_HEAD_BYTES // 5),
    "no size of a chunk": CHUNKED + b"many\r\n" + JPEG,
    "an extension without end": CHUNKED + b"%x;%s\r\n%s\r\n0\r\n\r\n" % (N, b"x" * 20_000, JPEG),
    "a chunk beyond its size": CHUNKED + b"7\r\n" + JPEG,
    "half a body": OK + LENGTH + b"\r\n" + JPEG[: N // 2],
    "half a chunk": CHUNKED + b"%x\r\n%s" % (N, JPEG[: N // 2]),
    "half in gzip": OK
    + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED)
    + PACKED[: N // 2],
    "the beginning of gzip": OK + b"Content-Encoding: gzip\r\n" + LENGTH + b"\r\n\x1f\x8b\x08",
}


def test_answers_that_are_none_do_not_silence_their_host(raw: RawWeb) -> None:
    urls = [raw.serve(f"/{n}", answer) for n, answer in enumerate(BROKEN.values())]
    picture = raw.serve("/last", with_head(LENGTH[:-2]))
    found = outcomes(*urls, picture)
    assert dict(zip(BROKEN, found, strict=False)) == dict.fromkeys(BROKEN, "connection_error")
    # All were asked, and none was left alone because of the others.
    assert found[-1] == "ok"
    assert len(raw.asked) == len(BROKEN) + 1


def test_what_a_head_says_holds_whatever_its_body_is(raw: RawWeb) -> None:
    raw.serve("/a.jpg", with_head(LENGTH[:-2]))
    cases = {
        b"302 Found\r\nLocation: /a.jpg": "ok",
        b"404 Not Found": "not_found",
        b"200 OK\r\nX-Robots-Tag: noai, noindex": "opted_out_x_robots_tag",
    }
    urls = [
        raw.serve(
            f"/{n}", b"HTTP/1.1 %s\r\nTransfer-Encoding: chunked\r\n\r\nnone" % head + b"\r\n"
        )
        for n, head in enumerate(cases)
    ]
    assert dict(zip(cases, outcomes(*urls), strict=True)) == cases


def test_a_body_whose_connection_breaks_is_cut_off(raw: RawWeb) -> None:
    cases = {
        OK + b"\r\n" + JPEG: "ok",
        with_head(b"Content-Length: %d" % (N + 100)): "ok",
        # Not corrupt, which would be for good.
        OK + b"\r\n" + JPEG[: N // 2]: "connection_error",
    }
    urls = [raw.serve(f"/{n}", answer) for n, answer in enumerate(cases)]
    raw.broken.update(raw.answers)
    assert outcomes(*urls) == list(cases.values())


def test_a_part_that_is_no_picture_is_none(raw: RawWeb) -> None:
    part = raw.serve(
        "/part",
        b"HTTP/1.1 206 Partial Content\r\nContent-Length: %d\r\n\r\n" % (N // 2) + JPEG[: N // 2],
    )
    error = raw.serve("/gone", b"HTTP/1.1 404 Gone\r\nContent-Length: 1000\r\n\r\nno")
    assert outcomes(part, error) == ["corrupt_image", "not_found"]


def test_what_stands_behind_an_answer_is_not_the_next_one(
    raw: RawWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_FETCH_CONCURRENCY", "1")
    behind = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    urls = [raw.serve(f"/{n}", with_head(LENGTH[:-2]) + behind) for n in range(3)]
    raw.kept_open.update(raw.answers)
    assert outcomes(*urls) == ["ok"] * 3


def test_a_connection_is_used_again(raw: RawWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_FETCH_CONCURRENCY", "1")
    answers = [with_head(LENGTH[:-2]), TAKEN["chunks by LF"], TAKEN["lengths twice"]]
    urls = [raw.serve(f"/{n}", answer) for n, answer in enumerate(answers)]
    raw.kept_open.update(raw.answers)
    assert outcomes(*urls) == ["ok"] * 3
    assert rows("select count(distinct image_id) from lake.raw.downloads") == [(1,)]


@pytest.mark.parametrize(
    ("line", "strict"),
    [
        (b"HTTP/1.1 404 Not Found", b"HTTP/1.1 404"),
        (b"HTTP/1.0 404", b"HTTP/1.0 404"),
        (b"HTTP/2 404", b"HTTP/1.1 404"),
        (b"HTTP/2.0  404 Not Found", b"HTTP/1.1 404"),
        (b"HTTP/1.x 404", b"HTTP/1.0 404"),
        (b"HTTP/0.9 404", b"HTTP/1.0 404"),
        (b"http 404", b"HTTP/1.0 404"),
        (b"\xef\xbb\xbfHTTP/1.1 404", b"HTTP/1.1 404"),
        (b"HTTP/1.1 OK", b"HTTP/1.1 200"),
        (b"HTTP/" + b"9" * 5_000 + b".1 404", b"HTTP/1.1 404"),
    ],
)
def test_a_status_is_told_from_any_line(line: bytes, strict: bytes) -> None:
    assert head_of(line + b"\r\nX: y").strict == strict + b"\r\nX: y\r\n\r\n"


@given(st.lists(st.binary()), st.binary())
def test_any_head_is_refused_or_written_plainly(lines: list[bytes], status: bytes) -> None:
    for first in (b"HTTP/1.1 200" + status, status):
        try:
            head = head_of(b"\r\n".join([first, *lines]))
        except NotHttp:
            continue
        assert head.strict.endswith(b"\r\n\r\n")
        assert b"\r\n\r\n" not in head.strict[:-4]
        assert b"\0" not in head.strict
        assert head_of(head.strict) == head
