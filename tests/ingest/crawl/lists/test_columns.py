"""Which columns of a list are URLs, captions and scores, with a header and without one."""

from __future__ import annotations

import math
from pathlib import Path

import duckdb
import pytest

from pairlake.ingest.crawl.lists.layout import Columns, NotAList, list_kind
from tests.ingest.crawl.lists.published import FORMATS, OTHER, URL
from tests.ingest.landing_lists import jsonl, land, parquet, separated


class TestScores:
    def test_missing_and_infinite_values_are_no_scores(self, path: Path, folder: Path) -> None:
        values = [0.5, None, math.nan, math.inf, -math.inf]
        rows = [{"url": f"{URL}?{n}", "text": "x", "s": value} for n, value in enumerate(values)]
        for kind, content in (
            ("parquet", parquet(rows)),
            ("jsonl", jsonl(rows)),
            ("csv", separated(rows)),
        ):
            path.write_bytes(content)
            landed = land(path, kind, folder / kind)
            assert (landed.counts.pairs, landed.counts.unreadable_records) == (5, 0)
            assert landed.scores == {(f"{URL}?0", "x", "s"): 0.5}

    def test_only_numbers_are_scores_and_no_ids(self, path: Path, folder: Path) -> None:
        row = {
            "url": URL,
            "text": "x",
            "id": 1,
            "key": 2,
            "hash": 3,
            "__index_level_0__": 4,
            "is_safe": True,
            "tags": [0.5],
            "language": "en",
            "MiXed": 6,
        }
        for kind, content in (("parquet", parquet([row])), ("jsonl", jsonl([row]))):
            path.write_bytes(content)
            landed = land(path, kind, folder / kind)
            assert landed.scores == {(URL, "x", "mixed"): 6.0}

    def test_every_numeric_type_of_parquet(self, path: Path, folder: Path) -> None:
        types = ["tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger"]
        types += ["ubigint", "float", "double", "decimal(9, 3)", "decimal(30, 3)"]
        columns = ", ".join(f"3::{type_} as s{n}" for n, type_ in enumerate(types))
        with duckdb.connect() as con:
            con.sql(f"select '{URL}' as url, 'x' as text, {columns}").write_parquet(str(path))
        assert set(land(path, "parquet", folder).scores.values()) == {3.0}
        assert len(land(path, "parquet", folder).scores) == len(types)

    def test_an_odd_value_among_numbers_costs_itself(self, path: Path, folder: Path) -> None:
        said = ["1", "oops", "2", "", "NULL", "nan", "N/A", *map(str, range(3, 10))]
        rows = [{"url": f"{URL}?{n}", "text": "x", "s": s} for n, s in enumerate(said)]
        path.write_bytes(separated(rows))
        landed = land(path, "csv", folder)
        assert sorted(landed.scores.values()) == [float(n) for n in range(1, 10)]
        assert landed.counts.unreadable_records == 0

    def test_too_many_are_refused(self, path: Path, folder: Path) -> None:
        row = {"url": URL, "text": "x"} | {f"e{number}": 0.5 for number in range(512)}
        path.write_bytes(parquet([row]))
        with pytest.raises(NotAList, match="512 columns of numbers"):
            land(path, "parquet", folder)


class TestColumns:
    @pytest.mark.parametrize("format_", FORMATS)
    def test_are_found_by_the_names_given(self, format_: str, path: Path, folder: Path) -> None:
        kind, written = FORMATS[format_]
        name = 'the "words"; drop'
        rows = [{"url": OTHER, "text": "wrong", "Address /~": URL, name: "right"}]
        path.write_bytes(written(rows))
        landed = land(path, kind, folder, Columns(url="address /~", caption=name))
        assert landed.texts == [(URL, "right")]

    @pytest.mark.parametrize("format_", FORMATS)
    def test_that_are_missing_are_named(self, format_: str, path: Path, folder: Path) -> None:
        kind, written = FORMATS[format_]
        path.write_bytes(written([{"picture_url": URL, "words": "x", "n": 1}]))
        for columns in (Columns(), Columns(url="x", caption="words")):
            with pytest.raises(NotAList, match="columns picture_url, words, n; name those"):
                land(path, kind, folder, columns)
        said = r"URLs \(picture_url\) and no captions .* picture_url, words, n: name the column"
        with pytest.raises(NotAList, match=said):
            land(path, kind, folder, Columns(url="picture_url"))

    @pytest.mark.parametrize("format_", FORMATS)
    def test_of_captions_may_not_be_missing(self, format_: str, path: Path, folder: Path) -> None:
        kind, written = FORMATS[format_]
        path.write_bytes(written([{"url": URL}, {"url": OTHER}]))
        with pytest.raises(NotAList, match=r"no captions .* caption the pictures first"):
            land(path, kind, folder)

    def test_that_differ_in_case_only_are_told_apart_in_json(
        self, path: Path, folder: Path
    ) -> None:
        path.write_bytes(jsonl([{"url": URL, "URL": OTHER, "text": "x", "s": 1, "S": 2}]))
        landed = land(path, "jsonl", folder)
        assert landed.scores == {(URL, "x", "s"): 1.0}
        assert land(path, "jsonl", folder, Columns(url="URL")).texts == [(OTHER, "x")]

    def test_of_bytes_are_text(self, path: Path, folder: Path) -> None:
        path.write_bytes(parquet([{"url": URL.encode(), "text": "Größe".encode()}]))
        assert land(path, "parquet", folder).texts == [(URL, "Größe")]


class TestWithoutAHeader:
    def test_two_columns_are_told_apart_as_cc3m_has_them(self, path: Path, folder: Path) -> None:
        lines = [f'" hi , " said\t{URL}', f"two dogs\t{OTHER}", "three\tnothing"]
        path.write_text("\n".join(lines) + "\n")
        assert list_kind(path.read_bytes()) == "csv"
        landed = land(path, "csv", folder)
        assert landed.texts == sorted([(URL, '" hi , " said'), (OTHER, "two dogs")])
        assert [
            pair["sightings"][0]["record_offset"]
            for pair in landed.pairs
            if pair["image_url"] == URL
        ] == [0]
        assert landed.counts.records == 3

    def test_the_url_may_come_first(self, path: Path, folder: Path) -> None:
        path.write_text(f'{URL},"a cat, a dog"\n{OTHER},x\n')
        landed = land(path, "csv", folder, Columns(url="any", caption="name"))
        assert landed.texts == sorted([(URL, "a cat, a dog"), (OTHER, "x")])

    def test_urls_alone_are_refused_by_name(self, path: Path, folder: Path) -> None:
        for head in ("", "\ufeff", "URL\n", "image-url\r\n"):
            path.write_text(f"{head}{URL}\n{OTHER}\n")
            assert list_kind(path.read_bytes()) == "csv"
            with pytest.raises(NotAList, match=r"and a pair .*: name the column of captions"):
                land(path, "csv", folder)

    def test_a_line_that_only_begins_as_a_url_is_none(self) -> None:
        for line in (f"{URL} 127.0.0.1 20080430204825 text/html 97", "curl", "a link"):
            assert list_kind(f"{line}\n".encode()) is None

    @pytest.mark.parametrize("line", [f"{URL},{OTHER}", f"x,{URL},y"])
    def test_other_files_are_refused(self, line: str, path: Path, folder: Path) -> None:
        path.write_text(line + "\n")
        with pytest.raises(NotAList, match="no header"):
            land(path, "csv", folder)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"PAR1\x15\x04", "parquet"),
        (b'{"url": 1}\n', "jsonl"),
        (b"\xef\xbb\xbf \n {", "jsonl"),
        (b"URL,TEXT\n", "csv"),
        (b"\xef\xbb\xbfurl\ttext\r\n", "csv"),
        (b'"image_link";"x"', "csv"),
        (f"a caption\t{URL}\n".encode(), "csv"),
        (b"picture_url,words\n", "csv"),
        (b"\xef\xbb\xbfsep=;\r\nurl;text\r\n", "csv"),
        (b"sep=;\r\n", None),
        (b"place,words\n", None),
        (b"", None),
        # Refused then, since a pair has a caption.
        (b"url\n", "csv"),
        (f"{URL}\n".encode(), "csv"),
        (b"<html><a href='https://a.example/'>x, y</a>", None),
        (b"\n<!DOCTYPE html>, url", None),
        (b"WARC/1.0\r\nWARC-Type: warcinfo\r\n", None),
        (b"\x89PNG\r\n\x1a\n, url", None),
        (b"url,\0text\n", None),
        ("url,text".encode("utf-16"), "csv"),
        ("url,text".encode("utf-32"), "csv"),
        (b"Image URL\tText\rhttps://a.example/x\ty\r", "csv"),
        (b"[1, 2]", "json"),
        (b'\xef\xbb\xbf [\r\n {"url": 1}]', "json"),
        (b"[]", "json"),
        (b'{\n  "url": 1\n}', "json"),
        (b"[url],[text]\n", "csv"),
    ],
)
def test_the_kind_is_told_by_the_content(head: bytes, kind: str | None) -> None:
    assert list_kind(head) == kind


def test_a_column_given_tells_that_it_is_csv() -> None:
    assert list_kind(b"place,words\n", Columns(url="place")) == "csv"
