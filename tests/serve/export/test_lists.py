"""Lists and releases are laid out as LAION's files are, and img2dataset's own reader takes them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mmh3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pairlake.lake.catalog import writing
from pairlake.serve.export.export import export
from pairlake.serve.export.selection import Selection
from tests.serve.conftest import APPLE, POMME, SEA, Mart, Pair
from tests.serve.export.exporting import read_by_img2dataset, with_verdicts

# What strangers write, and what tears files apart.
CAPTIONS = (
    "a red apple",
    "two\nlines,\r\nand a third",
    'she said "apple", and left',
    '=HYPERLINK("http://apple.example")',
    "+apple",
    "-apple",
    "@apple",
    "\tapple ",
    "null",
    "apple 🍎, 苹果",
    "apple\u2028apple",
)
HOSTILE = [Pair(caption=caption, picture="apple") for caption in CAPTIONS]


@pytest.fixture
def mart(mart: Mart) -> Mart:
    return with_verdicts(mart)


def _csv(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


READERS: dict[str, Callable[[Path], list[dict[str, Any]]]] = {
    "parquet": lambda path: pq.read_table(path).to_pylist(),
    "csv": _csv,
    "jsonl": lambda path: [json.loads(line) for line in path.read_text().split("\n")[:-1]],
}


def test_img2dataset_reads_every_caption_as_it_is(mart: Mart, tmp_path: Path) -> None:
    mart.keep(*HOSTILE)
    for ending, reader in READERS.items():
        path = tmp_path / f"pairs.{ending}"
        assert export(path).rows == len(CAPTIONS)
        read = reader(path)
        seen = read_by_img2dataset(path, ending, tmp_path, more=["hash"])

        # In the order of their keys.
        pairs = sorted(HOSTILE, key=lambda pair: pair.pair_id)
        assert [row["TEXT"] for row in read] == [pair.caption for pair in pairs]
        assert [(row["url"], row["caption"], row["hash"]) for row in seen] == [
            (row["URL"], row["TEXT"], 7) for row in read
        ]


def test_in_a_folder_of_lists_img2dataset_finds_the_lists_only(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, POMME)
    folder = tmp_path / "lists"
    folder.mkdir()
    for ending in READERS:
        for split in ("en", "multi"):
            export(folder / f"{split}.{ending}", Selection(split=split))
    for ending in READERS:
        seen = read_by_img2dataset(folder, ending, tmp_path)
        assert sorted(row["caption"] for row in seen) == sorted([APPLE.caption, POMME.caption])


def test_what_is_not_known_is_null(mart: Mart, tmp_path: Path) -> None:
    mart.keep(SEA)
    with writing(mart.con):
        mart.con.execute("update lake.marts.pairs set similarity = 'nan', punsafe = null")
    for ending in READERS:
        export(tmp_path / f"pairs.{ending}")
    (line,) = READERS["jsonl"](tmp_path / "pairs.jsonl")
    (row,) = READERS["csv"](tmp_path / "pairs.csv")
    assert {line["LANGUAGE"], line["similarity"], line["punsafe"]} == {None}
    assert {row["LANGUAGE"], row["similarity"], row["punsafe"]} == {""}
    assert pq.read_table(tmp_path / "pairs.parquet")["similarity"].null_count == 1


JOINED = {
    "URL": "string",
    "TEXT": "string",
    "WIDTH": "int32",
    "HEIGHT": "int32",
    "similarity": "double",
}
SCORES = {"hash": "int64", "pwatermark": "float", "punsafe": "float"}
LANGUAGE = {"LANGUAGE": "string"}
RELEASE = {
    "SAMPLE_ID": "int64",
    "URL": "string",
    "TEXT": "string",
    "HEIGHT": "int32",
    "WIDTH": "int32",
    "LICENSE": "string",
    "NSFW": "string",
    "similarity": "double",
}


def _columns(table: pa.Table) -> list[tuple[str, str]]:
    """Names and types in their order."""
    return [(field.name, str(field.type)) for field in table.schema]


def test_columns_are_those_of_laions_joined_release(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, POMME)
    export(tmp_path / "pairs.parquet")
    table = pq.read_table(tmp_path / "pairs.parquet")
    assert _columns(table) == list({**JOINED, **LANGUAGE, **SCORES}.items())


@pytest.mark.parametrize(
    ("layout", "schemas"),
    [
        (
            "release",
            {
                "laion2B-en": RELEASE,
                "laion2B-multi": {**RELEASE, **LANGUAGE},
                "laion1B-nolang": RELEASE,
            },
        ),
        (
            "joined",
            {
                "laion2B-en-joined": {**JOINED, **SCORES},
                "laion2B-multi-joined": {**JOINED, **LANGUAGE, **SCORES},
                "laion1B-nolang-joined": {**JOINED, **SCORES},
            },
        ),
    ],
)
def test_folders_and_columns_are_those_of_laions_releases(
    mart: Mart, tmp_path: Path, layout: str, schemas: dict[str, dict[str, str]]
) -> None:
    # A split without a pair has its folder and its columns too.
    mart.keep(APPLE, POMME)

    exported = export(tmp_path / "release", format=layout)

    assert exported.parts == dict(zip(schemas, (1, 1, 0), strict=True))
    for name, schema in schemas.items():
        (part,) = (tmp_path / "release" / name).iterdir()
        assert _columns(pq.read_table(part)) == list(schema.items())
        metadata = pq.read_metadata(part)
        if metadata.num_rows:
            assert metadata.row_group(0).column(0).compression == "SNAPPY"


@pytest.mark.parametrize("format", ["parquet", "webdataset", "embeddings"])
def test_a_score_of_laions_that_the_lake_has_not_is_null(
    mart: Mart, tmp_path: Path, format: str
) -> None:
    mart.keep(APPLE)
    with writing(mart.con) as con:
        con.execute("drop view lake.intermediate.int_pairs_known")
        con.execute("alter table lake.marts.pairs drop column pwatermark")
    export(tmp_path / "it", format=format)
    found = [tmp_path / "it"] if format == "parquet" else (tmp_path / "it").rglob("*.parquet")
    (rows,) = [pq.read_table(path).to_pylist() for path in found]
    assert [row["pwatermark"] for row in rows] == [None]


def test_values_are_written_as_laion_wrote_them(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, POMME)
    licence = "https://creativecommons.org/licenses/by/4.0/"
    with writing(mart.con):
        mart.con.execute(
            "update lake.marts.pairs set license_url = ?, hash = laion_hash(image_url, caption) "
            "where split = 'en'",
            [licence],
        )

    export(tmp_path / "release", format="release")
    export(tmp_path / "joined", Selection(split="en"), format="joined")

    (english,) = pq.read_table(tmp_path / "release" / "laion2B-en").to_pylist()
    assert english == {
        "SAMPLE_ID": int.from_bytes(APPLE.pair_id.bytes[:8], "big", signed=True),
        "URL": APPLE.image_url,
        "TEXT": APPLE.caption,
        "HEIGHT": 200,
        "WIDTH": 300,
        "LICENSE": licence,
        "NSFW": None,
        "similarity": pytest.approx(APPLE.similarity),
    }
    (french,) = pq.read_table(tmp_path / "release" / "laion2B-multi").to_pylist()
    assert french["SAMPLE_ID"] == int.from_bytes(POMME.pair_id.bytes[:8], "big", signed=True)
    assert (french["LICENSE"], french["LANGUAGE"]) == ("?", "fr")
    (folder,) = (path for path in (tmp_path / "joined").iterdir() if path.is_dir())
    (joined,) = pq.read_table(folder).to_pylist()
    assert joined["hash"] == mmh3.hash64((APPLE.image_url + APPLE.caption).encode())[0]
