"""Parquet and JSON lists of any types: an odd value costs itself, and no list lands as its text."""

from __future__ import annotations

import gzip
import io
import json
import math
import uuid
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pairlake.ingest.crawl.lists import json as list_json
from pairlake.ingest.crawl.lists.layout import Columns, NotAList, list_kind
from tests.ingest.landing_lists import Landed, jsonl, land, parquet, separated

URLS = [f"https://a.example/{n}.jpg" for n in range(4)]
TEXTS = ["one", "two", "three", "four"]
NAN, INF = math.nan, math.inf


def arrow(folder: Path, columns: Columns | None = None, **values: Any) -> Landed:
    """Lands a Parquet file of these columns, beside URLs and captions."""
    table = pa.table({"url": URLS, "caption": TEXTS} | values)
    path = folder.with_name("list.parquet")
    pq.write_table(table, path, row_group_size=3)
    return land(path, "parquet", folder, columns)


def by_url(landed: Landed, name: str) -> list[object]:
    found = {pair["image_url"]: pair[name] for pair in landed.pairs}
    return [found.get(url) for url in URLS]


def no_text(values: list[bytes]) -> pa.Array:
    """Called text, as a careless writer calls it, whatever it is."""
    bytes_ = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(values), bytes_.buffers())


class TestOddValues:
    def test_of_sizes_and_scores_cost_themselves(self, folder: Path) -> None:
        landed = arrow(
            folder,
            width=[640.0, NAN, INF, 1e300],
            HEIGHT=[480.0, 480.0, -INF, None],
            similarity=pa.array([0.5, NAN, INF, 0.25], pa.float32()),
        )
        assert landed.counts.unreadable_records == 0
        sizes = [(s[0]["width_hint"], s[0]["height_hint"]) for s in by_url(landed, "sightings")]  # type: ignore[index]
        assert sizes == [(640, 480), (None, 480), (None, None), (None, None)]
        scores = {url: v for (url, _, name), v in landed.scores.items() if name == "similarity"}
        assert scores == {URLS[0]: 0.5, URLS[3]: 0.25}

    @pytest.mark.parametrize("called_text", [True, False])
    def test_of_text_cost_their_row(self, called_text: bool, folder: Path) -> None:
        values = [b"one", b"caf\xe9", b"three", b"\xff"]
        column = no_text(values) if called_text else pa.array(values, pa.binary())
        landed = arrow(folder, caption=column, license=column)
        assert by_url(landed, "caption") == ["one", None, "three", None]
        counts = landed.counts
        assert (counts.records, counts.unreadable_records, counts.links) == (4, 2, 2)

    def test_if_all_are_odd_there_is_no_list(self, folder: Path) -> None:
        with pytest.raises(NotAList, match="None of its 4 rows can be read"):
            arrow(folder, url=no_text([b"\xff"] * 4))

    def test_a_row_group_that_cannot_be_read_costs_itself(self, folder: Path) -> None:
        path = folder.with_name("list.parquet")
        table = pa.table({"url": URLS, "caption": TEXTS})
        pq.write_table(table, path, row_group_size=1, compression="zstd", use_dictionary=False)
        group = pq.read_metadata(path).row_group(2).column(1)
        content = bytearray(path.read_bytes())
        start = group.data_page_offset
        content[start : start + group.total_compressed_size] = b"\xff" * group.total_compressed_size
        path.write_bytes(content)
        landed = land(path, "parquet", folder)
        assert by_url(landed, "caption") == ["one", "two", None, "four"]
        counts = landed.counts
        assert (counts.outcome, counts.records, counts.unreadable_records) == ("damaged", 4, 1)
        assert (counts.error or "").startswith("rows 2 to 3 cannot be read: ")


IDS = [2949456002881, 5500000000000123, 7, None]


@pytest.mark.parametrize(
    ("column", "ids"),
    [
        (pa.array(IDS, pa.float64()), ["2949456002881", "5500000000000123", "7", None]),
        (pa.array([7.0, 1.5, NAN, INF]), ["7", "1.5", None, None]),
        (pa.array([7.0, -0.0, 1e18, 0.5], pa.float32()), None),
        (pa.array([2**64 - 1, 2**53 + 1, 0, None], pa.uint64()), None),
        (pa.array([Decimal("12345678901234567890"), Decimal(7)] * 2, pa.decimal128(38, 0)), None),
        (pa.array([Decimal(7), Decimal("7.5")] * 2, pa.decimal256(60, 2)), ["7", "7.50"] * 2),
        (pa.array(["7.0", "x", "", None]), ["7.0", "x", None, None]),
        (pa.array(["a", "b"] * 2).dictionary_encode(), ["a", "b"] * 2),
        (pa.array([b"\xff" * 16] * 4, pa.binary(16)), [None] * 4),
        (pa.array([[1]] * 4), [None] * 4),
        (pa.nulls(4), [None] * 4),
    ],
)
def test_ids_keep_their_digits(column: pa.Array, ids: list[str] | None, folder: Path) -> None:
    known = {
        "float": ["7", "0", str(int(np.float32(1e18))), "0.5"],
        "uint64": ["18446744073709551615", "9007199254740993", "0", None],
        "decimal128(38, 0)": ["12345678901234567890", "7"] * 2,
    }
    wanted = known[str(column.type)] if ids is None else ids
    assert by_url(arrow(folder, SAMPLE_ID=column), "source_id") == wanted


def test_uuids_are_ids(folder: Path) -> None:
    ids = [uuid.UUID(int=n) for n in range(4)]
    column = pa.array([id_.bytes for id_ in ids], pa.uuid())
    assert by_url(arrow(folder, uid=column), "source_id") == list(map(str, ids))


@pytest.mark.parametrize(
    "type_",
    [
        *(pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary()),
        *(
            pa.dictionary(pa.int32(), pa.string()),
            pa.list_(pa.string()),
            pa.large_list(pa.binary()),
        ),
        *(pa.list_(pa.large_string(), 1), pa.list_(pa.dictionary(pa.int8(), pa.string()))),
    ],
    ids=str,
)
def test_text_of_any_type_is_text(type_: pa.DataType, folder: Path) -> None:
    nested = [[text] for text in TEXTS] if pa.types.is_nested(type_) else TEXTS
    assert by_url(arrow(folder, caption=pa.array(nested).cast(type_)), "caption") == TEXTS


STRUCTS = [{"raw": "a"}] * 4


@pytest.mark.parametrize(
    ("column", "holds"),
    [
        (STRUCTS, "struct<raw: string>"),
        ([STRUCTS] * 4, "list<element: struct<raw: string>>"),
        ([[["a"]]] * 4, "list<element: list<element: string>>"),
        (pa.array([[("en", "a")]] * 4, pa.map_(pa.string(), pa.string())), "map<string, string"),
        ([1, 2, 3, 4], "numbers"),
        ([True] * 4, "bool"),
        ([date(2020, 1, 1)] * 4, r"date32\[day\]"),
        ([datetime(2020, 1, 1)] * 4, r"timestamp\[us\]"),
        ([Decimal("1.5")] * 4, "numbers"),
        (pa.array(["{}"] * 4, pa.json_()), "JSON"),
    ],
)
def test_a_caption_of_another_type_is_refused_by_name(
    column: Any, holds: str, folder: Path
) -> None:
    with pytest.raises(NotAList, match=f"The column caption holds {holds}.*, not text; name anoth"):
        arrow(folder, caption=column)
    landed = arrow(folder, Columns(caption="alt"), caption=column, alt=TEXTS, url2=URLS)
    assert by_url(landed, "caption") == TEXTS


def test_a_url_of_another_type_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(NotAList, match=r"The column url holds lists of text, not text; .*--url-c"):
        arrow(folder, url=[[url] for url in URLS])


def test_what_is_no_pair_may_be_of_any_type(folder: Path) -> None:
    odd = {
        "key": STRUCTS,
        "page_url": [[url] for url in URLS],
        "license": pa.nulls(4),
        "width": [date(2020, 1, 1)] * 4,
        "height": pa.nulls(4),
        "created": pa.array([datetime(2020, 1, 1)] * 4),
        "a.b": [0.5] * 4,
        "half": pa.array(np.array([0.5] * 4, np.float16)),
        "tags": pa.array([[("a", 1)]] * 4, pa.map_(pa.string(), pa.int64())),
    }
    landed = arrow(folder, **odd)
    assert by_url(landed, "caption") == TEXTS
    assert {name for *_, name in landed.scores} == {"a.b", "half"}


def test_int96_beside_a_list_does_no_harm(folder: Path) -> None:
    path = folder.with_name("list.parquet")
    table = pa.table({"url": URLS, "text": TEXTS, "taken": [datetime(2020, 1, 1)] * 4})
    pq.write_table(table, path, use_deprecated_int96_timestamps=True)
    assert by_url(land(path, "parquet", folder), "caption") == TEXTS


def test_parquet_within_gzip_is_refused_in_a_sentence(folder: Path) -> None:
    target = io.BytesIO()
    pq.write_table(pa.table({"url": URLS, "caption": TEXTS}), target)
    path = folder.with_name("list.parquet.gz")
    path.write_bytes(gzip.compress(target.getvalue()))
    with pytest.raises(NotAList, match="Parquet within gzip; unpack it first"):
        land(path, "parquet", folder)


def test_of_columns_with_one_name_the_first_counts(folder: Path) -> None:
    path = folder.with_name("list.parquet")
    names = ["url", "caption", "caption", "CAPTION"]
    pq.write_table(pa.table([pa.array(x) for x in (URLS, TEXTS, URLS, URLS)], names), path)
    assert by_url(land(path, "parquet", folder), "caption") == TEXTS


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "json"])
def test_each_text_of_a_list_is_a_caption(kind: str, folder: Path) -> None:
    captions = [["a", "b", "a"], [], ["c", None], None]
    path = folder.with_name("list")
    rows = [
        {"url": url, "caption": texts, "s": n}
        for n, (url, texts) in enumerate(zip(URLS, captions, strict=True))
    ]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        lines = map(json.dumps, rows)
        path.write_text("\n".join(lines) if kind == "jsonl" else json.dumps(rows, indent=1))
    landed = land(path, kind, folder)
    assert landed.texts == [(URLS[0], "a"), (URLS[0], "b"), (URLS[2], "c")]
    assert landed.scores == {(u, c, "s"): float(URLS.index(u)) for u, c in landed.texts}
    counts = landed.counts
    assert (counts.records, counts.links, counts.sightings) == (4, 4, 3)
    assert counts.unreadable_records == 0


def test_what_is_no_text_in_a_list_costs_itself(folder: Path) -> None:
    column = pa.array([[b"a", b"\xff"], [b"b"], None, []], pa.list_(pa.binary()))
    landed = arrow(folder, caption=column)
    assert landed.texts == [(URLS[0], "a"), (URLS[1], "b")]
    assert landed.counts.unreadable_records == 1


class TestJson:
    ROWS = (
        {"url": URLS[0], "text": "one", "id": 7.0, "s": NAN, "width": 640.0},
        {"url": URLS[1], "text": "zw\u00f6lf", "id": 2**60, "s": 0.5},
        {"url": URLS[2], "text": 2001, "id": None, "s": "odd"},
    )

    @pytest.mark.parametrize("packed", [True, False])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    @pytest.mark.parametrize("form", ["lines", "array", "pretty array", "objects"])
    def test_of_any_form(self, form: str, encoding: str, packed: bool, folder: Path) -> None:
        text = {
            "lines": "\r\n".join(map(json.dumps, self.ROWS)),
            "array": json.dumps(self.ROWS),
            "pretty array": json.dumps(self.ROWS, indent=2),
            "objects": "\n".join(json.dumps(row, indent=2) for row in self.ROWS),
        }[form]
        content = text.encode(encoding)
        path = folder.with_name("list")
        path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
        kind = list_kind(content)
        assert kind == ("jsonl" if form == "lines" else "json")
        landed = land(path, kind, folder)
        assert by_url(landed, "caption")[:3] == ["one", "zw\u00f6lf", "2001"]
        assert by_url(landed, "source_id")[:3] == ["7", str(2**60), None]
        assert landed.counts.unreadable_records == 0

    def test_an_odd_object_of_an_array_costs_itself(self, folder: Path) -> None:
        path = folder.with_name("list")
        odd = ["null", "3", '"x"', "{}", '{"url": ["x"], "text": "x"}', '{"url": 1, "text": {}}']
        odd.append('{"url": "\xff", "text": true}')
        good = [json.dumps(row) for row in self.ROWS]
        path.write_bytes(f"[{','.join([*odd, *good])}]".encode("latin-1"))
        landed = land(path, "json", folder)
        assert (len(landed.pairs), landed.counts.unreadable_records) == (3, len(odd))

    @pytest.mark.parametrize("end", ['{"url": "htt', '{bad}, {"url": "x"}]', '{"a":' * 100_000])
    def test_an_array_that_breaks_lands_what_was_before(self, end: str, folder: Path) -> None:
        path = folder.with_name("list")
        path.write_text("[" + "".join(json.dumps(row) + ",\n" for row in self.ROWS) + end)
        landed = land(path, "json", folder)
        counts = landed.counts
        assert (len(landed.pairs), counts.records, counts.unreadable_records) == (3, 4, 1)
        assert (counts.outcome, (counts.error or "")[:32]) == (
            "damaged",
            "It is no JSON from record 4 on: ",
        )

    def test_objects_longer_than_what_is_read_at_once(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(list_json, "_READ_CHARS", 7)
        path = folder.with_name("list")
        path.write_text(json.dumps(self.ROWS))
        assert len(land(path, "json", folder).pairs) == 3

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ("[]", "There is no JSON object"),
            ("[1, 2]", "There is no JSON object"),
            ('[["url", "text"], ["x", "y"]]', "There is no JSON object"),
            ('["url", "text"]\n["x", "y"]\n', "There is no JSON object"),
            ("[{bad", "It is no JSON from record 1 on"),
            ('{"info": {}, "annotations": [{"url": "x"}]}', "The list is within annotations"),
            ('{\n "data": [{"url": "x"}]\n}', "The list is within data"),
            (
                '{"image_urls": ["x"], "captions": ["y"]}',
                "columns image_urls, captions;",
            ),
            ('{"url": ["x"], "text": ["y"]}', "The column url holds lists of text"),
            ('{"url": "x", "text": {"raw": "y"}}', "The column text holds what JSON calls"),
            ('{"url": "x", "text": 7}', "The column text holds numbers"),
        ],
    )
    def test_that_is_no_list_is_refused_in_a_sentence(
        self, content: str, why: str, folder: Path
    ) -> None:
        path = folder.with_name("list")
        path.write_text(content)
        kind = list_kind(content.encode())
        assert kind is not None
        with pytest.raises(NotAList, match=why):
            land(path, kind, folder)


def test_ids_that_pandas_made_doubles_are_whole_in_csv(folder: Path) -> None:
    path = folder.with_name("list")
    said = ["123.0", "2949456002881.0", "1.2345678901234568e+17", ""]
    path.write_text(
        "url,text,id\n" + "".join(f"{u},x,{i}\n" for u, i in zip(URLS, said, strict=True))
    )
    ids = by_url(land(path, "csv", folder), "source_id")
    assert ids == ["123", "2949456002881", "123456789012345680", None]
    path.write_text(f"url,text,id\n{URLS[0]},x,1.0\n{URLS[1]},x,1.1\n")
    assert by_url(land(path, "csv", folder / "versions"), "source_id")[:2] == ["1.0", "1.1"]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_what_is_no_pair_is_counted_and_blanks_around_a_url_go(kind: str, folder: Path) -> None:
    urls = [f" {URLS[0]}", f"{URLS[1]}\t", "ftp://a.example/2.jpg", URLS[3]]
    rows = [
        {"url": url, "caption": caption, "id": id_}
        for url, caption, id_ in zip(urls, ["one", "two", "three", "\u200b"], "12 4", strict=True)
    ]
    path = folder.with_name("list")
    path.write_bytes({"csv": separated, "jsonl": jsonl, "parquet": parquet}[kind](rows))
    landed = land(path, kind, folder)
    assert landed.texts == [(URLS[0], "one"), (URLS[1], "two")]
    assert (landed.counts.records, landed.counts.unreadable_records) == (4, 0)
    assert landed.counts.other_records == {"no pair": 2}


def test_excels_line_about_the_delimiter_is_no_header(folder: Path) -> None:
    path = folder.with_name("list")
    path.write_bytes(f"sep=;\r\nurl;text\r\n{URLS[0]};one, two\r\n".encode("utf-8-sig"))
    assert land(path, "csv", folder).texts == [(URLS[0], "one, two")]


def test_a_list_in_latin_1_is_refused_in_a_sentence(folder: Path) -> None:
    path = folder.with_name("list")
    path.write_bytes(f"url,text\n{URLS[0]},caf\xe9\n".encode("latin-1"))
    with pytest.raises(NotAList, match="see that its text is UTF-8"):
        land(path, "csv", folder)


def test_a_row_of_captions_of_which_one_is_of_use_is_no_other(folder: Path) -> None:
    captions = pa.array([["one", "uno"], ["", "two"], [""], []], pa.list_(pa.string()))
    landed = arrow(folder, caption=captions)
    assert landed.counts.sightings == 3
    assert landed.counts.other_records == {"no pair": 2}


def test_ids_that_came_as_doubles_keep_every_digit_and_none_is_none(folder: Path) -> None:
    path = folder.with_name("list")
    ids = ["9007199254740993.0", "12.0", ""]
    path.write_bytes(separated([
        {"url": url, "caption": "one", "id": id_} for url, id_ in zip(URLS, ids, strict=False)
    ]))  # fmt: skip
    assert by_url(land(path, "csv", folder), "source_id") == ["9007199254740993", "12", None, None]
