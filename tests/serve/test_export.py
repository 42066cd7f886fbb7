"""An export is laid out as LAION's files are, and is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import mmh3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lake.catalog import writing
from lake.errors import PairlakeError, TableMissing
from serve.export import export, export_release
from tests.serve.conftest import APPLE, CAT, POMME, Mart


def test_columns_are_those_of_laions_joined_release(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, POMME)
    assert export(tmp_path / "pairs.parquet", split=None) == 2

    table = pq.read_table(tmp_path / "pairs.parquet")

    assert {field.name: str(field.type) for field in table.schema} == {
        "URL": "string",
        "TEXT": "string",
        "WIDTH": "int32",
        "HEIGHT": "int32",
        "similarity": "double",
        "LANGUAGE": "string",
        "hash": "int64",
        "pwatermark": "float",
        "punsafe": "float",
    }
    assert sorted(table["TEXT"].to_pylist()) == [APPLE.caption, POMME.caption]


def test_one_split(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, POMME)
    assert export(tmp_path / "multi.parquet", split="multi") == 1
    table = pq.read_table(tmp_path / "multi.parquet")
    assert table["LANGUAGE"].to_pylist() == ["fr"]


def test_a_failure_leaves_the_last_export_as_it_was(home: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.parquet").write_bytes(b"the last one")
    with pytest.raises(TableMissing, match="run: dbt build"):
        export(tmp_path / "pairs.parquet", split=None)
    assert (tmp_path / "pairs.parquet").read_bytes() == b"the last one"
    assert not list(tmp_path.glob(".*.partial"))


@pytest.mark.parametrize("destination", ["missing/pairs.parquet", "."])
def test_a_destination_that_cannot_be_written_is_named(
    mart: Mart, tmp_path: Path, destination: str
) -> None:
    with pytest.raises(PairlakeError, match="cannot be written: give a file"):
        export(tmp_path / destination, split=None)


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
JOINED = {
    "URL": "string",
    "TEXT": "string",
    "WIDTH": "int32",
    "HEIGHT": "int32",
    "similarity": "double",
}
SCORES = {"hash": "int64", "pwatermark": "float", "punsafe": "float"}
LANGUAGE = {"LANGUAGE": "string"}


def _columns(table: pa.Table) -> list[tuple[str, str]]:
    """Names and types in their order."""
    return [(field.name, str(field.type)) for field in table.schema]


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

    written = export_release(tmp_path, layout=layout, split=None)

    assert {path.name: rows for path, rows in written.items()} == dict(
        zip(schemas, (1, 1, 0), strict=True)
    )
    for name, schema in schemas.items():
        (part,) = (tmp_path / name).iterdir()
        assert _columns(pq.read_table(part)) == list(schema.items())
        metadata = pq.read_metadata(part)
        if metadata.num_rows:
            assert metadata.row_group(0).column(0).compression == "SNAPPY"
    assert not list(tmp_path.glob(".*"))


def test_values_are_written_as_laion_wrote_them(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, POMME)
    licence = "https://creativecommons.org/licenses/by/4.0/"
    with writing(mart.con):
        mart.con.execute(
            "update lake.marts.pairs set license_url = ?, hash = laion_hash(image_url, caption) "
            "where split = 'en'",
            [licence],
        )

    export_release(tmp_path, layout="release", split=None)
    export_release(tmp_path, layout="joined", split="en")

    (english,) = pq.read_table(tmp_path / "laion2B-en").to_pylist()
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
    (french,) = pq.read_table(tmp_path / "laion2B-multi").to_pylist()
    assert french["SAMPLE_ID"] == int.from_bytes(POMME.pair_id.bytes[:8], "big", signed=True)
    assert (french["LICENSE"], french["LANGUAGE"]) == ("?", "fr")
    (joined,) = pq.read_table(tmp_path / "laion2B-en-joined").to_pylist()
    assert joined["hash"] == mmh3.hash64((APPLE.image_url + APPLE.caption).encode())[0]


def test_a_release_replaces_the_one_before(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE)
    export_release(tmp_path, layout="joined", split="en")
    # As if the one before had needed another part.
    folder = tmp_path / "laion2B-en-joined"
    (folder / "part-1.parquet").write_bytes((folder / "part-0.parquet").read_bytes())
    mart.keep(CAT)

    export_release(tmp_path, layout="joined", split="en")

    assert pq.read_table(folder)["TEXT"].to_pylist() == [CAT.caption]


def test_a_folder_with_something_else_in_it_is_not_replaced(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE)
    notes = tmp_path / "laion2B-en" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine")
    with pytest.raises(PairlakeError, match="no export wrote; move it away"):
        export_release(tmp_path, layout="release", split="en")
    assert notes.read_text() == "mine"


def test_a_failure_leaves_the_last_release_as_it_was(home: Path, tmp_path: Path) -> None:
    part = tmp_path / "laion2B-en" / "part-0.parquet"
    part.parent.mkdir()
    part.write_bytes(b"the last one")
    with pytest.raises(TableMissing, match="run: dbt build"):
        export_release(tmp_path, layout="release", split=None)
    assert part.read_bytes() == b"the last one"
    assert not list(tmp_path.glob(".*.partial"))


def test_a_file_in_the_way_of_a_release_is_named(mart: Mart, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        PairlakeError, match=r"file cannot be written .*; give a folder to write in"
    ):
        export_release(tmp_path / "file", layout="release", split=None)
