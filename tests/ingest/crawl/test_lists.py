"""Ready-made lists land verbatim: every format and its columns, what is no pair, what is broken."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import mmh3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairlake.ingest.crawl.captions import former_caption
from pairlake.ingest.crawl.lists import lines as list_lines
from pairlake.ingest.crawl.lists import read as lists
from pairlake.ingest.crawl.lists import text as list_text
from pairlake.ingest.crawl.lists.layout import Columns, NotAList, list_kind
from pairlake.lake.keys import pair_id, text_id
from pairlake.lake.tables import ATTEMPT, TABLES
from pairlake.lake.tombstones import FORMER_CAPTION_ID, LOOKED_AT
from tests.ingest.conftest import Web
from tests.ingest.landing_lists import Landed, Rows, jsonl, land, parquet, separated

URL, OTHER = "https://a.example/cat.jpg", "http://b.example/dog.png?w=1&amp;h=2"
AWKWARD = [
    "  leading and trailing  ",
    "Tom &amp; Jerry &#39;s",
    "👩\u200d👩\u200d👧 family",
    "two\nlines and\r\nthree",
    'says "hello", twice',
    "tab\there; semi|pipe",
    "\u00e2\u20ac\u2122 mojibake \u4f60\u597d",
    "'); drop table x; --",
    "=cmd|' /C calc'!A0",
    "back\\slash",
    '"',
]


FORMATS: dict[str, tuple[str, Callable[[Rows], bytes]]] = {
    "parquet": ("parquet", parquet),
    "csv": ("csv", separated),
    "tsv": ("csv", lambda rows: separated(rows, "\t")),
    "semicolons": ("csv", lambda rows: separated(rows, ";")),
    "jsonl": ("jsonl", jsonl),
    "csv.gz": ("csv", lambda rows: gzip.compress(separated(rows), mtime=0)),
    "jsonl.gz": ("jsonl", lambda rows: gzip.compress(jsonl(rows), mtime=0)),
}
LISTS: dict[str, tuple[dict[str, Any], str | None, dict[str, float]]] = {
    "laion": (
        {
            "SAMPLE_ID": 2900000000123,
            "URL": URL,
            "TEXT": "A cat",
            "HEIGHT": 480,
            "WIDTH": 640,
            "LICENSE": "?",
            "NSFW": "UNLIKELY",
            "similarity": 0.3125,
        },
        "2900000000123",
        {"height": 480, "width": 640, "similarity": 0.3125},
    ),
    "laion_joined": (
        {
            "URL": URL,
            "TEXT": "A cat",
            "WIDTH": 640,
            "HEIGHT": 480,
            "similarity": 0.25,
            "hash": -4931186472424834567,
            "pwatermark": 0.5,
            "punsafe": 0.125,
        },
        "-4931186472424834567",
        {"width": 640, "height": 480, "similarity": 0.25, "pwatermark": 0.5, "punsafe": 0.125},
    ),
    "datacomp": (
        {
            "uid": "00a1f3e9b2c4d5e6f708192a3b4c5d6e",
            "url": URL,
            "text": "A cat",
            "original_width": 640,
            "original_height": 480,
            "clip_b32_similarity_score": 0.25,
            "clip_l14_similarity_score": 0.5,
        },
        "00a1f3e9b2c4d5e6f708192a3b4c5d6e",
        {
            "original_width": 640,
            "original_height": 480,
            "clip_b32_similarity_score": 0.25,
            "clip_l14_similarity_score": 0.5,
        },
    ),
    "img2dataset": (
        {
            "url": URL,
            "caption": "A cat",
            "key": "000000017",
            "status": "success",
            "error_message": None,
            "width": 256,
            "height": 256,
            "original_width": 640,
            "original_height": 480,
            "exif": "{}",
            "sha256": "00ff",
        },
        "000000017",
        {"width": 256, "height": 256, "original_width": 640, "original_height": 480},
    ),
    "coyo": (
        {
            "id": 4896263451343,
            "url": URL,
            "text": "A cat",
            "width": 640,
            "height": 480,
            "image_phash": "eefeb0c0d0e0f000",
            "word_count": 2,
            "watermark_score": 0.5,
            "aesthetic_score_laion_v2": 5.25,
        },
        "4896263451343",
        {
            "width": 640,
            "height": 480,
            "word_count": 2,
            "watermark_score": 0.5,
            "aesthetic_score_laion_v2": 5.25,
        },
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "landing"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "list"


@pytest.mark.parametrize("source", LISTS)
@pytest.mark.parametrize("format_", FORMATS)
def test_known_lists_land_with_their_ids_and_scores(
    format_: str, source: str, path: Path, folder: Path
) -> None:
    kind, written = FORMATS[format_]
    row, source_id, scores = LISTS[source]
    path.write_bytes(written([row]))
    landed = land(path, kind, folder)
    (pair,) = landed.pairs
    assert (pair["image_url"], pair["caption"]) == (URL, "A cat")
    assert pair["pair_id"] == pair_id(URL, "A cat")
    assert (pair["url_id"], pair["caption_id"]) == (text_id(URL), text_id("A cat"))
    assert (pair["crawl_id"], pair["path"]) == ("list", "the/list")
    assert (pair["occurrences"], pair["source_id"]) == (1, source_id)
    assert pair["sightings"] == [
        {
            "page_url": None,
            "license_url": None,
            "record_offset": 0,
            "width_hint": 640,
            "height_hint": 480,
            # A list does not tell them.
            "image_source": None,
            "caption_source": None,
        }
    ]
    assert {name: value for (*_, name), value in landed.scores.items()} == scores
    assert landed.counts.bytes == path.stat().st_size


def test_each_caption_has_beside_it_the_id_by_which_it_may_be_forgotten(
    path: Path, folder: Path
) -> None:
    captions = ["a cat", "R&D&regional", "Caf&eacute;  noir", "日本の猫", "x" * 3_000]
    path.write_bytes(parquet([{"url": "http://a.example/", "caption": text} for text in captions]))
    pairs = land(path, "parquet", folder).pairs
    found = {pair["caption"]: pair[FORMER_CAPTION_ID] for pair in pairs}
    # What is plain stands for itself, however long.
    former = [former_caption(caption) for caption in captions[:-1]] + [captions[-1]]
    assert found == dict(zip(captions, map(text_id, former), strict=True))


def test_what_is_written_has_the_columns_and_types_of_the_lake(path: Path, folder: Path) -> None:
    path.write_bytes(parquet([LISTS["laion"][0]]))
    with duckdb.connect() as con:
        for table, types in land(path, "parquet", folder).types.items():
            wanted = {name: type_ for name, type_ in TABLES[table].items() if name not in ATTEMPT}
            types = {name: type_ for name, type_ in types.items() if name not in LOOKED_AT}
            nulls = ", ".join(f"null::{type_}" for type_ in wanted.values())
            spelled = map(str, con.sql(f"select {nulls}").types)
            assert types == dict(zip(wanted, spelled, strict=True))


@pytest.mark.parametrize("format_", FORMATS)
def test_captions_and_urls_land_as_they_are_so_that_laions_hash_holds(
    format_: str, path: Path, folder: Path
) -> None:
    kind, written = FORMATS[format_]
    rows = [
        {"URL": OTHER, "TEXT": text, "hash": mmh3.hash64(f"{OTHER}{text}".encode())[0]}
        for text in AWKWARD
    ]
    path.write_bytes(written(rows))
    landed = land(path, kind, folder)
    assert landed.texts == sorted((OTHER, text) for text in AWKWARD)
    for pair in landed.pairs:
        laion = mmh3.hash64((pair["image_url"] + pair["caption"]).encode())[0]
        assert pair["source_id"] == str(laion)
    assert not landed.scores


@pytest.mark.parametrize("format_", FORMATS)
def test_equal_rows_are_one_pair_with_the_id_and_scores_of_the_first(
    format_: str, path: Path, folder: Path
) -> None:
    kind, written = FORMATS[format_]
    rows = [
        {"url": OTHER, "text": "x", "id": 7, "similarity": 0.5},
        {"url": URL, "text": "x", "id": 8, "similarity": 0.25},
        {"url": OTHER, "text": "x", "id": 9, "similarity": 0.75},
        {"url": OTHER, "text": "X", "id": 10, "similarity": 0.875},
    ]
    path.write_bytes(written(rows))
    landed = land(path, kind, folder)
    found = {
        (pair["image_url"], pair["caption"]): (
            pair["source_id"],
            pair["occurrences"],
            [sighting["record_offset"] for sighting in pair["sightings"]],
        )
        for pair in landed.pairs
    }
    assert found == {
        (OTHER, "x"): ("7", 2, [0]),
        (URL, "x"): ("8", 1, [1]),
        (OTHER, "X"): ("10", 1, [3]),
    }
    assert landed.scores[OTHER, "x", "similarity"] == 0.5
    assert (landed.counts.records, landed.counts.pairs, landed.counts.sightings) == (4, 3, 4)


NOT_PAIRS: list[tuple[str | None, str | None]] = [
    (None, "no URL"),
    ("", "an empty URL"),
    ("ftp://a.example/x.jpg", "not the web"),
    ("data:image/png;base64,AAAA", "data"),
    ("//a.example/x.jpg", "no scheme"),
    ("https:///x.jpg", "no host"),
    ("https://a.example/a b.jpg", "a space"),
    ("https://a.example/a\x7f.jpg", "a control"),
    ("https://a.example/" + "x" * 2_000, "too long"),
    ("https://me:zzz@a.example/x.jpg", "a login"),
    ("https://me@a.example/x.jpg", "a user"),
    (URL, None),
    (URL, ""),
    (URL, " \t\u00a0\u200b"),
    (URL, "x" * 20_001),
]


@pytest.mark.parametrize("format_", FORMATS)
def test_rows_that_cannot_be_pairs_are_left_out_and_counted(
    format_: str, path: Path, folder: Path
) -> None:
    kind, written = FORMATS[format_]
    long = "HTTPS://a.example/" + "x" * (2_000 - 18)
    rows = [*NOT_PAIRS, (long, "y" * 20_000), ("https://münchen.example/ö.jpg", "Größe")]
    path.write_bytes(written([{"url": url, "caption": caption} for url, caption in rows]))
    landed = land(path, kind, folder)
    assert landed.texts == sorted(
        [(long, "y" * 20_000), ("https://münchen.example/ö.jpg", "Größe")]
    )
    assert (landed.counts.records, landed.counts.unreadable_records) == (len(rows), 0)
    assert landed.counts.links == landed.counts.images == len(rows) - 2
    assert (landed.counts.pairs, landed.counts.sightings) == (2, 2)
    assert landed.counts.other_records == {"no pair": len(NOT_PAIRS)}
    assert landed.counts.with_login == 2


@pytest.mark.parametrize("format_", FORMATS)
def test_page_license_and_sizes_are_taken_if_they_make_sense(
    format_: str, path: Path, folder: Path
) -> None:
    kind, written = FORMATS[format_]
    page, license_ = "https://a.example/@page", "https://creativecommons.org/licenses/by/4.0/"
    said = [
        (page.replace("//", "//me:zzz@"), license_, 640.0, 480.0),
        ("not a page", "?", 0.0, 1_000_000.0),
        (None, "by", 1.5, 999_999.0),
        ("https://a.example/a b", None, -1.0, None),
    ]
    rows = [
        {
            "url": f"{URL}?{number}",
            "caption": "x",
            "page_url": page_url,
            "license": license_url,
            "WIDTH": width,
            "HEIGHT": height,
        }
        for number, (page_url, license_url, width, height) in enumerate(said)
    ]
    path.write_bytes(written(rows))
    pairs = sorted(land(path, kind, folder).pairs, key=lambda pair: str(pair["image_url"]))
    assert [tuple(pair["sightings"][0].values())[:5] for pair in pairs] == [
        (page, license_, 0, 640, 480),
        (None, None, 1, None, None),
        (None, None, 2, None, 999_999),
        (None, None, 3, None, None),
    ]


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


class TestBrokenLines:
    def test_of_csv_are_counted_and_the_rest_is_kept(self, path: Path, folder: Path) -> None:
        lines = [
            b"\xef\xbb\xbfurl,caption,s",
            b"https://a.example/0,zero,0",
            b"https://a.example/1",
            b"https://a.example/2,one,too,many",
            b"https://a.example/3,not \xff UTF-8,3",
            b'https://a.example/4,"a "bad" quote",4',
            b"",
            b"https://a.example/5,five,5\r",
            b'https://a.example/6,"two\nlines",6',
            b"https://a.example/7," + b"x" * 200_000 + b",7",
            b"https://a.example/8,eight,8",
            b'https://a.example/9,"never closed,9',
        ]
        path.write_bytes(b"\n".join(lines))
        landed = land(path, "csv", folder)
        found = {p["caption"]: p["sightings"][0]["record_offset"] for p in landed.pairs}
        assert found == {"zero": 0, "five": 5, "two\nlines": 6, "eight": 8}
        # The long one is a row, and its caption no caption.
        assert (landed.counts.records, landed.counts.unreadable_records) == (10, 5)

    def test_of_jsonl_are_counted_and_the_rest_is_kept(self, path: Path, folder: Path) -> None:
        lines = [
            b'\xef\xbb\xbf{"url": "https://a.example/0", "text": "zero"}',
            b'{"url": "https://a.example/1", "text": ',
            b'["url", "text"]',
            b"null",
            b"",
            b'{"url": "https://a.example/4"}',
            b'{"url": "https://a.example/5", "text": "five \\ud83d"}',
            b'{"url": "https://a.example/6", "text": "\xff"}',
            b"[" * 100_000,
            b'{"url": "https://a.example/8", "text": null}',
            b'{"url": "https://a.example/9", "text": ["list"]}',
            b'{"url": "https://a.example/10", "text": "ten"} \r',
            b'{"url": "https://a.example/11", "text": "eleven"',
        ]
        path.write_bytes(b"\n".join(lines))
        landed = land(path, "jsonl", folder)
        found = {p["caption"]: p["sightings"][0]["record_offset"] for p in landed.pairs}
        assert found == {"zero": 0, "five \ufffd": 5, "list": 9, "ten": 10}
        assert (landed.counts.records, landed.counts.unreadable_records) == (12, 7)
        assert landed.counts.links == 5

    @pytest.mark.parametrize("format_", ["csv", "jsonl"])
    def test_that_are_too_long_are_counted_and_never_cut(
        self, format_: str, path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(list_lines, "_MAX_LINE_CHARS", 100)
        kind, written = FORMATS[format_]
        texts = ["short", "l" * 1_000, "exact".ljust(100), "last"]
        path.write_bytes(written([{"url": URL, "caption": text} for text in texts]))
        landed = land(path, kind, folder)
        assert landed.texts == [(URL, "last"), (URL, "short")]
        assert (landed.counts.records, landed.counts.unreadable_records) == (4, 2)


class TestBrokenFiles:
    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            ("parquet", b"PAR1"),
            ("parquet", parquet([LISTS["laion"][0]])[:-9]),
            ("parquet", parquet([{"url": b"\xff" + URL.encode(), "text": "x"}])),
            ("csv", b""),
            ("csv", b"\n\n"),
            ("csv", gzip.compress(separated([{"url": URL, "text": "x" * 9_000}]), mtime=0)[:-9]),
            ("csv", gzip.compress(b"url,text\n", mtime=0)[:20] + b"\0\0\0\0\0\0\0\0"),
            ("csv", gzip.compress(b"url,text\n", mtime=0) + b"rest"),
            ("jsonl", b""),
            ("jsonl", b"{bad\n"),
            ("jsonl", b"{}\n"),
        ],
    )
    def test_are_not_lists(self, kind: str, content: bytes, path: Path, folder: Path) -> None:
        path.write_bytes(content)
        with pytest.raises(NotAList) as raised:
            land(path, kind, folder)
        assert "\n" not in str(raised.value)
        assert list(folder.iterdir()) == []

    @pytest.mark.parametrize("kind", ["csv", "parquet"])
    def test_an_empty_list_is_a_list(self, kind: str, path: Path, folder: Path) -> None:
        schema = pa.schema({"url": pa.string(), "text": pa.string()})
        if kind == "csv":
            path.write_bytes(b"url,text\n")
        else:
            pq.write_table(schema.empty_table(), path)
        landed = land(path, kind, folder)
        assert (landed.counts.records, landed.pairs) == (0, [])

    def test_a_missing_file_is_missing(self, path: Path, folder: Path) -> None:
        with pytest.raises(FileNotFoundError):
            land(path, "csv", folder)


@pytest.mark.parametrize("format_", FORMATS)
def test_buckets_give_the_same_as_one_group(
    format_: str, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, written = FORMATS[format_]
    rows = [
        {"url": f"{URL}?{n % 71}", "text": f"caption {n % 7}", "id": n, "similarity": n / 1024}
        for n in range(1_000)
    ]
    path.write_bytes(written(rows))
    one = land(path, kind, tmp_path / "one")
    monkeypatch.setattr(lists, "ROWS_AT_ONCE", 100)
    monkeypatch.setattr(list_text, "_BATCH_CHARS", 1_000)
    many = land(path, kind, tmp_path / "many")
    assert len(list((tmp_path / "one").glob("pairs-*"))) == 1
    assert len(list((tmp_path / "many").glob("pairs-*"))) == 11

    def ordered(landed: Landed) -> list[dict[str, Any]]:
        return sorted(landed.pairs, key=lambda pair: str(pair["pair_id"]))

    assert ordered(many) == ordered(one)
    assert many.scores == one.scores
    assert (many.counts.pairs, many.counts.sightings) == (497, 1_000)


class TestLocations:
    @pytest.mark.parametrize("name", ["*.parquet", "a[b]?.csv", "it's; drop.csv", "a=b/c.csv.gz"])
    def test_a_name_is_no_pattern(self, name: str, tmp_path: Path, folder: Path) -> None:
        for number in range(2):
            (tmp_path / f"{number}.parquet").write_bytes(parquet([{"url": OTHER, "text": "x"}]))
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        for format_ in ("csv", "parquet"):
            kind, written = FORMATS[format_]
            file.write_bytes(written([{"url": URL, "text": "x"}]))
            assert land(file, kind, folder / format_).texts == [(URL, "x")]

    def test_a_folder_of_any_name_serves(self, path: Path, tmp_path: Path) -> None:
        path.write_bytes(parquet([{"url": URL, "text": "x"}]))
        assert land(path, "parquet", tmp_path / "it's [a] * b=c").texts == [(URL, "x")]

    @pytest.mark.parametrize("format_", FORMATS)
    def test_over_http(self, format_: str, site: Web, folder: Path) -> None:
        kind, written = FORMATS[format_]
        body = written([{"url": URL, "text": "x"}])
        landed = land(site.serve("/list", body), kind, folder)
        assert (landed.texts, landed.counts.bytes) == ([(URL, "x")], len(body))

    def test_elsewhere(self, folder: Path) -> None:
        with fsspec.open("memory://list.csv", "wb") as target:
            target.write(separated([{"url": URL, "text": "x"}]))
        assert land("memory://list.csv", "csv", folder).texts == [(URL, "x")]


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


def attempt(content: bytes, kind: str, folder: Path) -> None:
    """Anything but NotAList fails the test."""
    path = folder / "hostile"
    path.write_bytes(content)
    try:
        land(path, kind, folder / "landing")
    except NotAList:
        pass
    finally:
        for file in (folder / "landing").iterdir():
            file.unlink()


CONTENTS = st.binary(max_size=300)
LINES = st.lists(
    st.sampled_from(
        [
            *[b"url,text", b'"', b",", b"\n", b"\r", b"\t", b"{", b"}", b'"url":', b'"text":"x"'],
            *[URL.encode(), b"\0", b"\xff", b"\xed\xa0\x80", b"1e999", b"NaN", b"\\ud800"],
        ]
    ),
    max_size=40,
).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(
    content=CONTENTS | LINES | LINES.map(lambda lines: b"url,text\n" + lines),
    kind=st.sampled_from(["csv", "jsonl", "parquet"]),
    packed=st.booleans(),
)
def test_any_bytes_are_a_list_or_not(
    content: bytes, kind: str, packed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    list_kind(content)
    content = gzip.compress(content, mtime=0) if packed else content
    attempt(content, kind, tmp_path_factory.mktemp("hostile"))


WHOLE = parquet([LISTS["laion"][0] | {"TEXT": f"caption {number}"} for number in range(20)])


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.integers(4, len(WHOLE) - 1), st.integers(0, 255), min_size=1, max_size=4))
def test_a_damaged_parquet_file_is_a_list_or_not(
    tmp_path_factory: pytest.TempPathFactory, damage: dict[int, int]
) -> None:
    content = bytearray(WHOLE)
    for place, byte in damage.items():
        content[place] = byte
    attempt(bytes(content), "parquet", tmp_path_factory.mktemp("damaged"))


REAL = Path(__file__).parents[4] / "shared" / "data" / "laion"


@pytest.mark.skipif(not REAL.is_dir(), reason="real lists are not beside this checkout")
def test_a_real_list(folder: Path) -> None:
    landed = land(REAL / "img2dataset_test_10000.parquet", "parquet", folder)
    counts = landed.counts
    assert (counts.records, counts.unreadable_records, counts.links) == (10_000, 0, 10_000)
    assert (counts.pairs, counts.sightings) == (9_994, 9_994)
    assert not landed.scores
