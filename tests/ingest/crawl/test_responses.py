"""The pages of a WARC give what a WAT of them would."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pairlake.ingest.crawl import records
from pairlake.ingest.crawl.reading import CrawlFile
from pairlake.ingest.crawl.references import decoded
from tests.ingest.crawled import counts, read
from tests.ingest.wats import CC_BY, image, member, numbered, page_json, response, wat


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
