"""One crawl file in, its row and its pairs out; every way to fail is an outcome, and costs no more.

What is damaged costs itself; what can be read beside it is kept.
"""

from __future__ import annotations

import gzip
import tempfile
import zlib
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from pairlake.ingest.crawl import records, spool, stream, warc
from pairlake.ingest.crawl.reading import CrawlFile
from pairlake.ingest.crawl.references import decoded
from pairlake.lake.keys import pair_id, text_id
from tests.ingest.conftest import Web
from tests.ingest.crawled import OUTCOMES, read
from tests.ingest.wats import CC_BY, THREE_PAGES, image, member, page_json, response, wat

NO_LINKS = member(b'{"Envelope": {}}')


def numbered(count: int) -> list[bytes]:
    """Records of pages that show one image each."""
    return [
        member(page_json([image(f"{n}.jpg", f"number {n}")]), f"http://a.example/{n}/")
        for n in range(count)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.warc.wat.gz"


def counts(file: CrawlFile) -> tuple[int, ...]:
    return (file.records, file.unreadable_records, file.links, file.images)


def test_three_pages_become_pairs_with_their_sightings(path: Path) -> None:
    path.write_bytes(THREE_PAGES)
    file, pairs = read(path)
    assert file.outcome == "ok"
    assert counts(file) == (4, 1, 7, 6)
    assert (file.pairs, file.sightings) == (3, 5)
    assert file.bytes == len(THREE_PAGES)
    assert file.seconds > 0
    rows = {(row["image_url"], row["caption"]): row for row in pairs}
    assert {key: row["occurrences"] for key, row in rows.items()} == {
        ("https://one.example/hat.png", "Ein Hut"): 1,
        ("https://one.example/hat.png", "Un chapeau"): 1,
        ("https://one.example/pets/cat.jpg", "A cat & a dog"): 3,
    }
    url, caption = key = ("https://one.example/pets/cat.jpg", "A cat & a dog")
    assert rows[key]["pair_id"] == pair_id(url, caption)
    assert rows[key]["url_id"] == text_id(url)
    assert rows[key]["caption_id"] == text_id(caption)
    assert (rows[key]["crawl_id"], rows[key]["path"]) == ("CC-TEST", "x.warc.wat.gz")
    assert [
        (seen["page_url"], seen["license_url"], seen["width_hint"], seen["height_hint"])
        for seen in rows[key]["sightings"]
    ] == [
        ("https://one.example/pets/", CC_BY, 640, 480),
        ("https://one.example/pets/", CC_BY, None, None),
        ("https://one.example/deep/down.html", None, None, None),
    ]


def test_the_offset_of_a_sighting_is_that_of_its_record(path: Path) -> None:
    path.write_bytes(THREE_PAGES)
    (row,) = [row for row in read(path)[1] if row["caption"] == "Un chapeau"]
    record = gzip.decompress(THREE_PAGES[row["sightings"][0]["record_offset"] :])
    assert b"WARC-Target-URI: http://two.example/" in record.partition(b"\r\n\r\n")[0]


def test_a_file_without_gzip_is_read_as_well(path: Path) -> None:
    path.write_bytes(gzip.decompress(THREE_PAGES))
    assert (read(path)[0].outcome, read(path)[0].pairs) == ("ok", 3)


def test_a_record_without_links_is_read(path: Path) -> None:
    path.write_bytes(wat(NO_LINKS, NO_LINKS))
    file, pairs = read(path)
    assert (file.outcome, *counts(file), len(pairs)) == ("ok", 2, 0, 0, 0, 0)


def test_captions_that_clean_to_nothing_are_no_pairs(path: Path) -> None:
    path.write_bytes(wat(member(page_json([image("1.jpg", "&nbsp;\u200b")]), "http://a.example/")))
    file, pairs = read(path)
    assert (file.images, file.sightings, len(pairs)) == (1, 0, 0)


def test_an_oversized_record_is_unreadable_and_the_rest_is_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MAX_RECORD_BYTES", 10_000)
    large = member(page_json([image("1.jpg", "x" * 10_000)]), "http://large.example/")
    path.write_bytes(wat(large, NO_LINKS))
    file, _ = read(path)
    assert (file.outcome, file.records, file.unreadable_records) == ("ok", 2, 1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"<html><body>Sorry</body></html>" * 20, "it seems to be HTML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "git lfs pull"),
        (gzip.compress(b"not a WARC file at all " * 20, mtime=0), "Invalid WARC header"),
        (b"PK\x03\x04" + bytes(60), "no web archive in it"),
    ],
)
def test_a_file_that_is_none_is_unreadable(content: bytes, words: str, path: Path) -> None:
    path.write_bytes(content)
    file, pairs = read(path)
    assert file.outcome == "unreadable"
    assert words in (file.error or "")
    assert (file.pairs, file.sightings, pairs) == (0, 0, [])


def test_a_file_cut_off_anywhere_keeps_what_was_whole(path: Path) -> None:
    members = numbered(3)
    ends = [len(wat(*members[:count])) for count in range(4)]
    content = wat(*members)
    for end in range(ends[1] + 1, len(content), 7):
        path.write_bytes(content[:end])
        whole = sum(end >= one for one in ends[1:])
        file, pairs = read(path)
        assert (end, file.outcome) == (end, "ok" if end in ends else "truncated")
        # Of a member that lacks no more than its checksum, the record is there.
        assert whole <= len(pairs) <= whole + 1


def test_a_plain_file_cut_off_within_a_record_keeps_the_others(path: Path) -> None:
    path.write_bytes(gzip.decompress(wat(*numbered(3)))[:-50])
    file, pairs = read(path)
    assert (file.outcome, len(pairs)) == ("truncated", 2)


DAMAGES = {
    "a bit": lambda member: member[:60] + bytes([member[60] ^ 0xFF]) + member[61:],
    "a stretch": lambda member: member[:60] + bytes(30) + member[90:],
    "its beginning": lambda member: b"zip?" + member[4:],
    "its checksum": lambda member: member[:-8] + bytes(4) + member[-4:],
    "its end": lambda member: member[:100],
    "its header": lambda member: gzip.compress(b"WURC" + gzip.decompress(member)[4:], mtime=0),
    "its kind": lambda member: gzip.compress(b"hello", mtime=0),
    "its length, too short": lambda member: with_length(member, -40),
    "its length, too long": lambda member: with_length(member, 40),
    "its length, beyond the file": lambda member: with_length(member, 1_000_000),
    "what stands before it": lambda member: b"garbage" + member,
}


def with_length(member: bytes, more: int) -> bytes:
    head, _, body = gzip.decompress(member).partition(b"\r\n\r\n")
    stated = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
    head = head.replace(b"Length: %d" % stated, b"Length: %d" % (stated + more))
    return gzip.compress(head + b"\r\n\r\n" + body, mtime=0)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_costs_one_record(damage: str, path: Path) -> None:
    members = numbered(9)
    path.write_bytes(wat(*members[:4], DAMAGES[damage](members[4]), *members[5:]))
    file, pairs = read(path)
    left = {row["caption"] for row in pairs}
    assert file.outcome == "damaged"
    assert file.error
    assert file.unreadable_records >= 1
    assert left | {"number 4"} == {f"number {n}" for n in range(9)}


def test_a_length_beyond_the_cap_costs_one_record(path: Path) -> None:
    members = numbered(5)
    path.write_bytes(wat(*members[:2], with_length(members[2], 10**12), *members[3:]))
    file, pairs = read(path)
    assert (file.outcome, len(pairs)) == ("damaged", 4)


def test_damage_in_a_plain_file_costs_one_record(path: Path) -> None:
    plain = gzip.decompress(wat(*numbered(5)))
    begin = plain.index(b"WARC/1.0\r\n", len(plain) // 2)
    path.write_bytes(plain[:begin] + b"WURC" + plain[begin + 4 :])
    file, pairs = read(path)
    assert (file.outcome, len(pairs)) == ("damaged", 4)


def test_zeros_behind_the_last_record_are_no_damage(path: Path) -> None:
    path.write_bytes(THREE_PAGES + bytes(512))
    assert read(path)[0].outcome == "ok"


def test_bombs_cost_their_own_record(path: Path) -> None:
    deep = member(b'{"Envelope":' + b"[" * 100_000, "http://deep.example/")
    size = records.MAX_RECORD_BYTES * 4
    head = gzip.decompress(NO_LINKS).partition(b"\r\n\r\n")[0]
    head = head.rpartition(b"Content-Length: ")[0] + b"Content-Length: %d\r\n\r\n" % size
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = (bytes(2**20) for _ in range(size // 2**20))
    large = b"".join(packer.compress(part) for part in (head, *zeros, b"\r\n\r\n"))
    path.write_bytes(wat(deep, large + packer.flush(), *numbered(2)))
    file, pairs = read(path)
    assert (file.outcome, file.unreadable_records, len(pairs)) == ("ok", 2, 2)


def test_beginnings_of_members_do_not_take_for_ever(path: Path) -> None:
    path.write_bytes(THREE_PAGES + b"\x1f\x8b\x08" * 50_000)
    file, pairs = read(path)
    assert (file.outcome, len(pairs)) == ("damaged", 3)


def test_a_file_with_too_much_damage_is_not_called_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warc, "MAX_RESTARTS", 2)
    path.write_bytes(wat(*(part for one in numbered(9) for part in (one, one[:60]))))
    file, pairs = read(path)
    assert file.outcome == "damaged"
    assert 0 < len(pairs) < 9


def test_links_of_odd_types_cost_themselves(path: Path) -> None:
    links = [
        image("1.jpg", "a cat", width=[1], height={"px": 2}),
        image("2.jpg", "a dog", width=True, height=3.0),
        {"path": "IMG@/src", "url": 5, "alt": "a number"},
        {"path": "IMG@/src", "url": "3.jpg", "alt": ["a", "list"]},
        {"path": ["IMG@/src"], "url": "4.jpg", "alt": "a path of two"},
    ]
    for head in ({"Base": ["/x/"], "Link": "none"}, ["no", "object"], "text"):
        content = page_json(links, head)  # type: ignore[arg-type]
        path.write_bytes(wat(member(content, "http://a.example/"), *numbered(1)))
        file, pairs = read(path)
        assert (file.outcome, file.unreadable_records) == ("ok", 0)
        assert {row["caption"] for row in pairs} == {"a cat", "a dog", "number 0"}


@given(st.binary(max_size=2_000))
def test_arbitrary_bytes_are_an_outcome(content: bytes) -> None:
    with tempfile.NamedTemporaryFile() as handle:
        handle.write(content)
        handle.flush()
        assert read(handle.name)[0].outcome in OUTCOMES


@given(st.lists(st.tuples(st.integers(0, len(THREE_PAGES) - 1), st.binary(max_size=4)), max_size=4))
def test_mutated_files_are_an_outcome(damages: list[tuple[int, bytes]]) -> None:
    content = bytearray(THREE_PAGES)
    for position, damage in damages:
        content[position : position + len(damage)] = damage
    with tempfile.NamedTemporaryFile() as handle:
        handle.write(content)
        handle.flush()
        file, _ = read(handle.name)
    assert file.outcome in OUTCOMES
    assert file.pairs <= 3


def test_many_sightings_are_made_distinct_in_parts(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = [image(f"{n % 7}.jpg", f"number {n % 5}") for n in range(200)]
    path.write_bytes(wat(member(page_json(links), "http://a.example/")))
    whole = read(path)
    monkeypatch.setattr(spool, "SIGHTINGS_IN_MEMORY", 30)
    monkeypatch.setattr(spool, "BYTES_AT_ONCE", 2_000)
    parts = read(path)
    assert (whole[0].pairs, whole[0].sightings) == (35, 200)
    assert sorted(map(str, parts[1])) == sorted(map(str, whole[1]))


def test_a_hundred_thousand_short_pairs_fit_in_memory(path: Path) -> None:
    links = [[image(f"/{n}/{m}", f"{n} {m}") for m in range(50)] for n in range(2_000)]
    pages = [member(page_json(page), "http://a.example/") for page in links]
    path.write_bytes(wat(*pages))
    assert read(path)[0].pairs == 100_000


class TestWarc:
    def read(self, path: Path, *responses: bytes) -> tuple[CrawlFile, dict[str, str]]:
        path.write_bytes(wat(*responses))
        file, pairs = read(path)
        return file, {row["image_url"]: row["caption"] for row in pairs}

    def test_a_page_is_read_as_a_wat_of_it_would_be(self, path: Path) -> None:
        html = (
            f"<head><base href=/x/><link rel=license href={CC_BY}></head><body>"
            "<img src=cat.jpg alt='A cat &amp; a dog' width=640 height=480px><img src=logo.png>"
            "<img alt='no source'><a href=/1>x</a><!-- <img src=no.jpg alt=no> -->"
        ).encode()
        path.write_bytes(wat(response(html, "https://a.example/b/c.html")))
        file, (row,) = read(path)
        assert counts(file) == (1, 0, 4, 2)
        assert (row["image_url"], row["caption"]) == (
            "https://a.example/x/cat.jpg",
            "A cat & a dog",
        )
        (seen,) = row["sightings"]
        assert (seen["page_url"], seen["license_url"]) == ("https://a.example/b/c.html", CC_BY)
        assert (seen["width_hint"], seen["height_hint"]) == (640, 480)
        assert (seen["image_source"], seen["caption_source"]) == ("src", "alt")

    def test_a_sighting_says_from_which_attribute_it_is(self, path: Path) -> None:
        late = b"<img data-src=/1.jpg src='data:,' alt='a cat'>"
        html = late + b"<img src=/1.jpg alt='a cat'>" + late
        path.write_bytes(wat(response(html, "http://a.example/")))
        file, (row,) = read(path)
        assert (file.images, file.sightings, row["occurrences"]) == (3, 3, 3)
        assert [seen["image_source"] for seen in row["sightings"]] == ["data-src", "src"]

    def test_a_page_gives_the_same_pairs_by_every_extractor(self, path: Path) -> None:
        written = {
            "/1.jpg?a=1&amp;b=2&copy=3": "R&D&regional caf&eacute; &copy 2019",
            "i\\2.jpg?a=1&amp;amp;b=2": "Tom &amp;amp; Jerry",
            "https:&#47;cdn.example/./3.jpg": "&lt;b&gt; &amp;lt;b&amp;gt; Q&Amp;A",
        }
        html = "".join(f'<img src="{src}" alt="{alt}">' for src, alt in written.items())
        as_written = [image(src, alt) for src, alt in written.items()]
        today = [image(decoded(src), decoded(alt)) for src, alt in written.items()]
        in_may, in_june = (
            page_json(links).replace(b"x.warc.gz", f"CC-MAIN-20190{month}15.warc.gz".encode())
            for month, links in ((5, as_written), (6, today))
        )
        url = "http://a.example/b/"
        for record in (response(html.encode(), url), member(in_may, url), member(in_june, url)):
            assert self.read(path, record)[1] == {
                "http://a.example/1.jpg?a=1&b=2&copy=3": "R&D&regional café © 2019",
                "http://a.example/b/i/2.jpg?a=1&amp;b=2": "Tom & Jerry",
                "https://cdn.example/3.jpg": "<b> <b> Q&Amp;A",
            }

    def test_brackets_around_a_pages_url_are_no_part_of_it(self, path: Path) -> None:
        html = response(b"<img src=1.jpg alt='an oak'>", "<http://a.example/b/>")
        links = member(page_json([image("2.jpg", "an elm")]), "<http://a.example/b/>")
        _, pairs = self.read(path, html, links)
        assert pairs == {
            "http://a.example/b/1.jpg": "an oak",
            "http://a.example/b/2.jpg": "an elm",
        }
        pages = {seen["page_url"] for row in read(path)[1] for seen in row["sightings"]}
        assert pages == {"http://a.example/b/"}

    @pytest.mark.parametrize(
        ("encoding", "header", "meta"),
        [
            ("euc-jp", "euc-jp", "utf-8"),
            ("shift_jis", None, "Shift_JIS"),
            ("utf-8", None, None),
            ("utf-8-sig", "iso-8859-1", None),
            ("utf-16", None, None),
        ],
    )
    def test_a_page_is_read_in_its_encoding(
        self, encoding: str, header: str | None, meta: str | None, path: Path
    ) -> None:
        declared = f"<meta charset={meta}>" if meta else ""
        html = f"<html><head>{declared}</head><img src=/1.jpg alt='日本語の猫の写真です'>"
        content = response(html.encode(encoding), "http://a.example/", charset=header)
        _, pairs = self.read(path, content)
        assert pairs == {"http://a.example/1.jpg": "日本語の猫の写真です"}

    def test_a_page_is_unpacked_if_it_is_packed(self, path: Path) -> None:
        html = b"<img src=/1.jpg alt='a cat'>"
        packed = response(gzip.compress(html), "http://a.example/", encoding="gzip")
        only_said = response(html.replace(b"1", b"2"), "http://a.example/", encoding="gzip")
        bomb = response(gzip.compress(bytes(2 * records.MAX_RECORD_BYTES)), "http://b.example/")
        file, pairs = self.read(path, packed, only_said, bomb)
        assert set(pairs) == {"http://a.example/1.jpg", "http://a.example/2.jpg"}
        assert (file.outcome, file.unreadable_records) == ("ok", 1)

    @pytest.mark.parametrize(
        "body",
        [
            b"1c\r\n<img src=/1.jpg alt='a cat'>\r\n0\r\n\r\n",
            b"<img src=/1.jpg alt='a cat'>",
            b"zz",
        ],
    )
    def test_chunks_are_joined_if_there_are_any(self, body: bytes, path: Path) -> None:
        chunked = response(body, "http://a.example/", transfer="chunked")
        file, pairs = self.read(path, chunked, *numbered(1))
        assert (file.outcome, file.unreadable_records) == ("ok", 0)
        assert pairs.get("http://a.example/1.jpg", "a cat") == "a cat"
        assert len(pairs) == 1 + (body != b"zz")

    def test_a_page_of_many_images_takes_no_longer_than_it_must(self, path: Path) -> None:
        html = "".join(f"<img src=/{n}.jpg alt='number {n}'>" for n in range(50_000))
        file, _ = self.read(path, response(html.encode(), "http://a.example/"))
        assert (file.images, file.pairs) == (50_000, 50_000)

    def test_a_page_cut_off_is_no_page(self, path: Path) -> None:
        pages = [response(f"<img src={n} alt='a cat'>".encode(), "http://a/") for n in range(3)]
        path.write_bytes(gzip.decompress(wat(*pages))[:-20])
        file, pairs = read(path)
        assert (file.outcome, len(pairs)) == ("truncated", 2)

    def test_what_is_no_page_is_passed_over(self, path: Path) -> None:
        picture = response(b"<img src=1.jpg alt=x>", "http://a.example/", kind="image/jpeg")
        asked = member(b"GET / HTTP/1.1\r\n", "http://a.example/", kind="request")
        file, pairs = self.read(path, picture, asked, asked, response(b"", "http://a.example/"))
        assert (file.outcome, file.records, pairs) == ("ok", 1, {})
        assert file.other_records == {"warcinfo": 1, "image": 1, "request": 2}

    def test_a_file_without_a_page_is_read_all_the_same(self, path: Path) -> None:
        file, pairs = self.read(path, member(b"fetchTimeMs: 41\r\n", kind="request"))
        assert (file.outcome, file.records, pairs) == ("ok", 0, {})


def test_a_missing_file_is_not_found(path: Path) -> None:
    assert read(path)[0].outcome == "not_found"


class TestOverHttp:
    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stream, "FIRST_WAIT_S", 0.01)

    def test_a_file_is_read(self, site: Web) -> None:
        file, _ = read(site.serve("/x.gz", THREE_PAGES))
        assert (file.outcome, file.pairs, file.bytes) == ("ok", 3, len(THREE_PAGES))

    def test_a_file_without_a_length_is_read(self, site: Web) -> None:
        async def chunked(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            for start in range(0, len(THREE_PAGES), 100):
                await response.write(THREE_PAGES[start : start + 100])
            return response

        site.routes["/x.gz"] = chunked
        file, _ = read(f"{site.url}/x.gz")
        assert (file.outcome, file.pairs) == ("ok", 3)

    def test_a_server_that_recovers_is_tried_again(self, site: Web) -> None:
        site.serve("/x.gz", THREE_PAGES)
        good, failures = site.routes["/x.gz"], iter(range(3))

        async def flaky(request: web.Request) -> web.StreamResponse:
            if next(failures, None) is not None:
                return web.Response(status=503)
            return await good(request)

        site.routes["/x.gz"] = flaky
        file, _ = read(f"{site.url}/x.gz")
        assert (file.outcome, file.records, file.pairs) == ("ok", 4, 3)

    def test_a_server_that_breaks_off_is_a_network_error(self, site: Web) -> None:
        async def broken(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Length": str(len(THREE_PAGES))})
            await response.prepare(request)
            if request.method == "GET":
                await response.write(THREE_PAGES[:500])
                assert request.transport is not None
                request.transport.abort()
            return response

        site.routes["/x.gz"] = broken
        file, pairs = read(f"{site.url}/x.gz")
        assert (file.outcome, len(pairs)) == ("network_error", 0), file.error

    @pytest.mark.parametrize(
        ("status", "expected"),
        [(404, "not_found"), (410, "not_found"), (403, "http_error"), (500, "http_error")],
    )
    def test_a_refusal_is_named(self, status: int, expected: str, site: Web) -> None:
        assert read(site.serve("/x.gz", b"", status))[0].outcome == expected

    def test_only_what_may_pass_is_tried_again(self, site: Web) -> None:
        read(site.serve("/403.gz", b"", 403))
        read(site.serve("/503.gz", b"", 503))
        assert site.asked.count("/503.gz") == stream.TRIES * site.asked.count("/403.gz")

    def test_an_unreachable_host_is_a_network_error(self, free_port: int) -> None:
        assert read(f"http://127.0.0.1:{free_port}/x.gz")[0].outcome == "network_error"

    def test_a_file_is_gone_on_with_where_the_network_failed(
        self, site: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        content = wat(*numbered(1_500))
        monkeypatch.setattr(stream, "BLOCK_BYTES", 2**17)
        monkeypatch.setattr(stream, "_BUFFER_BYTES", 2**12)
        asked: list[int] = []

        async def in_ranges(request: web.Request) -> web.StreamResponse:
            if request.method == "HEAD":
                sizes = {"Content-Length": str(len(content)), "Accept-Ranges": "bytes"}
                return web.Response(headers=sizes)
            part = request.http_range
            asked.append(part.start or 0)
            if part.start and asked.count(part.start) < 3:
                return web.Response(status=503, headers={"Retry-After": "0"})
            body = content[part]
            where = f"bytes {part.start}-{(part.start or 0) + len(body) - 1}/{len(content)}"
            return web.Response(status=206, body=body, headers={"Content-Range": where})

        site.routes["/x.gz"] = in_ranges
        file, pairs = read(f"{site.url}/x.gz")
        assert (file.outcome, len(pairs), file.bytes) == ("ok", 1_500, len(content)), file.error
        assert len(set(asked)) > 2

    def test_a_server_says_how_long_to_wait(
        self, site: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits: list[float] = []
        monkeypatch.setattr("tenacity.nap.time.sleep", waits.append)
        site.serve("/x.gz", b"", 429, Retry_After="7")
        file, _ = read(f"{site.url}/x.gz")
        assert file.outcome == "http_error"
        assert waits == [7.0] * (stream.TRIES - 1)


REAL = Path(__file__).parents[4] / "shared" / "data" / "warc"
# Images with a source, and those with alt text. Of the 153 images in resiliparse_warcfile, four
# have no source.
REAL_COUNTS = {
    "whirlwind.warc.gz": (1, 13, 7),
    "whirlwind.warc.wat.gz": (1, 0, 0),
    "resiliparse_warcfile.warc.gz": (16, 149, 32),
    "resiliparse_clueweb-quirk.warc.gz": (29, 1252, 556),
    "IAH-urls-wget.warc": (11, 50, 46),
    "jwarc_cc.warc.gz": (1, 8, 6),
}


@pytest.mark.skipif(not REAL.exists(), reason="real crawl files are not beside this checkout")
@pytest.mark.parametrize("name", REAL_COUNTS)
def test_real_files_give_all_their_pairs(name: str) -> None:
    file, _ = read(REAL / name)
    assert (file.outcome, file.unreadable_records) == ("ok", 0)
    assert (file.records, file.images, file.sightings) == REAL_COUNTS[name]
