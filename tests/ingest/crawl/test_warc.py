"""Web archives as they are written: what is a page, how it was sent, and what damage costs."""

from __future__ import annotations

import gzip
import io
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import pytest
from fastwarc.stream_io import BrotliWriter, ZstdWriter, zstd_train_dictionary_from_samples
from hypothesis import given
from hypothesis import strategies as st

from pairlake.ingest.crawl.html import parse_page
from pairlake.ingest.crawl.pages import UnreadableRecord
from pairlake.ingest.crawl.reading import CrawlFile
from pairlake.ingest.crawl.records import Record
from pairlake.ingest.crawl.responses import MAX_PAGE_BYTES, Html, html_of
from pairlake.ingest.crawl.warc import read_records
from tests.ingest.crawled import read

CAT = "<html><body><img src=/1.jpg alt='a cat'></body></html>"
HTTP = "application/http; msgtype=response"


def record(
    body: bytes,
    url: str = "http://a.example/",
    *,
    kind: str = "response",
    content_type: str = HTTP,
    version: str = "1.0",
    **headers: str,
) -> bytes:
    """One record of a WARC, not packed."""
    fields = {
        "WARC-Type": kind,
        "WARC-Record-ID": "<urn:uuid:3d3f4785-c69a-4f8c-968c-d23302c55ef5>",
        "WARC-Date": "2026-11-17T08:30:00Z",
        "WARC-Target-URI": url,
        "Content-Type": content_type,
        **{name.replace("_", "-"): value for name, value in headers.items()},
        "Content-Length": str(len(body)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"WARC/{version}\r\n{head}\r\n".encode() + body + b"\r\n\r\n"


def sent(body: bytes | str, *headers: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    """An answer over HTTP."""
    body = body.encode() if isinstance(body, str) else body
    return "\r\n".join([status, *headers, "", ""]).encode() + body


def crawled(content: bytes) -> tuple[CrawlFile, list[str]]:
    """What comes of a file: its row, and its captions in order."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        row, pairs = read(file.name)
    return row, sorted(pair["caption"] for pair in pairs)


def packed(body: bytes, writer: Callable[[io.BytesIO], io.BytesIO]) -> bytes:
    target = io.BytesIO()
    stream = writer(target)
    stream.write(body)
    stream.close()
    return target.getvalue()


def br(body: bytes) -> bytes:
    return packed(body, BrotliWriter)


def zstd(body: bytes, dictionary: bytes | None = None) -> bytes:
    return packed(body, lambda target: ZstdWriter(target, dictionary=dictionary))


def deflate(body: bytes) -> bytes:
    """As some servers mean it: without the header of zlib."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x;a=b\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def test_records_of_other_kinds_cost_nothing() -> None:
    others = [
        record(b"a.example. 300 IN A 192.0.2.7", "dns:a.example", content_type="text/dns"),
        record(b"% nothing", "whois://a.example/", content_type="application/octet-stream"),
        record(b"220 Welcome", "ftp://a.example/x", content_type=""),
        record(sent(b"\xff\xd8\xff\xe0\0\x10JFIF"), "http://a.example/1.jpg"),
        record(sent(CAT, "Content-Type: text/plain")),
        record(CAT.encode(), kind="conversion", content_type="text/html"),
        record(b"", kind="revisit"),
        record(b"", kind="strange"),
    ]
    file, captions = crawled(b"".join([*others, record(sent(CAT))]))
    assert (file.outcome, captions) == ("ok", ["a cat"])
    # A few words without a type may be a page.
    assert (file.records, file.unreadable_records) == (2, 0)
    assert file.other_records == {
        "text": 2,
        "application": 1,
        "other": 1,
        "conversion": 1,
        "revisit": 1,
        "unknown": 1,
    }


PAGES: Mapping[str, bytes] = {
    "version 0.17": record(sent(CAT), version="0.17"),
    "version 1.1": record(sent(CAT), version="1.1"),
    "no headers at all": record(CAT.encode()),
    "headers without carriage returns": record(sent(CAT).replace(b"\r\n", b"\n")),
    "HTTP/2": record(sent(CAT, "content-type: text/html", status="HTTP/2 200")),
    "an answer before the answer": record(b"HTTP/1.1 100 Continue\r\n\r\n" + sent(CAT)),
    "a resource": record(CAT.encode(), kind="resource", content_type="text/html"),
    "type in capitals": record(sent(CAT, "CONTENT-TYPE: TEXT/HTML")),
    "type repeated": record(sent(CAT, "Content-Type: text/html, text/html; charset=utf-8")),
    "two types": record(sent(CAT, "Content-Type: text/plain", "Content-Type: text/html")),
    "the archive's type": record(sent(CAT), WARC_Identified_Payload_Type="text/html"),
    "xhtml": record(sent(CAT, "Content-Type: application/xhtml+xml;charset=utf-8")),
    "a type that is none": record(sent(CAT, "Content-Type: html")),
}


@pytest.mark.parametrize("form", PAGES)
def test_a_page_is_one_in_every_form(form: str) -> None:
    assert crawled(PAGES[form])[1] == ["a cat"]


BODIES: Mapping[str, tuple[Sequence[str], bytes]] = {
    "br": (["Content-Encoding: br"], br(CAT.encode())),
    "deflate": (["Content-Encoding: Deflate"], zlib.compress(CAT.encode())),
    "deflate without a header": (["Content-Encoding: deflate"], deflate(CAT.encode())),
    "zstd": (["Content-Encoding: zstd"], zstd(CAT.encode())),
    "two members": (
        ["Content-Encoding: x-gzip"],
        gzip.compress(CAT[:20].encode()) + gzip.compress(CAT[20:].encode()),
    ),
    "one in the other": (["Content-Encoding: gzip, br"], br(gzip.compress(CAT.encode()))),
    "two headers": (
        ["Content-Encoding: gzip", "Content-Encoding: br"],
        br(gzip.compress(CAT.encode())),
    ),
    "twice, and said once": (
        ["Content-Encoding: gzip"],
        gzip.compress(gzip.compress(CAT.encode())),
    ),
    "unsaid": ([], gzip.compress(CAT.encode())),
    "said and not so": (["Content-Encoding: br"], CAT.encode()),
    "no encoding": (["Content-Encoding: UTF-8"], CAT.encode()),
    "chunks": (["Transfer-Encoding: Chunked"], chunks(CAT[:20].encode(), CAT[20:].encode())),
    "packed for the way": (
        ["Transfer-Encoding: gzip, chunked"],
        chunks(gzip.compress(CAT.encode())),
    ),
    "chunks that end early": (["Transfer-Encoding: chunked"], chunks(CAT.encode())[:-9]),
}


@pytest.mark.parametrize("form", BODIES)
def test_a_body_is_read_as_it_was_before_it_was_sent(form: str) -> None:
    headers, body = BODIES[form]
    file, captions = crawled(record(sent(body, "Content-Type: text/html", *headers)))
    assert (captions, file.unreadable_records) == (["a cat"], 0)


def test_what_cannot_be_unpacked_is_counted() -> None:
    bomb = bytes(4 * MAX_PAGE_BYTES)
    bad = [
        ("br", b"\x03\x02\x01\0" * 30),
        ("deflate", b"\x78\x9c\x01\0" * 30),
        ("gzip, gzip", gzip.compress(gzip.compress(bomb))),
        ("br", br(bomb)),
        ("zstd", zstd(bomb)),
        (", ".join(["gzip"] * 9), b"\x1f\x8b\x08\0" * 30),
    ]
    pages = [record(sent(body, f"Content-Encoding: {way}")) for way, body in bad]
    file, captions = crawled(b"".join([*pages, record(sent(CAT))]))
    assert (file.outcome, captions) == ("ok", ["a cat"])
    assert (file.records, file.unreadable_records) == (7, 6)


@pytest.mark.parametrize(
    ("header", "meta", "alt", "text"),
    [
        ("Shift_JIS", "", "①番の髙い塔".encode("cp932"), "①番の髙い塔"),
        ("euc-jp", "", b"\xad\xa1" + "番の塔".encode("euc_jp"), "①番の塔"),
        ("EUC-KR", "", "똠양꿍 한 그릇".encode("cp949"), "똠양꿍 한 그릇"),
        (None, "<meta charset=gb2312>", "朱镕基的㐂字".encode("gb18030"), "朱镕基的㐂字"),
        ("big5", "", "嘅相同埋啲貓".encode("big5hkscs"), "嘅相同埋啲貓"),
        ("iso-8859-1", "", b"\x93a caf\xe9\x94", '"a café"'),
        ("utf-16", "", "a café".encode("utf-16"), "a café"),
        (None, "<meta charset=utf-16>", "a café".encode(), "a café"),
        (None, "<meta charset=unicode>", "a café".encode(), "a café"),
        ("none", "<meta charset=koi8-r>", "кот на столе".encode("koi8-r"), "кот на столе"),
        (None, "<meta charset='x-sjis'>", "猫の写真".encode("cp932"), "猫の写真"),
        (None, "<!-- <meta charset=koi8-r> -->", "a café".encode(), "a café"),
        (None, "<p>" * 999 + "<meta charset=koi8-r>", "кот".encode("koi8-r"), "кот"),
        (
            None,
            "<p>" * 999 + "<meta http-equiv=Content-type content='text/html;charset=euc-kr'>",
            "창가의 고양이".encode("cp949"),
            "창가의 고양이",
        ),
    ],
)
def test_a_page_is_decoded_as_browsers_do(
    header: str | None, meta: str, alt: bytes, text: str
) -> None:
    wide = "utf-16" if header == "utf-16" else "ascii"
    html = f"<html><head>{meta}</head><body><img src=/1.jpg alt='".encode(wide)
    html += alt.removeprefix(b"\xff\xfe") + "'>".encode("utf-16-le" if wide != "ascii" else wide)
    said = "Content-Type: text/html" + (f"; charset={header}" if header else "")
    assert crawled(record(sent(html, said)))[1] == [text]


def test_an_xml_declaration_tells_the_encoding() -> None:
    html = "<?xml version='1.0' encoding='windows-1251'?><img src=/1.jpg alt='кот'>"
    assert crawled(record(sent(html.encode("cp1251"))))[1] == ["кот"]


@pytest.mark.parametrize("charset", ["gb2312", "euc-kr", "euc-jp", "big5", "utf-8", None])
def test_a_bad_byte_costs_itself(charset: str | None) -> None:
    said = f"; charset={charset}" if charset else ""
    html = "<p>一二三四五六七八</p><img src=/1.jpg alt='狗'>".encode(charset or "utf-8")
    page = sent(html + b"<p>\xff</p>", f"Content-Type: text/html{said}")
    assert crawled(record(page))[1] == ["狗"]


def arc(body: bytes, url: str, kind: str = "text/html") -> bytes:
    """One record of an ARC."""
    return f"{url} 192.0.2.1 20080430204826 {kind} {len(body)}\n".encode() + body + b"\n"


FILEDESC = arc(
    b"1 0 InternetArchive\nURL IP-address Archive-date Content-type Archive-length\n",
    "filedesc://x.arc",
    "text/plain",
)


def shown(number: int) -> bytes:
    """An answer with a page that shows one image."""
    html = f"<body><p>{'x' * number * 9}</p><img src=/{number}.jpg alt='number {number}'></body>"
    return sent(html, "Content-Type: text/html")


def lines_of(one: bytes) -> bytes:
    """A record as other writers have it: names in lower case, lines without carriage returns."""
    head, _, body = one.partition(b"\r\n\r\n")
    lowered = re.sub(rb"(?m)^[A-Za-z-]+:", lambda name: name[0].lower(), head)
    return lowered.replace(b"\r\n", b"\n") + b"\n\n" + body


COUNT = 6
_URLS = [f"http://a.example/{number}/" for number in range(COUNT)]
_WARC = [record(shown(number), url) for number, url in enumerate(_URLS)]
_ARC = [FILEDESC, *(arc(shown(number), url) for number, url in enumerate(_URLS))]
_DICTIONARY = zstd_train_dictionary_from_samples(_WARC * 50, 1_000)
_DICTIONARY_FRAME = b"\x5d\x2a\x4d\x18" + len(_DICTIONARY).to_bytes(4, "little") + _DICTIONARY
# The parts of a file, and how many of them come before the first page.
FORMS: Mapping[str, tuple[Sequence[bytes], int]] = {
    "WARC": (_WARC, 0),
    "WARC in gzip": ([gzip.compress(one, mtime=0) for one in _WARC], 0),
    "WARC in zstd": ([zstd(one) for one in _WARC], 0),
    "WARC in zstd with a dictionary": (
        [_DICTIONARY_FRAME, *(zstd(one, _DICTIONARY) for one in _WARC)],
        1,
    ),
    "WARC in other letters": ([lines_of(one) for one in _WARC], 0),
    "WARC in other letters, in gzip": ([gzip.compress(lines_of(one), mtime=0) for one in _WARC], 0),
    "ARC": (_ARC, 1),
    "ARC in gzip": ([gzip.compress(one, mtime=0) for one in _ARC], 1),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_archive_is_read(form: str) -> None:
    file, captions = crawled(b"".join(FORMS[form][0]))
    assert (file.outcome, file.error) == ("ok", None)
    assert captions == [f"number {number}" for number in range(COUNT)]
    assert file.other_records == ({"warcinfo": 1} if form.startswith("ARC") else {})


@pytest.mark.parametrize("form", ["WARC", "WARC in other letters", "ARC"])
def test_a_file_packed_as_one_is_read_whole(form: str) -> None:
    file, captions = crawled(gzip.compress(b"".join(FORMS[form][0])))
    assert (file.outcome, len(captions)) == ("ok", COUNT)


def test_records_of_an_arc_may_follow_at_once() -> None:
    file, captions = crawled(b"".join(one[:-1] for one in FORMS["ARC"][0]))
    assert (file.outcome, file.unreadable_records, len(captions)) == ("ok", 0, COUNT)


def test_the_archives_in_a_wacz_are_read() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as wacz:
        wacz.writestr("datapackage.json", "{}")
        wacz.writestr("archive/1.warc.gz", b"".join(FORMS["WARC in gzip"][0]))
        wacz.writestr("archive/2.arc", b"".join(FORMS["ARC"][0]), zipfile.ZIP_DEFLATED)
    file, captions = crawled(target.getvalue())
    assert (file.outcome, file.records, len(captions)) == ("ok", 2 * COUNT, COUNT)
    cut = crawled(target.getvalue()[:-200])[0]
    assert (cut.outcome, cut.pairs) == ("truncated", COUNT)


def alts(content: bytes) -> set[str]:
    """What is said of the images of an archive, whatever else is in it."""
    found: set[str] = set()
    for one in read_records(io.BufferedReader(io.BytesIO(content))):
        if isinstance(one, Record):
            with suppress(UnreadableRecord):
                page = html_of(one)
                if isinstance(page, Html):
                    found |= {seen.text for seen in parse_page(page.body, one.page_url).sightings}
    return found


@given(
    # Where a record of a plain ARC begins, nothing but the length of the one before it says.
    form=st.sampled_from(sorted(set(FORMS) - {"ARC"})),
    place=st.floats(0, 1, exclude_max=True),
    damage=st.binary(max_size=30),
    gone=st.integers(0, 30),
)
def test_what_damage_did_not_touch_still_lands(
    form: str, place: float, damage: bytes, gone: int
) -> None:
    parts, before = FORMS[form]
    content = b"".join(parts)
    # The dictionary is what all others need.
    first = len(parts[0]) if "dictionary" in form else 0
    start = first + int(place * (len(content) - first))
    left = alts(content[:start] + damage + content[start + gone :])
    begin = 0
    for number, part in enumerate(parts):
        is_whole = begin + len(part) <= start or begin >= start + max(gone, 1)
        if number >= before and is_whole:
            assert f"number {number - before}" in left
        begin += len(part)
